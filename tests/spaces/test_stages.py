"""Numbered dimensions of stages, and what the families that use them must have in common."""

from __future__ import annotations

import numpy as np
import pytest

from nas.errors import Refused
from nas.layers import Convolution, DenseConcatenation, Layer, Linear, Normalisation, Repetition, Residual, Sequence
from nas.sampling import Filter, Network
from nas.space import Choice, Integer, Space, When
from nas.space.distribution import Distribution
from nas.study import Limits
from spaces import alexnet, lenet, mlp, nin, vgg
from spaces.stages import joined, require_counts, require_stages, stage_values, staged
from tests.spaces.test_spaces import points

WIDTH = Integer(low=1, high=3)
CLASSIC = tuple(space for family in (lenet, alexnet, vgg, nin, mlp) for space in family.ALL)
EVERY = pytest.mark.parametrize("space", CLASSIC, ids=lambda space: space.name)


def test_one_number_of_stages_has_no_conditions() -> None:
    """With one number there is nothing to choose and nothing depends on it."""
    assert staged("stages", (2,), width=WIDTH) == {"width_1": WIDTH, "width_2": WIDTH}
    assert staged("stages", (3,), last=1, width=WIDTH) == {"width_1": WIDTH, "width_2": WIDTH}


def test_several_numbers_of_stages_have_conditions() -> None:
    """The number comes first; a stage that not all of them have is there only under those that do."""
    third = Integer(low=1, high=3, when=When(dimension="stages", values=(3,)))
    expected = {"stages": Choice(options=(2, 3)), "width_1": WIDTH, "width_2": WIDTH, "width_3": third}
    assert list(staged("stages", (2, 3), width=WIDTH).items()) == list(expected.items())
    shorter = {"stages": Choice(options=(2, 3)), "width_1": WIDTH}
    second = Integer(low=1, high=3, when=When(dimension="stages", values=(3,)))
    assert staged("stages", (2, 3), last=1, width=WIDTH) == {**shorter, "width_2": second}


def test_values_of_a_group() -> None:
    """As many values as the point has in a row, in order; a name that only looks alike doesn't count."""
    assert stage_values({"width_1": 8, "width_2": 4, "width": 1, "width_4": 2}, "width") == (8, 4)
    assert stage_values({"depth_1": 8}, "width") == ()
    assert joined((8, 4, 16)) == "8-4-16"


def test_counts_are_checked() -> None:
    """Numbers of stages are different ones inside the bounds, at least one of them."""
    require_counts("stages", (1, 3), 1, 3)
    for wrong in ((), (0,), (4,), (2, 2)):
        with pytest.raises(Refused, match=r"stages must be different numbers between 1 and 3, got \("):
            require_counts("stages", wrong, 1, 3)


def test_stages_are_checked() -> None:
    """Groups have one positive number a stage each; the message shows them all."""
    require_stages(widths=(1, 2), depths=(3, 4))
    for widths, depths in (((), ()), ((1,), (1, 2)), ((1, 0), (1, 1))):
        with pytest.raises(ValueError, match="at least one stage: widths="):
            require_stages(widths=widths, depths=depths)


@EVERY
def test_windows_can_be_met(space: Space) -> None:
    """Of random points at 1x28x28 at least one in a hundred costs 3 to 6 million multiply-adds."""
    filter_ = Filter(space=space, limits=Limits(multiply_adds=(3_000_000, 6_000_000)), inputs=(1, 28, 28), classes=10)
    distribution = Distribution(space)
    drawn = distribution.points(np.random.default_rng(0).random((1000, len(distribution.names))))
    assert sum(isinstance(filter_.judge(point), Network) for point in drawn) >= 10


def flat(layer: Layer) -> list[Layer]:
    """The layers on the way of the data, shortcuts left out."""
    match layer:
        case Sequence():
            return [inner for child in layer.layers for inner in flat(child)]
        case Repetition():
            return flat(layer.layer)
        case Residual() | DenseConcatenation():
            return flat(layer.branch)
        case _:
            return [layer]


@EVERY
def test_a_norm_takes_the_place_of_a_bias(space: Space) -> None:
    """In every network of the spaces a convolution or linear layer has a bias exactly if no norm comes next."""
    for point in points(space, 100):
        row = flat(space.architecture(point).network((1, 32, 32), 10))
        for layer, after in zip(row, [*row[1:], None], strict=True):
            if isinstance(layer, Convolution | Linear):
                assert layer.bias != isinstance(after, Normalisation)
