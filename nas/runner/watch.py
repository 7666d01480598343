"""The looks of a run while it works: up to which trial it trains, and after which look nothing is left to decide."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nas.findings.looks import undecided
from nas.storage.study_json import Manifest
from nas.study.looks import Standing
from nas.study.record import Record

logger = logging.getLogger(__name__)


class Watch:
    """The looks of one command at its run; of a study without looks nothing but its number of trials."""

    def __init__(self, manifest: Manifest, total: int) -> None:
        self._manifest, self._total = manifest, total
        self._schedule = manifest.study.schedule
        self._records: dict[int, Record] = {}
        self._passed = 0
        self.ended = manifest.ended
        """Networks of each space at the look that decided all rules before the cap; 0 where there is none so far."""

    @property
    def total(self) -> int:
        """Trials of the study, or up to the look that ended it."""
        return self.ended * self._schedule.each if self._schedule and self.ended else self._total

    @property
    def horizon(self) -> int:
        """Trials below this number can be trained before the next look."""
        if self._schedule is None or self.ended or self._passed == len(self._schedule.ends):
            return self.total
        return self._schedule.trials(self._passed + 1)

    @property
    def words(self) -> str:
        """Where the run stands among its looks; empty for a study without."""
        if self._schedule is None:
            return ""
        return Standing(schedule=self._schedule, passed=self._passed, ended=self.ended).words

    def add(self, record: Record) -> None:
        """Keep a finished trial for the looks to come."""
        if self._schedule is not None:
            self._records[record.trial] = record

    def look(self) -> None:
        """Look at the rules if all trials before another look are finished.

        Where trials after it are finished, too, it was looked at by an earlier command, and left something to decide.
        """
        schedule = self._schedule
        if schedule is None or self.ended:
            return
        number, before = schedule.passed(self._records), self._passed
        self._passed = number
        if number == before or len(self._records) > schedule.trials(number):
            return
        records = [self._records[trial] for trial in sorted(self._records)]
        left = undecided(self._manifest, records, number)
        if not left and number < len(schedule.ends):
            self.ended = schedule.ends[number - 1]
        logger.info("%s: %s", schedule.name(number), _found(left))


def _found(undecided: Sequence[str]) -> str:
    return f"undecided: {', '.join(undecided)}" if undecided else "every rule is decided"
