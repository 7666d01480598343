"""What the benchmarks train: four networks of the book and a fixed sample of 24 from three spaces.

ResNet-18, VGG-11 at a quarter of its width, DenseNet and RegNetX32 are as chapter 8 of *Dive into Deep Learning*
(Zhang et al.) builds them. The sample are the first eight trials of AnyNetX A, AnyNetX E and RegNetX with three
stages and 3 to 6 million multiply-adds at 1x28x28: what a study trains, with deep networks and narrow groups in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas.layers import Layer, cost
from nas.sampling import Filter, draw
from nas.space.distribution import Distribution
from nas.study import Limits
from spaces import NETWORKS, anynet, regnet

CLASSES = 10
SAMPLE_SPACES = (anynet.X3[0], anynet.X3[4], regnet.X3)
SAMPLE_LIMITS = Limits(multiply_adds=(3_000_000, 6_000_000))
SAMPLES = 8
"""Networks of each space in the sample."""


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
        filter_ = Filter(space=space, limits=SAMPLE_LIMITS, inputs=(1, 28, 28), classes=CLASSES)
        distribution = Distribution(space)
        for number in range(SAMPLES):
            layer = draw(filter_, distribution, 0, number).network.layer
            subjects.append(Subject(name=f"{space.name} {number}", layer=layer, resolution=28))
    return tuple(subjects)


def regnetx32() -> Layer:
    """Two stages of 4 and 6 X blocks, 32 and 80 channels wide, in groups of 16."""
    return published("regnetx32_d2l", 28)


def resnet18() -> Layer:
    """Four stages of two basic blocks, with a norm after each 1x1 shortcut as in torchvision's."""
    return published("resnet18", 28)


def vgg11_quarter() -> Layer:
    """Eight 3x3 convolutions in five blocks, 16 to 128 channels, and three linear layers with dropout."""
    return published("vgg11_d2l_quarter", 96)


def densenet() -> Layer:
    """Four dense blocks of four 3x3 convolutions, 32 new channels each, halved between the blocks."""
    return published("densenet_d2l", 96)


def published(name: str, edge: int) -> Layer:
    """A published network for ten classes of grey images."""
    found = {network.name: network for network in NETWORKS}[name]
    return found.architecture.network((1, edge, edge), CLASSES)
