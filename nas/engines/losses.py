"""A training whose worker was lost -> tried again, tried again alone, or blamed.

A worker that dies by itself uses up one of a trial's attempts. One that the machine has ended, mostly for want of
memory, uses up none: the trial is tried again with nothing beside it. A network is blamed that loses three workers so,
once another has been trained meanwhile; where none has, the machine is the cause, and the command ends.
"""

from __future__ import annotations

import logging
from collections import Counter

import msgspec

from nas.engines.messages import Cause, Job, Result
from nas.errors import MachineFailed
from nas.study.record import Outcome

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 3
"""Workers that a trial may lose: that die by themselves, or that the machine ends while nothing else is trained."""
CROWDED = 3
"""Workers in a row ended by the machine from which on nothing is begun beside others."""
MOST_KILLS = 6
"""Workers in a row that the machine ends while nothing else is trained, or nodes that one trial loses: then the
machine is the cause."""


class Losses:
    """What a command knows of its lost workers."""

    def __init__(self) -> None:
        self.only = False
        """Whether nothing else can be trained at present than what is tried again alone."""
        self._crashes, self._killed, self._nodes = Counter[int](), Counter[int](), Counter[int]()
        self._witnessed = dict[int, bool]()  # trials whose worker was ended; whether another was trained since
        self._in_a_row = self._alone_in_a_row = 0

    @property
    def crowded(self) -> bool:
        """Whether the machine ends workers as fast as they come."""
        return self._in_a_row >= CROWDED

    def answer(self, result: Result) -> None:
        """Note that a training came back: the machine lets workers live."""
        if result.outcome is not Outcome.CRASHED:
            self._in_a_row = self._alone_in_a_row = 0
            self._witnessed = dict.fromkeys(self._witnessed, True)

    def again(self, job: Job, result: Result) -> Job | None:
        """The next attempt at a trial that lost its worker; None where the network is blamed for it."""
        if result.cause == Cause.KILLED:
            retried = self._kill(job)
        elif result.cause == Cause.NODE:
            self._nodes[job.trial] += 1
            retried = True
        else:
            self._crashes[job.trial] += 1
            retried = self._crashes[job.trial] < MOST_ATTEMPTS
        if not retried:
            return None
        alone = job.alone or result.cause == Cause.KILLED
        logger.warning("trial %d: %s; trying again%s", job.trial, result.message, " alone" if alone else "")
        return msgspec.structs.replace(job, attempt=job.attempt + 1, alone=alone)

    def witnessed(self, trial: int) -> bool:
        """Whether another training came back since this trial lost its first worker to the machine."""
        return self.only or self._witnessed.get(trial, False)

    def require_a_machine(self) -> None:
        """End the command where the machine is the cause."""
        if self._alone_in_a_row >= MOST_KILLS:
            raise MachineFailed(
                f"the machine has ended {MOST_KILLS} workers in a row, each with nothing beside it: "
                "it is short of memory, or something kills them",
                hint="what is done is kept and no trial counts as crashed; resume with more memory, or --workers 1",
            )
        if max(self._nodes.values(), default=0) >= MOST_KILLS:
            raise MachineFailed(
                f"one trial has lost {MOST_KILLS} nodes of the cluster",
                hint="what is done is kept and no trial counts as crashed; resume when the cluster holds",
            )

    def _kill(self, job: Job) -> bool:
        """Note that the machine ended a worker; whether its network isn't to blame."""
        self._in_a_row += 1
        self._witnessed.setdefault(job.trial, False)
        if not job.alone:
            return True
        self._alone_in_a_row += 1
        self._killed[job.trial] += 1
        if self._killed[job.trial] < MOST_ATTEMPTS or not self.witnessed(job.trial):
            return True
        self._in_a_row = self._alone_in_a_row = 0
        return False
