"""What a run shows of itself where nobody else looks on: in a notebook a bar below the cell, elsewhere lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from html import escape
from importlib import import_module
from typing import Any

from nas.errors import readable
from nas.runner.notebook import in_notebook
from nas.runner.progress import Snapshot, failure_line, line
from nas.runner.task import Observer, unobserved
from nas.study.record import Record

EVERY = 5.0
"""Seconds between lines, unless something failed."""


def looking_on(observer: Observer | None, quiet: bool) -> Observer:
    """Who looks on at a run: the observer that is given, else what shows it here, or nobody."""
    if observer is not None:
        return observer
    if quiet:
        return unobserved
    return Bar() if in_notebook() else Lines(to_stderr)


def to_stderr(text: str) -> None:
    """A line for a person; where nobody reads it, nothing is lost."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(readable(text) + "\n")
        sys.stderr.flush()


class Lines:
    """A line now and then, for logs and pipes, and one for every failure."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._last = tell, 0.0

    def __call__(self, snapshot: Snapshot, record: Record | None) -> None:
        """Tell the state after some seconds, a failure at once."""
        if record is not None and record.outcome.is_failure:
            self._tell(failure_line(record))
        if snapshot.done == snapshot.total or time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            self._tell(line(snapshot))


class Bar:
    """A bar with the state in a line below it, in one place of a notebook."""

    def __init__(self) -> None:
        self._handle = import_module("IPython.display").display(data(None), raw=True, display_id=True)

    def __call__(self, snapshot: Snapshot, record: Record | None) -> None:
        """Draw the state in place of the one before."""
        self._handle.update(data(snapshot), raw=True)


def data(snapshot: Snapshot | None) -> dict[str, Any]:
    """A run's state in every form that a notebook may choose from; None before the first."""
    if snapshot is None:
        return {"text/plain": "beginning", "text/html": "<progress></progress>"}
    done, total = float(snapshot.done), float(snapshot.total)
    if snapshot.open_ended:
        done, total = snapshot.elapsed, snapshot.elapsed + (snapshot.left or 0.0)
    text = readable(line(snapshot))
    bar = f'<progress style="width:100%" value="{done:g}" max="{total:g}"></progress>'
    return {"text/plain": text, "text/html": f"{bar}<div>{escape(text)}</div>"}
