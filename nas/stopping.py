"""When a study with looks is over: up to which trial it is trained, and after which look nothing is left to decide."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import msgspec

from nas.data import DataInfo
from nas.errors import Refused
from nas.frozen import Frozen, looks_of
from nas.looks import Schedule, schedule_of
from nas.record import Record
from nas.store import read_frozen, write_frozen
from nas.study import Study

logger = logging.getLogger(__name__)

Judge = Callable[[Study, DataInfo, Sequence[Record], int], Sequence[str]]
"""Names of the rules that a study's records, all that were over at a look, leave undecided at the look of a number."""


class Watch:
    """The looks of one command at its run; of a study without looks nothing but its number of trials."""

    def __init__(self, study: Study, info: DataInfo, judge: Judge | None, ended: int) -> None:
        if study.looks is not None and judge is None:
            raise ValueError(f"study {study.name!r} has looks, and nobody judges what they show")
        self._study, self._info, self._judge = study, info, judge
        self._schedule = schedule_of(study)
        self._records: dict[int, Record] = {}
        self._passed = 0
        self.ended = ended
        """Networks of each space at the look that decided all rules before the cap; 0 where there is none so far."""

    @property
    def total(self) -> int:
        """Trials of the study, or up to the look that ended it."""
        return self.ended * self._schedule.each if self._schedule and self.ended else self._study.total

    @property
    def horizon(self) -> int:
        """Trials below this number can be trained before the next look."""
        if self._schedule is None or self.ended or self._passed == len(self._schedule.ends):
            return self.total
        return self._schedule.trials(self._passed + 1)

    @property
    def words(self) -> str:
        """Where the run stands among its looks; empty for a study without."""
        return "" if self._schedule is None else _standing(self._schedule, self._passed, self.ended)

    def add(self, record: Record) -> None:
        """Keep a trial that is over for the looks to come."""
        if self._schedule is not None:
            self._records[record.trial] = record

    def look(self) -> bool:
        """Look at the rules if all trials before another look are over; whether there was one.

        Where trials after it are over, too, it was looked at by an earlier command, and decided nothing.
        """
        schedule, judge = self._schedule, self._judge
        if schedule is None or judge is None or self.ended:
            return False
        number, before = schedule.passed(self._records), self._passed
        if number == before:
            return False
        self._passed = number
        if len(self._records) == schedule.trials(number):
            records = [self._records[trial] for trial in sorted(self._records)]
            left = judge(self._study, self._info, records, number)
            if not left and number < len(schedule.ends):
                self.ended = schedule.ends[number - 1]
            logger.info("%s: %s", schedule.name(number), _found(left))
        return True

    def conclude(self, folder: Path) -> None:
        """Store that a look ended the run."""
        stored = read_frozen(folder)
        if self.ended != stored.ended:
            write_frozen(folder, msgspec.structs.replace(stored, ended=self.ended))


def require_same_cap(stored: Frozen, study: Study) -> None:
    """Refuse more samples for a run with looks."""
    cap = stored.study["samples"]
    if stored.study["looks"] is not None and study.samples > cap:
        raise Refused(
            f"the run looks at its rules until they are decided, with at most {cap} networks of each space; what its "
            f"looks may say was set by that number, so it can't become {study.samples}",
            hint="leave --samples out, or give another folder with --out and another --seed",
        )


def standing(frozen: Frozen, over: Collection[int]) -> str:
    """Where a run whose trials of these numbers are over stands among its looks; empty for one without."""
    schedule = looks_of(frozen)
    return "" if schedule is None else _standing(schedule, schedule.passed(over), frozen.ended)


def _standing(schedule: Schedule, passed: int, ended: int) -> str:
    if ended:
        return f"every rule was decided at {schedule.name(schedule.ends.index(ended) + 1)}"
    if passed == len(schedule.ends):
        return f"ended at its cap of {schedule.ends[-1]} networks of each space"
    return f"next {schedule.name(passed + 1)}"


def _found(undecided: Sequence[str]) -> str:
    return f"undecided: {', '.join(undecided)}" if undecided else "every rule is decided"
