"""The recipe: its schedule at steps computed by hand, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from nas.study import Recipe


def test_warm_up_rises_linearly_to_the_peak() -> None:
    """With a tenth of 100 steps as warm-up, step k of the first ten has (k + 1)/10 of the peak."""
    recipe = Recipe(learning_rate=2.0, warmup=0.1)
    assert [recipe.learning_rate_at(k, 100) for k in (0, 4, 9)] == pytest.approx([0.2, 1.0, 2.0])


def test_half_cosine_falls_from_the_peak() -> None:
    """After the warm-up the rate is peak * (1 + cos(pi * share)) / 2: the peak, then 3/4, half and 1/4 of it."""
    recipe = Recipe(learning_rate=2.0, warmup=0.1)
    found = [recipe.learning_rate_at(10 + k, 100) for k in (0, 30, 45, 60)]
    assert found == pytest.approx([2.0, 1.5, 1.0, 0.5])


def test_the_last_step_is_almost_zero_and_none_exceeds_the_peak() -> None:
    """The last of 1,000 steps has less than a hundred-thousandth of the peak, and no step has more than the peak."""
    recipe = Recipe(learning_rate=0.3, warmup=0.05)
    rates = [recipe.learning_rate_at(step, 1000) for step in range(1000)]
    assert 0 < rates[-1] < 3e-6
    assert max(rates) == 0.3
    assert rates[49:] == sorted(rates[49:], reverse=True)


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    """With warmup 0, the schedule is the plain half-cosine of SGDR's first period."""
    recipe = Recipe(learning_rate=1.0, warmup=0.0)
    expected = [0.5 * (1 + math.cos(math.pi * k / 4)) for k in range(4)]
    assert [recipe.learning_rate_at(k, 4) for k in range(4)] == pytest.approx(expected)


def test_a_single_step_is_trained_at_the_peak() -> None:
    """A training of one step, in which there is no room for a warm-up, uses the full learning rate."""
    assert Recipe(learning_rate=0.7, warmup=0.1).learning_rate_at(0, 1) == 0.7


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"epochs": 2.5}, "epochs must be a whole number, got 2.5"),
        ({"batch_size": 0}, "batch_size"),
        ({"evaluation_batch_size": 0}, "evaluation_batch_size"),
        ({"train_size": -1}, "train_size"),
        ({"resolution": -1}, "resolution"),
        ({"crop": -1}, "crop"),
        ({"erase": -1}, "erase"),
        ({"momentum": 1.0}, r"momentum must lie in \[0, 1\)"),
        ({"warmup": 1.0}, "warmup"),
        ({"warmup": math.nan}, "warmup"),
        ({"label_smoothing": -0.1}, "label_smoothing"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": math.inf}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"weight_decay": -1e-5}, "weight_decay must not be negative"),
        ({"weight_decay": math.nan}, "weight_decay"),
        ({"momentum": 0.0}, "nesterov needs a momentum"),
        ({"precision": "bf16"}, "precision must be one of auto, float32, bfloat16, got 'bf16'"),
        ({"initialisation": "kaiming"}, "initialisation must be one of he, xavier"),
    ],
)
def test_impossible_values_are_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    """A value that no training can have is refused where the recipe is made, with its name and the value."""
    with pytest.raises(ValueError, match=said):
        Recipe(**wrong)


def test_plain_momentum_free_sgd_is_allowed() -> None:
    """Without Nesterov's momentum, a momentum of 0 is fine."""
    assert Recipe(nesterov=False, momentum=0.0).momentum == 0


def test_a_recipe_survives_json() -> None:
    """A recipe that is written as JSON comes back equal, and an unknown key is refused."""
    recipe = Recipe(data="digits", epochs=3, crop=2, precision="bfloat16")
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe) == recipe
    with pytest.raises(msgspec.ValidationError, match="unknown field `optimizer`"):
        msgspec.json.decode(b'{"optimizer": "adam"}', type=Recipe)
