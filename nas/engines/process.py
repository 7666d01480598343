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

from nas.engines.messages import RECALL, Job, Reached, begun
from nas.layers import require_readable
from nas.training.devices import THREADS, VISIBLE

START_LIMIT = 120.0
"""Seconds in which a worker must have loaded torch."""
LAST_BREATH = 2.0
"""Seconds that a process may take to end once it has closed its pipe: one that failed closes it a moment before."""
LAST_WORDS = 0.1
"""Seconds in which a worker that is given up logs where it is."""
SINGLE_THREAD = dict.fromkeys(THREADS, "1")
KEPT_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
"""Freed memory is used again by the next step, in huge pages, instead of going to the system and back: without these
a step of a small network spends a tenth of its time on page faults, at 96x96 a seventh (measured)."""

QUEUES = {"CUDA_DEVICE_MAX_CONNECTIONS": "32"}
"""As many as a GPU has: with the default of 8, streams share queues and wait for one another."""


@dataclass(kw_only=True, eq=False)
class Worker:
    """A process, its pipe and what it has to do."""

    process: subprocess.Popen[bytes]
    connection: Connection
    start_deadline: float
    """When it is given up while it starts."""
    lanes: int = 1
    """Jobs that it may train at once."""
    place: int = 0
    """Which of its engine's workers it is."""
    ready: bool = False
    """Whether it has loaded what it needs."""
    jobs: list[Job] = field(default_factory=list)
    """In their order: a ready worker has heard of all, and begins them in this order; else all wait here."""
    recalled: bool = False
    """Whether it was asked for what waits and hasn't answered yet."""
    retiring: bool = False
    """Whether it begins nothing any more, and will end."""
    reached: dict[int, Reached] = field(default_factory=dict)
    """How far it is with what it trains, where it has said so."""
    _begun: dict[int, float] = field(default_factory=dict)
    """When it began which trials."""

    @property
    def running(self) -> list[Job]:
        """What it trains now; a job beside others as soon as the worker says so."""
        return [job for job in self.jobs if job.trial in self._begun]

    @property
    def waiting(self) -> list[Job]:
        """What it was given and hasn't begun."""
        return [job for job in self.jobs if job.trial not in self._begun]

    @property
    def deadline(self) -> float:
        """When it is given up: while it starts, and while it trains."""
        return min(map(self._end_of, self.running), default=inf) if self.ready else self.start_deadline

    def overdue(self, now: float) -> list[Job]:
        """What it has trained for too long."""
        return [job for job in self.running if now > self._end_of(job)]

    def forgive(self, seconds: float) -> None:
        """Move all deadlines: so long nothing moved here, this process or its machine having been stopped."""
        self.start_deadline += seconds
        self._begun = {trial: began + seconds for trial, began in self._begun.items()}

    def give(self, job: Job) -> None:
        """Add a job to what it has to do."""
        self.jobs.append(job)
        if self.ready:
            self._tell(job)
        self._go_on()

    def _tell(self, job: Job) -> None:
        require_readable(job.layer)
        self._say(msgspec.json.encode(job))

    def get_ready(self) -> None:
        """Note that it has started; it hears of its jobs now, because nobody emptied the pipe before."""
        self.ready = True
        for job in self.jobs:
            self._tell(job)
        self._go_on()

    def begin(self, trial: int) -> None:
        """Note that a job begins now."""
        if any(job.trial == trial for job in self.jobs):
            self._begun.setdefault(trial, time.monotonic())

    def far(self, job: Job) -> Reached:
        """How far it is with a job."""
        return self.reached.get(job.trial, begun(job))

    def finish(self, job: Job) -> None:
        """Note that a job is answered."""
        self.jobs.remove(job)
        del self._begun[job.trial]
        self.reached.pop(job.trial, None)
        self._go_on()

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
        for job in returned:
            self._begun.pop(job.trial, None)
        return returned

    @property
    def open(self) -> bool:
        """Whether it may be given jobs."""
        return not (self.recalled or self.retiring)

    def say_where(self) -> None:
        """Have it log where its threads are, which tells why it takes so long."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGUSR1)
            time.sleep(LAST_WORDS)

    def last(self) -> int | None:
        """The exit status of one that has closed its pipe, and is over soon; None where it has to be killed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_BREATH)
        status = self.process.returncode
        self.end()
        return status

    def end(self) -> int:
        """Kill it with everything that it started; its exit status."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.connection.close()
        return self.process.wait()

    def _go_on(self) -> None:
        """Note that the first job begins now, if a ready worker has nothing else to do: that needn't be said."""
        if self.ready and self.jobs and not self._begun:
            self.begin(self.jobs[0].trial)

    def _end_of(self, job: Job) -> float:
        return self._begun[job.trial] + job.max_seconds

    def _say(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it has just died; whoever listens will see the closed pipe
            self.connection.send_bytes(message)


def started(module: str, log: IO[bytes] | None, lanes: int, card: str = "", place: int = 0) -> Worker:
    """A new process that runs a module which serves jobs, so many at once; it sees only its card, if it has one."""
    ours, theirs = Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(theirs.fileno()), str(lanes), "cuda" if card else "cpu"],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.DEVNULL,
            stderr=log or subprocess.DEVNULL,
            env={**environment(), **({VISIBLE: card} if card else {})},
            start_new_session=True,  # Ctrl-C reaches the coordinator only, which decides what becomes of them
        )
    return Worker(
        process=process, connection=ours, start_deadline=time.monotonic() + START_LIMIT, lanes=lanes, place=place
    )


def environment() -> dict[str, str]:
    """The caller's environment, one thread, and our own package first on the path."""
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**KEPT_MEMORY, **QUEUES, **os.environ, **SINGLE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}
