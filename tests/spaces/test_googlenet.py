"""GoogLeNet against torchvision, the paper's table 1 and the book's table of shapes; its variants by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

import pytest
import torch
from torch import nn
from torchvision import models

from nas.errors import ImpossibleShape, Refused
from nas.layers import (
    Activation,
    Concatenation,
    Convolution,
    Layer,
    Normalisation,
    Pooling,
    Residual,
    Sequence,
    Shape,
    cost,
    identity,
    output_shape,
)
from spaces import googlenet
from spaces.googlenet import INCEPTIONS, Branches, GoogLeNet, branches_of, inception, residual_inception
from tests.spaces.test_spaces import points
from tests.toys.twins import answers, multiply_adds, named, parameters

NORM, RELU = Normalisation(), Activation()
SMALL = Branches(8, 12, 16, 4, 6, 10)
RATIOS = {"share_3x3": 0.5, "share_5x5": 0.125, "share_pool": 0.125, "reduction_3x3": 0.75, "reduction_5x5": 0.5}


def unit(width: int, kernel: int) -> Sequence:
    """A convolution that keeps the size, norm, ReLU."""
    return Sequence(layers=(Convolution(width=width, kernel=kernel, padding=kernel // 2), NORM, RELU))


def convolutions(layer: Layer) -> Iterator[Convolution]:
    """All convolutions of a tree of sequences, residuals and branches."""
    match layer:
        case Convolution():
            yield layer
        case Sequence(layers=children) | Concatenation(branches=children):
            for child in children:
                yield from convolutions(child)
        case Residual():
            yield from convolutions(layer.branch)
            yield from convolutions(layer.shortcut)


def stage_shapes(network: Layer, inputs: Shape) -> list[Shape]:
    """Shape after each part of a network."""
    assert isinstance(network, Sequence)
    return list(accumulate(network.layers, lambda shape, layer: output_shape(layer, shape), initial=inputs))[1:]


def test_costs_are_torchvisions() -> None:
    """Parameters and multiply-adds are those of torchvision's network at 3x224x224."""
    with torch.device("meta"):
        theirs = models.googlenet(aux_logits=False, init_weights=False)
    ours = named("googlenet")
    price = cost(ours.architecture.network(ours.inputs, ours.classes), ours.inputs)
    assert price.parameters == parameters(theirs)
    assert price.multiply_adds == multiply_adds(theirs, ours.inputs)


def test_weights_of_torchvision_can_be_copied() -> None:
    """With torchvision's weights, taken in order, its network here gives its answers."""
    theirs: nn.Module = models.googlenet(aux_logits=False, init_weights=False)
    own, their = answers(named("googlenet"), theirs, (3, 64, 64))
    assert (their[0] - their[1]).std() > 0.1
    assert torch.allclose(own, their, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("stage", "position", "channels", "edge", "millions"),
    [
        (0, 0, 192, 28, 128),
        (0, 1, 256, 28, 304),
        (1, 0, 480, 14, 73),
        (1, 1, 512, 14, 88),
        (1, 2, 512, 14, 100),
        (1, 3, 512, 14, 119),
        (1, 4, 528, 14, 170),
        (2, 1, 832, 7, 71),
    ],
)
def test_inceptions_cost_what_the_paper_says(
    stage: int, position: int, channels: int, edge: int, millions: int
) -> None:
    """Table 1 of the paper: millions of multiply-adds of each inception; its 54 for the eighth (51) is left out."""
    price = cost(inception(INCEPTIONS[stage][position]), (channels, edge, edge))
    assert abs(price.multiply_adds / 1e6 - millions) < 1


