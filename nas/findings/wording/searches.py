"""Strategies of search as people read them: rows of a table and sentences, effect first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite

from nas.analysis.searches import LEAST, Advantage, SearchCurve
from nas.analysis.statistics.interval import Interval
from nas.findings.wording.numbers import NOTHING, capitalized, compared, few, isolated, percent

HEADER = ("strategy", "searches", "trials", "in the end", "area", "ratio of areas", "compute to reach the first")
"""Of a table of strategies; the first column is text."""
MEASURES = {
    "error": "Lowest validation error so far",
    "regret": "Regret: lowest validation error so far less the lowest of all networks",
    "undominated": "Share of error and log multiply-adds that no network found so far dominates (1 - hypervolume)",
}
"""What a search has found, in words."""
AREAS = {"error": "lowest error so far", "regret": "regret", "undominated": "undominated share"}
"""The same inside a sentence."""
VERDICTS = {
    "better": "{name} finds better networks than {reference} at equal compute",
    "worse": "{name} finds worse networks than {reference} at equal compute",
    "undecided": "{name} and {reference} can't be told apart at equal compute",
    "unknown": f"Nothing can be said of {{name}} and {{reference}} below {LEAST} searches each",
}


HEADLINES = {
    "better": "{names} {find} better networks than {reference} at equal compute",
    "worse": "{names} {find} worse networks than {reference} at equal compute",
    "undecided": "{names} can't be told apart from {reference} at equal compute",
    "unknown": f"below {LEAST} searches each nothing can be said of {{names}} and {{reference}}",
}
"""The same of all strategies with one verdict."""


@dataclass(frozen=True, kw_only=True)
class SearchRow:
    """One strategy as texts."""

    name: str
    """The strategy."""
    cells: tuple[str, ...]
    """Its row below `HEADER`."""
    sentence: str
    """What its comparison says; empty for the reference."""


def search_row(curve: SearchCurve, advantage: Advantage | None, measure: str) -> SearchRow:
    """A strategy's curve and its comparison, None for the reference, as texts."""
    return SearchRow(
        name=curve.name,
        cells=(
            curve.name,
            str(curve.n),
            f"{curve.trials:.1f}",
            _with_ends(curve.mean[-1], percent),
            percent(curve.area.estimate),
            "1" if advantage is None else _with_ends(advantage.ratio, "{:.3f}".format),
            NOTHING if advantage is None else _reach(advantage),
        ),
        sentence="" if advantage is None else _sentence(curve, advantage, measure),
    )


def headline(advantages: Sequence[Advantage]) -> str:
    """What the comparisons say together: strategies by their verdict."""
    parts = []
    for verdict, text in HEADLINES.items():
        names = [isolated(each.name) for each in advantages if each.verdict == verdict]
        if names:
            reference, find = isolated(advantages[0].reference), "finds" if len(names) == 1 else "find"
            parts.append(text.format(names=few(names), find=find, reference=reference))
    return capitalized("; ".join(parts))


def _sentence(curve: SearchCurve, advantage: Advantage, measure: str) -> str:
    """The verdict, then what it rests on."""
    verdict = VERDICTS[advantage.verdict].format(name=advantage.name, reference=advantage.reference)
    ratio = _with_ends(advantage.ratio, "{:.3f}".format)
    text = (
        f"{verdict}: stopped at any moment its {AREAS[measure]} is {ratio} times that of "
        f"{advantage.reference}{_p(advantage)}, n = {advantage.n} + {advantage.n_reference}"
    )
    if measure == "undominated":
        least, final = 1.0 - curve.mean[-1].estimate, advantage.final.estimate
        return f"{text}. In the end its hypervolume is {percent(least)}, against {percent(least + final)}."
    if advantage.reach is None:
        return f"{text}. On average it never has what {advantage.reference} has in the end."
    reach = f"{advantage.reach:.2f} times the compute"
    return f"{text}. On average it has with {reach} what {advantage.reference} has in the end."


def _p(advantage: Advantage) -> str:
    """The p-value in words, where there are searches enough for one."""
    if advantage.verdict == "unknown":
        return ""
    return f", corrected p {compared(advantage.p_adjusted)}"


def _reach(advantage: Advantage) -> str:
    return "never" if advantage.reach is None else f"x {advantage.reach:.2f}"


def _with_ends(interval: Interval, write: Callable[[float], str]) -> str:
    """An estimate with its interval, if it has one."""
    if not isfinite(interval.low):
        return write(interval.estimate)
    return f"{write(interval.estimate)} [{write(interval.low)}, {write(interval.high)}]"
