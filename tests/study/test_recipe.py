"""The recipe: its schedule at steps computed by hand, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
import torch

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
        ({"validation_size": -1}, "validation_size must be at least 0, got -1"),
        ({"rotation": -1.0}, r"rotation must lie in \[0, 180\], got -1"),
        ({"rotation": 181}, "rotation"),
        ({"rotation": math.nan}, "rotation"),
        ({"random_erasing": 1.5}, r"random_erasing must lie in \[0, 1\], got 1.5"),
        ({"random_erasing": -0.5}, "random_erasing"),
        ({"mixup": -0.2}, r"mixup must lie in \[0, 1000\], got -0.2"),
        ({"mixup": 1e308}, "mixup must lie in"),
        ({"crop": 10**20}, "crop must be at most 16,384, got 100,000,000,000,000,000,000"),
        ({"erase": 2**63}, "erase must be at most 16,384"),
        ({"resolution": 10**6}, "resolution must be at most 16,384"),
        ({"epochs": 10**20}, "epochs must be at most 2,147,483,647"),
        ({"batch_size": 10**20}, "batch_size must be at most"),
        ({"mixup": math.inf}, "mixup"),
        ({"mixup": math.nan}, "mixup"),
        ({"averaging": 1.0}, r"averaging must lie in \[0, 1\), got 1.0"),
        ({"averaging": -0.1}, "averaging"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"learning_rate": math.inf}, "learning_rate"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"weight_decay": -1e-5}, "weight_decay must not be negative"),
        ({"weight_decay": math.nan}, "weight_decay"),
        ({"precision": "bf16"}, "precision must be 'auto', 'float32' or 'bfloat16', got 'bf16'"),
        ({"initialisation": "kaiming"}, "initialisation must be 'he' or 'xavier'"),
    ],
)
def test_impossible_values_are_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    """A value that no training can have is refused where the recipe is made, with its name and the value."""
    with pytest.raises(ValueError, match=said):
        Recipe(**wrong)


def test_plain_momentum_free_sgd_is_allowed() -> None:
    """With a momentum of 0 nothing looks ahead, whatever `nesterov` is."""
    assert Recipe(momentum=0.0).nesterov == Recipe().nesterov


def test_a_recipe_survives_json() -> None:
    """A recipe that is written as JSON comes back equal, and an unknown key is refused."""
    recipe = Recipe(data="digits", epochs=3, crop=2, precision="bfloat16")
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe) == recipe
    with pytest.raises(msgspec.ValidationError, match="unknown field `optimiser`"):
        msgspec.json.decode(b'{"optimiser": "adamw"}', type=Recipe)


def test_older_recipes_are_read() -> None:
    """A recipe that was written before a field existed means what it meant: none of it."""
    old = b'{"data":"digits","target":"","train_size":0,"epochs":3,"flip":true,"crop":2,"erase":4}'
    recipe = msgspec.json.decode(old, type=Recipe)
    assert (recipe.rotation, recipe.random_erasing, recipe.mixup, recipe.averaging, recipe.validation_size) == (0,) * 5
    assert recipe.erase == 4


def test_constant_stays_at_its_peak() -> None:
    """After the warm-up the rate is the peak to the last step."""
    recipe = Recipe(learning_rate=0.3, schedule="constant", warmup=0.1)
    assert [recipe.learning_rate_at(step, 100) for step in (4, 10, 50, 99)] == pytest.approx([0.15, 0.3, 0.3, 0.3])


def test_steps_fall_to_a_tenth() -> None:
    """As in ResNet's paper on CIFAR-10: a tenth at 32,000 of 64,000 steps, a hundredth at 48,000."""
    recipe = Recipe(learning_rate=0.1, schedule="step", warmup=0.0)
    found = [recipe.learning_rate_at(step, 64_000) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert found == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize(("steps", "rising"), [(100, 0.3), (37, 0.25), (500, 0.1)])
def test_one_cycle_is_torchs(steps: int, rising: float) -> None:
    """Every step has the rate that torch's OneCycleLR has, with the same share of rising steps."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.4, total_steps=steps, pct_start=rising, cycle_momentum=False
    )
    recipe, rates = Recipe(learning_rate=0.4, schedule="one_cycle", warmup=rising), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < steps:
            theirs.step()
    assert [recipe.learning_rate_at(step, steps) for step in range(steps)] == pytest.approx(rates)


@pytest.mark.parametrize("schedule", ["cosine", "constant", "step", "one_cycle"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.99])
def test_every_schedule_has_a_rate_at_every_step(schedule: str, warmup: float) -> None:
    """However few steps there are, a rate is positive and at most the peak."""
    recipe = msgspec.structs.replace(Recipe(), schedule=schedule, warmup=warmup, learning_rate=0.5)
    for steps in (1, 2, 3, 10):
        rates = [recipe.learning_rate_at(step, steps) for step in range(steps)]
        assert all(0 < rate <= 0.5 + 1e-12 for rate in rates), (steps, rates)
