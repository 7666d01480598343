"""The lock of a run's folder: one coordinator at a time, and whoever asks learns which.

The folder itself is locked, so nobody can delete the lock, and a file in it, which says who holds both; where folders
can't be locked, the file alone counts, and the first of two coordinators learns of the second by the database. The
system takes locks back from a process that dies, so none is ever left.
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
from nas.files import open_to_append
from nas.storage.layout import LOCK

GLANCES, GLANCE = 5, 0.05
"""Tries to lock, and seconds between them: somebody who asks who works here holds the lock for a moment."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's lock, which the system takes back from a process that dies."""
    with alone(folder), _opened(folder) as file:
        try:
            taken = _take(file.fileno())
        except OSError as error:
            raise StorageFailed(
                f"{folder} lies where files can't be locked: {error.strerror}", hint="choose another with --out"
            ) from None
        if not taken:
            raise _taken(folder)
        try:
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
            file.flush()
        except OSError as error:
            raise unwritable(folder, error) from None
        yield
        file.truncate(0)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder without writing into it; nothing is held where folders can't be locked, as on some network disks.

    Refused where another process holds it.
    """
    place = _locked_folder(folder)
    try:
        yield
    finally:
        if place is not None:
            os.close(place)


def coordinator(folder: Path) -> str | None:
    """Who works on the run now, in words; None if nobody does."""
    for path in (folder, folder / LOCK):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue  # a folder that was copied without its lock: nobody works there
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(folder)
        except OSError:
            continue  # what can't be locked says nothing
        finally:
            os.close(descriptor)
    return None


def require_free(folder: Path) -> None:
    """Refuse a folder that another process works on, before anything is loaded for it; `locked` makes sure of it."""
    if coordinator(folder):
        raise _taken(folder)


def unwritable(folder: Path, error: OSError) -> StorageFailed:
    """A folder that we can't write to, as an error of ours."""
    return StorageFailed(f"{folder} can't be written: {error.strerror}", hint="choose another with --out")


def _opened(folder: Path) -> IO[bytes]:
    try:
        return open_to_append(folder / LOCK)
    except OSError as error:
        raise unwritable(folder, error) from None


def _locked_folder(folder: Path) -> int | None:
    """The folder, open and locked for ourselves; None where folders can't be locked, as on some network disks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        taken = _take(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    if not taken:
        os.close(descriptor)
        raise _taken(folder)
    return descriptor


def _taken(folder: Path) -> Refused:
    return Refused(f"another process works on {folder}: {_holder(folder)}")


def _take(descriptor: int) -> bool:
    """Lock a file or folder for ourselves; whether that worked."""
    for glance in range(GLANCES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if glance + 1 < GLANCES:
            time.sleep(GLANCE)
    return False


def _holder(folder: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        holder = json.loads((folder / LOCK).read_bytes())
        return f"process {holder['pid']} on {holder['host']}"
    return "it hasn't said which"
