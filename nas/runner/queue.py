"""The trials of a run on their way to the engine and back: to do, in training, to be tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from nas import data
from nas.data import DataInfo
from nas.engines.losses import Losses
from nas.engines.messages import Job, Result
from nas.errors import EmptyWindow, Refused
from nas.runner.agreement import changed_versions
from nas.runner.task import Task
from nas.runner.trials import job_of, record_of, work_of
from nas.sampling import Proposal
from nas.sampling.filter import Stopped, collection_paused
from nas.storage.layout import weights_name
from nas.storage.tables import Entry
from nas.study.record import Outcome, Record

logger = logging.getLogger(__name__)


class Batch(NamedTuple):
    """What is to be begun."""

    entries: Collection[Entry] = ()
    """Trials that are new, to be on the disk before they are trained."""
    jobs: Collection[Job] = ()
    """What the engine is to be given: these trials, and those that are tried again."""
    work: Collection[tuple[int, float]] = ()
    """Each new trial with its work, in a unit that is proportional to its time."""


class Queue:
    """The trials of a task; nothing here touches the disk."""

    def __init__(self, task: Task, device: str, weights: Path, keep_below: Callable[[str], float]) -> None:
        """`weights` is their folder, `keep_below` the error that a network of a space must beat to have them kept."""
        self._task, self._device, self._weights, self._keep_below = task, device, weights, keep_below
        self._infos = {task.study.recipe.resolution: task.info}
        self._taken: dict[int, tuple[Proposal, Job]] = {}
        self._again: list[Job] = []
        self._alone: list[Job] = []
        self._solo: int | None = None  # the trial that is trained with nothing beside it
        self._causes: dict[int, str] = {}
        self.exhausted: EmptyWindow | None = None
        """Why there is no further network, where there are fewer than were asked for."""
        self.losses = Losses()
        """Workers that were lost."""
        self._resumed: list[Record] = []
        self._begun = False
        self._todo = iter(range(task.study.total))
        self._next = next(self._todo, None)

    def resume(self, records: Collection[Record]) -> None:
        """Take trials as done that were finished before, in the order of their numbers.

        The plan hears of them, so a search continues as it would have; refused where it doesn't propose what it did.
        """
        done = {record.trial for record in records}
        self._todo = iter(trial for trial in range(self._task.study.total) if trial not in done)
        self._next = next(self._todo, None)
        if self._next is not None:
            self._resumed = sorted(records, key=lambda record: record.trial)
        for record in self._resumed:
            self._tell(record)
            self._require_same_proposal(record)

    def require_same_networks(self) -> None:
        """Refuse to resume where the point of a finished trial stands for another network now."""
        with collection_paused():
            for record in self._resumed:
                self._task.plan.require_same(record)

    def finished(self, total: int) -> bool:
        """Whether of so many trials none is left to do."""
        nothing = self._next is None or self._next >= total
        return nothing and not self._taken and not self._again

    def feed(self, count: int, horizon: int) -> Batch:
        """At most so many trainings to begin, of trials below the horizon; those that are tried again come first."""
        entries, jobs, work = list[Entry](), list[Job](), list[tuple[int, float]]()
        for _ in range(0 if self._solo is not None else count):
            if self._alone and self.losses.crowded:
                break
            if self._again:
                jobs.append(self._again.pop(0))
            elif self._next is not None and self._has_next(horizon):
                try:
                    proposal, job = self._take(self._next)
                except Stopped:
                    break
                except EmptyWindow as nothing:
                    if not (self._begun or self._resumed):
                        raise
                    self.exhausted, self._next = nothing, None  # what was begun ends as it would have
                    break
                space = self._task.study.space_of(job.trial)
                entries.append(Entry(trial=job.trial, space=space.name, point=proposal.point))
                jobs.append(job)
                work.append((job.trial, work_of(proposal, job.recipe, job.info)))
                self._next = next(self._todo, None)
            else:
                break
        if count > 0 and self._alone and len(self._taken) == len(self._alone) + len(self._again):
            jobs.append(self._begin_alone(horizon))
        return Batch(entries, jobs, work)

    def _has_next(self, horizon: int) -> bool:
        """Whether there is a new trial that may be trained now."""
        return self._next is not None and self._next < min(self._task.plan.horizon, horizon)

    def _begin_alone(self, horizon: int) -> Job:
        """A trial that is tried again while nothing else is trained; one without a witness lets others go first."""
        job = self._alone.pop(0)
        self._solo = job.trial
        self.losses.only = not (self._alone or self._again or self._has_next(horizon))
        return job

    def settled(self, results: Iterable[Result]) -> list[Record]:
        """The records of the trials that these answers finish: no stale one, and no crash that is tried again."""
        return [record for result in results if (record := self._settle(result))]

    def _take(self, trial: int) -> tuple[Proposal, Job]:
        study, plan = self._task.study, self._task.plan
        proposal = plan.propose(trial)
        recipe = study.recipe_of(proposal.point)
        job = job_of(study, trial, proposal, recipe, self._info(recipe.resolution), self._device)
        job = msgspec.structs.replace(
            job,
            thresholds=dict(plan.thresholds(trial)),
            weights=str(self._weights / weights_name(job.architecture, trial)),
            keep_below=self._keep_below(study.space_of(trial).name),
        )
        self._taken[trial] = proposal, job
        self._begun = True
        return proposal, job

    def _info(self, resolution: int) -> DataInfo:
        """The data at a resolution, prepared once a command: that reads and hashes all images."""
        if resolution not in self._infos:
            info = data.prepare_for(self._task.study.recipe, resolution)
            self._infos[resolution] = info.all_training if self._task.info.joined else info
        return self._infos[resolution]

    def _settle(self, result: Result) -> Record | None:
        proposal, job = self._taken.get(result.trial, (None, None))
        if proposal is None or job is None or result.attempt != job.attempt or result.fatal:
            return None
        self._solo = None if result.trial == self._solo else self._solo
        self.losses.answer(result)
        if result.outcome is Outcome.CRASHED:
            self._causes[result.trial] = str(result.cause or "")
            if again := self.losses.again(job, result):
                self._taken[result.trial] = (proposal, again)
                self._line_up(again)
                return None
        del self._taken[result.trial]
        record = record_of(self._task.study, proposal, job, result, self._causes.pop(result.trial, ""))
        self._tell(record)
        return record

    def _line_up(self, job: Job) -> None:
        """Put a job among those that are tried again; alone, it is the next one if others were trained meanwhile."""
        line = self._alone if job.alone else self._again
        line.insert(0 if job.alone and self.losses.witnessed(job.trial) else len(line), job)

    def _tell(self, record: Record) -> None:
        """Let the plan hear of a finished trial; of a pruned one it hears the last error that there was."""
        self._task.plan.tell(record.trial, record.last_error, [epoch.error for epoch in record.curve])

    def _require_same_proposal(self, record: Record) -> None:
        """Refuse to resume a search whose sampler doesn't propose what it did: errors would be of other networks.

        Only what has been asked again is compared: trials of a generation that isn't complete are, too, before others.
        """
        plan = self._task.plan
        if plan.searches and record.trial < plan.horizon and dict(plan.propose(record.trial).point) != record.point:
            changed = changed_versions(self._task.manifest)
            raise Refused(
                f"the sampler proposes another network for trial {record.trial} than when it was trained"
                + (f" ({changed})" if changed else ""),
                hint="resume it where it was begun, with the same versions, or give another folder with --out",
            )
