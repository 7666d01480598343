"""A run as its user holds it: started or opened, looked at as table, page and leaders, its networks handed over."""

from __future__ import annotations

import html
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from nas import devices, names
from nas.data import DataInfo
from nas.engines import Engine, LocalEngine
from nas.errors import NasError, Refused
from nas.files import write_atomically
from nas.frozen import Frozen
from nas.layers import Layer, identity
from nas.progress import rank
from nas.recipe import Recipe
from nas.record import Outcome, Record
from nas.store import LOG, STUDY, WEIGHTS, read_frozen, read_records, require_run
from nas.study import Study
from nas.table import table

if TYPE_CHECKING:
    import pandas as pd

    from nas.models import Model
    from nas.runner import Observer

logger = logging.getLogger(__name__)

RUNS = Path("runs")
PAGE, TABLE = "report.html", "records.csv"
SHOWN = 10
"""Leaders on the page."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A run's folder, read once."""

    folder: Path
    """Where it lies."""
    frozen: Frozen
    """What was asked."""
    records: tuple[Record, ...]
    """All trials that are over, in the order of their numbers."""

    @property
    def total(self) -> int:
        """Trials of the whole study."""
        study = self.frozen.study
        return int(study["samples"] * len(study["spaces"]) * study["repeats"])

    @property
    def outcomes(self) -> Mapping[Outcome, int]:
        """Trials that are over, by outcome."""
        return Counter(record.outcome for record in self.records)

    @cached_property
    def leaders(self) -> tuple[Record, ...]:
        """Completed trials, best first; each network once."""
        ranked = sorted((r for r in self.records if r.error is not None), key=rank)
        seen: set[str] = set()
        return tuple(r for r in ranked if not (r.architecture in seen or seen.add(r.architecture)))  # type: ignore[func-returns-value]

    @property
    def front(self) -> tuple[Record, ...]:
        """Leaders that no other beats in both error and multiply-adds, cheapest first."""
        best: list[Record] = []
        for record in sorted(self.leaders, key=lambda r: (r.cost.multiply_adds, rank(r))):
            if not best or rank(record)[0] < rank(best[-1])[0]:
                best.append(record)
        return tuple(best)

    def table(self) -> pd.DataFrame:
        """One row a trial; columns as `nas.table.COLUMNS`, then dimensions and facts."""
        return table(self.records)

    def record(self, trial: int) -> Record:
        """The record of a trial; refused if it isn't over."""
        for record in self.records:
            if record.trial == trial:
                return record
        raise Refused(f"trial {trial} isn't over or doesn't exist; {len(self.records)} of {self.total} trials are over")

    def leader(self, position: int) -> Record:
        """The record at a rank, counted from 1."""
        if not 1 <= position <= len(self.leaders):
            raise Refused(f"rank must be between 1 and {len(self.leaders)} (completed networks), got {position}")
        return self.leaders[position - 1]

    def layer(self, record: Record) -> Layer | None:
        """The layer tree of a trial if its weights were kept, else None."""
        from nas.weights import read_document

        path = self.weights(record)
        return read_document(path).layers if path else None

    def weights(self, record: Record) -> Path | None:
        """The file of a trial's weights; None if they weren't kept."""
        path = self.folder / WEIGHTS / record.weights
        return path if record.weights and path.is_file() else None

    def _repr_html_(self) -> str:
        """What a notebook shows: the counts and the leaders."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        name = html.escape(self.frozen.study["name"])
        head = f"<p><b>{name}</b>: {len(self.records)} of {self.total} trials ({counts})</p>"
        shown = table(self.leaders[:SHOWN])[["trial", "space", "architecture", "error", "multiply_adds", "parameters"]]
        return head + str(shown.to_html(index=False))


def start(
    study: Study,
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    device: str = "auto",
    engine: Engine | None = None,
    observer: Observer = lambda snapshot, record: None,
    reference: str = "",
) -> Run:
    """Run a study to its end in a folder (default `runs/<name>`), or go on with the run that lies there.

    `workers` defaults to one a physical core. Writes `records.csv` and `report.html` when it is done. Raises Refused
    for a study, name or folder that can't be accepted, Missing without data or device, StorageFailed without disk,
    Interrupted after a signal.
    """
    from nas import runner

    folder = Path(out) if out else RUNS / study.name
    place = devices.device(device)
    engine = engine or LocalEngine(devices.workers(workers, place), log=folder / LOG)
    with _logged(folder / LOG):
        runner.execute(study, folder, engine, place, observer, reference)
    run = open_run(folder)
    write_atomically(folder / TABLE, csv(run).encode())
    write_report((run,), folder / PAGE)
    return run


def open_run(folder: Path | str) -> Run:
    """The run in a folder, finished or not; a coordinator that works on it isn't disturbed."""
    place = Path(folder)
    require_run(place)
    return Run(folder=place, frozen=read_frozen(place), records=tuple(read_records(place)))


def csv(run: Run) -> str:
    """The table as CSV text, formulas made harmless."""
    from nas.table import harmless

    return str(harmless(run.table()).to_csv(index=False, lineterminator="\n"))


