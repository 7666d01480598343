"""AnyNet: stem, stages, head, with depth, width, bottleneck ratio and group width free in every stage.

Paper: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, section 3 and appendix.

    stem    3x3, stride 2, 32 channels, norm, ReLU
    stage i d_i blocks of width w_i, the first with stride 2
    head    global average pool, linear
    X block x + f(x), ReLU; f = 1x1 to w/b, 3x3 in groups of width g (stride here), 1x1 to w; a norm after each
    Y block X with squeeze-excite after the 3x3, a quarter of the block's input width

The ladder: A is free; B shares the bottleneck ratio; C the group width, too; in D widths rise; in E depths, too.

Ours: the law of depths and widths is log-uniform as in the paper; D and E are drawn exactly in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache, partial
from typing import Literal

import msgspec

from nas.errors import Refused
from nas.layers import Layer, Repetition, Residual, Sequence, Shape, SqueezeExcite
from nas.space import Choice, Dimension, Integer, Point, Space, Value, rising
from spaces.network import Network
from spaces.parts import NORM, RELU, convolution, global_head

Block = Literal["x", "y"]
Rounding = Literal["paper", "torchvision"]

STEM_WIDTH = 32
SQUEEZE_RATIO = 0.25
DEPTH = Integer(low=1, high=16, log=True)
WIDTH = Integer(low=8, high=1024, unit=8, log=True)
BOTTLENECK = Choice(options=(1, 2, 4))
GROUP_WIDTH = Choice(options=(1, 2, 4, 8, 16, 32))


class AnyNet(msgspec.Struct, frozen=True, kw_only=True):
    """A network of stages; widths and group widths are already compatible."""

    block: Block
    """Kind of block in all stages."""
    depths: tuple[int, ...]
    """Blocks in each stage."""
    widths: tuple[int, ...]
    """Output channels of each stage."""
    bottlenecks: tuple[int, ...]
    """Width divided by inner width, in each stage."""
    group_widths: tuple[int, ...]
    """Channels a group of the 3x3 convolution, in each stage."""
    stem_width: int = STEM_WIDTH
    """Output channels of the stem."""

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
            "bottlenecks": "-".join(map(str, self.bottlenecks)),
            "group_widths": "-".join(map(str, self.group_widths)),
        }

    def _stage(self, number: int, incoming: int) -> Sequence:
        index = number - 1
        width, bottleneck, group_width = self.widths[index], self.bottlenecks[index], self.group_widths[index]
        first = residual_block(self.block, incoming, width, 2, bottleneck, group_width)
        depth = self.depths[index]
        if depth == 1:
            return Sequence(name=f"stage {number}", layers=(first,))
        rest = Repetition(layer=residual_block(self.block, width, width, 1, bottleneck, group_width), times=depth - 1)
        return Sequence(name=f"stage {number}", layers=(first, rest))


@lru_cache(maxsize=2**14)
def residual_block(block: Block, incoming: int, width: int, stride: int, bottleneck: int, group_width: int) -> Sequence:
    """One X or Y block with its ReLU; kept, because a sampler meets the same blocks again and again."""
    squeezed = max(1, round(SQUEEZE_RATIO * incoming)) if block == "y" else 0
    branch = _branch(width, stride, width // bottleneck, group_width, squeezed)
    if incoming == width and stride == 1:
        return Sequence(layers=(Residual(branch=branch), RELU))
    return Sequence(layers=(Residual(branch=branch, shortcut=_projection(width, stride)), RELU))


@lru_cache(maxsize=2**14)
def _branch(width: int, stride: int, inner: int, group_width: int, squeezed: int) -> Sequence:
    """1x1, grouped 3x3, 1x1, each with its norm; it doesn't depend on what comes in, but for a Y block's squeeze."""
    squeeze = (SqueezeExcite(width=squeezed),) if squeezed else ()
    grouped = convolution(inner, 3, stride=stride, groups=inner // group_width)
    return Sequence(
        layers=(convolution(inner, 1), NORM, RELU, grouped, NORM, RELU, *squeeze, convolution(width, 1), NORM)
    )


@lru_cache(maxsize=2**12)
def _projection(width: int, stride: int) -> Sequence:
    """The shortcut where the shape changes."""
    return Sequence(layers=(convolution(width, 1, stride=stride), NORM))


@lru_cache(maxsize=2**13)
def compatible(width: int, bottleneck: int, group_width: int, rounding: Rounding = "paper") -> tuple[int, int]:
    """Width and group width such that the group width divides the inner width (the paper's fix-up).

    A group width above the inner width becomes the inner width; otherwise the inner width is rounded to a multiple of
    it: ties to even in the paper's code, half up and never down by more than a tenth in torchvision's.
    """
    inner = max(1, width // bottleneck)
    if group_width >= inner:
        return inner * bottleneck, inner
    multiple = group_width * round(inner / group_width)
    if rounding == "torchvision":
        multiple = group_width * ((2 * inner + group_width) // (2 * group_width))
        if multiple < 0.9 * inner:
            multiple += group_width
    return multiple * bottleneck, group_width


def build(
    block: Block,
    depths: tuple[int, ...],
    widths: tuple[int, ...],
    bottlenecks: tuple[int, ...],
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
    """The network of a point with `depth_1`, `width_1`, `bottleneck_1`, `group_width_1` and so on."""
    depths, widths, bottlenecks, group_widths = [
        tuple([int(point[name]) for name in names]) for names in _dimension_names(stages)
    ]
    return build(block, depths, widths, bottlenecks, group_widths)


def ladder(block: Block, stages: int) -> tuple[Space, Space, Space, Space, Space]:
    """AnyNet A to E of one block and number of stages; a suffix names the number of stages unless it is four."""
    if not 1 <= stages <= 8:
        raise Refused(f"stages must be between 1 and 8, got {stages}")
    prefix, suffix = f"AnyNet{block.upper()}_", "" if stages == 4 else f"_{stages}"
    kinds: tuple[Dimension, ...] = (DEPTH, WIDTH, BOTTLENECK, GROUP_WIDTH)
    dimensions: dict[str, Dimension] = {
        name: kind for kind, names in zip(kinds, _dimension_names(stages), strict=True) for name in names
    }
    source = "Radosavovic et al., Designing Network Design Spaces, CVPR 2020"
    a = Space(
        name=f"{prefix}A{suffix}",
        dimensions=dimensions,
        decode=partial(decode, block=block, stages=stages),
        source=source,
    )
    b = a.share("bottleneck").named(f"{prefix}B{suffix}")
    c = b.share("group_width").named(f"{prefix}C{suffix}")
    d = c.require(rising("width")).named(f"{prefix}D{suffix}")
    e = d.require(rising("depth")).named(f"{prefix}E{suffix}")
    return a, b, c, d, e


@cache
def _dimension_names(stages: int) -> tuple[tuple[str, ...], ...]:
    """Names of the depths, widths, bottleneck ratios and group widths."""
    kinds = ("depth", "width", "bottleneck", "group_width")
    return tuple(tuple(f"{kind}_{stage}" for stage in range(1, stages + 1)) for kind in kinds)


@lru_cache
def _stem(width: int) -> Sequence:
    return Sequence(name="stem", layers=(convolution(width, 3, stride=2), NORM, RELU))


X, Y = ladder("x", 4), ladder("y", 4)
X3, Y3 = ladder("x", 3), ladder("y", 3)
ALL = (*X, *Y, *X3, *Y3)
NETWORKS: tuple[Network, ...] = ()
"""Published networks: RegNets are in their own file."""
