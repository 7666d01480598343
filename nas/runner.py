"""Study -> Records: the loop between plan, engine and store, where an attempt becomes a trial's outcome."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import msgspec

from nas import __version__, data
from nas.data import DataInfo
from nas.engines import Engine
from nas.engines.messages import Job, Result
from nas.errors import Interrupted, Refused, StorageFailed
from nas.frozen import Frozen, freeze, require_agreement
from nas.interrupts import Interrupts
from nas.progress import Progress, Snapshot, rank
from nas.record import Outcome, Record
from nas.sampling import Plan, Proposal
from nas.store import STUDY, WEIGHTS, Store, opened, read_frozen, write_frozen
from nas.study import Study
from nas.table import COLUMNS
from nas.trials import job_of, record_of, weights_name, work_of

logger = logging.getLogger(__name__)

Observer = Callable[[Snapshot, Record | None], None]
"""Hears of every record as it is stored, and of nothing new every second."""

MOST_ATTEMPTS = 3
"""Starts of one trial whose workers crash."""
KEPT = 10
"""Networks of each space whose weights are kept, the best."""
DRAIN_LIMIT = 5.0
"""Seconds that running trainings get after the first Ctrl-C."""
OURS = (".safetensors", ".partial")
"""How the files end that we write among the weights; others stay."""
PULSE = 0.5
"""Seconds between two looks at signals and deadlines."""


def execute(study: Study, folder: Path, engine: Engine, device: str, observer: Observer, reference: str = "") -> None:
    """Run a study in a folder, or go on with it; returns when every trial is over.

    `reference` is how the study is found again by `names.study`. Raises Refused for a folder of another study,
    Interrupted after a signal, StorageFailed where the disk fails.
    """
    info = data.prepare(study.recipe.data, study.recipe.resolution)
    check_study(study, info)
    plan = Plan(study, info.shape, len(info.classes))
    frozen = agreed(study, folder, plan, info, reference)
    with opened(folder, frozen) as store, Interrupts() as interrupts:
        if frozen.study["samples"] != read_frozen(folder).study["samples"]:
            write_frozen(folder, frozen)
        study = replace(study, samples=frozen.study["samples"])
        session = _Session(study, Plan(study, info.shape, len(info.classes)), store, engine, info, device, observer)
        if session.finished:
            session.report(None)
            return
        logger.info("%s: %d of %d trials are over; %d workers", folder, len(store.records), study.total, engine.workers)
        with engine:
            session.loop(interrupts)
        logger.info("%s: all %d trials are over", folder, study.total)


def check_study(study: Study, info: DataInfo) -> None:
    """Refuse a training size that the data set doesn't have, and dimensions that would hide columns of the table."""
    for space in study.spaces:
        if hidden := sorted(COLUMNS.keys() & study.joint(space).keys()):
            raise Refused(
                f"{space.name}: a dimension can't be called {hidden[0]!r}, the table has a column of that name"
            )
    size = study.recipe.train_size
    if size and not len(info.classes) <= size <= info.train:
        raise Refused(f"train_size must be {len(info.classes)} to {info.train:,} for {info.name}, got {size:,}")


def agreed(study: Study, folder: Path, plan: Plan, info: DataInfo, reference: str) -> Frozen:
    """What the folder's run is asked: as stored if the study agrees with it, with the larger number of samples."""
    begun = (folder / STUDY).is_file()
    windows = () if begun else plan.windows()  # first of all: where nothing is left, this says why
    fresh = Frozen(
        study=freeze(study),
        fingerprint=dict(plan.fingerprint()),
        data=msgspec.structs.replace(info, folder=""),  # the run can be moved, the cache isn't part of it
        windows=windows,
        versions=versions(),
        reference=reference,
    )
    if not begun:
        return fresh
    stored = read_frozen(folder)
    require_agreement(folder, stored, fresh)
    if study.samples < stored.study["samples"]:
        logger.warning(
            "%s asks for %d samples of each space already; a run never shrinks", folder, stored.study["samples"]
        )
    larger = {**stored.study, "samples": max(stored.study["samples"], study.samples)}
    return msgspec.structs.replace(stored, study=larger)


def versions() -> dict[str, str]:
    """Of everything that decides numbers."""
    libraries = {name: version(name) for name in ("torch", "numpy", "optuna")}
    return {"python": platform.python_version(), "nas": __version__, **libraries}