def test_network_is_that_of_the_paper() -> None:
    """Table 1: 22 layers with weights in a row, 112K weights in stage 2, shapes, a million weights at the end."""
    network = named("googlenet_d2l").architecture
    assert network.facts() == {"blocks": 9, "layers": 22, "depths": "2-5-2", "widths": "480-832-1024"}
    tree = network.network((3, 224, 224), 1000)
    assert isinstance(tree, Sequence)
    assert cost(tree.layers[1], (64, 56, 56)).parameters == 112 * 1024 + 64 + 192
    shapes: list[Shape] = [(64, 56, 56), (192, 28, 28), (480, 14, 14), (832, 7, 7), (1024, 7, 7), (1000,)]
    assert stage_shapes(tree, (3, 224, 224)) == shapes
    assert cost(tree.layers[5], (1024, 7, 7)).multiply_adds == 1024 * 1000


def test_parameters_are_those_of_caffe() -> None:
    """The Caffe model zoo's GoogLeNet, biases and all, has 6,998,552 parameters without its auxiliary heads."""
    network = named("googlenet_d2l").architecture.network((3, 224, 224), 1000)
    assert cost(network, (3, 224, 224)).parameters == 6_998_552


def test_shapes_are_those_of_the_book() -> None:
    """The book's network at 1x96x96, stage by stage."""
    network = named("googlenet_d2l").architecture.network((1, 96, 96), 10)
    shapes: list[Shape] = [(64, 24, 24), (192, 12, 12), (480, 6, 6), (832, 3, 3), (1024, 3, 3), (10,)]
    assert stage_shapes(network, (1, 96, 96)) == shapes


def test_small_stem_serves_inceptions_as_the_published_does() -> None:
    """At 28x28 the inceptions of googlenet_28 see what those of the published network see at 224x224."""
    small = named("googlenet_28").architecture.network((1, 28, 28), 10)
    large = named("googlenet_d2l").architecture.network((1, 224, 224), 10)
    shapes = stage_shapes(small, (1, 28, 28))
    assert shapes[0] == (64, 28, 28)
    assert shapes[1:] == stage_shapes(large, (1, 224, 224))[1:]
    assert isinstance(small, Sequence)
    assert isinstance(large, Sequence)
    assert small.layers[2:] == large.layers[2:]


def test_inception_has_four_branches() -> None:
    """1x1; 1x1 and 3x3; 1x1 and 5x5, or what stands for it; a pool that keeps the size, and 1x1."""
    one, three = unit(8, 1), Sequence(layers=(unit(12, 1), unit(16, 3)))
    pooled = Sequence(layers=(Pooling(kernel=3, stride=1, padding=1), unit(10, 1)))
    for large, fives in (
        ("5x5", (unit(6, 5),)),
        ("3x3", (unit(6, 3),)),
        ("two 3x3", (unit(6, 3), unit(6, 3))),
    ):
        five = Sequence(layers=(unit(4, 1), *fives))
        assert inception(SMALL, large) == Concatenation(branches=(one, three, five, pooled))  # type: ignore[arg-type]
    assert output_shape(inception(SMALL), (3, 9, 9)) == (SMALL.width, 9, 9) == (40, 9, 9)


def test_residual_inception_projects_without_relu() -> None:
    """The joined branches go through 1x1 and norm, are added to the input, then ReLU; a new width projects that."""
    projection = Sequence(layers=(Convolution(width=40), NORM))
    branch = Sequence(layers=(inception(SMALL), projection))
    kept = Sequence(layers=(Residual(branch=branch), RELU))
    assert residual_inception(40, SMALL) == kept
    assert residual_inception(24, SMALL) == Sequence(layers=(Residual(branch=branch, shortcut=projection), RELU))
    biased = Sequence(layers=(Convolution(width=40, bias=True),))
    branch = Sequence(layers=(inception(SMALL, "5x5", None), biased))
    assert residual_inception(40, SMALL, "5x5", None) == Sequence(layers=(Residual(branch=branch), RELU))


def test_shares_give_the_published_inceptions() -> None:
    """The first two inceptions of the paper as shares of 256 and 480 channels."""
    assert branches_of(256, **RATIOS) == INCEPTIONS[0][0]
    second = {"share_3x3": 0.4, "share_5x5": 0.2, "share_pool": 2 / 15, "reduction_3x3": 2 / 3, "reduction_5x5": 1 / 3}
    assert branches_of(480, **second) == INCEPTIONS[0][1]
    assert branches_of(8, **RATIOS) == Branches(8, 8, 8, 8, 8, 8)  # nothing is left of 8, yet each branch has its 8


