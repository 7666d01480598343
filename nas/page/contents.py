"""From runs and tables to their page: what the page shows is gathered here, how it is drawn is decided there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import NasError, Refused, StorageFailed
from nas.files import write_atomically
from nas.findings.principles import principles
from nas.findings.same_images import first_two
from nas.findings.settings import settings
from nas.findings.tables import Tables, tables
from nas.findings.wording.numbers import listed, plural
from nas.layers import Layer, cost
from nas.page import page
from nas.page.page import TOP, Report, Verdicts
from nas.storage.integrity import WAY_OUT
from nas.storage.results import Run, require_validated
from nas.study.stored import without_code
from nas.study.table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

MOST_TEXTS = 24
"""Different texts up to which error is drawn against a column of a table; names of single networks have more."""
MOST_SPACES = 24
"""Spaces of tables that are compared, pair by pair."""
MOST_DIMENSIONS = 40
"""Columns of a table that error is drawn against."""


def write_report(
    runs: Sequence[Run],
    path: Path,
    *,
    table_files: Sequence[Path] = (),
    error: str | None = None,
    accuracy: bool = False,
    guess: float | None = None,
    space: str | None = None,
    cost: str | None = None,
) -> None:
    """The interactive page of runs and of anybody's tables, all tables together, as one offline file.

    `error` names the column of errors in the tables (default: `error`), or of accuracies where `accuracy` is true,
    `guess` the error of guessing, `space` one whose values are taken for spaces, `cost` one that holds multiply-adds. A
    page that is there isn't replaced by one of a run that has lost trials.
    """
    for run in runs:
        require_validated(run)
    lost = next((run.lost for run in runs if run.lost), "")
    if lost and path.exists():
        raise StorageFailed(f"{path} stays as it is: {lost}", hint=f"{WAY_OUT}, or name another page with -o")
    if not runs and not table_files:
        raise Refused("there is nothing to report: no run and no table is given")
    reports = [_report(run) for run in runs]
    if table_files:
        reports.append(
            report_of_tables(tables(table_files, error, accuracy=accuracy, guess=guess, space=space, cost=cost))
        )
    write_atomically(path, page.html(reports).encode())


def _report(run: Run) -> Report:
    """What the page shows of a run."""
    study = run.manifest.study
    networks, damaged = _pictured(run)
    return Report(
        title=study.name,
        question=study.question,
        settings=settings(run),
        classes=len(run.manifest.data.classes),
        task=run.manifest.data.task,
        inputs=run.manifest.data.shape,
        total=run.total,
        frame=run.table(),
        dimensions=run.manifest.study.sampled,
        spaces=tuple(arm.name for arm in without_code(run.manifest.study).arms),
        windows=run.manifest.windows if any(w.refused or w.strata for w in run.manifest.windows) else (),
        curves={record.trial: record.curve for record in run.records},
        networks=networks,
        note=" ".join(f"{text}." for text in (run.lost, *damaged) if text),
        first_two=first_two(run),
        rules=_verdicts(run),
    )


def _pictured(run: Run) -> tuple[dict[int, Layer], list[str]]:
    """Trial -> layer tree of the best networks whose weights are there, and a note on weights that can't be used.

    A bad file costs its network's picture and nothing else.
    """
    networks, damaged = {}, []
    for record in run.best[:TOP]:
        try:
            layer = run.layer(record)
            if layer is not None:
                cost(layer, run.manifest.data.shape)
                networks[record.trial] = layer
        except (NasError, OSError) as error:
            damaged.append(f"Trial {record.trial} has no picture: {error}")
            logger.warning("%s: trial %d has no picture on the page: %s", run.folder, record.trial, error)
    return networks, damaged


def _verdicts(run: Run) -> Verdicts | None:
    """What a run says of the rules of its study, or why it says nothing; None where there are none."""
    if not run.manifest.study.rules:
        return None
    try:
        result = principles(run)
    except Refused as refusal:
        return Verdicts(refusal=str(refusal))
    return Verdicts(rows=result.rows, notes=(*map(": ".join, result.head), *result.notes))


def report_of_tables(source: Tables) -> Report:
    """What the page shows of tables: all that doesn't need the run behind them."""
    frame = source.frame
    drawn = _drawn(frame)
    spaces = frame["space"].nunique()
    if spaces > MOST_SPACES:
        raise Refused(f"the tables name {spaces:,} spaces, at most {MOST_SPACES} can be compared on a page")
    note = (
        f"Drawn from {plural(len(source.origins), 'table')}, not from a run: there are no curves, layers and pictures "
        "of networks, and nothing is known of limits or of how the networks were sampled but for what columns "
        "say. The errors are shown as validation errors, in percent."
    )
    if source.unitless:
        note += " They are no shares: 240 % is an error, or a loss, of 2.4."
    if len(drawn) > MOST_DIMENSIONS:
        note += f" Error is drawn against the first {MOST_DIMENSIONS} of {len(drawn)} columns."
    return Report(
        title=listed(source.origins),
        question=f"What do {plural(len(frame), 'network')} of {plural(spaces, 'space')} show?",
        settings=source.origins,
        total=len(frame),
        frame=frame,
        dimensions=drawn[:MOST_DIMENSIONS],
        guessing=source.guess,
        note=note,
    )


def _drawn(frame: pd.DataFrame) -> tuple[str, ...]:
    """Columns that vary, but for ours, for the numbers of rows, and for texts of which nearly every row has its own."""
    return tuple(str(name) for name in frame.columns if name not in COLUMNS and _says_something(frame[name]))


def _says_something(values: pd.Series[Any]) -> bool:
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(values):
        return 1 < values.nunique() <= MOST_TEXTS
    return values.nunique() > 1 and not (values.diff()[1:] == 1).all()