class _Session:
    """One command's work on a run."""

    def __init__(
        self, study: Study, plan: Plan, store: Store, engine: Engine, info: DataInfo, device: str, observer: Observer
    ) -> None:
        self._study, self._plan, self._store, self._engine = study, plan, store, engine
        self._info, self._device, self._observer = info, device, observer
        self._progress = Progress(total=study.total, workers=engine.workers)
        self._running: dict[int, tuple[Proposal, Job]] = {}
        self._again: list[Job] = []
        self._leaders: dict[str, list[Record]] = {space.name: [] for space in study.spaces}
        self._todo = iter([trial for trial in range(study.total) if trial not in store.records])
        self._next = next(self._todo, None)
        self._progress.resume(store.records.values())
        for record in sorted(store.records.values(), key=lambda r: r.trial):
            plan.tell(record.trial, record.error)
            self._lead(record)
        self._remove_strays()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self._next is None and not self._running and not self._again

    def loop(self, interrupts: Interrupts) -> None:
        """Feed the engine and store what comes back until all is done or somebody wants us to stop."""
        while not self.finished and not interrupts.signal:
            self._feed()
            self._take(PULSE)
        if interrupts.signal:
            self._drain(interrupts)
        self._remove_strays()

    def report(self, record: Record | None) -> None:
        """Tell the observer how far we are."""
        self._observer(self._progress.snapshot(len(self._running)), record)

    def _drain(self, interrupts: Interrupts) -> None:
        """Let running trainings end for a moment, then say that we were interrupted."""
        deadline = time.monotonic() + DRAIN_LIMIT
        while self._running and not interrupts.now and time.monotonic() < deadline:
            self._take(PULSE)
        raise Interrupted(
            f"interrupted; {self._progress.outcomes.total()} of {self._study.total} trials are done and kept",
            signal_number=interrupts.signal,
            hint="the same command goes on from here",
        )

    def _feed(self) -> None:
        """Give the engine all it can take."""
        for _ in range(self._engine.free):
            if self._again:
                self._engine.submit(self._again.pop(0))
            elif self._next is not None and self._next < self._plan.horizon:
                self._begin(self._next)
                self._next = next(self._todo, None)
            else:
                return

    def _begin(self, trial: int) -> None:
        space = self._study.space_of(trial)
        proposal = self._plan.propose(trial)
        self._store.begin(trial, space.name, self._study.joint(space), proposal)
        job = job_of(self._study, trial, proposal, self._info, self._device)
        name = weights_name(job.architecture, trial)
        job = msgspec.structs.replace(
            job, weights=str(self._store.folder.resolve() / WEIGHTS / name), keep_below=self._bar(space.name)
        )
        self._running[trial] = (proposal, job)
        self._progress.plan(trial, work_of(proposal, job.recipe, self._info))
        self._engine.submit(job)

    def _take(self, seconds: float) -> None:
        """Store what has come back."""
        results = self._engine.wait(seconds)
        for result in results:
            if result.trial in self._running and result.attempt == self._running[result.trial][1].attempt:
                self._settle(result)
        if not results:
            self.report(None)

    def _settle(self, result: Result) -> None:
        proposal, job = self._running[result.trial]
        if result.fatal:
            raise StorageFailed(result.message, hint="what is done is kept; repeat the command when that is mended")
        if result.outcome is Outcome.CRASHED and result.attempt < MOST_ATTEMPTS:
            logger.warning("trial %d: %s; trying again", result.trial, result.message)
            again = msgspec.structs.replace(job, attempt=job.attempt + 1)
            self._running[result.trial] = (proposal, again)
            self._again.append(again)
            return
        record = record_of(self._study, proposal, job, result)
        self._store.finish(record)
        logger.info("trial %d of %s is %s", record.trial, record.space, _in_words(record))
        del self._running[result.trial]
        self._plan.tell(record.trial, record.error)
        self._lead(record)
        self._progress.finish(record)
        self.report(record)

    def _bar(self, space: str) -> float:
        """The error that a network must beat to be among the kept ones of its space."""
        leaders = self._leaders[space]
        if len(leaders) < KEPT or leaders[-1].error is None:
            return 2.0
        return leaders[-1].error + 1e-9  # a tie may still win by its cost

    def _lead(self, record: Record) -> None:
        """Keep the weights of the best; remove those of whoever falls out."""
        if record.error is None:
            return
        leaders = self._leaders[record.space]
        leaders.append(record)
        leaders.sort(key=rank)
        for loser in leaders[KEPT:]:
            (self._store.folder / WEIGHTS / weights_name(loser.architecture, loser.trial)).unlink(missing_ok=True)
        del leaders[KEPT:]

    def _remove_strays(self) -> None:
        """Remove weights that belong to no leader: left by a coordinator or a worker that was killed."""
        kept = {weights_name(r.architecture, r.trial) for leaders in self._leaders.values() for r in leaders}
        for path in (self._store.folder / WEIGHTS).iterdir():
            if path.name not in kept and path.name.endswith(OURS):
                path.unlink()


def _in_words(record: Record) -> str:
    """How a trial ended, for the log."""
    if record.error is None:
        return f"over, {record.outcome}: {record.message}"
    return f"completed, error {record.error:.4f} after {record.seconds:.1f} s"
