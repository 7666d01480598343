"""Cores for workers: each gets one of its own, so that two trainings never share one while another is idle.

A core is taken by locking a small file, which the system takes back from a process that dies; so two runs on one
machine don't choose the same cores. Where none is left, or the system knows no such thing, a worker runs anywhere.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

from nas.data.folders import private_folder
from nas.errors import StorageFailed
from nas.files import open_to_append

TOPOLOGY = Path("/sys/devices/system/cpu")
"""Where Linux tells which logical cores share a physical one."""


class Cores:
    """The cores that this engine has taken."""

    def __init__(self) -> None:
        self._locks: list[IO[bytes]] = []

    def take(self, count: int) -> list[int]:
        """Up to `count` cores that nobody else has taken; none where there are fewer cores than workers."""
        usable = spread(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if count > len(usable):
            return []  # they have to share; the system knows best how
        taken: list[int] = []
        with suppress(StorageFailed):  # nowhere to say which are taken
            for core in usable:
                if len(taken) < count and (lock := _locked(_path(core))):
                    self._locks.append(lock)
                    taken.append(core)
        return taken

    def release(self) -> None:
        """Let others have them."""
        for lock in self._locks:
            lock.close()
        self._locks = []


def pin(process: int, core: int) -> None:
    """Let a process run on one core only; nothing happens where the system refuses."""
    with suppress(OSError):
        os.sched_setaffinity(process, {core})


def spread(usable: Iterable[int], topology: Path = TOPOLOGY) -> list[int]:
    """Logical cores such that the first ones are on different physical cores; by number where nothing is known."""
    places: dict[str, int] = {}
    ranked = []
    for core in sorted(usable):
        try:
            siblings = (topology / f"cpu{core}/topology/thread_siblings_list").read_text(encoding="ascii")
        except OSError:
            siblings = str(core)
        ranked.append((places.get(siblings, 0), core))
        places[siblings] = places.get(siblings, 0) + 1
    return [core for _, core in sorted(ranked)]


def _path(core: int) -> Path:
    return private_folder() / f"core-{core}.lock"


def _locked(path: Path) -> IO[bytes] | None:
    try:
        file = open_to_append(path)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
