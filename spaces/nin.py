"""NiN, network in network: convolutions followed by 1x1 convolutions that mix the channels at every pixel.

Paper: Lin et al., *Network In Network*, ICLR 2014; the book's in *Dive into Deep Learning*, section 8.3.

    unit   k x k, ReLU, then m mixing convolutions (1x1), each with ReLU
    block  one unit, or several; a 3x3/2 max pool after it
    end    dropout; a 3x3 unit as wide as there are classes, its ReLU included; global average pool
    book   blocks 96 (11x11/4, no padding), 256 (5x5), 384 (3x3), then the classes (3x3); m = 2

Deeper NiNs: VGG-13, -16 and -19 share blocks, widths and pools; what leads from one to the next is one more 3x3
convolution in every block after the first two (2,2,2,2,2 to 2,2,3,3,3 to 2,2,4,4,4). `nin_9`, `nin_13` and `nin_17`
obey that rule with the unit in place of the convolution: blocks 96, 256, 384, 384 of 1,1,1,1, then 1,1,2,2, then
1,1,3,3 units, each k x k and one 1x1, and behind them a 1x1 to the classes: 9, 13 and 17 convolutions.

Ours: the last block of those at full width, so that 384 channels don't shrink to 10 in a 3x3. In the space the stem is
5x5 with stride 1, so that small images fit, kernels go on with 5x5 and 3x3, and the mixing convolutions may be 3x3. A
linear head takes the place of the global pool alone, as in the paper's section 4.6: it sees the classes' maps. Widths
are log-uniform. `NiN` draws the number of blocks, the last one included; `NiN_3`, `NiN_4` have a fixed one, so their
widths can be shared or ordered. Five blocks have four pools and need 31 pixels: at 28x28 such points are rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import msgspec

from nas.layers import AdaptivePooling, Convolution, Dropout, Flatten, Layer, Linear, Repetition, Sequence, Shape
from nas.space import Choice, Dimension, Integer, Point, Space, Value, When
from spaces.network import Network
from spaces.parts import DROPOUTS, RELU, convolution, pool
from spaces.stages import joined, require_counts, require_stages, stage_values, staged

Head = Literal["global", "linear"]
Ending = Literal["unit", "convolution"]

KERNELS = (5, 5, 3, 3, 3, 3, 3)
"""Of the space's blocks before the classes."""
WIDTH = Integer(low=8, high=512, unit=8, log=True)
REST: dict[str, Dimension] = {
    "mixing": Integer(low=0, high=3),
    "mixing_kernel": Choice(options=(1, 3), when=When(dimension="mixing", values=(1, 2, 3))),
    "head": Choice(options=("global", "linear")),
    "dropout": Choice(options=DROPOUTS),
}
SOURCE = "Lin et al., Network In Network, ICLR 2014; Dive into Deep Learning, 8.3"
DEEPER: dict[str, tuple[int, ...]] = {  # units of the four blocks
    "nin_9": (1, 1, 1, 1),
    "nin_13": (1, 1, 2, 2),
    "nin_17": (1, 1, 3, 3),
}


