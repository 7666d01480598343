"""How a value shows itself: in a line for a terminal, and for notebooks as HTML with all texts escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from textwrap import shorten

LONGEST, LONGEST_CELL, LONGEST_NAME = 240, 120, 40
"""Characters of a value, of a cell of a long table, and of a name that are shown."""
MOST_ROWS, MOST_NAMES = 60, 6
"""Rows of a long table, and names in a line, that are shown."""
WIDTH, HEIGHT = 240, 90
"""Pixels of a curve."""


def line(kind: object, name: str, *parts: str) -> str:
    """A value in a line: `<Space 'LeNet': 7 dimensions>`; empty parts are left out."""
    shown = ", ".join(shorten(part, LONGEST, placeholder=" …") for part in parts if part)
    own = f" {_cut(name, LONGEST_NAME)!r}" if name else ""
    return f"<{type(kind).__name__}{own}: {shown}>"


def names(all_names: Iterable[str]) -> str:
    """The first names of a list, `a; b; c and 4 more`."""
    first = [_cut(name, LONGEST_NAME) for name in all_names]
    rest = len(first) - MOST_NAMES
    return "; ".join(first[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def plural(number: int, noun: str) -> str:
    """`1 network`, `2,000 networks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def notebook(
    title: str, head: Iterable[tuple[str, str]], notes: Iterable[str], tables: str, items: Iterable[str] = ()
) -> str:
    """Findings of one kind: names and texts of what they rest on, notes, tables, and sentences as a list."""
    lines = _joined("p", map(escape, (*map(": ".join, head), *notes)))
    sentences = _joined("li", map(escape, items))
    return f"<p><b>{escape(title)}</b></p>{lines}{tables}" + (f"<ul>{sentences}</ul>" if sentences else "")


def html_table(header: Iterable[str], rows: Iterable[Sequence[str]], title: str = "") -> str:
    """Rows of texts below their header, and a title above."""
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    body = _joined("tr", (_joined("td", map(escape, row)) for row in rows))
    return f"<table>{caption}<tr>{_joined('th', map(escape, header))}</tr>{body}</table>"


def first_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of which only the beginning is shown where it is long."""
    shown = [[_cut(cell, LONGEST_CELL) for cell in row] for row in rows[:MOST_ROWS]]
    rest = len(rows) - MOST_ROWS
    return html_table(header, shown) + (f"<p>… and {rest:,} more rows</p>" if rest > 0 else "")


def settings_table(values: Mapping[str, str]) -> str:
    """Names beside their texts, long ones cut; empty ones are left out."""
    rows = ([_cut(name, LONGEST_NAME), shorten(text, LONGEST, placeholder=" …")] for name, text in values.items())
    body = _joined("tr", (_joined("td", map(escape, row)) for row in rows if row[1]))
    return f"<table>{body}</table>"


def step_curve(steps: Iterable[tuple[float, float]], ends: tuple[str, str], title: str) -> str:
    """Steps up from 0 to shares of 1, at places from 0 to 1, with texts below both ends, in the colour of the text.

    Of steps within one pixel the last is drawn.
    """
    pixels = {round(WIDTH * place): round(HEIGHT * (1 - share), 1) for place, share in steps}
    path = "".join(f"H{x}V{y:g}" for x, y in sorted(pixels.items()))
    label = '<text y="{y}" x="{x}" text-anchor="{anchor}" fill="currentColor" font-size="11">{text}</text>'
    below = "".join(
        label.format(x=x, y=HEIGHT + 14, anchor=anchor, text=escape(text))
        for x, anchor, text in zip((0, WIDTH), ("start", "end"), ends, strict=True)
    )
    return (
        f'<svg role="img" aria-label="{escape(title)}" width="{WIDTH + 8}" height="{HEIGHT + 24}" '
        f'viewBox="-4 -4 {WIDTH + 8} {HEIGHT + 24}" fill="none" stroke-width="1.5">'
        f'<path d="M0 0V{HEIGHT}H{WIDTH}" stroke="currentColor" opacity="0.4"/>'
        f'<path d="M0 {HEIGHT}{path}H{WIDTH}" stroke="currentColor"/>{below}</svg>'
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _joined(tag: str, contents: Iterable[str]) -> str:
    """Each content in an element of its own."""
    return "".join(f"<{tag}>{content}</{tag}>" for content in contents)
