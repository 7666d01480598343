"""Lanes: one worker process trains several networks at once, and nobody can tell from the results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from nas.data import DataInfo
from nas.engines import LocalEngine
from nas.engines import job as engine_job
from nas.engines.messages import Job, Result
from nas.errors import Refused
from nas.layers import Activation, Dropout, Flatten, Layer, Linear, Sequence
from nas.runner.task import local_engine
from nas.study.record import Outcome
from nas.training import devices
from tests.engines.test_ahead import LASTING, begun, heard, lasting
from tests.engines.test_engines import answers, numbers, replaced
from tests.toys.sleepers import EPOCH, MODULE, UNFIT
from tests.toys.spaces import toy_job

WITH_DROPOUT: Layer = Sequence(layers=(Flatten(), Linear(width=16), Activation(), Dropout(), Linear(width=10)))


@pytest.fixture
def job(digits: DataInfo) -> Job:
    """A training that ends well and soon; sleepers sleep as long as its epochs say."""
    return toy_job(digits)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What the workers say."""
    return tmp_path / "run.log"


def all_begun(log: Path, count: int) -> Callable[[list[Result]], bool]:
    """Whether so many trials have begun, by the workers' own words."""
    return lambda _: len(begun(log)) >= count


def running(engine: LocalEngine, *trials: int) -> Callable[[list[Result]], bool]:
    """Whether these trials run as far as the engine knows."""
    return lambda _: engine.running.keys() == set(trials)


def test_lanes_train_side_by_side(job: Job, log: Path) -> None:
    """With three lanes of one process, all three endless jobs begin, a fourth waits, and the engine knows it."""
    with LocalEngine(3, processes=1, module=MODULE, log=log) as engine:
        assert (engine.workers, engine.free, len(engine._workers)) == (3, 4, 1)
        for trial in range(4):
            engine.submit(lasting(job, trial, LASTING))
        heard(engine, running(engine, 0, 1, 2))
        assert engine.wait(5 * EPOCH) == []
        assert (sorted(begun(log)), engine.free) == ([0, 1, 2], 0)


def test_results_come_in_any_order(job: Job, log: Path) -> None:
    """A short job overtakes two long ones of the same process; the next one takes its lane."""
    with LocalEngine(3, processes=1, module=MODULE, log=log) as engine:
        for trial, epochs in enumerate((LASTING, LASTING, 1, 1)):
            engine.submit(lasting(job, trial, epochs))
        results = heard(engine, lambda results: len(results) >= 2)
        assert [r.trial for r in results] == [2, 3]
        assert (engine.running.keys(), engine.free) == ({0, 1}, 2)


@pytest.mark.slow
def test_a_death_costs_only_who_is_alone(job: Job, log: Path) -> None:
    """Jobs that a killed worker trained together are tried again one by one, and only who dies alone has CRASHED."""
    with LocalEngine(3, processes=1, module=MODULE, log=log) as engine:
        for trial, epochs in enumerate((LASTING, 20, 20, 1)):
            engine.submit(lasting(job, trial, epochs))
        heard(engine, running(engine, 0, 1, 2))
        psutil.Process(engine._workers[0].process.pid).kill()
        assert heard(engine, running(engine, 0)) == []
        psutil.Process(engine._workers[0].process.pid).kill()
        results = heard(engine, lambda results: len(results) >= 4)
        assert {r.trial: (r.outcome, r.attempt) for r in results} == {
            0: (Outcome.CRASHED, 1),
            **dict.fromkeys((1, 2, 3), (Outcome.COMPLETED, 1)),
        }
        assert engine.running == {}


@pytest.mark.slow
def test_who_ran_beside_a_late_one_is_trained_again(job: Job, log: Path) -> None:
    """One that takes too long is TIMED_OUT with its process; the innocent one begins anew, as the same attempt."""
    with LocalEngine(2, processes=1, module=MODULE, log=log) as engine:
        heard(engine, lambda _: engine._workers[0].ready)
        engine.submit(lasting(job, 0, LASTING, max_seconds=1.0))
        engine.submit(lasting(job, 1, 20))
        engine.submit(lasting(job, 2, 1))
        results = heard(engine, lambda results: len(results) >= 3)
        assert {r.trial: (r.outcome, r.attempt) for r in results} == {
            0: (Outcome.TIMED_OUT, 1),
            1: (Outcome.COMPLETED, 1),
            2: (Outcome.COMPLETED, 1),
        }
        assert results[0].message == "longer than 1 s"
        assert sorted(begun(log)) == [0, 1, 1, 2]


