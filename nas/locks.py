"""The lock of a run's folder: one coordinator at a time, and whoever asks learns which.

The system takes the lock back from a process that dies, so none is ever left behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from nas.errors import Refused, StorageFailed

LOCK = "run.lock"
GLANCES, GLANCE = 5, 0.05
"""Tries to lock, and seconds between them: somebody who asks who works here holds the lock for a moment."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's lock, which the system takes back from a process that dies."""
    try:
        file = (folder / LOCK).open("a+")
    except OSError as error:
        raise unwritable(folder, error) from None
    with file:
        try:
            taken = _take(file)
        except OSError as error:
            raise StorageFailed(
                f"{folder} lies where files can't be locked: {error.strerror}", hint="choose another with --out"
            ) from None
        if not taken:
            raise Refused(f"another process works on {folder}: {_holder(file)}")
        try:
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
            file.flush()
        except OSError as error:
            raise unwritable(folder, error) from None
        yield
        file.truncate(0)


def coordinator(folder: Path) -> str | None:
    """Who works on the run now, in words; None if nobody does."""
    try:
        with (folder / LOCK).open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _holder(file)
    except OSError:
        return None  # a folder that was copied without its lock, or that can't be written: nobody works there
    return None


def unwritable(folder: Path, error: OSError) -> StorageFailed:
    """A folder that we can't write to, as an error of ours."""
    return StorageFailed(f"{folder} can't be written: {error.strerror}", hint="choose another with --out")


def _take(file: IO[str]) -> bool:
    """Lock a file for ourselves; whether that worked."""
    for glance in range(GLANCES):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if glance + 1 < GLANCES:
            time.sleep(GLANCE)
    return False


def _holder(file: IO[str]) -> str:
    file.seek(0)
    with suppress(ValueError, KeyError):
        holder = json.load(file)
        return f"process {holder['pid']} on {holder['host']}"
    return "it hasn't said which"
