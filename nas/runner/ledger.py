"""What a command knows of its run: records on the disk, looks at the rules, the best networks, and how far it is."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

import msgspec

from nas.engines.messages import Reached
from nas.runner.best import BestNetworks
from nas.runner.progress import Progress
from nas.runner.queue import Batch
from nas.runner.task import Site, Task
from nas.runner.watch import Watch
from nas.storage.layout import WEIGHTS
from nas.storage.store import Store
from nas.storage.wrong_images import NONE
from nas.study.record import Record

logger = logging.getLogger(__name__)


class Ledger:
    """Counts a record, whether an earlier command or this one finished it, once it is on the disk."""

    def __init__(self, task: Task, site: Site, store: Store) -> None:
        self._store, self._observer = store, site.observer
        self.weights = store.folder.resolve() / WEIGHTS
        """Where weights are kept."""
        self.best = BestNetworks(
            self.weights,
            [space.name for space in task.study.arms],
            task.kept,
            repeats=task.study.repeats,
            guess=task.info.guess,
        )
        """The best networks of each space, whose weights are kept."""
        requested = msgspec.structs.replace(task.manifest, ended=store.manifest.ended)
        self._watch = Watch(requested, task.study.total)
        self._progress = Progress(
            total=task.study.total,
            workers=site.engine.workers,
            deadline=site.deadline if task.study.open_ended else None,
        )
        for record in sorted(store.records.values(), key=lambda record: record.trial):
            self._progress.add(record)
            self._add(record)
        self._look()

    @property
    def total(self) -> int:
        """Trials of the study, or up to the look that ended it."""
        return self._watch.total

    @property
    def horizon(self) -> int:
        """Trials below this number can be trained before the next look."""
        return self._watch.horizon

    @property
    def ended(self) -> int:
        """Networks of each space at the look that decided all rules before the cap; 0 where there is none so far."""
        return self._watch.ended

    @property
    def finished(self) -> int:
        """Finished trials."""
        return self._progress.outcomes.total()

    @property
    def how_far(self) -> str:
        """Finished trials, of how many if there is a number."""
        return f"{self.finished}{'' if self._progress.deadline is not None else f' of {self.total}'} trials"

    def write(
        self,
        batch: Batch,
        running: Mapping[int, Reached],
        records: Collection[Record] = (),
        wrong: Mapping[int, bytes] = NONE,
    ) -> None:
        """Store in one transaction what is new, what is trained at this moment and what is finished; then say so."""
        for trial, work in batch.work:
            self._progress.plan(trial, work)
        for record in self._store.write(list(batch.entries), running, list(records), wrong):
            logger.info("trial %d of %s is %s", record.trial, record.space, _in_words(record))
            self._progress.finish(record)
            self._add(record)
            self._look()
            self.report(running, record)

    def report(self, running: Mapping[int, Reached], record: Record | None = None) -> None:
        """Tell the observer how far we are; trials that are being trained are there with their finished epochs."""
        self._observer(self._progress.snapshot(running), record)

    def _add(self, record: Record) -> None:
        self._watch.add(record)
        self.best.add(record)

    def _look(self) -> None:
        """Look at the rules if it is time."""
        self._watch.look()
        self._progress.total, self._progress.looks = self._watch.total, self._watch.words


def _in_words(record: Record) -> str:
    """How a trial ended, for the log."""
    if record.error is None:
        return f"finished, {record.outcome}: {record.message}"
    name = "error" if record.validated else "training error"
    return f"completed, {name} {record.error:.4f} after {record.seconds:.1f} s"
