"""What a final says: its finalists, what their test errors rest on, and the networks themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis import PairedErrors, paired
from nas.analysis.statistics.crossed import Flags
from nas.errors import NasError, Refused
from nas.findings.finalists import Finalist, finalists_of
from nas.findings.settings import fidelity
from nas.findings.wording.finals import HEADER, against_sentence, chosen_text, final_cells, optimism_sentence
from nas.findings.wording.images import first_two_text
from nas.findings.wording.numbers import listed, plural
from nas.layers.display import html_table, notebook
from nas.models import exports
from nas.models.document import HeldOut
from nas.models.formats import writing
from nas.models.model import Model, restore
from nas.models.weights import read_document
from nas.sampling.finals import Finalists
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.finals import READINGS, Results, by_seed, candidates, put_back, read_results, readings
from nas.storage.layout import WEIGHTS, holds_run, weights_name
from nas.storage.results import Run, open_run, require_intact
from nas.study import Recipe
from nas.study.record import FINAL, Outcome, Record

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Final:
    """The finalists of a run on the held-out test split, or on their way to it."""

    run: Run
    """The run that they were chosen from."""
    folder: Path
    """Where the final lies."""
    chosen: Finalists = field(repr=False)
    """How they were chosen."""
    fidelity: str
    """How they were trained."""
    recipe: Recipe = field(repr=False)
    """The same, but for fields of each network's own."""
    own: tuple[str, ...] = field(repr=False)
    """Those fields."""
    seeds: int
    """Trainings of each that are asked for."""
    records: tuple[Record, ...] = field(repr=False)
    """Trainings that are over."""
    results: Results | None = field(repr=False)
    """What the test split said; None before it is read."""
    readings: int
    """How often it was read for networks of this run: at least once where there are results, whatever the log says."""

    @property
    def total(self) -> int:
        """Trainings that are asked for."""
        return self.seeds * len(self.chosen.trials)

    @property
    def tested(self) -> bool:
        """Whether the test split was read for all that is asked for."""
        return self.results is not None and self.results.trainings >= self.total

    @cached_property
    def finalists(self) -> tuple[Finalist, ...]:
        """Lowest validation error first, as they were chosen: an order by test errors would be another choice."""
        return finalists_of(self.run, self.chosen, self.records, self.results)

    @property
    def head(self) -> tuple[tuple[str, str], ...]:
        """What the numbers rest on: name and text."""
        lines = [
            ("chosen", chosen_text(self.chosen)),
            ("trained", f"{self.fidelity}, {plural(self.seeds, 'seed')} each"),
        ]
        if self.results is not None:
            noun = "row" if self.results.rows else "image"
            several = any(len(self.results.of(trial)) > 1 for trial in self.chosen.trials)
            over = f"seeds and {noun}s" if several else f"{noun}s"
            lines.append(
                ("tested", f"on {plural(self.results.images, noun)} of the test split; 95 % intervals over {over}")
            )
        return tuple(lines)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside them."""
        return (*self._of_reading(), *self._of_failures(), *self._of_errors(), *self._of_choice())

    def sentences(self) -> tuple[str, ...]:
        """How optimistic each choice was, and whether the first two differ; none before the test split is read."""
        said = [line for one in self.finalists if (line := optimism_sentence(one))]
        if self.results is None or self.results.rows:
            return tuple(said)
        wrong = [self.wrong_images[one.trial] for one in self.finalists[:2] if one.test_errors]
        if len(wrong) == 2 and [*map(len, wrong)].count(1) != 1:  # one training can't be compared with several
            said.append(f"test images: {first_two_text(paired(wrong[0], wrong[1]), several=len(wrong[0]) > 1)}")
        return tuple(said)

    @cached_property
    def wrong_images(self) -> Mapping[int, Flags]:
        """Trial of a finalist -> which test images its completed trainings get wrong, (trainings, images).

        Refused before the test split is read, and where it is of rows, which are never right or wrong.
        """
        results = self._required()
        _require_classes(self.run, rows=results.rows)
        of = {trial: results.of(trial) for trial in self.chosen.trials}
        return {trial: np.stack([*map(results.losses, tested)]) > 0 for trial, tested in of.items() if tested}

    def against(self, other: Final, rank: int = 1, other_rank: int = 1) -> PairedErrors:
        """A finalist against one of another final, over the test images of both, and over seeds if both have several.

        Refused as `require_comparable` does, for a network against itself, and where only one has several trainings.
        """
        require_comparable(self.run, other)
        mine, theirs = self._ranked(rank), other._ranked(other_rank)
        first, second = self.wrong_images[mine.trial], other.wrong_images[theirs.trial]
        if self._hashes(mine) & other._hashes(theirs):
            raise Refused(f"trial {mine.trial} of {self.run.folder} would be compared with itself")
        if (len(first) == 1) != (len(second) == 1):
            raise Refused(
                f"trial {mine.trial} of {self.run.folder} has {plural(len(first), 'completed training')}, trial "
                f"{theirs.trial} of {other.run.folder} {len(second)}, and a single one says nothing of other seeds"
            )
        return paired(first, second)

    def recipe_of(self, finalist: Finalist) -> Recipe:
        """How a finalist is trained, fields of its own, too."""
        point = self.run.record(finalist.trial).point
        return msgspec.structs.replace(self.recipe, **{name: point[name] for name in self.own if name in point})

    def table(self) -> pd.DataFrame:
        """One row a finalist."""
        import pandas as pd

        rows = [msgspec.structs.asdict(one) for one in self.finalists]
        for row in rows:
            mean, optimism, errors = row.pop("mean"), row.pop("optimism"), row.pop("test_errors")
            row |= {"seeds": len(errors), "test_error": mean.estimate if mean else None}
            row |= {f"test_{end}": getattr(mean, end) if mean else None for end in ("low", "high")}
            row |= {"optimism": optimism.estimate if optimism else None}
            row |= {f"test_error_{seed}": error for seed, error in enumerate(errors, 1)}
        return pd.DataFrame(rows)

    def model(self, rank: int = 1) -> Model:
        """The network of a finalist with the weights of its first seed, and what the test split says of it.

        The seed is fixed before the test split is read, so nothing is chosen by it: the first whose training was
        completed. Refused before the test split is read.
        """
        finalist, results = self._ranked(rank), self._required()
        record = next(
            r for _, r in sorted(by_seed(self.records, finalist.trial).items()) if r.outcome is Outcome.COMPLETED
        )
        path = self.folder / WEIGHTS / weights_name(record.architecture, record.trial)
        require_intact(path, record, hint=put_back(self.folder))
        model, mean = restore(read_document(path), path), finalist.mean
        if mean is None:
            raise NasError(f"trial {finalist.trial} has no test error")
        test = HeldOut(
            error=finalist.test_errors[0],
            mean=mean.estimate,
            deviation=finalist.deviation,
            low=mean.low,
            high=mean.high,
            images=results.images,
            seeds=len(finalist.test_errors),
            readings=self.readings,
            search=self.run.manifest.command or self.run.manifest.reference,
            searched=len(self.run.records),
            search_hours=_hours(self.run.records),
            command=next((reading.command for reading in reversed(readings(self.run.folder))), ""),
            hours=_hours(by_seed(self.records, finalist.trial).values()),
        )
        named = exports.named(
            model.document, study=self.run.manifest.study.name, space=finalist.space, trial=finalist.trial
        )
        model.document = msgspec.structs.replace(named, test=test)
        return model

    def export(self, folder: Path | str, rank: int = 1, format: str | None = None) -> Model:  # noqa: A002
        """Export a finalist as `nas.export` does, with a card that says how it was tested: see `model`."""
        writing.require_possible(Path(folder), format)
        model = self.model(rank)
        writing.save(model, Path(folder), format)
        return model

    def _repr_html_(self) -> str:
        """What a notebook shows: the table of finalists and what must be said beside it."""
        table = html_table(HEADER, [final_cells(one) for one in self.finalists])
        return notebook(self.run.manifest.study.name, self.head, self.notes, table, self.sentences())

    def _required(self) -> Results:
        if self.results is None:
            raise Refused(
                f"the test split isn't read yet for {self.run.folder}",
                hint="nas final resumes the trainings, then reads it",
            )
        return self.results

    def _ranked(self, rank: int) -> Finalist:
        if not 1 <= rank <= len(self.finalists):
            raise Refused(f"rank must be between 1 and {len(self.finalists)} (finalists), got {rank}")
        finalist = self.finalists[rank - 1]
        if self.results is not None and not finalist.test_errors:
            raise Refused(f"no training of finalist {rank}, trial {finalist.trial} of {self.run.folder}, was completed")
        return finalist

    def _hashes(self, finalist: Finalist) -> set[str]:
        return {one.sha256 for one in self._required().of(finalist.trial)}

    def _of_reading(self) -> list[str]:
        left = self.total - len(self.records)
        if left and self.results is None:
            finished = f"{len(self.records)} of {self.total} trainings are finished"
            return [f"{finished}; the test split stays sealed until all are: the same command resumes"]
        if self.results is None:
            return []
        times = "once" if self.readings == 1 else f"{self.readings} times"
        said = f"The test split was read {times} for networks of this run ({READINGS})"
        if self.readings > 1:
            said += ": choices that were made in between may have depended on it, so its errors may be too low"
        return [said, *["These numbers are of fewer trainings than are asked for now"] * (not self.tested)]

    def _of_failures(self) -> list[str]:
        failed = [f"{one.failures} of trial {one.trial}" for one in self.finalists if one.failures]
        return [f"Trainings that failed have no test error and enter no mean: {', '.join(failed)}"] if failed else []

    def _of_errors(self) -> list[str]:
        if self.results is None:
            return []
        said = []
        if len(self.finalists) > 1:
            said.append(
                "The order is that of validation errors in the run; the best test error among several finalists is a "
                "choice by the test split, and too low by its luck"
            )
        if note := self.run.manifest.data.error_note:
            said.append(note[0].upper() + note[1:])
        return said

    def _of_choice(self) -> list[str]:
        """What isn't known of the choice, or has changed since."""
        unkept = [str(one.trial) for one in self.finalists if one.mean and one.kept_test_error is None]
        said = []
        if unkept:
            said.append(
                f"The run kept no weights of trial {listed(unkept)}, so the optimism of that choice isn't known"
            )
        pool = len(candidates(self.run, self.chosen.selection.limits))
        if pool > self.chosen.of:
            said.append(f"The run has gone on: {self.chosen.of} networks could be chosen then, {pool} now")
        return said


