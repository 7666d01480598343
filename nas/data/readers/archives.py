"""Archives of the official data sets: one is read only from the open file whose hash has been checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

from nas.data.folders import data_dir
from nas.data.images import ImageSource
from nas.data.pictures import Stack
from nas.data.readers.formats import Part
from nas.data.readers.official import OFFICIAL, Archive, Official
from nas.errors import Missing, NasError
from nas.files import digest


def official_source(official: Official) -> ImageSource:
    """An official data set; its identity is that of its published hashes, so a warm start reads no archive."""
    return ImageSource(
        name=official.name,
        label=official.name,
        identity=" ".join(archive.digest for archive in official.archives),
        channels=official.channels,
        size=(official.side, official.side),
        classes=official.classes,
        validation=official.validation,
        read=lambda: read(official, "train"),
        test=lambda: read(official, "test"),
        verify=lambda: verify_archives(official),
    )


def official_path(official: Official) -> Path:
    """Where the archive of a data set is expected, or the folder of them all."""
    places = [place(archive) for archive in official.archives]
    return places[0] if len(places) == 1 else places[0].parent


def place(archive: Archive) -> Path:
    """Where an archive is expected."""
    return data_dir() / archive.file


def ways_out(official: Official) -> str:
    """What a person without the files can do."""
    return f"download it with `nas data {official.name} --fetch`, {other_ways(official)}"


def other_ways(official: Official) -> str:
    """What a person without the files and without a network can do."""
    files = [archive.file for archive in official.archives]
    named = " and ".join(files) if len(files) < 3 else str(Path(files[0]).parent / "*.gz")
    return f"set NAS_DATA_DIR to a folder that holds {named}, or use `--data digits`, which needs no files"


@contextmanager
def opened(official: Official, archive: Archive) -> Iterator[BufferedReader]:
    """An archive open for reading, its hash checked on the very file that is then read."""
    path = place(archive)
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise Missing(f"{official.name} isn't here: {path} doesn't exist", hint=ways_out(official)) from error
    except OSError as error:
        raise Missing(f"{path} can't be read: {error.strerror}", hint=ways_out(official)) from error
    with file:
        check(official, archive, file)
        yield file


def check(official: Official, archive: Archive, file: BufferedReader) -> None:
    """Refuse an open file whose hash isn't the published one; leaves it at its start."""
    actual = digest(file, archive.algorithm)
    if actual != archive.digest:
        if other := _whose(file, {archive.algorithm: actual}):
            raise _misplaced(official, archive, *other)
        kind = archive.algorithm.upper()
        message = f"{place(archive)} is damaged: its {kind} is {actual}, not {archive.digest}"
        raise Missing(message, hint=f"delete it, then {ways_out(official)}")
    file.seek(0)


def _whose(file: BufferedReader, digests: dict[str, str]) -> tuple[Official, Archive] | None:
    """The data set and archive that an open file is, some of whose hashes are known; None if it is none."""
    for algorithm in {"sha256", "md5"} - digests.keys():
        file.seek(0)
        digests = {**digests, algorithm: digest(file, algorithm)}
    archives = ((official, archive) for official in OFFICIAL.values() for archive in official.archives)
    return next((pair for pair in archives if digests[pair[1].algorithm] == pair[1].digest), None)


def _misplaced(official: Official, archive: Archive, owner: Official, other: Archive) -> Missing:
    """What is said of a whole file in the place of another."""
    whose = "another file of it" if owner is official else f"{owner.name}'s"
    free = not place(other).exists()
    way = f"move it to {place(other)}" if free else f"it belongs at {place(other)}, where a file lies: look at both"
    return Missing(
        f"{place(archive)} isn't what {official.name} has there, but {whose}, intact: {other.file}",
        hint=f"{way}; then {ways_out(official)}",
    )


def read(official: Official, part: Part) -> Stack:
    """The images of one part of an official data set; Missing where a decoder fails, as on no intact archive."""
    archives = official.train if part == "train" else official.test
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(opened(official, archive)) for archive in archives]
            return replace(official.read(files, part), array=f"{part} images")
    except NasError:
        raise
    except Exception as error:  # of gzip, zip, tar or MATLAB files, by several libraries
        message = f"{place(archives[0])} has the published hash and can't be decoded: {type(error).__name__}: {error}"
        raise Missing(message, hint=f"update this program, or {other_ways(official)}") from error


def verify_archives(official: Official) -> str:
    """Read every archive through and check its hash; a sentence on what is intact."""
    for archive in official.archives:
        with opened(official, archive):
            continue
    count = len(official.archives)
    return f"{count} {'archive' if count == 1 else 'archives'} intact"
