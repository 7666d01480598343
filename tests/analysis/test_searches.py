"""What searches had found after spending so much: by hand, against brute force, and intervals that cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas.analysis.searches import (
    Corner,
    Trace,
    advantage,
    advantages,
    areas,
    common,
    curve,
    level_at,
    lowest_errors,
    mean_ratio,
    pieces,
    undominated,
)
from nas.errors import Refused
from tests.toys.search_studies import comparisons, pools

CORNER = Corner(error=1.0, low=1.0, high=math.e**2)
SHARES = st.integers(0, 10).map(lambda k: k / 10)


def trace(*errors: float, cost: float = 1.0, guess: float = 0.9) -> Trace:
    """A search whose trials cost the same."""
    return lowest_errors([cost] * len(errors), errors, guess)


def test_the_lowest_error_so_far_by_hand() -> None:
    """Three trials, one without an error: what they cost adds up, and the best stays until a better one is paid for."""
    found = lowest_errors([1.0, 2.0, 1.0], [0.5, math.inf, 0.3], 0.9)
    assert (found.spent, found.found, found.first) == ((1.0, 3.0, 4.0), (0.5, 0.5, 0.3), 1.0)
    assert level_at(found, np.array([0.0, 0.9, 1.0, 3.9, 4.0, 9.0])).tolist() == [0.9, 0.9, 0.5, 0.5, 0.3, 0.3]
    assert areas([found], 1.0, 4.0).tolist() == [0.5]
    assert areas([found], 0.0, 5.0).tolist() == pytest.approx([(0.9 + 3 * 0.5 + 0.3) / 5])


def test_what_is_not_dominated_by_hand() -> None:
    """A network of half the error and half the log size leaves three quarters; a better, larger one takes its part."""
    sizes = [math.e, math.e**1.5, math.e**1.5, 2.0 * math.e**2]
    found = undominated([1.0] * 4, [0.5, 0.2, 0.4, 0.1], sizes, CORNER)
    assert found.found == pytest.approx((0.75, 0.675, 0.675, 0.675))
    assert found.before == 1.0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=12))
def test_what_is_not_dominated_is_counted_cell_by_cell(points: list[tuple[float, float]]) -> None:
    """On a grid of ten by ten cells the share is the count of cells that no network lies below and left of."""
    sizes = [math.exp(2.0 * place) for _, place in points]
    found = undominated([1.0] * len(points), [error for error, _ in points], sizes, CORNER)
    cells = [(i / 10 + 0.05, j / 10 + 0.05) for i in range(10) for j in range(10)]
    free = [cell for cell in cells if not any(e < cell[0] and x < cell[1] for e, x in points)]
    assert found.found[-1] == pytest.approx(len(free) / 100)
    assert all(a >= b for a, b in zip(found.found, found.found[1:], strict=False))


def test_a_map_is_cut_into_searches() -> None:
    """Trials go to one search until it has spent its compute; what doesn't fill another is left out."""
    assert pieces([1.0, 1.0, 3.0, 1.0, 1.0, 1.0], 2.0) == [slice(0, 2), slice(2, 3), slice(3, 5)]
    assert pieces([0.1] * 30, 0.1 * 30) == [slice(0, 30)]
    assert pieces([1.0], 5.0) == [slice(0, 1)]


def test_the_compute_in_common() -> None:
    """It begins where the last search has its first network and ends with the shortest; without any it is refused."""
    slow = lowest_errors([2.0, 2.0, 2.0], [math.inf, 0.4, 0.3], 0.9)
    assert common([trace(0.5, 0.4, 0.3, 0.2, 0.1), slow, trace(*[math.inf] * 6)]) == (4.0, 5.0)
    with pytest.raises(Refused, match="one has ended after 1, another has no network before 4"):
        common([trace(0.5), slow])
    with pytest.raises(Refused, match="a search without a trial"):
        trace()


