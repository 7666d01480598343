"""What ResNets and ResNeXts are made of: stems, and residual blocks with norm and ReLU after or before convolutions.

The equations stand in `spaces.resnet`. Nodes are values and are kept: samplers meet the same blocks again and again.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Literal

from nas.layers import Convolution, Residual, Sequence
from spaces.parts import NORM, RELU, convolution, pool

Block = Literal["basic", "bottleneck"]
Order = Literal["post", "pre"]
Stem = Literal["7x7/2+pool", "3x3/2", "3x3/1"]


@lru_cache(maxsize=2**14)
def post_block(
    block: Block, incoming: int, width: int, stride: int, inner: int, groups: int, normed_shortcut: bool
) -> Sequence:
    """Convolutions each with norm and ReLU, the last ReLU after the addition; kept, because samplers repeat blocks."""
    layers = [layer for part in _convolutions(block, width, stride, inner, groups) for layer in (part, NORM, RELU)]
    branch = Sequence(layers=tuple(layers[:-1]))
    if incoming == width and stride == 1:
        return Sequence(layers=(Residual(branch=branch), RELU))
    projection = convolution(width, 1, stride=stride, bias=not normed_shortcut)
    shortcut = Sequence(layers=(projection, NORM) if normed_shortcut else (projection,))
    return Sequence(layers=(Residual(branch=branch, shortcut=shortcut), RELU))


@lru_cache(maxsize=2**14)
def pre_block(block: Block, incoming: int, width: int, stride: int, inner: int, groups: int, opening: bool) -> Sequence:
    """Norm and ReLU before each convolution; the network's opening block finds the first of them in the stem."""
    layers = [layer for part in _convolutions(block, width, stride, inner, groups) for layer in (NORM, RELU, part)]
    changed = incoming != width or stride > 1
    if not changed and not opening:
        return Sequence(layers=(Residual(branch=Sequence(layers=tuple(layers))),))
    shortcut = Sequence(layers=(convolution(width, 1, stride=stride),) if changed else ())
    joined = Residual(branch=Sequence(layers=tuple(layers[2:])), shortcut=shortcut)
    return Sequence(layers=(joined,) if opening else (NORM, RELU, joined))


@cache
def stem_layers(kind: Stem, width: int) -> Sequence:
    """The first convolution with norm and ReLU, and the pool where there is one."""
    if kind == "7x7/2+pool":
        return Sequence(name="stem", layers=(convolution(width, 7, stride=2), NORM, RELU, pool(3, 2, padding=1)))
    return Sequence(name="stem", layers=(convolution(width, 3, stride=2 if kind == "3x3/2" else 1), NORM, RELU))


@cache
def _convolutions(block: Block, width: int, stride: int, inner: int, groups: int) -> tuple[Convolution, ...]:
    """Those of a block's branch in their order; the stride is that of the first 3x3."""
    if block == "basic":
        return convolution(width, 3, stride=stride), convolution(width, 3)
    return convolution(inner, 1), convolution(inner, 3, stride=stride, groups=groups), convolution(width, 1)
