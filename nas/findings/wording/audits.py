"""An audit as people read it: one row and one sentence a rule, and a line for each number that is of all networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nas.analysis import Agreement, Interval, LongVerdict, NoiseFloor
from nas.findings.wording.numbers import NOTHING, listed, plural, probability, share
from nas.findings.wording.rules import LEVEL, POINTS, WORDS, effect_text, ends_text, is_order, sides_text

HEADER = (
    "rule",
    "at a longer training",
    "short verdict",
    "effect",
    f"{LEVEL} interval",
    "longer verdict",
    "effect",
    f"{LEVEL} interval",
    "delta",
    "p, Holm",
    "n longer",
)
LONGER = (*HEADER[:3], "longer verdict", "longer effect", f"its {LEVEL} interval", *HEADER[8:])
"""The same beside a table of the run's own verdicts."""
SUMMED = {"agrees": "would stay", "changes": "would change", "not known": "can't be told for too few networks"}
"""Change -> how a summary says it."""
CHANGES = {"agrees": "agrees", "changes": "would change", "not known": "not known"}
"""Change -> how it is shown."""


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """One rule at both trainings as texts."""

    name: str
    """Of the rule."""
    cells: tuple[str, ...]
    """Its row below `HEADER`."""
    sentence: str
    """What the longer training says, in words."""


def audit_row(verdict: LongVerdict, longer: int) -> AuditRow:
    """A verdict as texts."""
    alone = is_order(verdict)
    estimated = _estimated(verdict)
    counts = sides_text(verdict.n_first, verdict.n_second, alone)
    delta = NOTHING if verdict.delta is None else f"{verdict.delta if alone else 100 * verdict.delta:.2f}"
    return AuditRow(
        name=verdict.name,
        cells=(
            verdict.name,
            CHANGES[verdict.change],
            WORDS[verdict.short],
            effect_text(verdict.short_effect.estimate, alone),
            ends_text(verdict.short_effect.low, verdict.short_effect.high, alone),
            WORDS[verdict.long] if estimated else NOTHING,
            effect_text(verdict.long_effect.estimate, alone) if estimated else NOTHING,
            ends_text(verdict.long_effect.low, verdict.long_effect.high, alone) if estimated else NOTHING,
            delta,
            probability(verdict.p_adjusted) if estimated else NOTHING,
            counts,
        ),
        sentence=_sentence(verdict, longer),
    )


def audit_summary(verdicts: Sequence[LongVerdict], longer: int) -> str:
    """Whether the verdicts should be believed, in a sentence; empty without verdicts."""
    if not verdicts:
        return ""
    counts = {change: sum(verdict.change == change for verdict in verdicts) for change in SUMMED}
    parts = [f"{number} {SUMMED[change]}" for change, number in counts.items() if number]
    return f"Of {plural(len(verdicts), 'verdict')} {listed(parts)} at trainings {longer} times as long"


def longer_cells(row: AuditRow) -> tuple[str, ...]:
    """The row below `LONGER`: without the effects at the run's own training, which stand with the run's verdicts."""
    return (*row.cells[:3], *row.cells[5:])


def audit_head(agreement: Agreement, again: Agreement | None, noise: NoiseFloor | None) -> tuple[tuple[str, str], ...]:
    """Name and text of each number that is of all networks: tau, regret, and seed variance."""
    failures = f", failures {agreement.failures_short} short and {agreement.failures_long} longer"
    lines = [
        ("tau", f"{_tau(agreement)}: short and longer errors in the same order{failures}"),
        ("regret", f"{_points(agreement.regret)}: longer error of the best short one, less the best longer one"),
    ]
    if again:
        lines.append(("seed tau", f"{_tau(again)}: short errors with two seeds in the same order"))
    if noise:
        basis = f"n = {noise.networks}, {plural(noise.trainings, 'training')}"
        parts = f"[{share(noise.share.low)}, {share(noise.share.high)}]"
        lines += [
            ("seed deviation", f"{_points(noise.noise)}: standard deviation of one network over seeds, {basis}"),
            ("seed variance", f"{share(noise.share.estimate)} {parts} of the variance of short errors"),
        ]
    warnings = [*agreement.warnings, *(again.warnings if again else ()), *(noise.warnings if noise else ())]
    return (*lines, *(("warning", text) for text in dict.fromkeys(warnings)))


def _tau(agreement: Agreement) -> str:
    return f"{tau_text(agreement)}, n = {agreement.n}"


def tau_text(agreement: Agreement) -> str:
    """The rank correlation with its interval."""
    tau = agreement.tau.coefficient
    return f"{tau.estimate:.2f} [{tau.low:.2f}, {tau.high:.2f}]"


def _points(interval: Interval) -> str:
    ends = f"{100 * interval.low:.2f}, {100 * interval.high:.2f}"
    return f"{100 * interval.estimate:.2f} {POINTS} [{ends}]"


def _estimated(verdict: LongVerdict) -> bool:
    return math.isfinite(verdict.long_effect.low)


def _sentence(verdict: LongVerdict, longer: int) -> str:
    """What the longer training says of a rule, its numbers inside."""
    length = f"at trainings {longer} times as long"
    if not _estimated(verdict):
        return f"{verdict.name} is not known {length}: too few networks were trained again for an estimate."
    alone = is_order(verdict)
    counts = sides_text(verdict.n_first, verdict.n_second, alone)
    short, long = verdict.short_effect, verdict.long_effect
    rests = (
        f"({effect_text(long.estimate, alone)} {ends_text(long.low, long.high, alone)} after "
        f"{effect_text(short.estimate, alone)}; corrected p {probability(verdict.p_adjusted)}, "
        f"{counts} networks trained again)"
    )
    match verdict.change:
        case "agrees":
            return f"{verdict.name} agrees: {WORDS[verdict.long]}, also {length} {rests}."
        case "changes":
            return f"{verdict.name} would change {_change(verdict)} {length} {rests}."
        case "not known":
            return f"{verdict.name} is not known {length} with so few {rests}: {_more(verdict)}."


def _change(verdict: LongVerdict) -> str:
    return f"from '{WORDS[verdict.short]}' to '{WORDS[verdict.long]}'"


def _more(verdict: LongVerdict) -> str:
    if verdict.delta is None:
        return "the longer errors don't vary, so nothing says which difference matters"
    if verdict.needs is None:
        return "not even all networks of the run, trained again, are likely to decide it"
    return f"it needs about {plural(verdict.needs, 'network')} more, trained again"
