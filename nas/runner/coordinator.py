"""Task -> Records: the loop between queue, engine and ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

import msgspec

from nas.engines import Engine
from nas.engines.messages import Job, Result
from nas.errors import Interrupted, StorageFailed
from nas.runner.agreement import restated, with_versions
from nas.runner.ledger import Ledger
from nas.runner.queue import Batch, Queue
from nas.runner.signals import Interrupts
from nas.runner.task import Site, Task
from nas.storage.store import Locked, opened
from nas.training import devices

logger = logging.getLogger(__name__)

DRAIN_LIMIT = 5.0
"""Seconds that running trainings get after the first Ctrl-C."""
PULSE = 0.5
"""Seconds between two looks at signals and deadlines."""


def train(task: Task, site: Site) -> None:
    """Train what a task proposes and its folder doesn't have yet; returns when all is done, or soon after the deadline.

    Raises Refused for a folder of another study, Interrupted after a signal, StorageFailed where the disk fails.
    """
    with opened(site.folder, task.manifest, task.retry, site.storage) as store:
        ledger = Ledger(task, site, store)
        queue = Queue(task, site.device.kind, ledger.weights, ledger.best.threshold)
        queue.resume(store.records.values())
        ledger.best.remove_strays()
        if queue.finished(ledger.total):
            store.update(restated(store.manifest, task.manifest, len(store.over)))
            ledger.report({})
        else:
            devices.announce(site.device)
            with Interrupts() as interrupts, site.engine as engine:
                store.interrupted = lambda: bool(interrupts.signal)
                task.plan.stopped = lambda: bool(interrupts.signal) or site.overdue
                # No job reaches a worker before the engine is waited for, so these may come before they are rows.
                batch = queue.feed(engine.free, ledger.horizon)
                _submit(engine, batch.jobs)
                queue.require_same_networks()
                manifest = restated(store.manifest, task.manifest, len(store.over))
                store.update(with_versions(manifest, len(store.over)))
                counted = "%s: %s are finished; %d workers on %s"
                logger.info(counted, site.folder, ledger.how_far, engine.workers, site.device)
                try:
                    ledger.write(batch, engine.running)
                    _loop(queue, ledger, site, interrupts)
                except Locked:
                    _end_if_interrupted(ledger, interrupts)
                    raise
            logger.info("%s: %s are finished", site.folder, ledger.how_far)
            if queue.exhausted:
                logger.warning("no further network is found. %s (%s)", queue.exhausted, queue.exhausted.hint)
        store.update(msgspec.structs.replace(store.manifest, ended=ledger.ended))


def _loop(queue: Queue, ledger: Ledger, site: Site, interrupts: Interrupts) -> None:
    """Train until all is done, time is up, or somebody wants us to stop; then let what runs end for a moment."""
    while not (queue.finished(ledger.total) or interrupts.signal or site.overdue):
        _turn(queue, ledger, site.engine, feeding=True)
    if not queue.finished(ledger.total):
        _drain(queue, ledger, site.engine, interrupts)
    ledger.best.remove_strays()


def _turn(queue: Queue, ledger: Ledger, engine: Engine, *, feeding: bool) -> None:
    """What came back and what is begun, both to the disk at once; then the jobs: trials are rows before that."""
    results = engine.wait(PULSE)
    records, horizon = queue.settled(results), ledger.horizon
    batch = queue.feed(engine.free, horizon) if feeding else Batch()
    ledger.write(batch, engine.running, records, {r.trial: r.wrong for r in results if r.wrong})
    _submit(engine, batch.jobs)
    if feeding and ledger.horizon > horizon:  # a look has opened more trials
        batch = queue.feed(engine.free, ledger.horizon)
        ledger.write(batch, engine.running)
        _submit(engine, batch.jobs)
    _require_a_disk(results)
    queue.losses.require_a_machine()
    if not records:
        ledger.report(engine.running)


def _drain(queue: Queue, ledger: Ledger, engine: Engine, interrupts: Interrupts) -> None:
    """Let running trainings end for a moment, begin no other; then say it if we were interrupted."""
    engine.hold()
    deadline = time.monotonic() + DRAIN_LIMIT
    while engine.running and not interrupts.now and time.monotonic() < deadline:
        _turn(queue, ledger, engine, feeding=False)
    _end_if_interrupted(ledger, interrupts)


def _end_if_interrupted(ledger: Ledger, interrupts: Interrupts) -> None:
    if interrupts.signal:
        raise Interrupted(
            f"interrupted; {ledger.how_far} are done and kept",
            signal_number=interrupts.signal,
            hint="run the same command again to resume",
        )


def _submit(engine: Engine, jobs: Iterable[Job]) -> None:
    for job in jobs:
        engine.submit(job)


def _require_a_disk(results: Iterable[Result]) -> None:
    """Fail where a worker couldn't write."""
    if failed := [result for result in results if result.fatal]:
        raise StorageFailed(failed[0].message, hint="what is done is kept; repeat the command when that is mended")
