"""AnyNet by hand: blocks, widths made compatible, exact sizes of the ladders, the book's network."""

from __future__ import annotations

import re
from dataclasses import replace
from math import comb

import pytest
from torchvision.models.mobilenetv2 import InvertedResidual
from torchvision.models.resnet import Bottleneck

from nas.errors import Refused
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
    SqueezeExcite,
    cost,
    output_shape,
)
from nas.space import Choice
from spaces import NETWORKS, anynet
from spaces.anynet import AnyNet, Ladder, build, compatible
from spaces.blocks import block_layers, inner_width

NORM, RELU = Normalisation(), Activation()


def first_block(network: AnyNet) -> Layer:
    """The first block of a network."""
    layer = network.network((1, 28, 28), 10)
    assert isinstance(layer, Sequence)
    first = layer.layers[1]
    assert isinstance(first, Sequence)
    return first.layers[0]


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
        (8, 0.25, 16, (8, 16)),  # inner width 32, two groups
        (8, 0.25, 64, (8, 32)),  # wider than the inner width 32: that becomes the group
        (8, 0.25, 24, (6, 24)),  # inner width 32, 1.33 groups: 1, so width 24 / 4
        (8, 0.25, 3, (9, 3)),  # inner width 32 to a multiple of 3 and of 4: 36, so width 36 / 4
        (8, 0.2, 1, (8, 1)),  # inner width 40: exact, though 8 // 0.2 is 39
    ],
)
def test_widths_are_made_compatible(width: int, bottleneck: float, group_width: int, expected: tuple[int, int]) -> None:
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
        for bottleneck in (0.25, 0.5, 1, 2, 4):
            for group_width in (1, 2, 3, 4, 8, 16, 24, 32):
                fixed, group = compatible(width, bottleneck, group_width)
                assert inner_width(fixed, bottleneck) == fixed / bottleneck
                assert inner_width(fixed, bottleneck) % group == 0
                assert compatible(fixed, bottleneck, group) == (fixed, group)


def test_blocks_are_those_of_the_paper() -> None:
    """An X block is 1x1, grouped 3x3 with the stride, 1x1; Y squeezes to a quarter of the block's input width."""
    narrow = Convolution(width=24)
    grouped = Convolution(width=24, kernel=3, stride=2, padding=1, groups=3)
    x = (narrow, NORM, RELU, grouped, NORM, RELU, Convolution(width=48), NORM)
    shortcut = Sequence(layers=(Convolution(width=48, stride=2), NORM))
    block = Sequence(layers=(Residual(branch=Sequence(layers=x), shortcut=shortcut), RELU))
    assert block_layers("x", 32, 48, 2, 2, 8) == block
    y = Sequence(layers=(*x[:6], SqueezeExcite(width=8), *x[6:]))
    assert block_layers("y", 32, 48, 2, 2, 8) == Sequence(layers=(Residual(branch=y, shortcut=shortcut), RELU))
    kept = block_layers("x", 48, 48, 1, 1, 8).layers[0]
    assert isinstance(kept, Residual)
    assert kept.shortcut == Sequence()


def test_r_is_x_without_groups() -> None:
    """An R block is an X block whose 3x3 sees all inner channels."""
    inner = (Convolution(width=12), NORM, RELU, Convolution(width=12, kernel=3, stride=2, padding=1), NORM, RELU)
    branch = Sequence(layers=(*inner, Convolution(width=48), NORM))
    shortcut = Sequence(layers=(Convolution(width=48, stride=2), NORM))
    expected = Sequence(layers=(Residual(branch=branch, shortcut=shortcut), RELU))
    network = build("r", (1,), (48,), (4,), (48,))
    assert network.group_widths == (12,)
    assert first_block(network) == expected
    assert first_block(build("x", (1,), (48,), (4,), (12,))) == expected


def test_v_and_vr_are_a_single_convolution() -> None:
    """A V block is one 3x3, norm, ReLU; VR adds the input before the ReLU, through a 1x1 where the shape changes."""
    halving, keeping = (Convolution(width=16, kernel=3, stride=stride, padding=1) for stride in (2, 1))
    assert block_layers("v", 32, 16, 2, 1, 16) == Sequence(layers=(halving, NORM, RELU))
    assert block_layers("v", 16, 16, 1, 1, 16) == Sequence(layers=(keeping, NORM, RELU))
    shortcut = Sequence(layers=(Convolution(width=16, stride=2), NORM))
    first = Residual(branch=Sequence(layers=(halving, NORM)), shortcut=shortcut)
    assert block_layers("vr", 16, 16, 2, 1, 16) == Sequence(layers=(first, RELU))
    later = Residual(branch=Sequence(layers=(keeping, NORM)))
    assert block_layers("vr", 16, 16, 1, 1, 16) == Sequence(layers=(later, RELU))


def test_r_has_the_parameters_of_a_resnet_bottleneck() -> None:
    """An R block with b = 4 is the bottleneck of ResNet-50: as many parameters as torchvision's."""
    block = block_layers("r", 256, 256, 1, 4, 64)
    theirs = Bottleneck(256, 64)
    assert cost(block, (256, 8, 8)).parameters == sum(p.numel() for p in theirs.parameters())


def test_an_inverted_bottleneck_has_the_parameters_of_mobilenets() -> None:
    """With b = 1/4 and g = 1 a block is MobileNetV2's with four-fold expansion, by torchvision's parameters."""
    block = block_layers("x", 24, 24, 1, 0.25, 1)
    theirs = InvertedResidual(24, 24, 1, 4)
    assert cost(block, (24, 8, 8)).parameters == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize("bottleneck", [0, -1, 0.3, 1.5])
