"""What matched samples are worth, by simulation: no difference that is cost's, bands that cover, and more power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from nas.analysis import edf
from nas.analysis.rules.testing import of_samples
from nas.analysis.statistics.stratified import better_estimate, comparable, exchange_p_value, mean_estimate
from tests.toys.strata_studies import Law, covered, differences_covered, matched, p_values, skewed, tilted, unmatched

ALPHA = 0.05
STUDIES = 150


def most(studies: int, rate: float = ALPHA) -> int:
    """The 99 % binomial limit of so many events at this rate."""
    return int(binom.ppf(0.99, studies, rate))


@pytest.mark.slow
def test_a_difference_of_cost_is_found_unmatched_and_not_found_matched() -> None:
    """Spaces whose errors depend on cost alone differ in nearly all random studies, in matched ones by luck only."""
    spaces = tilted(2.0)
    plain = p_values(*spaces, unmatched, n=100, studies=STUDIES, seed=1)
    design = p_values(*spaces, matched, n=100, studies=STUDIES, seed=2)
    assert (plain < ALPHA).mean() > 0.9
    assert (design < ALPHA).sum() <= most(STUDIES)


@pytest.mark.slow
def test_knowing_the_strata_finds_more() -> None:
    """A planted difference is found in more studies from the variance inside of the strata than from all of it."""
    laws = Law(), Law(shift=-0.5)
    known = p_values(*laws, matched, n=60, studies=STUDIES, seed=3) < ALPHA
    blind = p_values(*laws, matched, n=60, studies=STUDIES, seed=3, blind=True) < ALPHA
    assert known.sum() > blind.sum() + 0.03 * STUDIES


@pytest.mark.slow
@pytest.mark.parametrize("law", [Law(noise=skewed), Law(slope=8.0, failing=0.05)])
def test_equal_spaces_are_called_different_by_luck_only(law: Law) -> None:
    """With few networks in each stratum, skewed errors and failures the rate of false findings keeps to its limit."""
    found = p_values(law, law, matched, n=30, studies=STUDIES, seed=5)
    assert (found < ALPHA).sum() <= most(STUDIES)
    assert (found < ALPHA / 12).sum() <= most(STUDIES, ALPHA / 12)
    assert differences_covered(law, n=30, studies=STUDIES, seed=6) >= STUDIES - most(STUDIES)


@pytest.mark.parametrize("n", [20, 100])
def test_the_band_of_a_matched_sample_covers(n: int) -> None:
    """The band is made for independent draws; stratifying takes variance away, so it covers as often at least."""
    assert covered(Law(tilt=1.0, slope=8.0), n=n, studies=STUDIES, seed=7) >= STUDIES - most(STUDIES)


def test_estimates_equal_those_by_hand() -> None:
    """Two strata of two networks: difference, variance and P(better) as computed on paper."""
    strata = ["1 of 2: parameters 1 to 9"] * 2 + ["2 of 2: parameters 10 to 99"] * 2
    first = edf([1.0, 3.0, 5.0, 9.0], name="A", guess=1.0, strata=strata)
    second = edf([2.0, 4.0, 8.0, 8.0], name="B", guess=1.0, strata=strata)
    assert comparable(first, second)
    found = mean_estimate(first, second)
    assert found.value == -1.0
    assert found.variance == pytest.approx((2 / 2 + 8 / 2 + 2 / 2 + 0) / 4)
    assert found.freedom == pytest.approx(1.5**2 / (0.25**2 + 1.0**2 + 0.25**2))
    wins = [1.0, 0.75, 0.5, 0.0]
    assert better_estimate(first, second).value == pytest.approx(sum(wins) / 4)


def test_exchanges_inside_of_strata_equal_their_enumeration() -> None:
    """The variance of the rank sum is that over all exchanges, each stratum on its own."""
    from itertools import combinations

    from scipy.stats import norm, rankdata

    strata = ["1 of 2: parameters 1 to 9"] * 3 + ["2 of 2: parameters 10 to 99"] * 3
    first = edf([0.1, 0.2, 0.35, 0.6, 0.7, 0.8], name="A", guess=1.0, strata=strata)
    second = edf([0.15, 0.3, 0.4, 0.6, 0.9, 1.0], name="B", guess=1.0, strata=strata)
    ranks = rankdata([*first.errors, *second.errors])
    parts = [ranks[[0, 1, 2, 6, 7, 8]], ranks[[3, 4, 5, 9, 10, 11]]]
    sums = [sum(a) + sum(b) for a in combinations(parts[0], 3) for b in combinations(parts[1], 3)]
    z = (abs(ranks[:6].sum() - np.mean(sums)) - 0.5) / np.std(sums)
    assert exchange_p_value(first, second) == pytest.approx(2 * norm.sf(z))


def test_direction_and_share_weigh_strata_alike() -> None:
    """Where samples fill strata unequally, mean and share of pairs won both speak of equal strata, so they agree."""
    labels_of = ("1 of 2: parameters 1 to 9", "2 of 2: parameters 10 to 99")
    noise, sizes, samples = np.linspace(-0.001, 0.001, 10), ((10, 2), (2, 10)), []
    for name, levels, counts in zip("AB", ((0.15, 0.55), (0.10, 0.50)), sizes, strict=True):
        errors = [e for level, n in zip(levels, counts, strict=True) for e in level + noise[:n]]
        labels = [label for label, n in zip(labels_of, counts, strict=True) for _ in range(n)]
        samples.append(edf(errors, name=name, guess=0.9, strata=labels))
    first, other = samples
    assert comparable(first, other)
    assert first.mean < other.mean
    found = of_samples(first, other, None)
    assert found.effect.estimate == pytest.approx(0.05, abs=0.002)
    assert found.better is not None
    assert found.better.estimate == pytest.approx(0.25)
    assert found.p_value < 0.05


def test_too_few_networks_in_a_stratum_fall_back_to_tests_without_strata() -> None:
    """With one network a stratum nothing tells what varies inside: then samples are compared as random ones."""

    generator = np.random.default_rng(0)
    single = [matched(Law(), 10, generator, name) for name in "AB"]
    double = [matched(Law(), 20, generator, name) for name in "AB"]
    assert not comparable(*single)
    assert comparable(*double)
    assert not comparable(double[0], unmatched(Law(), 20, generator, "B"))
