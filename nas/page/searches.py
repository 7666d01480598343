"""Curves with bands over the compute as one picture: numbers to paths, for a page without a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

from nas.findings.strategies import SPENT
from nas.findings.wording.numbers import count
from nas.findings.wording.searches import HEADER, MEASURES
from nas.page.style import Style, styles_of
from nas.page.templates import rendered

if TYPE_CHECKING:
    from nas.analysis.searches.curves import SearchCurve
    from nas.findings.searches import Searches
    from nas.findings.wording.searches import SearchRow

WIDE, HIGH = 860.0, 380.0
"""Size of a plot, in its own units."""
LEFT, RIGHT, TOP, BOTTOM = 62.0, 14.0, 10.0, 46.0
"""Margins for the marks of the axes."""
LOGARITHMIC = 5.0
"""Highest over lowest level from which the measure's axis is logarithmic."""
TICKS = 6
"""Marks of an axis, about."""
DASHES = {"solid": "", "dash": "9 5", "dot": "2 4", "dashdot": "9 4 2 4"}
"""plotly's names of line styles as SVG has them."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One strategy's curve."""

    name: str
    """The strategy, with its number of searches."""
    style: Style
    """Its colour and dash."""
    dash: str
    """As SVG has it."""
    path: str
    """The mean, as the `d` of an SVG path."""
    band: str
    """The area between the ends of the intervals; empty without them."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Curves on their axes."""

    lines: tuple[Line, ...]
    """In the order of the strategies."""
    across: tuple[tuple[float, str], ...]
    """Place and text of the marks of the compute."""
    up: tuple[tuple[float, str], ...]
    """Place and text of the marks of the measure."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure as the page shows it."""

    title: str
    """What is measured."""
    plot: Plot
    """Its curves."""
    rows: Sequence[SearchRow]
    """Its numbers."""


def plot(curves: Sequence[SearchCurve]) -> Plot:
    """Means as steps, and a band where a strategy has one; the axes hold all means and the bands beside them."""
    styles = styles_of(curve.name for curve in curves)
    low, high = _heights(curves)
    decades = low > 0.0 and high / low > LOGARITHMIC
    scale: Callable[[float], float] = log10 if decades else float
    start, end = curves[0].spent[0], curves[0].spent[-1]

    def x(spent: float) -> float:
        return LEFT + (WIDE - LEFT - RIGHT) * (spent - start) / (end - start)

    def y(level: float) -> float:
        place = (scale(min(max(level, low), high)) - scale(low)) / (scale(high) - scale(low))
        return HIGH - BOTTOM - (HIGH - TOP - BOTTOM) * place

    def line(curve: SearchCurve) -> Line:
        places = [x(spent) for spent in curve.spent]
        mean = _steps(places, [y(point.estimate) for point in curve.mean])
        band = ""
        if all(isfinite(point.low) for point in curve.mean):
            upper = _steps(places, [y(point.high) for point in curve.mean])
            lower = _steps(places, [y(point.low) for point in curve.mean])
            band = f"M{'L'.join(upper + lower[::-1])}Z"
        style = styles[curve.name]
        name = f"{curve.name}, n = {curve.n}"
        return Line(name=name, style=style, dash=DASHES[style.dash], path=f"M{'L'.join(mean)}", band=band)

    return Plot(
        lines=tuple(line(curve) for curve in curves),
        across=tuple((x(tick), count(tick)) for tick in ticks(start, end)),
        up=tuple((y(tick), f"{100 * tick:g} %") for tick in (decade_ticks if decades else ticks)(low, high)),
    )


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Round numbers between two, about six of them: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough)
    first = -floor(-low / step)
    return tuple(float(f"{k * step:.12g}") for k in range(first, floor(high / step) + 1))


def decade_ticks(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 times the powers of ten between two positive numbers."""
    powers = range(floor(log10(low)), floor(log10(high)) + 1)
    levels = (float(f"{factor}e{power}") for power in powers for factor in (1, 2, 5))
    return tuple(tick for tick in levels if low <= tick <= high)


def page(searches: Searches) -> str:
    """The comparison as one offline file without a script: a plot, a table and sentences for each measure."""
    return rendered(
        "search.html.j2",
        title=searches.title,
        head=searches.head,
        notes=searches.notes,
        measures=[Measure(title=MEASURES[m.measure], plot=plot(m.curves), rows=m.rows) for m in searches.measured],
        compute=f"compute: {SPENT[searches.spending]}",
        header=HEADER,
        size=(WIDE, HIGH),
        ends=(LEFT, WIDE - RIGHT, TOP, HIGH - BOTTOM),
    )


def _heights(curves: Sequence[SearchCurve]) -> tuple[float, float]:
    """Ends of the measure's axis: all means, and bands half as far again, so that wide ones don't flatten the rest."""
    means = [point.estimate for curve in curves for point in curve.mean]
    low, high = min(means), max(means)
    span = (high - low) or max(high, 0.01)
    lows = [point.low for curve in curves for point in curve.mean if isfinite(point.low)]
    highs = [point.high for curve in curves for point in curve.mean if isfinite(point.high)]
    bottom = max(min([low, *lows]), low - span / 2, low / 2)
    top = min(max([high, *highs]), high + span / 2)
    return bottom, top if top > bottom else bottom + span


def _steps(places: Sequence[float], levels: Sequence[float]) -> list[str]:
    """Vertices of a line that keeps its level up to the next place."""
    vertices = [f"{places[0]:.1f} {levels[0]:.1f}"]
    for (_, before), (place, level) in pairwise(zip(places, levels, strict=True)):
        if level != before:
            vertices += [f"{place:.1f} {before:.1f}", f"{place:.1f} {level:.1f}"]
    return [*vertices, f"{places[-1]:.1f} {levels[-1]:.1f}"]