class NiN(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks of units, an ending that makes the classes, and a pool or a linear layer."""

    widths: tuple[int, ...]
    """Output channels of each block before the classes."""
    kernels: tuple[int, ...]
    """Edge of the kernel that opens a unit, in each block, in pixels; odd but for the first."""
    units: tuple[int, ...]
    """Units in each block; the first block, which has the stem's stride, has one."""
    mixing: int = 2
    """Mixing convolutions of a unit; at least 0."""
    mixing_kernel: int = 1
    """Edge of their kernel, in pixels; odd."""
    stem_stride: int = 1
    """Step of the first convolution, in pixels."""
    stem_padding: int
    """Zeros on each side of its input, in pixels; below its kernel."""
    dropout: float = 0.5
    """Probability of zero before the ending; in [0, 1)."""
    ending: Ending = "unit"
    """A pool and a 3x3 unit of as many channels as classes, or a single 1x1 convolution."""
    head: Head = "global"
    """Global average pool, or a linear layer."""

    def __post_init__(self) -> None:
        require_stages(widths=self.widths, kernels=self.kernels, units=self.units)
        if self.units[0] != 1 or self.mixing < 0:
            raise ValueError(
                f"the first block has one unit, and mixing isn't negative, got {self.units=}, {self.mixing=}"
            )
        if not all(kernel % 2 for kernel in (*self.kernels[1:], self.mixing_kernel)):
            raise ValueError(
                f"kernels after the first convolution must be odd, got {self.kernels=}, {self.mixing_kernel=}"
            )

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Blocks, ending and head; raises ImpossibleShape where an image is too small for the pools."""
        stem = Convolution(
            width=self.widths[0], kernel=self.kernels[0], stride=self.stem_stride, padding=self.stem_padding, bias=True
        )
        blocks = [
            Sequence(name="block 1", layers=(stem, RELU, *mixed(self.widths[0], self.mixing, self.mixing_kernel)))
        ]
        for number, (width, kernel, times) in enumerate(self._later(), 2):
            repeated = Repetition(layer=unit(width, kernel, self.mixing, self.mixing_kernel), times=times)
            blocks.append(Sequence(name=f"block {number}", layers=(repeated,)))
        layers = [blocks[0], *(layer for _, block in pairwise(blocks) for layer in (pool(3, 2), block))]
        return Sequence(layers=(*layers, *self._ending(classes), *self._head(classes)))

    def facts(self) -> Mapping[str, Value]:
        """Widths of the blocks before the classes, and the number of layers with weights."""
        units = sum(self.units) + (self.ending == "unit")
        single = (self.ending == "convolution") + (self.head == "linear")
        return {"widths": joined(self.widths), "layers": units * (1 + self.mixing) + single}

    def _later(self) -> list[tuple[int, int, int]]:
        """Width, kernel and units of each block but the first."""
        return list(zip(self.widths, self.kernels, self.units, strict=True))[1:]

    def _ending(self, classes: int) -> tuple[Layer, ...]:
        dropout = (Dropout(rate=self.dropout),) if self.dropout else ()
        if self.ending == "convolution":
            return (*dropout, Sequence(name="classes", layers=(convolution(classes, 1, bias=True),)))
        last = unit(classes, 3, self.mixing, self.mixing_kernel)
        return (pool(3, 2), *dropout, Sequence(name="classes", layers=(last,)))

    def _head(self, classes: int) -> tuple[Layer, ...]:
        layers = (AdaptivePooling(), Flatten()) if self.head == "global" else (Flatten(), Linear(width=classes))
        return (Sequence(name="head", layers=layers),)


@lru_cache(maxsize=2**13)
def unit(width: int, kernel: int, mixing: int, mixing_kernel: int) -> Sequence:
    """A convolution that keeps the size and its mixing ones; kept, because a sampler meets the same units again."""
    return Sequence(layers=(convolution(width, kernel, bias=True), RELU, *mixed(width, mixing, mixing_kernel)))


def mixed(width: int, mixing: int, kernel: int) -> tuple[Layer, ...]:
    """The mixing convolutions with their ReLUs."""
    layer = Sequence(layers=(convolution(width, kernel, bias=True), RELU))
    return (Repetition(layer=layer, times=mixing),) if mixing else ()


def decode(point: Point) -> NiN:
    """The network of a point with `width_1` and so on, one a block before the classes."""
    widths = stage_values(point, "width")
    count = len(widths)
    stages = {"widths": widths, "kernels": KERNELS[:count], "units": (1,) * count, "stem_padding": KERNELS[0] // 2}
    return msgspec.convert({**point, **stages}, NiN)


def space(*blocks: int) -> Space:
    """NiNs with one of these numbers of blocks, that of the classes included; with a single one the name says it."""
    require_counts("blocks", blocks, 2, len(KERNELS) + 1)
    return Space(
        name="NiN" if len(blocks) > 1 else f"NiN_{blocks[0]}",
        dimensions={**staged("blocks", blocks, last=1, width=WIDTH), **REST},
        decode=decode,
        source=SOURCE,
    )


BOOK = NiN(widths=(96, 256, 384), kernels=(11, 5, 3), units=(1, 1, 1), stem_stride=4, stem_padding=0)


def _deeper(name: str) -> Network:
    architecture = msgspec.structs.replace(
        BOOK,
        widths=(96, 256, 384, 384),
        kernels=(11, 5, 3, 3),
        units=DEEPER[name],
        mixing=1,
        ending="convolution",
    )
    source = "NiN deepened as VGG was, after an exercise of Dive into Deep Learning, 8.3"
    return Network(name=name, architecture=architecture, inputs=(1, 224, 224), classes=10, source=source)


ALL = (space(2, 3, 4, 5), space(3), space(4))
NETWORKS = (
    Network(name="nin_d2l", architecture=BOOK, inputs=(1, 224, 224), classes=10, source=SOURCE),
    *map(_deeper, DEEPER),
)
