"""Searches at equal compute as a part of the page: sentences and tables in words, curves as numbers for the script."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from nas.findings.strategies import SPENT
from nas.findings.wording.numbers import capitalized
from nas.findings.wording.searches import HEADER, MEASURES, headline
from nas.page.report import Compared, Line, Report, Story
from nas.study.table import table

if TYPE_CHECKING:
    from nas.analysis import Interval
    from nas.analysis.searches import SearchCurve
    from nas.findings.searches import Measured, Searches

QUESTION = "Which search finds the best networks at equal compute?"


def report_of_searches(searches: Searches) -> Report:
    """What the page shows of a comparison: no networks, but strategies, whose marks are those of spaces."""
    names = tuple(curve.name for curve in searches.measured[0].curves)
    return Report(
        title=searches.title,
        question=QUESTION,
        settings={},
        total=0,
        frame=table([]),
        dimensions=(),
        spaces=names,
        compared=Compared(
            story=_story(searches),
            header=HEADER,
            rows={MEASURES[m.measure]: tuple(row.cells for row in m.rows) for m in searches.measured},
            curves=tuple(_curves(m, f"compute: {SPENT[searches.spending]}") for m in searches.measured),
        ),
    )


def _story(searches: Searches) -> Story:
    """The verdicts by the first measure, then every comparison, then what they rest on."""
    lines = tuple(Line(text=sentence.removesuffix(".")) for sentence in searches.sentences())
    return Story(
        headline=headline(searches.measured[0].advantages),
        lines=lines,
        how=(*(f"{capitalized(name)}: {text}" for name, text in searches.head), *searches.notes),
    )


def _curves(measured: Measured, compute: str) -> dict[str, Any]:
    """The curves of a measure as the script draws them."""
    return {
        "title": MEASURES[measured.measure],
        "compute": compute,
        "curves": [_curve(each) for each in measured.curves],
    }


def _curve(curve: SearchCurve) -> dict[str, Any]:
    """Compute spent, mean and ends of its interval; None for an end that isn't known."""
    return {
        "name": curve.name,
        "n": curve.n,
        "spent": curve.spent,
        "mean": [point.estimate for point in curve.mean],
        "low": [_end(point, point.low) for point in curve.mean],
        "high": [_end(point, point.high) for point in curve.mean],
    }


def _end(point: Interval, end: float) -> float | None:
    return end if isfinite(point.low) and isfinite(point.high) else None
