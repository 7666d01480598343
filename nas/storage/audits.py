"""An audit's folder and the run behind it, read once: networks with their short, long and repeated errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nas.errors import Refused
from nas.sampling.repetitions import AUDIT, Chosen
from nas.sampling.subset import Subset, order, weights
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.layout import holds_run
from nas.storage.results import Run
from nas.storage.study_json import Manifest
from nas.study.record import Record


class AuditedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network of the run and its trainings in the audit."""

    trial: int
    """Its trial in the run."""
    space: str
    """Name of its space there."""
    architecture: str
    """Its identity."""
    weight: float
    """Networks of the run that it stands for; 1 over the probability that it was taken."""
    short: float | None
    """Error in the run; None for a failure."""
    long: float | None
    """Error of the longer training; None for a failure."""
    again: tuple[float | None, ...]
    """Errors of trainings as short as the run's with other seeds; None for a failure."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Retrained:
    """An audit's folder and the run behind it, read once."""

    folder: Path
    """Where the audit lies."""
    manifest: Manifest
    """What it was asked."""
    subset: Subset
    """Of which networks it trains some again."""
    population: Sequence[Record]
    """These networks, in the order of their trials in the run."""
    records: Mapping[tuple[int | None, int], Record]
    """Trial of the run and repetition, 0 for the long training -> what the audit has of it."""
    chosen: Chosen
    """The order in which it takes them."""

    @property
    def planned(self) -> int:
        """Rounds that are asked for."""
        return min(self.manifest.study.samples, *map(len, self.chosen.rounds))

    @property
    def rounds(self) -> int:
        """Rounds of which all long trainings are over, from the first on: who ends first is no random choice."""
        whole = 0
        while whole < self.planned and all((arm[whole].trial, 0) in self.records for arm in self.chosen.rounds):
            whole += 1
        return whole

    @property
    def networks(self) -> tuple[AuditedNetwork, ...]:
        """Those of whole rounds."""
        repeats = range(1, self.manifest.study.repeats)
        networks = []
        for arm in self.chosen.rounds:
            taken = arm[: self.rounds]
            for record, weight in zip(taken, weights(taken, arm), strict=True):
                again = [self.records.get((record.trial, repeat)) for repeat in repeats]
                networks.append(
                    AuditedNetwork(
                        trial=record.trial,
                        space=record.space,
                        architecture=record.architecture,
                        weight=weight,
                        short=record.error,
                        long=self.records[record.trial, 0].error,
                        again=tuple(one.error for one in again if one is not None),
                    )
                )
        return tuple(networks)


def read_retrained(run: Run) -> Retrained | None:
    """The audit in the folder of a run; None where it has none, refused where it is of another run."""
    folder = run.folder / AUDIT
    if not holds_run(folder):
        return None  # nothing, or a beginning that was interrupted at once
    manifest = study_json.read(folder)
    if manifest.subset is None or manifest.fingerprint != run.manifest.fingerprint:
        raise Refused(f"{folder} is no audit of {run.folder}", hint="move it away, then audit the run anew")
    records = {(r.origin.again, r.origin.repeat): r for r in read_records(folder)}
    return Retrained(
        folder=folder,
        manifest=manifest,
        subset=manifest.subset,
        population=population(run, manifest.subset),
        records=records,
        chosen=chosen(run, manifest.subset),
    )


def chosen(run: Run, subset: Subset) -> Chosen:
    """The networks of a run in the order in which an audit takes them, each arm by itself."""
    networks = population(run, subset)
    arms = list(run.manifest.fingerprint)
    rounds = [
        order([record for record in networks if record.space == arm], run.manifest.study.seed, index)
        for index, arm in enumerate(arms)
    ]
    return Chosen(rounds=tuple(map(tuple, rounds)), longer=subset.longer)


def population(run: Run, subset: Subset) -> list[Record]:
    """The networks that an audit speaks of, once each, in the order of their trials."""
    return [r for r in run.records if r.trial < subset.trials and r.origin.unbiased]
