"""What a run's records decide at its looks: from the trials that were over at each to verdicts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas.analysis import Verdict, verdicts_at_look
from nas.data import DataInfo
from nas.errors import Refused
from nas.looks import Schedule, schedule_of
from nas.record import Record
from nas.rule import Rule
from nas.study import Study
from nas.table import table

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def verdicts_by_look(
    frame: pd.DataFrame,
    rules: Sequence[Rule],
    schedule: Schedule,
    number: int,
    *,
    guess: float,
    delta: float | None = None,
) -> tuple[Verdict, ...]:
    """What a run's table says of rules at the look of this number, counted from 1; later trials aren't looked at."""
    frames = [frame[frame["trial"] < schedule.trials(look)] for look in range(1, number + 1)]
    return verdicts_at_look(frames, schedule.ends, rules, guess=guess, delta=delta)


def undecided(study: Study, info: DataInfo, records: Sequence[Record], number: int) -> tuple[str, ...]:
    """Names of the study's rules that its records leave undecided after so many looks.

    All of them where they can't be tested: a run ends at its cap then, and keeps what it has trained.
    """
    schedule = schedule_of(study)
    if schedule is None:
        raise ValueError(f"study {study.name!r} has no looks")
    try:
        found = verdicts_by_look(table(records), study.rules, schedule, number, guess=info.guess)
    except Refused as refusal:
        logger.warning("look %d of %d: the rules can't be tested: %s", number, len(schedule.ends), refusal)
        return tuple(rule.name for rule in study.rules)
    return tuple(verdict.name for verdict in found if verdict.verdict == "undecided")
