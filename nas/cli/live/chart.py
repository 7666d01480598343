"""Error distributions in a terminal: a line of dots for each space, told apart by letter, dash and colour."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nextafter

from rich.text import Text

from nas.analysis.statistics.edf import FEW, Edf
from nas.findings.wording.numbers import percent

COLOURS = ("blue", "red", "green", "magenta", "cyan", "yellow")
"""Those of the terminal's own palette, which are readable on its ground."""
DASHES = ("11111111", "11111000", "10101010", "11110010")
"""Which dots of a line are set, in turn: solid, dashed, dotted, dash and dot."""
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot of a Braille character, by row and column."""
BRAILLE = 0x2800
MARGIN = 7
"""Characters left of the lines, for shares."""
REACH = 0.95
"""Share of each space's networks up to which the axis of errors reaches, at least."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A space's distribution and its marks, which its place in the study decides."""

    edf: Edf
    """Of its networks so far."""
    place: int
    """Of the space in the study, from 0."""

    @property
    def letter(self) -> str:
        """Stands on the line and before the name; letters come again after z."""
        return chr(ord("a") + self.place % 26)

    @property
    def colour(self) -> str:
        """Of the terminal's palette."""
        return COLOURS[self.place % len(COLOURS)]

    @property
    def dash(self) -> str:
        """Dots that are set, in turn; differs from that of its neighbour, too."""
        return DASHES[self.place % len(DASHES)]


Cells = list[list[tuple[int | str, str]]]
"""Rows of cells: dots as bits, or a letter, and a colour."""


def chart(lines: Sequence[Line], width: int, height: int) -> list[Text]:
    """The share of networks below each error, in so many characters; spaces of fewer than `FEW` as letters below.

    Failures keep a line from reaching 100 %. Empty where no network has an error.
    """
    errors = sorted(error for line in lines for error in _finite(line.edf))
    if not errors or width < 2 * MARGIN:
        return []
    low, high = errors[0], max(_upper(line.edf) for line in lines if _finite(line.edf))
    high = high if high > low else low + 0.01
    across = width - MARGIN
    drawn = [line for line in lines if line.edf.n >= FEW and _finite(line.edf)]
    cells: Cells = [[(0, "")] * across for _ in range(height if drawn else 0)]
    for line in reversed(drawn):
        _draw(cells, line, low, high)
    for number, line in enumerate(drawn):
        _mark(cells, line, low, high, (number + 1) / (len(drawn) + 1))
    strip = _strip([line for line in lines if line.edf.n < FEW], low, high, across)
    beyond = len(errors) - bisect_right(errors, high)
    rows = [_row(row, _share(number, height)) for number, row in enumerate(cells)]
    return [*rows, *strip, *_axis(low, high, across, beyond)]


def _finite(edf: Edf) -> tuple[float, ...]:
    return edf.errors[: edf.n - edf.failures]


def _upper(edf: Edf) -> float:
    """Where the axis may end for this space: few of its networks, or none, lie above."""
    finite = _finite(edf)
    return finite[max(int(REACH * len(finite) + 0.5), 1) - 1]


def _draw(cells: Cells, line: Line, low: float, high: float) -> None:
    """Set the dots of one line: at each column its share, and all between it and the one before."""
    rows, columns = 4 * len(cells), 2 * len(cells[0])
    before, step = rows - 1, 0
    for column in range(columns):
        share = line.edf.at(low + (high - low) * (column + 1) / (columns - 1))
        here = round((1.0 - share) * (rows - 1))
        for row in range(before - 1, here - 1, -1) if before > here else (here,):
            if line.dash[step % len(line.dash)] == "1":
                old, _ = cells[row // 4][column // 2]
                cells[row // 4][column // 2] = (int(old) | DOTS[row % 4][column % 2], line.colour)
            step += 1
        before = here


def _mark(cells: Cells, line: Line, low: float, high: float, share: float) -> None:
    """Put the line's letter where it passes a share, or its last one if that is lower."""
    finite = _finite(line.edf)
    error = line.edf.quantile(min(share, len(finite) / line.edf.n))
    height, across = len(cells), len(cells[0])
    row = round((1.0 - min(share, line.edf.at(nextafter(high, inf)))) * (height - 1))
    column = min(int((error - low) / (high - low) * across), across - 1)
    cells[row][column] = (line.letter, line.colour)


def _strip(lines: Sequence[Line], low: float, high: float, across: int) -> list[Text]:
    """The networks of spaces too small for a line, a letter each; nothing where there are none."""
    if not lines:
        return []
    cells: list[tuple[int | str, str]] = [(0, "")] * across
    for line in reversed(lines):
        for error in _finite(line.edf):
            cells[min(int((error - low) / (high - low) * across), across - 1)] = (line.letter, line.colour)
    return [_row(cells, "")]


def _row(cells: Sequence[tuple[int | str, str]], share: str) -> Text:
    text = Text(f"{share:>{MARGIN - 1}} ")
    for content, colour in cells:
        character = content if isinstance(content, str) else chr(BRAILLE + content) if content else " "
        text.append(character, style=f"bold {colour}" if isinstance(content, str) else colour)
    return text


def _share(row: int, height: int) -> str:
    """What stands left of a row: shares at the ends and in the middle."""
    return {0: "100 %", (height - 1) // 2: "50 %", height - 1: "0 %"}.get(row, "")


def _axis(low: float, high: float, across: int, beyond: int) -> list[Text]:
    """Errors at the ends, and how many networks lie beyond the upper one."""
    first, last = percent(low), percent(high)
    title = "validation error" if across > len(first) + len(last) + 20 else ""
    room = max(across - len(first) - len(last), 1)
    lines = [Text(" " * MARGIN + first + f"{title:^{room}}" + last)]
    if beyond:
        lines.append(Text(f"{'':{MARGIN}}{beyond} above that"))
    return lines
