"""What a run shows while it trains: a live bar on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from types import TracebackType
from typing import Self

from nas.cli.terminal import say
from nas.errors import readable
from nas.runner.display import Lines
from nas.runner.progress import Snapshot, failure_line, line
from nas.runner.task import Observer
from nas.study.record import Record

BAR = 40
"""Width of the bar, in characters."""


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
            self._console.print(readable(failure_line(record)), markup=False, highlight=False)
        done, total = float(snapshot.done), float(snapshot.total)
        if snapshot.open_ended:
            done, total = snapshot.elapsed, snapshot.elapsed + (snapshot.left or 0.0)
        bar = ProgressBar(total=total, completed=done, width=BAR)
        self._live.update(Group(bar, Text("\n" + readable(line(snapshot)))))  # a bar ends without a new line


def view() -> AbstractContextManager[Observer]:
    """The view that fits where stderr goes."""
    if sys.stderr is not None and sys.stderr.isatty():
        return LiveView()
    return nullcontext(Lines(partial(say, err=True)))
