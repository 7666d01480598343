"""The thresholds of successive halving: by hand, by brute force, and never by what comes at the same time or later."""

from __future__ import annotations

from math import inf, nextafter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import Refused
from nas.sampling.halving import Thresholds, last_front, threshold
from nas.study import SuccessiveHalving
from nas.study.objectives import nondominated_ranks

FEW = st.integers(0, 6).map(float)
"""Few different values, so that ties are frequent."""
POINTS = st.lists(st.tuples(FEW, FEW) | st.just((inf, inf)), min_size=1, max_size=24)
FACTORS = st.integers(2, 4)


def dominates(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Whether a point is at least as good in both and better in one."""
    return first != second and first[0] <= second[0] and first[1] <= second[1]


def peeled(points: list[tuple[float, float]]) -> list[int]:
    """Ranks by taking away one front after another."""
    ranks = [-1] * len(points)
    left, rank = set(range(len(points))), 0
    while left:
        front = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        for i in front:
            ranks[i] = rank
        left -= front
        rank += 1
    return ranks


def trial(*errors: float, cost: float = 1.0, failed: bool = False) -> dict[str, Any]:
    """A trial with these errors after its epochs."""
    return {"errors": errors, "cost": cost, "failed": failed}


def test_rungs_lie_below_the_last_epoch() -> None:
    """Trainings are judged after 1, 3, 9, ... epochs, each rung a factor further, and never after the last one."""
    assert SuccessiveHalving().rungs(10) == (1, 3, 9)
    assert SuccessiveHalving(reduction_factor=4, min_epochs=2).rungs(32) == (2, 8)
    assert SuccessiveHalving(reduction_factor=2).rungs(1) == ()
    for wrong in ({"reduction_factor": 1}, {"min_epochs": 0}):
        with pytest.raises(Refused, match="one of at least two trainings after at least one epoch"):
            SuccessiveHalving(**wrong)
    for wrong in ({"reduction_factor": 2.5}, {"min_epochs": "3"}):
        with pytest.raises(Refused, match="must be a whole number"):
            SuccessiveHalving(**wrong)


def test_a_threshold_is_the_quantile_of_those_that_arrived() -> None:
    """Of nine errors after the first epoch a third may go on: the threshold is the third lowest, whatever they cost."""
    thresholds = Thresholds(SuccessiveHalving(reduction_factor=3), 4, against_cost=False)
    for place in range(9):
        thresholds.add(**trial(0.9 - place / 10, 0.5, 0.4, 0.3, cost=place))
    assert thresholds.at(0.0) == thresholds.at(99.0) == {1: pytest.approx(0.3), 3: 0.4}


def test_few_results_judge_nobody() -> None:
    """Until a rung holds two results for each one of the factor it has no threshold, and pruned ones count below."""
    thresholds = Thresholds(SuccessiveHalving(reduction_factor=3), 4, against_cost=False)
    for _ in range(5):
        thresholds.add(**trial(0.5, 0.5, 0.5, 0.5))
    assert thresholds.at(1.0) == {}
    thresholds.add(**trial(0.7))
    assert thresholds.at(1.0) == {1: 0.5}
    thresholds.add(**trial(0.5, 0.5, 0.6, 0.5))
    assert thresholds.at(1.0) == {1: 0.5, 3: 0.5}


def test_a_failure_is_the_worst_of_the_rung_that_it_missed() -> None:
    """Five of six that explode in the second epoch leave none at the third: what is left may be as bad as they."""
    thresholds = Thresholds(SuccessiveHalving(reduction_factor=2), 4, against_cost=False)
    for error in (0.1, 0.2, 0.3):
        thresholds.add(**trial(error, failed=True))
    thresholds.add(**trial(0.4, 0.4, 0.4, 0.4))
    assert thresholds.at(1.0) == {1: 0.2}
    thresholds.add(**trial(failed=True))
    assert thresholds.at(1.0) == {1: 0.3}


def test_a_bar_against_cost_by_hand() -> None:
    """Half of four networks on two fronts go on: a fifth must not be dominated by the front that the second is on."""
    points = [(0.1, 8.0), (0.2, 4.0), (0.3, 8.0), (0.4, 4.0)]
    assert nondominated_ranks(points) == [0, 0, 1, 1]
    front = last_front(points, 2)
    assert front == points[:2]
    assert threshold(front, 8.0) == 0.1
    assert threshold(front, 9.0) == nextafter(0.1, 0.0)
    assert threshold(front, 6.0) == nextafter(0.2, 0.0)
    assert threshold(front, 4.0) == 0.2
    assert threshold(front, 3.0) == inf


@settings(deadline=None)
@given(POINTS)
def test_ranks_are_those_of_peeling(points: list[tuple[float, float]]) -> None:
    """Fronts found in one sweep are those that are left when all better ones are taken away."""
    assert nondominated_ranks(points) == peeled(points)


@settings(deadline=None)
@given(POINTS, FACTORS, FEW)
def test_a_threshold_is_where_the_rank_falls_out(points: list[tuple[float, float]], factor: int, cost: float) -> None:
    """Below the threshold fewer networks than the share rank lower than the new one among all, above it as many."""
    share = -(-len(points) // factor)
    found = threshold(last_front(points, factor), cost)
    for error in [*(k / 2 for k in range(14)), found, nextafter(found, inf)]:
        if error < inf:
            ranks = peeled([*points, (error, cost)])
            assert (sum(rank < ranks[-1] for rank in ranks) < share) == (error <= found)


@settings(deadline=None)
@given(st.lists(FEW, min_size=1, max_size=24), FACTORS, FEW)
def test_at_one_cost_a_threshold_is_a_quantile(errors: list[float], factor: int, cost: float) -> None:
    """Where all networks cost the same, the threshold against cost is the quantile of the errors."""
    front = last_front([(error, cost) for error in errors], factor)
    assert threshold(front, cost) == sorted(errors)[-(-len(errors) // factor) - 1]


@settings(deadline=None)
@given(POINTS, FEW, FEW)
def test_dearer_networks_have_lower_bars(points: list[tuple[float, float]], cost: float, more: float) -> None:
    """What costs more must not be worse."""
    front = last_front(points, 3)
    assert threshold(front, cost + more) <= threshold(front, cost)
