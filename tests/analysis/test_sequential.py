"""Error spending: bounds as published, an error that adds up to alpha, and levels that can be inverted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from nas.analysis.rules.looks import bounds, corrected, crossings, drift_for, nominal, price, spent

POCOCK = {2: (2.178, 1.100), 3: (2.289, 1.151), 4: (2.361, 1.183), 5: (2.413, 1.207), 10: (2.555, 1.271)}
OBRIEN_FLEMING = {2: (1.977, 1.007), 3: (2.004, 1.016), 4: (2.024, 1.022), 5: (2.040, 1.026), 10: (2.087, 1.037)}
"""Looks -> constant of the bounds at 5 % two-sided, and the maximum sample for 90 % power over that of a single look.

Of Jennison and Turnbull, Group Sequential Methods (2000), tables 2.1 to 2.4.
"""


def evenly(count: int) -> tuple[float, ...]:
    """Shares of a sample at so many looks."""
    return tuple(k / count for k in range(1, count + 1))


def published(count: int, shape: tuple[float, ...]) -> tuple[float, float]:
    """The constant of bounds of a shape for 2.5 % on one side, and how much larger a sample they take."""
    shares = evenly(count)
    constant = brentq(lambda c: sum(crossings([c * s for s in shape], shares)) - 0.025, 1.5, 3.0)
    drift = drift_for(0.9, [constant * s for s in shape], shares)
    return constant, (drift / (ndtri(0.975) + ndtri(0.9))) ** 2


@pytest.mark.parametrize("count", POCOCK)
def test_crossings_give_the_published_bounds(count: int) -> None:
    """The constants of Pocock and of O'Brien and Fleming, and what they cost in networks, are those of the tables."""
    assert published(count, (1.0,) * count) == pytest.approx(POCOCK[count], abs=6e-4)
    falling = tuple(1.0 / math.sqrt(share) for share in evenly(count))
    assert published(count, falling) == pytest.approx(OBRIEN_FLEMING[count], abs=6e-4)


def test_a_single_look_is_an_ordinary_test() -> None:
    """With one look nothing is corrected."""
    assert bounds(0.025, (1.0,))[0] == pytest.approx(ndtri(0.975))
    for p_value in (0.7, 0.05, 1e-3, 1e-9):
        assert corrected(p_value, (1.0,)) == pytest.approx(p_value, rel=1e-3)
    assert corrected(0.0, (1.0,)) < 1e-14
    assert corrected(1.0, (0.5,)) == 1.0


plans = st.lists(st.integers(1, 400), min_size=1, max_size=6, unique=True).map(
    lambda ends: tuple(end / max(ends) for end in sorted(ends))
)


@settings(deadline=None, max_examples=30)
@given(plans, st.sampled_from([0.4, 0.05, 0.025, 0.05 / 24, 1e-5]))
def test_bounds_spend_alpha(shares: tuple[float, ...], alpha: float) -> None:
    """At each look exactly the portion of the error is spent that is due by then, all of it at the end."""
    found = crossings(bounds(alpha, shares), shares)
    due = np.diff([0.0, *(spent(alpha, share) for share in shares)])
    np.testing.assert_allclose(found, due, rtol=1e-6)
    assert math.fsum(found) == pytest.approx(alpha)


@settings(deadline=None, max_examples=8)
@given(plans, st.floats(1e-8, 1.0))
def test_a_correction_is_a_level(shares: tuple[float, ...], p_value: float) -> None:
    """A p-value that is just low enough at a level is corrected to it; none gets smaller, later looks don't matter."""
    found = corrected(p_value, shares)
    assert found >= p_value
    assert bounds(0.01, shares)[:1] == pytest.approx(bounds(0.01, shares[:1]), rel=1e-6)
    level = min(max(found, 1e-8), 0.99)
    assert corrected(2.0 * nominal(level / 2.0, shares), shares) == pytest.approx(level, rel=2e-3)


@settings(deadline=None, max_examples=20)
@given(plans)
def test_a_higher_level_asks_less_at_every_look(shares: tuple[float, ...]) -> None:
    """Bounds fall as alpha grows, so a rule that passes at a share of the error passes with more of it."""
    strict, loose, looser = (bounds(alpha, shares) for alpha in (0.05 / 24, 0.025, 0.05))
    assert all(a > b > c for a, b, c in zip(strict, loose, looser, strict=True))


def test_simulated_paths_cross_as_computed() -> None:
    """Of 200,000 random walks as many pass a bound first at each look as the quadrature says, drifting or not."""
    shares = (0.2, 0.3, 0.7, 1.0)
    generator = np.random.default_rng(0)
    steps = np.diff([0.0, *shares])
    walks = np.cumsum(generator.normal(size=(200_000, 4)) * np.sqrt(steps), axis=1)
    for drift in (0.0, 2.0):
        deviates = (walks + drift * np.array(shares)) / np.sqrt(shares)
        passed = deviates > np.array(bounds(0.05, shares))
        first = passed & (np.cumsum(passed, axis=1) == 1)
        np.testing.assert_allclose(first.mean(0), crossings(bounds(0.05, shares), shares, drift), atol=0.003)


def test_looks_have_a_price_and_save_more() -> None:
    """Nine looks from a fifth on cost at most a tenth of the sample and save a quarter where the effect is there."""
    maximum, mean = price(0.05 / 24, 0.9, tuple(k / 10 for k in range(2, 11)))
    assert 1.0 < maximum < 1.1
    assert mean < 0.75
    assert price(0.025, 0.9, (1.0,)) == pytest.approx((1.0, 1.0))
    assert float(ndtr(-bounds(0.025, (0.5, 1.0))[0])) == pytest.approx(0.025 / 4)
