"""Pareto fronts: against brute force and by hand, and how much of them is chance."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas.analysis import front
from nas.analysis.pareto_front import dominators, hypervolume, is_on_front, retraining_shares, survival
from nas.errors import Refused

POINTS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=12)
"""Errors and costs with many ties."""


@settings(deadline=None)
@given(POINTS)
def test_front_against_brute_force(points: list[tuple[int, int]]) -> None:
    """On the front is exactly what nothing dominates, and dominators are counted."""
    errors, costs = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    brute = [sum(e <= x and c <= y and (e, c) != (x, y) for e, c in points) for x, y in points]
    assert dominators(errors, costs).tolist() == brute
    assert is_on_front(errors, costs).tolist() == [not k for k in brute]


@settings(deadline=None)
@given(POINTS)
def test_hypervolume_against_brute_force(points: list[tuple[int, int]]) -> None:
    """The hypervolume counts the unit squares below the reference that some network dominates."""
    errors, costs = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    brute = sum(any(e <= x and c <= y for e, c in points) for x, y in product(range(4), range(6)))
    assert hypervolume(errors, costs, (4.0, 6.0)) == pytest.approx(brute)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=4))
def test_survival_by_enumeration(points: list[tuple[int, int]]) -> None:
    """The share of bootstrap samples is that of all n^n samples that hold the network."""
    errors, costs = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    n = len(points)
    held, kept = np.zeros(n), np.zeros(n)
    for sample in product(range(n), repeat=n):
        rows = sorted(set(sample))
        held[rows] += 1
        kept[rows] += is_on_front(errors[rows], costs[rows])
    assert survival(dominators(errors, costs)) == pytest.approx(kept / held)


def test_retraining_of_two_networks() -> None:
    """Of two networks at equal cost the better one stays ahead with the probability that normal noise gives it."""
    shares = retraining_shares(np.array([0.1, 0.13]), np.array([5.0, 5.0]), 0.02, retrainings=4_000)
    ahead = stats.norm.cdf(0.03 / (0.02 * math.sqrt(2)))
    assert shares == pytest.approx([ahead, 1 - ahead], abs=0.025)
    assert retraining_shares(np.array([0.1, 0.13]), np.array([5.0, 5.0]), 0.0).tolist() == [1.0, 0.0]


def test_front_of_a_table() -> None:
    """The front comes ascending in cost with what it leaves out, its hypervolume as a share, and its warnings."""
    frame = pd.DataFrame({"error": [0.2, 0.1, 0.3, None, 0.8], "cost": [1.0, 2.0, 3.0, 1.0, 4.0]})
    known = front(frame, "cost", guess=0.9)
    assert [point.row for point in known.points if point.on_front] == [0, 1]
    assert known.points[-1].dominators == 2
    assert known.hypervolume == pytest.approx((1 * 0.7 + 2 * 0.8) / (4 * 0.9))
    assert known.warnings[0] == "1 rows without error or cost can't be on the front"
    assert "noise of training isn't known" in known.warnings[1]
    assert not front(frame.dropna(), "cost", noise=0.01).warnings
    with pytest.raises(Refused, match="none of the 1 rows has both"):
        front(pd.DataFrame({"error": [0.1], "cost": [math.nan]}), "cost")
    with pytest.raises(Refused, match="noise=-1"):
        front(frame, "cost", noise=-1.0)


def test_order_of_rows_does_not_matter() -> None:
    """Any order of the rows gives the same front."""
    rows = [(0.2, 1.0), (0.1, 2.0), (0.1, 3.0)]
    for order in permutations(rows):
        known = front(pd.DataFrame(order, columns=["error", "cost"]), "cost")
        assert [(p.error, p.cost) for p in known.points if p.on_front] == [(0.2, 1.0), (0.1, 2.0)]
