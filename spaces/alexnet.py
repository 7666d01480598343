"""AlexNet: a wide stem, a 5x5 convolution, a row of 3x3 ones, three overlapping pools, two large linear layers.

Papers: Krizhevsky et al., *ImageNet Classification with Deep Convolutional Neural Networks*, NeurIPS 2012, as in *Dive
into Deep Learning*, section 8.1; Krizhevsky, *One weird trick for parallelizing convolutional neural networks*, 2014,
as in torchvision.

    stem   11x11 with stride 4, ReLU, 3x3/2 max pool
    body   5x5, ReLU, 3x3/2 max pool; then 3x3 with ReLU each, and a 3x3/2 max pool after the last
    book   96, 256, 384, 384, 256 channels; head: twice linear, ReLU, dropout; then linear
    torch  64, 192, 384, 256, 256 channels; head: average pool to 6x6, twice dropout, linear, ReLU; then linear

Ours: `alexnet_28` has a stem of 5x5 with stride 1 and padding 2 for images of 28x28, all else is the book's. In the
space the stem is padded by half its kernel; the book's widths are scaled (log-uniformly, to multiples of 8); the row of
3x3 convolutions has a free length, all 384 wide but the last with 256. Three pools without padding need 15 pixels after
the stem: at 28x28 only stride 1 fits, the other strides are for larger images and are rejected before sampling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from nas.layers import AdaptivePooling, Convolution, Dropout, Flatten, Layer, Linear, Sequence, Shape
from nas.space import Choice, Dimension, Integer, Point, Real, Space, Value
from spaces.network import Network
from spaces.parts import DROPOUTS, RELU, convolution, linear_head, pool, scaled
from spaces.stages import joined, require_stages

Head = Literal["book", "torchvision"]

STEM, SECOND, MIDDLE, LAST = 96, 256, 384, 256
LINEAR_WIDTH = 4096
DIMENSIONS: dict[str, Dimension] = {
    "width_multiplier": Real(low=1 / 16, high=1, log=True),
    "depth": Integer(low=1, high=6),
    "stem_kernel": Choice(options=(3, 5, 7, 11)),
    "stem_stride": Choice(options=(1, 2, 4)),
    "linear_width": Integer(low=64, high=LINEAR_WIDTH, unit=64, log=True),
    "dropout": Choice(options=DROPOUTS),
}
PAPER = "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, NeurIPS 2012"
SOURCE = f"{PAPER}; Dive into Deep Learning, 8.1"


class AlexNet(msgspec.Struct, frozen=True, kw_only=True):
    """Stem, 5x5, some 3x3, head."""

    widths: tuple[int, ...]
    """Output channels of all convolutions: stem, 5x5, then one or more 3x3."""
    stem_kernel: int
    """Edge of the stem's kernel, in pixels."""
    stem_stride: int
    """Step of the stem, in pixels."""
    stem_padding: int
    """Zeros on each side of the stem's input, in pixels; below the kernel."""
    linear_width: int = LINEAR_WIDTH
    """Outputs of the two hidden linear layers."""
    dropout: float = 0.5
    """Probability of zero at each of the two dropouts; in [0, 1)."""
    head: Head = "book"
    """Dropout after the hidden linear layers, or before them with an average pool to 6x6 in front."""

    def __post_init__(self) -> None:
        require_stages(widths=self.widths)
        if len(self.widths) < 3:
            raise ValueError(f"widths are those of stem, 5x5 and at least one 3x3, got {self.widths}")

    def network(self, inputs: Shape, classes: int) -> Layer:
        """Stem, body and head; raises ImpossibleShape where an image is too small for three pools."""
        stem, second, *thirds = self.widths
        first = Convolution(
            width=stem, kernel=self.stem_kernel, stride=self.stem_stride, padding=self.stem_padding, bias=True
        )
        overlapping = pool(3, 2)
        row = tuple(layer for width in thirds for layer in (convolution(width, 3, bias=True), RELU))
        body = (convolution(second, 5, bias=True), RELU, overlapping, *row, overlapping)
        return Sequence(
            layers=(
                Sequence(name="stem", layers=(first, RELU, overlapping)),
                Sequence(name="body", layers=body),
                self._head(classes),
            )
        )

    def facts(self) -> Mapping[str, Value]:
        """Widths as built, and the number of layers with weights."""
        return {"widths": joined(self.widths), "layers": len(self.widths) + 3}

    def _head(self, classes: int) -> Sequence:
        if self.head == "book":
            return linear_head((self.linear_width, self.linear_width), classes, self.dropout)
        hidden = (Dropout(rate=self.dropout), Linear(width=self.linear_width), RELU)
        return Sequence(
            name="head", layers=(AdaptivePooling(size=6), Flatten(), *hidden, *hidden, Linear(width=classes))
        )


def scaled_widths(multiplier: float, depth: int) -> tuple[int, ...]:
    """The book's widths times a multiplier, for `depth` 3x3 convolutions."""
    return tuple(scaled(width, multiplier) for width in (STEM, SECOND, *(MIDDLE,) * (depth - 1), LAST))


def decode(point: Point) -> AlexNet:
    """The network of a point."""
    kernel = int(point["stem_kernel"])
    return AlexNet(
        widths=scaled_widths(float(point["width_multiplier"]), int(point["depth"])),
        stem_kernel=kernel,
        stem_stride=int(point["stem_stride"]),
        stem_padding=kernel // 2,
        linear_width=int(point["linear_width"]),
        dropout=float(point["dropout"]),
    )


BOOK = AlexNet(widths=scaled_widths(1, 3), stem_kernel=11, stem_stride=4, stem_padding=1)
SMALL = msgspec.structs.replace(BOOK, stem_kernel=5, stem_stride=1, stem_padding=2)
TORCHVISION = AlexNet(
    widths=(64, 192, 384, 256, 256), stem_kernel=11, stem_stride=4, stem_padding=2, head="torchvision"
)
ALL = (Space(name="AlexNet", dimensions=DIMENSIONS, decode=decode, source=SOURCE),)
NETWORKS = (
    Network(name="alexnet_d2l", architecture=BOOK, inputs=(1, 224, 224), classes=10, source=SOURCE),
    Network(
        name="alexnet_28", architecture=SMALL, inputs=(1, 28, 28), classes=10, source=f"{SOURCE}, with a stem of ours"
    ),
    Network(name="alexnet", architecture=TORCHVISION, inputs=(3, 224, 224), classes=1000, source="torchvision"),
)
