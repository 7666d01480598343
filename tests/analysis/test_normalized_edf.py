"""Distributions at equal cost, by hand and against brute force."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.analysis import normalized
from nas.analysis.normalized_edf import bin_edges, bin_weights
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
