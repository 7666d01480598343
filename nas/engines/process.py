"""One worker process as the coordinator sees it: started, given jobs, asked for them back, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from math import inf
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO

import msgspec

from nas.engines.messages import RECALL, Job

START_LIMIT = 120.0
"""Seconds in which a worker must have loaded torch."""
SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
KEPT_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""Freed memory is used again by the next step, in huge pages, instead of going to the system and back: without these
a step of a small network spends a tenth of its time on page faults, at 96x96 a seventh (measured)."""


@dataclass(kw_only=True, eq=False)
class Worker:
    """A process, its pipe and what it has to do."""

    process: subprocess.Popen[bytes]
    connection: Connection
    deadline: float
    """When it is given up: while it starts, and while it trains."""
    ready: bool = False
    """Whether it has loaded what it needs."""
    jobs: list[Job] = field(default_factory=list)
    """In their order: a ready worker trains the first, and the others wait in its pipe; else all wait here."""
    recalled: bool = False
    """Whether it was asked for what waits and hasn't answered yet."""

    @property
    def running(self) -> Job | None:
        """What it trains now."""
        return self.jobs[0] if self.ready and self.jobs else None

    @property
    def waiting(self) -> list[Job]:
        """What it was given and hasn't begun."""
        return self.jobs[1:] if self.ready else self.jobs

    def give(self, job: Job) -> None:
        """Add a job to what it has to do."""
        self.jobs.append(job)
        if self.ready:
            self._say(msgspec.json.encode(job))
        if self.running is job:
            self.begin()

    def get_ready(self) -> None:
        """Note that it has started; it hears of its jobs now, because nobody emptied the pipe before."""
        self.ready = True
        for job in self.jobs:
            self._say(msgspec.json.encode(job))
        self.begin()

    def begin(self) -> None:
        """Note that the first job begins now, if there is one."""
        self.deadline = time.monotonic() + self.running.max_seconds if self.running else inf

    def recall(self) -> list[Job]:
        """Ask for what it hasn't begun; what is back at once, because a worker that starts hasn't heard of it."""
        if not self.ready:
            return self.take_back(len(self.jobs))
        self.recalled = True
        self._say(RECALL)
        return []

    def take_back(self, count: int) -> list[Job]:
        """The jobs that it has given back."""
        self.recalled = False
        kept = len(self.jobs) - count
        self.jobs, returned = self.jobs[:kept], self.jobs[kept:]
        if not self.running and self.ready:
            self.deadline = inf
        return returned

    def end(self) -> int:
        """Kill it with everything that it started; its exit status."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.connection.close()
        return self.process.wait()

    def _say(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it has just died; whoever listens will see the closed pipe
            self.connection.send_bytes(message)


def started(module: str, log: IO[bytes] | None) -> Worker:
    """A new process that runs a module which serves jobs."""
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.DEVNULL,
            stderr=log or subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,  # Ctrl-C reaches the coordinator only, which decides what becomes of them
        )
    return Worker(process=process, connection=ours, deadline=time.monotonic() + START_LIMIT)


def environment() -> dict[str, str]:
    """The caller's environment, one thread, and our own package first on the path."""
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**KEPT_MEMORY, **os.environ, **SINGLE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
