"""bfloat16 with float32 masters, and that neither arithmetic nor fast kernels change how well networks learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from scipy.stats import t
from torch import Tensor, nn

from nas.data import Dataset
from nas.engines import InlineEngine
from nas.layers import Layer
from nas.runner import agreement
from nas.runner.task import Site
from nas.storage import study_json
from nas.study import Recipe, Study
from nas.study.recipe import Precision
from nas.training import devices
from nas.training.kernels import rules
from nas.training.loop import optimizer_of, train
from nas.training.precision import Masters, computing, settled, starts_of
from spaces import anynet
from tests.toys.runs import execute
from tests.toys.spaces import QUICK
from tests.toys.spaces import STUDY as TOY

CPU = torch.device("cpu")
BF16 = Recipe(precision="bfloat16")
RECIPE = Recipe(data="digits", precision="float32", epochs=8, batch_size=32, learning_rate=0.05, zero_residual=True)
SEEDS = 20


def with_precision(precision: Precision) -> Study:
    """The toy study in an arithmetic."""
    return replace(TOY, recipe=msgspec.structs.replace(QUICK, precision=precision))


def network() -> nn.Module:
    """A convolution, a norm and a linear layer."""
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def test_norms_keep_float32_and_the_rest_computes_in_bfloat16() -> None:
    """Weights of convolutions and linear layers are bfloat16, parameters and statistics of norms float32."""
    module = computing(network(), BF16, CPU)
    types = {name: tensor.dtype for name, tensor in module.state_dict().items() if tensor.is_floating_point()}
    assert {types[name] for name in ("0.weight", "0.bias", "4.weight", "4.bias")} == {torch.bfloat16}
    assert {dtype for name, dtype in types.items() if name.startswith("1.")} == {torch.float32}


def test_masters_add_up_steps_that_bfloat16_would_lose() -> None:
    """A thousand steps of a 10,000th move a weight of 1 by a tenth, though in bfloat16 each step would vanish."""
    module = network()
    nn.init.ones_(module[0].weight)  # type: ignore[arg-type]
    masters = Masters(module)
    computing(module, BF16, CPU)
    masters.bind()
    plain = msgspec.structs.replace(BF16, momentum=0.0, nesterov=False, weight_decay=0.0)
    optimizer = optimizer_of(masters, plain, torch.tensor(1e-4))
    for _ in range(1000):
        for parameter in module.parameters():
            parameter.grad = torch.ones_like(parameter)
        masters.gather()
        optimizer.step()
        masters.spread()
    assert module[0].weight.dtype == torch.bfloat16  # type: ignore[union-attr]
    restored = masters.restore()
    expected = torch.full((4, 1, 3, 3), 0.9)
    torch.testing.assert_close(restored[0].weight.detach(), expected, rtol=1e-3, atol=0)  # type: ignore[index, union-attr]


def test_masters_keep_every_digit_of_the_initial_weights() -> None:
    """Before the first step the restored weights equal the float32 ones to the bit."""
    module = network()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    masters = Masters(module)
    computing(module, BF16, CPU)
    restored = masters.bind().restore().state_dict()
    assert all(torch.equal(restored[name], before[name]) for name in before)


def test_float32_parameters_are_parts_of_the_masters() -> None:
    """Nothing is copied in float32: what the optimiser does to the masters, it does to the parameters themselves."""
    module = network()
    masters = Masters(module)
    computing(module, QUICK, CPU)
    masters.bind()
    weights, others = *masters.weights, *masters.others
    weights.data.fill_(2.0)
    others.data.fill_(3.0)
    assert {(p.dim() > 1, *p.detach().unique().tolist()) for p in module.parameters()} == {(True, 2.0), (False, 3.0)}


def test_gradients_reach_the_masters_place_by_place() -> None:
    """Each number of a kernel that lies channels last in memory meets its own gradient, in both arithmetics."""
    for recipe in (QUICK, BF16):
        module = nn.Sequential(nn.Conv2d(3, 4, (2, 3), bias=False), nn.BatchNorm2d(4))
        masters = Masters(module)
        computing(module, recipe, CPU)
        masters.bind()
        before = [parameter.detach().float().clone() for parameter in module.parameters()]
        gradients = [torch.arange(p.numel(), dtype=torch.float32).view(p.shape) % 100 for p in module.parameters()]
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter.grad = gradient.to(parameter.dtype)
        masters.gather()
        plain = msgspec.structs.replace(recipe, momentum=0.0, nesterov=False, weight_decay=0.0)
        optimizer_of(masters, plain, torch.tensor(1.0)).step()
        masters.spread()
        masters.forget()
        assert all(parameter.grad is None for parameter in module.parameters())
        restored = masters.restore().parameters()
        for after, start, gradient in zip(restored, before, gradients, strict=True):
            torch.testing.assert_close(after.detach(), start - gradient, rtol=1e-2, atol=1e-2)


def test_restored_weights_share_no_memory() -> None:
    """What a training leaves can be stored tensor by tensor: each has memory of its own."""
    masters = Masters(network()).bind()
    places = [parameter.untyped_storage().data_ptr() for parameter in masters.restore().parameters()]
    assert len(set(places)) == len(places)


def test_auto_is_what_the_device_is_fastest_in() -> None:
    """`auto` becomes bfloat16 exactly where the processor has instructions for it, as torch sees it."""
    supported = torch.cpu._is_avx512_bf16_supported()
    assert settled(Recipe(), CPU).precision == ("bfloat16" if supported else "float32")
    assert settled(BF16, CPU).precision == "bfloat16"


def test_a_run_has_one_arithmetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new run takes the device's arithmetic, a begun one its own, whatever the device; an explicit one stays."""
    study, site = with_precision("auto"), Site(folder=tmp_path, engine=InlineEngine(), device=devices.CPU)
    monkeypatch.setattr(devices, "precision", lambda *place: "float32")
    execute(study, tmp_path)
    begun = study_json.begun(tmp_path)
    monkeypatch.setattr(devices, "precision", lambda *place: "bfloat16")
    assert agreement.with_precision(study, None, site).recipe.precision == "bfloat16"
    assert agreement.with_precision(study, begun, site).recipe.precision == "float32"
    explicit = with_precision("bfloat16")
    assert agreement.with_precision(explicit, begun, site) == explicit


