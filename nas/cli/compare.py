"""The verb that compares searches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import Json
from nas.cli.terminal import emit_head, emit_json, emit_table, emit_text, say

if TYPE_CHECKING:
    from nas.analysis.searches.curves import Advantage
    from nas.findings.searches import Searches


def compare(
    places: Annotated[list[Path], typer.Argument(metavar="DIR DIR...", help="Folders of runs, one a seed.")],
    cost: Annotated[
        str, typer.Option(help="What compute is counted in: multiply_adds, seconds, epochs or trials.")
    ] = "multiply_adds",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="A page with the curves.")
    ] = None,
    json: Json = False,
) -> None:
    """Strategies of search at equal compute, each against random search: nas compare DIR DIR..."""
    from nas.files import write_atomically
    from nas.findings.searches import compare as compared
    from nas.findings.strategies import spending
    from nas.page.searches import page
    from nas.storage.results import open_run

    found = compared([open_run(place) for place in places], cost=spending(cost))
    if out is not None:
        write_atomically(out, page(found).encode())
        say(str(out), err=True)
    if json:
        _emit(found)
    else:
        _show(found)


def _show(found: Searches) -> None:
    """What the numbers rest on, then a table and sentences for each measure."""
    from nas.findings.wording.searches import HEADER, MEASURES

    emit_head(found.title, found.head, found.notes)
    for measured in found.measured:
        say(f"\n{MEASURES[measured.measure]}\n")
        emit_table(HEADER, [row.cells for row in measured.rows])
        say("")
        for row in measured.rows:
            if row.sentence:
                emit_text(row.sentence, hang=2)


def _emit(found: Searches) -> None:
    """All numbers for programs."""
    emit_json(
        cost=found.spending,
        start=found.start,
        end=found.end,
        measures=[
            {"measure": one.measure, "curves": one.curves, "comparisons": [_as_json(a) for a in one.advantages]}
            for one in found.measured
        ],
        head=dict(found.head),
        notes=found.notes,
    )


def _as_json(advantage: Advantage) -> dict[str, object]:
    import msgspec

    return {**msgspec.to_builtins(advantage), "verdict": advantage.verdict}
