"""A job ahead: workers go on without the coordinator, what waits is never lost, counted or begun against its will."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from nas.data import DataInfo
from nas.engines import LocalEngine
from nas.engines.messages import Job, Result
from nas.study.record import Outcome
from tests.toys.sleepers import BEFORE, BEGINS, EPOCH, INTERRUPTED, MODULE
from tests.toys.spaces import toy_job

LASTING = 36_000
"""Epochs of a sleep that no test waits for."""


@pytest.fixture
def job(digits: DataInfo) -> Job:
    """A sleep of a tenth of a second."""
    return lasting(toy_job(digits), 0, 1)


def lasting(job: Job, trial: int, epochs: int, **changes: object) -> Job:
    """A sleep of so many epochs."""
    recipe = msgspec.structs.replace(job.recipe, epochs=epochs)
    return msgspec.structs.replace(job, trial=trial, recipe=recipe, **changes)


def heard(engine: LocalEngine, enough: Callable[[list[Result]], object], seconds: float = 60) -> list[Result]:
    """Results until there are enough."""
    results: list[Result] = []
    end = time.monotonic() + seconds
    while not enough(results):
        assert time.monotonic() < end, f"waited in vain, with {results}"
        results += engine.wait(0.05)
    return results


def begun(log: Path) -> list[int]:
    """Trials that workers have begun, in order."""
    return [int(number) for number in re.findall(BEGINS.replace("%d", r"(\d+)"), log.read_text())]


def kill_who_runs(engine: LocalEngine, trial: int) -> None:
    """SIGKILL the worker of a trial."""
    (worker,) = [worker for worker in engine._workers if any(job.trial == trial for job in worker.running)]
    psutil.Process(worker.process.pid).kill()


def test_the_next_job_begins_without_the_coordinator(job: Job) -> None:
    """A coordinator that looks away for a second finds the results of both jobs that it gave to the only worker."""
    with LocalEngine(1, module=MODULE) as engine:
        heard(engine, lambda _: engine._workers[0].ready)
        assert engine.free == 2
        for trial in range(2):
            engine.submit(lasting(job, trial, 1))
        assert (engine.free, engine.running.keys()) == (0, {0})
        time.sleep(1 + 2 * EPOCH)
        assert [result.trial for result in engine.wait(0.0)] == [0, 1]
        assert (engine.free, engine.running) == (2, {})


@pytest.mark.slow
def test_a_long_training_says_how_far_it_is(job: Job) -> None:
    """Within seconds the engine knows of finished epochs, which never become fewer."""
    with LocalEngine(1, module=MODULE) as engine:
        engine.submit(lasting(job, 0, LASTING))
        seen: list[int] = []

        def far(_: object) -> bool:
            seen.extend(reached.epochs for reached in engine.running.values())
            return seen[-1:] > [20]

        heard(engine, far)
        assert seen == sorted(seen)
        assert len({*seen}) > 2


def test_epochs_of_before_an_interruption_are_told_at_once(job: Job) -> None:
    """Of a training that goes on after nine epochs the engine knows all nine, and their time, before the next one."""
    with LocalEngine(1, module=MODULE) as engine:
        engine.submit(lasting(job, 0, LASTING, seed=INTERRUPTED))
        heard(engine, lambda _: [reached.epochs for reached in engine.running.values()] == [BEFORE])
        assert (engine.running[0].planned, engine.running[0].pace) == (LASTING, 60.0)


def test_a_death_costs_only_the_job_that_ran(job: Job) -> None:
    """Of a killed worker's two jobs the running one is answered as CRASHED, the waiting one is done elsewhere."""
    with LocalEngine(2, module=MODULE) as engine:
        heard(engine, lambda _: all(worker.ready for worker in engine._workers))
        for trial in range(2):
            engine.submit(lasting(job, trial, LASTING))
        engine.submit(lasting(job, 2, 1))
        kill_who_runs(engine, 0)
        results = heard(engine, lambda results: len(results) >= 2)
        assert {r.trial: (r.outcome, r.attempt) for r in results} == {
            0: (Outcome.CRASHED, 1),
            2: (Outcome.COMPLETED, 1),
        }
        assert engine.running.keys() == {1}