def test_curves_and_their_ends() -> None:
    """The mean over searches stands at every point; its interval is Student's, and there is none below three."""
    searches = [trace(0.5, 0.4, 0.3), trace(0.7, 0.2, 0.2), trace(0.6, 0.6, 0.1)]
    found = curve("some", searches, 1.0, 3.0, points=3)
    assert [point.estimate for point in found.mean] == pytest.approx([0.6, 0.4, 0.2])
    expected = stats.t.interval(0.95, 2, loc=0.2, scale=stats.sem([0.3, 0.2, 0.1]))
    assert (found.mean[-1].low, found.mean[-1].high) == pytest.approx(expected)
    assert found.area.estimate == pytest.approx((0.6 + 0.4) / 2)
    assert (found.n, found.trials) == (3, 3.0)
    few = curve("few", searches[:2], 1.0, 3.0, points=3)
    assert few.mean[0].low == -math.inf


def test_an_advantage_by_hand() -> None:
    """Half of the errors is half of the area; the difference in the end is Welch's, and the compute is a third."""
    slow = [trace(e, e - 0.1, e - 0.2, guess=1.0) for e in (0.5, 0.6, 0.7)]
    fast = [trace(e / 2, e / 2 - 0.05, e / 2 - 0.1, guess=1.0) for e in (0.5, 0.6, 0.7)]
    found = advantage("fast", fast, "slow", slow, 1.0, 3.0)
    assert found.ratio.estimate == pytest.approx(0.5)
    assert found.reach == pytest.approx(1 / 3)
    ends = [[one.found[-1] for one in some] for some in (fast, slow)]
    low, high = stats.ttest_ind(*ends, equal_var=False).confidence_interval(0.95)
    assert (found.final.low, found.final.high) == pytest.approx((low, high))
    assert found.verdict == "better"
    back = advantage("slow", slow, "fast", fast, 1.0, 3.0)
    assert (back.verdict, back.reach) == ("worse", None)
    assert back.ratio.low == pytest.approx(1 / found.ratio.high)
    assert advantage("fast", fast[:2], "slow", slow, 1.0, 3.0).verdict == "unknown"
    assert advantage("same", slow, "slow", slow, 1.0, 3.0).verdict == "undecided"


def test_verdicts_are_corrected_for_all_strategies() -> None:
    """P goes with the interval of a strategy alone; among four, one that leaves 1 out narrowly decides nothing."""
    slow = [trace(e, e, e, guess=1.0) for e in (0.50, 0.51, 0.52)]
    near = [trace(e, e, e, guess=1.0) for e in (0.47, 0.48, 0.49)]
    alone = advantage("near", near, "slow", slow, 1.0, 3.0)
    assert 0.0 < alone.p_value == alone.p_adjusted < 0.05
    assert alone.ratio.high < 1.0
    level = mean_ratio(*(np.array([one.found[0] for one in some]) for some in (near, slow)), 1.0 - alone.p_value)
    assert level.high == pytest.approx(1.0)
    together = advantages({"slow": slow, "near": near, "a": slow, "b": slow, "c": slow}, 1.0, 3.0)
    assert together[0].p_adjusted == pytest.approx(4 * alone.p_value)
    assert [one.verdict for one in together] == ["undecided"] * 4


def test_nothing_is_divided_by_zero() -> None:
    """A strategy without any error from the start is refused, equal searches have an interval without width."""
    with pytest.raises(Refused, match="error of 0 from the start"):
        mean_ratio(np.zeros(3), np.ones(3))
    same = mean_ratio(np.full(3, 0.2), np.full(3, 0.4))
    assert (same.low, same.estimate, same.high) == pytest.approx((0.5, 0.5, 0.5))


def test_intervals_of_simulated_searches_cover() -> None:
    """95 % intervals of three and of five searches each cover the true ratio in as many of 300 comparisons."""
    found = pools("random", "learner")
    least = stats.binom.ppf(0.005, 300, 0.95)
    for first, n in (("learner", 3), ("random", 3), ("learner", 5)):
        assert sum(comparisons(found[first], found["random"], n, 300, np.random.default_rng(n))) >= least
