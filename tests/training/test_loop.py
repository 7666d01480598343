"""One training: reproducible to the bit, equal to a plain torch loop, and honest about what went wrong."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from nas.data import Dataset, Split
from nas.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, Normalisation, Sequence
from nas.study import Recipe
from nas.training.augmentation import draw
from nas.training.loop import Trained, initial, optimizer_of, steps_per_epoch, train, train_step
from nas.training.modules import OwnDropout
from nas.training.precision import Masters
from tests.toys.spaces import QUICK, Tiny

CPU = torch.device("cpu")
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


def trained(small: Dataset, recipe: Recipe = QUICK, seed: int = 7, layer: Layer = LAYER) -> Trained:
    """A training of the small network on the CPU."""
    return train(layer, recipe, small, seed, CPU)


def numbers(result: Trained) -> list[tuple[float, float]]:
    """The curve without its times."""
    return [(epoch.loss, epoch.error) for epoch in result.curve]


def same_weights(first: Trained, second: Trained) -> bool:
    """Whether all weights and statistics are equal to the bit."""
    pairs = zip(first.module.state_dict().values(), second.module.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


AUGMENTED = Recipe(
    data="digits", precision="float32", epochs=2, batch_size=50, flip=True, crop=1, erase=3, label_smoothing=0.1
)
WITH_DROPOUT = Sequence(layers=(Flatten(), Linear(width=16), Activation(), Dropout(rate=0.5), Linear(width=10)))


@pytest.mark.parametrize("layer", [LAYER, WITH_DROPOUT], ids=["plain", "dropout"])
def test_the_seed_decides_everything(small: Dataset, layer: Layer) -> None:
    """One seed gives equal curves and weights to the bit, with augmentation and dropout; another seed others."""
    first, again = trained(small, AUGMENTED, layer=layer), trained(small, AUGMENTED, layer=layer)
    assert numbers(first) == numbers(again)
    assert same_weights(first, again)
    other = trained(small, AUGMENTED, seed=8, layer=layer)
    assert numbers(other) != numbers(first)
    assert not same_weights(first, other)


@pytest.mark.parametrize("layer", [LAYER, WITH_DROPOUT], ids=["plain", "dropout"])
def test_the_callers_randomness_is_left_alone(small: Dataset, layer: Layer) -> None:
    """A training leaves the global random state as it was, and doesn't depend on it."""
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = trained(small, AUGMENTED, layer=layer)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert same_weights(first, trained(small, AUGMENTED, layer=layer))


def test_nothing_touches_the_callers_randomness(small: Dataset) -> None:
    """The global random state isn't changed, not even for a while, nor by dropout: other threads can train, too."""
    torch.manual_seed(1)
    before, states = torch.get_rng_state(), []
    for layer in (LAYER, WITH_DROPOUT):
        train(layer, AUGMENTED, small, 7, CPU, on_epoch=lambda _: states.append(torch.get_rng_state()))
    assert [torch.equal(state, before) for state in states] == [True] * 4


def test_dropout_draws_as_torchs_does() -> None:
    """With a generator of the same seed masks and sums are torch's to the bit, and a network's copy draws as torch."""
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(64, 8, 4, 4).to(dtype, memory_format=torch.channels_last)
        for rate in (0.0, 0.2, 0.5, 1.0):
            ours, theirs = OwnDropout(rate), nn.Dropout(rate)
            ours.generator = torch.Generator().manual_seed(5)
            torch.manual_seed(5)
            for _ in range(2):
                assert torch.equal(ours(x), theirs(x))
            assert torch.equal(ours.eval()(x), x)


def test_a_trained_network_draws_from_torch_again(small: Dataset) -> None:
    """After its training dropout is torch's own again, so that the module can be copied, stored and traced."""
    module = train(WITH_DROPOUT, AUGMENTED, small, 7, CPU).module
    (dropout,) = (part for part in module.modules() if isinstance(part, nn.Dropout))
    assert type(dropout) is nn.Dropout
    assert not hasattr(dropout, "generator")


