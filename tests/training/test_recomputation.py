"""Activation checkpointing: equal trainings in less memory."""

from __future__ import annotations

import gc
import weakref

import msgspec
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from nas.data import Dataset, Split
from nas.layers import (
    Activation,
    AdaptivePooling,
    Convolution,
    DenseConcatenation,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Repetition,
    Residual,
    Sequence,
    Shape,
)
from nas.study import Recipe, catalog
from nas.study.recipe import Precision
from nas.training.loop import Trained, train
from nas.training.modules import OwnDropout, build, initialize
from nas.training.peak_memory import counted
from nas.training.precision import Masters, computing
from nas.training.recomputation import blocks, keep_all, recompute
from tests.toys.trees import cases

CPU = torch.device("cpu")
RECIPE = Recipe(data="digits", precision="float32", epochs=2, batch_size=20, learning_rate=0.05, crop=1, flip=True)
NORM, RELU = Normalisation(), Activation()
CONV = Convolution(width=8, kernel=3, padding=1)
DENSE = Sequence(layers=(NORM, RELU, CONV, Dropout(rate=0.2)))
UNIT = Sequence(layers=(CONV, NORM, RELU, Dropout(rate=0.2)))
HEAD = Sequence(name="head", layers=(AdaptivePooling(), Flatten(), Dropout(), Linear(width=10)))


def dropping(kind: str) -> Layer:
    """Residual blocks with dropout, a norm of a kind, and a second dropout outside of them."""
    norm = Normalisation(kind=kind, **({"groups": 2} if kind == "group" else {}))  # type: ignore[arg-type]
    branch = Sequence(layers=(CONV, norm, RELU, Dropout(rate=0.2), CONV, norm))
    block = Sequence(layers=(Residual(branch=branch), RELU))
    return Sequence(layers=(CONV, norm, RELU, Dropout(rate=0.1), Repetition(layer=block, times=3), HEAD))


def published(name: str) -> Layer:
    """A network for digits."""
    return catalog.network(name).architecture.network((1, 16, 16), 10)


@pytest.fixture(scope="module")
def small(digits_data: Dataset) -> Dataset:
    """100 training images and 50 for validation."""
    first, held = digits_data.train, digits_data.validation
    return Dataset(
        info=digits_data.info,
        train=Split(first.images[:100], first.labels[:100]),
        validation=Split(held.images[:50], held.labels[:50]),
    )


def outcome(found: Trained) -> tuple[list[tuple[float, float]], list[Tensor]]:
    """Curve, weights and statistics."""
    return [(epoch.loss, epoch.error) for epoch in found.curve], list(found.module.state_dict().values())


NETWORKS = {
    "batch": dropping("batch"),
    "scaled": dropping("variance_only"),
    "group": dropping("group"),
    "dense": Sequence(layers=(CONV, Repetition(layer=DenseConcatenation(branch=DENSE), times=3), HEAD)),
    "plain": Sequence(layers=(UNIT, Repetition(layer=UNIT, times=3), HEAD)),
    **{name: published(name) for name in ("resnet_20", "lenet_bn", "dense_mlp")},
}


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_is_the_same_to_the_bit(small: Dataset, name: str, precision: Precision) -> None:
    """Losses, errors, weights and running statistics are those of a training that keeps everything."""
    recipe = msgspec.structs.replace(RECIPE, precision=precision)
    kept = train(NETWORKS[name], recipe, small, 7, CPU)
    again = train(NETWORKS[name], msgspec.structs.replace(recipe, checkpointing=True), small, 7, CPU)
    (curve, tensors), (other_curve, others) = outcome(kept), outcome(again)
    assert other_curve == curve
    assert len(curve) == 2
    for one, other in zip(tensors, others, strict=True):
        assert torch.equal(one, other)


