"""What hard limits do: which points they refuse, what they shift, how an empty window is explained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nas.errors import EmptyWindow
from nas.sampling import Filter, Network, Plan, draw, measure
from nas.space import Choice, Dimension, Integer, Point, Space, When
from nas.space.distribution import Distribution
from nas.study import Limits, Recipe, Study
from spaces import anynet
from tests.toys.spaces import TINY, decode_tiny

INPUTS = (1, 28, 28)


def toy(limits: Limits, **dimensions: Dimension) -> Filter:
    """The toy space, whose parameters are a line in its width."""
    return Filter(
        space=Space(name="toy", dimensions=dimensions or TINY.dimensions, decode=decode_tiny),
        limits=limits,
        inputs=INPUTS,
        classes=10,
    )


def parameters(width: int) -> int:
    """Of a toy network at one input channel: 3x3, norm, 4x4 pixels to ten classes."""
    return 9 * width + 2 * width + 160 * width + 10


def test_limits_belong_to_the_window() -> None:
    """Both ends of a limit are allowed, one beyond either is refused by name."""
    which = toy(Limits(parameters=(parameters(10), parameters(20))))
    verdicts = {width: which.judge({"width": width}) for width in (9, 10, 20, 21)}
    assert verdicts[9] == ("parameters below",)
    assert verdicts[21] == ("parameters above",)
    assert [isinstance(verdicts[width], Network) for width in (10, 20)] == [True, True]


def test_refusals_are_named() -> None:
    """A point is refused for its first broken rule, for an input that is too small, or for every limit it breaks."""

    def even(point: Point) -> bool:
        """The first depth is even."""
        return int(point["depth_1"]) % 2 == 0

    point = {"depth_1": 2, "width_1": 128, "bottleneck_1": 1, "group_width_1": 8}
    which = Filter(space=anynet.ladder("x", 1)[0].require(even), limits=Limits(), inputs=INPUTS, classes=10)
    assert which.judge({**point, "depth_1": 1}) == ("The first depth is even",)
    assert isinstance(which.judge(point), Network)
    both = Limits(multiply_adds=(0, 1), parameters=(10**9, 10**10))
    assert replace(which, limits=both).judge(point) == ("parameters below", "multiply_adds above")
    assert replace(which, inputs=(784,)).judge(point) == ("made for images",)


def test_windows_shift_dimensions() -> None:
    """A limit that keeps half of the widths shows as mean quantile 1/4 or 3/4, distance 1/2; other dimensions stay."""
    free = Choice(options=("relu", "tanh", "silu", "gelu"))
    dimensions: dict[str, Dimension] = {"width": Integer(low=1, high=100), "function": free}
    for limits, quantile in (
        (Limits(parameters=(0, parameters(50))), 0.25),
        (Limits(parameters=(parameters(51), 10**9)), 0.75),
    ):
        window = measure(toy(limits, **dimensions), 0, 0)
        width, function = window.shifts
        assert (width.dimension, function.dimension) == ("width", "function")
        assert abs(window.acceptance - 0.5) < 0.1
        assert abs(width.mean_quantile - quantile) < 0.06
        assert abs(width.distance - 0.5) < 0.12
        assert abs(function.mean_quantile - 0.5) < 0.06
        assert function.distance < 0.15


def test_conditional_dimensions_shift_where_they_exist() -> None:
    """A dimension that never exists inside the window is reported unchanged, not failed upon."""
    rare = Integer(low=1, high=9, when=When(dimension="width", values=(100,)))
    window = measure(toy(Limits(parameters=(0, parameters(50))), width=Integer(low=1, high=100), rare=rare), 0, 0)
    assert window.shifts[1].distance == 0


def test_empty_windows_are_explained() -> None:
    """A window without networks ends after the stated draws, names the limit, its range and the share it refused."""
    which = toy(Limits(parameters=(10_000_000, 20_000_000)))
    for search in (
        lambda: draw(which, Distribution(which.space), 0, 0, most=500),
        lambda: measure(which, 0, 0, most=500),
    ):
        with pytest.raises(EmptyWindow) as caught:
            search()
        assert str(caught.value) == (
            "toy: none of 500 random networks obeys all rules and limits "
            "(parameters 10,000,000 to 20,000,000). Refused for: parameters below (100.00%)"
        )
        assert "widen the limit" in caught.value.hint


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_empty_windows_take_a_million_draws() -> None:
    """A study whose window is empty is refused after a million draws of the space."""
    study = Study(
        name="s", question="?", spaces=(TINY,), samples=1, recipe=Recipe(), limits=Limits(parameters=(10**9, 10**10))
    )
    with pytest.raises(EmptyWindow, match="tiny: none of 1,000,000 random networks"):
        Plan(study, INPUTS, 10).windows()


@pytest.mark.parametrize("low_high", [(2, 1), (-1, 5)])
def test_limits_are_ranges(low_high: tuple[int, int]) -> None:
    """Limits whose ends are crossed or negative are refused by the name of the cost."""
    with pytest.raises(ValueError, match="limits on activations must be 0 <= low <= high"):
        Limits(activations=low_high)
