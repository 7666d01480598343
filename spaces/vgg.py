"""VGG: blocks of equal 3x3 convolutions, each block closed by a pool that halves the image.

Paper: Simonyan and Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, ICLR 2015, table 1;
the book's in *Dive into Deep Learning*, section 8.2.

    block   d times 3x3, (norm,) ReLU; then a 2x2/2 max pool
    head    linear: twice linear, ReLU, dropout; then linear. Global: global average pool, linear

Ours: the head with a global pool. Without a norm convolutions have biases, with one they don't; torchvision's keep them
(no function is lost or gained) and pool to 7x7 before the head. Widths and numbers of convolutions are log-uniform.

`VGG` draws the number of blocks, too; `VGG_3`, `VGG_4` have a fixed one, which makes their widths a group that can be
shared, ordered and counted: `VGG_3_rising` is drawn exactly. Five pools need 32 pixels: at 28x28 none of five
blocks is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from nas.layers import AdaptivePooling, Layer, Repetition, Sequence, Shape
from nas.space import Choice, Dimension, Integer, Point, Space, Value, When, rising
from spaces.network import Network
from spaces.parts import DROPOUTS, NORM, RELU, convolution, global_head, linear_head, pool
from spaces.stages import joined, require_counts, require_stages, stage_values, staged

NormKind = Literal["none", "batch"]
Head = Literal["linear", "global"]

DEPTH = Integer(low=1, high=4, log=True)
WIDTH = Integer(low=8, high=512, unit=8, log=True)
LINEAR = When(dimension="head", values=("linear",))
REST: dict[str, Dimension] = {
    "norm": Choice(options=("none", "batch")),
    "head": Choice(options=("linear", "global")),
    "linear_width": Integer(low=64, high=4096, unit=64, log=True, when=LINEAR),
    "dropout": Choice(options=DROPOUTS, when=LINEAR),
}
SOURCE = "Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015"
BOOK = "Dive into Deep Learning, 8.2"

WIDTHS = (64, 128, 256, 512, 512)
PUBLISHED: dict[str, tuple[int, ...]] = {  # convolutions of the five blocks; table 1, columns A, B, D, E
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}


class VGG(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks of convolutions and a head."""

    depths: tuple[int, ...]
    """Convolutions in each block."""
    widths: tuple[int, ...]
    """Output channels of each block."""
    norm: NormKind = "none"
    """Whether a batch norm follows each convolution."""
    bias_before_norm: bool = False
    """Whether convolutions keep a bias that the norm cancels, as torchvision's do."""
    head: Head = "linear"
    """Two hidden linear layers, or a global average pool."""
    linear_width: int = 4096
    """Outputs of the two hidden linear layers; without meaning under a global pool."""
    dropout: float = 0.5
    """Probability of zero after the hidden linear layers; in [0, 1)."""
    pooled: int = 0
    """Edge to which an average pool brings the image before linear layers, in pixels; 0 for no such pool."""

    def __post_init__(self) -> None:
        require_stages(depths=self.depths, widths=self.widths)

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Blocks and head; raises ImpossibleShape where an image is too small for a pool a block."""
        normed = self.norm == "batch"
        bias = not normed or self.bias_before_norm
        blocks = (
            block_layers(number, depth, width, normed, bias)
            for number, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), 1)
        )
        return Sequence(layers=(*blocks, *self._head(classes)))

    def facts(self) -> Mapping[str, Value]:
        """Convolutions and widths of the blocks, and the number of layers with weights."""
        return {
            "depths": joined(self.depths),
            "widths": joined(self.widths),
            "layers": sum(self.depths) + (3 if self.head == "linear" else 1),
        }

    def _head(self, classes: int) -> tuple[Layer, ...]:
        if self.head == "global":
            return (global_head(classes),)
        shrink = (AdaptivePooling(size=self.pooled),) if self.pooled else ()
        return (*shrink, linear_head((self.linear_width, self.linear_width), classes, self.dropout))


@lru_cache(maxsize=2**13)
def block_layers(number: int, depth: int, width: int, normed: bool, bias: bool) -> Sequence:
    """One block with its pool; kept, because a sampler meets the same blocks again and again."""
    norm = (NORM,) if normed else ()
    unit = Sequence(layers=(convolution(width, 3, bias=bias), *norm, RELU))
    return Sequence(name=f"block {number}", layers=(Repetition(layer=unit, times=depth), pool()))


def decode(point: Point) -> VGG:
    """The network of a point with `depth_1`, `width_1` and so on, one a block."""
    stages = {"depths": stage_values(point, "depth"), "widths": stage_values(point, "width")}
    return msgspec.convert({**point, **stages}, VGG)


def space(*blocks: int) -> Space:
    """VGGs with one of these numbers of blocks; with a single one the name says it."""
    require_counts("blocks", blocks, 1, 8)
    return Space(
        name="VGG" if len(blocks) > 1 else f"VGG_{blocks[0]}",
        dimensions={**staged("blocks", blocks, depth=DEPTH, width=WIDTH), **REST},
        decode=decode,
        source=SOURCE,
    )


def rising_widths(blocks: int) -> Space:
    """VGGs of a fixed number of blocks, none narrower than the one before."""
    free = space(blocks)
    return free.require(rising("width")).named(f"{free.name}_rising")


def _published(name: str, norm: NormKind) -> Network:
    architecture = VGG(depths=PUBLISHED[name], widths=WIDTHS, norm=norm, bias_before_norm=True, pooled=7)
    return Network(
        name=name if norm == "none" else f"{name}_bn",
        architecture=architecture,
        inputs=(3, 224, 224),
        classes=1000,
        source=f"{SOURCE}; torchvision",
    )


def _book(name: str, divisor: int) -> Network:
    widths = tuple(width // divisor for width in WIDTHS)
    architecture = VGG(depths=PUBLISHED["vgg11"], widths=widths)
    return Network(name=name, architecture=architecture, inputs=(1, 224, 224), classes=10, source=BOOK)


ALL = (space(2, 3, 4, 5), space(3), rising_widths(3), space(4), rising_widths(4))
NETWORKS = (
    *(_published(name, norm) for name in PUBLISHED for norm in ("none", "batch")),
    _book("vgg11_d2l", 1),
    _book("vgg11_d2l_quarter", 4),
)
