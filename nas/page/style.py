"""The marks of spaces: one colour, marker and dash for each, the same in every figure of every page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

COLOURS = ("#2f7fc6", "#d55e00", "#009e73", "#bd5f97", "#9c7400", "#8366c4")
"""After Okabe and Ito; each stands out 3 to 1 or more from the page's light and from its dark ground."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "hexagon", "star")
DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True, kw_only=True)
class Style:
    """The marks of one space."""

    colour: str
    """Six hexadecimal digits after a hash."""
    symbol: str
    """plotly's name of a marker; open where the colours are used for the second time."""
    dash: str
    """plotly's name of a line style."""


Styles = Mapping[str, Style]
"""Name of a space -> its marks."""


def styles_of(spaces: Iterable[str]) -> dict[str, Style]:
    """Marks for each space, in the order given; equal names get equal marks."""
    return {name: _style(index) for index, name in enumerate(dict.fromkeys(spaces))}


def _style(index: int) -> Style:
    turn = index // len(COLOURS)
    return Style(
        colour=COLOURS[index % len(COLOURS)],
        symbol=SYMBOLS[index % len(SYMBOLS)] + ("-open" if turn % 2 else ""),
        dash=DASHES[(index + turn) % len(DASHES)],
    )
