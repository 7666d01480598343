"""Rank correlations, shifts and delta, against scipy and simulation."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas.analysis import (
    Edf,
    Interval,
    compare,
    edf,
    edfs,
    kendall,
    left_out,
    mann_whitney,
    spearman,
    unbiased,
)
from nas.analysis.selection import numbers, numeric_columns
from nas.analysis.statistics.comparison import shifts
from nas.analysis.statistics.equivalence import allowing, default_delta, uncertainty
from nas.errors import Refused

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.1, 0.2, 0.3, math.inf])), min_size=5, max_size=30)
"""A column and errors, with ties and failures."""


def sample(errors: list[float | None], name: str = "A") -> Edf:
    """Ten classes."""
    return edf(errors, name=name, guess=0.9)


@settings(deadline=None)
@given(PAIRS)
def test_correlations_are_scipys(pairs: list[tuple[int, float]]) -> None:
    """Rho, tau and their p-values are scipy's on ranks, failures last and tied; the intervals hold the estimates."""
    first, second = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    if len(set(first)) < 2 or len(set(second)) < 2:
        assert spearman(first, second).p_value == kendall(first, second).p_value == 1.0
        assert (spearman(first, second).coefficient.low, kendall(first, second).coefficient.high) == (-1.0, 1.0)
        return
    last = np.where(np.isinf(second), 9.0, second)
    for ours, theirs in ((spearman, stats.spearmanr), (kendall, stats.kendalltau)):
        known, expected = ours(first, second), theirs(first, last)
        assert known.coefficient.estimate == pytest.approx(expected.statistic, abs=1e-12)
        assert known.p_value == pytest.approx(expected.pvalue)
        assert -1.0 <= known.coefficient.low <= known.coefficient.high <= 1.0
        mirrored = ours(-first, second).coefficient
        assert (mirrored.low, mirrored.high) == pytest.approx(
            (-known.coefficient.high, -known.coefficient.low), abs=1e-9
        )


def test_rows_without_a_value_do_not_count() -> None:
    """NaN in either column leaves a row out; too few rows say nothing."""
    x, y = np.array([1, 2, 3, math.nan, 5, 6]), np.array([2, 1, 4, 4, math.nan, 6])
    assert spearman(x, y).n == 4
    assert spearman(x, y).coefficient.estimate == pytest.approx(0.8)
    assert kendall(x[:3], y[:3]).coefficient.high == 1.0
    assert kendall(x[:3], y[:3]).p_value == 1.0


def test_columns_of_any_table() -> None:
    """Empty cells are NaN, texts are refused, bookkeeping isn't a principle, and a missing column is told."""
    frame = pd.DataFrame({"error": ["0.1", None], "seed": [1, 2], "depth": pd.array([3, None], dtype="Int64")})
    assert numbers(frame, "depth")[0] == 3.0
    assert math.isnan(numbers(frame, "depth")[1])
    assert numbers(frame, "error")[0] == 0.1
    assert numeric_columns(pd.DataFrame({"seed": [1, 2], "depth": [1, 2], "kind": ["a", "b"]})) == ("depth",)
    with pytest.raises(Refused, match="no column 'width'"):
        numbers(frame, "width")


def test_mann_whitney_is_scipys() -> None:
    """The p of equal distributions is scipy's, failures last and tied, 1 where all networks tie."""
    first, second = sample([0.1, 0.2, 0.2, None]), sample([0.2, 0.3, None, None, 0.4])
    ranks = stats.mannwhitneyu([1, 2, 2, 9], [2, 3, 9, 9, 4]).pvalue
    assert mann_whitney(first, second) == pytest.approx(ranks)
    assert mann_whitney(sample([0.2] * 3), sample([0.2] * 4)) == 1.0
    assert "A: n = 4: too few networks for a distribution" in compare(first, second).warnings


def test_delta_is_half_a_robust_deviation() -> None:
    """Delta is half the quartiles' distance over 1.349, about both medians; a tenth at 0.9 moves it little."""
    generator = np.random.default_rng(0)
    a, b = (generator.normal(level, 0.03, 200) for level in (0.2, 0.3))
    expected = stats.iqr(np.concatenate([a - np.median(a), b - np.median(b)])) / 1.349 / 2
    assert default_delta(sample(a.tolist()), sample(b.tolist())) == pytest.approx(expected)
    assert default_delta(a, b) == default_delta(b, a) == pytest.approx(expected)
    lost = np.where(np.arange(200) % 10 == 0, 0.9, a)
    assert default_delta(lost) == pytest.approx(0.015, rel=0.25)
    assert default_delta(np.array([0.2, 0.2, np.inf])) is None


def test_an_interval_allows_for_a_delta_that_is_an_estimate() -> None:
    """Held against a delta of the sample an interval is as much wider as the delta varies over samples."""
    generator = np.random.default_rng(0)
    deltas = [default_delta(generator.normal(0.2, 0.03, 200)) for _ in range(400)]
    assert uncertainty(0.015, generator.normal(0.2, 0.03, 200)) == pytest.approx(np.var(deltas), rel=0.3)
    narrow = Interval(estimate=0.0, low=-0.003, high=0.004, confidence=0.9)
    wide = allowing(narrow, 1e-6)
    assert (wide.low, wide.high) == pytest.approx((-math.hypot(0.003, 0.001645), math.hypot(0.004, 0.001645)), rel=1e-3)


def test_a_shift_is_hodges_and_lehmanns() -> None:
    """The shift is the median of all differences; its interval leaves out 0 where Brunner and Munzel's p is small."""
    generator = np.random.default_rng(3)
    agree = 0
    for _ in range(100):
        a, b = generator.normal(0.19, 0.03, 30), generator.normal(0.2, 0.06, 40)
        interval = shifts(sample(a.tolist()), sample(b.tolist()), (0.95,))[0]
        assert interval.estimate == pytest.approx(np.median(np.subtract.outer(a, b)))
        agree += (0.0 not in interval) == (stats.brunnermunzel(a, b).pvalue < 0.05)
    assert agree >= 95
    lost = shifts(sample([None, None, None, 0.2]), sample([0.2, 0.21, 0.22, 0.23]), (0.95,))[0]
    assert (lost.estimate, lost.high) == (math.inf, math.inf)


def test_reasons_travel_with_the_sample() -> None:
    """Rows that may not enter a distribution are named in the warnings of the sample of their space."""
    frame = pd.DataFrame(
        {
            "space": ["A"] * 10 + ["B"] * 10,
            "error": np.arange(20) / 100,
            "sampler": ["random"] * 8 + ["tpe"] * 2 + ["random"] * 10,
            "warm_started": [True] + [False] * 19,
        }
    )
    first, second = edfs(frame, guess=0.9)
    assert first.warnings[0] == "left out: 2 from sampler 'tpe', 1 warm-started"
    assert (first.n, second.warnings) == (7, ())
    assert left_out(frame.tail(10)) == ""


@pytest.mark.parametrize(
    "marks", [{"pruned": [True, False]}, {"state": ["PRUNED", "COMPLETE"]}, {"outcome": ["pruned", "completed"]}]
)
def test_pruned_tables_are_refused(marks: dict[str, list[object]]) -> None:
    """Where trainings were pruned by their errors the rest is no random sample, so the table is refused."""
    with pytest.raises(Refused, match="1 of the 2 trials were pruned") as caught:
        unbiased(pd.DataFrame({"error": [0.1, 0.2], **marks}))
    assert "without pruning" in caught.value.hint
