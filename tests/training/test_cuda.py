"""What only a GPU can show: steps are replayed and never wait, lanes change nothing, memory is given back."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from scipy import stats

import nas
from nas.data import DataInfo, Dataset, Split
from nas.engines import LocalEngine
from nas.engines import job as engine_job
from nas.engines.messages import Job, Result
from nas.engines.packing import Gate, fitting
from nas.layers import (
    Activation,
    AdaptivePooling,
    Concatenation,
    Convolution,
    DenseConcatenation,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Pooling,
    Residual,
    Sequence,
    SqueezeExcite,
)
from nas.study import Recipe
from nas.study.recipe import Precision
from nas.study.record import Outcome
from nas.training import devices
from nas.training.cuda_graphs import WARM_UP, aside, give_back
from nas.training.loop import Trained, Training, initial, on_device, train
from tests.benchmarks.gpu.networks import types_of
from tests.engines.test_engines import answers, numbers, replaced
from tests.toys.spaces import QUICK, STUDY, Tiny, toy_job

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),  # what drivers warn of differs from card to card
]
CUDA, CPU = torch.device("cuda"), torch.device("cpu")
TOLERANCE = {"float32": 0.02, "bfloat16": 0.05}
"""Relative difference of losses after two epochs: kernels add in no fixed order, TF32 and bfloat16 round."""
PLAIN = Tiny(width=8).network((1, 16, 16), 10)
WITH_DROPOUT: Layer = Sequence(layers=(Flatten(), Linear(width=64), Activation(), Dropout(rate=0.5), Linear(width=10)))
HEAD = (AdaptivePooling(), Flatten(), Linear(width=10))
NORM, RELU, STEM = Normalisation(), Activation(), Convolution(width=8, kernel=3, padding=1)
LAYER_NORM = Normalisation(kind="layer")
GROUPED = Sequence(layers=(Convolution(width=8, kernel=3, padding=1, groups=4), NORM))
EVERY_KIND: dict[str, Layer] = {
    "plain": PLAIN,
    "dropout": WITH_DROPOUT,
    "grouped": Sequence(layers=(STEM, Residual(branch=GROUPED, shortcut=NORM), RELU, *HEAD)),
    "depthwise": Sequence(layers=(STEM, NORM, Convolution(width=8, kernel=3, padding=1, groups=8), RELU, *HEAD)),
    "joined": Sequence(layers=(STEM, Concatenation(branches=(STEM, Pooling(kernel=3, stride=1, padding=1))), *HEAD)),
    "dense": Sequence(layers=(STEM, DenseConcatenation(branch=Sequence(layers=(NORM, RELU, STEM))), *HEAD)),
    "excited": Sequence(layers=(STEM, NORM, SqueezeExcite(width=4), Activation(function="silu"), *HEAD)),
    "centred": Sequence(layers=(STEM, Normalisation(kind="mean_only"), RELU, *HEAD)),
    "scaled": Sequence(layers=(STEM, Normalisation(kind="variance_only"), RELU, *HEAD)),
    "layer norm": Sequence(layers=(STEM, Residual(branch=Sequence(layers=(STEM, LAYER_NORM))), RELU, *HEAD)),
    "instance norm": Sequence(layers=(STEM, Normalisation(kind="instance", affine=False), RELU, *HEAD)),
}


SMOOTHED = {"rotation": 15.0, "random_erasing": 0.5, "mixup": 0.2, "averaging": 0.9}
"""Fields of a recipe that a step on a GPU has to draw and keep something for."""


def recipe(precision: Precision = "float32", **changes: object) -> Recipe:
    """Two epochs of ten steps with everything that draws random numbers."""
    base = Recipe(data="digits", epochs=2, batch_size=50, learning_rate=0.05, flip=True, crop=1, erase=3)
    return msgspec.structs.replace(base, precision=precision, label_smoothing=0.1, **changes)


@pytest.fixture(scope="module")
def small(digits_data: Dataset) -> Dataset:
    """500 training images and 150 for validation, on the GPU."""
    split, held = digits_data.train, digits_data.validation
    return replace(
        digits_data,
        train=on_device(Split(split.images[:500], split.labels[:500]), CUDA),
        validation=on_device(Split(held.images[:150], held.labels[:150]), CUDA),
    )


def losses(trained: Trained) -> list[float]:
    """Of all epochs."""
    return [epoch.loss for epoch in trained.curve]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_a_graph_computes_what_its_steps_compute(
    small: Dataset, kind: str, precision: Precision, caplog: pytest.LogCaptureFixture
) -> None:
    """Replayed or launched one by one, with augmentation and dropout, losses agree; every layer can be recorded."""
    with caplog.at_level(logging.WARNING, "nas.training.cuda_graphs"):
        replayed = train(EVERY_KIND[kind], recipe(precision), small, 7, CUDA)
    assert not caplog.records
    launched = train(EVERY_KIND[kind], recipe(precision), small, 7, CUDA, graph=False)
    assert losses(replayed) == pytest.approx(losses(launched), rel=TOLERANCE[precision])
    assert replayed.curve[-1].error == pytest.approx(launched.curve[-1].error, abs=0.08)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_activations_are_computed_again_in_a_graph(
    small: Dataset, kind: str, precision: Precision, caplog: pytest.LogCaptureFixture
) -> None:
    """With checkpointing a step can be recorded, and its losses are those of one that keeps everything."""
    with caplog.at_level(logging.WARNING, "nas.training.cuda_graphs"):
        again = train(EVERY_KIND[kind], recipe(precision, checkpointing=True), small, 7, CUDA)
    assert not caplog.records
    kept = train(EVERY_KIND[kind], recipe(precision), small, 7, CUDA)
    assert losses(again) == pytest.approx(losses(kept), rel=TOLERANCE[precision])


def test_adamw_is_replayed_too(small: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    """The other optimiser can be recorded, and computes what its steps compute."""
    asked = recipe("bfloat16", optimizer="adamw", schedule="one_cycle")
    asked = msgspec.structs.replace(asked, learning_rate=2e-3)
    with caplog.at_level(logging.WARNING, "nas.training.cuda_graphs"):
        replayed = train(PLAIN, asked, small, 7, CUDA)
    assert not caplog.records
    launched = train(PLAIN, asked, small, 7, CUDA, graph=False)
    assert losses(replayed) == pytest.approx(losses(launched), rel=TOLERANCE["bfloat16"])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_mixtures_and_averages_are_replayed_too(
    small: Dataset, precision: Precision, caplog: pytest.LogCaptureFixture
) -> None:
    """Turned, erased, mixed and averaged: recorded or launched one by one, losses and errors agree."""
    with caplog.at_level(logging.WARNING, "nas.training.cuda_graphs"):
        replayed = train(PLAIN, recipe(precision, **SMOOTHED), small, 7, CUDA)
    assert not caplog.records
    launched = train(PLAIN, recipe(precision, **SMOOTHED), small, 7, CUDA, graph=False)
    assert losses(replayed) == pytest.approx(losses(launched), rel=TOLERANCE[precision])
    assert replayed.curve[-1].error == pytest.approx(launched.curve[-1].error, abs=0.08)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_rows_of_a_table_are_replayed_too(
    own_cache: Path, precision: Precision, caplog: pytest.LogCaptureFixture
) -> None:
    """A number as target: recorded, launched one by one and on a CPU, losses and error agree."""
    table = nas.data.load(nas.data.prepare("diabetes"))
    layer = Sequence(layers=(Linear(width=16), NORM, RELU, Linear(width=1)))
    asked = Recipe(data="diabetes", epochs=4, batch_size=32, learning_rate=0.02, precision=precision)
    with caplog.at_level(logging.WARNING, "nas.training.cuda_graphs"):
        replayed = train(layer, asked, table, 7, CUDA)
    assert not caplog.records
    for other in (train(layer, asked, table, 7, CUDA, graph=False), train(layer, asked, table, 7, CPU)):
        assert losses(replayed) == pytest.approx(losses(other), rel=TOLERANCE[precision])
        assert replayed.curve[-1].error == pytest.approx(other.curve[-1].error, rel=0.1)


@pytest.mark.parametrize("changes", [{}, SMOOTHED], ids=["plain", "smoothed"])
def test_a_gpu_computes_what_a_cpu_computes(
    small: Dataset, changes: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float32 with the same seed: initial weights, order and augmentation don't depend on the device."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    cpu = replace(small, train=on_device(small.train, CPU), validation=on_device(small.validation, CPU))
    assert losses(train(PLAIN, recipe(**changes), small, 7, CUDA)) == pytest.approx(
        losses(train(PLAIN, recipe(**changes), cpu, 7, CPU)),
        rel=TOLERANCE["float32"],
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_no_step_waits_for_the_gpu(small: Dataset, precision: Precision) -> None:
    """After the first step nothing synchronises any more: not a launched step, not the recording, not a replay."""
    asked = recipe(precision)
    module = initial(EVERY_KIND["grouped"], small.info.shape, asked, torch.Generator().manual_seed(0))
    with aside(CUDA):
        training = Training(module, small.train, small.info, asked, CUDA)
        training._module.train()
        training._replayed(training._one_step)
        try:
            torch.cuda.set_sync_debug_mode("error")
            for _ in range(WARM_UP + 3):
                training._replayed(training._one_step)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert training._replayed.recorded
        assert training._total_step.item() == WARM_UP + 4
        training.close()


def test_a_training_gives_its_memory_back(small: Dataset) -> None:
    """After twenty trainings no more memory is in use or reserved than after two, and all of it can be given back."""
    in_use, reserved = [], []
    for seed in range(20):
        train(EVERY_KIND["grouped"], recipe("bfloat16"), small, seed, CUDA)
        in_use.append(torch.cuda.memory_allocated())
        reserved.append(torch.cuda.memory_reserved())
    assert max(in_use[2:]) <= in_use[1] + 2**20
    assert max(reserved[2:]) <= reserved[1] + 4 * 2**20
    give_back()
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() <= torch.cuda.memory_allocated() + 64 * 2**20


def cuda_jobs(digits: DataInfo, tmp_path: Path, count: int) -> list[Job]:
    """Trainings of several kinds, some with dropout."""
    layers = [EVERY_KIND[kind] for kind in ("plain", "dropout", "grouped", "dense")]
    job = replaced(toy_job(digits), device="cuda", recipe=recipe(train_size=500))
    return [
        replaced(job, trial=t, layer=layers[t % 4], seed=t, weights=str(tmp_path / f"{t}.safetensors"))
        for t in range(count)
    ]


def test_packed_networks_learn_what_they_learn_alone(digits: DataInfo, tmp_path: Path) -> None:
    """Twelve trainings in four lanes have the curves that they have one by one, and weights that can be read."""
    jobs = cuda_jobs(digits, tmp_path, 12)
    alone = [engine_job.run_job(job) for job in jobs]
    with LocalEngine(4, cards=[devices.visible(0)], log=tmp_path / "run.log") as engine:
        packed = sorted(answers(engine, jobs), key=lambda result: result.trial)
    said = (tmp_path / "run.log").read_text()
    assert [result.outcome for result in packed] == [Outcome.COMPLETED] * 12, said
    assert "can't be recorded" not in said
    for one, other in zip(alone, packed, strict=True):
        assert [loss for loss, _ in numbers(other)] == pytest.approx([loss for loss, _ in numbers(one)], rel=0.02)
    assert all(result.weights_sha256 for result in packed)


def test_bfloat16_costs_no_accuracy(digits_data: Dataset) -> None:
    """Over ten seeds the mean difference of errors between bfloat16 and float32 is within its noise, or below 1 %."""
    asked = {precision: recipe(precision, epochs=6) for precision in ("float32", "bfloat16")}
    errors = {
        precision: np.array([train(PLAIN, wanted, digits_data, seed, CUDA).curve[-1].error for seed in range(10)])
        for precision, wanted in asked.items()
    }
    differences = errors["bfloat16"] - errors["float32"]
    low, high = stats.t.interval(0.95, 9, differences.mean(), stats.sem(differences) + 1e-9)
    print(f"bfloat16 - float32: {differences.mean():+.4f}, 95 % interval [{low:+.4f}, {high:+.4f}], 10 seeds")  # noqa: T201
    assert low <= 0 <= high or abs(differences.mean()) < 0.01


def test_the_peak_of_a_training_is_measured(digits: DataInfo, tmp_path: Path) -> None:
    """After a training the memory knows how much was held, less than there is, and how many fit."""
    memory = engine_job.memory_of_card()
    assert memory is not None
    memory.empty()
    assert engine_job.run_job(cuda_jobs(digits, tmp_path, 1)[0]).outcome is Outcome.COMPLETED
    assert 0 < memory.peak() < memory.total()
    assert fitting(8, memory.total(), memory.peak()) == 8


WIDE: Layer = Sequence(
    layers=(*[Convolution(width=256, kernel=3, padding=1), Normalisation(), Activation()] * 6, *HEAD)
)


def test_a_training_tells_its_peak(small: Dataset) -> None:
    """The peak grows with the network and lies within what torch has allocated and what the device has."""
    narrow, wide = (train(layer, recipe(), small, 7, CUDA).peak_memory for layer in (PLAIN, WIDE))
    assert narrow is not None
    assert wide == torch.cuda.max_memory_allocated()
    assert 0 < narrow < wide < torch.cuda.get_device_properties(0).total_memory


def test_too_little_memory_backs_off(digits: DataInfo) -> None:
    """With room for one and a half trainings, two at once are both completed, and one lane is left."""
    big = replaced(toy_job(digits), device="cuda", layer=WIDE, recipe=recipe(batch_size=500, epochs=60))
    memory = engine_job.memory_of_card()
    assert memory is not None
    memory.empty()
    assert engine_job.run_job(big).outcome is Outcome.COMPLETED
    device_total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 1.5 * memory.peak() / device_total))
    gate, results = Gate(2, memory), list[Result]()
    gate.most, gate._measured = 2, True
    jobs = [replaced(big, trial=trial) for trial in range(2)]
    try:
        for job in jobs:
            gate.enter(job)
        threads = [
            threading.Thread(target=lambda job=job: results.append(gate.trained(job, engine_job.run_job)))
            for job in jobs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        memory.empty()
    assert [result.outcome for result in results] == [Outcome.COMPLETED] * 2, [result.message for result in results]
    assert gate.most == 1


POISON = """
import torch
from nas.training.devices import usable
assert usable("cuda")
try:
    torch.zeros(2, device="cuda")[torch.tensor([5], device="cuda")].sum().item()
