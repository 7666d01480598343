"""Study -> Records: the loop between plan, engine and store, where an attempt becomes a trial's outcome."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import inf
from pathlib import Path

import msgspec

from nas import data
from nas.data import DataInfo
from nas.engines import Engine
from nas.engines.messages import Job, Result
from nas.errors import Interrupted, Refused, StorageFailed
from nas.runner.agreement import agreed, changed_versions, check_study, fixed, note_versions, restate
from nas.runner.leaders import Leaders
from nas.runner.progress import Progress, Snapshot
from nas.runner.signals import Interrupts
from nas.runner.trials import job_of, record_of, work_of
from nas.runner.watch import Watch
from nas.sampling import Plan, Proposal
from nas.sampling.filter import collection_paused
from nas.storage.database import Store, opened
from nas.storage.layout import WEIGHTS, weights_name
from nas.storage.optuna_tables import Entry
from nas.storage.study_json import Frozen, read_frozen
from nas.study import Study
from nas.study.record import Outcome, Record

logger = logging.getLogger(__name__)

Observer = Callable[[Snapshot, Record | None], None]
"""Hears of every record as it is stored, and of nothing new every second."""

MOST_ATTEMPTS = 3
"""Starts of one trial whose workers crash."""
DRAIN_LIMIT = 5.0
"""Seconds that running trainings get after the first Ctrl-C."""
PULSE = 0.5
"""Seconds between two looks at signals and deadlines."""


def execute(
    study: Study,
    folder: Path,
    engine: Engine,
    device: str,
    observer: Observer,
    reference: str = "",
    max_seconds: float = inf,
) -> None:
    """Run a study in a folder, or go on with it; returns when every trial is over, or soon after `max_seconds`.

    `reference` is how the study is found again by `catalog.study`. Raises Refused for a folder of another study,
    Interrupted after a signal, StorageFailed where the disk fails.
    """
    deadline = time.monotonic() + max_seconds
    study = fixed(study, folder, device)
    info = data.prepare_for(study.recipe)
    check_study(study, info)
    plan = Plan(study, info.shape, info.outputs)
    frozen = agreed(study, folder, plan, info, reference)
    study = replace(study, samples=frozen.study["samples"])
    plan = Plan(study, info.shape, info.outputs)
    carry_out(study, plan, frozen, folder, engine, info, device, observer, deadline)


def carry_out(
    study: Study,
    plan: Plan,
    frozen: Frozen,
    folder: Path,
    engine: Engine,
    info: DataInfo,
    device: str,
    observer: Observer,
    deadline: float = inf,
) -> None:
    """Train what a plan proposes and the folder's run hasn't yet; until `deadline` at most, on the monotonic clock."""
    with opened(folder, frozen) as store:
        watch = Watch(frozen, study.total)
        session = _Session(study, plan, store, engine, info, device, observer, watch)
        if session.finished:
            restate(folder, frozen, len(store.over))
            session.report(None)
        else:
            with Interrupts() as interrupts, engine:
                session.begin()
                restate(folder, frozen, len(store.over))
                note_versions(folder, len(store.over))
                counted = "%s: %d of %d trials are over; %d workers"
                logger.info(counted, folder, len(store.over), watch.total, engine.workers)
                session.loop(interrupts, deadline)
            logger.info("%s: %d of %d trials are over", folder, len(store.over), watch.total)
        watch.conclude(folder)


class _Session:
    """One command's work on a run."""

    def __init__(
        self,
        study: Study,
        plan: Plan,
        store: Store,
        engine: Engine,
        info: DataInfo,
        device: str,
        observer: Observer,
        watch: Watch,
    ) -> None:
        self._study, self._plan, self._store, self._engine = study, plan, store, engine
        self._device, self._observer, self._watch = device, observer, watch
        self._weights = store.folder.resolve() / WEIGHTS
        self._infos = {study.recipe.resolution: info}
        self._progress = Progress(total=study.total, workers=engine.workers)
        self._taken: dict[int, tuple[Proposal, Job]] = {}
        self._again: list[Job] = []
        self._added: list[Entry] = []
        self._leaders = Leaders(self._weights, [space.name for space in study.arms])
        self._todo = iter([trial for trial in range(study.total) if trial not in store.records])
        self._next = next(self._todo, None)
        self._resumed = sorted(store.records.values(), key=lambda r: r.trial)
        self._progress.resume(self._resumed)
        for record in self._resumed:
            if self._next is not None:
                _tell(plan, record)
                _require_same(plan, record, store.folder)
            watch.add(record)
            self._leaders.add(record)
        self._look()
        self._leaders.remove_strays()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        nothing = self._next is None or self._next >= self._watch.total
        return nothing and not self._taken and not self._again

    def begin(self) -> None:
        """Feed the engine, and while its workers start see that all trials that are over are what they would be now.

        No job reaches a worker before the engine is waited for, so these may be given before they are rows.
        """
        self._added, jobs = self._feed()
        self._give(jobs)
        with collection_paused():
            for record in self._resumed:
                self._plan.require_same(record)

    def loop(self, interrupts: Interrupts, deadline: float) -> None:
        """Feed the engine and store what comes back until all is done, time is up, or somebody wants us to stop."""
        self._store.write(self._added, self._engine.running)
        while not self.finished and not interrupts.signal and time.monotonic() < deadline:
            self._advance(go_on=True)
        if not self.finished:
            self._drain(interrupts)
        self._leaders.remove_strays()

    def report(self, record: Record | None) -> None:
        """Tell the observer how far we are."""
        self._observer(self._progress.snapshot(len(self._engine.running)), record)

    def _look(self) -> None:
        """Look at the rules if it is time."""
        self._watch.look()
        self._progress.total, self._progress.looks = self._watch.total, self._watch.words

    def _drain(self, interrupts: Interrupts) -> None:
        """Let running trainings end for a moment, begin no other; then say it if we were interrupted."""
        self._engine.hold()
        deadline = time.monotonic() + DRAIN_LIMIT
        while self._engine.running and not interrupts.now and time.monotonic() < deadline:
            self._advance(go_on=False)
        if interrupts.signal:
            raise Interrupted(
                f"interrupted; {self._progress.outcomes.total()} of {self._watch.total} trials are done and kept",
                signal_number=interrupts.signal,
                hint="the same command goes on from here",
            )

    def _advance(self, *, go_on: bool) -> None:
        """One turn: what came back and what is given out, both to the disk at once, then the news, then the jobs."""
        results = self._engine.wait(PULSE)
        records = [record for result in results if (record := self._settled(result))]
        horizon = self._watch.horizon
        added, jobs = self._feed() if go_on else ([], [])
        for record in self._store.write(added, self._engine.running, records):
            self._acknowledge(record)
        self._give(jobs)  # trials are rows before they are trained
        if go_on and self._watch.horizon > horizon:
            added, jobs = self._feed()
            self._store.write(added, self._engine.running)
            self._give(jobs)
        if failed := [result for result in results if result.fatal]:
            hint = "what is done is kept; repeat the command when that is mended"
            raise StorageFailed(failed[0].message, hint=hint)
        if not records:
            self.report(None)

    def _feed(self) -> tuple[list[Entry], list[Job]]:
        """The trials that are new and the jobs that are to be given to the engine, as many as it wants."""
        added, jobs = list[Entry](), list[Job]()
        for _ in range(self._engine.free):
            if self._again:
                jobs.append(self._again.pop(0))
            elif self._next is not None and self._next < min(self._plan.horizon, self._watch.horizon):
                entry, job = self._begin(self._next)
                added.append(entry)
                jobs.append(job)
                self._next = next(self._todo, None)
            else:
                break
        return added, jobs

    def _give(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._engine.submit(job)

    def _begin(self, trial: int) -> tuple[Entry, Job]:
        space = self._study.space_of(trial)
        proposal = self._plan.propose(trial)
        recipe = self._study.recipe_of(proposal.point)
        job = job_of(self._study, trial, proposal, recipe, self._info(recipe.resolution), self._device)
        name = weights_name(job.architecture, trial)
        thresholds, below = dict(self._plan.thresholds(trial)), self._leaders.bar(space.name)
        job = msgspec.structs.replace(job, thresholds=thresholds, weights=str(self._weights / name), keep_below=below)
        self._taken[trial] = (proposal, job)
        self._progress.plan(trial, work_of(proposal, job.recipe, job.info))
        return Entry(trial=trial, space=space.name, dimensions=self._study.joint(space), point=proposal.point), job

    def _info(self, resolution: int) -> DataInfo:
        """The data at a resolution, prepared once a command: that reads and hashes all images."""
        if resolution not in self._infos:
            self._infos[resolution] = data.prepare_for(self._study.recipe, resolution)
        return self._infos[resolution]

    def _settled(self, result: Result) -> Record | None:
        """The record of a trial that is over now; None for a stale answer, and for a crash that is tried again."""
        proposal, job = self._taken.get(result.trial, (None, None))
        if proposal is None or job is None or result.attempt != job.attempt or result.fatal:
            return None
        if result.outcome is Outcome.CRASHED and result.attempt < MOST_ATTEMPTS:
            logger.warning("trial %d: %s; trying again", result.trial, result.message)
            again = msgspec.structs.replace(job, attempt=job.attempt + 1)
            self._taken[result.trial] = (proposal, again)
            self._again.append(again)
            return None
        del self._taken[result.trial]
        record = record_of(self._study, proposal, job, result)
        _tell(self._plan, record)
        return record

    def _acknowledge(self, record: Record) -> None:
        """Count and tell a record that is on the disk."""
        logger.info("trial %d of %s is %s", record.trial, record.space, _in_words(record))
        self._leaders.add(record)
        self._watch.add(record)
        self._progress.finish(record)
        self._look()
        self.report(record)


def _tell(plan: Plan, record: Record) -> None:
    """Let the plan hear of a trial that is over; of a pruned one it hears the last error that there was."""
    plan.tell(record.trial, record.last_error, [epoch.error for epoch in record.curve])


def _require_same(plan: Plan, record: Record, folder: Path) -> None:
    """Refuse to go on with a hunt whose sampler doesn't propose what it did: it would be told errors of other networks.

    Only what has been asked again is compared: trials of a generation that isn't complete are, too, before any other.
    """
    if plan.searches and record.trial < plan.horizon and dict(plan.propose(record.trial).point) != record.point:
        changed = changed_versions(read_frozen(folder))
        raise Refused(
            f"{folder}: the sampler proposes another network for trial {record.trial} than when it was trained"
            + (f" ({changed})" if changed else ""),
            hint="go on where it was begun, with the same versions, or give another folder with --out",
        )


def _in_words(record: Record) -> str:
    """How a trial ended, for the log."""
    if record.error is None:
        return f"over, {record.outcome}: {record.message}"
    return f"completed, error {record.error:.4f} after {record.seconds:.1f} s"
