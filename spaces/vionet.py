"""VioNet: RegNets that break one chosen rule, all else as in a reference; one space for each broken rule.

Paper: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020. It finds constant or falling widths and depths
much worse than rising ones (figure 7), a bottleneck ratio or a group width of each stage's own no better than a shared
one (figure 5), b = 1 and g > 1 best (figure 11, section 3.2), inverted bottlenecks a little worse than b = 1 and
depthwise convolutions worse still (figure 14).

    reference           RegNet's line with d <= 28 and w_m >= 2, b = 1, one g > 1 for all stages
    falling_widths      widths in falling order
    wide_middle         the widest stage, which is the last, swapped with the middle one
    falling_depths      depths in falling order
    depthwise           g = 1
    full_groups         g = w: one group, a dense 3x3
    bottleneck          b = 4
    inverted_bottleneck b = 1/4
    own_bottlenecks     each stage its own b of 1, 2, 4
    own_group_widths    each stage its own g

Ours: all of it. Every arm draws d, w_0, w_a and w_m from the distribution of the reference and changes only the named
thing in what the line gives. Widths and groups are made compatible afterwards, so widths may be rounded otherwise than
in the reference; points where that mends the rule, or where the line leaves nothing to break, don't belong to an arm.
The reference is the paper's constrained RegNet (section 4: b = 1, w_m >= 2, at most 28 blocks for its published
networks; its limits on parameters and activations and its 12 blocks at least aren't taken over). It leaves out g = 1,
which RegNet has, for else it would break a rule itself; in a stage no wider than g it has one group, as the arm of full
groups has. It doesn't demand rising depths: nor does the line, whose last stage is often the shorter one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from nas.errors import Refused
from nas.space import Choice, Dimension, Integer, Point, Real, Space
from spaces import regnet
from spaces.anynet import AnyNet, build
from spaces.blocks import Block
from spaces.network import Network

LINE: dict[str, Dimension] = {
    "depth": Integer(low=4, high=28),
    "initial_width": regnet.DIMENSIONS["initial_width"],
    "slope": regnet.DIMENSIONS["slope"],
    "multiplier": Real(low=2, high=3),
}
GROUP_WIDTH = Choice(options=(2, 4, 8, 16, 32))
DRAWN: dict[str, Dimension] = {"bottleneck": regnet.BOTTLENECK, "group_width": GROUP_WIDTH}
SOURCE = "after Radosavovic et al., Designing Network Design Spaces, CVPR 2020"


class Stages(NamedTuple):
    """What is asked for in each stage, before widths and groups are made compatible."""

    depths: tuple[int, ...]
    """Blocks."""
    widths: tuple[int, ...]
    """Output channels."""
    bottlenecks: tuple[float, ...]
    """Width divided by inner width."""
    group_widths: tuple[int, ...]
    """Channels a group."""


class Arm(msgspec.Struct, frozen=True, kw_only=True):
    """One way to break a rule."""

    says: str
    """What holds here and not in the reference."""
    broken: Callable[[AnyNet], bool]
    """Whether that holds in a network as built."""
    change: Callable[[Stages], Stages] = lambda stages: stages
    """What is done to the stages of the reference."""
    own: str = ""
    """The group of dimensions that each stage draws for itself: `bottleneck` or `group_width`."""
    grouped: bool = True
    """Whether a group width is drawn; the change replaces it otherwise."""


def _fallen(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(values, reverse=True))


def _falls(values: tuple[int, ...]) -> bool:
    """Whether no value is larger than the one before, and the last is smaller than the first."""
    return values == _fallen(values) and values[0] > values[-1]


def _middle(values: tuple[int, ...]) -> int:
    """Position of the middle value, the earlier of two."""
    return (len(values) - 1) // 2


def _swapped(values: tuple[int, ...]) -> tuple[int, ...]:
    """The last value in the middle, and the middle one in its place."""
    middle = _middle(values)
    return (*values[:middle], values[-1], *values[middle + 1 : -1], values[middle])


def _bulges(values: tuple[int, ...]) -> bool:
    """Whether the middle value is larger than all others."""
    middle = _middle(values)
    return values[middle] > max(values[:middle] + values[middle + 1 :])


def _own_groups(network: AnyNet) -> bool:
    """Whether group widths differ though the width of the stage doesn't force it."""
    narrower = zip(network.group_widths, network.widths, strict=True)
    return any(group < min(width, max(network.group_widths)) for group, width in narrower)


