"""Error against one column, drawn: every network is a point, failures stand on a line of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log10
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from nas.analysis.selection import pruned
from nas.findings.wording.numbers import UNITS, figure_text, short, spoken
from nas.page.style import GREY, Style, Styles, ground, legend_rows

WEBGL_FROM = 5_000
"""Points of a figure from which SVG becomes slow."""
CROWDED = (5.0, 300.0)
"""Largest over smallest value of a logarithmic axis between which plotly's labels of all digits overlap."""
DECADES = 20.0
"""Largest over smallest value from which an axis is logarithmic."""
ERROR_DECADES = 4.0
"""The same for the error."""
FEW = 8
"""Different values up to which a numeric column is drawn as groups."""
MOST_GROUPS = 24
GROUPS = 8
"""Equal groups along a numeric column whose medians are joined."""
OTHER = "other"
FAILED, PRUNED, FRONT = "failed (no error)", "pruned (no final error)", "Pareto front"
ERROR = UNITS["classification"]["error"]
HEIGHT = 440
LEGEND_ROOM, LEGEND_ROW, LEGEND_ROWS = 390.0, 22, 2
"""Pixels of a legend's row across and down, and how many rows the height has room for."""


@dataclass(frozen=True, kw_only=True)
class ErrorAxis:
    """The vertical axis, in percent."""

    low: float
    """Lower end."""
    high: float
    """Upper end, above the line of failures."""
    failed: float
    """Where failures and pruned trainings are drawn."""
    log: bool
    """Whether it is logarithmic."""


def error_axis(errors: pd.Series[float]) -> ErrorAxis:
    """An axis that holds all errors (fractions) and, above them, a line for failures."""
    finite = errors.dropna() * 100
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 100.0)
    if low > 0 and high / low > ERROR_DECADES:
        span = high / low
        return ErrorAxis(low=low / span**0.05, high=high * span**0.17, failed=high * span**0.1, log=True)
    span = (high - low) or max(high, 1.0) * 0.1
    return ErrorAxis(low=max(0.0, low - 0.06 * span), high=high + 0.17 * span, failed=high + 0.1 * span, log=False)


def cost_figure(frame: pd.DataFrame, column: str, styles: Styles, front: Sequence[int]) -> go.Figure:
    """Error against a cost on a logarithmic axis; `front` holds the rows that no cheaper network beats."""
    points = frame[frame[column] > 0]
    figure = _figure(frame, points, column, points[column], styles)
    best = frame.loc[list(front)].sort_values(column)
    steps = {"x": best[column].tolist(), "y": (best["error"] * 100).tolist(), "customdata": best.index.tolist()}
    line = {"color": GREY, "width": 2, "dash": "dot", "shape": "hv"}
    figure.add_scatter(**steps, mode="lines", line=line, name=FRONT, meta="front", hoverinfo="skip")
    form = "~g" if column == "seconds" else "~s"
    return figure.update_xaxes(**_log_ticks(points[column]), tickformat=form, title=_cost_title(column))


def dimension_figure(frame: pd.DataFrame, column: str, styles: Styles) -> go.Figure:
    """Error against a dimension: groups for texts and few values, else an axis with medians along it."""
    points = frame[frame[column].notna()]
    values = points[column]
    if _grouped(values):
        return _groups_figure(frame, points, column, styles)
    figure = _figure(frame, points, column, values, styles)
    for space, own in points.groupby("space", sort=False):
        _add_medians(figure, *_medians(own[column], own["error"]), styles[str(space)], str(space))
    log = values.min() > 0 and values.max() / values.min() >= DECADES
    ticks = {**_log_ticks(values), "tickformat": "~g"} if log else {"type": "linear"}
    return figure.update_xaxes(**ticks, title=figure_text(short(spoken(column))))


def _grouped(values: pd.Series[Any]) -> bool:
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return not numeric or values.nunique() <= FEW


def _groups_figure(frame: pd.DataFrame, points: pd.DataFrame, column: str, styles: Styles) -> go.Figure:
    """Values side by side, spaces side by side within each, points spread a little so that they can be told apart."""
    labels = _labels(points[column])
    order = {label: place for place, label in enumerate(dict.fromkeys(labels.sort_values(key=_sorting)))}
    spaces = list(dict.fromkeys(points["space"]))
    lane = 0.8 / max(1, len(spaces))
    middle = labels.map(order) + points["space"].map({s: lane * (i + 0.5) - 0.4 for i, s in enumerate(spaces)})
    spread = (points.index.to_series() * 0.6180339887 % 1 - 0.5) * lane * 0.7  # golden ratio: even without chance
    figure = _figure(frame, points, column, (middle + spread).astype(float).round(3), styles)
    for space, own in points.groupby("space", sort=False):
        medians = own["error"].fillna(float("inf")).groupby(middle[own.index]).median()
        _add_medians(figure, medians.index.tolist(), medians.tolist(), styles[str(space)], str(space), lines=False)
    texts = [figure_text(short(label, 18)) for label in order]
    ticks = {
        "tickmode": "array",
        "tickvals": list(order.values()),
        "ticktext": texts,
        "range": [-0.6, len(order) - 0.4],
    }
    return figure.update_xaxes(**ticks, showgrid=False, title=figure_text(short(spoken(column))))


