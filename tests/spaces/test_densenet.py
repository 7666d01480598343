"""DenseNet against torchvision, the paper's table of parameters and the book's table of shapes."""

from __future__ import annotations

from itertools import accumulate

import pytest
import torch
from torch import nn
from torchvision import models

from nas.errors import ImpossibleShape, Refused
from nas.layers import (
    Activation,
    AdaptivePooling,
    Convolution,
    DenseConcatenation,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Pooling,
    Sequence,
    cost,
    output_shape,
)
from nas.layers.base import Cost
from spaces import densenet
from spaces.densenet import DenseNet, block_widths, compressed, dense_layer, small_image, transition
from tests.spaces.test_spaces import points
from tests.toys.twins import answers, multiply_adds, named, parameters

THEIRS = ("densenet121", "densenet161", "densenet169", "densenet201")
NORM, RELU = Normalisation(), Activation()


def torchvisions(name: str) -> nn.Module:
    """torchvision's network without memory for its weights; the 264 layers are its code with the paper's depths."""
    with torch.device("meta"):
        if name == "densenet264":
            return models.DenseNet(block_config=(6, 12, 64, 48))
        network: nn.Module = models.get_model(name)
    return network


def price(name: str) -> Cost:
    """What our published network costs at its own input."""
    ours = named(name)
    return cost(ours.architecture.network(ours.inputs, ours.classes), ours.inputs)


@pytest.mark.parametrize("name", [*THEIRS, "densenet264"])
def test_parameters_are_torchvisions(name: str) -> None:
    """Each network has the parameters of torchvision's."""
    assert price(name).parameters == parameters(torchvisions(name))


@pytest.mark.parametrize("name", ["densenet121", "densenet161"])
def test_multiply_adds_are_torchvisions(name: str) -> None:
    """Multiply-adds at 3x224x224 are half of the operations that torch counts on torchvision's network."""
    assert price(name).multiply_adds == multiply_adds(torchvisions(name), (3, 224, 224))


def test_all_of_torchvisions_are_here() -> None:
    """torchvision has four DenseNets, and they bear its names here."""
    assert [name for name in models.list_models() if name.startswith("densenet")] == list(THEIRS)


def test_weights_of_torchvision_can_be_copied() -> None:
    """With torchvision's weights, taken in order, DenseNet-121 gives torchvision's answers."""
    own, their = answers(named("densenet121"), models.densenet121(), (3, 64, 64))
    assert (their[0] - their[1]).std() > 0.1
    assert torch.allclose(own, their, rtol=1e-4, atol=1e-4)


def test_small_network_costs_what_torchvisions_code_makes_of_it() -> None:
    """DenseNet-BC (100, 12) is torchvision's code with three blocks of 16 and the paper's stem for small images."""
    with torch.device("meta"):
        theirs = models.DenseNet(12, (16, 16, 16), 24, num_classes=10)
        theirs.features.conv0 = nn.Conv2d(3, 24, 3, padding=1, bias=False)
        for name in ("norm0", "relu0", "pool0"):
            setattr(theirs.features, name, nn.Identity())
    ours = price("densenet_bc_100_12")
    assert ours.parameters == parameters(theirs)
    assert ours.multiply_adds == multiply_adds(theirs, (3, 32, 32))


@pytest.mark.parametrize(
    ("layers", "growth_rate", "bottleneck", "millions"),
    [
        (40, 12, False, 1.0),
        (100, 12, False, 7.0),
        (100, 24, False, 27.2),
        (100, 12, True, 0.8),
        (250, 24, True, 15.3),
        (190, 40, True, 25.6),
    ],
)
def test_parameters_are_those_of_the_paper(layers: int, growth_rate: int, bottleneck: bool, millions: float) -> None:
    """Table 2 of the paper: millions of parameters of DenseNet and DenseNet-BC for CIFAR-10."""
    network = small_image(layers, growth_rate, bottleneck=bottleneck)
    assert network.facts()["layers"] == layers
    assert round(cost(network.network((3, 32, 32), 10), (3, 32, 32)).parameters / 1e6, 1) == millions


def test_layers_are_the_number_in_the_name() -> None:
    """The paper names its networks by their convolutions and the linear layer; its 264 miscounts its own depths."""
    for name in THEIRS:
        assert f"densenet{named(name).architecture.facts()['layers']}" == name
    assert named("densenet264").architecture.facts()["layers"] == 1 + 2 * (6 + 12 + 64 + 48) + 3 + 1 == 265


def test_shapes_are_those_of_the_book() -> None:
    """The book's network at 1x96x96: each block adds 128 channels, each transition halves channels and image."""
    network = named("densenet_d2l").architecture.network((1, 96, 96), 10)
    assert isinstance(network, Sequence)
    shapes = list(accumulate(network.layers, lambda shape, layer: output_shape(layer, shape), initial=(1, 96, 96)))
    assert shapes[1:] == [
        (64, 24, 24),
        *((192, 24, 24), (96, 12, 12)),
        *((224, 12, 12), (112, 6, 6)),
        *((240, 6, 6), (120, 3, 3)),
        *((248, 3, 3),) * 3,
        (10,),
    ]