def test_the_network_learns(small: Dataset) -> None:
    """On real digits the loss falls in every one of four epochs and the error ends far below guessing (90 %)."""
    result = trained(small, Recipe(data="digits", precision="float32", epochs=4, batch_size=20, learning_rate=0.05))
    losses = [epoch.loss for epoch in result.curve]
    assert all(later < earlier for earlier, later in pairwise(losses))
    assert result.curve[-1].error < 0.3
    assert [epoch.number for epoch in result.curve] == [1, 2, 3, 4]
    assert not result.diverged
    assert result.images_per_second > 0


def test_a_huge_learning_rate_diverges(small: Dataset) -> None:
    """A learning rate of a billion ends as diverged, after the epochs that were finite, with no NaN in the curve."""
    layer = Sequence(layers=(Flatten(), Linear(width=32), Activation(), Linear(width=10)))
    result = trained(
        small,
        Recipe(data="digits", precision="float32", epochs=3, batch_size=50, learning_rate=1e9, warmup=0),
        layer=layer,
    )
    assert result.diverged
    assert len(result.curve) < 3
    assert all(math.isfinite(epoch.loss) and math.isfinite(epoch.error) for epoch in result.curve)
    assert result.images_per_second == 0


def test_observers_hear_of_every_epoch(small: Dataset) -> None:
    """Each epoch is told when it ends, and what is told is the curve."""
    heard: list[float] = []
    result = train(LAYER, QUICK, small, 7, CPU, on_epoch=lambda epoch: heard.append(epoch.error))
    assert heard == [epoch.error for epoch in result.curve]


