"""Errors on a held-out split: intervals that cover other seeds and images, and how optimistic a choice was."""

from __future__ import annotations

import numpy as np
import pytest

from nas.analysis.statistics.crossed import mean_loss, regression_to_the_mean
from nas.analysis.statistics.interval import wilson


def simulated(generator: np.random.Generator, seeds: int, images: int, luck: float) -> np.ndarray:
    """Which images networks of several seeds are wrong on: images differ in hardness, seeds in quality by `luck`."""
    hardness = generator.normal(-2.0, 1.5, size=images)
    quality = generator.normal(0.0, luck, size=(seeds, 1))
    return (generator.random((seeds, images)) < 1 / (1 + np.exp(-(hardness + quality)))).astype(np.float64)


@pytest.mark.parametrize("luck", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_interval_covers_other_seeds_and_images(luck: float, seeds: int) -> None:
    """Over simulated finals at least 94 % of the 95 % intervals hold the mean error over all seeds and images."""
    generator = np.random.default_rng(3)
    truth = simulated(generator, 2_000, 2_000, luck).mean()
    hits = [truth in mean_loss(simulated(generator, seeds, 400, luck), shares=True) for _ in range(500)]
    assert np.mean(hits) >= 0.94


def test_with_one_seed_it_covers_images_only() -> None:
    """It is then Agresti and Coull's interval of a share, close to Wilson's."""
    losses = np.zeros((1, 1_000))
    losses[0, :80] = 1.0
    interval, known = mean_loss(losses, shares=True), wilson(0.08, 1_000)
    assert interval.estimate == pytest.approx(0.08)
    assert interval.low == pytest.approx(known.low, abs=5e-4)
    assert interval.high == pytest.approx(known.high, abs=5e-4)


def test_a_perfect_network_has_an_interval() -> None:
    """Without a single error the interval begins at 0 and isn't a point."""
    interval = mean_loss(np.zeros((3, 100)), shares=True)
    assert (interval.low, interval.estimate) == (0.0, 0.0)
    assert 0.02 < interval.high < 0.08


def test_seeds_widen_it() -> None:
    """The same errors spread over seeds have a wider interval than those of seeds that agree."""
    generator = np.random.default_rng(1)
    agreed = np.tile((generator.random(500) < 0.1).astype(np.float64), (3, 1))
    apart = np.stack([(generator.random(500) < rate).astype(np.float64) for rate in (0.02, 0.1, 0.18)])
    widths = [interval.high - interval.low for interval in (mean_loss(each, shares=True) for each in (agreed, apart))]
    assert widths[1] > 2 * widths[0]


def test_regression_to_the_mean_is_what_simulated_choices_lose() -> None:
    """Of 100 networks whose errors vary by luck as much as by quality, the best loses about what is expected."""
    generator = np.random.default_rng(5)
    images, lost, expected = 500, [], []
    for _ in range(400):
        quality = np.clip(generator.normal(0.2, 0.018, size=100), 0.0, 1.0)
        seen = generator.binomial(images, quality) / images
        best = int(seen.argmin())
        lost.append(quality[best] - seen[best])
        expected.append(regression_to_the_mean(seen[best], float(seen.mean()), float(seen.std(ddof=1)), images))
    assert np.mean(expected) == pytest.approx(np.mean(lost), rel=0.1)


def test_a_pool_of_one_regresses_nowhere() -> None:
    """Without a spread there is nothing to regress to, and what is worse than the mean isn't chosen by luck."""
    assert regression_to_the_mean(0.1, 0.1, 0.0, 100) == 0.0
    assert regression_to_the_mean(0.3, 0.2, 0.05, 100) == 0.0
