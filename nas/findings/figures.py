"""Figures of a run for a program or a notebook, as plotly has them; those of papers are drawn by the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nas.analysis.selection import edfs
from nas.errors import Refused
from nas.models.curves import COLOURS, curves_figure
from nas.storage.results import Run
from nas.study.record import Record

if TYPE_CHECKING:
    import plotly.graph_objects

MOST_CURVES = 6
"""Networks whose curves are drawn, the best."""


def figure(run: Run, name: str) -> plotly.graph_objects.Figure:
    """A figure of a run by its name, one of `FIGURES`; Refused for others, and where nothing has been completed."""
    if name not in FIGURES:
        raise Refused(f"there is no figure {name!r}", hint=f"figures: {', '.join(FIGURES)}")
    if not run.records:
        raise Refused(f"{run.folder} has no finished trial, so there is nothing to draw", hint="nas.run resumes it")
    return FIGURES[name](run)


def edf_figure(run: Run) -> plotly.graph_objects.Figure:
    """Share of the networks of each space at or below an error."""
    figure = _empty("validation error (%)", "share of networks")
    for index, one in enumerate(edfs(run.table(), guess=run.manifest.data.guess)):
        finite = [100 * error for error in one.errors if error < float("inf")]
        shares = [(place + 1) / len(one.errors) for place in range(len(finite))]
        figure.add_scatter(
            x=finite,
            y=shares,
            name=f"{one.name} (n = {len(one.errors)})",
            mode="lines",
            line={"shape": "hv", "color": COLOURS[index % len(COLOURS)]},
        )
    figure.update_yaxes(range=[0, 1.02])
    return figure


def costs_figure(run: Run) -> plotly.graph_objects.Figure:
    """Mean error of each network against its multiply-adds."""
    figure = _empty("multiply-adds", "validation error (%)")
    spaces: dict[str, list[Record]] = {}
    for record in sorted(run.best, key=lambda record: record.trial):
        spaces.setdefault(record.space, []).append(record)
    for index, (name, records) in enumerate(spaces.items()):
        figure.add_scatter(
            x=[record.cost.multiply_adds for record in records],
            y=[100 * run.mean_error(record) for record in records],
            text=[f"trial {record.trial}" for record in records],
            name=name,
            mode="markers",
            marker={"color": COLOURS[index % len(COLOURS)]},
        )
    figure.update_xaxes(type="log")
    return figure


def best_curves(run: Run) -> plotly.graph_objects.Figure:
    """Curves of the best networks, as far as they are known."""
    curves = {f"trial {record.trial}": record.curve for record in run.best[:MOST_CURVES]}
    return curves_figure(curves, table=bool(run.manifest.data.target))


def _empty(x: str, y: str) -> plotly.graph_objects.Figure:
    """Axes with their titles."""
    import plotly.graph_objects

    figure = plotly.graph_objects.Figure()
    figure.update_layout(template="none", height=420, margin={"l": 64, "r": 24, "t": 24, "b": 48}, showlegend=True)
    figure.update_xaxes(title_text=x, gridcolor="#8884")
    figure.update_yaxes(title_text=y, gridcolor="#8884")
    return figure


FIGURES: Mapping[str, Callable[[Run], plotly.graph_objects.Figure]] = {
    "edf": edf_figure,
    "costs": costs_figure,
    "curves": best_curves,
}
"""What can be drawn of a run."""
