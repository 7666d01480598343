"""Tables, words and JSON in a terminal."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import typer

from nas.errors import readable

if TYPE_CHECKING:
    from nas.findings.wording.rules import RuleRow

SCHEMA_VERSION = 1
ENDLESS = 10_000
"""Width of what is no terminal, in characters."""
NARROWEST = 18
"""Least width to which a column of text is wrapped, in characters."""
GONE = (errno.EPIPE, errno.EIO)
"""How a system says that nobody reads any more: a pipe, a terminal."""


class UnheardError(Exception):
    """Whoever read our output has gone."""


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """A text on stdout or stderr, readable; UnheardError once nobody reads stdout, while stderr isn't needed."""
    try:
        typer.echo(readable(text), err=err, nl=nl)
    except OSError as error:
        if error.errno not in GONE:
            raise
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what is left in its buffer has to go somewhere
        if not err:
            raise UnheardError from error


def emit_json(**values: Any) -> None:
    """One JSON object with a schema version; paths are texts."""
    import msgspec

    ready = msgspec.json.encode({"schema_version": SCHEMA_VERSION, **values}, enc_hook=_path_text)
    say(msgspec.json.format(ready).decode())


def _path_text(value: Any) -> str:
    """A path as JSON has it; nothing else of ours lacks a form there."""
    if isinstance(value, PurePath):
        return str(value)
    raise NotImplementedError


def emit_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, spare: Sequence[str] = ()
) -> None:
    """Aligned columns, the first `left` of them to the left, numbers to the right; none is wider than the terminal.

    Where it is narrow, columns of `spare` are left out, the first one first, and a line says so; if that isn't enough,
    the last column of text is wrapped, or else columns come in blocks below one another, each beside the first `left`.
    """
    cells = [[readable(cell) for cell in row] for row in (header, *rows)]
    out: list[str] = []
    for name in spare:
        if _total(_widths(cells)) > terminal_width():
            column = cells[0].index(name)
            left -= column < left
            cells = [[*row[:column], *row[column + 1 :]] for row in cells]
            out.insert(0, name)
    for number, block in enumerate(_blocks(_wrapped(cells, left - 1), left)):
        if number:
            say("")
        _emit_block(block, left)
    if out:
        emit_text(f"left out, the terminal is too narrow: {', '.join(out)} (--json has all)")


def emit_text(text: str, *, hang: int = 0) -> None:
    """A line of words, wrapped between them where the terminal is narrow; what follows is indented by `hang`."""
    lines = wrap(text, terminal_width(), subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False)
    say("\n".join(lines))


def emit_head(title: str, head: Sequence[tuple[str, str]], notes: Sequence[str]) -> None:
    """What findings rest on and what must be said beside them: a title, then one name and text a line."""
    lines = [*head, *(("note", note) for note in notes)]
    width = max((len(name) for name, _ in lines), default=0)
    say(title)
    for name, text in lines:
        emit_text(f"  {name:<{width}}  {text}", hang=width + 4)


def emit_rules(rows: Sequence[RuleRow]) -> None:
    """Verdicts as a table, then each in words, with its rule and its warnings."""
    from nas.findings.wording.rules import shown

    say("")
    emit_table(*shown(rows), left=2)
    say("")
    for row in rows:
        emit_text(row.sentence, hang=2)
        emit_text(f"  claim, {row.claim}: {row.statement}", hang=4)
        for warning in row.warnings:
            emit_text(f"  warning: {warning}", hang=4)


def terminal_width() -> int:
    """Columns of the terminal, or of the variable COLUMNS; without either, in pipes and files, lines have no end."""
    return shutil.get_terminal_size((ENDLESS, 1)).columns


def _wrapped(cells: list[list[str]], column: int) -> list[list[str]]:
    """The rows with one column wrapped, further lines of it in rows of their own, if the table then fits."""
    widths = _widths(cells)
    excess = _total(widths) - terminal_width()
    longest = max((len(word) for row in cells for word in row[column].split()), default=0)
    room = widths[column] - excess
    if excess <= 0 or room < max(NARROWEST, longest):
        return cells
    lines: list[list[str]] = []
    for row in cells:
        first, *more = wrap(row[column], room, break_on_hyphens=False) or [""]
        lines.append([*row[:column], first, *row[column + 1 :]])
        lines += [[part if place == column else "" for place in range(len(row))] for part in more]
    return lines


def _blocks(cells: list[list[str]], left: int) -> Iterator[list[list[str]]]:
    """The table, or where it is too wide several, each with the first columns and as many others as fit."""
    widths = _widths(cells)
    begin = left
    while begin < len(widths) or begin == left:
        end = begin + 1
        while end < len(widths) and _total([*widths[:left], *widths[begin : end + 1]]) <= terminal_width():
            end += 1
        yield [[*row[:left], *row[begin:end]] for row in cells]
        begin = end


def _emit_block(cells: Sequence[Sequence[str]], left: int) -> None:
    widths = _widths(cells)
    for number, row in enumerate(cells):
        padded = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        say("  ".join(padded).rstrip())
        if number == 0:
            say("  ".join("-" * width for width in widths))


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*cells, strict=True)]


def _total(widths: Sequence[int]) -> int:
    """Characters of a line of columns, two between each."""
    return sum(widths) + 2 * (len(widths) - 1)
