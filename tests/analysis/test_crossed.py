"""Images and seeds: mean squares against brute force, and the parts against trainings that are repeated."""

from __future__ import annotations

import numpy as np
import pytest

from nas.analysis import images_and_seeds
from nas.analysis.statistics.crossed import mean_squares
from nas.errors import Refused
from tests.simulation.images import answers


def test_mean_squares_are_those_of_the_table() -> None:
    """Sums of squares of rows, columns and residuals over their degrees of freedom."""
    wrong = np.random.default_rng(1).random((4, 30)) < 0.3
    y = wrong.astype(float)
    rows, columns = y.mean(1, keepdims=True), y.mean(0, keepdims=True)
    residuals = y - rows - columns + y.mean()
    found = mean_squares(wrong)
    assert found.seeds == pytest.approx(30 * ((rows - y.mean()) ** 2).sum() / 3)
    assert found.images == pytest.approx(4 * ((columns - y.mean()) ** 2).sum() / 29)
    assert found.rest == pytest.approx((residuals**2).sum() / (3 * 29))


def test_the_parts_are_those_of_a_model() -> None:
    """With 400 trainings of known deviation both parts are found, and repeats on the same images show a bit more."""
    generator = np.random.default_rng(2)
    found = images_and_seeds([answers(generator.normal(0.1, 0.02, 400), 2_000, generator)])
    assert 0.02 in found.seeds
    assert found.images.estimate == pytest.approx(np.sqrt((0.09 - 0.0004) / 2_000), rel=0.1)
    assert found.seeds.estimate < found.repeated.estimate < found.seeds.estimate + found.images.estimate
    assert 0.4 < found.common < 0.8
    assert found.share == pytest.approx(0.0004 / (0.0004 + 0.0896 / 2_000), abs=0.03)
    assert (found.networks, found.trainings, found.n) == (1, 400, 2_000)


def test_repeated_is_the_deviation_of_the_errors() -> None:
    """What repeated trainings show is the plain deviation of their errors, over networks with their freedoms."""
    generator = np.random.default_rng(3)
    networks = [answers(generator.normal(p, 0.02, size), 500, generator) for p, size in ((0.1, 3), (0.2, 5))]
    variances = [wrong.mean(1).var(ddof=1) for wrong in networks]
    assert images_and_seeds(networks).repeated.estimate == pytest.approx(
        np.sqrt((2 * variances[0] + 4 * variances[1]) / 6)
    )


def test_half_of_the_seeds_foretell_the_other_half() -> None:
    """The interval of repeated trainings from five seeds holds the deviation of fifty others in 95 of 100 studies."""
    generator, held = np.random.default_rng(4), 0
    for _ in range(100):
        wrong = answers(generator.normal(0.1, 0.01, 205), 500, generator)
        held += wrong[5:].mean(1).std(ddof=1) in images_and_seeds([wrong[:5]]).repeated
    assert held >= 90


def test_seeds_that_add_nothing_reach_zero() -> None:
    """Equal trainings have no seeds' part; then all of the images' part is common."""
    wrong = np.tile(np.arange(100) < 20, (3, 1))
    found = images_and_seeds([wrong])
    assert (found.seeds.estimate, found.seeds.low, found.share) == (0.0, 0.0, 0.0)
    assert found.common == pytest.approx(1.0)
    assert images_and_seeds([np.zeros((3, 50), bool)]).common == 0.0


def test_what_holds_no_seeds_is_refused() -> None:
    """Single trainings are left out, with none left it is refused; tables of other images aren't compared."""
    wrong = np.zeros((2, 9), bool)
    assert images_and_seeds([wrong, wrong[:1]]).networks == 1
    with pytest.raises(Refused, match="no network was trained twice or more"):
        images_and_seeds([wrong[:1]])
    with pytest.raises(ValueError, match="all trainings must answer the same images"):
        images_and_seeds([wrong, wrong[:, :5]])
