"""The distribution of a space: what uniform coordinates give, compared with enumeration and with Optuna."""

from __future__ import annotations

import json
from collections import Counter
from math import log, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from scipy import stats

from nas.errors import Refused
from nas.space import Chain, Choice, Dimension, Integer, Real, Space, Value, When, rising
from nas.space.distribution import Distribution
from spaces import anynet
from tests.toys.enumeration import enumerated, space

DRAWS = 20_000
LIKELY = 1e-3


def drawn(which: Space, count: int = DRAWS, seed: int = 0) -> list[dict[str, Value]]:
    """Independent points."""
    distribution = Distribution(which)
    return distribution.points(np.random.default_rng(seed).random((count, len(distribution.names))))


def probability(dimension: Dimension, value: Value) -> float:
    """Of one value, from the definition of the distribution: the share of the stretch that rounds to it."""
    if isinstance(dimension, Integer) and dimension.log:
        step = dimension.unit
        low, high, here = dimension.low / step, dimension.high / step, int(value) / step
        return log((here + 0.5) / (here - 0.5)) / log((high + 0.5) / (low - 0.5))
    assert not isinstance(dimension, Real)
    return 1 / len(dimension.values)


def assert_follows(which: Space, points: list[dict[str, Value]]) -> None:
    """Chi-square against "independent draws, given that all requirements are met"."""
    own = which.dimensions
    every = {tuple(p.items()): prod(probability(own[name], v) for name, v in p.items()) for p in enumerated(which)}
    counts = Counter(tuple(point.items()) for point in points)
    assert set(counts) <= set(every)
    expected = np.array(list(every.values())) / sum(every.values()) * len(points)
    assert expected.min() > 4
    assert stats.chisquare([counts[key] for key in every], expected).pvalue > LIKELY


CHAINED: list[Space] = [
    space({f"x_{i}": Integer(low=1, high=5, log=True) for i in (1, 2, 3)}, rising("x")),
    space({f"x_{i}": Integer(low=8, high=40, unit=8, log=True) for i in (1, 2)}, Chain(group="x", relation="falls")),
    space({f"x_{i}": Integer(low=1, high=6) for i in (1, 2, 3)}, Chain(group="x", relation="strictly rises")),
    space(
        {"x_1": Choice(options=(5, 1, 3)), "y": Integer(low=1, high=2), "x_2": Integer(low=1, high=4, log=True)},
        Chain(group="x", relation="strictly falls"),
    ),
    space(
        {
            "x_1": Integer(low=1, high=3),
            "y_1": Integer(low=1, high=3, log=True),
            "x_2": Integer(low=1, high=3),
            "y_2": Integer(low=1, high=4, log=True),
        },
        rising("x"),
        rising("y"),
    ),
]


@pytest.mark.parametrize("which", CHAINED)
def test_chains_are_drawn_by_their_exact_law(which: Space) -> None:
    """Points of a chain are distributed as independent draws of which only the ordered ones are kept."""
    assert_follows(which, drawn(which))


def test_conditions_leave_the_law_alone() -> None:
    """A dimension that exists only sometimes has its own distribution there, and is absent elsewhere."""
    when = When(dimension="mode", values=("on",))
    nested = When(dimension="x", values=(2, 3))
    which = space(
        {
            "mode": Choice(options=("off", "on")),
            "x": Integer(low=1, high=4, log=True, when=when),
            "y": Choice(options=("a", "b"), when=nested),
            "z": Integer(low=1, high=2),
        }
    )
    points = drawn(which)
    assert_follows(which, points)
    assert all(("x" in p) == (p["mode"] == "on") for p in points)
    assert all(("y" in p) == (p.get("x") in (2, 3)) for p in points)


