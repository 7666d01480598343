"""Trainings in processes of this machine, each with one thread, one job at a time, and a pipe to the coordinator.

A worker that dies is noticed by its closed pipe, one that takes too long by its deadline; both are replaced, and the
job is answered with the outcome. A coordinator that dies closes the pipes, and the workers end themselves.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import IO, Self

import msgspec

from nas.engines.messages import Job, Result
from nas.errors import NasError
from nas.record import Outcome

logger = logging.getLogger(__name__)

TIME_LIMIT = 3600.0
"""Seconds after which a training is given up."""
START_LIMIT = 120.0
"""Seconds in which a worker must have loaded torch."""
MOST_DEATHS = 3
"""Starts in a row, for each worker, that end before torch is loaded; then starting is given up."""
SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(kw_only=True, eq=False)
class _Worker:
    """A process, its pipe and what it is doing."""

    process: subprocess.Popen[bytes]
    connection: Connection
    deadline: float
    ready: bool = False
    job: Job | None = None


class LocalEngine:
    """A fixed number of worker processes."""

    def __init__(self, workers: int, *, log: Path | None = None, time_limit: float = TIME_LIMIT) -> None:
        self._count, self._log_path, self._time_limit = workers, log, time_limit
        self._workers: list[_Worker] = []
        self._log: IO[bytes] | None = None
        self._deaths = 0

    def __enter__(self) -> Self:
        """Start the workers; they are usable as soon as each has loaded torch."""
        self._log = self._log_path.open("ab") if self._log_path else None
        self._workers = [self._start() for _ in range(self._count)]
        return self

    def __exit__(self, *exception: object) -> None:
        """Kill all workers; the answers of finished jobs have been taken by `wait`."""
        for worker in self._workers:
            _kill(worker)
        self._workers = []
        if self._log:
            self._log.close()

    @property
    def workers(self) -> int:
        """Processes."""
        return self._count

    @property
    def free(self) -> int:
        """Workers without a job; one that is still starting counts, its job waits in the pipe."""
        return sum(worker.job is None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Give a job to an idle worker."""
        worker = min((w for w in self._workers if w.job is None), key=lambda w: not w.ready)
        if worker.ready:
            worker.deadline = time.monotonic() + self._time_limit
        _give(worker, job)

    def wait(self, seconds: float) -> list[Result]:
        """Answers and deaths within this time."""
        results = []
        ready = wait([worker.connection for worker in self._workers], seconds)
        for index, worker in enumerate(self._workers):
            result = None
            if worker.connection in ready:
                result = self._receive(index, worker)
            elif time.monotonic() > worker.deadline:
                result = self._overdue(index, worker)
            results += [result] if result else []
        return results

    def _receive(self, index: int, worker: _Worker) -> Result | None:
        """One message of a worker: that it is ready, an answer, or its death."""
        try:
            message = worker.connection.recv_bytes()
        except (EOFError, OSError):
            return self._died(index, worker)
        self._deaths = 0
        if not worker.ready:
            worker.ready = True
            worker.deadline = time.monotonic() + self._time_limit if worker.job else float("inf")
            return None
        job, worker.job, worker.deadline = worker.job, None, float("inf")
        result = msgspec.json.decode(message, type=Result)
        return result if job is not None and (result.trial, result.attempt) == (job.trial, job.attempt) else None

    def _died(self, index: int, worker: _Worker) -> Result | None:
        status = _kill(worker)
        logger.warning("worker %d ended with status %s", worker.process.pid, status)
        if not worker.ready:
            self._start_again(index, worker, f"the last one ended with status {status}")
            return None
        self._workers[index] = self._start()
        return _answer(worker, Outcome.CRASHED, f"the worker ended with status {status}")

    def _overdue(self, index: int, worker: _Worker) -> Result | None:
        _kill(worker)
        if not worker.ready:
            self._start_again(index, worker, f"the last one didn't load torch within {START_LIMIT:g} s")
            return None
        self._workers[index] = self._start()
        return _answer(worker, Outcome.TIMED_OUT, f"longer than {self._time_limit:g} s")

    def _start_again(self, index: int, worker: _Worker, how: str) -> None:
        """Replace a worker that never came up; its job wasn't begun, so it goes to the next one."""
        self._deaths += 1
        if self._deaths >= MOST_DEATHS * self._count:
            where = f"; what it said is in {self._log_path}" if self._log_path else ""
            raise NasError(f"worker processes can't be started ({self._deaths} in a row): {how}{where}")
        self._workers[index] = self._start()
        if worker.job is not None:
            _give(self._workers[index], worker.job)

    def _start(self) -> _Worker:
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nas.engines.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log or subprocess.DEVNULL,
                stderr=self._log or subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C reaches the coordinator only, which decides what becomes of them
            )
        return _Worker(process=process, connection=ours, deadline=time.monotonic() + START_LIMIT)


def _environment() -> dict[str, str]:
    """The caller's environment, one thread, and our own package first on the path."""
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **SINGLE_THREAD, "PYTHONPATH": os.pathsep.join(paths)}


def _give(worker: _Worker, job: Job) -> None:
    worker.job = job
    with contextlib.suppress(OSError):  # it has just died; `wait` will see the closed pipe
        worker.connection.send_bytes(msgspec.json.encode(job))


def _kill(worker: _Worker) -> int:
    """End a worker with everything that it started; its exit status."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.process.pid, signal.SIGKILL)
    worker.connection.close()
    return worker.process.wait()


def _answer(worker: _Worker, outcome: Outcome, message: str) -> Result | None:
    if worker.job is None:
        return None
    return Result(trial=worker.job.trial, attempt=worker.job.attempt, outcome=outcome, message=message)
