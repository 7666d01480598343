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
CLAIMS = {
    "helps": "supported",
    "hurts": "contradicted",
    "middle": "not supported",
    "ends": "not supported",
    "equivalent": "not supported",
    "undecided": "open",
}
"""Verdict -> what it means for the rule's statement."""
PHRASES = {
    "helps": ("helps", "help"),
    "hurts": ("hurts", "hurt"),
    "middle": ("is best in the middle", "are best in the middle"),
    "ends": ("is worst in the middle", "are worst in the middle"),
    "equivalent": ("makes no difference that matters", "make no difference that matters"),
}
"""Decided verdict -> how a headline says it of one rule and of several."""
MOST_SHOWN = 1e6
"""From this on digits after the point would only be long."""
LEAST_SHOWN, NOISE = 0.005, 0.0005
"""Below the first two decimals would say 0; below the other it is rounding, for errors are counts of images."""
MOST_NAMED, MOST_HELD = 8, 24
"""Most rules that a sentence names, and most columns that were held fixed."""
LEVEL = f"{100 * CONFIDENCE:.0f} %"
HEADER = (
    "rule",
    "verdict",
    f"difference, {POINTS} [{LEVEL}]",
    f"P(better) [{LEVEL}]",
    f"rho [{LEVEL}]",
    "medians",
    "delta",
    "p, Holm",
    "n",
    "failures",
    "more needed",
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
    better: str
    """P(better), or the rank correlation of a column."""
    ends: str
    """The interval of that."""
    level: str
    """Confidence of its intervals."""
    cells: tuple[str, ...]
    """Its row below `HEADER`."""
    line: str
    """The same without the name, as short as it can be: effect, interval, and what would decide it."""
    sentence: str
    """The verdict with its numbers, in words."""
    claim: str
    """What the verdict means for the statement: supported, contradicted, not supported or open."""
    warnings: tuple[str, ...]
    """What must be said beside it."""

    @property
    def marked(self) -> tuple[str, ...]:
        """The warnings with the name of the rule."""
        return tuple(f"{self.name}: {warning}" for warning in self.warnings)


def rule_row(verdict: Verdict) -> RuleRow:
    """A verdict as texts."""
    alone, points, tested = is_order(verdict), of_errors(verdict), of_pairs(verdict)
    failed = verdict.failures_first + verdict.failures_second
    return RuleRow(
        name=verdict.name,
        statement=verdict.statement,
        verdict=_word(verdict),
        kind=verdict.verdict,
        effect=effect_text(points.estimate, False) if points else NOTHING,
        better=_tested(tested.estimate, alone) if tested else NOTHING,
        ends=_span(tested, alone) if tested else NOTHING,
        level=_level(verdict),
        cells=(
            verdict.name,
            f"{_word(verdict)} ({_size(verdict)})" if verdict.verdict in ("helps", "hurts") else _word(verdict),
            f"{signed(points.estimate, False)} {ends_text(points.low, points.high, False)}" if points else NOTHING,
            NOTHING if alone else _tested_text(verdict),
            _tested_text(verdict) if alone else NOTHING,
            _medians(verdict),
            NOTHING if verdict.delta is None else f"{100 * verdict.delta:.2f}",
            probability(verdict.p_adjusted),
            sides_text(verdict.n_first, verdict.n_second, alone),
            sides_text(verdict.failures_first, verdict.failures_second, alone) if failed else NOTHING,
            f"{verdict.needs:,}" if verdict.needs else "unknown" if _word(verdict) == WORDS["undecided"] else NOTHING,
        ),
        line=line(verdict),
        sentence=sentence(verdict),
        claim=CLAIMS[verdict.verdict],
        warnings=verdict.warnings,
    )


def shown(rows: Sequence[RuleRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and cells of the columns in which some row has something."""
    places = [place for place in range(len(HEADER)) if any(row.cells[place] != NOTHING for row in rows)]
    level = rows[0].level if rows else LEVEL
    return tuple(HEADER[place].replace(LEVEL, level) for place in places), [
        tuple(row.cells[place] for place in places) for row in rows
    ]


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many rules are decided, and how, in one line."""
    if not verdicts:
        return "no rules"
    words = {verdict.name: _word(verdict) for verdict in verdicts}
    decided = sum(verdict.verdict != "undecided" for verdict in verdicts)
    named = [word for word in (*WORDS.values(), TURNED) if word in words.values() and word != WORDS["undecided"]]
    kinds = [f"{word}: {shortened([name for name in words if words[name] == word], MOST_NAMED)}" for word in named]
    return "; ".join([f"{decided} of {plural(len(verdicts), 'rule')} decided", *kinds])


def _tested_text(verdict: Verdict) -> str:
    """The effect that is tested, with its interval: `94.1 % [77.1, 98.7]` or `-0.61 [-0.72, -0.46]`."""
    tested, alone = of_pairs(verdict), is_order(verdict)
    if tested is None:
        return NOTHING
    if alone:
        return f"{tested.estimate:+.2f} [{tested.low:+.2f}, {tested.high:+.2f}]"
    return f"{share(tested.estimate)} [{100 * tested.low:.1f}, {100 * tested.high:.1f}]"


def _medians(verdict: Verdict) -> str:
    """The medians of both sides, a failure where most have failed."""
    if verdict.median_first is None or verdict.median_second is None:
        return NOTHING
    texts = [
        f"{100 * middle:.2f}" if math.isfinite(middle) else "failed"
        for middle in (verdict.median_first, verdict.median_second)
    ]
    return " | ".join(texts)


def _word(verdict: Verdict) -> str:
    return TURNED if verdict.verdict == "undecided" and _turned(verdict) else WORDS[verdict.verdict]


def _confidence(verdict: Verdict) -> float:
    """Of its intervals; of all looks together where there are some."""
    return CONFIDENCE if verdict.look else verdict.confidence


def _level(verdict: Verdict) -> str:
    return f"{100 * _confidence(verdict):.0f} %"


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
            return f"{verdict.name} {verdict.verdict}: {_finding(verdict)} {rests}.{_against_delta(verdict)}"
        case "middle":
            return f"{verdict.name} is best in the middle, near {verdict.near:g}: larger and smaller are worse {rests}."
        case "ends":
            return f"{verdict.name} is worst in the middle, near {verdict.near:g}: both ends are better {rests}."
        case "equivalent":
            inside = f"no two parts of it differ by more, {_held(verdict)}"
            inside = inside if verdict.narrow is None else _inside(verdict.narrow)
            return f"{verdict.name} makes no difference that matters, {_delta(verdict)}: {inside} {rests}."
        case "undecided":
            if _turned(verdict):
                return f"{verdict.name} {TURNED}: {_more(verdict)} {rests}. More networks like these needn't decide it."
            seen = f"{_seen(verdict)}, which may be chance"
            return f"{verdict.name} is undecided: {seen} {rests}; {_more(verdict)}.{_why(verdict)}"


def _against_delta(verdict: Verdict) -> str:
    """Whether an effect that is there is known to matter, in a sentence."""
    words = {"size > delta": "is larger", "size < delta": "is smaller", "size unclear": "may be smaller or larger"}
    size = _size(verdict)
    if size in words:
        return f" By its interval the effect {words[size]} than what matters, {_delta(verdict)}."
    return "" if of_errors(verdict) else " In points its size isn't known: what is held fixed tells its parts."


def _size(verdict: Verdict) -> str:
    """What is known of the size of an effect that is there, as short as a table has it."""
    points = of_errors(verdict)
    if verdict.within_delta:
        return "size < delta"
    if points is None or verdict.delta is None:
        return "size unknown"
    return "size > delta" if max(points.low, -points.high) > verdict.delta else "size unclear"


def _inside(narrow: Interval) -> str:
    """What two one-sided tests go by."""
    ends = ends_text(narrow.low, narrow.high, False)
    return f"the {100 * narrow.confidence:.0f} % interval of its effect, {ends} with the doubt about delta, lies inside"


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
    return f"{_word(verdict)}: {', '.join(parts)}{more}{_looked(verdict)}"


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
    words = ("is ahead of", "is behind") if verdict.verdict == "undecided" else ("beats", "loses to")
    pairs = f"{verdict.first} {words[0] if low else words[1]} {verdict.second}"
    pairs = f"{pairs} in {share(wins if low else 1.0 - wins)} of pairs"
    if math.isinf(verdict.effect):
        return f"{pairs}, for failures decide it"
    return f"{pairs}, with errors {_in_points(abs(verdict.effect))} {'lower' if low else 'higher'}"


def _held(verdict: Verdict) -> str:
    """What was held fixed, in words."""
    return f"adjusted for {shortened(verdict.given, MOST_HELD)}" if verdict.given else "adjusted for nothing"


def _effect(verdict: Verdict) -> str:
    points, alone, medians = of_errors(verdict), is_order(verdict), _medians(verdict)
    looks = " over all interim looks" if verdict.look else ""
    parts = []
    if verdict.better or alone:
        parts.append(f"{'rho' if alone else 'P(better)'} {_tested_text(verdict)}")
    if alone and verdict.plain is not None and verdict.given:
        parts.append(f"unadjusted {verdict.plain:+.2f}")
    if points:
        what = "errors of the upper less the lower third" if alone else "errors"
        other = ", the other way" if alone and points.estimate * verdict.effect < 0.0 else ""
        ends = ends_text(points.low, points.high, False)
        parts.append(f"{what} {signed(points.estimate, False)} {POINTS} {ends}{other}")
    if parts:
        parts[-1] += f", {_level(verdict)} intervals{looks}"
    if medians != NOTHING:
        parts.append(f"medians {medians.replace(' | ', ' against ')}{_turned_medians(verdict)}")
    return "; ".join(parts)


def _turned_medians(verdict: Verdict) -> str:
    """What is said where the medians differ the other way than most pairs."""
    first, second = verdict.median_first, verdict.median_second
    if first is None or second is None or not math.isfinite(first - second):
        return ""
    return ", which differ the other way" if (first - second) * verdict.effect < 0.0 else ""


def _sample(verdict: Verdict) -> str:
    failures = verdict.failures_first + verdict.failures_second
    sides = sides_text(verdict.n_first, verdict.n_second, is_order(verdict))
    lost = sides_text(verdict.failures_first, verdict.failures_second, is_order(verdict))
    failed = f", failures {lost}" if failures else ""
    return f"corrected p {compared(verdict.p_adjusted)}, n = {sides}{failed}{_looked(verdict)}"


def _looked(verdict: Verdict) -> str:
    """At which interim look it was decided, or still wasn't."""
    if verdict.look is None:
        return ""
    look, how = verdict.look, "still at" if verdict.verdict == "undecided" else "decided at"
    return (
        f"; {how} interim look {look.number} of {look.of}, at {look.networks:,} of {look.cap:,} networks of each space"
    )


def _delta(verdict: Verdict) -> str:
    return NOTHING if verdict.delta is None else _in_points(verdict.delta)


def _more(verdict: Verdict) -> str:
    if _turned(verdict):
        plain = "higher" if (verdict.plain or 0.0) > 0.0 else "lower"
        held = "higher" if verdict.effect > 0.0 else "lower"
        return (
            f"larger values go with {plain} errors as they stand, and with {held} ones adjusted for "
            f"{shortened(verdict.given, MOST_HELD)}"
        )
    if verdict.needs is None:
        few = "these networks can't tell how many more it takes"
        return few if verdict.delta else "nothing says which effect matters"
    sides = "" if is_order(verdict) else ", both sides together,"
    return f"about {plural(verdict.needs, 'network')} more{sides} are likely to decide it, one way or the other"


def _turned(verdict: Verdict) -> bool:
    return verdict.plain is not None and verdict.plain * verdict.effect < 0.0 and not verdict.low <= 0.0 <= verdict.high


def _why(verdict: Verdict) -> str:
    """Why an interval without 0 doesn't decide, for there are other rules; and one inside of delta, of a column."""
    if not verdict.low <= 0.0 <= verdict.high:
        which = "the interval of rho" if is_order(verdict) else "the interval of its difference"
        return (
            f" Uncorrected it would count, for {which} leaves out 0; p is corrected for all rules, intervals are not."
        )
    points, delta = verdict.points, verdict.delta
    if points is None or delta is None or not -delta < points.low <= points.high < delta:
        return ""
    return f" Its outer thirds differ by less than what matters, {_in_points(delta)}; others of its parts may not."


def _tested(value: float, alone: bool) -> str:
    """P(better) as a share, or a correlation with its sign."""
    return f"{value:+.2f}" if alone else share(value)


def _span(tested: Interval, alone: bool) -> str:
    return f"{_tested(tested.low, alone)} to {_tested(tested.high, alone)}"


def signed(value: float, alone: bool) -> str:
    """An effect with its sign: in points, or a correlation where it stands alone; never 0 for what isn't."""
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    shown = value if alone else 100 * value
    if abs(shown) >= MOST_SHOWN:
        return f"{shown:+.3g}"
    return f"{shown:+.1g}" if NOISE < abs(shown) < LEAST_SHOWN else f"{shown:+.2f}"


def effect_text(value: float, alone: bool) -> str:
    """An effect with its sign and unit."""
    return f"rho {signed(value, alone)}" if alone else f"{signed(value, alone)} {POINTS}"


def ends_text(low: float, high: float, alone: bool) -> str:
    """An interval of effects."""
    return f"[{signed(low, alone)}, {signed(high, alone)}]"


def sides_text(first: int, second: int, alone: bool) -> str:
    """The counts of both sides, of a column its only one."""
    return f"{first:,}" if alone else f"{first:,} + {second:,}"


def _in_points(value: float) -> str:
    return f"{100 * value:.2f} {POINTS}"
