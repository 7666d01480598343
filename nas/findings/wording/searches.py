"""Strategies of search as people read them: rows of a table and sentences, effect first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from nas.analysis.searches.curves import LEAST, Advantage, SearchCurve
from nas.analysis.statistics.interval import Interval
from nas.findings.wording.numbers import NOTHING, compared, percent

HEADER = ("strategy", "searches", "trials", "in the end", "area", "ratio of areas", "compute to reach the first")
"""Of a table of strategies; the first column is text."""
MEASURES = {
    "error": "Lowest validation error so far",
    "undominated": "Share of error and log multiply-adds that no network found so far dominates (1 - hypervolume)",
}
"""What a search has found, in words."""
VERDICTS = {
    "better": "{name} finds better networks than {reference} at equal compute",
    "worse": "{name} finds worse networks than {reference} at equal compute",
    "undecided": "{name} and {reference} can't be told apart at equal compute",
    "unknown": f"Nothing can be said of {{name}} and {{reference}} below {LEAST} searches each",
}


@dataclass(frozen=True, kw_only=True)
class SearchRow:
    """One strategy as texts."""

    name: str
    """The strategy."""
    cells: tuple[str, ...]
    """Its row below `HEADER`."""
    sentence: str
    """What its comparison says; empty for the reference."""


def search_row(curve: SearchCurve, found: Advantage | None, measure: str) -> SearchRow:
    """A strategy's curve and its comparison, None for the reference, as texts."""
    return SearchRow(
        name=curve.name,
        cells=(
            curve.name,
            str(curve.n),
            f"{curve.trials:.1f}",
            _with_ends(curve.mean[-1], percent),
            percent(curve.area.estimate),
            "1" if found is None else _with_ends(found.ratio, "{:.3f}".format),
            NOTHING if found is None else _reach(found),
        ),
        sentence="" if found is None else _sentence(curve, found, measure),
    )


def _sentence(curve: SearchCurve, found: Advantage, measure: str) -> str:
    """The verdict, then what it rests on."""
    verdict = VERDICTS[found.verdict].format(name=found.name, reference=found.reference)
    area = "lowest error so far" if measure == "error" else "undominated share"
    told = (
        f"{verdict}: stopped at any moment its {area} is {_with_ends(found.ratio, '{:.3f}'.format)} times that of "
        f"{found.reference}{_p(found)}, n = {found.n} + {found.n_reference}"
    )
    if measure != "error":
        least, final = 1.0 - curve.mean[-1].estimate, found.final.estimate
        return f"{told}. In the end its hypervolume is {percent(least)}, against {percent(least + final)}."
    if found.reach is None:
        return f"{told}. On average it never has what {found.reference} has in the end."
    return f"{told}. On average it has with {found.reach:.2f} times the compute what {found.reference} has in the end."


def _p(found: Advantage) -> str:
    """The p-value in words, where there are searches enough for one."""
    if found.verdict == "unknown":
        return ""
    return f", adjusted p {compared(found.p_adjusted)}"


def _reach(found: Advantage) -> str:
    return "never" if found.reach is None else f"x {found.reach:.2f}"


def _with_ends(interval: Interval, write: Callable[[float], str]) -> str:
    """An estimate with its interval, if it has one."""
    if not isfinite(interval.low):
        return write(interval.estimate)
    return f"{write(interval.estimate)} [{write(interval.low)}, {write(interval.high)}]"
