"""AnyNet: stem, stages, head, with depth, width, bottleneck ratio and group width free in every stage.

Paper: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, section 3 and appendix.

    stem    3x3, stride 2, 32 channels, norm, ReLU
    stage i d_i blocks of width w_i, the first with stride 2
    head    global average pool, linear
    block   X, Y, R, V or VR: see spaces/blocks.py

The ladder: A is free; B shares the bottleneck ratio; C the group width, too; in D widths rise; in E depths, too.
The paper finds A, B and C alike, D better, E better again, and the X block the best of X, R, V and VR; with R, b > 1 is
better than b = 1, and the residual of VR gives V nothing (figures 5, 7, 23, appendix D).

Ours: the distribution of depths and widths is log-uniform as in the paper; D and E are drawn exactly in order. A block
whose ratio or groups are fixed has no dimension for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache, partial
from math import lcm
from typing import Literal, NamedTuple

import msgspec

from nas.errors import Refused
from nas.layers import Layer, Repetition, Sequence, Shape
from nas.space import Choice, Dimension, Integer, Point, Space, Value, rising
from spaces.blocks import Block, block_layers, expansion, inner_width
from spaces.network import Network
from spaces.parts import NORM, RELU, convolution, global_head
from spaces.stages import require_stages

Rounding = Literal["paper", "torchvision"]

STEM_WIDTH = 32
DEPTH = Integer(low=1, high=16, log=True)
WIDTH = Integer(low=8, high=1024, unit=8, log=True)
BOTTLENECK = Choice(options=(1, 2, 4))
GROUP_WIDTH = Choice(options=(1, 2, 4, 8, 16, 32))
DRAWN: dict[str, Dimension] = {
    "depth": DEPTH,
    "width": WIDTH,
    "bottleneck": BOTTLENECK,
    "group_width": GROUP_WIDTH,
}
CHOSEN: dict[Block, tuple[str, ...]] = {
    "x": ("depth", "width", "bottleneck", "group_width"),
    "y": ("depth", "width", "bottleneck", "group_width"),
    "r": ("depth", "width", "bottleneck"),
    "v": ("depth", "width"),
    "vr": ("depth", "width"),
}
"""What each stage of a block chooses, in this order."""
SOURCE = "Radosavovic et al., Designing Network Design Spaces, CVPR 2020"


class AnyNet(msgspec.Struct, frozen=True, kw_only=True):
    """A network of stages; widths and group widths are already compatible."""

    block: Block
    """Kind of block in all stages."""
    depths: tuple[int, ...]
    """Blocks in each stage."""
    widths: tuple[int, ...]
    """Output channels of each stage."""
    bottlenecks: tuple[float, ...]
    """Width divided by inner width, in each stage: whole, or one over a whole number; V and VR blocks have 1."""
    group_widths: tuple[int, ...]
    """Channels a group of the 3x3 convolution, in each stage; the inner width in blocks without groups."""
    stem_width: int = STEM_WIDTH
    """Output channels of the stem."""

    def __post_init__(self) -> None:
        require_stages(depths=self.depths, widths=self.widths, group_widths=self.group_widths)
        for width, bottleneck, group_width in zip(self.widths, self.bottlenecks, self.group_widths, strict=True):
            if (inner := inner_width(width, bottleneck)) % group_width:
                raise ValueError(f"a group width must divide its stage's inner width, got {group_width=}, {inner=}")

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Stem, stages and head; the input shape changes nothing, it only must be large enough."""
        stem = _stem(self.stem_width)
        stages = []
        incoming = self.stem_width
        for number, width in enumerate(self.widths, 1):
            stages.append(self._stage(number, incoming))
            incoming = width
        return Sequence(layers=(stem, *stages, global_head(classes)))

    def facts(self) -> Mapping[str, Value]:
        """Depths and widths as built, and the number of blocks."""
        return {
            "blocks": sum(self.depths),
            "depths": "-".join(map(str, self.depths)),
            "widths": "-".join(map(str, self.widths)),
            "bottlenecks": "-".join(f"{ratio:g}" for ratio in self.bottlenecks),
            "group_widths": "-".join(map(str, self.group_widths)),
        }

    def _stage(self, number: int, incoming: int) -> Sequence:
        index = number - 1
        width, bottleneck, group_width = self.widths[index], self.bottlenecks[index], self.group_widths[index]
        first = block_layers(self.block, incoming, width, 2, bottleneck, group_width)
        depth = self.depths[index]
        if depth == 1:
            return Sequence(name=f"stage {number}", layers=(first,))
        rest = Repetition(layer=block_layers(self.block, width, width, 1, bottleneck, group_width), times=depth - 1)
        return Sequence(name=f"stage {number}", layers=(first, rest))