def write_report(runs: tuple[Run, ...], path: Path) -> None:
    """The interactive page of one or several runs as one offline file."""
    from nas.page import page

    write_atomically(path, page.html([_report(run) for run in runs]).encode())


def export(run: Run, record: Record, folder: Path | str, *, study: Study | None = None, device: str = "auto") -> Model:
    """Hand a network over as a folder of plain files; one whose weights weren't kept is trained again from its number.

    `study` is needed for that where the run was started from a program.
    """
    from nas import handover

    path = run.weights(record)
    if path:
        from nas.weights import read_document

        model = handover.from_weights(path, read_document(path), record.weights_sha256)
    else:
        model = _trained_again(run, record, study, devices.device(device))
    model.document = handover.named(
        model.document, study=run.frozen.study["name"], space=record.space, trial=record.trial
    )
    handover.write(model, Path(folder))
    return model


def _trained_again(run: Run, record: Record, study: Study | None, device: str) -> Model:
    """The network of a trial, trained as it was."""
    from nas import handover

    if record.outcome is not Outcome.COMPLETED:
        raise Refused(f"trial {record.trial} has no weights: {record.outcome.sentence}")
    if study is None and not run.frozen.reference:
        raise Refused(
            f"the weights of trial {record.trial} weren't kept, and the study isn't known", hint="pass study="
        )
    study = stored_settings(run.frozen, study or names.study(run.frozen.reference))
    space = next((s for s in study.spaces if s.name == record.space), None)
    if space is None:
        raise Refused(f"the study has no space {record.space!r} any more")
    varied = {name: record.point[name] for name in study.vary if name in record.point}
    recipe = study.varied(varied) if varied else study.recipe
    info = _data(recipe, run.frozen.data)
    layer = space.architecture(record.point).network(info.shape, len(info.classes))
    if identity(layer) != record.architecture:
        raise Refused(f"the code of {record.space} has changed: trial {record.trial} would be another network now")
    logger.info("training trial %d again: its weights weren't kept", record.trial)
    model = handover.trained(layer, recipe, record.seed, info, device)
    if model.document.error != record.error:
        logger.warning("trial %d had error %s, now %s", record.trial, record.error, model.document.error)
    return model


def stored_settings(frozen: Frozen, study: Study) -> Study:
    """The study with the recipe, seed and so on that the run was really asked for."""
    stored = frozen.study
    return replace(
        study,
        recipe=msgspec.convert(stored["recipe"], Recipe),
        samples=stored["samples"],
        seed=stored["seed"],
        sampler=stored["sampler"],
    )


def _data(recipe: Recipe, known: DataInfo) -> DataInfo:
    from nas import data

    info = data.prepare(recipe.data, recipe.resolution)
    if info.name == known.name and info.shape == known.shape and info.key != known.key:
        raise NasError(f"{info.name} isn't the data that the run was trained on: {info.key}, not {known.key}")
    return info


def _report(run: Run) -> Any:
    """What the page shows of a run."""
    from nas.page.page import Report

    study, shown = run.frozen.study, run.leaders[:SHOWN]
    networks = {record.trial: layer for record in shown if (layer := run.layer(record)) is not None}
    return Report(
        title=study["name"],
        question=study["question"],
        settings=settings(run),
        classes=len(run.frozen.data.classes),
        inputs=run.frozen.data.shape,
        total=run.total,
        frame=run.table(),
        dimensions=dimensions(run),
        windows=run.frozen.windows,
        curves={record.trial: record.curve for record in run.records},
        networks=networks,
    )


def dimensions(run: Run) -> tuple[str, ...]:
    """Columns of the table that were sampled, each once."""
    spaces = run.frozen.study["spaces"]
    return tuple(dict.fromkeys([n for s in spaces for n in s["dimensions"]] + list(run.frozen.study["vary"])))


def settings(run: Run) -> dict[str, str]:
    """What was asked, in words."""
    from nas.cost import UNBOUNDED

    study, info = run.frozen.study, run.frozen.data
    limits = [
        f"{name} {low:,} to {high:,}" for name, (low, high) in study["limits"].items() if (low, high) != (0, UNBOUNDED)
    ]
    return {
        "data": f"{info.name}, {info.train:,} training and {info.validation:,} validation images",
        "spaces": ", ".join(space["name"] for space in study["spaces"]),
        "samples": f"{study['samples']} networks of each space, {study['repeats']} training(s) each",
        "limits": "; ".join(limits) or "none",
        "sampler": f"{study['sampler']}, seed {study['seed']}",
        "recipe": ", ".join(f"{name} {value}" for name, value in study["recipe"].items() if name != "data"),
        "devices": ", ".join(sorted({record.device for record in run.records if record.device})) or "none yet",
        "versions": ", ".join(f"{name} {value}" for name, value in run.frozen.versions.items()),
    }


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Our messages also go to the run's log, once the folder is known to be a run's, and if it can be written."""
    handler = logging.FileHandler(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(lambda _: (path.parent / STUDY).is_file() and os.access(path.parent, os.W_OK))
    logger = logging.getLogger("nas")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
