"""Which of a worker's jobs are trained side by side: as many as fit into the memory of its GPU, or one alone.

Three kinds of jobs are alone: a network with dropout, because all lanes would draw from torch's one generator, each
when its turn happens to come; one whose memory didn't suffice beside others, which is then tried once more; and one
whose worker died while it trained others, too, so that who kills it again is known.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from nas.engines.messages import Job, Result
from nas.layers import is_random
from nas.study.record import Outcome

logger = logging.getLogger(__name__)

MEASURABLE = (Outcome.COMPLETED, Outcome.PRUNED, Outcome.DIVERGED)
"""Endings of trainings that have held the memory that they need."""
SHARE = 0.8
"""Of a GPU's memory that is planned with: networks differ, and CUDA itself needs some."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory of a GPU as this process sees it."""

    total: Callable[[], int]
    """Bytes of the device."""
    peak: Callable[[], int]
    """Most bytes that this process has held since `empty`; 0 where it has held none."""
    empty: Callable[[], None]
    """Give back what isn't used."""


def fitting(lanes: int, total: int, peak: int) -> int:
    """Jobs that fit side by side, if each needs as much as the measured one; at least 1."""
    return max(1, min(lanes, int(SHARE * total / peak))) if peak else lanes


class Gate:
    """Lets jobs in; the lanes of a worker ask, all under the lock of `changed`.

    Without a memory to measure all lanes are used at once; with one, a single lane is until the first job has ended.
    """

    def __init__(self, lanes: int, memory: Memory | None = None) -> None:
        self.changed = threading.Condition()
        self.most = 1 if memory else lanes
        """Jobs side by side, for now."""
        self._lanes, self._memory, self._measured = lanes, memory, False
        self._crowded: dict[int, bool] = {}  # trials inside, and whether they have had company
        self._closed = False  # who is inside wants to be alone
        self._asking = 0  # jobs that wait to be tried again alone

    def admits(self, job: Job) -> bool:
        """Whether it may begin now."""
        if self._asking or self._closed:
            return False
        return not self._crowded or (len(self._crowded) < self.most and not _alone(job))

    def enter(self, job: Job) -> None:
        """Note that it begins."""
        self._closed = _alone(job)
        self._crowded[job.trial] = False
        if len(self._crowded) > 1:
            self._crowded = dict.fromkeys(self._crowded, True)

    def trained(self, job: Job, train: Callable[[Job], Result]) -> Result:
        """Train a job that has entered, a second time where memory didn't suffice beside others; then let it out."""
        result = train(job)
        with self.changed:
            crowded = self._leave(job, result)
        if result.outcome is Outcome.OUT_OF_MEMORY and crowded:
            with self._alone(job):
                result = train(job)
                self._emptied(result)
        elif crowded and job.device == "cuda":
            result = msgspec.structs.replace(result, peak_memory=None)  # the neighbours' memory is in it
        return result

    def _leave(self, job: Job, result: Result) -> bool:
        """Let a job out and learn from it; whether it has had company."""
        crowded = self._crowded.pop(job.trial)
        self._closed = False
        if not crowded:
            self._emptied(result)
            self._measure(result)
        elif result.outcome is Outcome.OUT_OF_MEMORY:
            self.most = max(1, self.most - 1)
            self._asking += 1
            logger.warning("trial %d ran out of memory; from now on at most %d at once", job.trial, self.most)
        self.changed.notify_all()
        return crowded

    @contextmanager
    def _alone(self, job: Job) -> Iterator[None]:
        """Wait until nobody is inside and keep the others out."""
        with self.changed:
            self.changed.wait_for(lambda: not self._crowded)
            self._asking -= 1
            self._closed, self._crowded[job.trial] = True, False
        if self._memory:
            self._memory.empty()
        try:
            yield
        finally:
            with self.changed:
                del self._crowded[job.trial]
                self._closed = False
                self.changed.notify_all()

    def _emptied(self, result: Result) -> None:
        if self._memory and result.outcome is Outcome.OUT_OF_MEMORY:
            self._memory.empty()

    def _measure(self, result: Result) -> None:
        if self._memory and not self._measured and result.outcome in MEASURABLE:
            self._measured = True
            total, peak = self._memory.total(), self._memory.peak()
            self.most = fitting(self._lanes, total, peak)
            logger.info("the first training held %d of %d bytes: %d at once", peak, total, self.most)


def _alone(job: Job) -> bool:
    """Whether it is trained alone from the start."""
    return job.alone or is_random(job.layer)
