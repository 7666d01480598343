"""From runs to their page: what the page shows is gathered here, how it looks is decided there."""

from __future__ import annotations

from pathlib import Path

from nas.files import write_atomically
from nas.page import page
from nas.page.page import Report
from nas.results import Run, dimensions, settings

SHOWN = 10
"""Leaders on the page."""


def write_report(runs: tuple[Run, ...], path: Path) -> None:
    """The interactive page of one or several runs as one offline file."""
    write_atomically(path, page.html([_report(run) for run in runs]).encode())


def _report(run: Run) -> Report:
    """What the page shows of a run."""
    study, shown = run.frozen.study, run.leaders[:SHOWN]
    networks = {record.trial: layer for record in shown if (layer := run.layer(record)) is not None}
    return Report(
        title=study["name"],
        question=study["question"],
        settings=settings(run),
        classes=len(run.frozen.data.classes),
        task=run.frozen.data.task,
        inputs=run.frozen.data.shape,
        total=run.total,
        frame=run.table(),
        dimensions=dimensions(run),
        windows=run.frozen.windows if any(window.refused for window in run.frozen.windows) else (),
        curves={record.trial: record.curve for record in run.records},
        networks=networks,
    )
