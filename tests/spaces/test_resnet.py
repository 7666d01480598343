"""ResNet against torchvision, Keras, the book and the papers."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import msgspec
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from nas.errors import Refused
from nas.layers import Activation, Convolution, Normalisation, Pooling, Residual, Sequence, Shape, cost, identity
from nas.sampling import Filter, Network
from nas.space import Point, Space, falling, rising
from nas.study import Limits
from nas.training.modules import build as build_module
from spaces import NETWORKS, resnet
from spaces.network import Network as Published
from spaces.residual import post_block, pre_block, stem_layers
from spaces.resnet import ResNet, build
from tests.spaces.test_spaces import points

OURS = {network.name: network for network in NETWORKS}
THEIRS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2"]
NORM, RELU = Normalisation(), Activation()
FOUR, THREE, TWO = resnet.ALL


def torchvisions(name: str, **settings: int) -> nn.Module:
    """torchvision's network without memory for its weights."""
    with torch.device("meta"):
        network: nn.Module = models.get_model(name, **settings)
    return network


def counts(network: Published) -> tuple[int, int]:
    """Our parameters and multiply-adds, counted on the tree."""
    price = cost(network.architecture.network(network.inputs, network.classes), network.inputs)
    return price.parameters, price.multiply_adds


def parametrised(module: nn.Module) -> list[nn.Module]:
    """The modules with parameters of their own, in the order in which they were added."""
    return [part for part in module.modules() if next(part.parameters(recurse=False), None) is not None]


def copy_in_order(source: nn.Module, target: nn.Module) -> None:
    """Random weights and statistics into the source, and the same into the target, module by module."""
    draws = torch.Generator().manual_seed(0)
    for theirs, ours in zip(parametrised(source), parametrised(target), strict=True):
        for name, value in theirs.state_dict().items():
            if value.is_floating_point():
                scale = 1 / value[0].numel() ** 0.5 if value.dim() > 1 else 0.5
                value.copy_(
                    torch.rand(value.shape, generator=draws) + 0.5
                    if name == "running_var"
                    else torch.randn(value.shape, generator=draws) * scale + (name == "weight" and value.dim() == 1)
                )
        ours.load_state_dict(theirs.state_dict())


