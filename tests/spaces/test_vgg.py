"""VGG against torchvision and the book; its spaces with and without a fixed number of blocks."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models
from torchvision.models.vgg import make_layers

from nas.errors import ImpossibleShape, Refused
from nas.layers import Sequence, Shape, cost, output_shape, rows
from nas.space import rising
from nas.training.modules import build
from spaces import NETWORKS, vgg
from spaces.vgg import VGG, rising_widths, space
from tests.spaces.test_spaces import points

OURS = {network.name: network for network in NETWORKS if network.name.startswith(("vgg", "alexnet"))}
THEIRS = [name for name in models.list_models() if name.startswith(("vgg", "alexnet"))]


def torchvisions(name: str) -> nn.Module:
    """torchvision's network without memory for its weights."""
    with torch.device("meta"):
        network: nn.Module = models.get_model(name)
    return network


def test_all_of_torchvisions_are_here() -> None:
    """torchvision has eight VGGs and one AlexNet; all are here by its names."""
    assert len(THEIRS) == 9
    assert set(THEIRS) <= set(OURS)


@pytest.mark.parametrize("name", THEIRS)
def test_costs_are_torchvisions(name: str) -> None:
    """Parameters are torchvision's, and multiply-adds at 3x224x224 half of the operations that torch counts on it."""
    theirs, ours = torchvisions(name).eval(), OURS[name]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs(torch.empty(1, *ours.inputs, device="meta"))
    price = cost(ours.architecture.network(ours.inputs, ours.classes), ours.inputs)
    assert price.parameters == sum(p.numel() for p in theirs.parameters())
    assert 2 * price.multiply_adds == counter.get_total_flops()


