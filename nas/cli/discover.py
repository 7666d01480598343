"""The verb that discovers: from a run or anybody's table to rules nobody declared, and a study of the smaller space."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import Accuracy, AsTable, Delta, ErrorColumn, Guess, Json, SpaceColumn
from nas.cli.source import RunsAndTables, column_names, study_or_spaces
from nas.cli.terminal import emit_head, emit_json, emit_rules, say

if TYPE_CHECKING:
    from nas.findings.discovery import Discovered


def discover(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR", help="Folder of a run; with --table files of tables.", autocompletion=completion.runs
        ),
    ],
    table: AsTable = False,
    error: ErrorColumn = None,
    accuracy: Accuracy = False,
    guess: Guess = None,
    space: SpaceColumn = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Dimensions and attributes that rules may be about (default: all)."),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The study behind a table, or a run from a file or a program; of a search its space, too.",
        ),
    ] = None,
    within: Annotated[
        str | None, typer.Option(metavar="SPACE", help="The space to explore, where there are several.")
    ] = None,
    delta: Delta = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE.py", help="Write the smaller space as a study.")
    ] = None,
    json: Json = False,
) -> None:
    """Rules nobody declared, found on one half of the networks, confirmed on the other: nas discover DIR -o FILE.py."""
    from nas.errors import StorageFailed, path_text
    from nas.findings.discovery import discovered

    if out is not None and not out.parent.is_dir():
        raise StorageFailed(f"{out} can't be written: there is no folder {path_text(out.parent)}")
    source = RunsAndTables(
        verb="discover", places=places, table=table, error=error, accuracy=accuracy, guess=guess, space=space
    )
    names = column_names(columns)
    result = discovered(source.read_one(), space=within, columns=names, study=study_or_spaces(study), delta=delta)
    if result.study is not None and not result.smaller:
        out = None  # nothing makes the space smaller
    if out is not None:
        result.write(out)
    if json:
        _emit_json(result, out)
    else:
        _show(result, out)


def _emit_json(result: Discovered, out: Path | None) -> None:
    rows = [{**row, "n": row["n_first"] + row["n_second"]} for row in result.table().to_dict("records")]
    emit_json(
        principles=rows,
        space=result.space,
        tried=result.discovery.tried,
        n_explored=result.discovery.n_explored,
        n_confirming=result.discovery.n_confirming,
        smaller=result.smaller,
        notes=result.notes,
        file=str(out) if out else None,
    )


def _show(result: Discovered, out: Path | None) -> None:
    emit_head(result.title, result.head, result.notes)
    if not result.rows:
        tried = result.discovery.tried
        reason = "No candidate stood out in the explored half" if tried else "No rule splits so few networks"
        say(f"\n{reason}, so there was nothing to confirm and there is no next study.")
        return
    emit_rules(result.rows)
    say("")
    _show_smaller(result, out)


def _show_smaller(result: Discovered, out: Path | None) -> None:
    """What the findings leave of the space, and what to run next."""
    if result.study is None:
        say("Which study the rows are from isn't known (--study NAME), so no smaller space is made of it.")
    elif not result.smaller:
        say(f"Nothing was confirmed that makes {result.space} smaller, so there is no next study.")
    else:
        say(f"{result.space}, refined: {'; '.join(result.smaller)}")
        on = f"nas run {quote(str(out))}" if out else "--out FILE.py writes a study that"
        say(f"{on} trains fresh networks of both" + (", which is the honest test" if out else ""))
