"""What runs and trainings show of themselves: a bar or growing curves in a notebook, lines on stderr elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from html import escape
from importlib import import_module
from typing import Any

import msgspec

from nas.errors import readable
from nas.findings.wording.training import epoch_line
from nas.models.curves import curves_figure
from nas.runner.progress import Snapshot, failure_line, line
from nas.runner.task import Observer, unobserved
from nas.study.record import Epoch, Record

PLOTLY = "application/vnd.plotly.v1+json"
"""What notebooks draw a plotly figure from; one that can't shows the line."""
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
        self._handle = import_module("IPython.display").display(state(None), raw=True, display_id=True)

    def __call__(self, snapshot: Snapshot, record: Record | None) -> None:
        """Draw the state in place of the one before."""
        self._handle.update(state(snapshot), raw=True)


def state(snapshot: Snapshot | None) -> dict[str, Any]:
    """A run's state in every form that a notebook may choose from; None before the first."""
    if snapshot is None:
        return {"text/plain": "beginning", "text/html": "<progress></progress>"}
    done, total = float(snapshot.done), float(snapshot.total)
    if snapshot.open_ended:
        done, total = snapshot.elapsed, snapshot.elapsed + (snapshot.left or 0.0)
    text = readable(line(snapshot))
    bar = f'<progress style="width:100%" value="{done:g}" max="{total:g}"></progress>'
    return {"text/plain": text, "text/html": f"{bar}<div>{escape(text)}</div>"}


def watcher(name: str, epochs: int, *, table: bool = False) -> Callable[[Epoch], None] | None:
    """Draws each epoch where a notebook runs this program; None elsewhere."""
    if not in_notebook():
        return None
    curve: list[Epoch] = []
    handle = import_module("IPython.display").display(
        shown(name, curve, epochs, table=table), raw=True, display_id=True
    )

    def watch(epoch: Epoch) -> None:
        curve.append(epoch)
        handle.update(shown(name, curve, epochs, table=table), raw=True)

    return watch


def in_notebook() -> bool:
    """Whether a kernel runs this program, which shows more than text."""
    shell = sys.modules.get("IPython")
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


def shown(name: str, curve: list[Epoch], epochs: int, *, table: bool = False) -> dict[str, Any]:
    """The curves so far, below a line on the last epoch, in every form that a notebook may choose from."""
    line = epoch_line(curve[-1], epochs) if curve else f"{name}: training begins"
    figure = curves_figure({name: curve}, table=table)
    figure.update_layout(title={"text": escape(line), "font": {"size": 13}}, margin={"t": 56})
    figure.update_xaxes(range=[0.5, epochs + 0.5])
    return {"text/plain": line, PLOTLY: msgspec.json.decode(figure.to_json())}
