"""How far a run has come: counts by outcome, rate, time left, best so far; in numbers, and in a line."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from nas.engines.messages import Reached
from nas.findings.wording.numbers import duration, percent
from nas.study.record import Outcome, Record, rank

LONG = 60.0
"""Seconds of a training from which on people want to see how far it is."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A run at one moment."""

    total: int
    """Trials of the study; at most so many where a look may end it."""
    outcomes: Mapping[Outcome, int]
    """Finished trials, by outcome."""
    running: int
    """Trials that are being trained."""
    epochs: tuple[tuple[int, int], ...]
    """Finished and planned epochs of those that take more than a minute, in ascending order of what is finished."""
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
    _begun: dict[int, float] = field(default_factory=dict)

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

    def snapshot(self, running: Mapping[int, Reached]) -> Snapshot:
        """The state of things, with trials that are being trained and their finished epochs."""
        now = time.monotonic()
        elapsed, self._begun = now - self._started, {trial: self._begun.get(trial, now) for trial in running}
        long = [far for trial, far in running.items() if max(now - self._begun[trial], far.epochs * far.pace) >= LONG]
        return Snapshot(
            total=self.total,
            outcomes=dict(self.outcomes),
            running=len(running),
            epochs=tuple((far.epochs, far.planned) for far in sorted(long, key=lambda far: far.share)),
            workers=self.workers,
            elapsed=elapsed,
            per_hour=3600 * self._finished / elapsed if self._finished and elapsed else None,
            left=self._left(running, now),
            best=self.best,
            looks=self.looks,
            open_ended=self.deadline is not None,
        )

    def _left(self, running: Mapping[int, Reached], now: float) -> float | None:
        """Work that remains, at the seconds a unit of work has taken so far; unknown trials count as the mean.

        What is being trained counts with its finished epochs, those before an interruption included. However many
        workers there are, none trains a network in less time than it takes.
        """
        if self.deadline is not None:
            return max(0.0, self.deadline - now) if self.deadline < inf else None
        begun = {trial: far for trial, far in running.items() if trial in self._known}
        there = sum(far.share * self._known[trial] for trial, far in begun.items())
        if not self._work + there:
            return None
        pace = (self._seconds + sum(far.epochs * far.pace for far in begun.values())) / (self._work + there)
        mean = (sum(self._known.values()) + self._work) / (len(self._known) + self._finished)
        left = [work * (1 - begun[trial].share if trial in begun else 1) for trial, work in self._known.items()]
        left += [mean] * max(0, self.total - self.outcomes.total() - len(left))
        return max(sum(left) / self.workers, max(left, default=0.0)) * pace


def better(first: Record, second: Record) -> bool:
    """Whether the first completed record ranks before the second: lower error, then lower cost, then lower number."""
    return rank(first) < rank(second)


def line(snapshot: Snapshot) -> str:
    """A run in one line."""
    parts = [f"{snapshot.done}{'' if snapshot.open_ended else f'/{snapshot.total}'} trials"]
    parts += [f"{count} {outcome.replace('_', ' ')}" for outcome, count in snapshot.outcomes.items()]
    if snapshot.done == snapshot.total:
        fresh = snapshot.per_hour is not None
        parts.append(f"done after {duration(snapshot.elapsed)}" if fresh else "nothing left to train")
    elif snapshot.per_hour is None:
        parts.append(_beginning(snapshot))
    else:
        parts.append(pace_text(snapshot.per_hour, snapshot.left, bool(snapshot.looks)))
        parts += [f"{snapshot.running} being trained, {_epochs(snapshot)}"] if snapshot.epochs else []
    if snapshot.looks:
        parts.append(snapshot.looks)
    if snapshot.best:
        best = snapshot.best
        parts.append(f"best error {percent(best.error)} (trial {best.trial}, {best.space})")
    return " · ".join(parts)


def _beginning(snapshot: Snapshot) -> str:
    """What happens until the first trial of this command is finished, which tells its speed."""
    if snapshot.running and (snapshot.elapsed >= LONG or snapshot.left is not None):
        far = f", {_epochs(snapshot)}" if snapshot.epochs else ""
        left = "" if snapshot.left is None else f", about {duration(snapshot.left)} left"
        return f"{snapshot.running} being trained for {duration(snapshot.elapsed)} so far{far}{left}"
    return "resuming" if snapshot.done else "starting workers"


def _epochs(snapshot: Snapshot) -> str:
    """How far trainings that take long are."""
    (first, of), (last, of_last) = snapshot.epochs[0], snapshot.epochs[-1]
    least = f"{first}" if of == of_last else f"{first} of {of}"
    return f"{last} of {of_last} epochs" if (first, of) == (last, of_last) else f"{least} to {last} of {of_last} epochs"


def pace_text(per_hour: float, left: float | None, looks: bool) -> str:
    """The speed of a run and the seconds that are left, if they are known; interim looks may end it earlier."""
    if left is None:
        return f"{per_hour:.0f} trials/h"
    return f"{per_hour:.0f} trials/h, {'at most' if looks else 'about'} {duration(left)} left"


def failure_line(record: Record) -> str:
    """A trial that failed, in a line."""
    return f"trial {record.trial} ({record.space}): {record.outcome.sentence}: {record.message}"
