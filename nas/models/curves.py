"""Curves of trainings as a plotly figure: error and loss after each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.study.record import Epoch

if TYPE_CHECKING:
    import plotly.graph_objects

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette without yellow and black."""


def curves_figure(
    curves: Mapping[str, Sequence[Epoch]], *, error: str = "error (%)", loss: str = "loss (nats)"
) -> plotly.graph_objects.Figure:
    """One colour a training, by its name, in two panes over the epochs: its errors in percent, its losses.

    Lines are of validation, dotted ones of training: the error is known of both where it was watched, the loss of the
    training always.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for index, (name, curve) in enumerate(curves.items()):
        before, colour = f"{name}, " if len(curves) > 1 else "", COLOURS[index % len(COLOURS)]
        add = partial(_add, figure, curve, colour)
        add(1, f"{before}validation", [100 * epoch.error for epoch in curve])
        add(1, f"{before}training", [_percent(epoch.train_error) for epoch in curve])
        add(2, f"{before}validation", [epoch.validation_loss for epoch in curve])
        add(2, f"{before}training", [epoch.loss for epoch in curve])
    margin = {"l": 64, "r": 24, "t": 24, "b": 48}
    figure.update_layout(template="none", height=560, margin=margin, hovermode="x unified")
    figure.update_yaxes(title_text=error, rangemode="tozero", gridcolor="#8884", row=1, col=1)
    figure.update_yaxes(title_text=loss, rangemode="tozero", gridcolor="#8884", row=2, col=1)
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    return _whole_epochs(figure, max((len(curve) for curve in curves.values()), default=0))


def write_page(figure: plotly.graph_objects.Figure, title: str, path: Path) -> None:
    """Curves below a title as a page of its own."""
    from html import escape

    figure.update_layout(title={"text": escape(title), "x": 0, "xref": "paper", "font": {"size": 16}}, margin={"t": 64})
    figure.write_html(path, include_plotlyjs=True)


def _add(
    figure: Any, curve: Sequence[Epoch], colour: str, pane: int, name: str, values: Sequence[float | None]
) -> None:
    """A line, if there is something to show; both panes share its entry in the legend."""
    if not any(value is not None for value in values):
        return
    figure.add_scatter(
        x=[epoch.number for epoch in curve],
        y=values,
        name=name,
        legendgroup=name,
        showlegend=name not in {line.name for line in figure.data},
        mode="lines+markers",
        line={"color": colour, "width": 2, "dash": "dot" if name.endswith("training") else "solid"},
        marker={"size": 5},
        row=pane,
        col=1,
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _whole_epochs(figure: Any, epochs: int) -> Any:
    """Ticks at whole epochs, for a few of them plotly would also show halves."""
    if epochs <= 20:
        figure.update_xaxes(dtick=1)
    return figure
