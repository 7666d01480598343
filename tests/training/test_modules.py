"""The torch module of a layer tree does what the tree says: shapes, counts, values, starting weights."""

from __future__ import annotations

import copy
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nas.errors import ImpossibleShape
from nas.layers import (
    Activation,
    Concatenation,
    Convolution,
    DenseConcatenation,
    Layer,
    Linear,
    Normalisation,
    Residual,
    Sequence,
    Shape,
    cost,
    output_shape,
)
from nas.training.modules import build, initialize
from tests.toys.trees import cases

BATCH = 2
RELU, NORM = Activation(), Normalisation()
CONV = Convolution(width=4, kernel=3, padding=1)


def made(layer: Layer, inputs: Shape, seed: int = 0) -> nn.Module:
    """A network with its starting weights."""
    module = build(layer, inputs)
    initialize(module, torch.Generator().manual_seed(seed))
    return module


def batch(inputs: Shape, seed: int = 1) -> Tensor:
    """Random images that want a gradient."""
    return torch.randn(BATCH, *inputs, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@settings(max_examples=120, deadline=None)
@given(case=cases())
def test_tree_and_module_agree(case: tuple[Layer, Shape]) -> None:
    """Counted on the module, parameters, multiply-adds, activations and output shape are those read off the tree."""
    layer, inputs = case
    module = made(layer, inputs)
    outputs: list[int] = []
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.register_forward_hook(lambda _, __, y: outputs.append(y.numel()))
    x = batch(inputs).detach()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shape = tuple(module(x).shape)
    price = cost(layer, inputs)
    assert shape == (BATCH, *output_shape(layer, inputs))
    assert sum(p.numel() for p in module.parameters()) == price.parameters
    assert counter.get_total_flops() == 2 * BATCH * price.multiply_adds
    assert sum(outputs) == BATCH * price.activations
    with torch.no_grad():
        assert tuple(module.eval()(x).shape) == shape


def run(module: nn.Module, x: Tensor) -> list[Tensor | None]:
    """Output and all gradients of a training step's arithmetic; dropout falls the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        y = module(x)
        (y * torch.linspace(-1, 1, y.numel()).view(y.shape)).sum().backward()
    return [y.detach(), x.grad, *(p.grad for p in module.parameters())]


def assert_same_out_of_place(layer: Layer, inputs: Shape) -> int:
    """Compare with a copy that overwrites nothing; how many ReLUs work in place."""
    module = made(layer, inputs)
    careful = copy.deepcopy(module)
    inplace = [part for part in careful.modules() if isinstance(part, nn.ReLU) and part.inplace]
    for part in inplace:
        part.inplace = False
    x = batch(inputs)
    found = run(module, x)
    x.grad = None
    for a, b in zip(found, run(careful, x), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
    return len(inplace)


@settings(max_examples=120, deadline=None)
@given(case=cases())
def test_overwriting_changes_nothing(case: tuple[Layer, Shape]) -> None:
    """Outputs and gradients are bit for bit those of a copy whose ReLUs overwrite nothing."""
    assert_same_out_of_place(*case)


RELU_FIRST = Sequence(layers=(RELU, CONV, NORM, RELU))


@pytest.mark.parametrize(
    ("layer", "inplace"),
    [
        (Sequence(layers=(CONV, NORM, RELU, CONV, RELU)), 2),
        (Sequence(layers=(CONV, Residual(branch=RELU_FIRST), RELU)), 2),
        (Sequence(layers=(CONV, Residual(branch=RELU, shortcut=RELU))), 0),
        (Sequence(layers=(CONV, Residual(branch=RELU_FIRST, shortcut=RELU_FIRST), Residual(branch=RELU))), 2),
        (Sequence(layers=(CONV, DenseConcatenation(branch=RELU_FIRST), RELU)), 1),
        (Sequence(layers=(CONV, DenseConcatenation(branch=RELU), DenseConcatenation(branch=RELU_FIRST))), 1),
        (Sequence(layers=(NORM, Concatenation(branches=(RELU, RELU_FIRST, Sequence())))), 1),
        (Sequence(layers=(CONV, Sequence(layers=(RELU,)), Activation(function="sigmoid"), RELU)), 0),
    ],
)
def test_overwriting_spares_what_others_see(layer: Layer, inplace: int) -> None:
    """A ReLU overwrites only what nobody else reads: not what a branch, a shortcut or a join shares."""
    assert assert_same_out_of_place(layer, (4, 5, 6)) == inplace


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("inputs", [(3, 4, 5), (3,)])
@pytest.mark.parametrize("kind", ["batch", "mean_only", "variance_only"])
def test_norms_follow_their_formula(kind: str, inputs: Shape, affine: bool) -> None:
    """Batch statistics in training, running ones (unbiased variance) in evaluation, as the equations say."""
    epsilon, momentum = 1e-2, 0.3
    layer = Normalisation(kind=kind, affine=affine, epsilon=epsilon, momentum=momentum)  # type: ignore[arg-type]
    module = made(layer, inputs)
    axes = (0, 2, 3)[: len(inputs)]
    x = np.random.default_rng(0).normal(2.0, 3.0, (8, *inputs))
    weight, bias = np.array([0.5, 1.0, 2.0]), np.array([-1.0, 0.0, 1.0])
    if affine:
        with torch.no_grad():
            for parameter, value in zip(module.parameters(), (weight, bias), strict=True):
                parameter.copy_(torch.from_numpy(value))

    def formula(mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        shape = (1, 3, *(1 for _ in inputs[1:]))
        mean, scale = mean.reshape(shape), 1 / np.sqrt(variance.reshape(shape) + epsilon)
        y = {"batch": (x - mean) * scale, "mean_only": x - mean, "variance_only": x * scale}[kind]
        return np.asarray(y * weight.reshape(shape) + bias.reshape(shape) if affine else y)

    pixels = torch.from_numpy(x).float()
    trained = module(pixels).detach().numpy()
    np.testing.assert_allclose(trained, formula(x.mean(axes), x.var(axes)), rtol=1e-4, atol=1e-4)
    running_mean = momentum * x.mean(axes)
    running_variance = (1 - momentum) + momentum * x.var(axes, ddof=1)
    buffers = dict(module.named_buffers())
    np.testing.assert_allclose(buffers["running_mean"], running_mean, rtol=1e-5)
    np.testing.assert_allclose(buffers["running_var"], running_variance, rtol=1e-5)
    evaluated = module.eval()(pixels).detach().numpy()
    np.testing.assert_allclose(evaluated, formula(running_mean, running_variance), rtol=1e-4, atol=1e-4)


TORCHS = {
    ("group", (6, 4, 5)): lambda: nn.GroupNorm(3, 6),
    ("group", (6,)): lambda: nn.GroupNorm(3, 6),
    ("layer", (6, 4, 5)): lambda: nn.GroupNorm(1, 6),
    ("layer", (6,)): lambda: nn.LayerNorm(6),
    ("instance", (6, 4, 5)): lambda: nn.InstanceNorm2d(6, affine=True),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("kind", "inputs"), TORCHS)
def test_norms_of_each_input_are_torchs(kind: str, inputs: Shape, dtype: torch.dtype, training: bool) -> None:
    """Outputs and gradients are those of torch's modules, in training as in evaluation, with two numbers a channel."""
    layer = Normalisation(kind=kind, **({"groups": 3} if kind == "group" else {}))  # type: ignore[arg-type]
    ours, theirs = made(layer, inputs).train(training), TORCHS[kind, inputs]().train(training)
    assert cost(layer, inputs).parameters == sum(p.numel() for p in theirs.parameters()) == 12
    assert not list(ours.buffers())
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(torch.linspace(-1, 2, 6))
            other.copy_(mine)
    x = batch(inputs).detach().to(dtype)
    x = x.to(memory_format=torch.channels_last) if x.dim() == 4 else x
    found = run(ours, x.requires_grad_())
    expected = run(theirs, x.detach().float().requires_grad_())
    for mine, other in zip(found, expected, strict=True):
        assert mine is not None
        tolerance = 1e-5 if dtype == torch.float32 else 3e-2
        torch.testing.assert_close(mine.float(), other, rtol=tolerance, atol=tolerance)


def assert_variance(weight: Tensor, expected: float) -> None:
    """Mean and variance within five standard errors of those of centred weights."""
    n = weight.numel()
    assert abs(weight.mean().item()) < 5 * (expected / n) ** 0.5
    assert abs(weight.var().item() / expected - 1) < 5 * (2 / n) ** 0.5


def test_he_weights() -> None:
    """`he`: convolutions have variance 2 / (kernel area x width), grouped or not, linear ones N(0, 0.01)."""
    layer = Sequence(
        layers=(
            Convolution(width=128, kernel=3, groups=4, bias=True),
            Convolution(width=256),
            Activation(),
        )
    )
    first, second = (p for p in made(layer, (64, 5, 5)).modules() if isinstance(p, nn.Conv2d))
    assert_variance(first.weight, 2 / (9 * 128))
    assert_variance(second.weight, 2 / 256)
    linear = made(Sequence(layers=(Linear(width=200),)), (300,))[0]  # type: ignore[index]
    assert_variance(linear.weight, 0.01**2)
    assert first.bias is not None
    assert not first.bias.any()
    assert not linear.bias.any()


def test_xavier_weights() -> None:
    """`xavier`: uniform within sqrt(6 / (fan-in + fan-out)) for convolutions and linear layers, biases 0."""
    for layer, inputs, fans in (
        (Convolution(width=96, kernel=3, bias=True), (64, 5, 5), 9 * (64 + 96)),
        (Linear(width=200), (300,), 500),
    ):
        module = build(layer, inputs)
        initialize(module, torch.Generator().manual_seed(0), "xavier")
        weight, bias = module.parameters()
        bound = (6 / fans) ** 0.5
        assert 0.99 * bound < weight.abs().max() <= bound
        assert_variance(weight, bound**2 / 3)
        assert not bias.any()


@settings(max_examples=40, deadline=None)
@given(case=cases(), seed=st.integers(0, 2**63 - 1), scheme=st.sampled_from(["he", "xavier"]))
def test_generator_decides_every_number(case: tuple[Layer, Shape], seed: int, scheme: str) -> None:
    """Whatever memory held before, one seed sets every parameter and buffer to the same numbers, without global RNG."""
    layer, inputs = case
    states = []
    before = torch.get_rng_state()
    for garbage in (float("nan"), 7.0):
        module = build(layer, inputs)
        for tensor in chain(module.parameters(), module.buffers()):
            tensor.data.fill_(garbage if tensor.is_floating_point() else 7)
        initialize(module, torch.Generator().manual_seed(seed), scheme)  # type: ignore[arg-type]
        states.append(module.state_dict())
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name


def test_seeds_differ() -> None:
    """Another seed gives other weights."""
    first, second = (made(CONV, (3, 8, 8), seed=seed).state_dict()["weight"] for seed in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("kind", ["batch", "mean_only", "variance_only", "layer", "instance"])
@pytest.mark.parametrize("shortcut", [Sequence(), Sequence(layers=(CONV, NORM))])
def test_zero_residual_starts_as_the_shortcut(kind: str, shortcut: Sequence) -> None:
    """With `zero_residual` a block's branch adds nothing at first, and learns; without, it adds something."""
    norm = Normalisation(kind=kind)  # type: ignore[arg-type]
    block = Residual(branch=Sequence(layers=(CONV, norm, RELU, CONV, norm)), shortcut=shortcut)
    module = build(block, (4, 6, 6))
    initialize(module, torch.Generator().manual_seed(0), zero_residual=True)
    x = batch((4, 6, 6))
    expected = module.get_submodule("shortcut")(x)
    torch.testing.assert_close(module(x), expected, rtol=0, atol=0)
    module(x).square().sum().backward()
    assert module.get_parameter("branch.norm_2.weight").grad.any()  # type: ignore[union-attr]
    initialize(module, torch.Generator().manual_seed(0))
    assert not torch.allclose(module(x), expected)


def test_zero_residual_in_pre_activation() -> None:
    """A branch whose last norm stands before its last convolution starts at zero, too, and learns."""
    module = build(Residual(branch=Sequence(layers=(NORM, RELU, CONV, NORM, RELU, CONV))), (4, 6, 6))
    initialize(module, torch.Generator().manual_seed(0), zero_residual=True)
    x = batch((4, 6, 6))
    torch.testing.assert_close(module(x), x, rtol=0, atol=0)
    module(x).square().sum().backward()
    assert module.get_parameter("branch.conv_2.weight").grad.any()  # type: ignore[union-attr]
    assert module.get_parameter("branch.norm_2.weight").all()


def test_nothing_is_built_for_an_impossible_shape() -> None:
    """What can't take its input is refused with the layer's own words before any module exists."""
    with pytest.raises(ImpossibleShape, match="Convolution 5x5, 8 doesn't fit into an input of 3x4x4"):
        build(Sequence(layers=(Convolution(width=8, kernel=5),)), (3, 4, 4))
    with pytest.raises(ImpossibleShape, match="an input is channels x height x width"):
        build(Sequence(), (28, 28))
