"""LeNet: two convolutions with pools, two hidden linear layers.

Paper: LeCun et al., *Gradient-Based Learning Applied to Document Recognition*, Proceedings of the IEEE 1998; layers as
in *Dive into Deep Learning*, sections 7.6 (plain) and 8.5 (with batch norm).

    convolutions  5x5 to 6 with padding 2, sigmoid, 2x2/2 average pool; 5x5 to 16 without padding, sigmoid, such a pool
    head          linear to 120, sigmoid; linear to 84, sigmoid; linear
    norm          after a convolution or hidden linear layer, before the activation

Ours: ReLU, max pools and dropout (after the activations of the hidden linear layers) as options, and a norm that only
centres or only scales. A layer with a norm behind it has no bias, whatever the norm does: one that only scales and
whose scale and shift are fixed leaves no shift at all. `lenet_bn` keeps the padding of `lenet`, so that they differ in
the norm alone; the book's listing in section 8.5 has none. The width multiplier is log-uniform and scales all widths.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from nas.layers import Activation, Convolution, Dropout, Flatten, Layer, Linear, Normalisation, Pooling, Sequence, Shape
from nas.space import Choice, Dimension, Point, Real, Space, Value, When
from spaces.network import Network
from spaces.parts import DROPOUTS, scaled
from spaces.stages import joined, require_stages

Function = Literal["sigmoid", "relu"]
PoolKind = Literal["average", "max"]
NormKind = Literal["none", "batch", "mean_only", "variance_only"]
Placement = Literal["convolutions", "linear", "everywhere"]
Affine = Literal["free", "fixed"]

WIDTHS = (6, 16)
LINEAR_WIDTHS = (120, 84)
KERNEL = 5
NORMED = When(dimension="norm", values=("batch", "mean_only", "variance_only"))
DIMENSIONS: dict[str, Dimension] = {
    "activation": Choice(options=("sigmoid", "relu")),
    "pool": Choice(options=("average", "max")),
    "dropout": Choice(options=DROPOUTS),
    "norm": Choice(options=("none", "batch", "mean_only", "variance_only")),
    "placement": Choice(options=("convolutions", "linear", "everywhere"), when=NORMED),
    "affine": Choice(options=("free", "fixed"), when=NORMED),
    "width_multiplier": Real(low=0.5, high=12, log=True),
}
SOURCE = "LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998; Dive into Deep Learning, 7.6"
SOURCE_NORM = "Dive into Deep Learning, 8.5, with the padding of 7.6"


class LeNet(msgspec.Struct, frozen=True, kw_only=True):
    """Two convolutions and three linear layers."""

    widths: tuple[int, ...] = WIDTHS
    """Output channels of the two convolutions."""
    linear_widths: tuple[int, ...] = LINEAR_WIDTHS
    """Outputs of the two hidden linear layers."""
    activation: Function = "sigmoid"
    """After every layer but the last."""
    pool: PoolKind = "average"
    """Kind of both pools."""
    dropout: float = 0.0
    """Probability of zero after the hidden linear layers; in [0, 1)."""
    norm: NormKind = "none"
    """What the norm does, if there is one."""
    placement: Placement = "everywhere"
    """Which layers have a norm; without meaning where there is none."""
    affine: Affine = "free"
    """Whether the norm's scale and shift are learnt or stay 1 and 0."""

    def __post_init__(self) -> None:
        require_stages(widths=self.widths, linear_widths=self.linear_widths)
        if len(self.widths) != 2:
            raise ValueError(f"there are two convolutions and two hidden linear layers, got {self.widths=}")

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Convolutions and head; the image must have at least 12 pixels an edge."""
        pool = Pooling(kind=self.pool, kernel=2, stride=2)
        first, second = (self._convolution(w, p) for w, p in zip(self.widths, (KERNEL // 2, 0), strict=True))
        hidden = tuple(layer for width in self.linear_widths for layer in self._linear(width))
        return Sequence(
            layers=(
                Sequence(name="convolutions", layers=(*first, pool, *second, pool)),
                Sequence(name="head", layers=(Flatten(), *hidden, Linear(width=classes))),
            )
        )

    def facts(self) -> Mapping[str, Value]:
        """Widths as built, and the number of layers with a norm."""
        return {
            "widths": joined(self.widths),
            "linear_widths": joined(self.linear_widths),
            "norms": 2 * (self._normed("convolutions") + self._normed("linear")),
        }

    def _convolution(self, width: int, padding: int) -> tuple[Layer, ...]:
        normed = self._normed("convolutions")
        layer = Convolution(width=width, kernel=KERNEL, padding=padding, bias=not normed)
        return (layer, *self._norm(normed), Activation(function=self.activation))

    def _linear(self, width: int) -> tuple[Layer, ...]:
        normed = self._normed("linear")
        dropout = (Dropout(rate=self.dropout),) if self.dropout else ()
        layer = Linear(width=width, bias=not normed)
        return (layer, *self._norm(normed), Activation(function=self.activation), *dropout)

    def _normed(self, place: Placement) -> bool:
        return self.norm != "none" and self.placement in (place, "everywhere")

    def _norm(self, normed: bool) -> tuple[Layer, ...]:
        return (Normalisation(kind=self.norm, affine=self.affine == "free"),) if normed else ()


def decode(point: Point) -> LeNet:
    """The network of a point; a multiplied width is rounded to a whole number."""
    multiplier = float(point["width_multiplier"])
    widths, linear_widths = (
        tuple(scaled(width, multiplier, unit=1) for width in group) for group in (WIDTHS, LINEAR_WIDTHS)
    )
    return msgspec.convert({**point, "widths": widths, "linear_widths": linear_widths}, LeNet)


ALL = (Space(name="LeNet", dimensions=DIMENSIONS, decode=decode, source=SOURCE),)
NETWORKS = (
    Network(name="lenet", architecture=LeNet(), inputs=(1, 28, 28), classes=10, source=SOURCE),
    Network(name="lenet_bn", architecture=LeNet(norm="batch"), inputs=(1, 28, 28), classes=10, source=SOURCE_NORM),
)