@pytest.mark.parametrize("name", THEIRS)
def test_weights_stand_in_torchvisions_order(name: str) -> None:
    """Shapes of all weights and statistics, in order, are torchvision's: weights can be copied one by one."""
    ours = OURS[name]
    own = build(ours.architecture.network(ours.inputs, ours.classes), ours.inputs)
    shapes = [[value.shape for value in module.state_dict().values()] for module in (own, torchvisions(name))]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_blocks_compute_what_torchvisions_do(norm: str) -> None:
    """With equal weights a narrow network of torchvision's own blocks gives the same features, in training, too."""
    torch.manual_seed(0)
    theirs = make_layers([8, "M", 16, 16, "M"], batch_norm=norm == "batch")
    architecture = VGG(depths=(1, 2), widths=(8, 16), norm=norm, bias_before_norm=True)  # type: ignore[arg-type]
    layer = architecture.network((3, 16, 16), 10)
    assert isinstance(layer, Sequence)
    own = build(Sequence(layers=layer.layers[:2]), (3, 16, 16))
    own.load_state_dict(dict(zip(own.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(own(x), theirs(x))


HEAD: list[Shape] = [(4096,), (4096,), (10,)]
FULL: list[Shape] = [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]
QUARTER: list[Shape] = [(16, 112, 112), (32, 56, 56), (64, 28, 28), (128, 14, 14), (128, 7, 7)]


@pytest.mark.parametrize(("name", "blocks", "flat"), [("vgg11_d2l", FULL, 25088), ("vgg11_d2l_quarter", QUARTER, 6272)])
def test_shapes_are_the_books(name: str, blocks: list[Shape], flat: int) -> None:
    """Outputs of the five blocks, of the flattening and of the linear layers at 1x224x224, as in section 8.2."""
    table = rows(OURS[name].architecture.network((1, 224, 224), 10), (1, 224, 224))
    assert [row.output for row in table if row.kind == "Pooling"] == blocks
    assert [row.output for row in table if row.kind == "Flatten"] == [(flat,)]
    assert [row.output for row in table if row.kind == "Linear"] == HEAD
    assert sum(row.times for row in table if row.kind == "Convolution") == 8


def test_points_decode_to_what_they_say() -> None:
    """Blocks, convolutions, widths, norms, biases and head of a network are those of its point."""
    for point in points(space(2, 3, 4, 5), 200):
        table = rows(vgg.decode(point).network((1, 32, 32), 10), (1, 32, 32))
        count = int(point["blocks"])
        numbered = range(1, count + 1)
        assert f"width_{count + 1}" not in point
        assert [r.output[0] for r in table if r.kind == "Pooling"] == [point[f"width_{i}"] for i in numbered]
        convolutions = [r for r in table if r.kind == "Convolution"]
        depths = [sum(r.times for r in convolutions if r.part == f"block {i}") for i in numbered]
        assert depths == [point[f"depth_{i}"] for i in numbered]
        normed = point["norm"] == "batch"
        assert sum(r.times for r in table if r.kind == "Normalisation") == normed * sum(depths)
        assert all(("bias" in r.settings) != normed for r in convolutions)
        widths = [(point["linear_width"],)] * 2 if point["head"] == "linear" else []
        assert [r.output for r in table if r.kind == "Linear"] == [*widths, (10,)]
        assert sum(r.kind == "Dropout" for r in table) == 2 * bool(point.get("dropout"))


def test_size_by_hand() -> None:
    """A fixed number of blocks is counted exactly: depth and width of each, norm, global head or linear ones."""
    rest = 2 * (1 + 64 * 3)
    assert space(3).size() == (4 * 64) ** 3 * rest
    assert space(2, 3).size() == ((4 * 64) ** 2 + (4 * 64) ** 3) * rest
    assert rising_widths(3).size() == 4**3 * (64 * 65 * 66 // 6) * rest  # triples in order with ties: C(66, 3)


def test_fixed_number_of_blocks_can_be_shared_and_ordered() -> None:
    """One width for all blocks, or rising ones, where their number is fixed; a free number refuses the sharing."""
    shared = space(3).share("width")
    assert all(len(set(shared.architecture(p).facts()["widths"].split("-"))) == 1 for p in points(shared, 20))  # type: ignore[union-attr]
    for point in points(rising_widths(4), 100):
        widths = [int(point[f"width_{i}"]) for i in range(1, 5)]
        assert all(a <= b for a, b in pairwise(widths))
    assert rising_widths(4).chains()
    with pytest.raises(Refused, match="differ, so they can't be shared"):
        space(2, 3).share("width")
    assert not space(2, 3).require(rising("width")).chains()


def test_global_head_keeps_only_the_classes() -> None:
    """Under a global pool the only linear layer goes from the last width to the classes, whatever the image."""
    layer = VGG(depths=(1, 1), widths=(8, 24), head="global").network((1, 28, 28), 10)
    expected = 9 * 8 + 8 + 9 * 8 * 24 + 24 + 24 * 10 + 10
    assert cost(layer, (1, 28, 28)).parameters == cost(layer, (1, 56, 56)).parameters == expected


def test_norm_takes_the_bias_unless_told_otherwise() -> None:
    """A convolution before a norm has no bias but in torchvision's networks."""

    def biases(architecture: VGG) -> list[tuple[str, bool]]:
        table = rows(architecture.network((1, 28, 28), 10), (1, 28, 28))
        return [(row.kind, "bias" in row.settings) for row in table if row.kind == "Convolution"]

    assert biases(VGG(depths=(1,), widths=(8,), norm="batch")) == [("Convolution", False)]
    assert biases(VGG(depths=(1,), widths=(8,), norm="batch", bias_before_norm=True)) == [("Convolution", True)]
    assert biases(VGG(depths=(1,), widths=(8,))) == [("Convolution", True)]


def test_too_many_pools_are_refused() -> None:
    """Five pools leave nothing of 28x28; the error names the pool and what reaches it."""
    with pytest.raises(ImpossibleShape, match=r"Pooling max 2x2, stride 2 doesn't fit into an input of 512x1x1"):
        output_shape(OURS["vgg16"].architecture.network((1, 28, 28), 10), (1, 28, 28))


@pytest.mark.parametrize(
    ("depths", "widths", "message"),
    [
        ((), (), r"depths=\(\), widths=\(\)"),
        ((1, 2), (8,), r"depths=\(1, 2\), widths=\(8,\)"),
        ((0,), (8,), r"depths=\(0,\)"),
        ((1,), (-8,), r"widths=\(-8,\)"),
    ],
)
def test_wrong_stages_are_refused(depths: tuple[int, ...], widths: tuple[int, ...], message: str) -> None:
    """No block, blocks of which something is missing, or numbers below one: refused with the numbers."""
    with pytest.raises(ValueError, match=message):
        VGG(depths=depths, widths=widths)


@pytest.mark.parametrize("blocks", [(), (0,), (9,), (2, 2)])
def test_wrong_numbers_of_blocks_are_refused(blocks: tuple[int, ...]) -> None:
    """A space has different numbers of blocks between 1 and 8."""
    with pytest.raises(Refused, match=r"blocks must be different numbers between 1 and 8, got \("):
        space(*blocks)