ARMS: dict[str, Arm] = {
    "falling_widths": Arm(
        says="widths fall",
        change=lambda stages: stages._replace(widths=_fallen(stages.widths)),
        broken=lambda network: _falls(network.widths),
    ),
    "wide_middle": Arm(
        says="the middle stage is the widest",
        change=lambda stages: stages._replace(widths=_swapped(stages.widths)),
        broken=lambda network: _bulges(network.widths),
    ),
    "falling_depths": Arm(
        says="depths fall",
        change=lambda stages: stages._replace(depths=_fallen(stages.depths)),
        broken=lambda network: _falls(network.depths),
    ),
    "depthwise": Arm(
        says="a group has one channel",
        change=lambda stages: stages._replace(group_widths=(1,) * len(stages.widths)),
        broken=lambda network: set(network.group_widths) == {1},
        grouped=False,
    ),
    "full_groups": Arm(
        says="all channels are in one group",
        change=lambda stages: stages._replace(group_widths=stages.widths),
        broken=lambda network: network.group_widths == network.widths,
        grouped=False,
    ),
    "bottleneck": Arm(
        says="inner convolutions have a quarter of the width",
        change=lambda stages: stages._replace(bottlenecks=(4,) * len(stages.widths)),
        broken=lambda network: set(network.bottlenecks) == {4},
    ),
    "inverted_bottleneck": Arm(
        says="inner convolutions have four times the width",
        change=lambda stages: stages._replace(bottlenecks=(0.25,) * len(stages.widths)),
        broken=lambda network: set(network.bottlenecks) == {0.25},
    ),
    "own_bottlenecks": Arm(
        says="bottleneck ratios differ",
        own="bottleneck",
        broken=lambda network: len(set(network.bottlenecks)) > 1,
    ),
    "own_group_widths": Arm(
        says="group widths differ",
        own="group_width",
        broken=_own_groups,
    ),
}
"""Every broken rule by name."""


class Breaks(msgspec.Struct, frozen=True, kw_only=True):
    """The requirement that a point's network breaks the rule as built."""

    arm: str
    """Which."""

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return f"{ARMS[self.arm].says} as built"

    def __call__(self, point: Point) -> bool:
        """Whether it does; the kind of block doesn't matter."""
        return ARMS[self.arm].broken(decode(point, block="x", arm=self.arm))


def asked(point: Point) -> Stages:
    """The stages that a point asks for, before any change: the line, b = 1 unless stages draw their own, g."""
    depths, widths = regnet.stages(regnet.widths_of(point))
    numbers = range(1, len(widths) + 1)
    bottlenecks = tuple([float(point.get(f"bottleneck_{number}", 1)) for number in numbers])
    shared = point.get("group_width", 1)
    group_widths = tuple([int(point.get(f"group_width_{number}", shared)) for number in numbers])
    return Stages(depths, widths, bottlenecks, group_widths)


def decode(point: Point, *, block: Block, arm: str) -> AnyNet:
    """The network of a point; without an arm that of the reference."""
    stages = asked(point)
    return build(block, *(ARMS[arm].change(stages) if arm else stages))


def reference(block: Block = "x", count: int = 3) -> Space:
    """What each arm differs from: RegNets with b = 1 and one g > 1."""
    _require(block, count)
    return Space(
        name=_name(block, "reference", count),
        dimensions=LINE | {"group_width": GROUP_WIDTH},
        decode=partial(decode, block=block, arm=""),
        requirements=(regnet.StageCount(count=count),),
        source=SOURCE,
    )


def space(arm: str, block: Block = "x", count: int = 3) -> Space:
    """The networks that break one rule; a suffix names the number of stages unless it is three."""
    if arm not in ARMS:
        raise Refused(f"there is no broken rule {arm!r}", hint=f"there are {', '.join(ARMS)}")
    _require(block, count)
    own, grouped = ARMS[arm].own, ARMS[arm].grouped
    drawn = {f"{own}_{stage}": DRAWN[own] for stage in range(1, count + 1)} if own else {}
    shared = {"group_width": GROUP_WIDTH} if grouped and own != "group_width" else {}
    return Space(
        name=_name(block, arm, count),
        dimensions=LINE | drawn | shared,
        decode=partial(decode, block=block, arm=arm),
        requirements=(regnet.StageCount(count=count), Breaks(arm=arm)),
        source=SOURCE,
    )


def _name(block: Block, what: str, count: int) -> str:
    return f"VioNet{block.upper()}_{what}" + ("" if count == 3 else f"_{count}")


def _require(block: Block, count: int) -> None:
    """Refuse blocks without groups, and too few stages for a middle."""
    if block not in ("x", "y") or not 3 <= count <= 8:
        raise Refused(f"VioNets have x or y blocks and 3 to 8 stages, got {block!r} and {count}")


REFERENCE = reference()
"""The reference with X blocks and three stages."""
SPACES: dict[str, Space] = {arm: space(arm) for arm in ARMS}
"""Broken rule -> its space with X blocks and three stages."""
ALL: tuple[Space, ...] = (REFERENCE, *SPACES.values())
NETWORKS: tuple[Network, ...] = ()
"""Nobody has published one."""