@pytest.mark.slow
def test_waiting_for_a_lane_costs_no_time(job: Job, log: Path) -> None:
    """A job whose lane isn't let in yet, because another must be alone, isn't late: its time counts from its begin."""
    alone = lasting(job, 0, 20, alone=True)
    with LocalEngine(3, processes=1, module=MODULE, log=log) as engine:
        engine.submit(alone)
        for trial in range(1, 4):
            engine.submit(lasting(job, trial, 5, max_seconds=1.5))
        heard(engine, lambda _: begun(log))
        assert engine.wait(5 * EPOCH) == []
        assert (engine.running.keys(), begun(log)) == ({0}, [0])
        results = heard(engine, lambda results: len(results) >= 4)
        assert [r.outcome for r in results] == [Outcome.COMPLETED] * 4
        assert results[0].trial == 0


def test_after_a_hold_no_lane_begins(job: Job, log: Path) -> None:
    """Told to hold, a process with a free lane that is kept shut by one that is alone begins nothing any more."""
    alone = lasting(job, 0, 10, alone=True)
    with LocalEngine(3, processes=1, module=MODULE, log=log) as engine:
        engine.submit(alone)
        for trial in range(1, 4):
            engine.submit(lasting(job, trial, 1))
        heard(engine, all_begun(log, 1))
        engine.hold()
        assert [r.trial for r in heard(engine, lambda _: not engine.running)] == [0]
        assert engine.wait(5 * EPOCH) == []
    assert begun(log) == [0]


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 3])
def test_an_unfit_process_retires(job: Job, log: Path, lanes: int) -> None:
    """It ends what it trains and begins nothing more; the rest goes to the next process, and nothing is done twice."""
    with LocalEngine(lanes, processes=1, module=MODULE, log=log) as engine:
        waiting = [lasting(job, trial, 1 + 4 * (trial % 3), seed=UNFIT if trial == 0 else 100) for trial in range(7)]
        first = engine._workers[0].process.pid
        results = answers(engine, waiting)
        assert engine._workers[0].process.pid != first
    assert sorted(r.trial for r in results) == list(range(7))
    assert {r.outcome for r in results} == {Outcome.COMPLETED}
    assert sorted(begun(log)) == list(range(7))
    assert "trial 0 has left this process unfit" in log.read_text()


def test_a_late_worker_says_where_it_is(job: Job, log: Path) -> None:
    """Before a training that takes too long is ended, its log has the stacks of all threads of its process."""
    with LocalEngine(2, processes=1, module=MODULE, log=log) as engine:
        heard(engine, lambda _: engine._workers[0].ready)
        engine.submit(lasting(job, 0, LASTING, max_seconds=0.5))
        assert [r.outcome for r in heard(engine, bool)] == [Outcome.TIMED_OUT]
    said = log.read_text()
    assert "most recent call first" in said
    assert "sleepers.py" in said


@pytest.mark.slow
def test_lanes_change_no_number(job: Job, tmp_path: Path) -> None:
    """Real trainings, two of them with dropout, give the same curves and weights in three lanes as one by one."""
    layers = [job.layer, WITH_DROPOUT, job.layer, WITH_DROPOUT, job.layer, job.layer]
    epochs = msgspec.structs.replace(job.recipe, epochs=8, flip=True, crop=1, erase=3)

    def jobs(folder: str) -> list[Job]:
        (tmp_path / folder).mkdir()
        return [
            replaced(job, trial=t, layer=layer, seed=t, recipe=epochs, weights=str(tmp_path / folder / f"{t}"))
            for t, layer in enumerate(layers)
        ]

    expected = [engine_job.run_job(each) for each in jobs("alone")]
    with LocalEngine(3, processes=1, log=tmp_path / "run.log") as engine:
        found = sorted(answers(engine, jobs("lanes")), key=lambda result: result.trial)
    assert [numbers(result) for result in found] == [numbers(result) for result in expected]
    assert [result.weights_sha256 for result in found] == [result.weights_sha256 for result in expected]
    assert all(result.weights_sha256 for result in found)


def test_lanes_share_one_copy_of_the_data(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many trainings ask at once, a data set is loaded once a process."""
    from concurrent.futures import ThreadPoolExecutor

    loads = []
    real = engine_job.load
    monkeypatch.setattr(engine_job, "load", lambda *given: loads.append(given) or real(*given))
    engine_job._loaded.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        datasets = list(pool.map(engine_job._dataset, [job] * 8))
    assert len(loads) == 1
    assert all(dataset is datasets[0] for dataset in datasets)


def test_a_gpu_gets_lanes_and_a_cpu_processes(log: Path) -> None:
    """Workers are lanes of one process there, 8 unless said otherwise and at most its streams, and processes here."""
    cards = devices.Device(kind="cuda", cards=(0,))
    assert devices.workers(None, cards) == devices.LANES == 8
    gpu, cpu = (local_engine(devices.workers(5, device), device, log) for device in (cards, devices.CPU))
    assert [(engine._lanes, engine.workers) for engine in (gpu, cpu)] == [([5], 5), ([1] * 5, 5)]
    assert devices.workers(64, devices.CPU) == 64
    with pytest.raises(Refused, match="at most 32 networks"):
        devices.workers(33, cards)