def test_other_bottlenecks_are_refused(bottleneck: float) -> None:
    """A bottleneck ratio is a whole number or one over a whole number."""
    with pytest.raises(ValueError, match="one over a whole number"):
        compatible(64, bottleneck, 8)


def test_facts_write_ratios_as_people_do() -> None:
    """Whole ratios have no decimals, however they were given; a quarter is 0.25."""
    network = build("x", (1, 2, 3), (8, 16, 24), (1, 4.0, 0.25), (8, 8, 8))
    assert network.facts() == {
        "blocks": 6,
        "depths": "1-2-3",
        "widths": "8-16-24",
        "bottlenecks": "1-4-0.25",
        "group_widths": "8-4-8",
    }


SIZES: list[tuple[Ladder, int, int, int]] = [
    (anynet.X2, 2, (16 * 128 * 18) ** 2, 18),
    (anynet.X3, 3, (16 * 128 * 18) ** 3, 18),
    (anynet.X5, 5, (16 * 128 * 18) ** 5, 18),
    (anynet.R, 4, (16 * 128 * 3) ** 4, 3),
    (anynet.R3, 3, (16 * 128 * 3) ** 3, 3),
    (anynet.V, 4, (16 * 128) ** 4, 1),
    (anynet.V3, 3, (16 * 128) ** 3, 1),
    (anynet.VR, 4, (16 * 128) ** 4, 1),
    (anynet.VR3, 3, (16 * 128) ** 3, 1),
]
"""Ladder, stages, points of A, and choices of what all stages share in E."""


@pytest.mark.parametrize(("rungs", "stages", "free", "shared"), SIZES, ids=[rungs.a.name for rungs, *_ in SIZES])
def test_sizes(rungs: Ladder, stages: int, free: int, shared: int) -> None:
    """A has 16 depths and 128 widths a stage and what the block chooses beside; E the rising ones, shares the rest."""
    depths, widths = comb(16 + stages - 1, stages), comb(128 + stages - 1, stages)
    assert rungs.a.size() == free
    assert rungs.d.size() == 16**stages * widths * shared
    assert rungs.e.size() == depths * widths * shared


def test_a_rung_with_nothing_to_share_is_the_rung_below() -> None:
    """V and VR blocks have no ratio and no groups, R blocks no groups: B or C is then the space below."""
    for rungs in (anynet.V3, anynet.VR3):
        assert rungs.a is rungs.b is rungs.c
        assert set(rungs.a.dimensions) == {f"{group}_{n}" for group in ("depth", "width") for n in (1, 2, 3)}
    assert anynet.R3.b is anynet.R3.c
    assert [len(rung.dimensions) for rung in anynet.R3] == [9, 7, 7, 7, 7]
    assert [rung.name for rung in anynet.R3] == [f"AnyNetR_{letter}_3" for letter in "ABBDE"]


@pytest.mark.parametrize("stages", [0, 9])
def test_too_many_stages_are_refused(stages: int) -> None:
    """A ladder has one to eight stages."""
    with pytest.raises(Refused, match="between 1 and 8"):
        anynet.ladder("v", stages)


def test_inverted_bottlenecks_can_be_sampled() -> None:
    """A user's own space may have ratios below 1 among its options."""
    free = anynet.ladder("x", 1).a
    own = replace(free, dimensions={**free.dimensions, "bottleneck_1": Choice(options=(0.25, 1))})
    network = own.architecture({"depth_1": 1, "width_1": 8, "bottleneck_1": 0.25, "group_width_1": 4})
    assert network == build("x", (1,), (8,), (0.25,), (4,))


def test_the_books_network() -> None:
    """RegNetX-32 of Dive into Deep Learning has the book's shapes after stem, stages and head at 1x96x96."""
    network = next(network for network in NETWORKS if network.name == "regnetx32_d2l")
    layer = network.architecture.network(network.inputs, network.classes)
    assert isinstance(layer, Sequence)
    shapes, shape = [], network.inputs
    for part in layer.layers:
        shape = output_shape(part, shape)
        shapes.append(shape)
    assert network.inputs == (1, 96, 96)
    assert shapes == [(32, 48, 48), (32, 24, 24), (80, 12, 12), (10,)]


def test_stem_and_head() -> None:
    """The stem is 3x3 with stride 2, norm and ReLU; the head pools globally and is linear."""
    network = AnyNet(block="x", depths=(1,), widths=(32,), bottlenecks=(1,), group_widths=(8,)).network((3, 9, 9), 5)
    assert isinstance(network, Sequence)
    stem, _, head = network.layers
    convolution = Convolution(width=32, kernel=3, stride=2, padding=1)
    assert stem == Sequence(name="stem", layers=(convolution, NORM, RELU))
    assert head == Sequence(name="head", layers=(AdaptivePooling(), Flatten(), Linear(width=5)))


@pytest.mark.parametrize(
    ("depths", "widths", "group_widths", "said"),
    [
        ((1,), (30,), (8,), "must divide its stage's inner width, got group_width=8, inner=30"),
        ((0,), (32,), (8,), "depths=(0,)"),
        ((), (), (), "at least one stage"),
        ((1, 2), (32,), (8,), "depths=(1, 2), widths=(32,)"),
    ],
)
def test_impossible_networks_are_refused(
    depths: tuple[int, ...], widths: tuple[int, ...], group_widths: tuple[int, ...], said: str
) -> None:
    """Groups that don't divide, stages without blocks, no stage and unequal stages are refused with their values."""
    with pytest.raises(ValueError, match=re.escape(said)):
        AnyNet(block="x", depths=depths, widths=widths, bottlenecks=(1,) * len(widths), group_widths=group_widths)