def errors(layer: Layer, recipe: Recipe, dataset: Dataset) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Final errors over the seeds."""
    return np.array([train(layer, recipe, dataset, seed, CPU).curve[-1].error for seed in range(SEEDS)])


def difference(
    first: np.ndarray[tuple[int], np.dtype[np.float64]], second: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[float, float]:
    """99 % interval of the mean difference of paired errors."""
    gaps = first - second
    half = t.ppf(0.995, len(gaps) - 1) * gaps.std(ddof=1) / len(gaps) ** 0.5
    return gaps.mean() - half, gaps.mean() + half


@pytest.fixture(scope="module")
def narrow() -> Layer:
    """Two blocks with groups of 2 and 1 channels at 4x4 and 2x2 pixels: what the fast kernels are for."""
    return anynet.build("x", (1, 1), (16, 24), (1, 1), (2, 1)).network((1, 16, 16), 10)


@pytest.fixture(scope="module")
def plain_errors(narrow: Layer, digits_data: Dataset) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Over twenty seeds, with torch's own convolutions in float32."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.training.precision.rules_for", lambda *_: rules.NATIVE)
        return errors(narrow, RECIPE, digits_data)


@pytest.mark.long
def test_fast_kernels_learn_as_well_as_torchs(
    narrow: Layer, digits_data: Dataset, plain_errors: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    """Over twenty seeds the mean error with fast kernels differs from torch's by less than 2 points (99 % interval)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nas.training.precision.rules_for", lambda *_: rules.FITTED)
        low, high = difference(errors(narrow, RECIPE, digits_data), plain_errors)
    assert max(-low, high) < 0.02


@pytest.mark.long
def test_bfloat16_learns_as_well_as_float32(
    narrow: Layer, digits_data: Dataset, plain_errors: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> None:
    """Over twenty seeds the mean error in bfloat16 differs by less than 3 points (99 % interval)."""
    recipe = msgspec.structs.replace(RECIPE, precision="bfloat16")
    low, high = difference(errors(narrow, recipe, digits_data), plain_errors)
    assert max(-low, high) < 0.03


def test_gradients_are_gathered_by_their_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of two types copies its gradients in two calls, each of one type, as a GPU does in one launch."""
    calls: list[tuple[set[torch.dtype], set[torch.dtype], int]] = []
    real = torch._foreach_copy_

    def counted(targets: list[Tensor], sources: list[Tensor]) -> None:
        calls.append(({t.dtype for t in targets}, {s.dtype for s in sources}, len(targets)))
        real(targets, sources)

    module = network()
    masters = Masters(module)
    computing(module, BF16, CPU)
    masters.bind()
    torch.autograd.backward(module(torch.ones(2, 1, 8, 8, dtype=torch.bfloat16)).float().sum())
    monkeypatch.setattr(torch, "_foreach_copy_", counted)
    masters.gather()
    masters.spread()
    half, single = torch.bfloat16, torch.float32
    assert sorted(calls, key=str) == sorted(
        [({single}, {half}, 4), ({single}, {single}, 2), ({half}, {single}, 4)], key=str
    )


def test_weights_on_a_gpu_begin_at_multiples_of_16_bytes() -> None:
    """Their masters lie at multiples of eight numbers there, with zeros in between, and one after another on a CPU."""
    assert starts_of([3, 8, 9], 8) == [0, 8, 16, 32]
    assert starts_of([3, 8, 9], 1) == [0, 3, 11, 20]
    assert starts_of([], 8) == [0]
    there, here = Masters(network().to("meta")).bind(), Masters(network()).bind()
    assert [part.storage_offset() % 8 for part in there._parts] == [0] * 6
    assert [parameter.numel() for parameter in here.weights] == [4 * 9 + 12]
    assert [parameter.numel() for parameter in there.weights] == [40 + 16]


def test_norms_count_no_batches_on_a_gpu() -> None:
    """There is no counter during a training there, which would be a launch a step; what is restored has it."""
    module = network().to("meta")
    masters = Masters(module).bind()
    assert module[1].num_batches_tracked is None  # type: ignore[union-attr]
    assert masters.restore(7)[1].num_batches_tracked == 7  # type: ignore[index]
    on_cpu = network()
    Masters(on_cpu).bind()
    assert on_cpu[1].num_batches_tracked == 0  # type: ignore[union-attr]
