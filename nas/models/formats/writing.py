"""From a network and a path to the files of a format."""

from __future__ import annotations

import keyword
import sys
from os import PathLike
from pathlib import Path
from typing import Literal

from nas.errors import Refused, StorageFailed
from nas.files import possible, write_atomically
from nas.models import exports
from nas.models.formats.modules import onnx, require_onnx, torch_export
from nas.models.formats.source import source
from nas.models.model import Model, tensors_of

Format = Literal["folder", "source", "onnx", "torch-export"]
ENDINGS: dict[Format, str] = {"folder": "", "source": ".py", "onnx": ".onnx", "torch-export": ".pt2"}
"""Format -> how the names of its files end; a folder may be called as one likes, but for `FOREIGN`."""
FOREIGN = frozenset(
    (
        *(".bin", ".ckpt", ".h5", ".hdf5", ".json", ".keras", ".mlmodel", ".npz", ".pb", ".pickle", ".pkl", ".pt"),
        *(".pth", ".safetensors", ".tar", ".tflite", ".torchscript", ".zip"),
    )
)
"""Ends names of files that aren't written here; nobody means a folder by them."""
WEIGHTS = ".safetensors"
"""Ends the name of the weights beside a source."""
TAKEN = {*sys.stdlib_module_names, "torch", "safetensors", "numpy"}
"""Modules that a source needs, by itself or in torch."""


def format_of(path: Path, asked: str | None = None) -> Format:
    """The format that is asked for, or the one of the path's ending; refused where the two don't fit."""
    formats: dict[str, Format] = {ending: name for name, ending in ENDINGS.items()}
    by_ending = formats.get(path.suffix.lower(), "folder")
    known: dict[str, Format] = {name: name for name in ENDINGS}
    if asked is None:
        if path.suffix.lower() in FOREIGN and not path.is_dir():
            raise Refused(
                f"{path.suffix} ends no file that is written here: {', '.join(filter(None, ENDINGS.values()))} do",
                hint=f"-o {path.with_suffix('.pt2')}, for one; --format folder makes a folder of this name",
            )
        return by_ending
    if asked not in known:
        raise Refused(f"a format is {', '.join(known)}, got {asked!r}")
    if known[asked] != by_ending:
        ending = ENDINGS[known[asked]]
        way = f"-o {path.with_suffix(ending) if ending else path.with_suffix('')}"
        rule = f"ends in {ending}" if ending else f"doesn't end as a file of {by_ending} does"
        raise Refused(f"the path of the format {asked} {rule}, got {path}", hint=way)
    return known[asked]


def require_folder(path: Path) -> None:
    """Refuse the name of a file for what is kept in a folder."""
    if path.suffix.lower() in {*ENDINGS.values(), *FOREIGN} - {""}:
        folder = path.with_suffix("")
        raise Refused(
            f"a trained network is kept in a folder, and {path.name} is the name of a file",
            hint=f"-o {folder}; then nas export {folder} -o FILE in a format of others",
        )


def require_possible(path: Path, asked: str | None = None) -> Format:
    """The format, refused where it can't be written here: for whom it takes long to have the network."""
    chosen = format_of(path, asked)
    if chosen == "onnx":
        require_onnx()
    if chosen in ("onnx", "torch-export"):
        _require_free(path)
    if chosen == "source":
        _require_importable(path)
    return chosen


def _require_importable(path: Path) -> None:
    """Refuse a source that no program could import, or that would stand in the way of a module that it imports."""
    name = path.stem
    if not name.isidentifier() or keyword.iskeyword(name) or name in TAKEN:
        why = "is the name of another module" if name in TAKEN else "is no name in Python"
        raise Refused(
            f"a source is imported by its name, and {name!r} {why}", hint=f"-o {path.with_name('net.py')}, for one"
        )


def save(model: Model, path: str | PathLike[str], format: str | None = None) -> list[Path]:  # noqa: A002
    """Write a network as a folder, or as what the path's ending tells: .py, .onnx, .pt2; the folder, or the files.

    `format` says it in a word: `folder`, `source`, `onnx`, `torch-export`. A folder or a source that holds this very
    network already is left as it is; nothing else is overwritten.
    """
    place = possible(path)
    chosen = require_possible(place, format)
    if chosen == "folder":
        exports.write(model, place)
        return [place]
    if chosen == "source":
        text, weights = source(model.current_document(), tensors_of(model))
        return _put({place.with_suffix(WEIGHTS): weights, place: text.encode()})
    return _put({place: onnx(model) if chosen == "onnx" else torch_export(model)})


def _put(files: dict[Path, bytes]) -> list[Path]:
    for path, data in files.items():
        if not (path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data):
            _require_free(path)
    for path, data in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed(f"{path} can't be written: {error.strerror}") from None
        write_atomically(path, data)
    return list(files)[::-1]


def _require_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise Refused(f"{path} exists", hint="choose another file with -o")