def open_final(source: Run | Path | str) -> Final:
    """The final of a run as it is; refused where it has none."""
    run = source if isinstance(source, Run) else open_run(source)
    folder = run.folder / FINAL
    if not holds_run(folder):
        raise Refused(
            f"{run.folder} has no final", hint=f"nas final {run.folder} trains its best networks and tests them"
        )
    manifest = study_json.read(folder)
    if manifest.finalists is None:
        raise Refused(f"{folder} is no final of {run.folder}", hint="move it away, then run nas final anew")
    results = read_results(folder)
    return Final(
        run=run,
        folder=folder,
        chosen=manifest.finalists,
        fidelity=fidelity(Run(folder=folder, manifest=manifest, records=())),
        recipe=manifest.study.recipe,
        own=tuple(manifest.study.vary),
        seeds=manifest.study.samples,
        records=tuple(read_records(folder)),
        results=results,
        readings=max(len(readings(run.folder)), results is not None),
    )


def require_comparable(run: Run, other: Final, seeds: int | None = None) -> None:
    """Refused unless finalists of a run can be compared with those of another final, image by image.

    The latter must be tested, and both on images of one data set, prepared alike: sizes of pictures and splits count.
    With `seeds`, which each finalist of the run has or will have, both must have several trainings or one.
    """
    if not other.tested:
        on = f"nas final {quote(str(other.run.folder))}" + " --again" * (other.results is not None)
        raise Refused(
            f"{other.run.folder} isn't tested yet, with all seeds that it was asked for", hint=f"{on} goes on"
        )
    results = other._required()
    _require_classes(run, rows=bool(run.manifest.data.target))
    _require_classes(other.run, rows=results.rows)
    mine, theirs = run.manifest.data.all_training.key, results.data
    if mine != theirs:
        raise Refused(
            f"{run.folder} and {other.run.folder} have other data, or prepared otherwise: {mine}, {theirs}",
            hint="images are compared one by one: data, resolution and validation_size must be the same",
        )
    trained = len(other._ranked(1).test_errors)
    if seeds is not None and (seeds == 1) != (trained == 1):
        raise Refused(
            f"{run.folder} has {plural(seeds, 'training')} a finalist, {other.run.folder} {trained}, and a single one "
            "says nothing of other seeds",
            hint="--seeds says how many; both need several, or one",
        )


def _require_classes(run: Run, *, rows: bool) -> None:
    if rows:
        raise Refused(f"{run.folder} predicts a number, which is never right or wrong")


def compared(first: Final, second: Final) -> tuple[PairedErrors | None, str]:
    """The best finalists of two finals in numbers and in a sentence; None, and why, where that is known only now."""
    try:
        pair = first.against(second)
    except Refused as refused:
        return None, f"not compared with {second.run.folder}: {refused}"
    recipes = [final.recipe_of(final.finalists[0]) for final in (first, second)]
    said = f"against {second.run.folder}: {against_sentence(first.finalists[0], second.finalists[0], pair, recipes)}"
    return pair, said + (f"; its test split was read {second.readings} times" if second.readings > 1 else "")


def _hours(records: Iterable[Record]) -> float:
    return round(sum(record.seconds for record in records) / 3600, 2)
