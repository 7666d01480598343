"""GoogLeNet: five stages, three of them made of inceptions, whose four branches look at one input in four ways.

Paper: Szegedy et al., *Going Deeper with Convolutions*, CVPR 2015, table 1. Variants: batch norm (Ioffe and Szegedy,
ICML 2015), 5x5 as two 3x3 (Szegedy et al., *Rethinking the Inception Architecture*, CVPR 2016), residual inceptions
(Szegedy et al., *Inception-v4*, AAAI 2017).

    inception   1x1 | 1x1, 3x3 | 1x1, 5x5 | 3x3 max pool with stride 1, 1x1; joined; a ReLU after each convolution
    stage 1     7x7 with stride 2 to 64, pool
    stage 2     1x1 to 64, 3x3 to 192, pool
    stage 3-5   2, 5 and 2 inceptions, a pool after stages 3 and 4
    head        global average pool, linear
    residual    x + p(inception(x)), ReLU; p = 1x1 without ReLU to as many channels as were joined

Ours: p keeps its norm, and where an inception changes the number of channels, x passes such a 1x1, too. A small stem
is 3x3 in stage 1, and stages 1 and 2 don't pool: with stride 1 the inceptions see 28x28 images at 28x28, as they do
at 224x224 with the published stem. In the space all inceptions of a stage are equal: the stages' widths are the
published 480, 832 and 1024 times a multiplier, and the branches have shares of them; the 1x1 branch has what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Literal, NamedTuple, cast, get_args

import msgspec

from nas.errors import Refused
from nas.layers import Concatenation, Layer, Normalisation, Pooling, Residual, Sequence, Shape
from nas.space import Choice, Dimension, Integer, Point, Real, Space, Value
from spaces.network import Network
from spaces.parts import NORM, RELU, convolution, convolution_unit, global_head, pool, require_one_of, scaled

Stem = Literal["7x7/2+pool", "3x3/2", "3x3/1"]
Large = Literal["5x5", "3x3", "two 3x3"]


class Branches(NamedTuple):
    """Channels in the branches of an inception, in the order of the paper's table."""

    one: int
    """1x1 branch."""
    three_reduced: int
    """1x1 before the 3x3."""
    three: int
    """3x3."""
    five_reduced: int
    """1x1 before the 5x5."""
    five: int
    """5x5."""
    pooled: int
    """1x1 after the pool."""

    def __repr__(self) -> str:
        return f"Branches{tuple(self)}"

    @property
    def width(self) -> int:
        """Channels once joined."""
        return self.one + self.three + self.five + self.pooled


INCEPTIONS = (
    (Branches(64, 96, 128, 16, 32, 32), Branches(128, 128, 192, 32, 96, 64)),
    (
        Branches(192, 96, 208, 16, 48, 64),
        Branches(160, 112, 224, 24, 64, 64),
        Branches(128, 128, 256, 24, 64, 64),
        Branches(112, 144, 288, 32, 64, 64),
        Branches(256, 160, 320, 32, 128, 128),
    ),
    (Branches(256, 160, 320, 32, 128, 128), Branches(384, 192, 384, 48, 128, 128)),
)
"""Stages 3 to 5 as published."""
STAGE_WIDTHS = (480, 832, 1024)
STEM_WIDTHS = (64, 192)
BOOK_POOLS = (pool(3, 2, padding=1),) * 4
TORCHVISION_POOLS = (*(pool(3, 2, ceil=True),) * 3, pool(2, 2, ceil=True))
INNER_POOL = pool(3, 1, padding=1)
STEMS: dict[Stem, tuple[int, int]] = {"7x7/2+pool": (7, 2), "3x3/2": (3, 2), "3x3/1": (3, 1)}
"""Kernel and stride of the first convolution."""
KERNELS: dict[Large, tuple[int, ...]] = {"5x5": (5,), "3x3": (3,), "two 3x3": (3, 3)}
STEM = Choice(options=get_args(Stem))
LARGE = Choice(options=get_args(Large))
REDUCTION = Real(low=0.25, high=1.0, log=True)
SWITCH = Choice(options=("off", "on"))
RATIOS: dict[str, Dimension] = {
    "share_3x3": Real(low=0.25, high=0.6),
    "share_5x5": Real(low=0.05, high=0.2),
    "share_pool": Real(low=0.05, high=0.15),
    "reduction_3x3": REDUCTION,
    "reduction_5x5": REDUCTION,
}
DIMENSIONS: dict[str, Dimension] = {
    **{f"depth_{stage}": Integer(low=1, high=8, log=True) for stage in (1, 2, 3)},
    "width_multiplier": Real(low=1 / 16, high=1.0, log=True),
    **RATIOS,
    "norm": Choice(options=("none", "batch")),
    "residual": SWITCH,
    "factorised": SWITCH,
    "stem": STEM,
}
SOURCE = "Szegedy et al., Going Deeper with Convolutions, CVPR 2015"
BOOK = "Zhang et al., Dive into Deep Learning, section 8.4"


