"""What the benchmarks train: four networks of the book and a fixed sample of 24 from three spaces.

ResNet-18, VGG-11 at a quarter of its width, DenseNet and RegNetX32 are as chapter 8 of *Dive into Deep Learning*
(Zhang et al.) builds them. The sample are the first eight trials of AnyNetX A, AnyNetX E and RegNetX with three
stages and 3 to 6 million multiply-adds at 1x28x28: what a study trains, with deep networks and narrow groups in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.cost import Limits
from nas.layers import (
    Activation,
    AdaptivePooling,
    Convolution,
    DenseConcatenation,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Pooling,
    Sequence,
    cost,
)
from nas.sampling import Gate, draw
from nas.space.law import Law
from spaces import anynet, regnet, resnet

CLASSES = 10
SAMPLE_SPACES = (anynet.X3[0], anynet.X3[4], regnet.X3)
SAMPLE_LIMITS = Limits(multiply_adds=(3_000_000, 6_000_000))
SAMPLES = 8
"""Networks of each space in the sample."""

NORM = Normalisation()
RELU = Activation()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network with the image size that it is trained at."""

    name: str
    """For the table."""
    layer: Layer
    """The network."""
    resolution: int
    """Height and width of its images, in pixels."""

    @property
    def multiply_adds(self) -> int:
        """Of one forward pass over one grey image."""
        return cost(self.layer, (1, self.resolution, self.resolution)).multiply_adds


def book() -> tuple[Subject, ...]:
    """The networks of the book."""
    return (
        Subject(name="RegNetX32 28x28", layer=regnetx32(), resolution=28),
        Subject(name="RegNetX32 96x96", layer=regnetx32(), resolution=96),
        Subject(name="ResNet-18 28x28", layer=resnet18(), resolution=28),
        Subject(name="VGG-11/4 96x96", layer=vgg11_quarter(), resolution=96),
        Subject(name="DenseNet 96x96", layer=densenet(), resolution=96),
    )


def sample() -> tuple[Subject, ...]:
    """Eight networks of each space, decided by their number alone."""
    subjects = []
    for space in SAMPLE_SPACES:
        gate = Gate(space=space, limits=SAMPLE_LIMITS, inputs=(1, 28, 28), classes=CLASSES)
        law = Law(space)
        for number in range(SAMPLES):
            layer = draw(gate, law, 0, number).network.layer
            subjects.append(Subject(name=f"{space.name} {number}", layer=layer, resolution=28))
    return tuple(subjects)


def regnetx32() -> Layer:
    """Two stages of 4 and 6 X blocks, 32 and 80 channels wide, in groups of 16."""
    return anynet.build("x", (4, 6), (32, 80), (1, 1), (16, 16)).network((1, 28, 28), CLASSES)


def resnet18() -> Layer:
    """Four stages of two basic blocks, with a norm after each 1x1 shortcut as in torchvision's."""
    return resnet.build("basic", (2, 2, 2, 2), (64, 128, 256, 512)).network((1, 28, 28), CLASSES)


def vgg11_quarter() -> Layer:
    """Eight 3x3 convolutions in five blocks, 16 to 128 channels, and three linear layers with dropout."""
    parts: list[Layer] = []
    for convolutions, width in ((1, 16), (1, 32), (2, 64), (2, 128), (2, 128)):
        parts += [Convolution(width=width, kernel=3, padding=1, bias=True), RELU] * convolutions
        parts.append(Pooling(kernel=2, stride=2))
    head = [Linear(width=4096), RELU, Dropout()] * 2
    return Sequence(layers=(*parts, Flatten(), *head, Linear(width=CLASSES)))


def densenet() -> Layer:
    """Four dense blocks of four 3x3 convolutions, 32 new channels each, halved between the blocks."""
    parts: list[Layer] = []
    width = 64
    for block in range(4):
        grow = Sequence(layers=(NORM, RELU, Convolution(width=32, kernel=3, padding=1)))
        parts += [DenseConcatenation(branch=grow)] * 4
        width += 4 * 32
        if block < 3:
            width //= 2
            halve = Convolution(width=width)
            parts += [NORM, RELU, halve, Pooling(kind="average", kernel=2, stride=2)]
    head = (NORM, RELU, AdaptivePooling(), Flatten(), Linear(width=CLASSES))
    return Sequence(layers=(*_wide_stem(), *parts, *head))


def _wide_stem() -> tuple[Layer, ...]:
    return (
        Convolution(width=64, kernel=7, stride=2, padding=3),
        NORM,
        RELU,
        Pooling(kernel=3, stride=2, padding=1),
    )
