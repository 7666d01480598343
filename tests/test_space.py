"""Spaces as values: exact sizes against enumeration, the algebra that makes new spaces, and what it refuses."""

from __future__ import annotations

from itertools import pairwise, product
from math import comb
from operator import ge, gt, le, lt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import Refused
from nas.space import (
    Chain,
    Choice,
    Dimension,
    Integer,
    Point,
    Real,
    Space,
    When,
    falling,
    rising,
    sentence,
)
from spaces import anynet
from tests.enumeration import enumerated, space

COMPARISONS = {"rises": le, "falls": ge, "strictly rises": lt, "strictly falls": gt}
STAGES = Integer(low=1, high=4)
SWITCH = Choice(options=("off", "on"))


def test_sizes_of_the_papers_ladder() -> None:
    """AnyNetX A to E have exactly the sizes that the ladder's combinatorics give, for X and Y blocks."""
    widths, depths = comb(128 + 3, 4), comb(16 + 3, 4)
    expected = [(16 * 128 * 18) ** 4, (16 * 128 * 6) ** 4 * 3, (16 * 128) ** 4 * 18, 16**4 * widths * 18]
    expected.append(depths * widths * 18)
    assert expected == [
        1846757322198614016,
        68398419340689408,
        316659348799488,
        13821510942720,
        817446539520,
    ]
    for ladder in (anynet.X, anynet.Y):
        assert [rung.size() for rung in ladder] == expected
        assert [len(rung.dimensions) for rung in ladder] == [16, 13, 10, 10, 10]
    assert {rung.unconstrained_size() for rung in anynet.X[2:]} == {expected[2]}


NUMBERS = st.one_of(
    st.builds(
        lambda low, extra, unit: Integer(low=low * unit, high=(low + extra) * unit, unit=unit),
        st.integers(0, 4),
        st.integers(0, 4),
        st.integers(1, 3),
    ),
    st.lists(st.integers(0, 6), min_size=1, max_size=5, unique=True).map(lambda v: Choice(options=tuple(v))),
)


@settings(max_examples=200, deadline=None)
@given(row=st.lists(NUMBERS, min_size=1, max_size=4), relation=st.sampled_from(list(COMPARISONS)))
def test_chains_are_counted(row: list[Integer | Choice], relation: str) -> None:
    """A chain over any lists of numbers has as many points as brute force finds."""
    chain = Chain(group="x", relation=relation)  # type: ignore[arg-type]
    rows = list(product(*(d.values for d in row)))
    expected = sum(all(COMPARISONS[relation](a, b) for a, b in pairwise(values)) for values in rows)
    dimensions: dict[str, Dimension] = {f"x_{i}": d for i, d in enumerate(row, 1)}
    found = space({**dimensions, "other": STAGES}, chain)
    assert chain.count([d.values for d in row]) == expected
    assert found.size() == 4 * expected
    assert len(list(enumerated(found))) == 4 * expected
    assert found.unconstrained_size() == 4 * len(rows)


@st.composite
def conditional(draw: st.DrawFn) -> Space:
    """A space of up to six dimensions, of which many depend on an earlier one."""
    dimensions: dict[str, Dimension] = {}
    for number in range(draw(st.integers(1, 6))):
        when = None
        if number and draw(st.booleans()):
            parent = draw(st.sampled_from(list(dimensions)))
            values = draw(st.lists(st.integers(1, 4), max_size=3))
            when = When(dimension=parent, values=tuple(values))
        dimensions[f"d{number}"] = Integer(low=1, high=draw(st.integers(1, 4)), when=when)
    return space(dimensions)


@settings(max_examples=200, deadline=None)
@given(which=conditional())
def test_conditions_are_counted(which: Space) -> None:
    """Conditional dimensions, also nested ones, count only where they exist."""
    assert which.size() == len(list(enumerated(which)))


