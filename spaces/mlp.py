"""MLP: linear layers in stages of equal width, for vectors, and for images as vectors of their pixels.

After *Dive into Deep Learning*: the plain ones of chapter 5; the exercises of 8.7 (a DenseNet of linear layers for
tables) and 8.8 (the design of a good MLP). A unit is linear, (norm,) ReLU, (dropout); a stage has depth d and width w:

    plain       d units of width w
    bottleneck  d times: a unit of width w/b, a unit of width w
    residual    d times: x + f(x), ReLU; f = a unit of width w/b, linear to w, (norm); where the width changes, x goes
                through a linear layer without bias, (norm)
    dense       a unit of width w, then d times: a unit of width w/b, its outputs joined to its inputs

Ours: all of that, which the book leaves open. A linear layer with a norm behind it has no bias. Widths and depths are
log-uniform. `MLP` draws the number of stages, too; `MLP_2`, `MLP_3` have a fixed one, so their widths and depths can be
shared or ordered, and rules on them are drawn and counted exactly. `mlp_256_128_100` has hidden layers of 256, 128 and
100 outputs; `dense_mlp` one dense stage of width 64 that six units widen by 32 each. Both take vectors as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import prod
from typing import Literal

import msgspec

from nas.layers import DenseConcatenation, Dropout, Flatten, Layer, Linear, Repetition, Residual, Sequence, Shape
from nas.space import Choice, Dimension, Integer, Point, Space, Value, When
from spaces.network import Network
from spaces.parts import DROPOUTS, NORM, RELU
from spaces.stages import joined, require_counts, require_stages, stage_values, staged

Connection = Literal["plain", "bottleneck", "residual", "dense"]
NormKind = Literal["none", "batch"]

DEPTH = Integer(low=1, high=8, log=True)
WIDTH = Integer(low=16, high=4096, unit=16, log=True)
REST: dict[str, Dimension] = {
    "connection": Choice(options=("plain", "bottleneck", "residual", "dense")),
    "bottleneck": Choice(
        options=(1, 2, 4), when=When(dimension="connection", values=("bottleneck", "residual", "dense"))
    ),
    "norm": Choice(options=("none", "batch")),
    "dropout": Choice(options=DROPOUTS),
}
SOURCE = "Dive into Deep Learning, chapter 5 and exercises of 8.7 and 8.8"


class MLP(msgspec.Struct, frozen=True, kw_only=True):
    """Stages of linear layers."""

    depths: tuple[int, ...]
    """Units, or pairs of them, in each stage."""
    widths: tuple[int, ...]
    """Outputs of each stage; of a dense one, of its first unit."""
    connection: Connection = "plain"
    """How the layers of a stage are connected."""
    bottleneck: int = 1
    """Width of a stage divided by its inner width; divides all widths."""
    norm: NormKind = "none"
    """Whether a batch norm follows each linear layer but the last."""
    dropout: float = 0.0
    """Probability of zero after each unit; in [0, 1)."""

    def __post_init__(self) -> None:
        require_stages(depths=self.depths, widths=self.widths)
        if self.bottleneck < 1 or any(width % self.bottleneck for width in self.widths):
            raise ValueError(f"bottleneck must divide all widths, got {self.bottleneck=}, {self.widths=}")

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Stages and a linear layer; an image is flattened first, a vector is taken as it is."""
        flatten = (Flatten(),) if len(inputs) == 3 else ()
        features = prod(inputs)
        stages = []
        for number, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), 1):
            stages.append(Sequence(name=f"stage {number}", layers=self._stage(depth, width, features)))
            features = width
        return Sequence(layers=(*flatten, *stages, Sequence(name="head", layers=(Linear(width=classes),))))

    def facts(self) -> Mapping[str, Value]:
        """Depths and widths as built, and the number of linear layers one after another."""
        depth, stages = sum(self.depths), len(self.depths)
        hidden = {"plain": depth, "bottleneck": 2 * depth, "residual": 2 * depth, "dense": depth + stages}
        return {"depths": joined(self.depths), "widths": joined(self.widths), "layers": hidden[self.connection] + 1}

    def _stage(self, depth: int, width: int, incoming: int) -> tuple[Layer, ...]:
        normed, dropout = self.norm == "batch", self.dropout
        inner = width // self.bottleneck
        wide, narrow = unit(width, normed, dropout), unit(inner, normed, dropout)
        match self.connection:
            case "plain":
                return (Repetition(layer=wide, times=depth),)
            case "bottleneck":
                return (Repetition(layer=Sequence(layers=(narrow, wide)), times=depth),)
            case "dense":
                return (wide, Repetition(layer=DenseConcatenation(branch=narrow), times=depth))
            case "residual":
                first = residual_block(width, inner, normed, dropout, projected=incoming != width)
                block = residual_block(width, inner, normed, dropout, projected=False)
                return (first, Repetition(layer=block, times=depth - 1)) if depth > 1 else (first,)


@lru_cache(maxsize=2**13)
def unit(width: int, normed: bool, dropout: float) -> Sequence:
    """Linear, (norm,) ReLU, (dropout)."""
    drop = (Dropout(rate=dropout),) if dropout else ()
    return Sequence(layers=(*_linear(width, normed), RELU, *drop))


@lru_cache(maxsize=2**13)
def residual_block(width: int, inner: int, normed: bool, dropout: float, *, projected: bool) -> Sequence:
    """Two linear layers, the input added, ReLU."""
    branch = Sequence(layers=(unit(inner, normed, dropout), *_linear(width, normed)))
    norm = (NORM,) if normed else ()
    shortcut = Sequence(layers=(Linear(width=width, bias=False), *norm) if projected else ())
    return Sequence(layers=(Residual(branch=branch, shortcut=shortcut), RELU))


def _linear(width: int, normed: bool) -> tuple[Layer, ...]:
    """A linear layer, with its norm or with a bias."""
    return (Linear(width=width, bias=False), NORM) if normed else (Linear(width=width),)


def decode(point: Point) -> MLP:
    """The network of a point with `depth_1`, `width_1` and so on, one a stage."""
    stages = {"depths": stage_values(point, "depth"), "widths": stage_values(point, "width")}
    return msgspec.convert({**point, **stages}, MLP)


def space(*stages: int) -> Space:
    """MLPs with one of these numbers of stages; with a single one the name says it."""
    require_counts("stages", stages, 1, 8)
    return Space(
        name="MLP" if len(stages) > 1 else f"MLP_{stages[0]}",
        dimensions={**staged("stages", stages, depth=DEPTH, width=WIDTH), **REST},
        decode=decode,
        source=SOURCE,
    )


ALL = (space(1, 2, 3, 4), space(2), space(3))
NETWORKS = (
    Network(
        name="mlp_256_128_100",
        architecture=MLP(depths=(1, 1, 1), widths=(256, 128, 100)),
        inputs=(1, 28, 28),
        classes=10,
        source=SOURCE,
    ),
    Network(
        name="dense_mlp",
        architecture=MLP(depths=(6,), widths=(64,), connection="dense", bottleneck=2),
        inputs=(1, 28, 28),
        classes=10,
        source=SOURCE,
    ),
)
