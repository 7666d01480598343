"""Searches at equal compute, and what tells runs apart, as parts of the page: words, and curves for the script."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from nas.findings.strategies import SPENT
from nas.findings.wording.numbers import capitalized
from nas.findings.wording.searches import HEADER, MEASURES, headline
from nas.page.report import Compared, Line, Report, Story, Table
from nas.study.table import table

if TYPE_CHECKING:
    from nas.analysis import Interval
    from nas.analysis.searches import SearchCurve
    from nas.findings.differences import Differences
    from nas.findings.searches import Measured, Searches

QUESTION = "Which search finds the best networks at equal compute?"


SHARED = (
    "Those with the lowest errors, each at the mean of its trainings; the difference is the first's less the second's."
)
CURVES = (
    "A line is the mean of a strategy's searches after they have spent so much compute; the shaded band is its 95 % "
    "interval, where there are three searches or more; behind each name stands their number."
)


def report_of_searches(searches: Searches) -> Report:
    """What the page shows of a comparison: no networks, but strategies, whose marks are those of spaces."""
    names = tuple(curve.name for curve in searches.measured[0].curves)
    return _report(
        searches.title,
        QUESTION,
        names,
        Compared(
            story=_story(searches),
            tables=tuple(
                Table(title=MEASURES[m.measure], header=HEADER, rows=tuple(row.cells for row in m.rows), about=CURVES)
                for m in searches.measured
            ),
            curves=tuple(_curves(m, f"compute: {SPENT[searches.spending]}") for m in searches.measured),
        ),
    )


def report_of_differences(found: Differences) -> Report:
    """What the page shows of how runs and tables differ."""
    settings = found.settings
    story = Story(headline=found.headline, lines=tuple(Line(text=text) for text in found.sentences), how=())
    tables = (
        *([Table(title="What differs in study and recipe?", header=found.header, rows=settings)] if settings else []),
        Table(title="How many networks, and how good?", header=found.header, rows=found.counts),
        *(
            Table(title=f"Networks that {name} share", header=header, rows=rows, about=SHARED)
            for name, (header, rows) in found.shared.items()
        ),
    )
    return _report("Differences", "What tells these runs apart?", (), Compared(story=story, tables=tables))


def _report(title: str, question: str, spaces: tuple[str, ...], compared: Compared) -> Report:
    """A part of the page without networks."""
    return Report(
        title=title,
        question=question,
        settings={},
        total=0,
        frame=table([]),
        dimensions=(),
        spaces=spaces,
        compared=compared,
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
