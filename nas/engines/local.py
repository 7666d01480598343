"""Trainings in processes of this machine, each with a pipe to the coordinator: one lane on a core, several on a card.

A worker holds the jobs that it trains, one a lane, and one more that waits in its pipe, so it never waits for the
coordinator; where another has nothing left to do, it gives the waiting one back. A worker that dies is noticed by its
closed pipe, one that takes too long by its deadline, which moves where the whole run stood still; both are replaced,
the jobs that they trained are answered with the outcome, and the one that waited goes elsewhere, like those that ran
beside one that took too long. Of several that ran in one that died, each is tried again alone, so that none pays for
another; while a job is alone, idle processes are ended, for they hold memory. A coordinator that dies closes the pipes,
and the workers end themselves.
"""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO, Self

import msgspec

from nas.engines import process
from nas.engines.cores import Cores, pin
from nas.engines.messages import Answer, Cause, Job, Reached, Ready, Result, Retiring, Returned, ended
from nas.engines.process import Worker
from nas.errors import MachineFailed, NasError
from nas.files import open_to_append
from nas.study.record import Outcome
from nas.training.memory_limit import memory_limit

logger = logging.getLogger(__name__)

AHEAD = 1
"""Jobs that wait in a worker's pipe behind those that it trains."""
STANDSTILL = 5.0
"""Seconds between two looks at the workers from which on this process was stopped, as in a container that is frozen."""
MOST_DEATHS = 3
"""Starts in a row, for each worker, that end before torch is loaded; then starting is given up."""
KILLS = (-signal.SIGKILL, -signal.SIGBUS)
"""Exit statuses of processes that the machine has ended."""
KILLED = ", which the machine does where memory is short"
LESS = "give it more memory, or train fewer networks at once: --workers 1"
WORKER = "nas.engines.worker"
"""The module that a worker process runs."""
ANSWERS: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


