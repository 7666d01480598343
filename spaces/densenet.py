"""DenseNet: within a block every layer sees the outputs of all layers before it, joined.

Paper: Huang et al., *Densely Connected Convolutional Networks*, CVPR 2017, section 3 and table 1.

    plain layer       norm, ReLU, 3x3 to k channels (k: the growth rate), joined to the layer's input
    bottleneck layer  norm, ReLU, 1x1 to 4k, norm, ReLU, 3x3 to k, joined to the layer's input
    transition        norm, ReLU, 1x1 from m channels to floor(c m) (c: the compression), 2x2 pool with stride 2
    head              norm, ReLU, global average pool, linear

Ours: transitions may pool by maximum. In the space the stem is 3x3 with stride 2 and 2k channels, as narrow as the
paper's for small images and half their resolution, so that its networks cost what those of other families do; depths
and growth rate are log-uniform. No convolution has a bias, also where the book's code leaves one: between it and the
next convolution there is always a norm that would cancel it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import floor
from typing import Literal, cast, get_args

import msgspec

from nas.errors import Refused
from nas.layers import DenseConcatenation, Layer, Pooling, Repetition, Sequence, Shape
from nas.space import Choice, Dimension, Integer, Point, Space, Value, When
from spaces.network import Network
from spaces.parts import NORM, RELU, convolution, convolution_unit, global_head, pool, require_one_of

LayerKind = Literal["plain", "bottleneck"]
TransitionPool = Literal["average", "max"]
Stem = Literal["7x7/2+pool", "3x3/2", "3x3/1"]

BOTTLENECK_WIDTH = 4
"""Channels between the two convolutions of a bottleneck layer, in growth rates."""
LEAST_BLOCKS, MOST_BLOCKS = 2, 4
"""In the space: a single block has no transition, more than four don't fit into 28x28."""
DEPTH = Integer(low=1, high=16, log=True)
STEM = Choice(options=get_args(Stem))
LAYER_KIND = Choice(options=get_args(LayerKind))
POOL = Choice(options=get_args(TransitionPool))
SOURCE = "Huang et al., Densely Connected Convolutional Networks, CVPR 2017"
BOOK = "Zhang et al., Dive into Deep Learning, section 8.7"

PUBLISHED: dict[str, tuple[tuple[int, ...], int, int]] = {  # depths, growth rate, stem width
    "densenet121": ((6, 12, 24, 16), 32, 64),
    "densenet161": ((6, 12, 36, 24), 48, 96),
    "densenet169": ((6, 12, 32, 32), 32, 64),
    "densenet201": ((6, 12, 48, 32), 32, 64),
    "densenet264": ((6, 12, 64, 48), 32, 64),
}


class DenseNet(msgspec.Struct, frozen=True, kw_only=True):
    """Stem, dense blocks with transitions between them, head."""

    depths: tuple[int, ...]
    """Layers of each block; at least 1 each."""
    growth_rate: int
    """Channels that a layer adds; at least 1."""
    layer_kind: LayerKind = "bottleneck"
    """One convolution a layer, or two."""
    compression: float = 0.5
    """Share of the channels that a transition keeps; in (0, 1]."""
    pool: TransitionPool = "average"
    """Kind of pool in the transitions."""
    stem: Stem = "3x3/2"
    """Kernel and stride of the first convolution; only after 7x7 come norm, ReLU and a 3x3 max pool with stride 2."""
    stem_width: int
    """Output channels of the stem."""

    def __post_init__(self) -> None:
        if not self.depths or min(self.depths) < 1:
            raise Refused(f"a DenseNet needs at least one block, and each block a layer, got depths {self.depths}")
        if self.growth_rate < 1:
            raise Refused(f"growth_rate must be at least 1, got {self.growth_rate}")
        require_one_of(STEM, stem=self.stem)
        require_one_of(LAYER_KIND, layer_kind=self.layer_kind)
        require_one_of(POOL, pool=self.pool)
        if not 0 < self.compression <= 1:
            raise Refused(
                f"compression must lie in (0, 1], got {self.compression}", hint="1 keeps all channels, 0.5 half of them"
            )

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Stem, blocks, transitions and head; the input shape changes nothing, it only must be large enough."""
        parts = [_stem(self.stem, self.stem_width)]
        layer = dense_layer(self.layer_kind, self.growth_rate)
        for number, (times, width) in enumerate(zip(self.depths, self.widths(), strict=True), 1):
            parts.append(Sequence(name=f"block {number}", layers=(Repetition(layer=layer, times=times),)))
            if number < len(self.depths):
                between = transition(compressed(width, self.compression), self.pool)
                parts.append(Sequence(name=f"transition {number}", layers=(between,)))
        return Sequence(layers=(*parts, NORM, RELU, global_head(classes)))

    def widths(self) -> tuple[int, ...]:
        """Channels at the end of each block."""
        return block_widths(self.depths, self.growth_rate, self.compression, self.stem_width)

    def facts(self) -> Mapping[str, Value]:
        """Depths and widths of the blocks, and the number of layers as the paper counts, those with weights."""
        convolutions = 2 if self.layer_kind == "bottleneck" else 1
        return {
            "layers": sum(self.depths) * convolutions + len(self.depths) + 1,
            "depths": "-".join(map(str, self.depths)),
            "widths": "-".join(map(str, self.widths())),
        }


def block_widths(depths: tuple[int, ...], growth_rate: int, compression: float, stem_width: int) -> tuple[int, ...]:
    """Channels at the end of each block: what comes in and what its layers add; transitions compress in between."""
    widths: list[int] = []
    incoming = stem_width
    for depth in depths:
        widths.append(incoming + depth * growth_rate)
        incoming = compressed(widths[-1], compression)
    return tuple(widths)


def compressed(width: int, compression: float) -> int:
    """Channels after a transition, rounded down, at least one."""
    return max(1, floor(width * compression))


@lru_cache(maxsize=2**10)
def dense_layer(kind: LayerKind, growth_rate: int) -> DenseConcatenation:
    """One layer; it doesn't depend on what comes in."""
    grow = (NORM, RELU, convolution(growth_rate, 3))
    if kind == "plain":
        return DenseConcatenation(branch=Sequence(layers=grow))
    narrow = (NORM, RELU, convolution(BOTTLENECK_WIDTH * growth_rate, 1))
    return DenseConcatenation(branch=Sequence(layers=(*narrow, *grow)))


