"""NiN against the book's table of shapes, and the rule by which it was deepened."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from nas.errors import ImpossibleShape, Refused
from nas.layers import Sequence, Shape, cost, output_shape, rows
from nas.training.modules import build
from spaces import nin, vgg
from spaces.nin import NiN, space
from tests.spaces.test_spaces import points

OURS = {network.name: network.architecture for network in nin.NETWORKS}
INPUTS = (1, 224, 224)


def listing(inputs: int, classes: int) -> nn.Sequential:
    """The book's listing, with fewer channels and a smaller stem so that it runs in no time."""

    def block(incoming: int, width: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
        first = [nn.Conv2d(incoming, width, kernel, stride, padding), nn.ReLU()]
        return [*first, nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU()]

    return nn.Sequential(
        *block(inputs, 12, 11, 4, 0),
        nn.MaxPool2d(3, 2),
        *block(12, 16, 5, 1, 2),
        nn.MaxPool2d(3, 2),
        *block(16, 20, 3, 1, 1),
        nn.MaxPool2d(3, 2),
        nn.Dropout(0.5),
        *block(20, classes, 3, 1, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def part_outputs(architecture: NiN) -> list[Shape]:
    """What each block, pool, dropout and layer of the head gives at 1x224x224."""
    network = architecture.network(INPUTS, 10)
    assert isinstance(network, Sequence)
    parts = [*network.layers[:-1]]
    head = network.layers[-1]
    assert isinstance(head, Sequence)
    shape: Shape = INPUTS
    found = []
    for part in (*parts, *head.layers):
        shape = output_shape(part, shape)
        found.append(shape)
    return found


def test_shapes_are_the_books() -> None:
    """Outputs of blocks, pools, dropout, global pool and flattening at 1x224x224, as section 8.3 prints them."""
    assert part_outputs(OURS["nin_d2l"]) == [
        (96, 54, 54),
        (96, 26, 26),
        (256, 26, 26),
        (256, 12, 12),
        (384, 12, 12),
        (384, 5, 5),
        (384, 5, 5),
        (10, 5, 5),
        (10, 1, 1),
        (10,),
    ]


def test_the_books_parameters_by_hand() -> None:
    """A kernel and two 1x1 a block with their biases, multiplied out; nothing else has parameters."""
    blocks = [(1, 96, 11), (96, 256, 5), (256, 384, 3), (384, 10, 3)]
    expected = sum(a * b * k * k + b + 2 * (b * b + b) for a, b, k in blocks)
    assert cost(OURS["nin_d2l"].network(INPUTS, 10), INPUTS).parameters == expected


def test_it_computes_what_the_listing_does() -> None:
    """With equal weights, taken in order, ours gives the answers of the book's listing with the same widths."""
    torch.manual_seed(0)
    architecture = NiN(widths=(12, 16, 20), kernels=(11, 5, 3), units=(1, 1, 1), stem_stride=4, stem_padding=0)
    theirs, own = listing(3, 7).eval(), build(architecture.network((3, 96, 96), 7), (3, 96, 96)).eval()
    own.load_state_dict(dict(zip(own.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(2, 3, 96, 96)
    expected = theirs(x)
    assert expected.std() > 0.001
    torch.testing.assert_close(own(x), expected)


@pytest.mark.parametrize(("name", "layers"), [("nin_9", 9), ("nin_13", 13), ("nin_17", 17)])
def test_deeper_ones_have_their_number_of_convolutions(name: str, layers: int) -> None:
    """The number in a name is that of its convolutions; pools, and so the sizes of maps, are the book's."""
    table = rows(OURS[name].network(INPUTS, 10), INPUTS)
    assert sum(row.times for row in table if row.kind == "Convolution") == layers == OURS[name].facts()["layers"]
    assert [row.output for row in table if row.kind == "Pooling"] == [(96, 26, 26), (256, 12, 12), (384, 5, 5)]
    assert not [row for row in table if row.kind == "Linear"]


def test_deeper_ones_grow_as_vgg_did() -> None:
    """From one to the next, as from VGG-13 to -16 to -19: the first two blocks stay, each later one gains one."""
    ours = [nin.DEEPER[name] for name in ("nin_9", "nin_13", "nin_17")]
    theirs = [vgg.PUBLISHED[name] for name in ("vgg13", "vgg16", "vgg19")]
    for family in (ours, theirs):
        for shallow, deep in pairwise(family):
            assert deep == tuple(n + (block >= 2) for block, n in enumerate(shallow))


def test_points_decode_to_what_they_say() -> None:
    """Widths, mixing convolutions, their kernel, head and dropout of a network are those of its point."""
    for point in points(space(2, 3, 4, 5), 200):
        table = rows(nin.decode(point).network((1, 32, 32), 10), (1, 32, 32))
        count, mixing = int(point["blocks"]), int(point["mixing"])
        assert ("mixing_kernel" in point) == (mixing > 0)
        pools = [row.output[0] for row in table if row.kind == "Pooling"]
        assert pools == [point[f"width_{i}"] for i in range(1, count)]
        assert f"width_{count}" not in point
        convolutions = [row for row in table if row.kind == "Convolution"]
        assert sum(row.times for row in convolutions) == count * (1 + mixing)
        kernel = f"{point.get('mixing_kernel')}x"
        for number in range(1, count):
            first, *rest = [row for row in convolutions if row.part.startswith(f"block {number}")]
            assert first.settings.startswith("5x5" if number < 3 else "3x3")
            assert all(row.settings.startswith(kernel) for row in rest)
        linear = [row for row in table if row.kind == "Linear"]
        assert len(linear) == (point["head"] == "linear")
        assert [row.settings for row in table if row.kind == "Dropout"] == [f"{point['dropout']:g}"] * bool(
            point["dropout"]
        )


def test_linear_head_sees_the_maps_of_the_classes() -> None:
    """A linear head adds exactly one weight for each pixel of the classes' maps and class, and a bias."""
    pooled = NiN(widths=(8, 8), kernels=(5, 3), units=(1, 1), mixing=1, stem_padding=2)
    linear = NiN(widths=(8, 8), kernels=(5, 3), units=(1, 1), mixing=1, stem_padding=2, head="linear")
    prices = [cost(architecture.network((1, 28, 28), 10), (1, 28, 28)) for architecture in (pooled, linear)]
    assert prices[1].parameters - prices[0].parameters == 10 * 6 * 6 * 10 + 10


def test_fixed_number_of_blocks_is_counted_and_shared() -> None:
    """Three blocks have two widths; mixing 0 has no kernel to choose, the others have two."""
    rest = (1 + 3 * 2) * 2 * 3
    assert space(3).size() == 64**2 * rest
    assert space(2, 3).size() == (64 + 64**2) * rest
    assert set(nin.REST) | {"width"} == set(space(4).share("width").dimensions)


def test_too_small_images_are_refused() -> None:
    """Four pools leave nothing of 28x28, and the published stem doesn't fit it; both say where."""
    five = NiN(widths=(8,) * 4, kernels=(5, 5, 3, 3), units=(1,) * 4, stem_padding=2)
    with pytest.raises(ImpossibleShape, match=r"Pooling max 3x3, stride 2 doesn't fit into an input of 8x2x2"):
        output_shape(five.network((1, 28, 28), 10), (1, 28, 28))
    assert output_shape(five.network((1, 31, 31), 10), (1, 31, 31)) == (10,)
    with pytest.raises(ImpossibleShape, match=r"11x11.*1x9x9"):
        output_shape(OURS["nin_d2l"].network((1, 9, 9), 10), (1, 9, 9))


def test_wrong_settings_are_refused() -> None:
    """Blocks of which something is missing, even kernels, a long first block, negative mixing, too few blocks."""
    with pytest.raises(ValueError, match=r"widths=\(8, 8\), kernels=\(5,\)"):
        NiN(widths=(8, 8), kernels=(5,), units=(1, 1), stem_padding=2)
    with pytest.raises(ValueError, match=r"must be odd, got self.kernels=\(5, 4\)"):
        NiN(widths=(8, 8), kernels=(5, 4), units=(1, 1), stem_padding=2)
    with pytest.raises(ValueError, match=r"first block has one unit.*\(2, 1\)"):
        NiN(widths=(8, 8), kernels=(5, 3), units=(2, 1), stem_padding=2)
    with pytest.raises(ValueError, match=r"self.mixing=-1"):
        NiN(widths=(8,), kernels=(5,), units=(1,), mixing=-1, stem_padding=2)
    with pytest.raises(Refused, match="blocks must be different numbers between 2 and 8"):
        space(1)