class GoogLeNet(msgspec.Struct, frozen=True, kw_only=True):
    """Two stages of a stem, three stages of inceptions, head."""

    stages: tuple[tuple[Branches, ...], ...] = INCEPTIONS
    """Inceptions of stages 3 to 5; at least one each."""
    stem: Stem = "7x7/2+pool"
    """Kernel and stride of the first convolution, and whether stages 1 and 2 pool."""
    stem_widths: tuple[int, int] = STEM_WIDTHS
    """Channels of stages 1 and 2."""
    norm: Normalisation | None = NORM
    """After every convolution; with None convolutions have biases."""
    large: Large = "5x5"
    """What stands for the 5x5 convolution."""
    residual: bool = False
    """Whether an inception is added to its input."""
    pools: tuple[Pooling, Pooling, Pooling, Pooling] = BOOK_POOLS
    """After stages 1 to 4."""
    dropout: float = 0.0
    """Rate before the linear layer; in [0, 1)."""

    def __post_init__(self) -> None:
        if len(self.stages) != 3 or not all(self.stages):
            counts = "-".join(str(len(stage)) for stage in self.stages)
            raise Refused(f"a GoogLeNet has three stages of at least one inception, got {counts or 'no stage'}")
        require_one_of(STEM, stem=self.stem)
        require_one_of(LARGE, large=self.large)

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Stages and head; the input shape changes nothing, it only must be large enough."""
        pools: tuple[Pooling | None, ...] = (*self.pools, None)
        if self.stem != "7x7/2+pool":
            pools = (None, None, *pools[2:])
        stages = [
            Sequence(name=f"stage {number}", layers=body if last is None else (*body, last))
            for number, (body, last) in enumerate(zip(self._bodies(), pools, strict=True), 1)
        ]
        return Sequence(layers=(*stages, global_head(classes, self.dropout)))

    def facts(self) -> Mapping[str, Value]:
        """Depths, widths at the stages' ends, inceptions, and layers with weights in a row (the paper's 22)."""
        blocks = sum(map(len, self.stages))
        return {
            "blocks": blocks,
            "layers": 3 + blocks * (1 + len(KERNELS[self.large]) + self.residual) + 1,
            "depths": "-".join(str(len(stage)) for stage in self.stages),
            "widths": "-".join(str(stage[-1].width) for stage in self.stages),
        }

    def _bodies(self) -> list[tuple[Layer, ...]]:
        """What the five stages compute before their pools."""
        kernel, stride = STEMS[self.stem]
        narrow, incoming = self.stem_widths
        unit = partial(convolution_unit, norm=self.norm)
        bodies: list[tuple[Layer, ...]] = [(unit(narrow, kernel, stride=stride),), (unit(narrow, 1), unit(incoming, 3))]
        for stage in self.stages:
            before = (incoming, *(branches.width for branches in stage))
            bodies.append(tuple(self._block(width, branches) for width, branches in zip(before, stage, strict=False)))
            incoming = before[-1]
        return bodies

    def _block(self, incoming: int, branches: Branches) -> Layer:
        if self.residual:
            return residual_inception(incoming, branches, self.large, self.norm)
        return inception(branches, self.large, self.norm)


@lru_cache(maxsize=2**14)
def inception(branches: Branches, large: Large = "5x5", norm: Normalisation | None = NORM) -> Concatenation:
    """The four branches; two 3x3 in place of 5x5 have its width each."""
    unit = partial(convolution_unit, norm=norm)
    return Concatenation(
        branches=(
            unit(branches.one, 1),
            _row(unit(branches.three_reduced, 1), unit(branches.three, 3)),
            _row(unit(branches.five_reduced, 1), *(unit(branches.five, kernel) for kernel in KERNELS[large])),
            _row(INNER_POOL, unit(branches.pooled, 1)),
        )
    )


@lru_cache(maxsize=2**14)
def residual_inception(
    incoming: int, branches: Branches, large: Large = "5x5", norm: Normalisation | None = NORM
) -> Sequence:
    """The joined branches through a linear 1x1, added to the input, then a ReLU."""
    projection = _projection(branches.width, norm)
    shortcut = Sequence() if incoming == branches.width else projection
    branch = _row(inception(branches, large, norm), projection)
    return _row(Residual(branch=branch, shortcut=shortcut), RELU)


@lru_cache(maxsize=2**12)
def _projection(width: int, norm: Normalisation | None) -> Sequence:
    """A 1x1 convolution without ReLU."""
    return _row(convolution(width, 1, bias=True)) if norm is None else _row(convolution(width, 1), norm)


def _row(*layers: Layer) -> Sequence:
    return Sequence(layers=layers)


def branches_of(
    width: int, *, share_3x3: float, share_5x5: float, share_pool: float, reduction_3x3: float, reduction_5x5: float
) -> Branches:
    """Branches as shares of the joined width, all to multiples of 8; the 1x1 branch has what is left.

    A reduction is the width of the 1x1 before a convolution as a share of what that convolution makes.
    """
    shares = (share_3x3, share_5x5, share_pool)
    if min(shares) <= 0 or sum(shares) >= 1:
        raise Refused(
            f"shares of the 3x3, 5x5 and pool branches must be positive and leave some to 1x1, got {shares}",
            hint="the first inception of the paper has 0.5, 0.125 and 0.125",
        )
    for reduction in (reduction_3x3, reduction_5x5):
        if not 0 < reduction <= 1:
            raise Refused(f"a reduction must lie in (0, 1], got {reduction}", hint="1 reduces nothing")
    three, five, pooled = (scaled(width, share) for share in shares)
    return Branches(
        one=scaled(max(0, width - three - five - pooled), 1),
        three_reduced=scaled(three, reduction_3x3),
        three=three,
        five_reduced=scaled(five, reduction_5x5),
        five=five,
        pooled=pooled,
    )


def decode(point: Point) -> GoogLeNet:
    """The network of a point; its `depth_1` to `depth_3` are the inceptions of stages 3 to 5."""
    multiplier = float(point["width_multiplier"])
    ratios = {name: float(point[name]) for name in RATIOS}
    branches = [branches_of(scaled(width, multiplier), **ratios) for width in STAGE_WIDTHS]
    narrow, wide = STEM_WIDTHS
    return GoogLeNet(
        stages=tuple((each,) * int(point[f"depth_{stage}"]) for stage, each in enumerate(branches, 1)),
        stem=cast(Stem, point["stem"]),
        stem_widths=(scaled(narrow, multiplier), scaled(wide, multiplier)),
        norm=NORM if point["norm"] == "batch" else None,
        large="two 3x3" if point["factorised"] == "on" else "5x5",
        residual=point["residual"] == "on",
    )


TORCHVISION = GoogLeNet(norm=Normalisation(epsilon=1e-3), large="3x3", pools=TORCHVISION_POOLS, dropout=0.2)
"""Without auxiliary heads."""
BOOKS = GoogLeNet(norm=None)
SMALL = GoogLeNet(norm=None, stem="3x3/1")
SPACE = Space(name="GoogLeNet", dimensions=DIMENSIONS, decode=decode, source=SOURCE)
ALL = (SPACE,)
NETWORKS = (
    Network(name="googlenet_d2l", architecture=BOOKS, inputs=(1, 96, 96), classes=10, source=BOOK),
    Network(name="googlenet", architecture=TORCHVISION, inputs=(3, 224, 224), classes=1000, source="torchvision"),
    Network(name="googlenet_28", architecture=SMALL, inputs=(1, 28, 28), classes=10, source=f"{BOOK}, an exercise"),
)
