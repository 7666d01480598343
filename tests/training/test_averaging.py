"""The moving average of a training, against torch's, and that it is what is evaluated and kept."""

from __future__ import annotations

from contextlib import closing

import msgspec
import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from nas.data import Dataset, Split
from nas.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, Normalisation, Sequence
from nas.study import Recipe
from nas.study.recipe import Precision
from nas.training.averaging import Average, decay_at
from nas.training.evaluation import evaluate
from nas.training.loop import Training, initial, train
from nas.training.precision import computing

CPU = torch.device("cpu")
LAYER: Layer = Sequence(
    layers=(
        *(Convolution(width=8, kernel=3, padding=1), Normalisation(), Activation(), Dropout(rate=0.2)),
        *(Flatten(), Linear(width=16), Activation(), Linear(width=10)),
    )
)
RECIPE = Recipe(data="digits", epochs=3, batch_size=50, learning_rate=0.05, averaging=0.9, precision="float32")


@pytest.fixture(scope="module")
def small(digits_data: Dataset) -> Dataset:
    """300 training images and 100 for validation."""
    split, held = digits_data.train, digits_data.validation
    return Dataset(
        info=digits_data.info,
        train=Split(split.images[:300], split.labels[:300]),
        validation=Split(held.images[:100], held.labels[:100]),
    )


def torchs(average: list[torch.Tensor], current: list[torch.Tensor], averaged: torch.Tensor) -> None:
    """The same average as torch's class asks for it; its first step is a copy."""
    if average[0].is_floating_point():  # the count of batches is a group of its own
        torch._foreach_lerp_(average, current, 1 - decay_at(int(averaged), RECIPE.averaging))


def test_it_is_torchs_average(small: Dataset) -> None:
    """After 18 steps weights and norms' statistics are those of `AveragedModel` with the same decays."""
    recipe = msgspec.structs.replace(RECIPE, batch_size=15)
    module = initial(LAYER, small.info.shape, recipe, torch.Generator().manual_seed(0))
    theirs = AveragedModel(module, multi_avg_fn=torchs, use_buffers=True)
    with closing(Training(module, small.train, small.info, recipe, CPU)) as training:
        module.train()
        for _ in range(18):
            training._one_step()
            theirs.update_parameters(module)
        ours = training.restored()
    for name, expected in theirs.module.state_dict().items():
        if expected.is_floating_point():
            torch.testing.assert_close(ours.state_dict()[name], expected, msg=name)


def test_the_decay_grows_to_its_value() -> None:
    """The first step forgets the initial weights, later ones keep 2/11, 3/12 and so on, at most the decay."""
    assert [decay_at(step, 0.99) for step in (0, 1, 2, 90, 10_000)] == [0, 2 / 11, 3 / 12, 91 / 100, 0.99]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_average_is_evaluated_and_kept(small: Dataset, precision: Precision) -> None:
    """The last error of the curve is that of the weights that are left, and another one's than without an average."""
    recipe = msgspec.structs.replace(RECIPE, precision=precision)
    trained = train(LAYER, recipe, small, 7, CPU)
    module = initial(LAYER, small.info.shape, recipe, torch.Generator())
    module.load_state_dict(trained.module.state_dict())
    error = evaluate(computing(module, recipe, CPU), small.validation, small.info, recipe)
    assert error == trained.curve[-1].error
    plain = train(LAYER, msgspec.structs.replace(recipe, averaging=0.0), small, 7, CPU)
    assert [epoch.loss for epoch in plain.curve] == [epoch.loss for epoch in trained.curve]
    assert not torch.equal(*(next(each.module.parameters()) for each in (plain, trained)))


def test_what_it_keeps_is_counted(small: Dataset) -> None:
    """The memory of a training has four bytes more for each weight and each number of its norms' statistics."""
    averaged, plain = (train(LAYER, msgspec.structs.replace(RECIPE, averaging=a), small, 7, CPU) for a in (0.9, 0.0))
    numbers = sum(t.numel() for t in averaged.module.state_dict().values() if t.is_floating_point())
    assert averaged.peak_memory == (plain.peak_memory or 0) + 4 * numbers


def test_an_exchange_is_undone_to_the_bit() -> None:
    """Inside, the averages stand in the place of the tensors; afterwards both are as they were."""
    tensors = [torch.randn(5), torch.tensor(3)]
    average = Average(tensors, 0.5, 10)
    before, mean = tensors[0].clone(), average.values[0].add_(1).clone()
    with average.exchanged():
        assert torch.equal(tensors[0], mean)
    assert torch.equal(tensors[0], before)
    assert torch.equal(average.values[0], mean)
    assert len(average.values) == 1
