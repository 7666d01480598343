"""One contract over all engines: every job is answered once, with the same numbers, and failures are answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch

from nas.data import DataInfo
from nas.engines import Engine, InlineEngine, LocalEngine
from nas.engines import job as engine_job
from nas.engines.messages import Job, Result
from nas.engines.ray import RayEngine
from nas.files import digest
from nas.layers import Flatten, Layer, Linear, Sequence
from nas.models.weights import read_document
from nas.study.record import Outcome
from tests.toys.spaces import FRAGILE, QUICK, toy_job

PATIENCE = 120
"""Looks of half a second each before a job counts as never answered."""


@pytest.fixture(scope="module", params=["inline", "local", "ray"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Each engine, open; with two workers where it has some."""
    with _made(request, tmp_path_factory.mktemp("engine") / "run.log") as opened:
        yield opened


def _made(request: pytest.FixtureRequest, log: Path) -> Engine:
    if request.param == "inline":
        return InlineEngine()
    if request.param == "local":
        return LocalEngine(2, log=log)
    request.getfixturevalue("ray_cluster")
    return RayEngine(workers=2)


@pytest.fixture
def job(digits: DataInfo) -> Job:
    """A training that ends well."""
    return toy_job(digits)


def answers(engine: Engine, jobs: list[Job]) -> list[Result]:
    """Feed the engine until all jobs are answered, then make sure that nothing more comes."""
    waiting, results = list(jobs), []
    for _ in range(PATIENCE):
        for _ in range(engine.free):
            if waiting:
                engine.submit(waiting.pop(0))
        results += engine.wait(0.5)
        if len(results) >= len(jobs):
            break
    return results + engine.wait(0.0)


def replaced(job: Job, **changes: object) -> Job:
    """The job with some fields changed."""
    return msgspec.structs.replace(job, **changes)


def numbers(result: Result) -> list[tuple[float, float]]:
    """The curve without its times."""
    return [(epoch.loss, epoch.error) for epoch in result.curve]


@pytest.mark.slow
def test_every_job_is_answered_once(engine: Engine, job: Job) -> None:
    """Five jobs give five answers, each to its own trial and attempt, and all slots are free again."""
    results = answers(engine, [replaced(job, trial=t, attempt=1 + t % 2) for t in range(5)])
    assert sorted((r.trial, r.attempt) for r in results) == [(t, 1 + t % 2) for t in range(5)]
    assert {r.outcome for r in results} == {Outcome.COMPLETED}
    assert engine.free >= engine.workers
    assert engine.running == {}
    assert all(r.seconds > 0 and r.images_per_second > 0 and r.device for r in results)


def test_results_do_not_depend_on_the_engine(engine: Engine, job: Job, tmp_path: Path) -> None:
    """Curve and weights equal, bit for bit, those of a training in this process on one thread."""
    inline = InlineEngine()
    (expected,) = answers(inline, [replaced(job, weights=str(tmp_path / "inline.safetensors"))])
    (found,) = answers(engine, [replaced(job, weights=str(tmp_path / "engine.safetensors"))])
    assert numbers(found) == numbers(expected)
    assert found.weights_sha256 == expected.weights_sha256 == digest(tmp_path / "engine.safetensors")


def test_weights_carry_their_network(engine: Engine, job: Job, tmp_path: Path) -> None:
    """A kept weights file holds the layer tree, the recipe, the seed and the error of its training."""
    path = tmp_path / "kept.safetensors"
    (result,) = answers(engine, [replaced(job, weights=str(path))])
    document = read_document(path)
    assert (document.layers, document.recipe, document.seed) == (job.layer, QUICK, 11)
    assert document.error == result.curve[-1].error
    assert [p.name for p in tmp_path.iterdir()] == ["kept.safetensors"]


def test_only_weights_below_the_bar_are_kept(engine: Engine, job: Job, tmp_path: Path) -> None:
    """A training whose error isn't below `keep_below` leaves no file and names no hash."""
    (result,) = answers(engine, [replaced(job, weights=str(tmp_path / "w.safetensors"), keep_below=0.0)])
    assert result.outcome is Outcome.COMPLETED
    assert result.weights_sha256 == ""
    assert not list(tmp_path.iterdir())


def test_a_training_that_raises_is_an_answer(engine: Engine, job: Job) -> None:
    """What torch refuses in the middle of a training comes back as FAILED with its words; the next job works."""
    layer = FRAGILE.architecture({"width": 4}).network((1, 16, 16), 10)
    recipe = msgspec.structs.replace(QUICK, batch_size=1)
    failed, fine = sorted(
        answers(engine, [replaced(job, layer=layer, recipe=recipe), replaced(job, trial=1)]), key=lambda r: r.trial
    )
    assert failed.outcome is Outcome.FAILED
    assert failed.message.startswith("ValueError: Expected more than 1 value per channel")
    assert fine.outcome is Outcome.COMPLETED


def test_divergence_is_an_answer(engine: Engine, job: Job) -> None:
    """A loss that explodes comes back as DIVERGED with the epoch in words."""
    layer: Layer = Sequence(layers=(Flatten(), Linear(width=32), Linear(width=10)))
    recipe = msgspec.structs.replace(QUICK, learning_rate=1e9, warmup=0.0)
    (result,) = answers(engine, [replaced(job, layer=layer, recipe=recipe)])
    assert result.outcome is Outcome.DIVERGED
    assert result.message == f"the loss exploded in epoch {len(result.curve) + 1}"


def test_too_large_a_network_is_out_of_memory(engine: Engine, job: Job) -> None:
    """Four terabytes of weights come back as OUT_OF_MEMORY, and the next job works."""
    giant: Layer = Sequence(layers=(Flatten(), Linear(width=2**20), Linear(width=2**20), Linear(width=10)))
    results = answers(engine, [replaced(job, layer=giant), replaced(job, trial=1)])
    assert {r.trial: r.outcome for r in results} == {0: Outcome.OUT_OF_MEMORY, 1: Outcome.COMPLETED}


def test_a_disk_that_refuses_is_fatal(engine: Engine, job: Job, tmp_path: Path) -> None:
    """Weights that can't be written say nothing of the network: the answer is marked fatal."""
    (result,) = answers(engine, [replaced(job, weights=str(tmp_path / "missing" / "w.safetensors"))])
    assert result.fatal
    assert "can't be written" in result.message


def test_missing_data_are_fatal(engine: Engine, job: Job, digits: DataInfo) -> None:
    """Prepared data that have vanished say nothing of the network: the answer is marked fatal."""
    info = msgspec.structs.replace(digits, folder="/nonexistent")
    (result,) = answers(engine, [replaced(job, info=info)])
    assert result.fatal
    assert "/nonexistent" in result.message


def test_threads_of_the_caller_are_given_back(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training in this process has one thread, so that sums have one order; then there are as many as before."""
    seen = []
    real = engine_job.train
    monkeypatch.setattr(
        engine_job, "train", lambda *given, **named: seen.append(torch.get_num_threads()) or real(*given, **named)
    )
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        answers(InlineEngine(), [job])
        assert (seen, torch.get_num_threads()) == ([1], 3)
    finally:
        torch.set_num_threads(before)
