"""How numbers, tables and JSON look in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import typer

SCHEMA_VERSION = 1
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def emit_json(**values: Any) -> None:
    """One JSON object with a schema version."""
    import msgspec

    ready = msgspec.json.encode({"schema_version": SCHEMA_VERSION, **values})
    typer.echo(msgspec.json.format(ready).decode())


def emit_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> None:
    """Aligned columns, the first `left` of them to the left, numbers to the right."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for number, row in enumerate(cells):
        padded = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        typer.echo("  ".join(padded).rstrip())
        if number == 0:
            typer.echo("  ".join("-" * width for width in widths))


def number(value: float) -> str:
    """Four significant digits with a unit prefix: 5.158 M."""
    for size, unit in UNITS:
        if abs(value) >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share as a percentage; a dash for none."""
    return "-" if share is None else f"{100 * share:.2f} %"


def duration(seconds: float | None) -> str:
    """Time as people say it."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
