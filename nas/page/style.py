"""The style of figures: one colour, marker and dash for each space, and a plain ground that follows the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette without yellow and black, which vanish on white and on black."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "hexagon", "star")
DASHES = ("solid", "dash", "dot", "dashdot")
GREY = "#858585"
"""Of what belongs to no space; readable on white and on black."""
KEY, CHARACTER = 44.0, 6.4
"""Pixels of a legend's mark with the gaps beside it, and of one character of its text."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
CONFIG = {"showSendToCloud": False, "displaylogo": False, "responsive": True}
"""plotly uploads a chart from a button of its own unless it is told not to."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """The marks of one space."""

    colour: str
    """Six hexadecimal digits after a hash."""
    symbol: str
    """plotly's name of a marker; open where the colours are used for the second time."""
    dash: str
    """plotly's name of a line style; differs once the colours are used up."""

    def shade(self, opacity: float) -> str:
        """The colour, partly transparent."""
        red, green, blue = (int(self.colour[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity})"


Styles = Mapping[str, Style]
"""Name of a space -> its marks."""


def styles_of(spaces: Iterable[str]) -> dict[str, Style]:
    """Marks for each space, in the order given; equal names get equal marks."""
    return {name: _style(index) for index, name in enumerate(dict.fromkeys(spaces))}


def ground(*, x: Mapping[str, Any], y: Mapping[str, Any], height: int, legend: bool = True) -> dict[str, Any]:
    """A layout without colours of its own; the page's script fills in those of light or dark."""
    shared = {"zeroline": False, "showline": True, "ticks": "outside", "automargin": True, "gridcolor": "#8884"}
    return {
        "template": "none",
        "height": height,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13},
        "margin": {"l": 56, "r": 36, "t": 12, "b": 52},  # plotly's buttons stand in the right one, beside the legend
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "showlegend": legend,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "font": {"size": 12},
        },
        "xaxis": {**shared, **x},
        "yaxis": {**shared, **y},
    }


def legend_rows(names: Iterable[str], room: float) -> int:
    """How many rows a horizontal legend takes in so many pixels, about."""
    rows, left = 1, room
    for name in names:
        width = KEY + CHARACTER * len(name)
        if width > left and left < room:
            rows, left = rows + 1, room
        left -= width
    return rows


def _style(index: int) -> Style:
    return Style(
        colour=COLOURS[index % len(COLOURS)],
        symbol=SYMBOLS[index % len(SYMBOLS)] + ("-open" if index // len(COLOURS) % 2 else ""),
        dash=DASHES[index // len(COLOURS) % len(DASHES)],
    )
