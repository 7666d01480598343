"""The blocks of AnyNet, as layer trees.

Paper: Radosavovic et al., *Designing Network Design Spaces*, CVPR 2020, figure 4 and appendix D.

    X   x + f(x), ReLU; f = 1x1 to w/b, 3x3 in groups of width g (stride here), 1x1 to w; a norm after each
    Y   X with squeeze-excite after the 3x3, a quarter of the block's input width
    R   X without groups: one 3x3 over all inner channels
    V   a single 3x3 (stride here), norm, ReLU; no residual
    VR  x + f(x), ReLU; f = that 3x3 and its norm

R, V and VR are those of the paper's text. Its published code has other ones beside X, with two 3x3 convolutions: a
vanilla block without and a basic block with residual; they aren't here.

Ours: a bottleneck ratio below 1 widens the middle (the inverted bottleneck), and must be one over a whole number.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from nas.layers import Residual, Sequence, SqueezeExcite
from spaces.parts import NORM, RELU, convolution

Block = Literal["x", "y", "r", "v", "vr"]

SQUEEZE_RATIO = 0.25


@lru_cache(maxsize=2**14)
def block_layers(block: Block, incoming: int, width: int, stride: int, bottleneck: float, group_width: int) -> Sequence:
    """One block with its ReLU; kept, because a sampler meets the same blocks again and again."""
    match block:
        case "v":
            return Sequence(layers=(convolution(width, 3, stride=stride), NORM, RELU))
        case "vr":
            branch = Sequence(layers=(convolution(width, 3, stride=stride), NORM))
        case "x" | "y" | "r":
            squeezed = max(1, round(SQUEEZE_RATIO * incoming)) if block == "y" else 0
            branch = _branch(width, stride, inner_width(width, bottleneck), group_width, squeezed)
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


def inner_width(width: int, bottleneck: float) -> int:
    """Channels of the middle convolution: the width divided by the ratio, rounded down, at least 1."""
    return width * factor if (factor := expansion(bottleneck)) > 1 else max(1, width // int(bottleneck))


def expansion(bottleneck: float) -> int:
    """How many times wider the middle of an inverted bottleneck is; 1 for a usual one."""
    factor = round(1 / bottleneck) if 0 < bottleneck < 1 else 1
    if bottleneck not in (1 / factor, max(1, int(bottleneck))):
        raise ValueError(f"bottleneck must be a whole number or one over a whole number, got {bottleneck}")
    return factor
