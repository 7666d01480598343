"""Distributions at equal cost, ranges over leaders and random-search efficiency, against brute force."""

from __future__ import annotations

import math
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.analysis import best_range, edf, efficiency, expected_best, normalized
from nas.analysis.normalized_edf import bin_edges, bin_weights
from nas.analysis.ranges import best_probabilities, chosen
from nas.analysis.statistics.edf import weighted_quantile
from nas.errors import Refused

ROWS = st.lists(
    st.tuples(st.sampled_from([None, 0.1, 0.2, 0.3, 0.7]), st.integers(1, 9)), min_size=1, max_size=25
).filter(lambda rows: any(error is not None for error, _ in rows))
"""Errors with ties and failures, and costs with ties."""


def test_equal_widths_by_hand() -> None:
    """Weights are 1 / (bins * count): 100 networks in the cheap half and 50 in the dear one weigh 1/200 and 1/100."""
    errors = [0.3] * 100 + [0.1] * 50
    costs = [*np.linspace(0.0, 0.99, 99), 0.0, *np.linspace(1.0, 2.0, 50)]
    (known,) = normalized(pd.DataFrame({"error": errors, "cost": costs}), "cost", bins=2)
    assert known.edges == (0.0, 1.0, 2.0)
    assert known.counts == (100, 50)
    assert known.at(0.2) == pytest.approx(0.5)
    assert (known.at(0.1), known.at(1.0), known.n) == (0.0, 1.0, 150)
    assert known.effective_n == pytest.approx(1 / (100 / 200**2 + 50 / 100**2))
    assert (known.quantile(0.5), known.quantile(0.51)) == (0.1, 0.3)
    assert known.warnings == ()


@settings(deadline=None)
@given(ROWS)
def test_normalised_against_brute_force(rows: list[tuple[float | None, int]]) -> None:
    """F(e) is the mean over occupied bins of the share of their networks below e."""
    frame = pd.DataFrame(rows, columns=["error", "cost"]).astype(float)
    (known,) = normalized(frame, "cost", bins=4)
    bins: dict[int, list[float]] = {}
    for error, cost in rows:
        last = len(known.edges) - 2
        place = max(k for k in range(last + 1) if known.edges[k] <= cost or k == 0)
        bins.setdefault(place, []).append(math.inf if error is None else error)
    for e in (0.05, 0.15, 0.2, 0.25, 0.5, 1.0, math.inf):
        brute = np.mean([np.mean([error < e for error in inside]) for inside in bins.values()])
        assert known.at(e) == pytest.approx(brute)
    assert math.fsum(known.weights) == pytest.approx(1.0)
    assert known.counts == tuple(len(bins.get(k, ())) for k in range(len(known.edges) - 1))


def test_only_the_shared_range_counts() -> None:
    """Bins lie over the costs that both spaces have; networks outside are counted and told, empty bins too."""
    a = pd.DataFrame({"space": "A", "error": 0.2, "cost": np.linspace(0.0, 3.0, 121)})
    b = pd.DataFrame({"space": "B", "error": 0.1, "cost": [*np.linspace(1.0, 1.9, 60), *np.linspace(3.1, 4.0, 60)]})
    first, second = normalized(pd.concat([a, b]), "cost", bins=4)
    assert first.edges == second.edges == (1.0, 1.5, 2.0, 2.5, 3.0)
    assert (first.outside, second.outside) == (40, 60)
    assert (first.empty, second.empty) == ((), (2, 3))
    assert second.warnings[0] == "2 of 4 bins of cost hold no network"
    assert math.fsum(second.weights) == pytest.approx(1.0)


def test_quantile_bins_where_networks_are_few() -> None:
    """Below 100 networks bins hold equal counts, so a lump of cheap networks doesn't empty the others."""
    costs = np.exp(np.linspace(0.0, 9.0, 40))
    edges = bin_edges([costs], 4)
    assert bin_weights(costs, edges)[1].tolist() == [10, 10, 10, 10]
    assert bin_edges([np.full(9, 5.0)]).tolist() == [5.0, 5.0]
    assert bin_weights(np.full(9, 5.0), np.array([5.0, 5.0]))[0] == pytest.approx(np.full(9, 1 / 9))


def test_spaces_without_a_shared_range() -> None:
    """Spaces whose costs don't overlap, and a space without costs, are refused with the numbers."""
    frame = pd.DataFrame({"space": ["A", "A", "B"], "error": 0.1, "cost": [1.0, 2.0, 3.0]})
    with pytest.raises(Refused, match="begins at 3, another ends at 2"):
        normalized(frame, "cost")
    with pytest.raises(Refused, match="without a single known cost"):
        normalized(frame.assign(cost=math.nan), "cost")
    with pytest.raises(Refused, match="no column 'joules'"):
        normalized(frame, "joules")


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


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=10), st.floats(0, 1))
def test_weighted_quantile_repeats_values(pairs: list[tuple[int, int]], share: float) -> None:
    """With whole weights the quantile is numpy's of each value as often as it weighs."""
    values, weights = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    repeated = np.repeat(values, weights.astype(int))
    near = [np.quantile(repeated, min(max(share + s, 0), 1), method="inverted_cdf") for s in (-1e-8, 0, 1e-8)]
    assert weighted_quantile(values, weights, share) in near


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
