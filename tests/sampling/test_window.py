"""What hard limits do: which points they refuse, what they shift, how an empty window is explained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nas.errors import EmptyWindow, Refused
from nas.layers import Convolution, Layer, Sequence, Shape
from nas.sampling import Filter, Network, Plan, draw, measure
from nas.sampling.reach import Reach
from nas.space import Choice, Dimension, Integer, Point, Space, Value, When
from nas.space.distribution import Distribution
from nas.study import Limits, Recipe, Study
from spaces import anynet, resnet
from tests.toys.spaces import TINY, Tiny, decode_tiny

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
            "(10,000,000 to 20,000,000 parameters). Refused for: parameters below (100.00%); random ones have 352 to "
            "10,954 parameters; the nearest that can be found has 10,954 parameters"
        )
        assert "widen the limits to what there is" in caught.value.hint


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_windows_within_reach_take_a_million_draws() -> None:
    """A window that lies between networks of the space is refused after a million draws of it."""
    window = (parameters(10) + 1, parameters(11) - 1)
    study = Study(name="s", question="?", spaces=(TINY,), samples=1, recipe=Recipe(), limits=Limits(parameters=window))
    with pytest.raises(EmptyWindow, match="tiny: none of 1,000,000 random networks") as caught:
        Plan(study, INPUTS, 10).windows()
    assert "; random ones have 352 to 10,954 parameters" in str(caught.value)
    assert "widen the limit that refuses most" in caught.value.hint


@pytest.mark.parametrize("low_high", [(0, 100), (10**12, 10**13)])
def test_limits_beyond_a_space_are_refused_at_once(low_high: tuple[int, int]) -> None:
    """Few draws tell a limit below or above all networks; the message names what there is and the nearest."""
    filter_ = Filter(space=resnet.ALL[1], limits=Limits(parameters=low_high), inputs=INPUTS, classes=10)
    with pytest.raises(EmptyWindow, match=r"none of 1,000 .*; random ones have [\d,]+ to [\d,]+ parameters; the nea"):
        measure(filter_, 0, 0)


def test_limits_that_exclude_each_other_are_refused_at_once() -> None:
    """Two limits that are obeyed by networks of their own but by none together are told by their names."""
    limits = Limits(parameters=(0, 20_000), multiply_adds=(10**9, 10**12))
    filter_ = Filter(space=resnet.ALL[1], limits=limits, inputs=INPUTS, classes=10)
    with pytest.raises(EmptyWindow, match=r"none of 1,000 .* the limits on parameters and multiply-adds together"):
        measure(filter_, 0, 0)


def test_rare_networks_are_still_found() -> None:
    """A limit that one network in five thousand obeys, inside the space or at its end, is drawn for as before."""
    for width in (1, 2500):
        which = toy(Limits(parameters=(parameters(width),) * 2), width=Integer(low=1, high=5000))
        window = measure(which, 3, 0)
        assert window.draws == 20_000
        assert 0 < window.accepted < 20


def test_extremes_of_two_costs_are_within_reach() -> None:
    """The network with most multiply-adds for its parameters among many obeys its own costs as limits."""
    for space in (resnet.ALL[1], anynet.X3[0]):
        free = Filter(space=space, limits=Limits(), inputs=INPUTS, classes=10)
        points = Distribution(space).points(np.random.default_rng(1).random((500, len(space.dimensions))))
        costs = [network.cost for network in map(free.judge, points) if isinstance(network, Network)]
        most = max(costs, key=lambda cost: cost.multiply_adds / cost.parameters)
        limits = Limits(parameters=(0, most.parameters), multiply_adds=(most.multiply_adds, 10**15))
        assert not Reach(replace(free, limits=limits)).beyond()


@pytest.mark.parametrize("low_high", [(2, 1), (-1, 5)])
def test_limits_are_ranges(low_high: tuple[int, int]) -> None:
    """Limits whose ends are crossed or negative are refused by the name of the cost."""
    with pytest.raises(ValueError, match="limits on activations must be 0 <= low <= high"):
        Limits(activations=low_high)


class Odd(Tiny):
    """A network whose groups don't divide its channels."""

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Impossible, whatever comes in."""
        return Sequence(layers=(Convolution(width=8), Convolution(width=7, groups=7)))


def test_a_space_without_a_possible_network_is_told_soon() -> None:
    """After a thousand points, with what a layer says of one, whether the space is measured or drawn from."""
    broken = replace(toy(Limits()), space=replace(TINY, decode=lambda point: Odd(width=int(point["width"]))))
    for ask in (lambda: measure(broken, 0, 0), lambda: draw(broken, Distribution(broken.space), 0, 0)):
        with pytest.raises(EmptyWindow, match=r"none of 1,000 random .*\(100.00%\), such as: .*groups") as empty:
            ask()
        assert "mend the code of the space" in empty.value.hint


class Named(Tiny):
    """A network that states something else under names that are taken."""

    def facts(self) -> dict[str, Value]:
        """Its width, wrongly, or an error."""
        return {"width": self.width + 1} if self.width % 2 else {"error": 0.1}


@pytest.mark.parametrize(("width", "said"), [(3, "'width', a dimension"), (4, "'error', a column of the table")])
def test_an_attribute_has_a_name_of_its_own(width: int, said: str) -> None:
    """One that would stand in the table for a dimension of another value, or for a column, is refused."""
    clash = replace(toy(Limits()), space=replace(TINY, decode=lambda point: Named(width=int(point["width"]))))
    with pytest.raises(Refused, match=f"an attribute can't be called {said}"):
        clash.judge({"width": width})
