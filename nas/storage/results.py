"""A run as its user holds it: a folder that was read once, as records, table and best networks."""

from __future__ import annotations

import html
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, cast

import msgspec

from nas.errors import Refused
from nas.errors.arguments import checked_method
from nas.files import digest
from nas.layers import Layer, display, identity
from nas.space import Space
from nas.storage import study_json
from nas.storage.database import read_manifest, read_records, read_rows, read_wrong_images, require_run
from nas.storage.integrity import evidence, lost_trials
from nas.storage.layout import WEIGHTS, weights_name
from nas.storage.location import backend_of
from nas.storage.study_json import Manifest
from nas.storage.wrong_images import Wrong
from nas.study import Study, catalog, search
from nas.study.objectives import nondominated_ranks, price
from nas.study.record import FINAL, Epoch, Outcome, Record, mean_error, network_of, rank
from nas.study.search import Behind
from nas.study.table import DRAWN, GUESS, csv_text, table

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects


logger = logging.getLogger(__name__)

SHOWN = 10
"""Best networks that a notebook shows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A run's folder, read once."""

    folder: Path
    """Where it lies."""
    manifest: Manifest = field(repr=False)
    """What was asked."""
    records: tuple[Record, ...] = field(repr=False)
    """All finished trials, in the order of their numbers."""
    lost: str = ""
    """What its database lacks of the trials that other files tell of, or how `study.json` was changed, as a sentence;
    empty where it is whole."""

    @property
    def total(self) -> int:
        """Trials of the whole study, or up to the look that ended it; those that are there where only time ends it."""
        return len(self.records) if self.manifest.study.open_ended else self.manifest.total

    @property
    def outcomes(self) -> Mapping[Outcome, int]:
        """Finished trials, by outcome."""
        return Counter(record.outcome for record in self.records)

    @cached_property
    def best(self) -> tuple[Record, ...]:
        """Networks by their mean validation error, each once, as the best of its trainings; none of a final."""
        completed = (r for r in self.records if r.error is not None and r.validated)
        ranked = sorted(completed, key=lambda record: (self.mean_error(record), rank(record)))
        first = {r.architecture: r for r in reversed(ranked)}
        return tuple(r for r in ranked if first[r.architecture] is r)

    @cached_property
    def _trainings(self) -> Mapping[Hashable, list[Record]]:
        groups: dict[Hashable, list[Record]] = defaultdict(list)
        for record in self.records:
            if record.outcome is not Outcome.PRUNED:
                groups[network_of(record)].append(record)
        return groups

    def trainings(self, record: Record) -> Sequence[Record]:
        """All trainings of a completed record's network that weren't ended early; they differ in their seeds alone."""
        return self._trainings[network_of(record)]

    def mean_error(self, record: Record) -> float:
        """Mean error of all trainings of a network; one that failed counts as the larger of guessing and the worst."""
        return mean_error(self.trainings(record), self.manifest.data.guess)

    @cached_property
    def wrong_images(self) -> Mapping[int, Wrong]:
        """Trial -> whether each validation image is classified wrongly; of completed trials that have it stored."""
        return read_wrong_images(self.folder, self.manifest.data.validation, self.records)

    @property
    def pareto_front(self) -> tuple[Record, ...]:
        """The best of each size: those that no other beats in both error and cost, cheapest first.

        Cost is multiply-adds, or latency where the study makes that small.
        """
        return pareto(self.best, self.mean_error, lambda record: price(record, self.manifest.study.objectives))

    def table(self) -> pd.DataFrame:
        """One row a trial; columns as `nas.study.table.COLUMNS`, then dimensions and attributes.

        Its `attrs` and its files also hold `guess`, the error of guessing, and which columns were drawn.
        """
        frame = table(self.records)
        frame.attrs[GUESS] = self.manifest.data.guess
        frame.attrs[DRAWN] = [name for name in self.manifest.study.sampled if name in frame]
        return frame

    def curves(self) -> pd.DataFrame:
        """A row for each epoch of each trial that is known, with the columns that `Epoch` describes."""
        import pandas as pd

        rows = [
            {"trial": record.trial, "space": record.space, **msgspec.structs.asdict(epoch)}
            for record in self.records
            for epoch in record.curve
        ]
        names = ["trial", "space", *(field.name for field in msgspec.structs.fields(Epoch))]
        return pd.DataFrame(rows, columns=names).rename(columns={"number": "epoch"})

    @checked_method
    def figure(self, name: str) -> plotly.graph_objects.Figure:
        """A figure of the run: `edf` of each space, `costs` (error against multiply-adds), or `curves` of the best."""
        drawing = import_module("nas.findings.figures")  # drawing stands above what is drawn
        return cast("plotly.graph_objects.Figure", drawing.figure(self, name))

    @checked_method
    def record(self, trial: int) -> Record:
        """The record of a trial; refused if it isn't finished."""
        for record in self.records:
            if record.trial == trial:
                return record
        counts = f"{len(self.records)} of {self.total} trials are finished"
        raise Refused(f"trial {trial} isn't finished or doesn't exist; {counts}")

    @checked_method
    def ranked(self, position: int) -> Record:
        """The record at a rank, counted from 1."""
        require_validated(self)
        if not self.best:
            raise Refused("no network has been completed yet", hint=f"nas status {quote(str(self.folder))} says why")
        if not 1 <= position <= len(self.best):
            raise Refused(f"rank must be between 1 and {len(self.best)} (completed networks), got {position}")
        return self.best[position - 1]

    def layer(self, record: Record) -> Layer | None:
        """The layer tree of a trial if its weights were kept, else None; refused where their file isn't what it was."""
        from nas.models.weights import read_document

        path = self.weights(record)
        if path is None:
            return None
        require_intact(path, record)
        layer = read_document(path).layers
        if identity(layer) != record.architecture:
            raise Refused(f"{path} describes another network than {record.architecture}")
        return layer

    def weights(self, record: Record) -> Path | None:
        """The file of a trial's weights; None if they weren't kept."""
        if not record.weights:
            return None
        path = self.folder / WEIGHTS / weights_name(record.architecture, record.trial)
        return path if path.is_file() else None

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        best = f"least error {self.best[0].error:.4f}" if self.best else ""
        return display.line(self, str(self.folder), f"{len(self.records)} of {self.total} trials", counts, best)

    def _repr_html_(self) -> str:
        """What a notebook shows: the counts and the best networks."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        name = html.escape(self.manifest.study.name)
        head = f"<p><b>{name}</b>: {len(self.records)} of {self.total} trials ({counts})</p>"
        shown = table(self.best[:SHOWN])[["trial", "space", "architecture", "error", "multiply_adds", "parameters"]]
        return head + str(shown.to_html(index=False))


def pareto(
    best: Sequence[Record], error: Callable[[Record], float], cost: Callable[[Record], float]
) -> tuple[Record, ...]:
    """Of records, best first, those that no other beats in both error and a cost, cheapest first."""
    places = {(error(r), cost(r)): r for r in reversed(best)}  # of equals the first trial
    ranks = zip(places.values(), nondominated_ranks(list(places)), strict=True)
    return tuple(sorted((r for r, fronts_before in ranks if not fronts_before), key=cost))


def require_validated(run: Run) -> None:
    """Refuse to choose in a final, whose errors are of training images."""
    if run.manifest.study.sampler == FINAL:
        place = quote(str(run.folder.parent))
        raise Refused(
            f"{run.folder} is a final: nothing validates there, and its networks are chosen",
            hint=f"nas final {place} shows their test errors, nas export {place} --final exports one",
        )


def open_run(folder: Path | str) -> Run:
    """The run in a folder, finished or not; a coordinator that works on it isn't disturbed.

    Raises Refused for a folder that holds no run, StorageFailed where its database can't be read.
    """
    place = Path(folder)
    require_run(place)
    manifest = study_json.read(place)
    witnesses = evidence(place, manifest.total)
    records = tuple(read_records(place))
    known = [row.number for row in read_rows(place)]
    lost = lost_trials(backend_of(place), witnesses, {record.trial for record in records}, known)
    lost = lost or study_json.altered(place, *read_manifest(place))
    if lost:
        logger.warning("%s", lost)
    return Run(folder=place, manifest=manifest, records=records, lost=lost)


def require_intact(path: Path, record: Record, hint: str = "") -> None:
    """Refuse the weights of a trial that are gone or not those in its record; without a hint they can be made again."""
    if not path.is_file():
        raise Refused(f"{path} is missing", hint=hint)
    if digest(path) != record.weights_sha256:
        hint = hint or f"delete it: nas export trains trial {record.trial} again"
        raise Refused(f"{path} is damaged: its SHA-256 isn't the one in the record", hint=hint)


def study_of(run: Run, given: Behind | None) -> Study | None:
    """The study behind a run, with the settings that it was run with: the given one, else ours of the name it states.

    Of a search its spaces are enough, those that aren't ours. A file or module that the run states isn't imported: a
    folder is data, and may come from somebody else. None where that leaves nothing.
    """
    stated = run.manifest.reference
    if isinstance(given, str):
        given = search.named(given)
    if isinstance(given, Space):
        given = (given,)
    if given is not None and not isinstance(given, Study):
        return search.found_again(run.manifest.study, given)
    if given is None and stated in catalog.studies():
        given = catalog.study(stated)
    if given is None and stated == search.REFERENCE and not search.unknown_spaces(run.manifest.study):
        return search.found_again(run.manifest.study)
    return None if given is None else run.manifest.study.settings_for(given)


def required_study(run: Run, given: Behind | None) -> Study:
    """The study behind a run; refused where it has to be named."""
    study, stated = study_of(run, given), run.manifest.reference
    if study is not None:
        return study
    if stated == search.REFERENCE:
        raise Refused(
            f"{run.folder} searched {search.unknown_spaces(run.manifest.study)[0]!r}, which is no space of ours here",
            hint="--study FILE.py:NAME or module:NAME names it; in Python pass study=",
        )
    if stated:
        raise Refused(
            f"{run.folder} states its study as {stated}, and code is run only if you name it",
            hint=f"if you trust it: --study {quote(stated)}; in Python pass study=",
        )
    raise Refused(
        f"{run.folder} was run from a program, so its study isn't known by name",
        hint="--study FILE.py or module:NAME names it, or the space that was searched (FILE.py:NAME, too); "
        "in Python pass study=",
    )


def csv(run: Run) -> str:
    """The table as CSV text."""
    return csv_text(run.table())