def test_a_finished_job_is_not_lost_with_its_worker(job: Job) -> None:
    """A worker that ends a job, goes on with the next and dies before anybody looks has one result and one crash."""
    with LocalEngine(1, module=MODULE) as engine:
        heard(engine, lambda _: engine._workers[0].ready)
        engine.submit(lasting(job, 0, 1))
        engine.submit(lasting(job, 1, LASTING))
        time.sleep(1)
        psutil.Process(engine._workers[0].process.pid).kill()
        results = heard(engine, lambda results: len(results) >= 2)
        assert [(r.trial, r.outcome) for r in results] == [(0, Outcome.COMPLETED), (1, Outcome.CRASHED)]


def test_an_idle_worker_takes_what_waits_at_another(job: Job) -> None:
    """A job that waits behind an endless one is given back and done by a worker that has nothing left to do."""
    with LocalEngine(2, module=MODULE) as engine:
        heard(engine, lambda _: all(worker.ready for worker in engine._workers))
        for trial, epochs in enumerate((LASTING, 1, 1, 1)):  # the third waits behind the endless one
            engine.submit(lasting(job, trial, epochs))
        results = heard(engine, lambda results: len(results) >= 3)
        assert sorted((r.trial, r.outcome) for r in results) == [(t, Outcome.COMPLETED) for t in (1, 2, 3)]
        assert engine.running.keys() == {0}


def test_an_idle_worker_takes_what_waits_for_one_that_starts(job: Job) -> None:
    """Jobs that were meant for a worker that never comes up are done by the other one, which has nothing left to do."""
    with LocalEngine(2, module=MODULE) as engine:
        psutil.Process(engine._workers[1].process.pid).suspend()
        for trial in range(4):
            engine.submit(lasting(job, trial, 1))
        results = heard(engine, lambda results: len(results) >= 4)
        assert sorted((r.trial, r.outcome) for r in results) == [(t, Outcome.COMPLETED) for t in range(4)]
        assert not engine._workers[1].ready


@pytest.mark.slow
def test_the_time_limit_counts_from_the_beginning(job: Job) -> None:
    """Time in the pipe doesn't count: a job that waits longer than its limit and then needs less is completed."""
    with LocalEngine(1, module=MODULE) as engine:
        engine.submit(lasting(job, 0, 20))
        engine.submit(lasting(job, 1, 5, max_seconds=1.5))
        results = heard(engine, lambda results: len(results) >= 2)
        assert [(r.trial, r.outcome) for r in results] == [(0, Outcome.COMPLETED), (1, Outcome.COMPLETED)]
        engine.submit(lasting(job, 2, LASTING, max_seconds=0.5))
        engine.submit(lasting(job, 3, 1))
        results = heard(engine, lambda results: len(results) >= 2)
        assert [(r.trial, r.outcome) for r in results] == [(2, Outcome.TIMED_OUT), (3, Outcome.COMPLETED)]
        assert results[0].message == "longer than 0.5 s"


def test_after_a_hold_nothing_begins(job: Job, tmp_path: Path) -> None:
    """Jobs that wait when the engine is told to hold are never begun, those that run come to their end."""
    with LocalEngine(2, module=MODULE, log=tmp_path / "run.log") as engine:
        heard(engine, lambda _: all(worker.ready for worker in engine._workers))
        for trial in range(4):
            engine.submit(lasting(job, trial, 3))
        heard(engine, lambda _: len(begun(tmp_path / "run.log")) == 2)
        engine.hold()
        results = heard(engine, lambda _: not engine.running)
        assert sorted(result.trial for result in results) == [0, 1]
        assert engine.wait(5 * EPOCH) == []
        assert engine.free == 0
    assert sorted(begun(tmp_path / "run.log")) == [0, 1]


def test_a_hold_while_workers_start_is_heard(job: Job, tmp_path: Path) -> None:
    """Told to hold before its worker is there, the engine begins nothing."""
    with LocalEngine(1, module=MODULE, log=tmp_path / "run.log") as engine:
        for trial in range(2):
            engine.submit(lasting(job, trial, 1))
        engine.hold()
        heard(engine, lambda _: engine._workers[0].ready)
        assert engine.wait(5 * EPOCH) == []
        assert engine.running == {}
    assert begun(tmp_path / "run.log") == []
