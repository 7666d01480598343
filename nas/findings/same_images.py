"""Networks on the same validation images: whether the first two differ, what a choice by them and what seeds add."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev, variance

import numpy as np

from nas.analysis import ImagesAndSeeds, Interval, PairedErrors, images_and_seeds, paired
from nas.analysis.statistics.crossed import Flags, regression_to_the_mean
from nas.analysis.statistics.interval import of_trainings
from nas.errors import NasError
from nas.findings.wording.images import first_two_text, luck_text
from nas.storage.audits import read_retrained
from nas.storage.database import read_wrong_images
from nas.storage.results import Run
from nas.storage.wrong_images import Wrong
from nas.study.record import Record, counted_errors, network_of


def first_two(run: Run) -> str:
    """Whether the best two networks of a run can be told apart, as a sentence; empty where that isn't known."""
    best = run.best[:2]
    if len(best) < 2 or run.manifest.data.target:
        return ""
    try:
        if any(len(run.trainings(record)) > 1 for record in best):
            pair = over_seeds(run, [record.trial for record in best], repeated(run))
            return first_two_text(pair, several=True) if pair else ""
        wrong = read_wrong_images(run.folder, run.manifest.data.validation, best)
    except NasError as trouble:
        return f"ranks 1 and 2 can't be compared: {trouble}"
    return first_two_text(paired(wrong[best[0].trial], wrong[best[1].trial])) if len(wrong) == len(best) else ""


def interval_of(run: Run, record: Record) -> Interval | None:
    """95 % interval of a network's mean error over validation images, and over seeds where it has several trainings."""
    errors = counted_errors(run.trainings(record), run.manifest.data.guess)
    spread = variance(errors) if len(errors) > 1 else 0.0
    return of_trainings(fmean(errors), spread, len(errors), run.manifest.data.validating)


def half_of(run: Run, record: Record) -> float | None:
    """Half the length of that interval, which stands behind the ± of an error."""
    interval = interval_of(run, record)
    return None if interval is None else interval.half


def optimism(run: Run) -> str:
    """How much of a run's lowest error is luck with its validation images; empty where that isn't known."""
    return optimism_of([run.mean_error(record) for record in run.best], run.manifest.data.validating)


def optimism_of(errors: Sequence[float], images: int) -> str:
    """How much of the lowest of these errors is luck with so many images; empty where nothing was chosen."""
    if len(errors) < 2 or not images:
        return ""
    luck = regression_to_the_mean(min(errors), fmean(errors), stdev(errors), images)
    return luck_text(luck, len(errors), images)


def parts(run: Run) -> ImagesAndSeeds | None:
    """What images and seeds add to an error, from networks with several trainings in the run or in its audit."""
    several = repeated(run)
    return images_and_seeds(list(several.values())) if several else None


def repeated(run: Run) -> dict[object, Flags]:
    """Of each network with several trainings their wrong images, (seeds, images): repeats and those of an audit."""
    images, retrained = run.manifest.data.validation, read_retrained(run)
    places: dict[object, list[tuple[Path, Record]]] = defaultdict(list)
    for record in run.records:
        places[network_of(record)].append((run.folder, record))
    if retrained is not None and not run.manifest.data.target:
        networks = {record.trial: network_of(record) for record in run.records}
        for (trial, repeat), record in retrained.records.items():
            if repeat and trial in networks:
                places[networks[trial]].append((retrained.folder, record))
    groups = {network: group for network, group in places.items() if len(group) > 1}
    wrong: dict[tuple[Path, int], Wrong] = {}
    for folder in {folder for group in groups.values() for folder, _ in group}:
        records = [record for group in groups.values() for place, record in group if place == folder]
        kept = read_wrong_images(folder, images, records)
        wrong |= {(folder, trial): flags for trial, flags in kept.items()}
    found = {n: [wrong[f, r.trial] for f, r in group if (f, r.trial) in wrong] for n, group in groups.items()}
    return {network: np.array(flags) for network, flags in found.items() if len(flags) > 1}


def over_seeds(run: Run, trials: Sequence[int], several: Mapping[object, Flags]) -> PairedErrors | None:
    """All trainings of two networks; None unless both have several, and for two trainings of one network."""
    first, second = (network_of(run.record(trial)) for trial in trials)
    if first == second or first not in several or second not in several:
        return None
    return paired(several[first], several[second])
