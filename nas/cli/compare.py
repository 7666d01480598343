"""The verbs that compare searches: those of runs, and replayed ones of networks that are trained already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import Json
from nas.cli.source import column_names, study_named
from nas.cli.terminal import emit_head, emit_json, emit_table, emit_text, say

if TYPE_CHECKING:
    from nas.analysis.searches import Advantage
    from nas.findings.searches import Searches
    from nas.storage.results import Run

Compute = Annotated[str, typer.Option(help="What compute is counted in: multiply_adds, seconds, epochs or trials.")]
CurvesPage = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE.html", help="A page with the curves.")]


def compare(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="DIR DIR...", help="Folders of runs, one a seed.", autocompletion=completion.runs),
    ],
    cost: Compute = "multiply_adds",
    out: CurvesPage = None,
    json: Json = False,
) -> None:
    """Strategies of search at equal compute, each against random search: nas compare DIR DIR..."""
    from nas.findings.searches import compare as compared
    from nas.findings.strategies import spending
    from nas.storage.results import open_run

    runs = [open_run(place) for place in places]
    show(compared(runs, cost=spending(cost)), out, json=json, runs=runs)


def replay(
    table: Annotated[
        str, typer.Argument(help="A published table, a run's folder, or a file of `nas table`.")
    ] = "fashion-mnist",
    samplers: Annotated[
        str, typer.Option(metavar="A,B,...", help="random, quasirandom, tpe, gp, nsga2, cmaes.")
    ] = "random,tpe,nsga2",
    seeds: Annotated[int, typer.Option(help="Searches of each sampler.")] = 20,
    space: Annotated[
        list[str] | None, typer.Option(metavar="SPACE", help="Only networks of this space; may be given again.")
    ] = None,
    run: Annotated[str, typer.Option(metavar="RUN", help="Only networks of this run of the table.")] = "",
    objectives: Annotated[
        str, typer.Option(metavar="A,B", help="error, or error,multiply_adds for tpe and nsga2.")
    ] = "error",
    cost: Compute = "multiply_adds",
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="The study that a file is the table of, for its spaces.")
    ] = None,
    out: CurvesPage = None,
    json: Json = False,
) -> None:
    """What samplers find in a table of trained networks, in seconds: nas replay fashion-mnist -o replay.html."""
    from nas.findings.replay import objectives_named, samplers_named
    from nas.findings.replay import replay as replayed
    from nas.findings.strategies import spending

    result = replayed(
        table,
        samplers=samplers_named(column_names(samplers) or []),
        seeds=seeds,
        spaces=space or [],
        run=run,
        objectives=objectives_named(column_names(objectives) or []),
        cost=spending(cost),
        study=study_named(study),
    )
    show(result, out, json=json)


def show(result: Searches, out: Path | None, *, json: bool, runs: Sequence[Run] = ()) -> None:
    """A comparison on the terminal, or as JSON, and as a page where one is named, with its runs."""
    from nas.page.contents import write_searches

    if out is not None:
        write_searches(result, out, runs)
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
