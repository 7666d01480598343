"""Curves of trainings as a plotly figure: error and loss after each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files import write_atomically
from nas.study.record import Epoch

if TYPE_CHECKING:
    import plotly.graph_objects

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette without yellow and black."""


SYMBOLS = ("circle", "square-open", "diamond-open", "triangle-up-open")
"""Of the points, another one each time the colours begin anew."""
CLASSES = ("error (%)", "loss (nats)")
"""Titles of the axes."""
NUMBER = ("RMSE / std of the target (%)", "loss (squared error / variance)")
"""The same for a number as target."""
STYLE = (
    "body { margin: 1rem auto; padding: 0 1rem; max-width: 60rem; background: #fff; color: #111; "
    'font-family: "Open Sans", verdana, arial, sans-serif } '
    "h1 { font-size: 1.05rem; font-weight: 600; overflow-wrap: anywhere }"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{figure}
</body>
</html>
"""


def curves_figure(curves: Mapping[str, Sequence[Epoch]], *, table: bool = False) -> plotly.graph_objects.Figure:
    """One colour a training, by its name, in two panes over the epochs: its errors in percent, its losses.

    Those of a `table` are of a number.

    Lines are of validation, dotted ones of training: the error is known of both where it was watched, the loss of the
    training always.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for index, (name, curve) in enumerate(curves.items()):
        before = f"{escape(name)}, " if len(curves) > 1 else ""  # plotly reads a little HTML
        add = partial(_add, figure, curve, COLOURS[index % len(COLOURS)], SYMBOLS[index // len(COLOURS) % len(SYMBOLS)])
        add(1, f"{before}validation", [100 * epoch.error for epoch in curve])
        add(1, f"{before}training", [_percent(epoch.train_error) for epoch in curve])
        add(2, f"{before}validation", [epoch.validation_loss for epoch in curve])
        add(2, f"{before}training", [epoch.loss for epoch in curve])
    margin = {"l": 64, "r": 24, "t": 24, "b": 48}
    figure.update_layout(template="none", height=560, margin=margin, hovermode="x unified")
    error, loss = NUMBER if table else CLASSES
    figure.update_yaxes(title_text=error, rangemode="tozero", gridcolor="#8884", row=1, col=1)
    figure.update_yaxes(title_text=loss, rangemode="tozero", gridcolor="#8884", row=2, col=1)
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    return _whole_epochs(figure, max((len(curve) for curve in curves.values()), default=0))


def write_page(figure: plotly.graph_objects.Figure, title: str, path: Path) -> None:
    """Curves below a title as a page of its own."""
    below = {"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"}
    figure.update_layout(legend=below, height=520 + 12 * len(figure.data))
    drawn = figure.to_html(full_html=False, include_plotlyjs=True, config={"responsive": True, "displaylogo": False})
    write_atomically(path, PAGE.format(title=escape(title), style=STYLE, figure=drawn).encode())


def _add(
    figure: Any,
    curve: Sequence[Epoch],
    colour: str,
    symbol: str,
    pane: int,
    name: str,
    values: Sequence[float | None],
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
        marker={"size": 5 if symbol == SYMBOLS[0] else 8, "symbol": symbol},
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
