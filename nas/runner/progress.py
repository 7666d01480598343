"""How far a run has come: counts by outcome, rate, time left, best so far; numbers only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from nas.study.record import Outcome, Record, rank


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A run at one moment."""

    total: int
    """Trials of the study; at most so many where a look may end it."""
    outcomes: Mapping[Outcome, int]
    """Finished trials, by outcome."""
    running: int
    """Trials that are being trained."""
    workers: int
    """Trainings that can run side by side."""
    elapsed: float
    """Seconds since this command began."""
    per_hour: float | None
    """Trials/h of this command; None before the first."""
    left: float | None
    """Estimated seconds until the end; None while there is nothing to judge from."""
    best: Record | None
    """The completed trial with the lowest error."""
    looks: str = ""
    """Where the run stands among its looks at rules; empty for a study without."""
    open_ended: bool = False
    """Whether only time ends it, so that `total` says nothing and `left` is known."""

    @property
    def done(self) -> int:
        """Finished trials."""
        return sum(self.outcomes.values())

    @property
    def failed(self) -> int:
        """Finished trials that failed."""
        return sum(count for outcome, count in self.outcomes.items() if outcome.is_failure)


@dataclass(kw_only=True)
class Progress:
    """Keeps count while a run works."""

    total: int
    """Trials of the study; at most so many where a look may end it."""
    workers: int
    """Trainings that can run side by side."""
    deadline: float | None = None
    """On the monotonic clock, for a study that only this ends; None for all others."""
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    best: Record | None = None
    looks: str = ""
    _started: float = field(default_factory=time.monotonic)
    _finished: int = 0
    _seconds: float = 0.0
    _work: float = 0.0
    _known: dict[int, float] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Count a finished trial, whichever command finished it."""
        self.outcomes[record.outcome] += 1
        if record.error is not None and record.validated and (self.best is None or better(record, self.best)):
            self.best = record

    def plan(self, trial: int, work: float) -> None:
        """Note how much work a trial will be, in any unit that is proportional to its time."""
        self._known[trial] = work

    def finish(self, record: Record) -> None:
        """Count a trial that this command finished, with its time."""
        self.add(record)
        self._finished += 1
        work = self._known.pop(record.trial, 0.0)
        if record.seconds:
            self._seconds += record.seconds
            self._work += work

    def snapshot(self, running: int) -> Snapshot:
        """The state of things."""
        elapsed = time.monotonic() - self._started
        return Snapshot(
            total=self.total,
            outcomes=dict(self.outcomes),
            running=running,
            workers=self.workers,
            elapsed=elapsed,
            per_hour=3600 * self._finished / elapsed if self._finished and elapsed else None,
            left=self._left(),
            best=self.best,
            looks=self.looks,
            open_ended=self.deadline is not None,
        )

    def _left(self) -> float | None:
        """Work that remains, at the seconds a unit of work has taken so far; unknown trials count as the mean."""
        if self.deadline is not None:
            return max(0.0, self.deadline - time.monotonic()) if self.deadline < inf else None
        if not self._work or not self._finished:
            return None
        remaining = self.total - self.outcomes.total()
        planned = sum(self._known.values())
        mean = (planned + self._work) / (len(self._known) + self._finished)
        work = planned + mean * max(0, remaining - len(self._known))
        return work * self._seconds / self._work / self.workers


def better(first: Record, second: Record) -> bool:
    """Whether the first completed record ranks before the second: lower error, then lower cost, then lower number."""
    return rank(first) < rank(second)
