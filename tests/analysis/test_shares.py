"""Intervals of shares: scipy's, and published examples."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
import scipy.stats
from scipy.stats import binomtest

from nas.analysis.statistics.interval import difference_of_shares, of_trainings, wilson


@pytest.mark.parametrize(("wrong", "n"), [(80, 1_000), (15, 148), (0, 50), (50, 50)])
def test_shares_have_wilsons_interval(wrong: int, n: int) -> None:
    """As scipy has it, with the share inside and both ends in [0, 1]."""
    known = binomtest(wrong, n).proportion_ci(method="wilson")
    interval = wilson(wrong / n, n)
    assert (interval.low, interval.high) == pytest.approx((known.low, known.high))
    assert 0.0 <= interval.low <= wrong / n <= interval.high <= 1.0


def test_differences_are_newcombes() -> None:
    """The example of his paper, 56 of 70 against 48 of 80: 0.2 with 0.0524 to 0.3339."""
    interval = difference_of_shares(wilson(56 / 70, 70), wilson(48 / 80, 80))
    assert interval.estimate == pytest.approx(0.2)
    assert (interval.low, interval.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_one_training_has_wilsons_interval_and_several_without_images_students() -> None:
    """What isn't known adds nothing: no seeds with one training, no images where the error isn't a share of them."""
    assert of_trainings(0.1, 0.0, 1, 1000) == wilson(0.1, 1000)
    assert of_trainings(0.1, 0.0, 1, 0) is None
    errors = [0.10, 0.12, 0.11]
    known = scipy.stats.t(df=2, loc=0.11, scale=scipy.stats.sem(errors)).interval(0.95)
    found = of_trainings(0.11, statistics.variance(errors), 3, 0)
    assert found is not None
    assert (found.low, found.high) == pytest.approx(known)
    wide = of_trainings(0.9, 0.02, 2, 100)
    assert wide is not None
    assert 0.0 <= wide.low <= wide.high == 1.0
    same = of_trainings(0.1, 0.0, 3, 1000)
    assert same is not None
    assert (same.low, same.high) == pytest.approx((wilson(0.1, 1000).low, wilson(0.1, 1000).high))


@pytest.mark.parametrize("trainings", [2, 3, 5])
@pytest.mark.parametrize(("images", "seeds"), [(359, 0.01), (359, 0.05), (10_000, 0.002), (10_000, 0.02)])
def test_the_interval_of_a_few_trainings_holds_the_error_in_95_of_100(
    images: int, seeds: float, trainings: int
) -> None:
    """Over networks whose images and seeds are drawn anew, though two seeds hardly tell how much seeds vary."""
    generator = np.random.default_rng(images)
    held = 0
    for _ in range(4_000):
        wrong = generator.binomial(images, 0.1) / images  # the images decide alike for all trainings
        errors = np.clip(wrong + generator.normal(0, seeds, trainings), 0, 1)
        interval = of_trainings(float(errors.mean()), float(errors.var(ddof=1)), trainings, images)
        held += interval is not None and interval.low <= 0.1 <= interval.high
    assert 0.94 <= held / 4_000 <= 0.99
