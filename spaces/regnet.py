"""RegNet: AnyNets whose widths follow a quantised line, so that six numbers describe a network.

Paper: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, equations 2 to 4.

    u_j = w_0 + w_a j                          a line over the blocks j = 0 .. d-1
    s_j = log(u_j / w_0) / log(w_m)            how many powers of w_m that is
    w_j = w_0 w_m^round(s_j), to a multiple of 8

A stage is a run of equal widths. RegNetX has X blocks, RegNetY has Y blocks.

Ours: distributions of the dimensions (d uniform, w_0 and w_a log-uniform, w_m uniform); only points with the wanted
number of stages belong to a space. The published networks follow the paper's rounding; three of torchvision's differ by
rounding and bear its name.
"""

from __future__ import annotations

from functools import partial
from math import log

import msgspec

from nas.errors import Refused
from nas.space import Choice, Dimension, Integer, Point, Real, Space
from spaces.anynet import AnyNet, Rounding, build
from spaces.blocks import Block
from spaces.network import Network

MULTIPLE = 8
BOTTLENECK = Choice(options=(1, 2, 4))
GROUP_WIDTH = Choice(options=(1, 2, 4, 8, 16, 32))
DIMENSIONS: dict[str, Dimension] = {
    "depth": Integer(low=4, high=63),
    "initial_width": Integer(low=8, high=256, unit=MULTIPLE, log=True),
    "slope": Real(low=8, high=256, log=True),
    "multiplier": Real(low=1.5, high=3),
    "bottleneck": BOTTLENECK,
    "group_width": GROUP_WIDTH,
}
SOURCE = "Radosavovic et al., Designing Network Design Spaces, CVPR 2020"

PUBLISHED: dict[Block, dict[str, tuple[int, int, float, float, int]]] = {  # d, w_0, w_a, w_m, g; b = 1
    "x": {
        "200mf": (13, 24, 36.44, 2.49, 8),
        "400mf": (22, 24, 24.48, 2.54, 16),
        "600mf": (16, 48, 36.97, 2.24, 24),
        "800mf": (16, 56, 35.73, 2.28, 16),
        "1_6gf": (18, 80, 34.01, 2.25, 24),
        "3_2gf": (25, 88, 26.31, 2.25, 48),
        "4gf": (23, 96, 38.65, 2.43, 40),
        "6_4gf": (17, 184, 60.83, 2.07, 56),
        "8gf": (23, 80, 49.56, 2.88, 120),
        "12gf": (19, 168, 73.36, 2.37, 112),
        "16gf": (22, 216, 55.59, 2.1, 128),
        "32gf": (23, 320, 69.86, 2.0, 168),
    },
    "y": {
        "200mf": (13, 24, 36.44, 2.49, 8),
        "400mf": (16, 48, 27.89, 2.09, 8),
        "600mf": (15, 48, 32.54, 2.32, 16),
        "800mf": (14, 56, 38.84, 2.4, 16),
        "1_6gf": (27, 48, 20.71, 2.65, 24),
        "3_2gf": (21, 80, 42.63, 2.66, 24),
        "4gf": (22, 96, 31.41, 2.24, 64),
        "6_4gf": (25, 112, 33.22, 2.27, 72),
        "8gf": (17, 192, 76.82, 2.19, 56),
        "12gf": (19, 168, 73.36, 2.37, 112),
        "16gf": (18, 200, 106.23, 2.48, 112),
        "32gf": (20, 232, 115.89, 2.53, 232),
        "128gf": (27, 456, 160.83, 2.52, 264),  # torchvision only
    },
}
TWINS: tuple[tuple[Block, str], ...] = (("x", "400mf"), ("y", "800mf"), ("y", "8gf"))
"""Networks whose widths differ under torchvision's rounding."""


def block_widths(slope: float, initial: int, multiplier: float, depth: int) -> list[int]:
    """Width of each block: linear, snapped to powers of `multiplier`, then to 8 (equations 2 to 4)."""
    widths, width, before = [], 0, -1
    base = log(multiplier)
    for block in range(depth):
        power = round(log((initial + slope * block) / initial) / base)
        if power != before:
            width, before = MULTIPLE * round(initial * multiplier**power / MULTIPLE), power
        widths.append(width)
    return widths


def stages(widths: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Depths and widths of the runs of equal widths."""
    ordered = sorted(set(widths))
    return tuple(widths.count(width) for width in ordered), tuple(ordered)


def widths_of(point: Point) -> list[int]:
    """Width of each block of a point's line."""
    slope, multiplier = float(point["slope"]), float(point["multiplier"])
    return block_widths(slope, int(point["initial_width"]), multiplier, int(point["depth"]))


def from_line(
    block: Block,
    depth: int,
    initial: int,
    slope: float,
    multiplier: float,
    group_width: int,
    bottleneck: int = 1,
    rounding: Rounding = "paper",
) -> AnyNet:
    """The AnyNet that the six numbers describe."""
    depths, widths = stages(block_widths(slope, initial, multiplier, depth))
    count = len(widths)
    return build(block, depths, widths, (bottleneck,) * count, (group_width,) * count, rounding=rounding)


def decode(point: Point, *, block: Block) -> AnyNet:
    """The network of a point."""
    return from_line(
        block,
        int(point["depth"]),
        int(point["initial_width"]),
        float(point["slope"]),
        float(point["multiplier"]),
        int(point["group_width"]),
        int(point["bottleneck"]),
    )


class StageCount(msgspec.Struct, frozen=True, kw_only=True):
    """The requirement that the quantised line has a given number of stages."""

    count: int
    """Stages."""

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return f"the line has {self.count} stages"

    def __call__(self, point: Point) -> bool:
        """Whether the line of a point has that many different widths."""
        return len(set(widths_of(point))) == self.count


def space(block: Block, count: int) -> Space:
    """RegNets of one block with a given number of stages; a suffix names it unless it is four."""
    if block not in ("x", "y"):
        raise Refused(f"RegNets have x or y blocks, got {block!r}")
    return Space(
        name=f"RegNet{block.upper()}" + ("" if count == 4 else f"_{count}"),
        dimensions=DIMENSIONS,
        decode=partial(decode, block=block),
        requirements=(StageCount(count=count),),
        source=SOURCE,
    )


def _network(block: Block, size: str, rounding: Rounding) -> Network:
    depth, initial, slope, multiplier, group_width = PUBLISHED[block][size]
    return Network(
        name=f"regnet_{block}_{size}" + ("_torchvision" if rounding == "torchvision" else ""),
        architecture=from_line(block, depth, initial, slope, multiplier, group_width, rounding=rounding),
        inputs=(3, 224, 224),
        classes=1000,
        source=SOURCE if size != "128gf" else "torchvision",
    )


NETWORKS = (
    *(_network(block, size, "paper") for block, sizes in PUBLISHED.items() for size in sizes),
    *(_network(block, size, "torchvision") for block, size in TWINS),
)
X, X2, X3, X5 = (space("x", count) for count in (4, 2, 3, 5))
Y, Y3 = space("y", 4), space("y", 3)
ALL = (X, Y, X3, Y3, X2, X5)
