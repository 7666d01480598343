"""ResNet: stages of residual blocks; the image shrinks in the stem and at the start of each stage but the first.

Papers: He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016, table 1 and section 4.2; He et al.,
*Identity Mappings in Deep Residual Networks*, ECCV 2016, figure 4 (e) and appendix.

    stem       7x7, stride 2, then a 3x3 max pool with stride 2; or 3x3 with stride 2 or 1; norm and ReLU after it
    basic      3x3 to w, 3x3 to w
    bottleneck 1x1 to w/4, 3x3, 1x1 to w
    post       x + f(x), ReLU; f = convolution, norm, ReLU, and so on; no ReLU before the addition
    pre        x + f(x); f = norm, ReLU, convolution, and so on; norm and ReLU once more before the head
    shortcut   1x1 with the block's stride where the shape changes, with norm if post; else the identity

A width w is a stage's output, as in AnyNet. The stem is as wide as the 3x3 convolutions of the first stage.
As the second paper's appendix has it, the first pre-activation block takes the stem's norm and ReLU for its own, and
a block that changes the shape hands its first norm and ReLU to branch and shortcut alike.

Ours: the stride of a bottleneck is that of its 3x3 (torchvision's; the paper has it in the first 1x1). The networks for
CIFAR-10 project where the shape changes (option B: 2,752 parameters more), for the layer tree has no node that pads
channels with zeros (the paper's option A). In the space a stem has at least 8 channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

import msgspec

from nas.errors import Refused
from nas.layers import Layer, Repetition, Sequence, Shape
from nas.space import Choice, Integer, Point, Space, Value
from spaces.network import Network
from spaces.parts import NORM, RELU, global_head, require_one_of
from spaces.residual import Block, Order, Stem, post_block, pre_block, stem_layers
from spaces.stages import stage_values, staged

EXPANSION: dict[Block, int] = {"basic": 1, "bottleneck": 4}
"""Output channels for each channel of the 3x3 convolutions, in the paper."""
WEIGHTED: dict[Block, int] = {"basic": 2, "bottleneck": 3}
"""Convolutions in a block's branch."""
LEAST_STEM = 8
DEPTH = Integer(low=1, high=16, log=True)
WIDTH = Integer(low=8, high=2048, unit=8, log=True)
STEM = Choice(options=get_args(Stem))
BLOCK = Choice(options=get_args(Block))
ORDER = Choice(options=get_args(Order))
POST = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016"
PRE = "He et al., Identity Mappings in Deep Residual Networks, ECCV 2016"
BOOK = "Zhang et al., Dive into Deep Learning, section 8.6"
TINY = "Banbury et al., MLPerf Tiny Benchmark, NeurIPS Datasets and Benchmarks 2021"
WIDE = "Zagoruyko and Komodakis, Wide Residual Networks, BMVC 2016"

PUBLISHED: dict[int, tuple[Block, tuple[int, ...]]] = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
"""Layers of a network for ImageNet -> its blocks and their number in each stage."""
SMALL = (8, 20, 32, 56, 110)
"""Layers of the networks for CIFAR-10: 6 n + 2, n blocks in each of three stages."""


