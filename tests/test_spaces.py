"""One contract for every space that comes with the tool, and the facts of AnyNet by hand."""

from __future__ import annotations

from itertools import islice

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from nas.cost import Limits
from nas.errors import ImpossibleShape
from nas.layers import (
    Activation,
    AdaptivePooling,
    Convolution,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Residual,
    Sequence,
    Shape,
    SqueezeExcite,
    cost,
    from_json,
    identity,
    output_shape,
    to_json,
)
from nas.modules import build, initialise
from nas.sampling import Gate, Network
from nas.space import Architecture, Point, Space
from nas.space.law import Law
from spaces import ALL, NETWORKS, anynet
from spaces.anynet import AnyNet, compatible, residual_block
from spaces.network import Network as Published

POINTS = 100
MAY_BE_TOO_SMALL = ("AlexNet", "VGG", "NiN")
"""Spaces that also hold networks for images larger than 28x28."""
SMALL = Limits(multiply_adds=(0, 20_000_000), parameters=(0, 5_000_000))
EVERY = pytest.mark.parametrize("space", ALL, ids=lambda space: space.name)


def points(space: Space, count: int, seed: int = 0) -> list[Point]:
    """The first random points that obey the space's requirements."""
    law = Law(space)
    source = np.random.default_rng(seed)
    found: list[Point] = []
    while len(found) < count:
        found += [p for p in law.points(source.random((256, len(law.names)))) if space.allows(p)]
    return found[:count]


def fitting(architecture: Architecture, inputs: Shape, classes: int) -> Layer | None:
    """The network for these images, which gives the classes; None where they are too small for it."""
    try:
        layer = architecture.network(inputs, classes)
        assert output_shape(layer, inputs) == (classes,)
    except ImpossibleShape:
        return None
    return layer


@EVERY
def test_every_point_is_a_network(space: Space) -> None:
    """Random points have all active dimensions, decode, fit small images, cost something, and come back from JSON.

    Of a space for larger images, too, a share of the points does.
    """
    found = 0
    for point in points(space, POINTS):
        assert list(point) == [n for n, d in space.dimensions.items() if d.when is None or d.when.holds(point)]
        assert all(space.dimensions[name].contains(value) for name, value in point.items())
        architecture = space.architecture(point)
        assert isinstance(architecture, Architecture)
        layer = fitting(architecture, (1, 28, 28), 10)
        if layer is None or fitting(architecture, (3, 32, 32), 7) is None:
            assert space.name in MAY_BE_TOO_SMALL
            continue
        found += 1
        assert min(msgspec.structs.astuple(cost(layer, (1, 28, 28)))) > 0
        back = from_json(to_json(layer))
        assert back == layer
        assert identity(back) == identity(layer) == identity(space.architecture(dict(point)).network((1, 28, 28), 10))
    assert found >= POINTS // 5


@EVERY
def test_facts_are_columns(space: Space) -> None:
    """Facts are plain values, the same names for every point, none of them a dimension's; all are JSON."""
    columns = {tuple(space.architecture(p).facts()) for p in points(space, 10)}
    assert len(columns) == 1
    assert not set(columns.pop()) & set(space.dimensions)
    for point in points(space, 10):
        facts = space.architecture(point).facts()
        assert all(type(value) in (int, float, str) for value in facts.values())
        assert msgspec.json.decode(msgspec.json.encode(facts)) == facts


@EVERY
@pytest.mark.parametrize("inputs", [(1, 28, 28), (3, 32, 32)], ids=["1x28x28", "3x32x32"])
def test_networks_learn(space: Space, inputs: tuple[int, int, int]) -> None:
    """The first small networks build, run forward, and give every parameter a finite gradient."""
    gate = Gate(space=space, limits=SMALL, inputs=inputs, classes=10)
    verdicts = (gate.judge(point) for point in points(space, 400, seed=1))
    for network in islice((v for v in verdicts if isinstance(v, Network)), 2):
        module = build(network.layer, inputs)
        initialise(module, torch.Generator().manual_seed(0))
        x = torch.randn(4, *inputs, generator=torch.Generator().manual_seed(1))
        y = module(x)
        assert y.shape == (4, 10)
        torch.autograd.backward(nn.functional.cross_entropy(y, torch.arange(4)))
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_names_are_unique() -> None:
    """No two spaces and no two published networks share a name, and each says where it comes from."""
    for named in (ALL, NETWORKS):
        assert len({value.name for value in named}) == len(named)
        assert all(value.source for value in named)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_published_networks_fit_their_input(network: Published) -> None:
    """A published network takes its published input and classes, and smaller images, too, or says what doesn't fit."""
    layer = network.architecture.network(network.inputs, network.classes)
    assert output_shape(layer, network.inputs) == (network.classes,)
    if fitting(network.architecture, (1, 32, 32), 10) is None:
        assert min(network.inputs[1:]) > 32
        with pytest.raises(ImpossibleShape, match=r"doesn't fit into an input of \d+x\d+x\d+$"):
            output_shape(network.architecture.network((1, 32, 32), 10), (1, 32, 32))


