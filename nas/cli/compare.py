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

Compute = Annotated[str, typer.Option(help="What compute is counted in: multiply_adds, seconds, epochs or trials.")]
CurvesPage = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="A page with the curves.")]


def compare(
    places: Annotated[list[Path], typer.Argument(metavar="DIR DIR...", help="Folders of runs, one a seed.")],
    cost: Compute = "multiply_adds",
    out: CurvesPage = None,
    json: Json = False,
) -> None:
    """Strategies of search at equal compute, each against random search: nas compare DIR DIR..."""
    from nas.findings.searches import compare as compared
    from nas.findings.strategies import spending
    from nas.storage.results import open_run

    show(compared([open_run(place) for place in places], cost=spending(cost)), out, json=json)


def show(result: Searches, out: Path | None, *, json: bool) -> None:
    """A comparison on the terminal, or as JSON, and as a page where one is named."""
    from nas.files import write_atomically
    from nas.page.searches import page

    if out is not None:
        write_atomically(out, page(result).encode())
        say(str(out), err=True)
    if json:
        _emit(result)
    else:
        _show(result)


def _show(result: Searches) -> None:
    """What the numbers rest on, then a table and sentences for each measure."""
    from nas.findings.wording.searches import HEADER, MEASURES

    emit_head(result.title, result.head, result.notes)
    for measured in result.measured:
        say(f"\n{MEASURES[measured.measure]}\n")
        emit_table(HEADER, [row.cells for row in measured.rows])
        say("")
        for row in measured.rows:
            if row.sentence:
                emit_text(row.sentence, hang=2)


def _emit(result: Searches) -> None:
    """All numbers for programs."""
    emit_json(
        cost=result.spending,
        start=result.start,
        end=result.end,
        measures=[
            {"measure": m.measure, "curves": m.curves, "comparisons": [_as_json(each) for each in m.advantages]}
            for m in result.measured
        ],
        head=dict(result.head),
        notes=result.notes,
    )


def _as_json(advantage: Advantage) -> dict[str, object]:
    import msgspec

    return {**msgspec.to_builtins(advantage), "verdict": advantage.verdict}
