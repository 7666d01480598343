"""The memory of a training as it is counted on a CPU: by hand for small networks, and without any effect on them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
import torch
from torch import Tensor, nn

from nas.data import Dataset, Split
from nas.layers import (
    Activation,
    AdaptivePooling,
    Concatenation,
    Convolution,
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
from nas.sampling import Filter, draw
from nas.space.distribution import Distribution
from nas.study import Limits
from nas.study.recipe import Precision
from nas.training.loop import Trained, train
from nas.training.peak_memory import Footprint, counted
from spaces import anynet
from tests.toys.spaces import QUICK, Tiny

CPU = torch.device("cpu")
FLAT: Layer = Sequence(layers=(Flatten(), Linear(width=10)))
STEM = Convolution(width=8, kernel=3, stride=2, padding=1, bias=False)
NORM, RELU, HEAD = Normalisation(), Activation(), (AdaptivePooling(), Flatten(), Linear(width=10))
LAYERS: dict[str, Layer] = {
    "residual": Sequence(layers=(STEM, Residual(branch=Sequence(layers=(STEM, NORM)), shortcut=STEM), RELU, *HEAD)),
    "joined": Sequence(layers=(STEM, Concatenation(branches=(STEM, Pooling(kernel=2, stride=2))), RELU, *HEAD)),
    "excited": Sequence(layers=(STEM, NORM, SqueezeExcite(width=4), Activation(function="silu"), *HEAD)),
    "dropout": Sequence(layers=(STEM, NORM, RELU, Dropout(rate=0.5), *HEAD)),
    "centred": Sequence(layers=(STEM, Normalisation(kind="mean_only"), RELU, *HEAD)),
}


@pytest.fixture(scope="module")
def small(digits_data: Dataset) -> Dataset:
    """200 training images and 150 for validation."""
    train_split, held = digits_data.train, digits_data.validation
    return Dataset(
        info=digits_data.info,
        train=Split(train_split.images[:200], train_split.labels[:200]),
        validation=Split(held.images[:150], held.labels[:150]),
    )


def bytes_of(layer: Layer, small: Dataset, batch_size: int, **changes: object) -> int:
    """What a training of a network in such batches is said to need."""
    recipe = msgspec.structs.replace(QUICK, batch_size=batch_size, **changes)
    found = train(layer, recipe, small, 7, CPU).peak_memory
    assert found is not None
    return found


def test_a_linear_layer_by_hand(small: Dataset) -> None:
    """Parameters four times (gradients as computed and as gathered), images, log-probabilities, labels, one sum."""
    parameters = 4 * (256 * 10 + 10)
    assert bytes_of(FLAT, small, 50) == 4 * parameters + 50 * (256 * 4 + 10 * 4 + 8) + 4


def test_without_momentum_there_is_no_state(small: Dataset) -> None:
    """Plain SGD keeps nothing between steps, so one copy of the parameters less is counted."""
    plain = bytes_of(FLAT, small, 50, momentum=0.0, nesterov=False)
    assert bytes_of(FLAT, small, 50) - plain == 4 * (256 * 10 + 10)


def test_an_image_costs_what_is_kept_of_it(small: Dataset) -> None:
    """An in-place ReLU adds nothing to the norm's result that it overwrites, and pooling reads that same memory."""
    image, convolved, normed, pooled, scores, label = 256 * 4, 8 * 64 * 4, 8 * 64 * 4, 8 * 16 * 4, 10 * 4, 8
    layer = Tiny(width=8).network((1, 16, 16), 10)
    grown = bytes_of(layer, small, 100) - bytes_of(layer, small, 50)
    assert grown == 50 * (image + convolved + normed + pooled + scores + label)


def test_bfloat16_counts_both_copies_of_the_weights(small: Dataset) -> None:
    """Weights and gradients in two and four bytes, momentum in four, images and scores as the network computes them."""
    weights = 256 * 10 + 10
    expected = weights * (2 + 2 + 4 + 4 + 4) + 50 * (256 * 2 + 10 * 4 + 8) + 4
    assert bytes_of(FLAT, small, 50, precision="bfloat16") == expected


def drawn(number: int) -> Layer:
    """A random network whose convolutions are computed in many ways, on images down to one pixel."""
    filter_ = Filter(
        space=anynet.X3[0], limits=Limits(multiply_adds=(100_000, 900_000)), inputs=(1, 16, 16), classes=10
    )
    return draw(filter_, Distribution(filter_.space), 5, number).network.layer


NETWORKS: dict[str, Callable[[], Layer]] = {
    **{name: (lambda layer=layer: layer) for name, layer in LAYERS.items()},
    **{f"anynet {number}": (lambda number=number: drawn(number)) for number in range(3)},
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", NETWORKS)
def test_counting_changes_no_bit(
    small: Dataset, name: str, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without being counted a training has the same losses, errors and weights, bit for bit."""
    recipe = msgspec.structs.replace(QUICK, precision=precision, epochs=1, flip=True, crop=1)
    layer = NETWORKS[name]()
    first = train(layer, recipe, small, 7, CPU)
    monkeypatch.setattr(Footprint, "__call__", lambda self, step, module, optimizer: step())
    second = train(layer, recipe, small, 7, CPU)
    assert (first.peak_memory is None, second.peak_memory) == (False, None)
    assert numbers(first) == numbers(second)
    pairs = zip(first.module.state_dict().values(), second.module.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def numbers(result: Trained) -> list[tuple[float, float]]:
    """The curve without its times."""
    return [(epoch.loss, epoch.error) for epoch in result.curve]


def test_equal_trainings_need_equal_memory(small: Dataset) -> None:
    """Neither the seed nor what this process did before changes the count."""
    layer = drawn(0)
    found = {train(layer, QUICK, small, seed, CPU).peak_memory for seed in (1, 2, 1)}
    assert len(found) == 1


def test_only_the_first_step_is_counted(small: Dataset) -> None:
    """Later steps are done as they are, however many there are."""
    module = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    steps = 0

    def step() -> Tensor:
        nonlocal steps
        steps += 1
        loss = module(torch.ones(3, 4)).sum()
        loss.backward()
        return loss.detach()  # type: ignore[no-any-return]

    footprint = Footprint(CPU)
    assert footprint.bytes is None
    for _ in range(3):
        footprint(step, module, optimizer)
    assert steps == 3
    assert footprint.bytes == counted(step, module, optimizer)[1] == 4 * (2 * 10 + 3 * 4)