class ResNet(msgspec.Struct, frozen=True, kw_only=True):
    """A network of residual stages; ResNeXts are such networks, too."""

    block: Block
    """Kind of block in all stages."""
    order: Order = "post"
    """Whether norm and ReLU come after the convolutions or before them."""
    stem: Stem = "7x7/2+pool"
    """Kernel and stride of the first convolution, and whether a pool follows."""
    stem_width: int
    """Output channels of the stem."""
    depths: tuple[int, ...]
    """Blocks in each stage; at least 1."""
    widths: tuple[int, ...]
    """Output channels of each stage."""
    inner_widths: tuple[int, ...]
    """Channels of the 3x3 convolutions in each stage; in basic blocks those of the output."""
    groups: tuple[int, ...]
    """Groups of the 3x3 convolution in each stage; 1 in basic blocks."""
    normed_shortcut: bool = True
    """Whether a norm follows the 1x1 shortcut of post-activation; the book's has a bias in its place."""

    def __post_init__(self) -> None:
        require_one_of(STEM, stem=self.stem)
        require_one_of(BLOCK, block=self.block)
        require_one_of(ORDER, order=self.order)
        counts = {len(values) for values in (self.depths, self.widths, self.inner_widths, self.groups)}
        if counts != {len(self.depths)} or not self.depths:
            raise Refused(
                "depths, widths, inner widths and groups are one number a stage, at least one stage, got "
                f"{self.depths}, {self.widths}, {self.inner_widths}, {self.groups}"
            )
        for stage, numbers in enumerate(zip(self.depths, self.widths, self.inner_widths, self.groups, strict=True), 1):
            _check_stage(stage, self.block, *numbers)

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Stem, stages and head; the input shape changes nothing."""
        parts = [stem_layers(self.stem, self.stem_width)]
        incoming = self.stem_width
        for index, width in enumerate(self.widths):
            parts.append(self._stage(index, incoming))
            incoming = width
        ending = (NORM, RELU) if self.order == "pre" else ()
        return Sequence(layers=(*parts, *ending, global_head(classes)))

    def facts(self) -> Mapping[str, Value]:
        """Depths, widths and groups as built, the number of blocks, and that of layers as the papers count them."""
        blocks = sum(self.depths)
        return {
            "blocks": blocks,
            "layers": WEIGHTED[self.block] * blocks + 2,
            "depths": "-".join(map(str, self.depths)),
            "widths": "-".join(map(str, self.widths)),
            "inner_widths": "-".join(map(str, self.inner_widths)),
            "groups": "-".join(map(str, self.groups)),
        }

    def _stage(self, index: int, incoming: int) -> Sequence:
        name, depth = f"stage {index + 1}", self.depths[index]
        first = self._block(index, incoming, stride=2 if index else 1, opening=not index)
        if depth == 1:
            return Sequence(name=name, layers=(first,))
        rest = self._block(index, self.widths[index], stride=1, opening=False)
        return Sequence(name=name, layers=(first, Repetition(layer=rest, times=depth - 1)))

    def _block(self, index: int, incoming: int, *, stride: int, opening: bool) -> Sequence:
        width, inner, groups = self.widths[index], self.inner_widths[index], self.groups[index]
        if self.order == "pre":
            return pre_block(self.block, incoming, width, stride, inner, groups, opening)
        return post_block(self.block, incoming, width, stride, inner, groups, self.normed_shortcut)


def build(
    block: Block, depths: tuple[int, ...], widths: tuple[int, ...], *, order: Order = "post", stem: Stem = "7x7/2+pool"
) -> ResNet:
    """A ResNet from the widths of its stages; those inside its blocks follow from the paper's expansion."""
    require_one_of(BLOCK, block=block)
    expansion = EXPANSION[block]
    if not widths or any(width < 1 or width % expansion for width in widths):
        raise Refused(f"widths of {block} blocks must be positive multiples of {expansion}, one a stage, got {widths}")
    inner = tuple(width // expansion for width in widths)
    return ResNet(
        block=block,
        order=order,
        stem=stem,
        stem_width=max(LEAST_STEM, inner[0]),
        depths=depths,
        widths=widths,
        inner_widths=inner,
        groups=(1,) * len(widths),
    )


def decode(point: Point) -> ResNet:
    """The network of a point with `stem`, `block`, `order`, and `depth_1`, `width_1` and so on."""
    return build(
        cast(Block, point["block"]),
        stage_values(point, "depth"),
        stage_values(point, "width"),
        order=cast(Order, point["order"]),
        stem=cast(Stem, point["stem"]),
    )


def space(stages: int) -> Space:
    """ResNets with a given number of stages; a suffix names it unless it is four."""
    kinds = {"stem": STEM, "block": BLOCK, "order": ORDER}
    return Space(
        name="ResNet" if stages == 4 else f"ResNet_{stages}",
        dimensions={**kinds, **staged("stages", (stages,), depth=DEPTH, width=WIDTH)},
        decode=decode,
        source=f"{POST}; {PRE}",
    )


def _check_stage(stage: int, block: Block, depth: int, width: int, inner: int, groups: int) -> None:
    """Refuse the numbers of a stage that make no blocks."""
    where = f"stage {stage} of {block} blocks"
    if min(depth, width, inner, groups) < 1:
        raise Refused(
            f"{where}: depth, width, inner width and groups must be at least 1, got {depth}, {width}, {inner}, {groups}"
        )
    if inner % groups:
        raise Refused(f"{where}: {groups} groups don't divide an inner width of {inner}")
    if block == "basic" and (inner != width or groups > 1):
        raise Refused(
            f"{where}: the inner width must be the width and there is one group, got {width=}, {inner=}, {groups=}"
        )


def _small(layers: int) -> Network:
    depth = (layers - 2) // 6
    return Network(
        name=f"resnet_{layers}",
        architecture=build("basic", (depth,) * 3, (16, 32, 64), stem="3x3/1"),
        inputs=(3, 32, 32),
        classes=10,
        source=TINY if depth == 1 else f"{POST}, section 4.2, with projections as shortcuts",
    )


def _large(layers: int, order: Order = "post") -> ResNet:
    block, depths = PUBLISHED[layers]
    first = 64 * EXPANSION[block]
    return build(block, depths, (first, 2 * first, 4 * first, 8 * first), order=order)


def _imagenet(layers: int, order: Order) -> Network:
    return Network(
        name=f"resnet{layers}" if order == "post" else f"preact_resnet{layers}",
        architecture=_large(layers, order),
        inputs=(3, 224, 224),
        classes=1000,
        source=POST if order == "post" else PRE,
    )


NETWORKS = (
    *(_imagenet(layers, "post") for layers in PUBLISHED),
    Network(
        name="wide_resnet50_2",
        architecture=msgspec.structs.replace(_large(50), inner_widths=(128, 256, 512, 1024)),
        inputs=(3, 224, 224),
        classes=1000,
        source=WIDE,
    ),
    *(_imagenet(layers, "pre") for layers in PUBLISHED),
    Network(
        name="resnet18_d2l",
        architecture=msgspec.structs.replace(_large(18), normed_shortcut=False),
        inputs=(1, 96, 96),
        classes=10,
        source=BOOK,
    ),
    *map(_small, SMALL),
)
ALL = (space(4), space(3), space(2))
