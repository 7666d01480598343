"""The state of a run: counts by outcome, rate, time left; and live, with its distributions and best networks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas.cli.options import Folder, Json
from nas.cli.status import as_json
from nas.cli.terminal import emit_json, say
from nas.errors import Refused, readable
from nas.findings.wording.images import interval_note
from nas.findings.wording.numbers import count, measured, percent

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table

    from nas.cli.live.chart import Line
    from nas.storage.results import Run
    from nas.study.looks import Standing

WATCH = 2.0
"""Seconds between two reports of `status --watch`."""
LEADERS = 5
"""Best networks of the live view."""
CHART = (72, 14)
"""Most characters and lines of the distributions."""
LEGEND = 46
"""Characters that the legend needs beside them."""
WIDE = 76
"""Characters from which on costs and architectures of the best networks are shown."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A run at one moment."""

    run: Run
    """Its folder, read once."""
    holder: str | None
    """Who trains it now; None where nobody does."""
    rate: float | None
    """Trials a second; None where it isn't running, or has just begun."""

    @cached_property
    def looks(self) -> Standing | None:
        """Interim looks so far."""
        return self.run.manifest.standing({record.trial for record in self.run.records})

    @property
    def total(self) -> int | None:
        """Trials of the whole study; None where only time ends it."""
        return None if self.run.manifest.study.open_ended else self.run.total

    @property
    def word(self) -> str:
        """In one word."""
        if self.holder:
            return "running"
        if self.run.lost:
            return "damaged"
        return "finished" if self.total is not None and len(self.run.records) >= self.total else "stopped"

    @property
    def left(self) -> float | None:
        """Seconds to the end, where they are known."""
        return (self.total - len(self.run.records)) / self.rate if self.rate and self.total is not None else None


def status(
    folder: Folder,
    watch: Annotated[bool, typer.Option("--watch", help="Until the run ends; on a terminal live, in place.")] = False,
    json: Json = False,
) -> None:
    """Counts by outcome, rate, time left, best so far; with --watch live, with error distributions and leaders."""
    from rich.console import Console

    console = Console(highlight=False)
    if watch and not json and console.is_terminal and not console.is_dumb_terminal:
        _live(folder, console)
        return
    while True:
        now = state_of(folder)
        if json:
            emit_json(**_as_json(now))
        else:
            say("\n".join(lines(now)))
            if now.run.best and (note := _note(now.run)):
                say(f"  {note}")
        if not (watch and now.holder):
            return
        time.sleep(WATCH)


def state_of(folder: Path) -> State:
    """The run in a folder as it is now."""
    from nas.storage.database import pace, working_on
    from nas.storage.results import open_run

    run, holder = open_run(folder), working_on(folder)
    return State(run=run, holder=holder, rate=pace(folder) if holder else None)


def lines(now: State) -> Iterator[str]:
    """The state in words."""
    from nas.findings.same_images import half_of
    from nas.runner.progress import pace_text

    run, done = now.run, len(now.run.records)
    counted = f"{done} trials" if now.total is None else f"{done} of {now.total} trials"
    yield f"{run.manifest.study.name}: {now.word}{f' ({now.holder})' if now.holder else ''}, {counted}"
    for outcome, trials in run.outcomes.items():
        yield f"  {trials:6d} {outcome.replace('_', ' ')}: {outcome.sentence}"
    if now.looks:
        yield f"  {now.looks.words}"
    if now.rate:
        yield f"  {pace_text(now.rate * 3600, now.left, bool(now.looks))}"
    if run.best:
        best = run.best[0]
        error, times = measured(run.mean_error(best), half_of(run, best)), len(run.trainings(best))
        mean = f", mean of {times} trainings" if times > 1 else ""
        yield f"  best error {error}{mean}: {best.architecture} (trial {best.trial}, {best.space})"
    if now.word == "stopped":
        yield "  run the same command again to resume"


