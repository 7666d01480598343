"""What a run's records decide at its interim looks: from the trials that were finished at each to verdicts."""

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
    """Names of a study's rules that its records leave undecided after so many interim looks.

    All of them where they can't be tested: a run ends at its cap then, and keeps what it has trained.
    """
    rules = manifest.study.rules
    try:
        verdicts = verdicts_by_look(manifest, table(records), rules, number)
    except Refused as refusal:
        logger.warning("interim look %d: the rules can't be tested: %s", number, refusal)
        return tuple(rule.name for rule in rules)
    return tuple(verdict.name for verdict in verdicts if verdict.verdict == "undecided")


def verdicts_by_look(
    manifest: Manifest, frame: pd.DataFrame, rules: Sequence[Rule], number: int, *, delta: float | None = None
) -> tuple[Verdict, ...]:
    """What a run's table says of rules at the interim look of this number, from 1; later trials are left out."""
    schedule = _schedule(manifest)
    frames = [frame[frame["trial"] < schedule.trials(look)] for look in range(1, number + 1)]
    return verdicts_at_look(frames, schedule.ends, rules, guess=manifest.data.guess, delta=delta)


def look_of(manifest: Manifest, frame: pd.DataFrame) -> Look | None:
    """The last interim look whose trials are all in a run's table; None without any, refused before the first."""
    if manifest.study.looks is None:
        return None
    schedule = _schedule(manifest)
    number = schedule.passed(set(frame["trial"]))
    if not number:
        raise Refused(
            f"study {manifest.study.name!r} hasn't reached its first interim look, at {schedule.ends[0]} networks of "
            f"each space: {len(frame)} of {schedule.trials(1)} trials are finished",
            hint="testing earlier isn't corrected for; run the same command again to resume",
        )
    cap = schedule.ends[-1]
    return Look(number=number, of=len(schedule.ends), networks=schedule.ends[number - 1], cap=cap)


def head_of(look: Look, verdicts: Sequence[Verdict]) -> tuple[tuple[str, str], ...]:
    """What verdicts at an interim look rest on: name and text."""
    level = 100 * max((verdict.confidence for verdict in verdicts), default=0.0)
    return (
        ("look", f"{look.number} of {look.of}, at {look.networks:,} of {look.cap:,} networks of each space"),
        (
            "looking",
            f"false verdicts are limited over all interim looks; an interval is one of {level:.2f} %, "
            "95 % over all of them",
        ),
    )


def notes_of(manifest: Manifest, look: Look, finished: int, total: int) -> tuple[str, ...]:
    """What must be said beside the verdicts of a run's last interim look."""
    if manifest.ended and manifest.rules_after >= _schedule(manifest).each * manifest.ended:
        return (
            "The run ended early because the rules that it had then were decided. These were stated after that, and no "
            "more networks come",
        )
    if manifest.ended:
        return (
            "The run ended early because every rule was decided. That happens where effects seem clear, so those that "
            "are shown are overstated a little; verdicts and intervals allow for that",
        )
    if finished < total:
        return (
            f"The run isn't finished: {finished:,} of {total:,} trials, if all are needed. Verdicts are those of "
            f"interim look {look.number}; later trials aren't tested yet",
        )
    return ()


def _schedule(manifest: Manifest) -> Schedule:
    schedule = manifest.study.schedule
    if schedule is None:
        raise ValueError(f"study {manifest.study.name!r} has no interim looks")
    return schedule
