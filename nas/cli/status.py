"""The verbs that show a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import Accuracy, AsTable, ErrorColumn, Folder, Guess, Json, Places, SpaceColumn
from nas.cli.source import RunsAndTables
from nas.cli.terminal import emit_json, emit_table, emit_text, say
from nas.findings.wording.numbers import count, milliseconds, percent

if TYPE_CHECKING:
    from nas.study.record import Record

WATCH = 2.0
"""Seconds between two reports of `status --watch`."""


def status(
    folder: Folder,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat every two seconds while the run is running.")] = False,
    json: Json = False,
) -> None:
    """Counts by outcome, rate, time left, best so far."""
    import time

    while True:
        running = _status(folder, json)
        if not (watch and running):
            return
        time.sleep(WATCH)


def table(
    folder: Folder,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="FILE.csv, FILE.csv.gz or FILE.parquet.")] = None,
) -> None:
    """Every trial, every column; CSV on stdout unless a file is named."""
    from nas.errors import StorageFailed
    from nas.storage.results import csv, open_run
    from nas.study.table import write

    run = open_run(folder)
    if run.lost and out is not None and out.exists():
        raise StorageFailed(f"{out} stays as it is: {run.lost}", hint="name another file with --out")
    if out is None:
        say(csv(run), nl=False)
    else:
        write(run.table(), out)
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
) -> None:
    """The interactive page, one offline file: nas report DIR... or nas report --table FILE..."""
    import webbrowser

    from nas.page.contents import write_report
    from nas.storage.results import open_run

    source = RunsAndTables(
        verb="report", places=places, table=table, error=error, accuracy=accuracy, guess=guess, space=space, cost=cost
    )
    runs = [open_run(folder) for folder in source.folders]
    path = out or _page(places[0], source.files)
    write_report(
        runs, path, table_files=source.files, error=error, accuracy=accuracy, guess=guess, space=space, cost=cost
    )
    say(str(path))
    if show and not webbrowser.open(path.resolve().as_uri()):
        say("no browser was found that could show it", err=True)


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
        raise Refused(f"--by must be error or pareto, got {by!r}")
    run = open_run(folder)
    require_validated(run)
    networks = (run.best if by == "error" else run.pareto_front)[:top]
    if json:
        emit_json(best=[_as_json(record) for record in networks])
    elif networks:
        emit_best(networks, {record.trial: position for position, record in enumerate(run.best, 1)})
        if by == "error":
            for line in filter(None, (first_two(run), optimism(run))):
                emit_text(line)
        if note := run.manifest.data.error_note:
            say(note, err=True)
    else:
        say("no trial has been completed yet", err=True)


def emit_best(networks: Sequence[Record], ranks: Mapping[int, int]) -> None:
    """A table of networks with their ranks, which `nas export --rank` takes."""
    header = ["space", "architecture", "rank", "trial", "error", "multiply-adds", "parameters"]
    timed = any(record.latency_ms is not None for record in networks)
    emit_table(
        [*header, "ms", "ms for 128"] if timed else header,
        [
            (
                record.space,
                record.architecture,
                str(ranks[record.trial]),
                str(record.trial),
                percent(record.error),
                count(record.cost.multiply_adds),
                count(record.cost.parameters),
                *((milliseconds(record.latency_ms), milliseconds(record.latency_128_ms)) if timed else ()),
            )
            for record in networks
        ],
        left=2,
    )


def _status(folder: Path, json: bool) -> bool:
    """Show the state once; whether the run is still running."""
    from nas.cli.progress import pace_text
    from nas.storage.database import pace
    from nas.storage.lock import coordinator
    from nas.storage.results import open_run

    run = open_run(folder)
    looks = run.manifest.standing({record.trial for record in run.records})
    holder = coordinator(folder)
    done, total = len(run.records), run.total
    rate = pace(folder) if holder else None
    open_ended = run.manifest.study.open_ended
    finished = done >= total and not open_ended
    state = "running" if holder else "damaged" if run.lost else "finished" if finished else "stopped"
    left = (total - done) / rate if rate and not open_ended else None
    best = run.best[0] if run.best else None
    if json:
        emit_json(
            study=run.manifest.study.name,
            state=state,
            total=None if open_ended else total,
            done=done,
            outcomes={str(outcome): count for outcome, count in run.outcomes.items()},
            per_hour=rate * 3600 if rate else None,
            seconds_left=left,
            looks=looks,
            lost=run.lost,
            best=_as_json(best) if best else None,
        )
        return holder is not None
    counted = f"{done} trials" if open_ended else f"{done} of {total} trials"
    say(f"{run.manifest.study.name}: {state}{f' ({holder})' if holder else ''}, {counted}")
    for outcome, trials in run.outcomes.items():
        say(f"  {trials:6d} {outcome.replace('_', ' ')}: {outcome.sentence}")
    if looks:
        say(f"  {looks.words}")
    if rate:
        say(f"  {pace_text(rate * 3600, left, bool(looks))}")
    if best:
        say(f"  best error {percent(best.error)}: {best.architecture} (trial {best.trial}, {best.space})")
    if state == "stopped":
        say("  run the same command again to resume")
    return holder is not None


def _page(place: Path, files: Sequence[Path]) -> Path:
    """Where a page goes unless it is said."""
    from nas.storage.layout import PAGE

    return place.with_name(f"{place.name.partition('.')[0]}.html") if place in files else place / PAGE


def _as_json(record: Record) -> dict[str, object]:
    return {
        "trial": record.trial,
        "space": record.space,
        "architecture": record.architecture,
        "error": record.error,
        "parameters": record.cost.parameters,
        "multiply_adds": record.cost.multiply_adds,
        "activations": record.cost.activations,
        "latency_ms": record.latency_ms,
        "latency_128_ms": record.latency_128_ms,
    }
