"""Evaluation of a network: every image counted once, running statistics, pixels normalised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor, nn

import nas
from nas import data
from nas.data import DataInfo, Dataset, Split
from nas.engines import InlineEngine
from nas.study import Recipe
from nas.training.evaluation import evaluate, evaluation, normalized, statistics
from nas.training.loop import train
from tests.toys.spaces import QUICK, STUDY, Tiny

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


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_wrong_images_are_those_of_the_error(small: Dataset, size: int) -> None:
    """Each image has its own flag, whatever the batch size, and their share is the error."""
    recipe = Recipe(data="digits", precision="float32", evaluation_batch_size=size)
    error, wrong = evaluation(Fixed(), small.validation, small.info, recipe)
    assert wrong is not None
    assert torch.equal(wrong, small.validation.labels != 0)
    assert error == wrong.sum().item() / 150


def test_a_training_keeps_the_wrong_images_of_its_last_error(small: Dataset) -> None:
    """They are those of the last weights and the last error; one that was pruned or diverged has none."""
    result = train(LAYER, QUICK, small, 7, torch.device("cpu"))
    again = evaluation(result.module, small.validation, small.info, QUICK)
    assert result.wrong is not None
    assert again.wrong is not None
    assert torch.equal(result.wrong, again.wrong)
    assert result.wrong.sum().item() / 150 == result.curve[-1].error
    assert train(LAYER, QUICK, small, 7, torch.device("cpu"), thresholds={1: 0.0}).wrong is None
    exploding = msgspec.structs.replace(QUICK, learning_rate=1e12, warmup=0.0)
    assert train(LAYER, exploding, small, 7, torch.device("cpu")).wrong is None


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
    pixels = normalized(digits_data.train.images, *statistics(digits, torch.device("cpu")))
    assert pixels.mean().item() == pytest.approx(0, abs=1e-4)
    assert pixels.std().item() == pytest.approx(1, abs=1e-3)
    assert torch.equal(digits_data.train.images, before)


def test_a_network_can_know_its_training_images_by_heart(digits_data: Dataset) -> None:
    """After forty passes over 100 images hardly one of them is wrong, and many others are."""
    some = replace(digits_data, train=Split(digits_data.train.images[:100], digits_data.train.labels[:100]))
    recipe = Recipe(data="digits", precision="float32", epochs=40, batch_size=20, learning_rate=0.05)
    result = train(Tiny(width=32).network((1, 16, 16), 10), recipe, some, 7, torch.device("cpu"))
    assert result.train_error is not None
    assert result.train_error <= 0.01
    assert result.curve[-1].error > 0.1


def test_a_diverged_network_has_no_training_error(small: Dataset) -> None:
    """Weights that aren't numbers classify nothing."""
    recipe = msgspec.structs.replace(QUICK, learning_rate=1e12, warmup=0.0)
    result = train(LAYER, recipe, small, 7, torch.device("cpu"))
    assert result.diverged
    assert result.train_error is None


def test_the_training_error_is_seen_and_changes_nothing(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is measured on the first images of the set, so many as there may be; curve and weights don't depend on it."""
    several = []
    for seen in (3, 2_000):
        monkeypatch.setattr("nas.training.loop.SEEN", seen)
        several.append(train(LAYER, QUICK, small, 7, torch.device("cpu")))
    few, all_of_them = several
    pairs = zip(few.module.state_dict().values(), all_of_them.module.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert [(e.loss, e.error) for e in few.curve] == [(e.loss, e.error) for e in all_of_them.curve]
    first = Split(small.train.images[:3], small.train.labels[:3])
    assert few.train_error == evaluate(few.module, first, small.info, QUICK)
    assert all_of_them.train_error == evaluate(few.module, small.train, small.info, QUICK)


def test_the_columns_tell_what_an_exported_network_does(tmp_path: Path, digits: DataInfo) -> None:
    """An exported network, applied as its user would, makes as many mistakes on either set as its row says."""
    recipe = msgspec.structs.replace(QUICK, flip=True, crop=1, train_size=300)
    run = nas.run(replace(STUDY, recipe=recipe, samples=1), out=tmp_path / "run", engine=InlineEngine())
    model = nas.export(run, run.record(1), tmp_path / "out")
    row = run.table().iloc[1]
    images = data.load(digits, 300)
    with torch.inference_mode():
        wrong = [
            (model(model.preprocess(split.images)).argmax(1) != split.labels).sum().item() / len(split.labels)
            for split in (images.train, images.validation)
        ]
    assert [row["train_error"], row["error"]] == pytest.approx(wrong, abs=1e-9)
    assert row["gap"] == row["error"] - row["train_error"] != 0
