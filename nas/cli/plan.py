"""The verb that plans: from rules, and how much errors vary, to the number of networks that each rule needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import AsTable, ErrorColumn, Json, RuleColumns, RulesOf, SpaceColumn
from nas.cli.source import RunsAndTables, column_names, rules_of
from nas.cli.terminal import emit_json, emit_table, emit_text, say

if TYPE_CHECKING:
    from nas.findings.tables import Tables
    from nas.storage.results import Run
    from nas.study import Study


def plan(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="STUDY|DIR", help="A study, or the folder of a run; with --table files."),
    ],
    table: AsTable = False,
    error: ErrorColumn = None,
    space: SpaceColumn = None,
    columns: RuleColumns = None,
    study: RulesOf = None,
    effect: Annotated[
        float | None,
        typer.Option(help="Difference to find, in the unit of the errors (default: half a standard deviation)."),
    ] = None,
    power: Annotated[float, typer.Option(help="Share of studies that are to find it.")] = 0.8,
    deviation: Annotated[
        float | None, typer.Option(help="Of a study: standard deviation of the errors; runs and tables show it.")
    ] = None,
    json: Json = False,
) -> None:
    """How many networks rules need (sample size and power): nas plan STUDY, DIR or --table FILE."""
    from nas.findings.planning import plan as planned
    from nas.findings.wording.needs import HEADER

    source = RunsAndTables(verb="plan", places=places, table=table, error=error, space=space)
    names, rules = column_names(columns), rules_of(study)
    result = planned(_subject(source), rules=rules, columns=names, effect=effect, power=power, deviation=deviation)
    if json:
        emit_json(plan=result.needs, samples=result.samples, power=power, notes=result.notes)
        return
    emit_table(HEADER, result.rows)
    say("")
    for note in result.notes:
        emit_text(note, hang=2)


def _subject(source: RunsAndTables) -> Study | Run | Tables:
    """The study, by name or from its file, else the run or the tables."""
    from nas.errors import Refused
    from nas.study import catalog

    first, *more = source.places
    named = not first.is_dir() and (first.suffix == ".py" or not (first.suffix or "/" in str(first)))
    if source.table or not named:
        return source.read_one()
    if more:
        raise Refused(f"a plan is made for one study or run, got {', '.join(map(str, source.places))}")
    return catalog.study(str(first))
