"""Random-search efficiency: the expected best of so many, by enumeration and under a known law."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.analysis import edf, efficiency, expected_best
from nas.errors import Refused


@settings(deadline=None)
@given(st.lists(st.sampled_from([None, 0.1, 0.2, 0.3]), min_size=1, max_size=8), st.data())
def test_expected_best_by_enumeration(errors: list[float | None], data: st.DataObject) -> None:
    """The expected best of m is the mean over all choices of m different networks, a failure as guessing."""
    m = data.draw(st.integers(1, len(errors)))
    scores = [0.9 if error is None else error for error in errors]
    brute = np.mean([min(choice) for choice in combinations(scores, m)])
    assert expected_best(edf(errors, name="A", guess=0.9), m) == pytest.approx(brute)


def test_efficiency_of_a_known_law() -> None:
    """For uniform errors the best of m is expected at 1 / (m + 1); the band covers it in 93 % of 400 studies."""
    generator = np.random.default_rng(2)
    curves = [efficiency(edf(generator.random(80).tolist(), name="A", guess=1.0)) for _ in range(400)]
    assert curves[0].draws == (1, 2, 4, 8, 16, 20)
    for place, m in enumerate(curves[0].draws):
        estimates = [curve.best[place].estimate for curve in curves]
        deviation = np.std(estimates) / math.sqrt(400)
        assert abs(np.mean(estimates) - 1 / (m + 1)) < 4 * deviation
        assert sum(1 / (m + 1) in curve.best[place] for curve in curves) >= 0.88 * 400
    assert sum(1 / (m + 1) in c.best[k] for c in curves for k, m in enumerate(c.draws)) >= 0.92 * 400 * 6


def test_efficiency_of_more_than_there_is() -> None:
    """More draws than a quarter of the networks are refused; a single network has no interval and is told."""
    few = edf([0.1, 0.2, 0.3, 0.4, 0.5], name="A", guess=0.9)
    with pytest.raises(Refused, match="best of 1 to 1"):
        efficiency(few, [1, 2])
    assert "n = 5: too few" in efficiency(few).warnings[0]
    single = efficiency(edf([0.1], name="A", guess=0.9))
    assert (single.best[0].low, single.best[0].high) == (-math.inf, math.inf)
