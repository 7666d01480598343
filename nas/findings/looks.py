"""What a run's records decide at its looks: from the trials that were over at each to verdicts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas.analysis import Look, Verdict, verdicts_at_look
from nas.errors import Refused
from nas.storage.study_json import Manifest
from nas.study import Rule
from nas.study.looks import Schedule
from nas.study.record import Record
from nas.study.table import table

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def undecided(manifest: Manifest, records: Sequence[Record], number: int) -> tuple[str, ...]:
    """Names of a study's rules that its records leave undecided after so many looks.

    All of them where they can't be tested: a run ends at its cap then, and keeps what it has trained.
    """
    rules = manifest.study.rules
    try:
        found = verdicts_by_look(manifest, table(records), rules, number)
    except Refused as refusal:
        logger.warning("look %d: the rules can't be tested: %s", number, refusal)
        return tuple(rule.name for rule in rules)
    return tuple(verdict.name for verdict in found if verdict.verdict == "undecided")


def verdicts_by_look(
    manifest: Manifest, frame: pd.DataFrame, rules: Sequence[Rule], number: int, *, delta: float | None = None
) -> tuple[Verdict, ...]:
    """What a run's table says of rules at the look of this number, counted from 1; later trials aren't looked at."""
    schedule = _schedule(manifest)
    frames = [frame[frame["trial"] < schedule.trials(look)] for look in range(1, number + 1)]
    return verdicts_at_look(frames, schedule.ends, rules, guess=manifest.data.guess, delta=delta)


def look_of(manifest: Manifest, frame: pd.DataFrame) -> Look | None:
    """The last look whose trials are all in a run's table; None without looks, refused before the first."""
    if manifest.study.looks is None:
        return None
    schedule = _schedule(manifest)
    number = schedule.passed(set(frame["trial"]))
    if not number:
        raise Refused(
            f"study {manifest.study.name!r} hasn't come to its first look, at {schedule.ends[0]} networks of each "
            f"space: {len(frame)} of {schedule.trials(1)} trials are over",
            hint="looking earlier isn't accounted for; the command that began the run goes on",
        )
    cap = schedule.ends[-1]
    return Look(number=number, of=len(schedule.ends), networks=schedule.ends[number - 1], cap=cap)


def head_of(look: Look, found: Sequence[Verdict]) -> tuple[tuple[str, str], ...]:
    """What verdicts at a look rest on: name and text."""
    level = 100 * max((verdict.confidence for verdict in found), default=0.0)
    return (
        ("look", f"{look.number} of {look.of}, at {look.networks:,} of {look.cap:,} networks of each space"),
        (
            "looking",
            f"false verdicts are limited over all looks; an interval is one of {level:.2f} %, 95 % over all looks",
        ),
    )


def notes_of(manifest: Manifest, look: Look, over: int, total: int) -> tuple[str, ...]:
    """What must be said beside the verdicts of a run's last look."""
    if manifest.ended and manifest.rules_after >= _schedule(manifest).each * manifest.ended:
        return (
            "The run has ended because the rules that it had then were decided. These were stated after that, and no "
            "more networks come",
        )
    if manifest.ended:
        return (
            "The run has ended because every rule was decided. It ends where effects look clear, so those that are "
            "named are overstated a little; verdicts and intervals allow for that",
        )
    if over < total:
        return (
            f"The run isn't finished: {over:,} of {total:,} trials are over, if all are needed. Verdicts are those of "
            f"look {look.number}; what came after it isn't looked at yet",
        )
    return ()


def _schedule(manifest: Manifest) -> Schedule:
    schedule = manifest.study.schedule
    if schedule is None:
        raise ValueError(f"study {manifest.study.name!r} has no looks")
    return schedule
