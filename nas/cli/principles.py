"""The verbs on design rules: how many networks each needs (`plan`), and the verdict on each (`principles`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import (
    Accuracy,
    Against,
    AsTable,
    Delta,
    ErrorColumn,
    Guess,
    Json,
    Places,
    RuleColumns,
    RulesOf,
    SpaceColumn,
)
from nas.cli.source import RunsAndTables, column_names, drawn_by, rules_of, study_named
from nas.cli.terminal import emit_head, emit_json, emit_rules, emit_table, emit_text, say

if TYPE_CHECKING:
    from nas.analysis import Verdict
    from nas.findings.principles import Principles
    from nas.findings.tables import Tables
    from nas.storage.results import Run
    from nas.study import Study

SEVERAL = 2
"""Runs from which on their verdicts are put side by side."""


def plan(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY|DIR",
            help="A study, or the folder of a run; with --table files.",
            autocompletion=completion.studies_and_runs,
        ),
    ],
    table: AsTable = False,
    error: ErrorColumn = None,
    accuracy: Accuracy = False,
    guess: Guess = None,
    space: SpaceColumn = None,
    columns: RuleColumns = None,
    against: Against = None,
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

    chosen = study_named(study)
    source = RunsAndTables(
        verb="plan", places=places, table=table, error=error, accuracy=accuracy, guess=guess, space=space, study=chosen
    )
    names = column_names(columns)
    rules = rules_of(chosen, against, names)
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


def principles(
    places: Places,
    table: AsTable = False,
    error: ErrorColumn = None,
    accuracy: Accuracy = False,
    guess: Guess = None,
    space: SpaceColumn = None,
    columns: RuleColumns = None,
    against: Against = None,
    study: RulesOf = None,
    delta: Delta = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="The rules were tested before, and undecided: each test has a fifth of its level."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Test design rules, each with effect, interval and verdict: nas principles DIR or --table FILE --columns A,B."""
    from nas.findings.principles import principles as tested

    chosen = study_named(study)
    source = RunsAndTables(
        verb="principles",
        places=places,
        table=table,
        error=error,
        accuracy=accuracy,
        guess=guess,
        space=space,
        study=chosen,
    )
    names = column_names(columns)
    rules = rules_of(chosen, against, names)
    drawn = drawn_by(chosen)
    results = [
        tested(place, rules=rules, columns=names, delta=delta, dimensions=drawn, again=again) for place in source.read()
    ]
    if json:
        emit_json(
            principles=[_as_json(verdict, result.title) for result in results for verdict in result.verdicts],
            sources=[{"run": result.title, "notes": result.notes, **dict(result.head)} for result in results],
        )
        return
    for number, result in enumerate(results):
        if number:
            say("")
        first, then = result.parts
        emit_head(result.title, first, result.notes)
        emit_rules(result.rows)
        say("")
        emit_head("how to read it", then, ())
    if len(results) >= SEVERAL:
        _side_by_side(results)


def _side_by_side(results: Sequence[Principles]) -> None:
    """The verdicts of several runs on rules of one name, if there are any."""
    names = dict.fromkeys(verdict.name for result in results for verdict in result.verdicts)
    by_name = [{row.name: row for row in result.rows} for result in results]
    common = [name for name in names if sum(name in rows for rows in by_name) >= SEVERAL]
    if not common:
        return
    say("\nside by side; each source is corrected on its own")
    cells = [
        (name, *(f"{rows[name].verdict} ({rows[name].effect})" if name in rows else "" for rows in by_name))
        for name in common
    ]
    emit_table(("rule", *(result.title for result in results)), cells)
    agreed = sum(len({rows[name].verdict for rows in by_name if name in rows}) == 1 for name in common)
    say(f"{agreed} of {len(common)} rules have the same verdict everywhere")


def _as_json(verdict: Verdict, run: str) -> dict[str, object]:
    from msgspec.structs import asdict

    return asdict(verdict) | {"run": run, "n": verdict.n_first + verdict.n_second}