def gradients(module: nn.Module, x: Tensor) -> list[Tensor | None]:
    """Output, gradients and buffers after two passes."""
    for part in module.modules():
        if type(part) is nn.Dropout:
            part.__class__ = OwnDropout
        if isinstance(part, OwnDropout):
            part.generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        y = module(x)
        if y.requires_grad:
            torch.autograd.backward((y * torch.linspace(-1, 1, y.numel()).view(y.shape)).sum())
    return [y.detach(), x.grad, *(p.grad for p in module.parameters()), *(b.clone() for b in module.buffers())]


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_any_network_has_the_same_gradients(case: tuple[Layer, Shape]) -> None:
    """Whatever the tree, with and without fast kernels, outputs, gradients and statistics are equal to the bit."""
    layer, inputs = case
    for fast in (False, True):
        found = []
        for checkpointing in (False, True):
            module = build(layer, inputs)
            initialize(module, torch.Generator().manual_seed(0))
            if fast:
                computing(module, msgspec.structs.replace(RECIPE, checkpointing=checkpointing), CPU)
            x = torch.randn(3, *inputs, generator=torch.Generator().manual_seed(1)).requires_grad_()
            for part in module.modules():
                if type(part) is nn.Dropout:
                    part.__class__ = OwnDropout
            if checkpointing:
                recompute(module)
            found.append(gradients(module, x))
        for one, other in zip(*found, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_blocks_are_joins_and_rows_without_any() -> None:
    """A residual with all that is in it, a stem, a head; a single layer has nothing to compute again."""
    module = build(NETWORKS["batch"], (1, 16, 16))
    kinds = [type(block).__name__ for block in blocks(module)]
    assert kinds == ["Residual"] * 3 + ["Sequential"]
    plain = build(NETWORKS["plain"], (1, 16, 16))
    assert [len(block) for block in blocks(plain)] == [4] * 4 + [4]  # type: ignore[arg-type]
    assert blocks(build(CONV, (1, 16, 16))) == []


def test_the_second_pass_stops_where_nothing_more_is_needed() -> None:
    """What comes behind the last tensor that a backward pass reads isn't computed again."""
    module = build(Sequence(layers=(CONV, RELU, CONV)), (8, 5, 5))
    initialize(module, torch.Generator().manual_seed(0))
    computed: list[str] = []
    for name, part in module.named_children():
        part.register_forward_hook(lambda _, __, ___, name=name: computed.append(name))
    recompute(nn.Sequential(module))
    torch.autograd.backward(module(torch.ones(2, 8, 5, 5)).sum())
    assert computed == ["conv_1", "relu", "conv_2", "conv_1", "relu"]


def test_less_is_kept_and_counted(small: Dataset) -> None:
    """The memory that is counted falls, and is what it says: parameters and inputs of blocks, and the largest block."""
    for name in ("batch", "dense", "plain", "resnet_20"):
        kept, again = (
            train(NETWORKS[name], msgspec.structs.replace(RECIPE, checkpointing=on), small, 7, CPU).peak_memory
            for on in (False, True)
        )
        assert kept is not None
        assert again is not None
        assert again < kept


def test_memory_by_hand() -> None:
    """Two equal rows: their inputs, and of one of them what it keeps while it is computed again."""
    row = Sequence(layers=(CONV, Activation(function="sigmoid"), CONV, Activation(function="sigmoid")))
    module = build(Sequence(layers=(row, row)), (8, 5, 5))
    initialize(module, torch.Generator().manual_seed(0))
    masters = Masters(module)
    masters.bind()
    optimizer = torch.optim.SGD(masters.all, lr=0.1)
    recompute(module)
    x = torch.ones(2, 8, 5, 5)

    def step() -> Tensor:
        loss = module(x).sum()
        torch.autograd.backward(loss)
        return loss.detach()

    _, found = counted(step, module, optimizer)
    weights = 4 * 9 * 8 * 8
    image = x.numel()
    assert found == 4 * (3 * weights + 2 * image + 2 * image)  # a sigmoid keeps its output, which the next layer reads


def test_a_network_is_as_before_after_its_training(small: Dataset) -> None:
    """Nothing is left of it in the module, nor is the module kept alive; in evaluation nothing is computed twice."""
    module = train(NETWORKS["batch"], msgspec.structs.replace(RECIPE, checkpointing=True), small, 7, CPU).module
    for part in module.modules():
        assert not {"forward", "mask", "repeats", "generator"} & set(vars(part))
        assert type(part).__name__ != "RepeatedDropout"
    gc.disable()
    try:
        reference = weakref.ref(module)
        del module, part
        assert reference() is None
    finally:
        gc.enable()


def test_evaluation_keeps_nothing_to_compute_again() -> None:
    """In evaluation, and without gradients, a block is called as it is."""
    module = build(Sequence(layers=(CONV, NORM)), (1, 5, 5))
    initialize(module, torch.Generator().manual_seed(0))
    x = torch.ones(2, 1, 5, 5)
    expected = module.eval()(x)
    recompute(nn.Sequential(module))
    assert torch.equal(module(x), expected)
    with torch.no_grad():
        assert not module.train()(x).requires_grad
    keep_all(module)
    assert "forward" not in vars(module)


def test_recipes_without_the_field_keep_everything() -> None:
    """What was stored before there was such a choice is trained as it was."""
    assert not msgspec.json.decode(b'{"data":"digits"}', type=Recipe).checkpointing


def test_a_second_backward_pass_repeats_the_first() -> None:
    """Where a graph is kept and asked again, dropout falls as before, and gradients are the same."""
    module = build(Sequence(layers=(CONV, Dropout(), CONV)), (1, 5, 5))
    initialize(module, torch.Generator().manual_seed(0))
    for part in module.modules():
        if type(part) is nn.Dropout:
            part.__class__ = OwnDropout
            part.generator = torch.Generator().manual_seed(1)  # type: ignore[assignment]
    recompute(nn.Sequential(module))
    loss = module(torch.ones(2, 1, 5, 5)).square().sum()
    weights = list(module.parameters())
    first = torch.autograd.grad(loss, weights, retain_graph=True)
    second = torch.autograd.grad(loss, weights)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
