"""Which of a worker's jobs are trained side by side: as many as fit into the memory of its GPU, or one alone.

Two kinds of jobs are alone: one whose memory didn't suffice beside others, which is then tried once more; and one whose
worker died while it trained others, too, so that who kills it again is known.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from nas.engines.messages import Job, Result
from nas.errors import ImpossibleShape
from nas.layers import cost, rows
from nas.layers.costs import FLOAT_BYTES, TRAINED_COPIES
from nas.study.record import Outcome

logger = logging.getLogger(__name__)

MEASURABLE = (Outcome.COMPLETED, Outcome.PRUNED, Outcome.DIVERGED)
"""Endings of trainings that have held the memory that they need."""
SHARE = 0.8
"""Of a GPU's memory that is planned with: networks differ, and CUDA itself needs some."""
ROOMY = 4
"""Times the estimated memory of a training that are free for it where none is measured first: steps before the
recording and the recorded ones have memory of their own, and libraries have theirs."""
EVALUATED = 2_000
"""Images at once in evaluation, at most."""
PEACE = 20
"""Trainings beside others without running out of memory, after which one more is let in again."""


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


def estimate(job: Job) -> int:
    """Bytes that a training needs with some room: parameters with all their copies, all outputs of a batch, evaluation.

    More than there is for a network that can't be; its training will say so.
    """
    try:
        costs = cost(job.layer, job.info.shape)
        alive = max(row.bytes.inference for row in rows(job.layer, job.info.shape))
    except ImpossibleShape:
        return sys.maxsize
    parameters = FLOAT_BYTES * TRAINED_COPIES * costs.parameters
    return ROOMY * (parameters + job.recipe.batch_size * (costs.memory - parameters)) + EVALUATED * alive


class Gate:
    """Lets jobs in; the lanes of a worker ask, all under the lock of `changed`.

    Without a memory to measure all lanes are used at once, and with one, if all would fit several times by estimate;
    else a single lane is until the first job has ended.
    """

    def __init__(self, lanes: int, memory: Memory | None = None) -> None:
        self.changed = threading.Condition()
        self.most = 1 if memory else lanes
        """Jobs side by side, for now."""
        self._lanes, self._memory, self._measured = lanes, memory, False
        self._fit = lanes  # as far as is known, before any ran out of memory
        self._peace = 0  # trainings since one did
        self._crowded: dict[int, bool] = {}  # trials inside, and whether they have had company
        self._closed = False  # who is inside wants to be alone
        self._asking = 0  # jobs that wait to be tried again alone

    def admits(self, job: Job) -> bool:
        """Whether it may begin now."""
        if self._asking or self._closed:
            return False
        return not self._crowded or (len(self._crowded) < self.most and not job.alone)

    def enter(self, job: Job) -> None:
        """Note that it begins."""
        self._estimate(job)
        self._closed = job.alone
        self._crowded[job.trial] = False
        if len(self._crowded) > 1:
            self._crowded = dict.fromkeys(self._crowded, True)

    def trained(self, job: Job, train: Callable[[Job], Result]) -> Result:
        """Train a job that has entered, a second time where memory didn't suffice; then let it out.

        Others had their part of it, or what other lanes keep for their next job.
        """
        result = train(job)
        with self.changed:
            crowded = self._leave(job, result)
            again = result.outcome is Outcome.OUT_OF_MEMORY and (crowded or self._memory is not None)
            self._asking += again
        if again:
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
            self.most, self._peace = max(1, self.most - 1), 0
            logger.warning("trial %d ran out of memory; for now at most %d at once", job.trial, self.most)
        else:
            self._grow()
        self.changed.notify_all()
        return crowded

    def _grow(self) -> None:
        """One more lane after so many trainings that fitted."""
        self._peace += 1
        if self._peace >= PEACE and self.most < self._fit:
            self.most, self._peace = self.most + 1, 0

    def _estimate(self, job: Job) -> None:
        """Let all lanes in with the first job where there is plenty of room: measuring one alone takes seconds."""
        if not self._memory or self._measured or self._crowded:
            return
        if self._lanes * estimate(job) <= SHARE * self._memory.total():
            self._measured, self.most = True, self._lanes
            self.changed.notify_all()

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
            self.most = self._fit = fitting(self._lanes, total, peak)
            logger.info("the first training held %d of %d bytes: %d at once", peak, total, self.most)
