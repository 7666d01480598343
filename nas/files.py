"""Files that are whole or not there, and their hashes; none is written through a link."""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import os
import re
import secrets
import shlex
import stat
import time
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from nas.errors import Refused, StorageFailed

T = TypeVar("T")

CHECKPOINT = ".checkpoint"
"""Ends the name of a file from which an interrupted training goes on; in a run it lies beside the trial's weights."""
STALE = 3600.0
"""Age after which an unfinished file is taken for left behind, in seconds."""
LARGEST_JSON = 2**24
"""Most bytes of a file of JSON that we write ourselves."""


BEGINNINGS = {
    b"SQLite format 3\0": "an SQLite database",
    b"PAR1": "a parquet file",
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive, as .xlsx and .npz are",
    b"\xff\xfe": "a text in UTF-16",
    b"\xfe\xff": "a text in UTF-16",
    b'{"': "JSON",
    b"{\n": "JSON",
    b"[{": "JSON",
    b"[[": "JSON",
    b"[\n": "JSON",
    b"ARROW1": "a feather file",
    b"\x80\x04": "a pickle",
    b"\x80\x05": "a pickle",
    b"<!": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS, whose file wasn't fetched (git lfs pull)",
}
"""First bytes of a file -> what it is, whatever it is called."""


DECIMAL_COMMA = re.compile(r"\s*[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?\s*")
"""A number as spreadsheets write it where commas don't separate columns."""

DECIMAL_POINT = re.compile(DECIMAL_COMMA.pattern.replace(",", r"\."))
"""The same with a point."""


def separator(first: str) -> str:
    """What separates the columns of a CSV with this first line: semicolons where it has some and no comma."""
    return ";" if ";" in first and "," not in first else ","


def with_point(cell: str) -> str:
    """A number with a decimal comma as one with a point; any other cell as it is."""
    return cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell) else cell


def require_one_mark(path: Path) -> None:
    """Refuse a CSV with semicolons in which `1,5` and `1.234` are numbers: one of the marks separates thousands."""
    told: dict[str, str] = {}
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file, delimiter=";"):
            for cell in row:
                for mark, written in ((",", DECIMAL_COMMA), (".", DECIMAL_POINT)):
                    if mark in cell and written.fullmatch(cell):
                        told.setdefault(mark, cell.strip())
            if len(told) > 1:
                raise Refused(
                    f"{path} has the numbers {told[',']} and {told['.']}: which mark begins the decimals?",
                    hint="write all numbers with the same one, and none between thousands",
                )


def possible(path: str | os.PathLike[str]) -> Path:
    """The path, refused where no file can have it: it is too long, or holds a zero byte."""
    place = Path(path)
    try:
        os.lstat(place)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # that is said by whoever needs the file
    except (OSError, ValueError) as error:
        raise Refused(f"no file can be called {str(place)!r:.80}: {getattr(error, 'strerror', error)}") from None
    return place


def really(path: Path) -> str:
    """What a file that is called `.csv` is in truth, by its first bytes; empty where they may begin a table."""
    with path.open("rb") as file:
        start = file.read(64)
    return next((kind for beginning, kind in BEGINNINGS.items() if start.startswith(beginning)), "")


def read_json(path: Path, kind: type[T]) -> T:
    """The value in a file of JSON. OSError where it can't be read, MsgspecError where it is none, or has no end."""
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise msgspec.DecodeError("it is no file")
    if state.st_size > LARGEST_JSON:
        raise msgspec.DecodeError(f"it has {state.st_size:,} bytes, at most {LARGEST_JSON:,} are read")
    return parsed(path.read_bytes(), kind)


def parsed(data: bytes | str, kind: type[T]) -> T:
    """The value of a type that JSON holds; MsgspecError where it is none, whatever the reason."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (UnicodeError, RecursionError) as error:
        why = "is nested too deeply" if isinstance(error, RecursionError) else f"isn't UTF-8: {error}"
        raise msgspec.DecodeError(f"JSON {why}") from None


def write_atomically(path: Path, data: bytes) -> str:
    """Put a file in place whole or not at all; its SHA-256. StorageFailed where the disk refuses."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.partial")
    try:
        with temporary.open("xb") as file:  # a new file: neither somebody else's nor a link
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise StorageFailed(f"{path} can't be written: {error.strerror or error}", hint=_way_out(path)) from error
    return hashlib.sha256(data).hexdigest()


def _way_out(path: Path) -> str:
    """What helps where a file can't be written; empty where nobody can know."""
    if path.is_dir():
        return f"name a file in it: {shlex.quote(str(path / 'NAME'))}"
    return "" if path.parent.is_dir() else f"mkdir -p {shlex.quote(str(path.parent))}"


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes have left of a file that they were writing."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > STALE:
                left.unlink()


def open_to_append(path: Path) -> IO[bytes]:
    """A file that is read and written at its end, made if need be; OSError where it is a link."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666), "a+b")


def append(path: Path, line: bytes) -> None:
    """Add a line to a file, made if need be, and wait until the disk has it; OSError where it is a link.

    A line before it that was cut off, by a crash or a full disk, ends first.
    """
    with open_to_append(path) as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write(b"\n" + line if torn else line)
        file.flush()
        os.fsync(file.fileno())


def digest(source: Path | BufferedReader, algorithm: str = "sha256") -> str:
    """Hexadecimal hash of a file, from where it stands if it is open."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            return digest(file, algorithm)
    # MD5 is all that some publishers give; it finds damage, which is what it serves for here.
    return hashlib.file_digest(source, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def text_digest(text: str) -> str:
    """SHA-256 of a text, hexadecimal; of bytes that are none as they were read."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _sync(folder: Path) -> None:
    """Let the new name of a file reach the disk, where folders can be synchronised."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