def _labels(values: pd.Series[Any]) -> pd.Series[str]:
    """Values as texts, the rare ones of many as one."""
    texts = values.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
    frequent = texts.value_counts().index[:MOST_GROUPS]
    return texts.where(texts.isin(frequent), OTHER)


def _sorting(labels: pd.Series[str]) -> pd.Series[Any]:
    """Numbers by size, then texts by alphabet."""
    numbers = pd.to_numeric(labels, errors="coerce")
    rank = numbers.rank(method="dense").fillna(len(labels))
    return rank + labels.rank(method="dense") / (2 * len(labels) + 2) * numbers.isna()


def _figure(frame: pd.DataFrame, points: pd.DataFrame, column: str, x: pd.Series[Any], styles: Styles) -> go.Figure:
    """Points of every space, coloured alike in all figures, with failures as crosses on their line."""
    axis = error_axis(frame["error"])
    more = legend_rows((*map(short, points["space"].unique()), FAILED, FRONT), LEGEND_ROOM) - LEGEND_ROWS
    height = HEIGHT + LEGEND_ROW * max(0, more)
    figure = go.Figure(layout=ground(x={}, y=_error_axis_layout(axis), height=height))
    kind = go.Scattergl if len(points) > WEBGL_FROM else go.Scatter
    trained = points["error"].notna()
    for space, own in points[trained].groupby("space", sort=False):
        figure.add_trace(kind(**_points(x[own.index], own["error"] * 100, styles[str(space)], str(space))))
    early = pruned(points)
    for name, symbol, out in ((FAILED, "x-thin", ~trained & ~early), (PRUNED, "circle-open", ~trained & early)):
        if out.any():
            figure.add_trace(kind(**_without_error(x[points.index[out]], axis, name, symbol)))
    if not trained.all():
        figure.add_hline(y=axis.failed, line={"color": GREY, "width": 1, "dash": "dot"}, opacity=0.6)
    return figure


def _points(x: pd.Series[Any], y: pd.Series[float], style: Style, space: str) -> dict[str, Any]:
    marker = {"color": style.colour, "symbol": style.symbol, "size": 7, "opacity": 0.85}
    drawn = {"x": x.to_numpy(), "y": y.to_numpy().round(4), "customdata": x.index.to_numpy(), "mode": "markers"}
    return {**drawn, "marker": marker, "name": figure_text(short(space)), "legendgroup": space, "hoverinfo": "text"}


def _without_error(x: pd.Series[Any], axis: ErrorAxis, name: str, symbol: str) -> dict[str, Any]:
    marker = {"color": GREY, "symbol": symbol, "size": 8, "line": {"color": GREY, "width": 1.5}}
    drawn = {"x": x.to_numpy(), "y": np.full(len(x), axis.failed), "customdata": x.index.to_numpy(), "mode": "markers"}
    return {**drawn, "marker": marker, "name": name, "hoverinfo": "text"}


def _medians(x: pd.Series[Any], errors: pd.Series[float]) -> tuple[list[float], list[float]]:
    """Median value and error of equal groups along a column; a failure counts as the worst error."""
    groups = pd.qcut(x, min(GROUPS, max(1, len(x) // 5)), duplicates="drop")
    both = pd.DataFrame({"x": x, "error": errors.fillna(float("inf"))}).groupby(groups, observed=True).median()
    return both["x"].tolist(), both["error"].tolist()


def _add_medians(
    figure: go.Figure, x: Sequence[float], errors: Sequence[float], style: Style, space: str, *, lines: bool = True
) -> None:
    """Medians as a line, or as bars over their groups; those that fall among the failures are left out."""
    kept = [(a, 100 * b) for a, b in zip(x, errors, strict=True) if isfinite(b)]
    line = {"color": style.colour, "width": 2, "dash": style.dash}
    bar = {"symbol": "line-ew", "size": 20, "line": {"color": style.colour, "width": 3}}
    figure.add_scatter(
        x=[a for a, _ in kept],
        y=[b for _, b in kept],
        mode="lines" if lines else "markers",
        line=line if lines else None,
        marker=None if lines else bar,
        legendgroup=space,
        showlegend=False,
        hoverinfo="skip",
        meta="median",
    )


def _log_ticks(values: pd.Series[Any]) -> dict[str, Any]:
    """A logarithmic axis; labels at 1, 2 and 5 only where those of all digits would overlap."""
    crowded = len(values) > 0 and CROWDED[0] <= values.max() / values.min() < CROWDED[1]
    return {"type": "log", "dtick": "D2" if crowded else None}


def _error_axis_layout(axis: ErrorAxis) -> dict[str, Any]:
    ends = [log10(axis.low), log10(axis.high)] if axis.log else [axis.low, axis.high]
    return {
        "type": "log" if axis.log else "linear",
        "range": ends,
        "tickformat": "~g",
        "title": ERROR,
    }


def _cost_title(column: str) -> str:
    return "training time (s)" if column == "seconds" else UNITS["classification"].get(column, spoken(column))
