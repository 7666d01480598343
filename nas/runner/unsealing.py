"""The one place that reads a held-out test split: for finalists, after every training, with a line in a log first."""

from __future__ import annotations

import getpass
import logging
import math
import os
import shlex
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import torch

from nas import data
from nas.data import DataInfo, Split
from nas.errors import NasError, Refused, typed
from nas.models.model import restore
from nas.models.weights import read_document
from nas.runner.signals import Interrupts
from nas.storage.finals import (
    Evaluated,
    Reading,
    Results,
    by_seed,
    log_reading,
    packed,
    put_back,
    read_results,
    readings,
    write_results,
)
from nas.storage.layout import LOG, WEIGHTS, weights_name
from nas.storage.lock import locked
from nas.storage.results import Run, require_intact
from nas.study import Recipe
from nas.study.record import Outcome, Record
from nas.training import devices
from nas.training.cuda_graphs import aside
from nas.training.devices import Device, one_thread
from nas.training.evaluation import losses
from nas.training.loop import on_device
from nas.training.precision import computing

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Weights that are to be tested."""

    trial: int
    """Trial of the run."""
    seed: int | None
    """Number of the final's seed; None for the run's own weights."""
    path: Path
    """Their file."""
    sha256: str
    """Its hash, which it has."""


def require_unread(run: Run, folder: Path, trainings: int, *, again: bool) -> None:
    """Refuse what would read the test split a second time, before anything is trained for it."""
    past = readings(run.folder)
    if again or not past or is_read(folder, trainings):
        return
    last = past[-1]
    times = "once" if len(past) == 1 else f"{len(past)} times"
    stored = read_results(folder)
    state = "its results aren't stored" if stored is None else f"its results are of {stored.trainings} trainings"
    raise Refused(
        f"the test split was read {times} for {run.folder}, last on {last.when or 'an unknown day'} by "
        f"{last.command or 'an unknown command'}; {state}, and this asks for {trainings}",
        hint="--again reads it once more; table, export and log then say how often it was read",
    )


def is_read(folder: Path, trainings: int) -> bool:
    """Whether the results of so many trainings are stored."""
    stored = read_results(folder)
    return stored is not None and stored.trainings == trainings


def read_test(run: Run, folder: Path, recipe: Recipe, records: Sequence[Record], place: Device, *, again: bool) -> None:
    """Read the test split once, evaluate all finalists on it, and store every outcome.

    What the run itself kept of the finalists is evaluated, too: the same weights on images that chose nothing. A signal
    that asks us to stop waits for these seconds, so that what was read is stored.
    """
    with locked(folder), Interrupts():
        if is_read(folder, len(records)):
            return  # by another process, meanwhile
        require_unread(run, folder, len(records), again=again)
        contenders = contenders_of(run, folder, records)
        info = data.prepare_for(recipe).all_training
        stored = run.manifest.data
        if info.name == stored.name and info.key != stored.all_training.key:
            raise NasError(f"{info.name} isn't the data that the run was trained on: {info.key}, not {stored.key}")
        data.verify(recipe.data, recipe.target)  # what isn't there, or is damaged, isn't read
        reading = _noted(run, info, contenders)
        tested = _tested(contenders, recipe, info, place)
        results = Results(
            when=reading.when,
            data=info.key,
            images=tested[0].images,
            rows=bool(info.target),
            trainings=len(records),
            tested=tuple(tested),
        )
        write_results(folder, results)


def contenders_of(run: Run, folder: Path, records: Sequence[Record]) -> list[Contender]:
    """All weights that are to be tested, each file with the hash in its record; refused where one is missing."""
    contenders = []
    for trial in dict.fromkeys(record.origin.again for record in records):
        if trial is None:
            raise Refused(f"{folder} holds trainings of no finalist", hint="move it away, then run nas final anew")
        for seed, record in sorted(by_seed(records, trial).items()):
            if record.outcome is Outcome.COMPLETED:
                path = folder / WEIGHTS / weights_name(record.architecture, record.trial)
                contenders.append(_contender(trial, seed, path, record, put_back(folder)))
        original = run.record(trial)
        if kept := run.weights(original):
            contenders.append(_contender(trial, None, kept, original))
    if all(contender.seed is None for contender in contenders):
        said = f"no training of {folder} was completed, the test split stays sealed"
        raise NasError(said, hint=f"{folder / LOG} says why; --set learning_rate=... may help")
    return contenders


def _contender(trial: int, seed: int | None, path: Path, record: Record, hint: str = "") -> Contender:
    if not path.is_file():
        raise Refused(f"{path} is missing, the test split stays sealed", hint=hint)
    require_intact(path, record, hint=hint)
    return Contender(trial=trial, seed=seed, path=path, sha256=record.weights_sha256)


def _noted(run: Run, info: DataInfo, contenders: Sequence[Contender]) -> Reading:
    """A line in the log, on the disk before anything is read."""
    reading = Reading(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        who=f"{_user()}@{socket.gethostname()}, process {os.getpid()}",
        command=shlex.join(typed()),
        data=info.key,
        weights={str(one.path.relative_to(run.folder)): one.sha256 for one in contenders},
    )
    log_reading(run.folder, reading)
    logger.info("the test split of %s is read for %d networks", info.name, len(contenders))
    return reading


def _user() -> str:
    """Name of the user; the number where the system knows none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _tested(contenders: Sequence[Contender], recipe: Recipe, info: DataInfo, place: Device) -> list[Evaluated]:
    splits: dict[int, Split] = {}
    tested = []
    device = torch.device(place.kind)
    with one_thread(), devices.first_card(place), aside(device):
        for contender in contenders:
            document = read_document(contender.path)
            own = document.recipe or recipe
            if contender.seed is not None:
                own = msgspec.structs.replace(own, precision="float32")  # as the exported network computes
            resolution = own.resolution
            if resolution not in splits:
                splits[resolution] = on_device(data.unseal(recipe.data, resolution, recipe.target), device)
            network = computing(restore(document, contender.path).network, own, device)
            each = losses(network, splits[resolution], info, own).numpy()
            tested.append(_result(contender, each, info))
    return tested


def _result(contender: Contender, each: npt.NDArray[np.float64], info: DataInfo) -> Evaluated:
    rows = bool(info.target)
    share = float(each.sum()) / len(each)
    return Evaluated(
        trial=contender.trial,
        seed=contender.seed,
        sha256=contender.sha256,
        images=len(each),
        error=math.sqrt(share) if rows else share,
        outcomes=packed(each, rows=rows),
    )
