"""A training that is interrupted goes on after its last epoch, to the numbers of one that never stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from nas.data import Dataset, Split
from nas.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, Normalisation, Sequence
from nas.study import Recipe
from nas.study.record import Epoch
from nas.training import checkpoint
from nas.training.loop import Trained, train

CPU = torch.device("cpu")
LAYER: Layer = Sequence(
    layers=(
        *(Convolution(width=8, kernel=3, padding=1), Normalisation(), Activation(), Dropout(rate=0.2)),
        *(Flatten(), Linear(width=16), Activation(), Dropout(), Linear(width=10)),
    )
)
RECIPE = Recipe(data="digits", epochs=5, batch_size=50, learning_rate=0.05, flip=True, crop=1, erase=3)


class Interrupted(Exception):
    """What ends a training in its middle."""


@pytest.fixture
def small(digits_data: Dataset) -> Dataset:
    """300 training images and 100 for validation."""
    split, held = digits_data.train, digits_data.validation
    return Dataset(
        info=digits_data.info,
        train=Split(split.images[:300], split.labels[:300]),
        validation=Split(held.images[:100], held.labels[:100]),
    )


@pytest.fixture(autouse=True)
def always_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even trainings of a second are kept."""
    monkeypatch.setattr(checkpoint, "WORTH", 0.0)


def after(epochs: int) -> Callable[[Epoch], None]:
    """Interrupts once so many epochs are over."""

    def look(epoch: Epoch) -> None:
        if epoch.number == epochs:
            raise Interrupted

    return look


def interrupted(small: Dataset, recipe: Recipe, place: Path, epochs: int) -> None:
    """A training that ended after so many epochs."""
    with pytest.raises(Interrupted):
        train(LAYER, recipe, small, 7, CPU, after(epochs), checkpoint=place)


def numbers(trained: Trained) -> tuple[object, ...]:
    """All that must be equal."""
    tensors = [tensor.flatten().tolist() for tensor in trained.module.state_dict().values()]
    wrong = None if trained.wrong is None else trained.wrong.tolist()
    return [(e.loss, e.error) for e in trained.curve], trained.train_error, wrong, trained.peak_memory, tensors


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_it_ends_with_the_same_numbers(small: Dataset, tmp_path: Path, precision: str, momentum: float) -> None:
    """With augmentation, dropout, norms and momentum: curve and weights are equal to the bit, however it stopped."""
    recipe = msgspec.structs.replace(RECIPE, precision=precision, momentum=momentum, nesterov=momentum > 0)
    whole, place = train(LAYER, recipe, small, 7, CPU), tmp_path / "c"
    for epochs in (1, 4):
        interrupted(small, recipe, place, epochs)
    told: list[int] = []
    resumed = train(LAYER, recipe, small, 7, CPU, lambda epoch: told.append(epoch.number), checkpoint=place)
    assert told == [1, 2, 3, 4, 5]
    assert numbers(resumed) == numbers(whole)
    assert numbers(train(LAYER, recipe, small, 7, CPU, checkpoint=place)) == numbers(whole)  # it was over already


def test_every_optimiser_goes_on(small: Dataset, tmp_path: Path) -> None:
    """AdamW keeps two numbers a parameter and counts its steps; all of that is kept."""
    recipe = msgspec.structs.replace(RECIPE, optimizer="adamw", learning_rate=2e-3, schedule="one_cycle", warmup=0.3)
    whole = train(LAYER, recipe, small, 7, CPU)
    interrupted(small, recipe, tmp_path / "c", 2)
    assert numbers(train(LAYER, recipe, small, 7, CPU, checkpoint=tmp_path / "c")) == numbers(whole)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_averages_and_mixtures_go_on(small: Dataset, tmp_path: Path, precision: str) -> None:
    """The average of the weights is kept beside them, and rotations, rectangles and mixtures are drawn as before."""
    recipe = msgspec.structs.replace(
        RECIPE, precision=precision, averaging=0.95, mixup=0.2, rotation=10, random_erasing=0.3
    )
    whole = train(LAYER, recipe, small, 7, CPU)
    interrupted(small, recipe, tmp_path / "c", 2)
    assert numbers(train(LAYER, recipe, small, 7, CPU, checkpoint=tmp_path / "c")) == numbers(whole)


def test_a_pruned_training_stays_pruned(small: Dataset, tmp_path: Path) -> None:
    """One that was interrupted after the epoch at which it ends, ends there again."""
    interrupted(small, RECIPE, tmp_path / "c", 3)
    resumed = train(LAYER, RECIPE, small, 7, CPU, thresholds={2: 0.0}, checkpoint=tmp_path / "c")
    assert (resumed.pruned, len(resumed.curve)) == (True, 2)


def test_another_training_begins_anew(small: Dataset, tmp_path: Path) -> None:
    """A checkpoint of another recipe is left unread."""
    interrupted(small, RECIPE, tmp_path / "c", 2)
    other = msgspec.structs.replace(RECIPE, flip=False)
    resumed = train(LAYER, other, small, 7, CPU, checkpoint=tmp_path / "c")
    assert numbers(resumed) == numbers(train(LAYER, other, small, 7, CPU))


def test_a_damaged_checkpoint_is_left_unread(small: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that was cut off or has other bytes costs the epochs so far, which is said; the training is as ever."""
    place = tmp_path / "c"
    for damaged in (
        lambda file: file[:1000],
        lambda file: file[:3],
        lambda file: file[:-9000] + b"\xff" * 8 + file[-8992:],
    ):
        interrupted(small, RECIPE, place, 2)
        place.write_bytes(damaged(place.read_bytes()))
        with caplog.at_level(logging.WARNING):
            assert len(train(LAYER, RECIPE, small, 7, CPU, checkpoint=place).curve) == 5
        assert "the training begins anew" in caplog.text
        caplog.clear()


def test_short_trainings_keep_nothing(small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all epochs together take less than a minute no file is written."""
    monkeypatch.setattr(checkpoint, "WORTH", 60.0)
    train(LAYER, RECIPE, small, 7, CPU, checkpoint=tmp_path / "c")
    assert not list(tmp_path.iterdir())
