"""Evaluation of a network: every image counted once, running statistics, pixels normalised."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nas.data import DataInfo, Dataset, Split
from nas.recipe import Recipe
from nas.training import evaluate, normalised, statistics, train
from tests.toy_spaces import QUICK, Tiny

LAYER = Tiny(width=8).network((1, 16, 16), 10)


@pytest.fixture(scope="module")
def small(digits_data: Dataset) -> Dataset:
    """200 training images and 150 for validation."""
    train_split, held = digits_data.train, digits_data.validation
    return Dataset(
        info=digits_data.info,
        train=Split(train_split.images[:200], train_split.labels[:200]),
        validation=Split(held.images[:150], held.labels[:150]),
    )


class Fixed(nn.Module):
    """Answers class 0 always, so that the right answers can be counted."""

    def forward(self, x: Tensor) -> Tensor:
        """One score above the others."""
        return torch.eye(10)[torch.zeros(len(x), dtype=torch.int64)]


@pytest.mark.parametrize("size", [1, 7, 150, 10_000])
def test_errors_are_counted_over_all_images(small: Dataset, size: int) -> None:
    """The error is the share of all validation images that aren't of the answered class, whatever the batch size."""
    expected = (small.validation.labels != 0).sum().item() / 150
    recipe = Recipe(data="digits", precision="float32", evaluation_batch_size=size)
    assert evaluate(Fixed(), small.validation, small.info, recipe) == expected


def test_evaluation_uses_running_statistics(small: Dataset) -> None:
    """Evaluating image by image gives the same error as all at once: no statistics of the batch are used."""
    module = train(LAYER, QUICK, small, 7, torch.device("cpu")).module
    one = evaluate(
        module, small.validation, small.info, Recipe(data="digits", precision="float32", evaluation_batch_size=1)
    )
    assert one == evaluate(module, small.validation, small.info, QUICK)


def test_normalised_images_have_mean_zero_and_deviation_one(digits: DataInfo, digits_data: Dataset) -> None:
    """Over the training set pixels have mean 0 and standard deviation 1, and what is stored stays as it is."""
    before = digits_data.train.images.clone()
    pixels = normalised(digits_data.train.images, *statistics(digits, torch.device("cpu")))
    assert pixels.mean().item() == pytest.approx(0, abs=1e-4)
    assert pixels.std().item() == pytest.approx(1, abs=1e-3)
    assert torch.equal(digits_data.train.images, before)
