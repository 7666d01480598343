"""A training as a notebook shows it: its curves, which grow below the cell after each epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html import escape
from importlib import import_module
from typing import Any

import msgspec

from nas.findings.wording.training import epoch_line
from nas.models.curves import curves_figure
from nas.study.record import Epoch

PLOTLY = "application/vnd.plotly.v1+json"
"""What notebooks draw a plotly figure from; one that can't shows the line."""


def watcher(name: str, epochs: int) -> Callable[[Epoch], None] | None:
    """Draws each epoch where a notebook runs this program; None elsewhere."""
    if not in_notebook():
        return None
    curve: list[Epoch] = []
    handle = import_module("IPython.display").display(shown(name, curve, epochs), raw=True, display_id=True)

    def watch(epoch: Epoch) -> None:
        curve.append(epoch)
        handle.update(shown(name, curve, epochs), raw=True)

    return watch


def in_notebook() -> bool:
    """Whether a kernel runs this program, which shows more than text."""
    shell = sys.modules.get("IPython")
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


def shown(name: str, curve: list[Epoch], epochs: int) -> dict[str, Any]:
    """The curves so far, below a line on the last epoch, in every form that a notebook may choose from."""
    line = epoch_line(curve[-1], epochs) if curve else f"{name}: training begins"
    figure = curves_figure({name: curve})
    figure.update_layout(title={"text": escape(line), "font": {"size": 13}}, margin={"t": 56})
    figure.update_xaxes(range=[0.5, epochs + 0.5])
    return {"text/plain": line, PLOTLY: msgspec.json.decode(figure.to_json())}