def test_points_are_drawn_as_they_say() -> None:
    """Points have equal inceptions in a stage, biases only without norm, and the variant that they name."""
    variants = set()
    for point in points(googlenet.SPACE, 100):
        network = googlenet.decode(point)
        assert [len(stage) for stage in network.stages] == [point[f"depth_{stage}"] for stage in (1, 2, 3)]
        assert all(len(set(stage)) == 1 for stage in network.stages)
        assert network.stem == point["stem"]
        assert network.residual == (point["residual"] == "on")
        assert network.large == ("two 3x3" if point["factorised"] == "on" else "5x5")
        biases = {convolution.bias for convolution in convolutions(network.network((1, 28, 28), 10))}
        assert biases == {point["norm"] == "none"}
        variants.add((point["stem"], point["norm"], point["residual"], point["factorised"]))
    assert len(variants) > 12


def test_every_variant_is_another_network() -> None:
    """Norm, residual, factorised 5x5 and stem each change the network; the 22 layers grow by one an inception."""
    plain = GoogLeNet(norm=None)
    variants = [
        plain,
        GoogLeNet(),
        GoogLeNet(norm=None, residual=True),
        GoogLeNet(norm=None, large="two 3x3"),
        GoogLeNet(norm=None, stem="3x3/2"),
        GoogLeNet(norm=None, stem="3x3/1"),
    ]
    assert len({identity(variant.network((1, 28, 28), 10)) for variant in variants}) == len(variants)
    assert [variant.facts()["layers"] for variant in variants] == [22, 22, 31, 31, 22, 22]
    halves = stage_shapes(variants[4].network((1, 28, 28), 10), (1, 28, 28))
    assert [shape[1] for shape in halves[:-1]] == [14, 14, 7, 4, 4]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stages": ()}, "three stages of at least one inception, got no stage"),
        ({"stages": (INCEPTIONS[0], (), INCEPTIONS[2])}, "three stages of at least one inception, got 2-0-2"),
        ({"stem": "5x5"}, "stem must be one of .* got '5x5'"),
        ({"large": "7x7"}, "large must be one of 5x5, 3x3, two 3x3, got '7x7'"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    """A network without a stage or with a kind that doesn't exist is refused with the value."""
    with pytest.raises(Refused, match=message):
        GoogLeNet(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share_3x3": 0.75}, r"leave some to 1x1, got \(0.75, 0.125, 0.125\)"),
        ({"share_pool": 0.0}, "must be positive"),
        ({"reduction_3x3": 0.0}, r"a reduction must lie in \(0, 1\], got 0"),
        ({"reduction_5x5": 1.25}, r"a reduction must lie in \(0, 1\], got 1.25"),
    ],
)
def test_ratios_out_of_range_are_refused(change: dict[str, float], message: str) -> None:
    """Shares must be positive and sum to less than 1; reductions lie in (0, 1]."""
    with pytest.raises(Refused, match=message):
        branches_of(256, **RATIOS | change)


def test_images_may_be_as_small_as_torchvisions() -> None:
    """15x15 is the smallest image that torchvision's network takes; ours takes it and refuses 14x14."""
    theirs: nn.Module = models.googlenet(aux_logits=False, init_weights=False).eval()
    network = named("googlenet").architecture
    assert output_shape(network.network((3, 15, 15), 1000), (3, 15, 15)) == theirs(torch.rand(1, 3, 15, 15)).shape[1:]
    with pytest.raises(RuntimeError, match="Output size is too small"):
        theirs(torch.rand(1, 3, 14, 14))
    with pytest.raises(ImpossibleShape, match=r"Pooling max 3x3, stride 2 doesn't fit into an input of 480x1x1"):
        output_shape(network.network((3, 14, 14), 1000), (3, 14, 14))