@pytest.mark.parametrize(
    ("dimension", "distribution", "unit"),
    [
        (Integer(low=3, high=17), IntDistribution(3, 17), 1),
        (Integer(low=-8, high=40, unit=8), IntDistribution(-8, 40, step=8), 1),
        (Integer(low=1, high=16, log=True), IntDistribution(1, 16, log=True), 1),
        (Integer(low=8, high=256, unit=8, log=True), IntDistribution(1, 32, log=True), 8),
        (Integer(low=24, high=64, unit=8, log=True), IntDistribution(3, 8, log=True), 8),
        (Choice(options=(1, 2, 4, 8)), CategoricalDistribution((1, 2, 4, 8)), 1),
    ],
)
def test_whole_numbers_have_optunas_law(dimension: Dimension, distribution: BaseDistribution, unit: int) -> None:
    """Integers and choices are distributed as Optuna's random sampler draws them, log integers in multiples."""
    ours = Counter(point["x"] for point in drawn(space({"x": dimension}), 6000))
    theirs: Counter[Value] = Counter(unit * value for value in optunas(distribution, 6000))
    assert set(ours) == set(theirs)
    table = [[counts[value] for value in ours] for counts in (ours, theirs)]
    assert stats.chi2_contingency(table).pvalue > LIKELY


@pytest.mark.parametrize("in_log", [False, True])
def test_real_numbers_have_optunas_law(in_log: bool) -> None:
    """Continuous dimensions are distributed as Optuna's random sampler draws them."""
    ours = [float(p["x"]) for p in drawn(space({"x": Real(low=0.001, high=3, log=in_log)}), 6000)]
    theirs = optunas(FloatDistribution(0.001, 3, log=in_log), 6000)
    assert stats.ks_2samp(ours, theirs).pvalue > LIKELY
    assert all(0.001 <= x <= 3 for x in ours)


def optunas(distribution: BaseDistribution, count: int) -> list[float]:
    """Independent draws of Optuna's random sampler."""
    sampler = RandomSampler(seed=0)
    return [sampler.sample_independent(None, None, "x", distribution) for _ in range(count)]  # type: ignore[arg-type]


RICH = space(
    {
        "mode": Choice(options=("b", "a")),
        "x_1": Integer(low=8, high=64, unit=8, log=True),
        "slope": Real(low=0.1, high=10, log=True),
        "x_2": Integer(low=8, high=64, unit=8, log=True),
        "only_b": Real(low=-1, high=1, when=When(dimension="mode", values=("b",))),
        "x_3": Choice(options=(64, 16, 24)),
        "fixed": Real(low=2, high=2),
    },
    rising("x"),
)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), which=st.sampled_from([RICH, *CHAINED, anynet.X[4], anynet.X[0]]))
def test_coordinates_invert_points(seed: int, which: Space) -> None:
    """The coordinates of a point lead back to it, chains and conditions included."""
    distribution = Distribution(which)
    point = drawn(which, 1, seed)[0]
    found = distribution.coordinates(point)
    assert set(found) == set(point)
    assert all(0 <= u <= 1 for u in found.values())
    back = distribution.points(np.array([[found.get(name, 0.5) for name in distribution.names]]))[0]
    assert {n: v for n, v in back.items() if not isinstance(v, float)} == {
        n: v for n, v in point.items() if not isinstance(v, float)
    }
    assert [v for v in back.values() if isinstance(v, float)] == pytest.approx(
        [v for v in point.values() if isinstance(v, float)]
    )


def test_ends_of_the_cube() -> None:
    """Coordinates 0 and 1 give the first and the last value of each dimension, also in a chain."""
    distribution = Distribution(RICH)
    low, high = distribution.points(np.array([[0.0] * 7, [1.0] * 7]))
    assert low == {"mode": "b", "x_1": 8, "slope": 0.1, "x_2": 8, "only_b": -1.0, "x_3": 64, "fixed": 2.0}
    assert high == {"mode": "a", "x_1": 64, "slope": pytest.approx(10), "x_2": 64, "x_3": 64, "fixed": 2.0}


def test_rows_are_independent() -> None:
    """A point depends on its own coordinates only, and holds plain numbers that JSON can carry."""
    distribution = Distribution(RICH)
    rows = np.random.default_rng(1).random((50, 7))
    points = distribution.points(rows)
    assert points == [distribution.points(row[None])[0] for row in rows]
    assert json.loads(json.dumps(points)) == points
    assert {type(v) for p in points for v in p.values()} == {int, float, str}


def test_impossible_chains_are_refused() -> None:
    """A chain that no values can obey is refused by name, not drawn."""
    which = space({f"x_{i}": Integer(low=1, high=2) for i in (1, 2, 3)}, Chain(group="x", relation="strictly rises"))
    assert which.size() == 0
    with pytest.raises(Refused, match="s: no point obeys the rule that x strictly rises from stage to stage"):
        Distribution(which)