def test_stages_that_exist_only_sometimes() -> None:
    """One to three stages of four depths each are 4 + 16 + 64 points, or 4 + 10 + 20 if depths rise."""
    dimensions: dict[str, Dimension] = {"stages": Integer(low=1, high=3), "depth_1": STAGES}
    for number in (2, 3):
        when = When(dimension="stages", values=tuple(range(number, 4)))
        dimensions[f"depth_{number}"] = Integer(low=1, high=4, when=when)
    assert space(dimensions).size() == 4 + 16 + 64
    ordered = space(dimensions).require(rising("depth"))
    assert len(list(enumerated(ordered))) == 4 + 10 + 20
    assert ordered.size() is None


def test_size_is_unknown_where_it_cant_be_counted() -> None:
    """Continuous dimensions, predicates, two chains on one group, conditions on a chain: no size is claimed."""

    def even(point: Point) -> bool:
        """The sum is even."""
        return (int(point["x_1"]) + int(point["x_2"])) % 2 == 0

    pair: dict[str, Dimension] = {"x_1": STAGES, "x_2": STAGES}
    assert space(pair, rising("x")).size() == 10
    assert space(pair, even).size() is None
    assert space(pair, even).unconstrained_size() == 16
    assert space(pair, rising("x"), falling("x")).size() is None
    assert space({**pair, "slope": Real(low=0, high=1)}).size() is None
    child = Integer(low=1, high=3, when=When(dimension="x_1", values=(1,)))
    assert len(list(enumerated(space({**pair, "child": child}, rising("x"))))) == 4 * 3 + 6
    assert space({**pair, "child": child}, rising("x")).size() is None
    assert space({**pair, "child": child}).size() == 4 * (3 + 3)


def test_share_leaves_one_dimension() -> None:
    """Sharing puts one dimension in place of the numbered ones; decoder and rules still see all of them."""
    wide = space({"x_1": STAGES, "y_1": SWITCH, "x_2": STAGES}, rising("x"))
    shared = wide.share("x")
    assert list(shared.dimensions) == ["x", "y_1"]
    assert shared.expand({"x": 3, "y_1": "on"}) == {"x_1": 3, "x_2": 3, "y_1": "on"}
    assert shared.allows({"x": 3, "y_1": "on"})
    assert shared.name == "s, one x"
    assert list(wide.dimensions) == ["x_1", "y_1", "x_2"]
    assert shared.share("y").expand({"x": 1, "y": "off"}) == {"x_1": 1, "x_2": 1, "y_1": "off"}


def test_share_is_refused() -> None:
    """Groups that don't exist, differ, are shared already, steer others, or would take a name are not shared."""
    wide = space({"x_1": STAGES, "x_2": Integer(low=1, high=5), "y_1": STAGES, "y_2": STAGES})
    with pytest.raises(Refused, match="has no dimension 'z' or z_1; it has x_1, x_2, y_1, y_2"):
        wide.share("z")
    with pytest.raises(Refused, match="the dimensions of x differ"):
        wide.share("x")
    with pytest.raises(Refused, match="has no dimension 'y' or y_1"):
        wide.share("y").share("y")
    with pytest.raises(Refused, match="has a dimension 'x' already"):
        space({"x": SWITCH, "x_1": STAGES, "x_2": STAGES}).share("x")
    child = Integer(low=1, high=2, when=When(dimension="x_1", values=(1,)))
    with pytest.raises(Refused, match="depends on 'x_1', which doesn't come before it"):
        space({"x_1": STAGES, "x_2": STAGES, "child": child}).share("x")


def test_restrict_narrows_and_nothing_else() -> None:
    """Restricting names one dimension or a whole group; conditions stay as they were."""
    when = When(dimension="mode", values=("on",))
    wide = space({"mode": SWITCH, "x_1": STAGES, "x_2": Integer(low=1, high=4, when=when)})
    narrow = wide.restrict(x=Integer(low=2, high=4, unit=2))
    assert [p for p in enumerated(narrow) if p["mode"] == "off"] == [{"mode": "off", "x_1": v} for v in (2, 4)]
    assert narrow.size() == 2 + 4
    assert wide.restrict(x_2=Choice(options=(1, 3))).dimensions["x_2"] == Choice(options=(1, 3), when=when)
    assert wide.restrict(mode=Choice(options=("off",))).size() == 4
    for own in (when, None):
        assert wide.restrict(x_2=Integer(low=1, high=2, when=own)).size() == 4 + 8
    real = space({"r": Real(low=0.5, high=2)}).restrict(r=Real(low=1, high=2))
    assert real.dimensions["r"] == Real(low=1, high=2)


