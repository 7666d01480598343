"""Two networks on the same images: published examples, special cases with a closed form, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nas.analysis import mcnemar, paired
from nas.analysis.statistics.crossed import Flags, crossed, paired_interval


def flags(both: int, only_first: int, only_second: int, neither: int) -> tuple[Flags, Flags]:
    """Wrong images of two trainings from counts of pairs."""
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first), np.array(second)


@pytest.mark.parametrize(
    ("counts", "ends"),
    [((14, 5, 0, 22), (0.011, 0.226)), ((59, 6, 16, 80), (-0.1186, -0.0046)), ((1, 1, 7, 12), (-0.507, -0.026))],
)
def test_published_intervals(counts: tuple[int, int, int, int], ends: tuple[float, float]) -> None:
    """Newcombe's method 10 has the ends printed for three tables.

    Altman et al., Statistics with Confidence (2000), page 52; Cavo et al. (2012) and Bentur et al. (2009) in Fagerland,
    Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter 8.
    """
    found = paired_interval(*counts, 0.95)
    digits = 3 if abs(ends[0]) in (0.011, 0.507) else 4
    assert (round(found.low, digits), round(found.high, digits)) == ends
    assert found == paired(*flags(*counts)).difference


def test_published_p_values() -> None:
    """McNemar's test of Bentur et al. (2009): exact 0.0703 and mid-p 0.0391 (Fagerland et al. 2013, table 5)."""
    exact, mid = mcnemar(1, 7)
    assert (round(exact, 4), round(mid, 4)) == (0.0703, 0.0391)


@pytest.mark.parametrize(("b", "c"), [(0, 3), (3, 0), (4, 4), (10, 17), (300, 260)])
def test_p_values_are_those_of_the_binomial_test(b: int, c: int) -> None:
    """The exact one is scipy's binomial test of a half; mid-p takes half of what is as likely as the outcome seen."""
    exact, mid = mcnemar(b, c)
    assert exact == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue)
    assert mid == pytest.approx(exact - sum(stats.binom.pmf(k, b + c, 0.5) for k in {b, c}) / 2)
    assert mid < exact


def test_equal_answers_tell_nothing() -> None:
    """Without an image on which they differ both p-values are 1, and the interval holds zero."""
    assert mcnemar(0, 0) == (1.0, 1.0)
    found = paired(*flags(5, 0, 0, 95))
    assert (found.p_value, found.difference.estimate) == (1.0, 0.0)
    assert 0.0 in found.difference


def test_pairing_shortens_what_goes_together() -> None:
    """Where two networks fail on the same images the paired interval is shorter, and never where they don't."""
    together, apart = paired(*flags(90, 10, 5, 895)), paired(*flags(0, 100, 95, 805))
    assert together.shortening > 0.5
    assert apart.shortening < 0.0
    assert together.unpaired == apart.unpaired
    assert (together.first, together.second, together.only_first, together.only_second) == (0.1, 0.095, 10, 5)


def test_sides_can_be_exchanged() -> None:
    """The other way round the difference has the other sign, and p-values stay."""
    a, b = flags(20, 13, 4, 63)
    one, other = paired(a, b), paired(b, a)
    assert (one.difference.low, one.difference.high) == pytest.approx((-other.difference.high, -other.difference.low))
    assert (one.p_value, one.exact_p_value) == (other.p_value, other.exact_p_value)


def test_one_seed_as_a_row_is_the_same() -> None:
    """Flags of shape (1, images) are those of (images,)."""
    a, b = flags(20, 13, 4, 63)
    assert paired(a, b) == paired(a[np.newaxis], b[np.newaxis])


def test_several_seeds_are_crossed_with_images() -> None:
    """The variance is that of images and of both networks' seeds, what both hold counted once; counts are of pairs."""
    generator = np.random.default_rng(0)
    a, b = generator.random((3, 400)) < 0.2, generator.random((4, 400)) < 0.3
    found = paired(a, b)
    known = crossed(a.mean() - b.mean(), a.mean(0) - b.mean(0), (a, b)).interval(0.95)
    assert (found.difference.low, found.difference.high) == pytest.approx((known.low, known.high))
    assert found.seeds == (3, 4)
    assert found.exact_p_value is None
    pairs = np.array([[(one & ~other).sum() for other in b] for one in a])
    assert found.only_first == pytest.approx(pairs.mean())


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (np.zeros(3, bool), np.zeros(4, bool), "must answer the same images"),
        (np.zeros((1, 2, 3), bool), np.zeros(3, bool), "must answer the same images"),
        (np.zeros(0, bool), np.zeros(0, bool), "must answer the same images"),
        (np.zeros(3, bool), np.zeros((2, 3), bool), "both must have one training or both several, got 1 and 2"),
    ],
)
def test_what_is_no_pair_is_refused(first: Flags, second: Flags, reason: str) -> None:
    """Other images, no images, and one training beside several are refused with the shapes."""
    with pytest.raises(ValueError, match=reason):
        paired(first, second)