@pytest.mark.parametrize(
    ("width", "bottleneck", "group_width", "expected"),
    [
        (64, 1, 16, (64, 16)),  # divides already
        (64, 4, 16, (64, 16)),  # inner width 16, one group
        (64, 4, 32, (64, 16)),  # wider than the inner width 16: that becomes the group
        (8, 4, 32, (8, 2)),
        (104, 1, 16, (96, 16)),  # 6.5 groups: the tie goes to the even 6
        (120, 1, 16, (128, 16)),  # 7.5 groups: to the even 8
        (40, 1, 16, (32, 16)),  # 2.5 groups: to 2
        (48, 1, 32, (64, 32)),  # 1.5 groups: to 2
        (72, 1, 16, (64, 16)),  # 4.5 groups: to 4
        (104, 2, 8, (96, 8)),  # inner width 52, 6.5 groups: 6, so width 2 x 48
        (1024, 4, 1, (1024, 1)),
    ],
)
def test_widths_are_made_compatible(width: int, bottleneck: int, group_width: int, expected: tuple[int, int]) -> None:
    """The paper's fix-up: a group no wider than the inner width, else that to the nearest multiple, ties even."""
    assert compatible(width, bottleneck, group_width) == expected


@pytest.mark.parametrize(
    ("width", "group_width", "expected"),
    [
        (40, 16, 48),  # 2.5 groups: half up
        (72, 16, 80),  # 4.5: half up
        (20, 16, 32),  # 1.25 would lose a fifth, more than a tenth: up
        (100, 16, 96),  # 6.25: down, it loses less than a tenth
    ],
)
def test_torchvision_rounds_half_up(width: int, group_width: int, expected: int) -> None:
    """torchvision's rule rounds half up, and never down by more than a tenth."""
    assert compatible(width, 1, group_width, "torchvision") == (expected, group_width)


def test_every_choice_becomes_compatible() -> None:
    """After the fix-up every group width divides its inner width, whatever was drawn, and a second fix-up is idle."""
    for width in anynet.WIDTH.values:
        for bottleneck in (1, 2, 4):
            for group_width in (1, 2, 4, 8, 16, 32):
                fixed, group = compatible(width, bottleneck, group_width)
                assert fixed % bottleneck == 0
                assert fixed // bottleneck % group == 0
                assert compatible(fixed, bottleneck, group) == (fixed, group)


def test_blocks_are_those_of_the_paper() -> None:
    """An X block is 1x1, grouped 3x3 with the stride, 1x1; Y squeezes to a quarter of the block's input width."""
    norm, relu = Normalisation(), Activation()
    narrow = Convolution(width=24)
    grouped = Convolution(width=24, kernel=3, stride=2, padding=1, groups=3)
    x = (narrow, norm, relu, grouped, norm, relu, Convolution(width=48), norm)
    shortcut = Sequence(layers=(Convolution(width=48, stride=2), norm))
    block = Sequence(layers=(Residual(branch=Sequence(layers=x), shortcut=shortcut), relu))
    assert residual_block("x", 32, 48, 2, 2, 8) == block
    y = Sequence(layers=(*x[:6], SqueezeExcite(width=8), *x[6:]))
    assert residual_block("y", 32, 48, 2, 2, 8) == Sequence(layers=(Residual(branch=y, shortcut=shortcut), relu))
    kept = residual_block("x", 48, 48, 1, 1, 8).layers[0]
    assert isinstance(kept, Residual)
    assert kept.shortcut == Sequence()


def test_stem_and_head() -> None:
    """The stem is 3x3 with stride 2, norm and ReLU; the head pools globally and is linear."""
    network = AnyNet(block="x", depths=(1,), widths=(32,), bottlenecks=(1,), group_widths=(8,)).network((3, 9, 9), 5)
    assert isinstance(network, Sequence)
    stem, _, head = network.layers
    convolution = Convolution(width=32, kernel=3, stride=2, padding=1)
    assert stem == Sequence(name="stem", layers=(convolution, Normalisation(), Activation()))
    assert head == Sequence(name="head", layers=(AdaptivePooling(), Flatten(), Linear(width=5)))
