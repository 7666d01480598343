"""Engines on cards: one process a card, which sees no other, keeps it when it is replaced, and runs on any core."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from nas.data import DataInfo
from nas.engines import LocalEngine
from nas.engines.messages import Job
from nas.study.record import Outcome
from nas.training.devices import VISIBLE
from tests.engines.test_ahead import heard, lasting
from tests.toys.runs import execute
from tests.toys.sleepers import MODULE
from tests.toys.spaces import STUDY, toy_job

CARDS = ("GPU-aa", "7")


@pytest.fixture
def job(digits: DataInfo) -> Job:
    """What sleepers sleep for."""
    return toy_job(digits)


def processes(engine: LocalEngine) -> list[psutil.Process]:
    """Its workers, once all have started: before that a process shows neither its words nor its environment."""
    heard(engine, lambda _: all(worker.ready for worker in engine._workers))
    return [psutil.Process(worker.process.pid) for worker in engine._workers]


def test_a_process_sees_only_its_card(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has one card in its environment, whatever the user's says, and is told that it is for one."""
    monkeypatch.setenv(VISIBLE, "5,GPU-aa,7")
    with LocalEngine(4, cards=CARDS, module=MODULE) as engine:
        assert tuple(process.environ()[VISIBLE] for process in processes(engine)) == CARDS
        assert [process.cmdline()[-2:] for process in processes(engine)] == [["2", "cuda"]] * 2
    with LocalEngine(1, module=MODULE) as engine:
        (process,) = processes(engine)
        assert process.environ()[VISIBLE] == "5,GPU-aa,7"
        assert process.cmdline()[-2:] == ["1", "cpu"]


def test_jobs_are_spread_over_the_cards(job: Job) -> None:
    """The first jobs go to different cards, and each trains as many at once as its lanes."""
    with LocalEngine(3, cards=CARDS, module=MODULE) as engine:
        assert (engine.workers, engine.free) == (3, 5)
        for trial in range(3):
            engine.submit(lasting(job, trial, 3))
        assert [[job.trial for job in worker.jobs] for worker in engine._workers] == [[0, 2], [1]]
        found = heard(engine, lambda results: len(results) == 3)
    assert {result.trial: result.device for result in found} == {0: CARDS[0], 1: CARDS[1], 2: CARDS[0]}


def test_a_replaced_worker_keeps_its_card(job: Job) -> None:
    """Where a worker is killed in the middle of a training, or trains for too long, the next one has the same card."""
    with LocalEngine(2, cards=CARDS, module=MODULE) as engine:
        for trial, limit in enumerate((3600.0, 1.0)):
            engine.submit(lasting(job, trial, 10_000, max_seconds=limit))
        while len(engine.running) < 2:
            engine.wait(0.05)
        before = processes(engine)
        before[0].kill()
        ends = heard(engine, lambda results: len(results) == 2)
        assert {result.trial: result.outcome for result in ends} == {0: Outcome.CRASHED, 1: Outcome.TIMED_OUT}
        after = processes(engine)
        assert not {process.pid for process in before} & {process.pid for process in after}
        assert tuple(process.environ()[VISIBLE] for process in after) == CARDS


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets processes choose their cores")
@pytest.mark.parametrize("workers", [1, 2])
def test_workers_of_cards_run_on_any_core(workers: int) -> None:
    """They are bound to no core, with one lane either: the processor has to keep up with the card."""
    with LocalEngine(workers, cards=CARDS[:workers], module=MODULE) as engine:
        assert all(process.cpu_affinity() == psutil.Process().cpu_affinity() for process in processes(engine))
        assert engine._cores._locks == []


@pytest.mark.slow
def test_cards_change_no_trial(tmp_path: Path) -> None:
    """A run on two cards has the trials of a run of one worker, and their records name the cards."""
    one = execute(STUDY, tmp_path / "one", LocalEngine(1, module=MODULE))
    two = execute(STUDY, tmp_path / "two", LocalEngine(5, cards=CARDS, module=MODULE))
    points = [[(record.trial, record.point, record.error) for record in records] for records in (one, two)]
    assert points[0] == points[1]
    assert {record.device for record in two} == set(CARDS)
    assert {record.device for record in one} == {os.environ.get(VISIBLE, "none")}
