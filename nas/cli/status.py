"""The verbs that show what a run found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli import completion
from nas.cli.options import Accuracy, AsTable, ErrorColumn, Folder, Guess, Json, Places, SpaceColumn
from nas.cli.source import RunsAndTables
from nas.cli.terminal import emit_json, emit_table, emit_text, say
from nas.findings.wording.images import interval_note, trainings_text
from nas.findings.wording.numbers import count, measured, milliseconds

if TYPE_CHECKING:
    from nas.storage.results import Run
    from nas.study.record import Record


def table(
    folder: Folder,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="FILE.csv, FILE.csv.gz or FILE.parquet.")] = None,
    json: Json = False,
) -> None:
    """Every trial, every column; CSV on stdout unless a file is named."""
    from nas.errors import StorageFailed
    from nas.storage.results import csv, open_run
    from nas.study.table import write

    run = open_run(folder)
    if run.lost and out is not None and out.exists():
        raise StorageFailed(f"{out} stays as it is: {run.lost}", hint="name another file with --out")
    if out is not None:
        write(run.table(), out)
    if json:
        frame = run.table()
        rows = None if out is not None else frame.astype(object).where(frame.notna(), None).to_dict("records")
        emit_json(out=out, trials=len(frame), columns=list(frame), rows=rows)
    elif out is None:
        say(csv(run), nl=False)
    else:
        say(f"{len(run.records)} trials in {out}", err=True)


def report(
    places: Places,
    table: AsTable = False,
    error: ErrorColumn = None,
    accuracy: Accuracy = False,
    guess: Guess = None,
    space: SpaceColumn = None,
    cost: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of the tables that holds multiply-adds.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Default: report.html in the first run, FILE.html beside the first table."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    json: Json = False,
) -> None:
    """The interactive page, one offline file: nas report DIR... or nas report --table FILE..., or curves of networks.

    Of folders that `nas train` made it lays the learning curves over one another.
    """
    from nas.errors import Refused
    from nas.models.folder import CURVE
    from nas.page.contents import write_report
    from nas.storage.results import open_run

    if not table and all((place / CURVE).is_file() for place in places):
        path = out or Path("curves.html")
        unused = {"--error": error, "--accuracy": accuracy, "--guess": guess, "--space": space, "--cost": cost}
        if odd := next((name for name, value in unused.items() if value), ""):
            raise Refused(f"{odd} is for tables: the curves of networks have no columns", hint="leave it out")
        write_curves(places, path)
        _written(path, json)
        _show(path, show)
        return
    source = RunsAndTables(
        verb="report", places=places, table=table, error=error, accuracy=accuracy, guess=guess, space=space, cost=cost
    )
    runs = [open_run(folder) for folder in source.folders]
    path = out or _page(places[0], source.files)
    write_report(
        runs, path, table_files=source.files, error=error, accuracy=accuracy, guess=guess, space=space, cost=cost
    )
    _written(path, json)
    _show(path, show)


def _show(path: Path, asked: bool) -> None:
    import webbrowser

    if asked and not webbrowser.open(path.resolve().as_uri()):
        say("no browser was found that could show it", err=True)


def write_curves(places: Sequence[Path], path: Path) -> None:
    """The learning curves of single networks, by their folders, on a page."""
    from nas.models.curves import write_page
    from nas.models.model import figure_of, load

    models = {str(place): load(place) for place in places}
    write_page(figure_of(models), " and ".join(models), path)


def figure(
    name: Annotated[str, typer.Argument(help="Its name; those that there are come with the refusal of another.")],
    place: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder of a run, or a file with a table.", autocompletion=completion.runs),
    ],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="FILE.svg, FILE.pdf or FILE.png.")] = None,
    width: Annotated[float, typer.Option(help="In mm; text stays as large.", min=60, max=400)] = 170,
    json: Json = False,
) -> None:
    """One figure of the page for a paper: nas figure edf DIR -o edf.pdf."""
    from nas.page.paper import write_figure
    from nas.storage.results import open_run

    path = out or Path(f"{name}.svg")
    runs, files = ((), (place,)) if place.is_file() else ((open_run(place),), ())
    write_figure(name, path, runs=runs, table_files=files, width=width)
    _written(path, json)


def _written(path: Path, json: bool) -> None:
    """Where a file is now."""
    if json:
        emit_json(out=path)
    else:
        say(str(path))


def best(
    folder: Folder,
    top: Annotated[int, typer.Option(help="How many.", min=1)] = 10,
    by: Annotated[
        str, typer.Option(help="error, or pareto: error against multiply-adds (or latency, where that is searched).")
    ] = "error",
    json: Json = False,
) -> None:
    """The best networks: completed, lowest validation error first."""
    from nas.errors import Refused
    from nas.findings.same_images import first_two, optimism
    from nas.storage.results import open_run, require_validated

    if by not in ("error", "pareto"):
        raise Refused(f"--by must be error or pareto, got {by!r}", hint="--by pareto shows what no cheaper one beats")
    run = open_run(folder)
    require_validated(run)
    networks = (run.best if by == "error" else run.pareto_front)[:top]
    if json:
        emit_json(best=[as_json(run, record) for record in networks], optimism=optimism(run) or None)
    elif networks:
        emit_best(run, networks)
        if by == "error":
            for line in filter(None, (first_two(run), optimism(run))):
                emit_text(line)
        if note := run.manifest.data.error_note:
            say(note, err=True)
    else:
        say("no trial has been completed yet", err=True)


def emit_best(run: Run, networks: Sequence[Record]) -> None:
    """A table of networks of a run with their ranks, which `nas export --rank` takes, and how sure their errors are."""
    from nas.findings.same_images import half_of

    ranks = {record.trial: position for position, record in enumerate(run.best, 1)}
    timed = any(record.latency_ms is not None for record in networks)
    again = any(len(run.trainings(record)) > 1 for record in networks)
    header = ["space", "architecture", "rank", "trial", "mean error" if again else "error"]
    header += ["trainings"] * again + ["multiply-adds", "parameters"] + ["ms", "ms for 128"] * timed
    emit_table(
        header,
        [
            (
                record.space,
                record.architecture,
                str(ranks[record.trial]),
                str(record.trial),
                measured(run.mean_error(record), half_of(run, record)),
                *((trainings_text(_completed(run, record)),) if again else ()),
                count(record.cost.multiply_adds),
                count(record.cost.parameters),
                *((milliseconds(record.latency_ms), milliseconds(record.latency_128_ms)) if timed else ()),
            )
            for record in networks
        ],
        left=2,
    )
    if networks and (note := interval_note(run.manifest.data.validating, again)):
        emit_text(note)


def _completed(run: Run, record: Record) -> list[float]:
    return [training.error for training in run.trainings(record) if training.error is not None]


def _page(place: Path, files: Sequence[Path]) -> Path:
    """Where a page goes unless it is said."""
    from nas.storage.layout import PAGE

    return place.with_name(f"{place.name.partition('.')[0]}.html") if place in files else place / PAGE


def as_json(run: Run, record: Record) -> dict[str, object]:
    """What programs get of a network of a run: its error is the mean of its trainings."""
    from nas.findings.same_images import interval_of

    errors, error = _completed(run, record), run.mean_error(record)
    interval = interval_of(run, record)
    return {
        "trial": record.trial,
        "space": record.space,
        "architecture": record.architecture,
        "error": error,
        "interval": [interval.low, interval.high] if interval else None,
        "errors": errors,
        "parameters": record.cost.parameters,
        "multiply_adds": record.cost.multiply_adds,
        "activations": record.cost.activations,
        "latency_ms": record.latency_ms,
        "latency_128_ms": record.latency_128_ms,
    }
