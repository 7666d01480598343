"""The verb that tests design rules: of a run, of anybody's table, and how many networks they need before any run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import Json
from nas.cli.terminal import emit_json, emit_table, say

if TYPE_CHECKING:
    from nas.analysis import Need, Verdict
    from nas.findings.discovery import Discovered
    from nas.findings.principles import Principles
    from nas.study import Rule

PLAN_HEADER = ("rule", "deviation", "effect", "networks", "of each space")
SEVERAL = 2
"""Runs from which on their verdicts are put side by side."""


Places = Annotated[
    list[str],
    typer.Argument(metavar="DIR...", help="Folders of runs; with --table files, too; with --plan also a study."),
]
AsTable = Annotated[
    bool, typer.Option("--table", help="Files among them are tables: .csv, .parquet, .json, ours or anybody's.")
]
ErrorColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of errors in the tables (default: error).")
]
SpaceColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the tables whose values are taken for spaces.")
]
Columns = Annotated[
    str | None, typer.Option(metavar="A,B,...", help="One principle a column: are larger values better?")
]
StudyName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Take the rules of this study in place of the run's.")
]
Delta = Annotated[float | None, typer.Option(help="Smallest difference that matters, in the unit of the errors.")]
Planned = Annotated[
    bool, typer.Option("--plan", help="How many networks the rules need, from the noise seen or --deviation.")
]
Effect = Annotated[float | None, typer.Option(help="With --plan: the difference to find (default: half a deviation).")]
Power = Annotated[float, typer.Option(help="With --plan: share of studies that are to find it.")]
Deviation = Annotated[
    float | None, typer.Option(help="With --plan STUDY: how much errors vary, as a standard deviation.")
]
Discovering = Annotated[bool, typer.Option("--discover", help="Look for rules nobody declared, and confirm them.")]
Within = Annotated[str | None, typer.Option(metavar="SPACE", help="With --discover: the space to look at.")]
StudyFile = Annotated[
    Path | None, typer.Option("--out", "-o", help="With --discover: write the smaller space as a study, FILE.py.")
]


def principles(
    places: Places,
    table: AsTable = False,
    error: ErrorColumn = None,
    space: SpaceColumn = None,
    columns: Columns = None,
    study: StudyName = None,
    delta: Delta = None,
    plan: Planned = False,
    effect: Effect = None,
    power: Power = 0.8,
    deviation: Deviation = None,
    discover: Discovering = False,
    within: Within = None,
    out: StudyFile = None,
    json: Json = False,
) -> None:
    """Test design rules, each with effect, interval and verdict: nas principles DIR or --table FILE --columns A,B."""
    from nas.cli.discover import emit_discovery
    from nas.errors import Refused

    asked = None if columns is None else _listed(columns)
    for option, column in (("--error", error), ("--space", space)):
        if column is not None and not table:
            raise Refused(f"{option} belongs to tables", hint=f"nas principles --table FILE {option} COLUMN")
    if not plan and (effect is not None or deviation is not None):
        raise Refused("--effect and --deviation belong to --plan", hint="nas principles --plan DIR --effect 0.02")
    if plan and delta is not None:
        raise Refused("--delta belongs to verdicts", hint="a plan is made for an --effect")
    if discover and plan:
        raise Refused("--discover and --plan are two questions", hint="ask one of them")
    if not discover and (within is not None or out is not None):
        raise Refused("--within and -o belong to --discover", hint="nas principles --discover DIR -o FILE.py")
    if discover:
        emit_discovery(_discovered(places, table, error, space, asked, study, within, delta), out, json)
        return
    rules = _rules_of(study)
    if plan:
        _plan(places, table, error, space, asked, rules, effect, power, deviation, json)
        return
    found = _found(places, table, error, space, asked, rules, delta)
    if json:
        emit_json(
            principles=[_as_json(verdict, one.title) for one in found for verdict in one.verdicts],
            sources=[{"run": one.title, "notes": one.notes, **dict(one.head)} for one in found],
        )
        return
    for number, one in enumerate(found):
        if number:
            say("")
        _show(one)
    if len(found) >= SEVERAL:
        _side_by_side(found)


def _found(
    places: Sequence[str],
    table: bool,
    error: str | None,
    space: str | None,
    columns: Sequence[str] | None,
    rules: Sequence[Rule] | None,
    delta: float | None,
) -> list[Principles]:
    """The verdicts of each run, then those of all tables together."""
    from nas.findings.principles import of_run, of_tables
    from nas.findings.tables import tables
    from nas.storage.results import open_run

    folders, files = _sorted(places, table)
    found = [of_run(open_run(place), rules=rules, columns=columns, delta=delta) for place in folders]
    if files:
        found.append(of_tables(tables(files, error, space=space), rules=rules, columns=columns, delta=delta))
    return found


def _discovered(
    places: Sequence[str],
    table: bool,
    error: str | None,
    space: str | None,
    columns: Sequence[str] | None,
    study: str | None,
    within: str | None,
    delta: float | None,
) -> Discovered:
    """What one run, or all tables together, show in one space."""
    from nas.errors import Refused
    from nas.findings.discovery import in_run, in_tables
    from nas.findings.tables import tables
    from nas.storage.results import open_run
    from nas.study import catalog

    asked = None if study is None else catalog.study(study)
    folders, files = _sorted(places, table)
    if files and not folders:
        known = tables(files, error, space=space)
        return in_tables(known, space=within, columns=columns, study=asked, delta=delta)
    if len(folders) + len(files) > 1:
        raise Refused(f"rules are looked for in one run, or in tables, got {', '.join(places)}")
    return in_run(open_run(folders[0]), space=within, columns=columns, study=asked, delta=delta)


def _sorted(places: Sequence[str], table: bool) -> tuple[list[Path], list[Path]]:
    """Folders of runs and files of tables; a file without --table is refused."""
    from nas.errors import Refused

    paths = [Path(place) for place in places]
    if not table and (file := next((path for path in paths if path.is_file()), None)):
        raise Refused(f"{file} is a file, not the folder of a run", hint=f"nas principles --table {file}")
    return [p for p in paths if not table or p.is_dir()], [p for p in paths if table and not p.is_dir()]


def _listed(text: str) -> list[str]:
    """The names of --columns; quotes keep a comma inside a name."""
    import csv

    return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), []) if name.strip()]


def _rules_of(study: str | None) -> tuple[Rule, ...] | None:
    from nas.errors import Refused
    from nas.study import catalog

    if study is None:
        return None
    found = catalog.study(study).rules
    if not found:
        raise Refused(f"study {study!r} declares no rules")
    return found


def _show(found: Principles) -> None:
    """What the verdicts rest on, the table, one sentence a rule, and all that must be said beside them."""
    from nas.findings.wording.rules import HEADER

    say(found.title)
    for name, text in found.head:
        say(f"  {name:<8} {text}")
    for note in found.notes:
        say(f"  note     {note}")
    say("")
    emit_table(HEADER, [(row.name, row.verdict, *row.cells) for row in found.rows], left=2)
    say("")
    for row in found.rows:
        say(row.sentence)
        say(f"  the rule: {row.statement}")
        for warning in row.warnings:
            say(f"  warning: {warning}")


def _side_by_side(found: Sequence[Principles]) -> None:
    """The verdicts of several runs on rules of one name, if there are any."""
    names = dict.fromkeys(verdict.name for one in found for verdict in one.verdicts)
    by_name = [{row.name: row for row in one.rows} for one in found]
    common = [name for name in names if sum(name in rows for rows in by_name) >= SEVERAL]
    if not common:
        return
    say("\nside by side; each source is corrected on its own")
    cells = [
        (name, *(f"{rows[name].verdict} ({rows[name].cells[0]})" if name in rows else "" for rows in by_name))
        for name in common
    ]
    emit_table(("rule", *(one.title for one in found)), cells)
    agreed = sum(len({rows[name].verdict for rows in by_name if name in rows}) == 1 for name in common)
    say(f"{agreed} of {len(common)} rules have the same verdict everywhere")


def _as_json(verdict: Verdict, run: str) -> dict[str, object]:
    from msgspec.structs import asdict

    return asdict(verdict) | {"run": run, "n": verdict.n_first + verdict.n_second}


def _plan(
    places: Sequence[str],
    table: bool,
    error: str | None,
    space: str | None,
    columns: Sequence[str] | None,
    rules: Sequence[Rule] | None,
    effect: float | None,
    power: float,
    deviation: float | None,
    json: bool,
) -> None:
    """Networks that each rule needs, as a table or for programs."""
    from nas.errors import Refused
    from nas.findings.planning import plan_place, plan_tables

    if len(places) > 1 and not table:
        raise Refused(f"a plan is made for one study or run, got {', '.join(places)}")
    if table:
        if deviation is not None:
            raise Refused("--deviation is what a table tells", hint="leave it out, or plan for a study's name")
        found = plan_tables(
            [Path(p) for p in places], error, space=space, rules=rules, columns=columns, effect=effect, power=power
        )
    else:
        found = plan_place(places[0], rules=rules, columns=columns, effect=effect, power=power, deviation=deviation)
    if json:
        emit_json(plan=found.needs, samples=found.samples, power=power, notes=found.notes)
        return
    emit_table(PLAN_HEADER, [_plan_cells(need, found.scaled) for need in found.needs])
    say("")
    for note in found.notes:
        say(note)


def _plan_cells(need: Need, scaled: bool) -> tuple[str, ...]:
    """A row of the plan; without a known deviation effects are in deviations."""
    rho = "" if need.rho is None else f" (rho {need.rho:.2f})"
    deviation, effect = need.deviation, need.effect
    sides = f"{need.n_first:,}" if need.rho is not None else f"{need.n_first:,} + {need.n_second:,}"
    return (
        need.name,
        f"{100 * deviation:.2f} points" if scaled else "1",
        (f"{100 * effect:.2f} points" if scaled else f"{effect:g} deviations") + rho,
        sides,
        "no number is enough" if need.samples is None else f"{need.samples:,}",
    )
