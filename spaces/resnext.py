"""ResNeXt: ResNets of bottleneck blocks whose 3x3 convolution sees its channels in groups.

Paper: Xie et al., *Aggregated Residual Transformations for Deep Neural Networks*, CVPR 2017, table 1 and figure 3 (c).

    block 1x1 to w/b, 3x3 in groups of width g (stride here), 1x1 to w, each with norm; else as in ResNet
    named 32x4d has 32 groups in every stage, 4 channels wide in the first; widths double from stage to stage

Ours: in the space group widths and bottleneck ratios are free in every stage, the group width in place of the number
of groups (which the paper keeps equal in all stages); widths are made compatible as in AnyNet. A stem is a quarter as
wide as the first stage, as in the published ones, but has at least 8 channels.
"""

from __future__ import annotations

from typing import cast

from nas.errors import Refused
from nas.space import Dimension, Point, Space
from spaces.anynet import BOTTLENECK, GROUP_WIDTH, compatible
from spaces.network import Network
from spaces.residual import Order, Stem
from spaces.resnet import DEPTH, EXPANSION, LEAST_STEM, ORDER, STEM, WIDTH, ResNet
from spaces.stages import stage_values, staged

STAGE: dict[str, Dimension] = {
    "depth": DEPTH,
    "width": WIDTH,
    "bottleneck": BOTTLENECK,
    "group_width": GROUP_WIDTH,
}
"""What each stage has of its own."""
SOURCE = "Xie et al., Aggregated Residual Transformations for Deep Neural Networks, CVPR 2017"
WIDTHS = (256, 512, 1024, 2048)
"""Output channels of the stages of all published networks."""
PUBLISHED: dict[str, tuple[tuple[int, ...], int, int]] = {  # depths, groups, width of a group in the first stage
    "resnext50_32x4d": ((3, 4, 6, 3), 32, 4),
    "resnext101_32x8d": ((3, 4, 23, 3), 32, 8),
    "resnext101_64x4d": ((3, 4, 23, 3), 64, 4),
}


def build(
    depths: tuple[int, ...],
    widths: tuple[int, ...],
    bottlenecks: tuple[int, ...],
    group_widths: tuple[int, ...],
    *,
    order: Order = "post",
    stem: Stem = "7x7/2+pool",
) -> ResNet:
    """A ResNeXt from what was asked for, made compatible stage by stage."""
    _check(depths, widths=widths, bottlenecks=bottlenecks, group_widths=group_widths)
    fixed = [compatible(w, b, g) for w, b, g in zip(widths, bottlenecks, group_widths, strict=True)]
    inner = tuple([width // bottleneck for (width, _), bottleneck in zip(fixed, bottlenecks, strict=True)])
    return ResNet(
        block="bottleneck",
        order=order,
        stem=stem,
        stem_width=max(LEAST_STEM, fixed[0][0] // EXPANSION["bottleneck"]),
        depths=depths,
        widths=tuple([width for width, _ in fixed]),
        inner_widths=inner,
        groups=tuple([channels // group for channels, (_, group) in zip(inner, fixed, strict=True)]),
    )


def decode(point: Point) -> ResNet:
    """The network of a point with `stem`, `order`, and for each stage `depth_1`, `width_1` and so on."""
    depths, widths, bottlenecks, group_widths = [stage_values(point, name) for name in STAGE]
    order, stem = cast(Order, point["order"]), cast(Stem, point["stem"])
    return build(depths, widths, bottlenecks, group_widths, order=order, stem=stem)


def space(stages: int) -> Space:
    """ResNeXts with a given number of stages; a suffix names it unless it is four."""
    return Space(
        name="ResNeXt" if stages == 4 else f"ResNeXt_{stages}",
        dimensions={"stem": STEM, "order": ORDER, **staged("stages", (stages,), last=0, **STAGE)},
        decode=decode,
        source=SOURCE,
    )


def _check(depths: tuple[int, ...], **settings: tuple[int, ...]) -> None:
    """Refuse settings that aren't one positive number a stage, before the fix-up would hide it."""
    for name, values in settings.items():
        if len(values) != len(depths) or not values or min(values) < 1:
            raise Refused(f"{name} must hold a number of at least 1 for each stage, got {values} with {depths=}")


def _network(name: str) -> Network:
    depths, groups, group_width = PUBLISHED[name]
    bottleneck = WIDTHS[0] // (groups * group_width)
    group_widths = tuple(width // bottleneck // groups for width in WIDTHS)
    return Network(
        name=name,
        architecture=build(depths, WIDTHS, (bottleneck,) * len(WIDTHS), group_widths),
        inputs=(3, 224, 224),
        classes=1000,
        source=SOURCE,
    )


NETWORKS = tuple(map(_network, PUBLISHED))
ALL = (space(4), space(3), space(2))
