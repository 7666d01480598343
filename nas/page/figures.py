"""The distributions and the training curves, drawn; their numbers come from `nas.analysis` and from the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import plotly.graph_objects as go

from nas.analysis import Edf, band, steps
from nas.findings.wording.numbers import UNITS, figure_text, percent, short
from nas.page.style import GREY, Style, Styles, ground
from nas.study.record import Epoch

SHOWN = 0.95
"""Share of the trained networks that the error axis of the EDF shows at first."""
MOST_OTHERS = 120
"""Training curves drawn in grey behind those of the best networks."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The training curve of one of the best networks."""

    rank: int
    """1 is the best."""
    trial: int
    """Number of the trial."""
    space: str
    """Name of its space."""
    place: int
    """Row of the table."""
    epochs: tuple[Epoch, ...]
    """In order; at least one."""


def edf_figure(edfs: Sequence[Edf], places: Mapping[tuple[str, float], int], styles: Styles) -> go.Figure:
    """One exact step line a space in its band; `places` finds the row of the network with an error of a space."""
    low, high, end = _error_range(edfs)
    figure = go.Figure(
        layout=ground(
            x={"title": UNITS["classification"]["error"], "range": [low, high]},
            y={"title": "networks with a lower error (%)", "range": [0, 102]},
            height=400 + 20 * len(edfs),
        )
    )
    for edf in edfs:
        _add_band(figure, edf, min(0.0, low), end, styles[edf.name], opacity=0.22 / len(edfs) ** 0.6)
    for edf in edfs:
        figure.add_scatter(**_step_line(edf, min(0.0, low), end, places), **_line_style(edf, styles[edf.name]))
    return figure


def legend(edf: Edf) -> str:
    """Name, n, lowest and mean error, failures."""
    numbers = f"n {edf.n}, min {percent(edf.minimum)}, mean {percent(edf.mean)}, {edf.failures} failed"
    return f"{figure_text(short(edf.name))}: {numbers}"


def curve_figure(best: Sequence[Curve], others: Sequence[Sequence[Epoch]], value: str, styles: Styles) -> go.Figure:
    """`error` (percent) or `loss` (nats) against the epoch: the best networks in colour, others in grey."""
    last = max((epochs[-1].number for epochs in (*others, *(curve.epochs for curve in best))), default=1)
    x = {"title": "epoch", "range": [1 - 0.04 * last, 1.04 * last], "tickformat": "d", "dtick": -(-last // 10)}
    figure = go.Figure(layout=ground(x=x, y={"tickformat": "~g"}, height=340, legend=False))
    if others:
        figure.add_scatter(**_faint(others[:: -(-len(others) // MOST_OTHERS)], value))
    for curve in reversed(best):  # the best on top
        figure.add_scatter(**_curve(curve, value, styles[curve.space]))
    drawn = [y for trace in figure.data for y in trace.y if y]
    log = bool(drawn) and max(drawn) > 4 * min(drawn)
    return figure.update_yaxes(title=UNITS["classification"][value], type="log" if log else "linear")


def in_units(figure: go.Figure, units: Mapping[str, str]) -> go.Figure:
    """The figure with the titles of error and loss in the units of a task; others stay."""
    titles = {title: units[name] for name, title in UNITS["classification"].items() if title}
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        axis.title.text = titles.get(axis.title.text, axis.title.text)
    return figure


def _error_range(edfs: Sequence[Edf]) -> tuple[float, float, float]:
    """Ends of the axis, and how far to the right the lines go, in percent."""
    errors = sorted(100 * error for edf in edfs for error in edf.errors if isfinite(error))
    if not errors:
        return 0.0, 100.0, 100.0
    shown = errors[min(len(errors) - 1, int(SHOWN * len(errors)))]
    span = max(shown - errors[0], 0.02 * shown, 0.1)
    high = shown + 0.08 * span if errors[-1] > shown + 0.3 * span else errors[-1] + 0.08 * span
    return errors[0] - 0.05 * span, high, max(high, errors[-1])


def _step_line(edf: Edf, left: float, right: float, places: Mapping[tuple[str, float], int]) -> dict[str, Any]:
    """F(e) jumps right behind each error, so the level after a vertex is the share up to the next one."""
    ends, shares = steps(edf)
    errors = ends[:-1].tolist()
    return {
        "x": [left, *(100 * error for error in errors), right],
        "y": [0.0, *(100 * shares[1:]).tolist(), 100 * float(shares[-1])],
        "customdata": [None, *(places.get((edf.name, error)) for error in errors), None],
    }


def _line_style(edf: Edf, style: Style) -> dict[str, Any]:
    line = {"shape": "hv", "color": style.colour, "dash": style.dash, "width": 2.5}
    return {
        "mode": "lines",
        "line": line,
        "name": legend(edf),
        "legendgroup": edf.name,
        "hoverinfo": "text",
        "meta": "edf",
    }


def _add_band(figure: go.Figure, edf: Edf, left: float, right: float, style: Style, opacity: float) -> None:
    around = band(edf)
    x = [left, *(100 * error for error in around.errors if error < inf), right]
    for edge, fill in ((around.low, None), (around.high, "tonexty")):
        y = [100 * share for share in (*edge, edge[-1])]
        line = {"shape": "hv", "width": 0}
        shared = {"legendgroup": edf.name, "showlegend": False, "hoverinfo": "skip", "meta": "band"}
        figure.add_scatter(x=x, y=y, mode="lines", line=line, fill=fill, fillcolor=style.shade(opacity), **shared)


def _curve(curve: Curve, value: str, style: Style) -> dict[str, Any]:
    return {
        **_values(curve.epochs, value),
        "customdata": [curve.place] * len(curve.epochs),
        "mode": "lines+markers",
        "line": {"color": style.colour, "width": 2},
        "marker": {"symbol": style.symbol, "size": 5},
        "opacity": 0.85,
        "name": f"{curve.rank}. trial {curve.trial}",
        "hoverinfo": "text",
        "meta": "curve",
    }


def _faint(others: Sequence[Sequence[Epoch]], value: str) -> dict[str, Any]:
    """Many curves as one line with gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for epochs in others:
        points = _values(epochs, value)
        x += [*points["x"], None]
        y += [*points["y"], None]
    line = {"color": GREY, "width": 1}
    return {"x": x, "y": y, "mode": "lines", "line": line, "opacity": 0.28, "hoverinfo": "skip", "meta": "others"}


def _values(epochs: Sequence[Epoch], value: str) -> dict[str, list[Any]]:
    factor = 100 if value == "error" else 1
    points = [(e.number, getattr(e, value)) for e in epochs]
    return {"x": [x for x, _ in points], "y": [factor * y if isfinite(y) else None for _, y in points]}
