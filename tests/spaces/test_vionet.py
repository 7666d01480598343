"""VioNet: each arm breaks its own rule as built, and changes nothing else of what the reference would be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from nas.errors import Refused
from nas.sampling import Filter, Network
from nas.space import Point, Space
from nas.space.distribution import Distribution
from nas.study import Limits
from spaces import regnet, vionet
from spaces.anynet import AnyNet
from spaces.vionet import ARMS, REFERENCE, SPACES, Stages, asked
from tests.spaces.test_spaces import points

DRAWS = 4_000
SMALL = Limits(multiply_adds=(3_000_000, 6_000_000))
CHANGED = {
    "falling_widths": "widths",
    "wide_middle": "widths",
    "falling_depths": "depths",
    "depthwise": "group_widths",
    "full_groups": "group_widths",
    "bottleneck": "bottlenecks",
    "inverted_bottleneck": "bottlenecks",
    "own_bottlenecks": "bottlenecks",
    "own_group_widths": "group_widths",
}
"""Broken rule -> the one part of the stages in which a network may differ from the reference's."""


def built(space: Space, point: Point) -> AnyNet:
    """The network of a point."""
    network = space.architecture(point)
    assert isinstance(network, AnyNet)
    return network


def test_every_rule_has_a_space() -> None:
    """The nine broken rules and the reference are the spaces of the file, each named after its rule."""
    assert set(ARMS) == set(CHANGED) == set(SPACES)
    assert [space.name for space in vionet.ALL] == ["VioNetX_reference", *(f"VioNetX_{arm}" for arm in ARMS)]


def test_the_reference_is_a_regnet_that_breaks_no_rule() -> None:
    """The reference's networks are RegNets of three rising widths, without bottleneck, with one group width above 1."""
    for point in points(REFERENCE, 200):
        depth, initial, group_width = (int(point[name]) for name in ("depth", "initial_width", "group_width"))
        slope, multiplier = float(point["slope"]), float(point["multiplier"])
        network = built(REFERENCE, point)
        assert network == regnet.from_line("x", depth, initial, slope, multiplier, group_width)
        assert network.widths == tuple(sorted(network.widths))
        assert network.bottlenecks == (1, 1, 1)
        assert group_width > 1
        assert network.group_widths == tuple(min(group_width, width) for width in network.widths)
        assert all(before < after for before, after in pairwise(asked(point).widths))


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_changes_one_thing(arm: str) -> None:
    """Of depths, widths, ratios and group widths only the named one differs from what the reference asks for."""
    different = 0
    for point in points(SPACES[arm], 200):
        line = {name: point[name] for name in vionet.LINE}
        reference = asked({**line, "group_width": point.get("group_width", 8)})
        changed = ARMS[arm].change(asked(point))
        if "group_width" not in point:
            reference = reference._replace(group_widths=changed.group_widths)
        others = [name for name in Stages._fields if name != CHANGED[arm]]
        assert [getattr(changed, name) for name in others] == [getattr(reference, name) for name in others]
        different += changed != reference
    assert different or CHANGED[arm] == "group_widths"


@pytest.mark.parametrize("arm", ARMS)
def test_every_network_breaks_its_rule_as_built(arm: str) -> None:
    """The rule is broken in the network itself, after widths and groups were made compatible, not only in the point."""
    for point in points(SPACES[arm], 200):
        network = built(SPACES[arm], point)
        depths, widths, groups = network.depths, network.widths, network.group_widths
        match arm:
            case "falling_widths":
                assert widths[0] >= widths[1] >= widths[2] < widths[0]
            case "wide_middle":
                assert widths[0] < widths[1] > widths[2]
            case "falling_depths":
                assert depths[0] >= depths[1] >= depths[2] < depths[0]
            case "depthwise":
                assert groups == (1, 1, 1)
            case "full_groups":
                assert groups == widths
            case "bottleneck":
                assert network.bottlenecks == (4, 4, 4)
            case "inverted_bottleneck":
                assert network.bottlenecks == (0.25, 0.25, 0.25)
            case "own_bottlenecks":
                assert len(set(network.bottlenecks)) > 1
                assert set(network.bottlenecks) <= {1, 2, 4}
            case "own_group_widths":
                every = [tuple(min(one, width) for width in widths) for one in range(1, 33)]
                assert groups not in every
            case _:
                raise AssertionError(arm)