def assert_same_function(theirs: nn.Module, ours: nn.Module, inputs: Shape) -> None:
    """With equal weights both give equal outputs in evaluation."""
    copy_in_order(theirs, ours)
    x = torch.randn(2, *inputs, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, got = theirs.eval()(x), ours.eval()(x)
    assert expected.std() > 0
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("name", THEIRS)
def test_counts_are_torchvisions(name: str) -> None:
    """Parameters are torchvision's; multiply-adds at 3x224x224 are half the operations that torch counts on it."""
    theirs = torchvisions(name)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs.eval()(torch.empty(1, 3, 224, 224, device="meta"))
    assert counts(OURS[name]) == (sum(p.numel() for p in theirs.parameters()), counter.get_total_flops() // 2)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvisions_weights_fit_in_order(name: str) -> None:
    """torchvision's weights, copied module by module in its order, make the same function."""
    layer = OURS[name].architecture.network((3, 64, 64), 7)
    assert_same_function(models.get_model(name, num_classes=7), build_module(layer, (3, 64, 64)), (3, 64, 64))


@pytest.mark.parametrize("network", resnet.NETWORKS, ids=lambda network: network.name)
def test_names_count_layers(network: Published) -> None:
    """The number in a name counts the convolutions on the longest way and the linear layer, as the papers do."""
    number = network.name.removeprefix("wide_").removeprefix("preact_").removeprefix("resnet").lstrip("_").split("_")[0]
    assert network.architecture.facts()["layers"] == int(number)


KERAS = {"preact_resnet50": 25_568_360, "preact_resnet101": 44_577_896, "preact_resnet152": 60_236_904}
"""Trainable parameters of Keras' ResNet50V2, ResNet101V2 and ResNet152V2 at 1000 classes."""


@pytest.mark.parametrize("name", KERAS)
def test_pre_activation_has_keras_count(name: str) -> None:
    """Keras' pre-activation networks have our parameters and biases in stem, shortcuts and last convolutions."""
    architecture = OURS[name].architecture
    assert isinstance(architecture, ResNet)
    widths, depths = architecture.widths, architecture.depths
    biases = 64 + sum(widths) + sum(width * depth for width, depth in zip(widths, depths, strict=True))
    assert counts(OURS[name])[0] + biases == KERAS[name]


class PreActivation(nn.Module):
    """A network of the second paper, unit by unit as its appendix describes it, for 10 classes."""

    def __init__(self, kernels: tuple[int, ...], widths: list[tuple[int, ...]], strides: list[int]) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0][0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0][0]))
        self.units = nn.ModuleList()
        for number, (unit, stride) in enumerate(zip(widths, strides, strict=True)):
            parts = nn.ModuleDict({} if number == 0 else {"norm 0": nn.BatchNorm2d(unit[0])})
            for index, (kernel, (before, after)) in enumerate(zip(kernels, pairwise(unit), strict=True)):
                if index:
                    parts[f"norm {index}"] = nn.BatchNorm2d(before)
                step = stride if kernel == 3 and all(k == 1 for k in kernels[:index]) else 1
                parts[f"convolution {index}"] = nn.Conv2d(before, after, kernel, step, kernel // 2, bias=False)
            if stride > 1 or unit[0] != unit[-1]:
                parts["shortcut"] = nn.Conv2d(unit[0], unit[-1], 1, stride, bias=False)
            self.units.append(parts)
        self.norm = nn.BatchNorm2d(widths[-1][-1])
        self.linear = nn.Linear(widths[-1][-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        """Activated stem, units, activation, head."""
        x = self.stem(x).relu()
        for parts in self.units:
            assert isinstance(parts, nn.ModuleDict)
            y = parts["norm 0"](x).relu() if "norm 0" in parts else x
            kept = parts["shortcut"](y) if "shortcut" in parts else x
            y = parts["convolution 0"](y)
            for index in range(1, sum(name.startswith("convolution") for name in parts)):
                y = parts[f"convolution {index}"](parts[f"norm {index}"](y).relu())
            x = y + kept
        out: Tensor = self.linear(self.norm(x).relu().mean((2, 3)))
        return out


def test_pre_activation_is_that_of_the_paper() -> None:
    """Basic and bottleneck pre-activation networks compute what the second paper's units compute."""
    basic = build("basic", (2, 2), (8, 16), order="pre", stem="3x3/1").network((3, 9, 9), 10)
    theirs = PreActivation((3, 3), [(8, 8, 8), (8, 8, 8), (8, 16, 16), (16, 16, 16)], [1, 1, 2, 1])
    assert_same_function(theirs, build_module(basic, (3, 9, 9)), (3, 9, 9))
    bottleneck = build("bottleneck", (2, 2), (32, 64), order="pre", stem="3x3/1").network((3, 9, 9), 10)
    units = [(8, 8, 8, 32), (32, 8, 8, 32), (32, 16, 16, 64), (64, 16, 16, 64)]
    theirs = PreActivation((1, 3, 1), units, [1, 1, 2, 1])
    assert_same_function(theirs, build_module(bottleneck, (3, 9, 9)), (3, 9, 9))


PAPER = {20: "0.27", 32: "0.46", 56: "0.85", 110: "1.7"}
"""Millions of parameters in table 6 of the first paper, with shortcuts that have none."""


def test_resnet_8_is_mlperf_tinys() -> None:
    """Its convolutions and head are the reference model's, which has 78,666 numbers with biases and all of its norms.

    There convolutions have biases and shortcuts no norm; here it is the other way round.
    """
    biases, norms, ours = 16 + 2 * 16 + 3 * 32 + 3 * 64, 4 * (3 * 16 + 2 * 32 + 2 * 64), 2 * (3 * 16 + 3 * 32 + 3 * 64)
    assert counts(OURS["resnet_8"])[0] == 78_666 - biases - norms + ours == 78_042


@pytest.mark.parametrize("layers", PAPER)
def test_networks_for_cifar(layers: int) -> None:
    """6 n + 2 layers with the paper's parameters, but for two projections in place of shortcuts without any."""
    network = OURS[f"resnet_{layers}"]
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    digits = len(PAPER[layers]) - 2
    assert f"{(counts(network)[0] - projections) / 1e6:.{digits}f}" == PAPER[layers]
    assert shapes(network) == [(16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8), (10,)]
    assert network.architecture.facts()["depths"] == "-".join([str((layers - 2) // 6)] * 3)


def shapes(network: Published) -> list[Shape]:
    """What comes out of stem, stages and head."""
    layer = network.architecture.network(network.inputs, network.classes)
    assert isinstance(layer, Sequence)
    shape, found = network.inputs, []
    for part in layer.layers:
        shape = part.trace(shape)[0]
        found.append(shape)
    return found


def test_the_books_resnet_18() -> None:
    """At 1x96x96 the parts put out what the book's table says; its shortcuts have a bias and no norm."""
    network = OURS["resnet18_d2l"]
    assert (network.inputs, network.classes) == ((1, 96, 96), 10)
    assert shapes(network) == [(64, 24, 24), (64, 24, 24), (128, 12, 12), (256, 6, 6), (512, 3, 3), (10,)]

    def block(incoming: int, width: int) -> int:
        branch = 9 * incoming * width + 9 * width * width + 2 * 2 * width
        return branch + (incoming * width + width if incoming != width else 0)

    stem, head = 49 * 64 + 2 * 64, 512 * 10 + 10
    blocks = sum(block(a, b) + block(b, b) for a, b in ((64, 64), (64, 128), (128, 256), (256, 512)))
    assert counts(network)[0] == stem + blocks + head


def test_post_activation_blocks() -> None:
    """A basic block is two 3x3, a bottleneck 1x1, 3x3 with the stride, 1x1; the shortcut is 1x1 where they change."""
    first, second = Convolution(width=16, kernel=3, padding=1, stride=2), Convolution(width=16, kernel=3, padding=1)
    shortcut = Sequence(layers=(Convolution(width=16, stride=2), NORM))
    basic = Residual(branch=Sequence(layers=(first, NORM, RELU, second, NORM)), shortcut=shortcut)
    assert post_block("basic", 8, 16, 2, 16, 1, True) == Sequence(layers=(basic, RELU))
    narrow, wide = Convolution(width=4), Convolution(width=16)
    middle = Convolution(width=4, kernel=3, padding=1, groups=2)
    bottleneck = Residual(branch=Sequence(layers=(narrow, NORM, RELU, middle, NORM, RELU, wide, NORM)))
    assert post_block("bottleneck", 16, 16, 1, 4, 2, True) == Sequence(layers=(bottleneck, RELU))


def test_pre_activation_blocks() -> None:
    """Norm and ReLU come first: within the branch, before both ways where the shape changes, or with the stem."""
    first, second = Convolution(width=8, kernel=3, padding=1), Convolution(width=8, kernel=3, padding=1)
    rest = (first, NORM, RELU, second)
    kept = Residual(branch=Sequence(layers=(NORM, RELU, *rest)))
    assert pre_block("basic", 8, 8, 1, 8, 1, False) == Sequence(layers=(kept,))
    changed = Residual(branch=Sequence(layers=rest), shortcut=Sequence(layers=(Convolution(width=8),)))
    assert pre_block("basic", 4, 8, 1, 8, 1, False) == Sequence(layers=(NORM, RELU, changed))
    assert pre_block("basic", 4, 8, 1, 8, 1, True) == Sequence(layers=(changed,))
    assert pre_block("basic", 8, 8, 1, 8, 1, True) == Sequence(layers=(Residual(branch=Sequence(layers=rest)),))


def test_stems() -> None:
    """7x7 with stride 2 and a pool, 3x3 with stride 2, or 3x3 with stride 1; each with norm and ReLU."""
    large = Convolution(width=16, kernel=7, stride=2, padding=3)
    pool = Pooling(kernel=3, stride=2, padding=1)
    assert stem_layers("7x7/2+pool", 16).layers == (large, NORM, RELU, pool)
    for kind, stride in (("3x3/2", 2), ("3x3/1", 1)):
        small = Convolution(width=16, kernel=3, stride=stride, padding=1)
        assert stem_layers(kind, 16).layers == (small, NORM, RELU)  # type: ignore[arg-type]


def chosen(
    depths: tuple[int, ...],
    widths: tuple[int, ...],
    *,
    stem: str = "7x7/2+pool",
    block: str = "basic",
    order: str = "post",
) -> Point:
    """A point of the space."""
    numbers = {f"depth_{n}": d for n, d in enumerate(depths, 1)} | {f"width_{n}": w for n, w in enumerate(widths, 1)}
    return {"stem": stem, "block": block, "order": order} | numbers


@pytest.mark.parametrize(
    ("space", "point", "name"),
    [
        (FOUR, chosen((2, 2, 2, 2), (64, 128, 256, 512)), "resnet18"),
        (FOUR, chosen((3, 4, 6, 3), (64, 128, 256, 512)), "resnet34"),
        (FOUR, chosen((3, 4, 6, 3), (256, 512, 1024, 2048), block="bottleneck"), "resnet50"),
        (FOUR, chosen((3, 4, 6, 3), (256, 512, 1024, 2048), block="bottleneck", order="pre"), "preact_resnet50"),
        (THREE, chosen((3, 3, 3), (16, 32, 64), stem="3x3/1"), "resnet_20"),
        (THREE, chosen((9, 9, 9), (16, 32, 64), stem="3x3/1"), "resnet_56"),
    ],
)
def test_published_networks_are_points(space: Space, point: Point, name: str) -> None:
    """Published networks of up to 16 blocks a stage are points of the space with their number of stages."""
    assert all(space.dimensions[dimension].contains(value) for dimension, value in point.items())
    assert space.architecture(point) == OURS[name].architecture


def test_sizes_and_orders() -> None:
    """Depths and widths are numbered groups: they are counted, shared and put in order."""
    kinds = 3 * 2 * 2
    assert [space.size() for space in resnet.ALL] == [kinds * (16 * 256) ** stages for stages in (4, 3, 2)]
    assert FOUR.require(rising("width")).size() == kinds * 16**4 * comb(256 + 3, 4)
    assert FOUR.require(falling("depth")).size() == kinds * comb(16 + 3, 4) * 256**4
    shared = THREE.share("depth").share("width")
    assert list(shared.dimensions) == ["stem", "block", "order", "depth", "width"]
    point = {"stem": "3x3/2", "block": "bottleneck", "order": "pre", "depth": 2, "width": 64}
    assert shared.architecture(point).facts()["inner_widths"] == "16-16-16"


@pytest.mark.parametrize("space", resnet.ALL, ids=lambda space: space.name)
def test_order_changes_only_norms(space: Space) -> None:
    """The same point in post- and in pre-activation has the same multiply-adds and activations."""
    for point in points(space, 30):
        post, pre = (
            cost(space.architecture({**point, "order": order}).network((1, 28, 28), 10), (1, 28, 28))
            for order in ("post", "pre")
        )
        assert (post.multiply_adds, post.activations) == (pre.multiply_adds, pre.activations)


def test_narrow_stems_have_eight_channels() -> None:
    """A stem is as wide as the first 3x3 convolutions, but never below 8 channels."""
    assert build("bottleneck", (1,), (16,)).stem_width == 8
    assert build("bottleneck", (1,), (128,)).stem_width == 32
    assert build("basic", (1,), (24,)).stem_width == 24


@pytest.mark.parametrize("space", resnet.ALL, ids=lambda space: space.name)
@pytest.mark.parametrize("window", [(3, 6), (10, 14), (30, 40)], ids=str)
def test_windows_are_hit(space: Space, window: tuple[int, int]) -> None:
    """Of random points at 1x28x28 at least one in a hundred costs 3 to 6, 10 to 14 or 30 to 40 M multiply-adds."""
    limits = Limits(multiply_adds=(window[0] * 10**6, window[1] * 10**6))
    filter_ = Filter(space=space, limits=limits, inputs=(1, 28, 28), classes=10)
    assert sum(isinstance(filter_.judge(point), Network) for point in points(space, 1000)) >= 10


GOOD = build("bottleneck", (1, 2), (16, 32))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"depths": (1, 0)}, "stage 2 of bottleneck blocks: depth"),
        ({"depths": (1,)}, "one number a stage"),
        ({"depths": (), "widths": (), "inner_widths": (), "groups": ()}, "at least one stage"),
        ({"widths": (16, 0)}, "at least 1, got 2, 0, 8, 1"),
        ({"groups": (1, 3)}, "3 groups don't divide an inner width of 8"),
        ({"block": "basic"}, "the inner width must be the width"),
        ({"block": "x"}, "block must be one of basic, bottleneck, got 'x'"),
        ({"order": "mid"}, "order must be one of post, pre, got 'mid'"),
        ({"stem": "5x5"}, "stem must be one of"),
    ],
)
def test_impossible_networks_are_refused(changes: dict[str, object], said: str) -> None:
    """Zero blocks, groups that don't divide and unknown kinds are refused with the offending value."""
    with pytest.raises(Refused, match=said):
        msgspec.structs.replace(GOOD, **changes)


@pytest.mark.parametrize("widths", [(16, 18), (16, -4), ()])
def test_widths_that_do_not_divide_are_refused(widths: tuple[int, ...]) -> None:
    """A bottleneck's width is four times its inner width."""
    with pytest.raises(Refused, match=r"positive multiples of 4, one a stage"):
        build("bottleneck", (1,) * len(widths), widths)


def test_torchvisions_resnet_18_has_the_identity_of_a_hand_built_one() -> None:
    """Names of parts and grouping into stages don't matter for the identity."""
    layer = OURS["resnet18"].architecture.network((1, 28, 28), 10)
    assert isinstance(layer, Sequence)
    stem, *stages, head = layer.layers
    blocks = [block for stage in stages if isinstance(stage, Sequence) for block in stage.layers]
    assert identity(Sequence(layers=(stem, *blocks, head))) == identity(layer)