def screen(now: State, width: int, height: int) -> Group:
    """The state in words, distributions with their legend, and the best networks, for a terminal of this size."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from nas.cli.live.chart import chart

    words = Text(readable("\n".join(lines(now))))
    leaders = _leaders(now.run, width)
    try:
        spaces = _distributions(now.run)
    except Refused as refusal:
        note = Text(readable(f"no distribution: {refusal}"), style="dim")
        return Group(words, "", note, "", leaders)
    beside = width >= CHART[0] + LEGEND
    room = height - len(words.plain.splitlines()) - leaders.row_count - 8 - (0 if beside else len(spaces))
    rows = chart(spaces, min(width, CHART[0]), max(min(room, CHART[1]), 4))
    grid = Table.grid(padding=(0, 3, 0, 0))
    drawn, legend = Group(*rows), _legend(spaces)
    if beside:
        grid.add_row(drawn, Padding(legend, (1, 0)))
    else:
        grid.add_row(drawn)
        grid.add_row(legend)
    return Group(words, "", grid, "", leaders)


def _live(folder: Path, console: Console) -> None:
    """Draw the state in place until the run ends; what is last on the screen stays there."""
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            now = state_of(folder)
            live.update(screen(now, console.width, console.height), refresh=True)
            if not now.holder:
                return
            time.sleep(max(WATCH, 4 * (time.monotonic() - began)))


def _distributions(run: Run) -> list[Line]:
    """Those of the spaces that have networks, in the order of the study."""
    from nas.analysis.selection import edfs
    from nas.cli.live.chart import Line

    study = run.manifest.study
    arms = study.each // study.repeats
    places: dict[str, int] = {}
    for record in run.records:
        places[record.space] = min(places.get(record.space, arms), record.trial % arms)
    found = [Line(edf=edf, place=places[edf.name]) for edf in edfs(run.table(), guess=run.manifest.data.guess)]
    return sorted(found, key=lambda line: line.place)


def _legend(spaces: list[Line]) -> Table:
    """A row a space: its marks and name, how many networks, their mean and least error, failures."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("space", no_wrap=True)
    for name in ("n", "mean", "best"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for line in spaces:
        edf = line.edf
        space = Text.assemble((line.letter, f"bold {line.colour}"), " ", readable(edf.name), overflow="ellipsis")
        failed = f"{edf.failures} failed" if edf.failures else ""
        table.add_row(space, str(edf.n), percent(edf.mean), percent(edf.minimum), failed)
    return table


def _leaders(run: Run, width: int) -> Table:
    """The best networks with what measuring on so many images leaves open; fewer columns where they don't fit."""
    from rich.table import Table
    from rich.text import Text

    from nas.findings.same_images import half_of

    note = _note(run) if run.best else None
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", caption=note, caption_justify="left")
    columns = ("error", "space", "trial", "multiply-adds", "architecture")[: 5 if width >= WIDE else 3]
    for name in columns:
        table.add_column(name, no_wrap=True, justify="right" if name in ("trial", "multiply-adds") else "left")
    for record in run.best[:LEADERS]:
        space, error = Text(readable(record.space)), measured(run.mean_error(record), half_of(run, record))
        cells = (error, space, str(record.trial), count(record.cost.multiply_adds), record.architecture)
        table.add_row(*cells[: len(columns)])
    return table


def _note(run: Run) -> str:
    """What stands behind the ± of the leaders."""
    several = any(len(run.trainings(record)) > 1 for record in run.best[:LEADERS])
    return interval_note(run.manifest.data.validating, several)


def _as_json(now: State) -> dict[str, object]:
    best = now.run.best[0] if now.run.best else None
    return {
        "study": now.run.manifest.study.name,
        "state": now.word,
        "total": now.total,
        "done": len(now.run.records),
        "outcomes": {str(outcome): trials for outcome, trials in now.run.outcomes.items()},
        "per_hour": now.rate * 3600 if now.rate else None,
        "seconds_left": now.left,
        "looks": now.looks,
        "lost": now.run.lost,
        "best": as_json(now.run, best) if best else None,
    }
