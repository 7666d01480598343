"""The folder of an exported network: its files, their hashes, and how it is written whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from nas.errors import Missing, Refused, StorageFailed, in_place_of, path_text
from nas.files import CHECKPOINT, digest, write_atomically

ARCHITECTURE, WEIGHTS, CARD, SUMS = "architecture.json", "model.safetensors", "card.md", "SHA256SUMS"
CURVE = "curve.json"
"""The epochs of a training that was watched; not every export has it."""
LARGEST_SUMS = 64 * 1024
LONGEST_NAME = 100
"""Of a file in such a folder."""
RUN = "study.json"
"""What the folder of a run has instead."""


def winners_folder() -> Path:
    """Where the folders of the winners lie."""
    return Path(__file__).with_name("winners")


def winners() -> dict[str, Path]:
    """Name of each winner -> its folder."""
    return {file.parent.name: file.parent for file in sorted(winners_folder().glob(f"*/{ARCHITECTURE}"))}


def exported(named: str | Path) -> Path:
    """The folder of an exported network, as it was named; of a winner where nothing else has its name."""
    path = Path(named)
    return path if path.exists() else winners().get(str(named), path)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a new folder, with their hashes beside them, all or none; StorageFailed where the disk refuses."""
    require_new(folder)
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()  # a new folder, with the rights that the user gives new folders
    except OSError as error:
        raise StorageFailed(f"{folder} can't be written: {error.strerror}") from None
    try:
        sums = "".join(f"{write_atomically(temporary / name, data)}  {name}\n" for name, data in files.items())
        write_atomically(temporary / SUMS, sums.encode())
        temporary.replace(folder)
    except OSError as error:
        raise StorageFailed(f"{folder} can't be written: {error.strerror}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_new(folder: Path) -> None:
    """Refuse a folder in which something lies, and one without a name, as `.`, in whose place none can be put."""
    if not folder.name:
        raise Refused(f"{path_text(folder)} names no new folder", hint="choose a name, on the command line with -o")
    if is_taken(folder):
        raise Refused(f"{folder} exists and isn't empty", hint="choose another folder, on the command line with -o")


def is_taken(folder: Path) -> bool:
    """Whether something lies in a folder, or a file has its name."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def check_hashes(folder: Path) -> None:
    """Refuse a folder that isn't whole: each of our files must be listed and have the hash that is listed."""
    if folder.is_file():
        hint = in_place_of(folder, folder.parent) if (folder.parent / SUMS).is_file() else _way_to(folder)
        raise Refused(f"{path_text(folder)} is a file, not the folder of an exported network", hint=hint)
    if not folder.is_dir():
        raise Refused(f"there is no folder {path_text(folder)}", hint=_way_to(folder))
    listed = _sums(folder / SUMS)
    for name in (ARCHITECTURE, WEIGHTS, CARD, CURVE):
        if name not in listed and (name in (ARCHITECTURE, WEIGHTS) or (folder / name).exists()):
            raise Refused(f"{folder / SUMS} doesn't list {name}", hint="export the network again")
    for name, expected in listed.items():
        if Path(name).name != name or len(name) > LONGEST_NAME:
            what = f"{name!r:.80}, which is outside the folder or too long"
            raise Refused(f"{folder / SUMS} names {what}", hint="export the network again")
        if not (folder / name).is_file():
            raise Missing(f"{folder / name} is missing", hint="export the network again")
        if digest(folder / name) != expected:
            raise Missing(f"{folder / name} is damaged: its SHA-256 isn't the one in {SUMS}", hint="export it again")


def checkpoint_of(folder: Path) -> Path:
    """Where a training whose network a folder will hold keeps its checkpoint: beside that."""
    place = folder.absolute()
    return place.parent / f".{place.name}{CHECKPOINT}"


def _way_to(folder: Path) -> str:
    """How a folder of an exported network is made; from this one where it is of a run."""
    if checkpoint_of(folder).is_file():
        return "its training was interrupted: the same nas train, or nas.train, goes on with it"
    if str(folder) in winners():
        return f'nas.create_model("{folder}", pretrained=True) has the weights that come with this program'
    run = (folder / RUN).is_file()
    return f"nas export {quote(str(folder)) if run else 'RUN'} -o DIR makes one{' of this run' if run else ''}"


def _sums(path: Path) -> dict[str, str]:
    """The lines of a SHA256SUMS file, as name -> hash."""
    listed = {}
    for line in text_of(path, LARGEST_SUMS).splitlines():
        value, _, name = line.partition("  ")
        if len(value) != 64 or not name:
            raise Refused(f"{path} is no list of SHA-256 hashes: {line[:80]!r}", hint="export the network again")
        listed[name] = value
    return listed


def text_of(path: Path, largest: int) -> str:
    """A small text file."""
    try:
        if path.exists() and not path.is_file():
            raise Refused(f"{path} is no file", hint="whoever made the folder can export it again")
        if path.stat().st_size > largest:
            raise Refused(f"{path} has {path.stat().st_size:,} bytes, at most {largest:,} are read")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        missing = f"{path_text(path.parent)} is no exported network: it has no {path.name}"
        raise Refused(missing, hint=_way_to(path.parent)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read: {error}") from None