def plain_training(small: Dataset, recipe: Recipe, seed: int) -> tuple[list[float], float]:
    """The same training as a book would write it: step losses and final validation error."""
    generator = torch.Generator().manual_seed(seed)
    ours = initial(LAYER, small.info.shape, recipe, generator)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(128, 10),
    )
    model.load_state_dict(dict(zip(model.state_dict(), ours.state_dict().values(), strict=True)))

    def pixels(images: Tensor) -> Tensor:
        return (images.float() / 255 - small.info.mean[0]) / small.info.std[0]

    count, steps = len(small.train.labels), recipe.epochs * (len(small.train.labels) // recipe.batch_size)
    velocity = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    losses, step = [], 0
    for _ in range(recipe.epochs):
        model.train()
        order = torch.randperm(count, generator=generator)
        for index in order.split(recipe.batch_size)[: count // recipe.batch_size]:
            logits = model(pixels(small.train.images[index]))
            loss = -torch.log_softmax(logits, 1)[torch.arange(len(index)), small.train.labels[index]].mean()
            model.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            rate = recipe.learning_rate_at(step, steps)
            with torch.no_grad():
                for name, p in model.named_parameters():
                    assert p.grad is not None
                    decay = recipe.weight_decay if name in ("0.weight", "5.weight") else 0.0
                    gradient = p.grad + decay * p
                    velocity[name] = recipe.momentum * velocity[name] + gradient
                    p -= rate * (gradient + recipe.momentum * velocity[name])
            losses.append(loss.item())
            step += 1
    model.eval()
    with torch.no_grad():
        wrong = (model(pixels(small.validation.images)).argmax(1) != small.validation.labels).float().mean()
    return losses, wrong.item()


def test_equals_a_plain_loop(small: Dataset) -> None:
    """Losses and error agree with a loop of Nesterov SGD written out, decay on matrices only, to float tolerance."""
    recipe = Recipe(data="digits", precision="float32", epochs=2, batch_size=40, learning_rate=0.05, weight_decay=0.01)
    losses, error = plain_training(small, recipe, 7)
    result = trained(small, recipe)
    expected = [sum(losses[:5]) / 5, sum(losses[5:]) / 5]
    assert [epoch.loss for epoch in result.curve] == pytest.approx(expected, rel=1e-4)
    assert result.curve[-1].error == pytest.approx(error, abs=1.01 / 150)


def test_weight_decay_spares_norms_and_biases() -> None:
    """In a step with zero gradients, weights shrink by rate * decay * (1 + momentum), norms and biases stay."""
    recipe = Recipe(learning_rate=0.1, weight_decay=0.5, momentum=0.9)
    module = initial(LAYER, (1, 16, 16), recipe, torch.Generator().manual_seed(0))
    for parameter in module.parameters():
        torch.nn.init.ones_(parameter)
    masters = Masters(module).bind()
    optimizer_of(masters, recipe, torch.tensor(0.1)).step()
    shrunk = 1 - 0.1 * 0.5 * 1.9
    for name, parameter in module.named_parameters():
        expected = shrunk if name in ("conv.weight", "linear.weight") else 1.0
        assert torch.allclose(parameter, torch.full_like(parameter, expected)), name


def test_adamw_is_torchs(small: Dataset) -> None:
    """Ten steps on all parameters in one piece are those of torch's AdamW on each, with decay on matrices only."""
    recipe = Recipe(optimizer="adamw", learning_rate=0.01, weight_decay=0.1)
    ours, theirs = (initial(LAYER, (1, 16, 16), recipe, torch.Generator().manual_seed(0)) for _ in range(2))
    masters = Masters(ours).bind()
    mine = optimizer_of(masters, recipe, torch.tensor(0.01))
    decayed = [p for p in theirs.parameters() if p.dim() > 1]
    spared = [p for p in theirs.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": spared, "weight_decay": 0.0}]
    torchs = torch.optim.AdamW(groups, lr=0.01)
    x = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    for _ in range(10):
        for module in (ours, theirs):
            module.zero_grad()
            torch.autograd.backward(module(x).square().mean())
        masters.gather()
        mine.step()
        torchs.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_an_incomplete_last_batch_is_left_out() -> None:
    """Of 200 images in batches of 60 an epoch sees three whole batches of distinct images, in an order of its own."""
    recipe = Recipe(data="digits", precision="float32", batch_size=60)
    generator = torch.Generator().manual_seed(0)
    one, two = (draw(recipe, 200, generator).order for _ in range(2))
    assert one.shape == (3, 60)
    assert steps_per_epoch(200, recipe) == 3
    assert len(one.unique()) == 180
    assert not torch.equal(one, two)


def test_a_batch_larger_than_the_training_set_is_the_whole_set(small: Dataset) -> None:
    """With 200 images and batches of 10,000 each epoch is one step on all of them."""
    recipe = Recipe(data="digits", precision="float32", epochs=2, batch_size=10_000, learning_rate=0.05)
    assert steps_per_epoch(200, recipe) == 1
    assert len(trained(small, recipe).curve) == 2


def test_label_smoothing_spreads_the_target(small: Dataset) -> None:
    """With smoothing s over K classes, a sure right answer costs s * (K - 1) / K of its lead over the others."""
    recipe = Recipe(label_smoothing=0.2)
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 4, bias=False))
    nn.init.eye_(module[1].weight)  # type: ignore[arg-type]
    images = 30 * torch.eye(4).view(4, 1, 2, 2)
    masters = Masters(module).bind()
    optimizer = torch.optim.SGD([*masters.weights, *masters.others], lr=0.0)
    loss = train_step(module, masters, optimizer, images, torch.arange(4), recipe)
    assert loss.item() == pytest.approx(0.2 * 3 / 4 * 30, rel=1e-5)


def test_bfloat16_keeps_parameters_and_statistics_in_float32(small: Dataset) -> None:
    """In bfloat16 a tiny network learns on another path than in float32; weights and statistics stay float32."""
    recipe = Recipe(data="digits", epochs=2, batch_size=50, learning_rate=0.05, precision="bfloat16")
    result = trained(small, recipe)
    assert not result.diverged
    assert all(t.dtype == torch.float32 for t in result.module.state_dict().values() if t.is_floating_point())
    assert numbers(result)[0][0] != numbers(trained(small, QUICK))[0][0]
    assert result.curve[-1].loss < result.curve[0].loss


def test_zero_residual_and_norm_free_networks_train(small: Dataset) -> None:
    """A network without any normalisation or bias trains, too: its optimiser has one group of parameters."""
    layer = Sequence(layers=(Convolution(width=4, kernel=3, stride=2), Flatten(), Linear(width=10, bias=False)))
    assert len(optimizer_of(Masters(trained(small, layer=layer).module).bind(), QUICK, 0.1).param_groups) == 1
    only_norms = Sequence(layers=(Flatten(), Normalisation(), Linear(width=10)))
    assert len(optimizer_of(Masters(trained(small, layer=only_norms).module).bind(), QUICK, 0.1).param_groups) == 2