except RuntimeError:
    pass
print(usable("cuda"))
"""


def test_a_poisoned_context_is_noticed() -> None:
    """After a kernel that failed, the device isn't usable in that process, and we see it."""
    done = subprocess.run([sys.executable, "-c", POISON], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("False\n"), done.stderr


UNRECORDABLE = """
import logging, torch
from nas.training.cuda_graphs import SPOILT, Replayed, aside, awaited
logging.basicConfig()
cuda, total = torch.device("cuda"), torch.zeros(1, device="cuda")
with aside(cuda):
    replayed = Replayed(cuda)
    for _ in range(10):
        replayed(lambda: (total.add_(1), total.item()))
    print(awaited(total), SPOILT.is_set())
"""


def test_a_step_that_waits_cannot_be_recorded() -> None:
    """It is finished launched one by one, by what it says itself, and its process is known to be unfit for more."""
    done = subprocess.run([sys.executable, "-c", UNRECORDABLE], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("10.0 "), done.stderr
    assert "capturing" in done.stderr


def test_a_norm_is_two_launches_each_way(small: Dataset) -> None:
    """A step's graph has at most ten nodes for a convolution with its norm and ReLU, and none that copies memory."""
    runtime = pytest.importorskip("cuda.bindings.runtime")
    asked = recipe("bfloat16", flip=False, crop=0, erase=0)
    module = initial(WIDE, small.info.shape, asked, torch.Generator().manual_seed(0))
    with aside(CUDA):
        training = Training(module, small.train, small.info, asked, CUDA)
        training._module.train()
        for _ in range(WARM_UP):
            training._replayed(training._one_step)
        graph = torch.cuda.CUDAGraph(keep_graph=True)
        graph.capture_begin(capture_error_mode="thread_local")
        training._one_step()
        graph.capture_end()
        counts = types_of(runtime, runtime.cudaGraph_t(graph.raw_cuda_graph()))
    print(counts)  # noqa: T201
    assert counts.get("Memcpy", 0) <= 2
    assert counts["Kernel"] <= 6 * 10 + 40


def test_a_study_runs_on_a_gpu(tmp_path: Path) -> None:
    """A whole run, packed: every trial is completed, on the GPU by its name."""
    run = nas.run(replace(STUDY, recipe=QUICK), out=tmp_path / "run", device="cuda")
    assert run.outcomes == {Outcome.COMPLETED: STUDY.total}
    assert {record.device for record in run.records} == {torch.cuda.get_device_name()}
