"""ResNeXt against torchvision and by hand."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from nas.errors import Refused
from nas.layers import identity
from nas.sampling import Filter, Network
from nas.space import Space, Value, rising
from nas.study import Limits
from nas.training.modules import build as build_module
from spaces import anynet, resnet, resnext
from spaces.resnet import ResNet
from tests.spaces.test_resnet import OURS, assert_same_function, counts, torchvisions
from tests.spaces.test_spaces import points

THEIRS = ["resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"]
FOUR, THREE, TWO = resnext.ALL


@pytest.mark.parametrize("name", THEIRS)
def test_counts_are_torchvisions(name: str) -> None:
    """Parameters are torchvision's; multiply-adds at 3x224x224 are half the operations that torch counts on it."""
    theirs = torchvisions(name)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs.eval()(torch.empty(1, 3, 224, 224, device="meta"))
    assert counts(OURS[name]) == (sum(p.numel() for p in theirs.parameters()), counter.get_total_flops() // 2)


def test_torchvisions_weights_fit_in_order() -> None:
    """torchvision's weights, copied module by module in its order, make the same function."""
    layer = OURS["resnext50_32x4d"].architecture.network((3, 64, 64), 7)
    theirs = models.get_model("resnext50_32x4d", num_classes=7)
    assert_same_function(theirs, build_module(layer, (3, 64, 64)), (3, 64, 64))


@pytest.mark.parametrize(
    ("name", "inner", "groups"),
    [
        ("resnext50_32x4d", "128-256-512-1024", "32-32-32-32"),
        ("resnext101_32x8d", "256-512-1024-2048", "32-32-32-32"),
        ("resnext101_64x4d", "256-512-1024-2048", "64-64-64-64"),
    ],
)
def test_names_say_groups(name: str, inner: str, groups: str) -> None:
    """32x4d means 32 groups in every stage, four channels wide in the first."""
    facts = OURS[name].architecture.facts()
    assert (facts["inner_widths"], facts["groups"]) == (inner, groups)
    assert f"resnext{facts['layers']}_" in name


def test_resnext50_is_a_point() -> None:
    """The published ResNeXt-50 is a point of the space, with group widths that double from stage to stage."""
    point: dict[str, Value] = {"stem": "7x7/2+pool", "order": "post"}
    stages = zip((3, 4, 6, 3), (256, 512, 1024, 2048), (4, 8, 16, 32), strict=True)
    for stage, (depth, width, group_width) in enumerate(stages, 1):
        point |= {f"depth_{stage}": depth, f"width_{stage}": width}
        point |= {f"bottleneck_{stage}": 2, f"group_width_{stage}": group_width}
    assert all(FOUR.dimensions[dimension].contains(value) for dimension, value in point.items())
    assert FOUR.architecture(point) == OURS["resnext50_32x4d"].architecture


@pytest.mark.parametrize("space", resnext.ALL, ids=lambda space: space.name)
def test_points_are_made_compatible(space: Space) -> None:
    """Widths and groups of each stage are those of the AnyNet fix-up, and groups divide."""
    for point in points(space, 100):
        built = space.architecture(point)
        assert isinstance(built, ResNet)
        for stage, (width, inner, groups) in enumerate(
            zip(built.widths, built.inner_widths, built.groups, strict=True), 1
        ):
            bottleneck = int(point[f"bottleneck_{stage}"])
            asked = int(point[f"width_{stage}"]), bottleneck, int(point[f"group_width_{stage}"])
            assert (width, inner // groups) == anynet.compatible(*asked)
            assert width == inner * bottleneck


def test_widths_that_do_not_divide_are_rounded() -> None:
    """An inner width of 20 in groups of 8 becomes 16; a group wider than the inner width becomes all of it."""
    built = resnext.build((1, 1), (40, 40), (2, 4), (8, 32))
    assert built.widths == (32, 40)  # 20 is 2.5 groups of 8, ties to even; 10 is one group
    assert built.inner_widths == (16, 10)
    assert built.groups == (2, 1)
    assert built.stem_width == 8


def test_one_group_is_a_resnet() -> None:
    """With one group and a bottleneck ratio of four a ResNeXt is a ResNet of bottlenecks, in either order."""
    for order in ("post", "pre"):
        ours = resnext.build((2, 1), (128, 256), (4, 4), (32, 64), order=order)  # type: ignore[arg-type]
        other = resnet.build("bottleneck", (2, 1), (128, 256), order=order)  # type: ignore[arg-type]
        assert identity(ours.network((1, 28, 28), 10)) == identity(other.network((1, 28, 28), 10))


def test_sizes_and_orders() -> None:
    """The numbered groups are counted, shared and put in order."""
    assert [space.size() for space in resnext.ALL] == [3 * 2 * (16 * 256 * 3 * 6) ** stages for stages in (4, 3, 2)]
    shared = TWO.share("bottleneck").share("group_width").require(rising("width"))
    assert shared.size() == 3 * 2 * 16**2 * (256 * 257 // 2) * 3 * 6
    point = {"stem": "3x3/1", "order": "pre", "bottleneck": 2, "group_width": 8}
    architecture = shared.architecture(point | {"depth_1": 1, "depth_2": 2, "width_1": 32, "width_2": 64})
    assert architecture.facts()["groups"] == "2-4"


@pytest.mark.parametrize("space", resnext.ALL, ids=lambda space: space.name)
@pytest.mark.parametrize("window", [(3, 6), (10, 14), (30, 40)], ids=str)
def test_windows_are_hit(space: Space, window: tuple[int, int]) -> None:
    """Of random points at 1x28x28 at least one in a hundred costs 3 to 6, 10 to 14 or 30 to 40 M multiply-adds."""
    limits = Limits(multiply_adds=(window[0] * 10**6, window[1] * 10**6))
    filter_ = Filter(space=space, limits=limits, inputs=(1, 28, 28), classes=10)
    assert sum(isinstance(filter_.judge(point), Network) for point in points(space, 1000)) >= 10


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (((1, 0), (32, 64), (1, 1), (8, 8)), "stage 2 of bottleneck blocks: depth"),
        (((1, 1), (32, 0), (1, 1), (8, 8)), r"widths must hold a number of at least 1 for each stage, got \(32, 0\)"),
        (((1, 1), (32, 64), (1, 0), (8, 8)), r"bottlenecks must hold .* got \(1, 0\)"),
        (((1, 1), (32, 64), (1, 1), (8,)), r"group_widths must hold .* got \(8,\) with depths=\(1, 1\)"),
        (((), (), (), ()), r"widths must hold .* got \(\)"),
    ],
)
def test_impossible_networks_are_refused(settings: tuple[tuple[int, ...], ...], said: str) -> None:
    """Zero blocks, widths and ratios of zero, and stages that don't match are refused with the offending value."""
    with pytest.raises(Refused, match=said):
        resnext.build(*settings)  # type: ignore[arg-type]