def line(**own: float) -> dict[str, float]:
    """The line of widths 24, 48, 96 in depths 1, 1, 3, worked out in the tests of RegNet; group width 8."""
    return {"depth": 5, "initial_width": 24, "slope": 24.0, "multiplier": 2.0, "group_width": 8, **own}


@pytest.mark.parametrize(
    ("arm", "own", "expected"),
    [
        ("falling_widths", {}, Stages((1, 1, 3), (96, 48, 24), (1, 1, 1), (8, 8, 8))),
        ("wide_middle", {}, Stages((1, 1, 3), (24, 96, 48), (1, 1, 1), (8, 8, 8))),
        ("falling_depths", {}, Stages((3, 1, 1), (24, 48, 96), (1, 1, 1), (8, 8, 8))),
        ("depthwise", {}, Stages((1, 1, 3), (24, 48, 96), (1, 1, 1), (1, 1, 1))),
        ("full_groups", {}, Stages((1, 1, 3), (24, 48, 96), (1, 1, 1), (24, 48, 96))),
        ("bottleneck", {}, Stages((1, 1, 3), (24, 64, 96), (4, 4, 4), (6, 8, 8))),  # inner 6, 12 to 16, 24
        ("inverted_bottleneck", {}, Stages((1, 1, 3), (24, 48, 96), (0.25, 0.25, 0.25), (8, 8, 8))),
        (
            "own_bottlenecks",
            {"bottleneck_1": 1, "bottleneck_2": 4, "bottleneck_3": 2},
            Stages((1, 1, 3), (24, 64, 96), (1, 4, 2), (8, 8, 8)),  # inner 24, 12 to 16, 48
        ),
        (
            "own_group_widths",
            {"group_width_1": 8, "group_width_2": 32, "group_width_3": 2},
            Stages((1, 1, 3), (24, 64, 96), (1, 1, 1), (8, 32, 2)),  # 48 is 1.5 groups of 32: to 2
        ),
    ],
)
def test_arms_by_hand(arm: str, own: dict[str, float], expected: Stages) -> None:
    """One line under every arm, worked out on paper."""
    network = SPACES[arm].decode(line(**own))
    assert isinstance(network, AnyNet)
    assert (network.depths, network.widths, network.bottlenecks, network.group_widths) == expected


def test_points_that_break_nothing_do_not_belong() -> None:
    """Equal depths, equal ratios, and group widths that the width alone makes differ are left out."""
    even = line(depth=3, slope=36.0)  # u = 24, 60, 96: powers 0, 1.3, 2; shallower than the law has
    assert asked(even).depths == (1, 1, 1)
    assert REFERENCE.allows(even)
    assert not SPACES["falling_depths"].allows(even)
    assert not SPACES["own_bottlenecks"].allows(line(bottleneck_1=2, bottleneck_2=2, bottleneck_3=2))
    narrow = line(initial_width=8, slope=8.0, group_width_1=16, group_width_2=32, group_width_3=32)
    assert asked(narrow).widths == (8, 16, 32)  # what g = 32 would give, too
    assert not SPACES["own_group_widths"].allows(narrow)


@pytest.mark.parametrize("space", vionet.ALL, ids=lambda space: space.name)
def test_the_window_is_hit(space: Space) -> None:
    """At least one draw in a hundred has 3 to 6 million multiply-adds at 1x28x28."""
    filter_ = Filter(space=space, limits=SMALL, inputs=(1, 28, 28), classes=10)
    distribution = Distribution(space)
    drawn = distribution.points(np.random.default_rng(0).random((DRAWS, len(distribution.names))))
    assert sum(isinstance(filter_.judge(point), Network) for point in drawn) >= DRAWS / 100


def test_other_blocks_and_stages() -> None:
    """Arms exist for Y blocks and other numbers of stages, named after them; four stages have a middle, too."""
    space = vionet.space("wide_middle", "y", 4)
    assert space.name == "VioNetY_wide_middle_4"
    for point in points(space, 20):
        network = built(space, point)
        assert network.block == "y"
        assert network.widths[1] == max(network.widths)
        assert network.widths.count(network.widths[1]) == 1
    assert vionet.reference("y", 4).name == "VioNetY_reference_4"


def test_unknown_arms_are_refused() -> None:
    """A rule that isn't in the table, blocks without groups and two stages are refused with a way out."""
    with pytest.raises(Refused, match="no broken rule 'falling'"):
        vionet.space("falling")
    for block, count in (("v", 3), ("x", 2)):
        with pytest.raises(Refused, match="x or y blocks and 3 to 8 stages"):
            vionet.space("depthwise", block, count)
