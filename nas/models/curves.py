"""Curves of trainings as a plotly figure: error and loss after each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas.study.record import Epoch

if TYPE_CHECKING:
    import plotly.graph_objects

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette without yellow and black."""


def curves_figure(
    curves: Mapping[str, Sequence[Epoch]], *, error: str = "validation error (%)", loss: str = "training loss (nats)"
) -> plotly.graph_objects.Figure:
    """One line a training, by its name, in two panes over the epochs: its error in percent, its loss."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for index, (name, curve) in enumerate(curves.items()):
        panes = ([100 * epoch.error for epoch in curve], [epoch.loss for epoch in curve])
        for pane, values in enumerate(panes, 1):
            figure.add_scatter(
                x=[epoch.number for epoch in curve],
                y=values,
                name=name,
                legendgroup=name,
                showlegend=pane == 1 and len(curves) > 1,
                mode="lines+markers",
                line={"color": COLOURS[index % len(COLOURS)], "width": 2},
                row=pane,
                col=1,
            )
    figure.update_layout(
        template="none", height=560, margin={"l": 64, "r": 24, "t": 24, "b": 48}, hovermode="x unified"
    )
    figure.update_yaxes(title_text=error, rangemode="tozero", gridcolor="#8884", row=1, col=1)
    figure.update_yaxes(title_text=loss, rangemode="tozero", gridcolor="#8884", row=2, col=1)
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    return _whole_epochs(figure, max((len(curve) for curve in curves.values()), default=0))


def _whole_epochs(figure: Any, epochs: int) -> Any:
    """Ticks at whole epochs, for a few of them plotly would also show halves."""
    if epochs <= 20:
        figure.update_xaxes(dtick=1)
    return figure
