"""Verdicts as people read them: one row and one sentence a rule, for the terminal, notebooks and the page alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nas.analysis import CONFIDENCE, Interval, LongVerdict, Verdict
from nas.findings.wording.numbers import (
    NOTHING,
    compared,
    few,
    isolated,
    plural,
    probability,
    share,
    shortened,
)

POINTS = "points"
"""Unit of differences: hundredths of the error."""
WORDS = {
    "helps": "helps",
    "hurts": "hurts",
    "middle": "best in the middle",
    "ends": "worst in the middle",
    "equivalent": "no difference that matters",
    "undecided": "undecided",
}
"""Verdict -> how it is shown."""
TURNED = "depends on the others"
"""How an undecided column is shown whose sign turns once it is adjusted for the others."""
PHRASES = {
    "helps": ("helps", "help"),
    "hurts": ("hurts", "hurt"),
    "middle": ("is best in the middle", "are best in the middle"),
    "ends": ("is worst in the middle", "are worst in the middle"),
    "equivalent": ("makes no difference that matters", "make no difference that matters"),
}
"""Decided verdict -> how a headline says it of one rule and of several."""
MOST_NAMED = 8
"""Most columns that a sentence names."""
LEVEL = f"{100 * CONFIDENCE:.0f} %"
HEADER = (
    "rule",
    "verdict",
    "errors",
    f"{LEVEL} interval",
    "P(better) or rho",
    f"its {LEVEL} interval",
    "delta",
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
    """One of helps, hurts, middle, ends, equivalent, undecided."""
    effect: str
    """With its unit."""
    cells: tuple[str, ...]
    """Its row below `HEADER`."""
    line: str
    """The same without the name, as short as it can be: effect, interval, and what would decide it."""
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
    points, tested = of_errors(verdict), of_pairs(verdict)
    effect = effect_text(points.estimate, False) if points else NOTHING
    return RuleRow(
        name=verdict.name,
        statement=verdict.statement,
        verdict=_word(verdict),
        kind=verdict.verdict,
        effect=effect,
        cells=(
            verdict.name,
            _word(verdict),
            effect,
            ends_text(points.low, points.high, False) if points else NOTHING,
            _tested(tested.estimate, alone) if tested else NOTHING,
            _span(tested, alone) if tested else NOTHING,
            NOTHING if verdict.delta is None else _size(verdict.delta),
            probability(verdict.p_adjusted),
            sides_text(verdict.n_first, verdict.n_second, alone),
            sides_text(verdict.failures_first, verdict.failures_second, alone),
        ),
        line=line(verdict),
        sentence=sentence(verdict),
        warnings=verdict.warnings,
    )


def _word(verdict: Verdict) -> str:
    return TURNED if verdict.verdict == "undecided" and _turned(verdict) else WORDS[verdict.verdict]


def is_order(verdict: Verdict | LongVerdict) -> bool:
    """Whether it speaks of the order of a column."""
    return verdict.measure == "rank correlation"


def of_errors(verdict: Verdict) -> Interval | None:
    """The effect in the unit of the errors: the shift of two samples, or the outer thirds of a column."""
    if is_order(verdict):
        return verdict.points
    return Interval(estimate=verdict.effect, low=verdict.low, high=verdict.high, confidence=verdict.confidence)


def of_pairs(verdict: Verdict) -> Interval | None:
    """The effect that is tested: P(better) of two samples, or the rank correlation of a column given the others."""
    if not is_order(verdict):
        return verdict.better
    return Interval(estimate=verdict.effect, low=verdict.low, high=verdict.high, confidence=verdict.confidence)


def sentence(verdict: Verdict) -> str:
    """A verdict in one or two sentences, its numbers inside."""
    rests = f"({_effect(verdict)}; {_sample(verdict)})"
    match verdict.verdict:
        case "helps" | "hurts":
            small = (
                f" The effect is certainly smaller than what matters, {_delta(verdict)}."
                if verdict.within_delta
                else ""
            )
            return f"{verdict.name} {verdict.verdict}: {_finding(verdict)} {rests}.{small}"
        case "middle":
            return f"{verdict.name} is best in the middle, near {verdict.near:g}: larger and smaller are worse {rests}."
        case "ends":
            return f"{verdict.name} is worst in the middle, near {verdict.near:g}: both ends are better {rests}."
        case "equivalent":
            inside = "no two parts of it differ by more" if is_order(verdict) else "the 90 % interval lies inside"
            return f"{verdict.name} makes no difference that matters, {_delta(verdict)}: {inside} {rests}."
        case "undecided":
            return f"{verdict.name} is undecided {rests}: {_more(verdict)}.{_why(verdict)}"


def line(verdict: Verdict) -> str:
    """The verdict without its name: effect with interval, and where it is undecided what is likely to decide it."""
    points, tested, alone = of_errors(verdict), of_pairs(verdict), is_order(verdict)
    parts = []
    if points:
        where = ", upper less lower third" if alone else ""
        parts.append(f"errors {effect_text(points.estimate, False)} {ends_text(points.low, points.high, False)}{where}")
    if tested and not alone:
        parts.append(f"{share(tested.estimate)} of pairs won ({_span(tested, alone)})")
    elif tested:
        parts.append(f"rank correlation {_tested(tested.estimate, alone)} ({_span(tested, alone)})")
    more = f"; {_more(verdict)}" if verdict.verdict == "undecided" else ""
    return f"{_word(verdict)}: {', '.join(parts)}{more}"


def headline(rows: Sequence[RuleRow], networks: int) -> str:
    """What the verdicts say together, in a sentence: the decided rules by name, the undecided ones by number."""
    names = {kind: [isolated(row.name) for row in rows if row.kind == kind] for kind in WORDS}
    parts = [f"{few(names[kind])} {PHRASES[kind][len(names[kind]) > 1]}" for kind in PHRASES if names[kind]]
    open_ones = len(names["undecided"])
    if not parts:
        which = f"none of the {open_ones} rules is" if open_ones > 1 else f"{names['undecided'][0]} isn't"
        return f"Still open: {which} decided by {plural(networks, 'network')}"
    if open_ones:
        parts.append(f"{plural(open_ones, 'rule')} of {len(rows)} {'is' if open_ones == 1 else 'are'} undecided")
    return "; ".join(parts)


def _finding(verdict: Verdict) -> str:
    seen = _seen(verdict)
    return seen if (verdict.effect < 0.0) == (verdict.verdict == "helps") else f"decided so, though by now {seen}"


def _seen(verdict: Verdict) -> str:
    low = verdict.effect < 0.0
    if is_order(verdict):
        return f"larger values go with {'lower' if low else 'higher'} errors, {_held(verdict)}"
    wins = verdict.better.estimate if verdict.better else 0.5
    pairs = f"a network that obeys beats another in {share(wins)} of pairs"
    if not low:
        pairs = f"a network that obeys loses to another in {share(1.0 - wins)} of pairs"
    if math.isinf(verdict.effect):
        return f"{pairs}, for failures decide it"
    return f"{pairs}, with errors {_size(abs(verdict.effect))} {'lower' if low else 'higher'}"


def _held(verdict: Verdict) -> str:
    """What was held fixed, in words."""
    return f"adjusted for {shortened(verdict.given, MOST_NAMED)}" if verdict.given else "adjusted for nothing"


def _effect(verdict: Verdict) -> str:
    points, tested, alone = of_errors(verdict), of_pairs(verdict), is_order(verdict)
    looks = " over all interim looks" if verdict.look else ""
    parts = []
    if tested:
        ends = _span(tested, alone)
        what = f"rho {_tested(tested.estimate, alone)}" if alone else f"P(better) {_tested(tested.estimate, alone)}"
        parts.append(f"{what}, {LEVEL} interval{looks} {ends}")
    if alone and verdict.plain is not None and verdict.given:
        parts.append(f"unadjusted {verdict.plain:+.2f}")
    if points:
        what = "errors of the upper less the lower third" if alone else "errors"
        parts.append(f"{what} {signed(points.estimate, False)} {POINTS} {ends_text(points.low, points.high, False)}")
    return "; ".join(parts)


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
    return NOTHING if verdict.delta is None else _size(verdict.delta)


def _more(verdict: Verdict) -> str:
    if _turned(verdict):
        plain = "higher" if (verdict.plain or 0.0) > 0.0 else "lower"
        held = "higher" if verdict.effect > 0.0 else "lower"
        return (
            f"larger values go with {plain} errors as they stand, and with {held} ones adjusted for "
            f"{shortened(verdict.given, MOST_NAMED)}"
        )
    if verdict.needs is None:
        return "no number of networks is likely to decide it" if verdict.delta else "nothing says which effect matters"
    return f"about {plural(verdict.needs, 'network')} more in all are likely to decide it, one way or the other"


def _turned(verdict: Verdict) -> bool:
    return verdict.plain is not None and verdict.plain * verdict.effect < 0.0 and not verdict.low <= 0.0 <= verdict.high


def _why(verdict: Verdict) -> str:
    """Why an interval without 0 doesn't decide: there are other rules."""
    if verdict.low <= 0.0 <= verdict.high or _turned(verdict):
        return ""
    return " Its interval alone leaves out 0; p is corrected for all rules together, intervals aren't."


def _tested(value: float, alone: bool) -> str:
    """P(better) as a share, or a correlation with its sign."""
    return f"{value:+.2f}" if alone else share(value)


def _span(tested: Interval, alone: bool) -> str:
    return f"{_tested(tested.low, alone)} to {_tested(tested.high, alone)}"


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


def _size(value: float) -> str:
    return f"{100 * value:.2f} {POINTS}"
