"""Ranges over the best networks, against all draws and a million of them."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.analysis import best_range
from nas.analysis.best import best_probabilities, chosen
from nas.errors import Refused


@settings(deadline=None)
@given(st.integers(1, 7), st.integers(1, 4))
def test_best_probabilities_by_enumeration(n: int, draws: int) -> None:
    """The closed form counts the draws with replacement whose best is the r-th."""
    brute = np.zeros(n)
    for draw in product(range(n), repeat=draws):
        brute[min(draw)] += 1 / n**draws
    assert best_probabilities(n, draws) == pytest.approx(brute)


def test_leaders_are_about_eight() -> None:
    """At a quarter with replacement p is about 0.221 * 0.779^(r-1), worth about eight networks at any n."""
    known = best_probabilities(10_000, 2_500)
    assert known[:5] == pytest.approx([0.2212 * 0.7788**r for r in range(5)], rel=1e-3)
    for n in (200, 10_000):
        assert 1 / np.square(best_probabilities(n, n // 4)).sum() == pytest.approx(8.04, abs=0.1)


def test_best_range_against_a_million_draws() -> None:
    """The range is that of the paper's bootstrap, within what a million of its draws can tell."""
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"error": generator.normal(0.2, 0.02, 60).round(3), "width": generator.permutation(60)})
    known = best_range(frame, "width")
    errors, widths = frame["error"].to_numpy(), frame["width"].to_numpy()
    order = np.argsort(errors)
    _, rank = np.unique(errors[order], return_inverse=True)
    kept = []
    for _ in range(10):
        best = rank[generator.integers(60, size=(100_000, 15))].min(1)
        first, last = np.searchsorted(rank, best, "left"), np.searchsorted(rank, best, "right")
        kept.append(widths[order[generator.integers(first, last)]])  # ties are broken by lot
    brute = np.concatenate(kept)
    shares = chosen(errors)
    assert known.draws == 15
    for width in range(60):
        p = float(shares[widths == width][0])
        assert abs((brute == width).mean() - p) < 5 * math.sqrt(p * (1 - p) / 1e6) + 1e-6
    for share, value in ((0.025, known.low), (0.5, known.median), (0.975, known.high)):
        assert (brute <= value).mean() > share - 0.001
        assert (brute < value).mean() < share + 0.001


def test_ties_share_their_chances() -> None:
    """Networks of equal error are equally likely, whatever their order, and failures come last."""
    shares = chosen(np.array([0.2, 0.1, 0.2, math.inf, math.inf]))
    p = best_probabilities(5, 1)
    assert shares == pytest.approx([(p[1] + p[2]) / 2, p[0], (p[1] + p[2]) / 2, (p[3] + p[4]) / 2, (p[3] + p[4]) / 2])


def test_best_range_warns_of_columns_that_do_not_matter() -> None:
    """Beside the range stand its effective number, the rank correlation, and what both mean; gaps are counted."""
    generator = np.random.default_rng(1)
    errors = generator.normal(0.2, 0.02, 300)
    frame = pd.DataFrame({"error": errors, "luck": generator.random(300), "depth": -errors})
    frame.loc[:99, "depth"] = math.nan
    luck, depth = best_range(frame, "luck"), best_range(frame, "depth")
    assert luck.warnings[0] == "the range rests on about 8 networks"
    assert "may have nothing to do with the error" in luck.warnings[1]
    assert (depth.n, depth.missing, len(depth.warnings)) == (200, 100, 1)
    assert depth.correlation.coefficient.estimate == pytest.approx(-1.0)
    few = best_range(frame.head(12), "luck")
    assert (few.draws, few.warnings[1]) == (3, "12 networks are few: only 3 are drawn at a time")
    with pytest.raises(Refused, match="'depth' has no value in any of 50 rows"):
        best_range(frame.head(50), "depth")


def test_a_range_is_a_share_of_the_best_networks() -> None:
    """It holds its median and the share that was asked for, which is no confidence and lies inside (0, 1)."""
    generator = np.random.default_rng(2)
    frame = pd.DataFrame({"error": generator.normal(0.2, 0.02, 300), "width": generator.permutation(300)})
    half, whole = best_range(frame, "width", 0.5), best_range(frame, "width")
    assert (half.share, whole.share) == (0.5, 0.95)
    assert whole.low <= half.low <= half.median == whole.median <= half.high <= whole.high
    with pytest.raises(ValueError, match=r"share=1\.0"):
        best_range(frame, "width", 1.0)