@pytest.mark.parametrize(
    ("narrower", "message"),
    [
        ({"x_1": Integer(low=1, high=5)}, "isn't within x_1's"),
        ({"x": Integer(low=0, high=4)}, "isn't within x_1's"),
        ({"x_1": Choice(options=(1, 9))}, "isn't within x_1's"),
        ({"x_1": Real(low=1, high=2)}, "isn't within x_1's"),
        ({"mode": Choice(options=("off", "maybe"))}, "isn't within mode's"),
        ({"r": Real(low=0.4, high=1)}, "isn't within r's"),
        ({"x_1": Integer(low=1, high=2, when=When(dimension="mode", values=("on",)))}, "condition of x_1 can't change"),
        ({"z": STAGES}, "has no dimension 'z'"),
    ],
)
def test_restrict_lets_nothing_new_in(narrower: dict[str, Dimension], message: str) -> None:
    """A range that isn't inside the old one, a new condition, or an unknown name is refused."""
    wide = space({"mode": SWITCH, "x_1": STAGES, "x_2": STAGES, "r": Real(low=0.5, high=2)})
    with pytest.raises(Refused, match=message):
        wide.restrict(**narrower)


def test_chains_need_numbers_that_exist() -> None:
    """A chain over nothing or over text is refused, however it gets into the space."""
    for make in (lambda s, c: s.require(c), lambda s, c: space(s.dimensions, c)):
        with pytest.raises(Refused, match="has no dimension 'z'"):
            make(space({"x_1": STAGES}), rising("z"))
        with pytest.raises(Refused, match="x_1 holds text, so it can't be ordered"):
            make(space({"x_1": SWITCH, "x_2": SWITCH}), rising("x"))


def test_spaces_are_checked_where_they_are_made() -> None:
    """A name with a slash, a condition on what comes later, impossible ranges: refused at once."""
    for name in ("", "a/b"):
        with pytest.raises(Refused, match="a name without a slash"):
            space({"x": STAGES}).named(name)
    with pytest.raises(Refused, match="a depends on 'b', which doesn't come before it"):
        space({"a": Integer(low=1, high=2, when=When(dimension="b", values=(1,))), "b": STAGES})
    for wrong in ({"low": 3, "high": 2}, {"low": 0, "high": 2, "log": True}, {"low": 4, "high": 8, "unit": 3}):
        with pytest.raises(ValueError, match=r"low and high must be multiples|low must not exceed"):
            Integer(**wrong)  # type: ignore[arg-type]
    for low, high in ((2, 1), (float("nan"), 1), (0, float("inf"))):
        with pytest.raises(ValueError, match="low must not exceed high, both finite"):
            Real(low=low, high=high)
    with pytest.raises(ValueError, match="low must be positive if log"):
        Real(low=0, high=1, log=True)
    for options in ((), (1, 1), ("a", "a")):
        with pytest.raises(ValueError, match="options must be distinct and at least one"):
            Choice(options=options)


def test_requirements_speak() -> None:
    """A requirement is named by its sentence, else its docstring, else its name; a space's name tells it."""

    def even(point: Point) -> bool:
        """The width is even.

        More words.
        """
        return int(point["x_1"]) % 2 == 0

    bare = lambda point: True  # noqa: E731
    assert [sentence(r) for r in (rising("x"), even, bare)] == [
        "x rises from stage to stage",
        "The width is even",
        "<lambda>",
    ]
    ordered = space({"x_1": STAGES, "x_2": STAGES}).require(rising("x")).require(even)
    assert ordered.name == "s, x rises from stage to stage, The width is even"
    assert [p["x_1"] for p in enumerated(ordered)] == [2, 2, 2, 4]
