"""Verdicts as people read them: one row and one sentence a rule, for the terminal, notebooks and the page alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nas.analysis import CONFIDENCE, LongVerdict, Verdict
from nas.findings.wording.numbers import NOTHING, compared, plural, probability, share

POINTS = "points"
"""Unit of differences: hundredths of the error."""
WORDS = {
    "helps": "helps",
    "hurts": "hurts",
    "equivalent": "no difference that matters",
    "undecided": "undecided",
}
"""Verdict -> how it is shown."""
LEVEL = f"{100 * CONFIDENCE:.0f} %"
HEADER = (
    "rule",
    "verdict",
    "effect",
    f"{LEVEL} interval",
    "delta",
    "P(better)",
    "p",
    "p, Holm",
    "n",
    "failures",
)


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    """One verdict as texts."""

    name: str
    """Of the rule."""
    statement: str
    """The rule as a sentence."""
    verdict: str
    """In words."""
    kind: str
    """One of helps, hurts, equivalent, undecided."""
    effect: str
    """With its unit."""
    cells: tuple[str, ...]
    """Its row below `HEADER`."""
    sentence: str
    """The verdict with its numbers, in words."""
    warnings: tuple[str, ...]
    """What must be said beside it."""

    @property
    def marked(self) -> tuple[str, ...]:
        """The warnings with the name of the rule."""
        return tuple(f"{self.name}: {warning}" for warning in self.warnings)


def rule_row(verdict: Verdict) -> RuleRow:
    """A verdict as texts."""
    alone = is_order(verdict)
    effect = effect_text(verdict.effect, alone)
    return RuleRow(
        name=verdict.name,
        statement=verdict.statement,
        verdict=WORDS[verdict.verdict],
        kind=verdict.verdict,
        effect=effect,
        cells=(
            verdict.name,
            WORDS[verdict.verdict],
            effect,
            ends_text(verdict.low, verdict.high, alone),
            NOTHING if verdict.delta is None else _size(verdict.delta, alone),
            share(verdict.better.estimate) if verdict.better else NOTHING,
            probability(verdict.p_value),
            probability(verdict.p_adjusted),
            sides_text(verdict.n_first, verdict.n_second, alone),
            sides_text(verdict.failures_first, verdict.failures_second, alone),
        ),
        sentence=sentence(verdict),
        warnings=verdict.warnings,
    )


def is_order(verdict: Verdict | LongVerdict) -> bool:
    """Whether it speaks of the order of a column."""
    return verdict.measure == "rank correlation"


def sentence(verdict: Verdict) -> str:
    """A verdict in one or two sentences, its numbers inside."""
    rests = f"({_effect(verdict)}; {_sample(verdict)})"
    match verdict.verdict:
        case "helps" | "hurts":
            small = (
                f" The effect is certainly smaller than the equivalence margin, {_delta(verdict)}."
                if verdict.within_delta
                else ""
            )
            return f"{verdict.name} {verdict.verdict}: {_finding(verdict)} {rests}.{small}"
        case "equivalent":
            return f"{verdict.name} makes no difference larger than the equivalence margin, {_delta(verdict)} {rests}."
        case "undecided":
            return f"{verdict.name} is undecided {rests}: {_more(verdict)}.{_why(verdict)}"


def _finding(verdict: Verdict) -> str:
    seen = _seen(verdict)
    return seen if (verdict.effect < 0.0) == (verdict.verdict == "helps") else f"decided so, though by now {seen}"


def _seen(verdict: Verdict) -> str:
    low = verdict.effect < 0.0
    if is_order(verdict):
        return f"the error {'falls' if low else 'rises'} as values rise"
    wins = f", and {share(verdict.better.estimate)} of pairs are won" if verdict.better else ""
    return f"the mean error is {_size(abs(verdict.effect), False)} {'lower' if low else 'higher'}{wins}"


def _effect(verdict: Verdict) -> str:
    alone = is_order(verdict)
    what = "Spearman's rho" if alone else "difference"
    unit = "" if alone else f" {POINTS}"
    ends = f"{signed(verdict.low, alone)} to {signed(verdict.high, alone)}"
    looks = " over all interim looks" if verdict.look else ""
    return f"{what} {signed(verdict.effect, alone)}{unit}, {LEVEL} interval{looks} {ends}"


def _sample(verdict: Verdict) -> str:
    failures = verdict.failures_first + verdict.failures_second
    sides = sides_text(verdict.n_first, verdict.n_second, is_order(verdict))
    failed = f", {plural(failures, 'failure')}" if failures else ""
    return f"adjusted p {compared(verdict.p_adjusted)}, n = {sides}{failed}{_looked(verdict)}"


def _looked(verdict: Verdict) -> str:
    """At which interim look it was decided, or still wasn't."""
    if verdict.look is None:
        return ""
    look, how = verdict.look, "still at" if verdict.verdict == "undecided" else "decided at"
    return (
        f"; {how} interim look {look.number} of {look.of}, at {look.networks:,} of {look.cap:,} networks of each space"
    )


def _delta(verdict: Verdict) -> str:
    if verdict.delta is None:
        return NOTHING
    text = _size(verdict.delta, is_order(verdict))
    return f"a rho of {text}" if is_order(verdict) else text


def _more(verdict: Verdict) -> str:
    if verdict.needs is None:
        return "nothing says how many more networks it needs"
    return f"it needs about {plural(verdict.needs, 'network')} more"


def _why(verdict: Verdict) -> str:
    """Why an interval without 0 doesn't decide: p is stricter."""
    if verdict.low <= 0.0 <= verdict.high:
        return ""
    return " Its interval leaves out 0, but p is stricter: it tests means and ranks, corrected for all rules together."


def signed(value: float, alone: bool) -> str:
    """An effect with its sign: in points, or a correlation where it stands alone."""
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    return f"{value:+.2f}" if alone else f"{100 * value:+.2f}"


def effect_text(value: float, alone: bool) -> str:
    """An effect with its sign and unit."""
    return f"rho {signed(value, alone)}" if alone else f"{signed(value, alone)} {POINTS}"


def ends_text(low: float, high: float, alone: bool) -> str:
    """An interval of effects."""
    return f"[{signed(low, alone)}, {signed(high, alone)}]"


def sides_text(first: int, second: int, alone: bool) -> str:
    """The counts of both sides, of a column its only one."""
    return f"{first:,}" if alone else f"{first:,} + {second:,}"


def _size(value: float, alone: bool) -> str:
    return f"{value:.2f}" if alone else f"{100 * value:.2f} {POINTS}"
