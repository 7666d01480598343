"""From runs and tables to their page: what the page shows is gathered here, how it is drawn is decided there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from nas.errors import NasError, Refused, StorageFailed
from nas.files import write_atomically
from nas.findings.audits import audit_line, open_audit
from nas.findings.differences import Side, differences, side_of
from nas.findings.principles import principles
from nas.findings.same_images import first_two
from nas.findings.settings import fidelity, settings
from nas.findings.tables import Tables, tables
from nas.findings.wording.audits import audit_summary, longer_cells
from nas.findings.wording.numbers import capitalized, listed, plural, spoken
from nas.page import page
from nas.page.compared import report_of_differences, report_of_searches
from nas.page.networks import networks_of
from nas.page.page import TOP
from nas.page.recipes import RECIPE, apart_text, by_recipe
from nas.page.report import Audited, Report, Verdicts
from nas.storage.integrity import WAY_OUT
from nas.storage.results import Run, require_validated
from nas.study.rules import Spaces
from nas.study.stored import without_code
from nas.study.table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from nas.findings.searches import Searches

MOST_TEXTS = 24
"""Different texts up to which error is drawn against a column of a table; names of single networks have more."""
MOST_SPACES = 24
"""Spaces of tables that are compared, pair by pair."""
MOST_RUNS = 12
"""Compared runs up to which each has a part of the page."""


def write_report(
    runs: Sequence[Run],
    path: Path | str,
    *,
    table_files: Sequence[Path | str] = (),
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
    path, files = Path(path), [Path(file) for file in table_files]
    for run in runs:
        require_validated(run)
    lost = next((run.lost for run in runs if run.lost), "")
    if lost and path.exists():
        raise StorageFailed(f"{path} stays as it is: {lost}", hint=f"{WAY_OUT}, or name another page with -o")
    if not runs and not files:
        raise Refused("there is nothing to report: no run and no table is given")
    options = {"error": error, "accuracy": accuracy or None, "guess": guess, "space": space, "cost": cost}
    if not files and (given := [name for name, value in options.items() if value is not None]):
        raise Refused(f"{given[0]} is said of tables, and none is given", hint="table_files=[FILE]")
    reports = _titled(runs, [_report(run) for run in runs])
    if files:
        reports += reports_of_tables(tables(files, error, accuracy=accuracy, guess=guess, space=space, cost=cost))
    if runs and len(reports) > 1:
        reports.append(_apart(runs, reports))
    now = f"As of {datetime.now(UTC):%-d %B %Y, %H:%M} UTC"
    write_atomically(path, page.html([replace(report, snapshot=now) for report in reports]).encode())


def _apart(runs: Sequence[Run], reports: Sequence[Report]) -> Report:
    """What tells the runs and the tables of a page apart, under the names of their parts."""
    first, others = zip(runs, reports, strict=False), reports[len(runs) :]
    sides = [side_of(run, report.title) for run, report in first]
    sides += [Side(name=report.title, frame=report.frame, settings={}) for report in others]
    return report_of_differences(differences(sides))


def _titled(runs: Sequence[Run], reports: Sequence[Report]) -> list[Report]:
    """The parts of runs, named by their folders where several have one study."""
    titles = [report.title for report in reports]
    folders = [str(run.folder) if titles.count(title) > 1 else title for run, title in zip(runs, titles, strict=True)]
    return [replace(report, title=title) for report, title in zip(reports, folders, strict=True)]


def write_searches(searches: Searches, path: Path, runs: Sequence[Run] = ()) -> None:
    """The page of a comparison of searches as one offline file, its runs in parts of their own unless they are many."""
    reports = [report_of_searches(searches), *(_report(run) for run in runs if len(runs) <= MOST_RUNS)]
    write_atomically(path, page.html(reports).encode())


def _report(run: Run) -> Report:
    """What the page shows of a run."""
    study, info = run.manifest.study, run.manifest.data
    networks = networks_of(run, TOP)
    verdicts = _verdicts(run)
    return Report(
        title=study.name,
        question=study.question,
        settings=settings(run),
        classes=len(info.classes),
        task=info.task,
        inputs=info.shape,
        total=run.total,
        frame=run.table(),
        dimensions=study.sampled,
        spaces=tuple(arm.name for arm in without_code(study).arms),
        windows=run.manifest.windows if any(w.refused or w.strata for w in run.manifest.windows) else (),
        curves={record.trial: record.curve for record in run.records},
        networks=networks.layers,
        sources=networks.sources,
        stairs=networks.stairs,
        folder=quote(str(run.folder)),
        note=" ".join(f"{text}." for text in (run.lost, *networks.damaged) if text),
        first_two=capitalized(first_two(run)),
        rules=verdicts,
        audit=_audit(run),
        objectives=study.objectives,
        validating=info.validating,
        sampled=f"sampled {'at random' if study.sampler == 'random' else 'evenly'}",
        how=tuple(_how(run)),
        untested=f"the study declares no rules; nas principles {quote(str(run.folder))} --against A,B tests two spaces",
        extended="the same command with a larger --samples extends this run"
        if len(run.records) == run.total
        else "the same command again resumes this run",
    )


def _how(run: Run) -> Iterable[str]:
    """How networks were trained and limited, and what an audit says, in a sentence each."""
    yield f"Each training: {fidelity(run)}"
    known = settings(run)
    if known["limits"] != "none":
        yield f"Limits: {spoken(known['limits'])}"
    if matched := known.get("matched"):
        yield f"Costs are matched: {spoken(matched)}"
    if line := audit_line(run):
        yield f"Audited: the rank correlation of short and longer errors is {line}"


def _audit(run: Run) -> Audited | None:
    """What an audit of the run says; None where it has none."""
    try:
        audit = open_audit(run)
    except NasError as trouble:
        return Audited(refusal=str(trouble))
    if audit is None:
        return None
    return Audited(
        summary=audit_summary(audit.verdicts, audit.longer),
        head=audit.head,
        rows=tuple(longer_cells(row) for row in audit.rows),
        sentences=audit.sentences(),
        notes=audit.notes,
    )


def _verdicts(run: Run) -> Verdicts | None:
    """What a run says of the rules of its study, or why it says nothing; None where there are none."""
    if not run.manifest.study.rules:
        return None
    try:
        result = principles(run)
    except Refused as refusal:
        return Verdicts(refusal=str(refusal))
    pairs = {
        (rule.contrast.first, rule.contrast.reference): row
        for rule, row in zip(run.manifest.study.rules, result.rows, strict=True)
        if isinstance(rule.contrast, Spaces)
    }
    follows = {"more", "what to do"}
    return Verdicts(
        rows=result.rows,
        pairs=pairs,
        next=tuple(entry for entry in result.head if entry[0] in follows),
        meanings=tuple(entry for entry in result.head if entry[0] not in follows),
        notes=result.notes,
    )


def reports_of_tables(source: Tables) -> list[Report]:
    """What the page shows of tables, a part for each recipe of training."""
    parts = by_recipe(source.frame, source.drawn or ())
    return [_of_table(source, frame, recipe, apart_text(recipe, parts)) for recipe, frame in parts.items()]


def _of_table(source: Tables, frame: pd.DataFrame, recipe: str, apart: str) -> Report:
    """All that doesn't need the run behind a table."""
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
    return Report(
        title=(f"{recipe}: " if recipe else "") + listed(source.origins),
        question=f"What do {plural(len(frame), 'network')} of {plural(spaces, 'space')} show?",
        settings=source.origins,
        total=len(frame),
        frame=frame,
        dimensions=_drawn(frame),
        guessing=source.guess,
        note=note,
        apart=apart,
        how=_of_columns(frame),
        untested="a table declares no rules; nas principles --table FILE --against A,B tests two spaces",
    )


def _of_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """What columns say of the trainings."""
    own = [f"{spoken(name)} {frame[name].max()}" for name in RECIPE if name in frame and frame[name].notna().any()]
    return (f"Each training: {', '.join(own)}" if own else "The table doesn't say how its networks were trained",)


def _drawn(frame: pd.DataFrame) -> tuple[str, ...]:
    """Columns that vary, but for ours, for the numbers of rows, and for texts of which nearly every row has its own."""
    return tuple(str(name) for name in frame.columns if name not in COLUMNS and _says_something(frame[name]))


def _says_something(values: pd.Series[Any]) -> bool:
    from pandas.api.types import is_numeric_dtype

    if not is_numeric_dtype(values):
        return 1 < values.nunique() <= MOST_TEXTS
    return values.nunique() > 1 and not (values.diff()[1:] == 1).all()
