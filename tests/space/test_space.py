"""Spaces as values: exact sizes against enumeration, the algebra that makes new spaces, and what it refuses."""

from __future__ import annotations

from itertools import pairwise, product
from math import comb
from operator import ge, gt, le, lt

import numpy as np
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
    Value,
    When,
    falling,
    in_words,
    rising,
    sentence,
)
from nas.space.distribution import Distribution
from spaces import anynet
from tests.toys.enumeration import enumerated, space

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
        ({"x_1": Integer(low=1, high=5)}, "s: x_1 can't be 1 to 5, it has 1 to 4"),
        ({"x": Integer(low=0, high=4)}, "s: x_1 can't be 0 to 4, it has 1 to 4"),
        ({"x_1": Choice(options=(1, 9))}, "s: x_1 can't be 1, 9, it has 1 to 4"),
        ({"x_1": Real(low=1, high=2)}, "s: x_1 can't be 1 to 2, continuous, it has 1 to 4"),
        ({"mode": Choice(options=("off", "maybe"))}, "s: mode can't be off, maybe, it has off, on"),
        ({"r": Real(low=0.4, high=1)}, "s: r can't be 0.4 to 1, continuous, it has 0.5 to 2, continuous"),
        ({"x_1": Integer(low=1, high=2, when=When(dimension="mode", values=("on",)))}, "condition of x_1 can't change"),
        ({"z": STAGES}, "has no dimension 'z'"),
    ],
)
def test_restrict_lets_nothing_new_in(narrower: dict[str, Dimension], message: str) -> None:
    """A range that isn't inside the old one, a new condition, or an unknown name is refused."""
    wide = space({"mode": SWITCH, "x_1": STAGES, "x_2": STAGES, "r": Real(low=0.5, high=2)})
    with pytest.raises(Refused, match=message):
        wide.restrict(**narrower)


def test_fix_leaves_one_value() -> None:
    """Fixing names one dimension or a whole group; conditions stay, so a point without the dimension stays, too."""
    when = When(dimension="mode", values=("on",))
    wide = space({"mode": SWITCH, "x_1": STAGES, "x_2": Integer(low=1, high=4, when=when)})
    assert list(enumerated(wide.fix(x=3))) == [{"mode": "off", "x_1": 3}, {"mode": "on", "x_1": 3, "x_2": 3}]
    assert wide.fix(x_2=3).dimensions["x_2"] == Choice(options=(3,), when=when)
    assert list(enumerated(wide.fix(x_1=1, mode="off"))) == [{"mode": "off", "x_1": 1}]
    assert wide.fix().size() == wide.size()
    assert wide.fix(mode="on").fix(x=2).size() == 1


def test_fix_and_share_in_either_order() -> None:
    """A shared dimension is fixed by its own name, its members have none any more; equal members can be shared."""
    shared = space({"x_1": STAGES, "x_2": STAGES}, rising("x")).share("x")
    assert [dict(shared.expand(p)) for p in enumerated(shared.fix(x=4))] == [{"x_1": 4, "x_2": 4}]
    with pytest.raises(Refused, match="has no dimension 'x_1' or x_1_1"):
        shared.fix(x_1=4)
    wide = space({"x_1": STAGES, "x_2": STAGES})
    assert list(enumerated(wide.fix(x=4).share("x"))) == [{"x": 4}]
    with pytest.raises(Refused, match="the dimensions of x differ"):
        wide.fix(x_1=4).share("x")


def test_a_fixed_member_of_a_chain_bounds_the_others() -> None:
    """Under an order the others still obey it, and are counted and drawn so; a value that leaves nothing is told."""
    wide = space({"x_1": STAGES, "x_2": STAGES, "x_3": STAGES}, rising("x"))
    middle = wide.fix(x_2=3)
    assert middle.size() == len(list(enumerated(middle))) == 3 * 2
    drawn = Distribution(middle).points(np.random.default_rng(0).random((200, 3)))
    assert {tuple(p.values()) for p in drawn} == {tuple(p.values()) for p in enumerated(middle)}
    with pytest.raises(Refused, match="no point obeys the rule that x rises from stage to stage"):
        Distribution(wide.fix(x_1=4, x_3=1))


def test_fixed_values_have_the_type_of_their_dimension() -> None:
    """So a table has one kind of number in a column: 1 is 1.0 where the dimension has that."""
    wide = space({"x": STAGES, "rate": Choice(options=(0.0, 0.5)), "r": Real(low=0, high=1)})
    fixed = wide.fix(x=True, rate=0, r=1)
    (point,) = Distribution(fixed).points(np.zeros((1, 3)))
    assert [repr(value) for value in point.values()] == ["1", "0.0", "1.0"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"x": 5}, "s: x_1 can't be 5, it has 1 to 4"),
        ({"x_1": 2.5}, "s: x_1 can't be 2.5, it has 1 to 4"),
        ({"x_1": "2"}, "s: x_1 can't be 2, it has 1 to 4"),
        ({"mode": "maybe"}, "s: mode can't be maybe, it has off, on"),
        ({"r": float("nan")}, "options must be finite numbers, texts, True or False, got"),
        ({"r": "1"}, "s: r can't be 1, it has 0.5 to 2, continuous"),
        ({"z": 1}, "s has no dimension 'z' or z_1; it has mode, x_1, x_2, r"),
        ({"mode": ["on"]}, "mode must be True or False, a number or a text, got \\['on'\\]"),
    ],
)
def test_fix_takes_only_what_the_dimension_has(values: dict[str, Value], message: str) -> None:
    """A value that isn't the dimension's, of another type, or of an unknown name is refused."""
    wide = space({"mode": SWITCH, "x_1": STAGES, "x_2": STAGES, "r": Real(low=0.5, high=2)})
    with pytest.raises(ValueError, match=message):
        wide.fix(**values)


def test_dimensions_speak() -> None:
    """A dimension and a condition are told in words."""
    when = When(dimension="mode", values=("a", "b", 3))
    assert when.sentence == "mode is a, b or 3"
    assert When(dimension="mode", values=("a",)).sentence == "mode is a"
    dimensions = (Integer(low=8, high=64, unit=8, log=True, when=when), Real(low=0.5, high=2), SWITCH)
    assert [in_words(d) for d in dimensions] == [
        "8 to 64 in multiples of 8, log-uniform",
        "0.5 to 2, continuous",
        "off, on",
    ]


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
    with pytest.raises(Refused, match="at least one dimension"):
        space({})
    assert Choice(options=["a"]) == Choice(options=("a",))  # type: ignore[arg-type]
    for no_tuple in ("ab", {"a"}, (None,), (["a"],)):
        with pytest.raises(Refused, match="options must be a tuple of True or False, numbers or texts"):
            Choice(options=no_tuple)  # type: ignore[arg-type]
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