def test_layers_and_transitions_are_those_of_the_paper() -> None:
    """A layer is norm, ReLU, 3x3, before it norm, ReLU, 1x1 to 4k if a bottleneck; a transition is 1x1 and a pool."""
    grow = (NORM, RELU, Convolution(width=12, kernel=3, padding=1))
    narrow = (NORM, RELU, Convolution(width=48))
    assert dense_layer("plain", 12) == DenseConcatenation(branch=Sequence(layers=grow))
    assert dense_layer("bottleneck", 12) == DenseConcatenation(branch=Sequence(layers=(*narrow, *grow)))
    for kind in ("average", "max"):
        between = (NORM, RELU, Convolution(width=30), Pooling(kind=kind, kernel=2, stride=2))
        assert transition(30, kind) == Sequence(layers=between)


def test_stems_and_head() -> None:
    """The wide stem is 7x7 with norm, ReLU and pool, small stems are one 3x3; norm and ReLU come before the head."""

    def ends(stem: densenet.Stem) -> tuple[Layer, ...]:
        network = DenseNet(depths=(1,), growth_rate=4, stem=stem, stem_width=8).network((3, 32, 32), 5)
        assert isinstance(network, Sequence)
        first, _, *rest = network.layers
        assert rest == [NORM, RELU, Sequence(name="head", layers=(AdaptivePooling(), Flatten(), Linear(width=5)))]
        assert isinstance(first, Sequence)
        return first.layers

    unit = Sequence(layers=(Convolution(width=8, kernel=7, stride=2, padding=3), NORM, RELU))
    assert ends("7x7/2+pool") == (unit, Pooling(kernel=3, stride=2, padding=1))
    assert ends("3x3/2") == (Convolution(width=8, kernel=3, stride=2, padding=1),)
    assert ends("3x3/1") == (Convolution(width=8, kernel=3, padding=1),)


def test_widths_by_hand() -> None:
    """Widths grow by the growth rate and are compressed between blocks, rounded down, never to nothing."""
    # 7 + 2 x 5 = 17, half is 8; 8 + 3 x 5 = 23, half is 11; 11 + 5 = 16
    assert block_widths((2, 3, 1), 5, 0.5, 7) == (17, 23, 16)
    assert block_widths((2, 3, 1), 5, 1.0, 7) == (17, 32, 37)
    assert compressed(3, 0.25) == 1
    network = DenseNet(depths=(2, 3, 1), growth_rate=5, stem_width=7)
    assert network.facts()["widths"] == "17-23-16"
    tree = network.network((1, 28, 28), 10)
    assert isinstance(tree, Sequence)
    assert output_shape(Sequence(layers=tree.layers[:-1]), (1, 28, 28)) == (16, 3, 3)


def test_points_have_as_many_depths_as_blocks() -> None:
    """A point of the space decodes to the blocks, depths and kinds that it names."""
    seen = set()
    for point in points(densenet.SPACE, 100):
        network = densenet.decode(point)
        depths = [value for name, value in point.items() if name.startswith("depth_")]
        assert list(network.depths) == depths
        assert len(depths) == point["blocks"]
        assert network.layer_kind == point["layer_kind"]
        assert network.pool == point["pool"]
        assert network.compression == point["compression"]
        assert network.growth_rate == point["growth_rate"]
        seen.add(len(depths))
    assert seen == {2, 3, 4}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depths": ()}, "at least one block"),
        ({"depths": (4, 0)}, r"each block a layer, got depths \(4, 0\)"),
        ({"growth_rate": 0}, "growth_rate must be at least 1, got 0"),
        ({"compression": 0.0}, r"compression must lie in \(0, 1\], got 0"),
        ({"compression": 1.5}, r"compression must lie in \(0, 1\], got 1.5"),
        ({"stem": "5x5"}, "stem must be one of 7x7/2.pool, 3x3/2, 3x3/1, got '5x5'"),
        ({"layer_kind": "wide"}, "layer_kind must be one of plain, bottleneck, got 'wide'"),
        ({"pool": "none"}, "pool must be one of average, max, got 'none'"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    """A network without blocks or layers, or with a ratio or kind that doesn't exist, is refused with the value."""
    with pytest.raises(Refused, match=message):
        DenseNet(**{"depths": (4, 4), "growth_rate": 8, "stem_width": 16} | settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("layers", "bottleneck"), [(41, False), (4, False), (43, True), (4, True)])
def test_layers_that_make_no_blocks_are_refused(layers: int, bottleneck: bool) -> None:
    """Three equal blocks need a fitting number of layers; the hint names one that fits."""
    with pytest.raises(Refused, match=f"got {layers}") as refusal:
        small_image(layers, 12, bottleneck=bottleneck)
    fitting = int(refusal.value.hint.split(";")[1].split()[0])
    assert small_image(fitting, 12, bottleneck=bottleneck).facts()["layers"] == fitting


def test_too_small_images_are_refused() -> None:
    """At 28x28 the last transition of the book's network has an image of one pixel to pool."""
    network = named("densenet_d2l").architecture.network((1, 28, 28), 10)
    with pytest.raises(ImpossibleShape, match=r"Pooling average 2x2, stride 2 doesn't fit into an input of 120x1x1"):
        output_shape(network, (1, 28, 28))