class LocalEngine:
    """So many trainings side by side, spread over processes: each in one of its own, or as many as there are cards.

    A process sees only its card, of which `cards` holds the name for `CUDA_VISIBLE_DEVICES`; those beyond `workers`
    aren't used.
    """

    def __init__(
        self,
        workers: int,
        *,
        processes: int | None = None,
        cards: Sequence[str] = (),
        log: Path | None = None,
        module: str = WORKER,
    ) -> None:
        count = len(cards[:workers]) or processes or workers
        self._lanes = [(workers + index) // count for index in reversed(range(count))]
        self._cards = list(cards) or [""] * count
        self._log_path, self._module = log, module
        self._cores, self._pinned = Cores(), list[int]()
        self._workers: list[Worker] = []
        self._homeless: list[Job] = []
        self._log: IO[bytes] | None = None
        self._deaths = 0
        self._holding = False
        self._seen = math.inf

    def __enter__(self) -> Self:
        """Start the workers; they are usable as soon as each has loaded torch."""
        self._log = open_to_append(self._log_path) if self._log_path else None
        self._pinned = self._cores.take(self.workers) if self._one_a_core else []
        self._start_missing()
        return self

    def __exit__(self, *exception: object) -> None:
        """Kill all workers; the answers of finished jobs have been taken by `wait`."""
        for worker in self._workers:
            worker.end()
        self._workers = []
        self._cores.release()
        if self._log:
            self._log.close()

    @property
    def _one_a_core(self) -> bool:
        return not any(self._cards) and max(self._lanes) == 1

    @property
    def workers(self) -> int:
        """Lanes of all processes."""
        return sum(self._lanes)

    @property
    def free(self) -> int:
        """Places at the workers and in their pipes; one that is still starting counts."""
        held = len(self._homeless) + sum(len(worker.jobs) for worker in self._workers)
        return 0 if self._holding else self.workers + AHEAD * len(self._lanes) - held

    @property
    def running(self) -> dict[int, Reached]:
        """Trials that workers train now, and how far each is."""
        return {job.trial: worker.far(job) for worker in self._workers for job in worker.running}

    def submit(self, job: Job) -> None:
        """Give a job to the worker that has the fewest."""
        self._homeless.append(job)
        self._settle()

    def hold(self) -> None:
        """Ask for all that hasn't begun; it stays here and is begun by nobody."""
        self._holding = True
        for worker in self._workers:
            if worker.waiting and worker.open:
                self._homeless += worker.recall()

    def wait(self, seconds: float) -> list[Result]:
        """Answers and deaths within this time."""
        self._level()
        results: list[Result] = []
        ready = wait([worker.connection for worker in self._workers], seconds)
        self._forgive(seconds)
        for worker in list(self._workers):
            if worker.connection in ready:
                results += self._receive(worker)
            elif time.monotonic() > worker.deadline:
                results += self._overdue(worker)
        self._settle()
        return results

    def _forgive(self, seconds: float) -> None:
        """Move the deadlines of all where we come back much later than we meant to: we were stopped, they with us."""
        now = time.monotonic()
        late = now - self._seen - seconds
        if late > STANDSTILL and self.running:
            logger.warning("this command stood still for %.0f s, which no training is charged with", late)
            for worker in self._workers:
                worker.forgive(late)
        self._seen = now

    def _settle(self) -> None:
        """Give what has no worker to those with the fewest jobs a lane; who was asked for jobs gets none meanwhile."""
        if any(not job.alone for job in self._homeless):
            self._start_missing()
        while self._homeless and not self._holding:
            open_ones = [w for w in self._workers if w.open and len(w.jobs) < w.lanes + AHEAD]
            if not open_ones:
                return
            worker = min(open_ones, key=lambda w: (len(w.jobs) / w.lanes, not w.ready))
            if self._homeless[0].alone:
                self._make_room(worker)
            worker.give(self._homeless.pop(0))

    def _level(self) -> None:
        """Where a worker is idle and nobody brings more, ask for a job that waits at another."""
        idle = sum(worker.ready and worker.open and not worker.jobs for worker in self._workers)
        givers = sorted((w for w in self._workers if w.waiting and w.open), key=lambda w: -w.deadline)
        for worker in givers[: max(0, idle - len(self._homeless))]:
            self._homeless += worker.recall()
        self._settle()

    def _receive(self, worker: Worker) -> list[Result]:
        """All that a worker has said, in its order: that it is ready, answers, and at last perhaps its death."""
        results: list[Result] = []
        try:
            while worker.connection.poll():
                results += self._heard(worker, ANSWERS.decode(worker.connection.recv_bytes()))
        except (EOFError, OSError):
            results += self._died(worker)
        return results

    def _heard(self, worker: Worker, answer: Answer) -> list[Result]:
        """One message; a result if it is the one of the job that is being trained."""
        self._deaths = 0
        if isinstance(answer, Returned):
            self._homeless[:0] = worker.take_back(answer.count)
            return []
        if isinstance(answer, Ready):
            worker.get_ready()
            return []
        if isinstance(answer, Retiring):
            worker.retiring = True
            worker.recall()
            return []
        job = next((job for job in worker.jobs if (answer.trial, answer.attempt) == (job.trial, job.attempt)), None)
        if job is None:
            return []
        worker.begin(job.trial)
        if isinstance(answer, Reached):
            worker.reached[job.trial] = answer
            return []
        worker.finish(job)
        return [answer]

    def _died(self, worker: Worker) -> list[Result]:
        status = worker.last()
        how = "closed its pipe, and had to be ended" if status is None else f"ended with status {status}"
        logger.warning("worker %d %s", worker.process.pid, how)
        if not worker.ready:
            self._count_death(f"the last one {how}", status)
        running = list(worker.running)
        if len(running) > 1:  # which of them did it will show when each is alone
            suspects = [msgspec.structs.replace(job, alone=True) for job in running]
            self._replace(worker, [*suspects, *worker.waiting])
            return []
        self._replace(worker, worker.waiting)
        cause = Cause.KILLED if status in KILLS else Cause.PROCESS
        said = f"the worker {how}" + (KILLED if cause is Cause.KILLED else "")
        return [ended(job, Outcome.CRASHED, said, cause) for job in running]

    def _overdue(self, worker: Worker) -> list[Result]:
        late = worker.overdue(time.monotonic())
        if worker.ready:
            worker.say_where()
        worker.end()
        if not worker.ready:
            self._count_death(f"the last one didn't load torch within {process.START_LIMIT:g} s")
        self._replace(worker, [job for job in worker.jobs if job not in late])
        return [ended(job, Outcome.TIMED_OUT, f"longer than {job.max_seconds:g} s") for job in late]

    def _replace(self, worker: Worker, left: list[Job]) -> None:
        """Put a new worker in the place of one that has ended; what is left of its jobs goes elsewhere."""
        self._workers[self._workers.index(worker)] = self._start(worker.place)
        self._homeless[:0] = left

    def _start_missing(self) -> None:
        """Start a worker in each place that has none."""
        for place in sorted({*range(len(self._lanes))} - {worker.place for worker in self._workers}):
            self._workers.append(self._start(place))

    def _make_room(self, alone: Worker) -> None:
        """End the others that have nothing to do: a worker was lost for want of memory, and each holds some."""
        for worker in [w for w in self._workers if self._one_a_core and w is not alone and not w.jobs]:
            worker.end()
            self._workers.remove(worker)

    def _count_death(self, how: str, status: int | None = None) -> None:
        """Give up where worker after worker never comes up."""
        self._deaths += 1
        if self._deaths < MOST_DEATHS * len(self._lanes):
            return
        where = f"; what it said is in {self._log_path}" if self._log_path else ""
        said = f"worker processes can't be started ({self._deaths} in a row): {how}{where}"
        if status in KILLS or status == -signal.SIGABRT or memory_limit().of_process:
            raise MachineFailed(f"{said}; memory seems to be short: {memory_limit()}", hint=LESS)
        raise NasError(said)

    def _start(self, place: int) -> Worker:
        worker = process.started(self._module, self._log, self._lanes[place], self._cards[place], place)
        if place < len(self._pinned):
            pin(worker.process.pid, self._pinned[place])
        return worker
