"""What a run shows while it trains: a live bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from nas.cli.terminal import say
from nas.errors import readable
from nas.findings.wording.numbers import duration, percent
from nas.runner.progress import LONG, Snapshot
from nas.study.record import Record

BAR = 40
"""Width of the bar, in characters."""
EVERY = 5.0
"""Seconds between plain lines, unless something failed."""


def line(snapshot: Snapshot) -> str:
    """A run in one line."""
    parts = [f"{snapshot.done}{'' if snapshot.open_ended else f'/{snapshot.total}'} trials"]
    parts += [f"{count} {outcome.replace('_', ' ')}" for outcome, count in snapshot.outcomes.items()]
    if snapshot.done == snapshot.total:
        fresh = snapshot.per_hour is not None
        parts.append(f"done after {duration(snapshot.elapsed)}" if fresh else "nothing left to train")
    elif snapshot.per_hour is None:
        parts.append(_beginning(snapshot))
    else:
        parts.append(pace_text(snapshot.per_hour, snapshot.left, bool(snapshot.looks)))
        parts += [f"{snapshot.running} being trained, {_epochs(snapshot)}"] if snapshot.epochs else []
    if snapshot.looks:
        parts.append(snapshot.looks)
    if snapshot.best:
        best = snapshot.best
        parts.append(f"best error {percent(best.error)} (trial {best.trial}, {best.space})")
    return " · ".join(parts)


def _beginning(snapshot: Snapshot) -> str:
    """What happens until the first trial of this command is finished, which tells its speed."""
    if snapshot.running and snapshot.elapsed >= LONG:
        far = f", {_epochs(snapshot)}" if snapshot.epochs else ""
        left = "" if snapshot.left is None else f", about {duration(snapshot.left)} left"
        return f"{snapshot.running} being trained for {duration(snapshot.elapsed)} so far{far}{left}"
    return "resuming" if snapshot.done else "starting workers"


def _epochs(snapshot: Snapshot) -> str:
    """How far trainings that take long are."""
    first, last = snapshot.epochs[0], snapshot.epochs[-1]
    return f"{first if first == last else f'{first} to {last}'} of {snapshot.epochs_planned} epochs"


def pace_text(per_hour: float, left: float | None, looks: bool) -> str:
    """The speed of a run and the seconds that are left, if they are known; interim looks may end it earlier."""
    if left is None:
        return f"{per_hour:.0f} trials/h"
    return f"{per_hour:.0f} trials/h, {'at most' if looks else 'about'} {duration(left)} left"


class PlainView:
    """Lines for logs and pipes."""

    def __init__(self) -> None:
        self._last = 0.0

    def __enter__(self) -> Self:
        """Nothing to set up."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to clean up."""

    def __call__(self, snapshot: Snapshot, record: Record | None) -> None:
        """Print a line now and then, and every failure."""
        if record is not None and record.outcome.is_failure:
            say(f"trial {record.trial} ({record.space}): {record.outcome.sentence}: {record.message}", err=True)
        finished = snapshot.done == snapshot.total
        if finished or time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            say(line(snapshot), err=True)


class LiveView:
    """A bar with counts, rate, time left and the best network so far."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=4)

    def __enter__(self) -> Self:
        """Start to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last state on the screen."""
        with suppress(OSError):
            self._live.stop()

    def __call__(self, snapshot: Snapshot, record: Record | None) -> None:
        """Show the state, wrapped to the width of the terminal; a failure gets a line of its own.

        A terminal that is gone ends nothing: what is shown isn't needed.
        """
        with suppress(OSError):
            self._show(snapshot, record)

    def _show(self, snapshot: Snapshot, record: Record | None) -> None:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        if record is not None and record.outcome.is_failure:
            text = f"trial {record.trial} ({record.space}): {record.outcome.sentence}: {record.message}"
            self._console.print(readable(text), markup=False, highlight=False)
        done, total = float(snapshot.done), float(snapshot.total)
        if snapshot.open_ended:
            done, total = snapshot.elapsed, snapshot.elapsed + (snapshot.left or 0.0)
        bar = ProgressBar(total=total, completed=done, width=BAR)
        self._live.update(Group(bar, Text("\n" + readable(line(snapshot)))))  # a bar ends without a new line


def view() -> PlainView | LiveView:
    """The view that fits where stderr goes."""
    return LiveView() if sys.stderr is not None and sys.stderr.isatty() else PlainView()