@lru_cache(maxsize=2**13)
def compatible(width: int, bottleneck: float, group_width: int, rounding: Rounding = "paper") -> tuple[int, int]:
    """Width and group width such that the group width divides the inner width (the paper's fix-up).

    A group width above the inner width becomes the inner width; otherwise the inner width is rounded to a multiple of
    it: ties to even in the paper's code, half up and never down by more than a tenth in torchvision's. Below a ratio
    of 1 the multiple is one of the inverse ratio as well, so that the width stays whole.
    """
    inner = inner_width(width, bottleneck)
    if group_width >= inner:
        return round(inner * bottleneck), inner
    unit = lcm(group_width, expansion(bottleneck))
    multiple = unit * max(1, round(inner / unit))
    if rounding == "torchvision":
        multiple = unit * ((2 * inner + unit) // (2 * unit))
        if multiple < 0.9 * inner:
            multiple += unit
    return round(multiple * bottleneck), group_width


def build(
    block: Block,
    depths: tuple[int, ...],
    widths: tuple[int, ...],
    bottlenecks: tuple[float, ...],
    group_widths: tuple[int, ...],
    *,
    stem_width: int = STEM_WIDTH,
    rounding: Rounding = "paper",
) -> AnyNet:
    """An AnyNet from what was asked for, made compatible stage by stage."""
    fixed = [compatible(w, b, g, rounding) for w, b, g in zip(widths, bottlenecks, group_widths, strict=True)]
    return AnyNet(
        block=block,
        depths=depths,
        widths=tuple(width for width, _ in fixed),
        bottlenecks=bottlenecks,
        group_widths=tuple(group for _, group in fixed),
        stem_width=stem_width,
    )


def decode(point: Point, *, block: Block, stages: int) -> AnyNet:
    """The network of a point with `depth_1`, `width_1`, and, where the block chooses them, `bottleneck_1` and so on."""
    names = _dimension_names(block, stages)
    depths, widths = _whole(point, names[0]), _whole(point, names[1])
    bottlenecks = tuple([float(point[name]) for name in names[2]]) if len(names) > 2 else (1,) * stages
    group_widths = _whole(point, names[3]) if len(names) > 3 else widths  # as wide as the stage: a single group
    return build(block, depths, widths, bottlenecks, group_widths)


class Ladder(NamedTuple):
    """AnyNet A to E of one block and number of stages; a rung with nothing to share is the rung below it."""

    a: Space
    """Everything is free in every stage."""
    b: Space
    """One bottleneck ratio for all stages."""
    c: Space
    """One group width for all stages, too."""
    d: Space
    """Widths rise, too."""
    e: Space
    """Depths rise, too."""


def ladder(block: Block, stages: int) -> Ladder:
    """AnyNet A to E of one block and number of stages; a suffix names the number of stages unless it is four."""
    if not 1 <= stages <= 8:
        raise Refused(f"stages must be between 1 and 8, got {stages}")
    prefix, suffix = f"AnyNet{block.upper()}_", "" if stages == 4 else f"_{stages}"
    groups = zip(CHOSEN[block], _dimension_names(block, stages), strict=True)
    a = Space(
        name=f"{prefix}A{suffix}",
        dimensions={name: DRAWN[group] for group, names in groups for name in names},
        decode=partial(decode, block=block, stages=stages),
        source=SOURCE,
    )
    b = a.share("bottleneck").named(f"{prefix}B{suffix}") if "bottleneck" in CHOSEN[block] else a
    c = b.share("group_width").named(f"{prefix}C{suffix}") if "group_width" in CHOSEN[block] else b
    d = c.require(rising("width")).named(f"{prefix}D{suffix}")
    e = d.require(rising("depth")).named(f"{prefix}E{suffix}")
    return Ladder(a, b, c, d, e)


def _whole(point: Point, names: tuple[str, ...]) -> tuple[int, ...]:
    """The values of some dimensions, which are whole numbers."""
    return tuple([int(point[name]) for name in names])


@cache
def _dimension_names(block: Block, stages: int) -> tuple[tuple[str, ...], ...]:
    """Names of what the block chooses: depths, widths, and so on."""
    return tuple(tuple(f"{group}_{stage}" for stage in range(1, stages + 1)) for group in CHOSEN[block])


@lru_cache
def _stem(width: int) -> Sequence:
    return Sequence(name="stem", layers=(convolution(width, 3, stride=2), NORM, RELU))


X, X2, X3, X5 = (ladder("x", stages) for stages in (4, 2, 3, 5))
Y, Y3 = ladder("y", 4), ladder("y", 3)
R, R3 = ladder("r", 4), ladder("r", 3)
V, V3 = ladder("v", 4), ladder("v", 3)
VR, VR3 = ladder("vr", 4), ladder("vr", 3)
ENDS = (X2, X5, R, R3, V, V3, VR, VR3)
"""Ladders of which only the ends, A and E, are listed."""
ALL = (*X, *Y, *X3, *Y3, *(rung for rungs in ENDS for rung in (rungs.a, rungs.e)))
"""Every listed space; a ladder's other rungs are there all the same, as `V3.d`."""
NETWORKS = (
    Network(
        name="regnetx32_d2l",
        architecture=build("x", (4, 6), (32, 80), (1, 1), (16, 16)),
        inputs=(1, 96, 96),
        classes=10,
        source="Zhang et al., Dive into Deep Learning, section 8.8",
    ),
)
"""The book's RegNet; the paper's are in their own file."""
