"""The verb that replays searches on networks that are trained already."""

from __future__ import annotations

from typing import Annotated

import typer

from nas.cli.compare import Compute, CurvesPage, show
from nas.cli.options import Json
from nas.cli.source import column_names, study_named


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