@lru_cache(maxsize=2**12)
def transition(width: int, kind: TransitionPool) -> Sequence:
    """Norm, ReLU, 1x1 to `width`, and a pool that halves the image."""
    return Sequence(layers=(NORM, RELU, convolution(width, 1), Pooling(kind=kind, kernel=2, stride=2)))


@lru_cache
def _stem(kind: Stem, width: int) -> Sequence:
    if kind == "7x7/2+pool":
        return Sequence(name="stem", layers=(convolution_unit(width, 7, stride=2), pool(3, 2, padding=1)))
    return Sequence(name="stem", layers=(convolution(width, 3, stride=2 if kind == "3x3/2" else 1),))


def decode(point: Point) -> DenseNet:
    """The network of a point; it has `depth_1`, `depth_2` and so on for as many blocks as there are."""
    growth_rate = int(point["growth_rate"])
    return DenseNet(
        depths=tuple(int(point[f"depth_{block}"]) for block in range(1, int(point["blocks"]) + 1)),
        growth_rate=growth_rate,
        layer_kind=cast(LayerKind, point["layer_kind"]),
        compression=float(point["compression"]),
        pool=cast(TransitionPool, point["pool"]),
        stem_width=2 * growth_rate,
    )


def small_image(layers: int, growth_rate: int, *, bottleneck: bool) -> DenseNet:
    """The paper's networks for 32x32: three equal blocks, so many layers with weights in all, 3x3 stem with stride 1.

    With bottlenecks (DenseNet-BC) transitions keep half of the channels, else all of them.
    """
    convolutions = 6 if bottleneck else 3
    depth, left = divmod(layers - 4, convolutions)
    if left or depth < 1:
        raise Refused(
            f"layers must be 4 more than a positive multiple of {convolutions}, got {layers}",
            hint=f"stem, two transitions and the linear layer are 4; {4 + convolutions * max(1, depth)} would do",
        )
    return DenseNet(
        depths=(depth,) * 3,
        growth_rate=growth_rate,
        layer_kind="bottleneck" if bottleneck else "plain",
        compression=0.5 if bottleneck else 1.0,
        stem="3x3/1",
        stem_width=2 * growth_rate if bottleneck else 16,
    )


def _depth(block: int) -> Integer:
    """How many layers a block may have; the first two blocks are always there."""
    if block <= LEAST_BLOCKS:
        return DEPTH
    return msgspec.structs.replace(DEPTH, when=When(dimension="blocks", values=tuple(range(block, MOST_BLOCKS + 1))))


def _published(name: str) -> Network:
    depths, growth_rate, stem_width = PUBLISHED[name]
    return Network(
        name=name,
        architecture=DenseNet(depths=depths, growth_rate=growth_rate, stem="7x7/2+pool", stem_width=stem_width),
        inputs=(3, 224, 224),
        classes=1000,
        source=SOURCE,
    )


DIMENSIONS: dict[str, Dimension] = {
    "blocks": Integer(low=LEAST_BLOCKS, high=MOST_BLOCKS),
    **{f"depth_{block}": _depth(block) for block in range(1, MOST_BLOCKS + 1)},
    "growth_rate": Integer(low=4, high=64, unit=4, log=True),
    "layer_kind": LAYER_KIND,
    "compression": Choice(options=(0.25, 0.5, 0.75, 1.0)),
    "pool": POOL,
}
D2L = DenseNet(depths=(4, 4, 4, 4), growth_rate=32, layer_kind="plain", stem="7x7/2+pool", stem_width=64)
"""The book's."""
SPACE = Space(name="DenseNet", dimensions=DIMENSIONS, decode=decode, source=SOURCE)
ALL = (SPACE,)
NETWORKS = (
    Network(name="densenet_d2l", architecture=D2L, inputs=(1, 96, 96), classes=10, source=BOOK),
    *map(_published, PUBLISHED),
    Network(
        name="densenet_bc_100_12",
        architecture=small_image(100, 12, bottleneck=True),
        inputs=(3, 32, 32),
        classes=10,
        source=SOURCE,
    ),
)
