"""LeNet against the book's tables and listings, and its choices of norm one by one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from nas.errors import ImpossibleShape
from nas.layers import (
    Activation,
    Convolution,
    Layer,
    Linear,
    Normalisation,
    Pooling,
    Sequence,
    cost,
    output_shape,
    rows,
)
from nas.training.modules import build
from spaces import lenet
from spaces.lenet import LeNet, decode
from tests.spaces.test_spaces import points

(SPACE,) = lenet.ALL
OURS = {network.name: network.architecture for network in lenet.NETWORKS}
INPUTS = (1, 28, 28)


def listing(norm: bool) -> nn.Sequential:
    """The book's listing; with norm, that of its section 8.5 with the padding of 7.6 and without idle biases."""

    def after(layer: nn.Module, kind: type[nn.Module], width: int) -> list[nn.Module]:
        return [layer, kind(width), nn.Sigmoid()] if norm else [layer, nn.Sigmoid()]

    return nn.Sequential(
        *after(nn.Conv2d(1, 6, 5, padding=2, bias=not norm), nn.BatchNorm2d, 6),
        nn.AvgPool2d(2, 2),
        *after(nn.Conv2d(6, 16, 5, bias=not norm), nn.BatchNorm2d, 16),
        nn.AvgPool2d(2, 2),
        nn.Flatten(),
        *after(nn.Linear(400, 120, bias=not norm), nn.BatchNorm1d, 120),
        *after(nn.Linear(120, 84, bias=not norm), nn.BatchNorm1d, 84),
        nn.Linear(84, 10),
    )


def weighted(layer: Layer) -> Iterator[tuple[Convolution | Linear, Layer | None]]:
    """Every convolution and linear layer of a LeNet with what follows it."""
    assert isinstance(layer, Sequence)
    for part in layer.layers:
        assert isinstance(part, Sequence)
        for own, after in zip(part.layers, (*part.layers[1:], None), strict=True):
            if isinstance(own, Convolution | Linear):
                yield own, after


@pytest.mark.parametrize(("name", "norm"), [("lenet", False), ("lenet_bn", True)])
def test_networks_are_the_books(name: str, norm: bool) -> None:
    """With equal weights, taken in order, the book's listing and ours give equal outputs, in training, too."""
    torch.manual_seed(0)
    theirs, own = listing(norm), build(OURS[name].network(INPUTS, 10), INPUTS)
    own.load_state_dict(dict(zip(own.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(8, *INPUTS)
    trained, expected = own(x), theirs(x)
    assert expected.std() > 0.01
    torch.testing.assert_close(trained, expected)
    torch.testing.assert_close(own.eval()(x), theirs.eval()(x))


def test_shapes_are_the_books() -> None:
    """The output of every convolution, pool and linear layer, as the book's figure of LeNet-5 has it."""
    table = [
        ("Convolution", (6, 28, 28)),
        ("Pooling", (6, 14, 14)),
        ("Convolution", (16, 10, 10)),
        ("Pooling", (16, 5, 5)),
        ("Flatten", (400,)),
        ("Linear", (120,)),
        ("Linear", (84,)),
        ("Linear", (10,)),
    ]
    layer = OURS["lenet"].network(INPUTS, 10)
    assert [(row.kind, row.output) for row in rows(layer, INPUTS) if row.kind != "Activation"] == table


def test_costs_by_hand() -> None:
    """Weights and biases of LeNet counted by hand; with norms two numbers a channel replace each bias but the last."""
    weights = 25 * 6 + 25 * 6 * 16 + 400 * 120 + 120 * 84 + 84 * 10
    assert cost(OURS["lenet"].network(INPUTS, 10), INPUTS).parameters == weights + 6 + 16 + 120 + 84 + 10 == 61_706
    assert cost(OURS["lenet_bn"].network(INPUTS, 10), INPUTS).parameters == weights + 2 * (6 + 16 + 120 + 84) + 10


@pytest.mark.parametrize(
    ("placement", "normed"),
    [
        ("convolutions", (True, True, False, False, False)),
        ("linear", (False, False, True, True, False)),
        ("everywhere", (True, True, True, True, False)),
    ],
)
@pytest.mark.parametrize("kind", ["batch", "mean_only", "variance_only"])
@pytest.mark.parametrize("affine", ["free", "fixed"])
def test_norms_stand_where_they_should(placement: str, normed: tuple[bool, ...], kind: str, affine: str) -> None:
    """Norms of the chosen kind follow the chosen layers, never the last; a layer has a bias or a norm."""
    point = {
        "activation": "relu",
        "pool": "max",
        "dropout": 0.0,
        "norm": kind,
        "placement": placement,
        "affine": affine,
        "width_multiplier": 1.0,
    }
    architecture = decode(point)
    found = list(weighted(architecture.network(INPUTS, 10)))
    assert tuple(isinstance(after, Normalisation) for _, after in found) == normed
    assert tuple(not layer.bias for layer, _ in found) == normed
    expected = Normalisation(kind=kind, affine=affine == "free")  # type: ignore[arg-type]
    assert all(after == expected for _, after in found if isinstance(after, Normalisation))
    assert architecture.facts()["norms"] == sum(normed)


def test_points_decode_to_what_they_say() -> None:
    """Activation, pool, dropout and widths of a point are those of its network; a norm's settings need a norm."""
    seen = set()
    for point in points(SPACE, 200):
        layer = SPACE.architecture(point).network(INPUTS, 10)
        parts = rows(layer, INPUTS)
        seen.add(point["norm"])
        assert ("placement" in point) == ("affine" in point) == (point["norm"] != "none")
        assert {r.settings for r in parts if r.kind == "Activation"} == {point["activation"]}
        assert {r.settings.split()[0] for r in parts if r.kind == "Pooling"} == {point["pool"]}
        assert [r.settings for r in parts if r.kind == "Dropout"] == [f"{point['dropout']:g}"] * 2 * bool(
            point["dropout"]
        )
        multiplier = float(point["width_multiplier"])
        widths = [r.output[0] for r in parts if r.kind in ("Convolution", "Linear")]
        assert widths[-1] == 10
        assert all(abs(w - multiplier * b) <= 0.5 for w, b in zip(widths[:-1], (6, 16, 120, 84), strict=True))
    assert seen == {"none", "batch", "mean_only", "variance_only"}


def test_activations_and_pools_of_the_modern_variant() -> None:
    """ReLU and max pools are choices of the type, too."""
    layer = LeNet(activation="relu", pool="max").network(INPUTS, 10)
    assert isinstance(layer, Sequence)
    convolutions = layer.layers[0]
    assert isinstance(convolutions, Sequence)
    assert convolutions.layers[1:3] == (Activation(function="relu"), Pooling(kind="max", kernel=2, stride=2))


def test_smallest_image() -> None:
    """Twelve pixels an edge are enough, eleven are refused by the layer that they are too few for."""
    assert output_shape(LeNet().network((1, 12, 12), 10), (1, 12, 12)) == (10,)
    with pytest.raises(ImpossibleShape, match=r"Pooling average 2x2.*16x1x1"):
        output_shape(LeNet().network((1, 11, 11), 10), (1, 11, 11))


def test_wrong_widths_are_refused() -> None:
    """There are two widths of each kind, all positive."""
    with pytest.raises(ValueError, match=r"widths=\(6, 0\)"):
        LeNet(widths=(6, 0))
    with pytest.raises(ValueError, match=r"linear_widths=\(120,\)"):
        LeNet(linear_widths=(120,))
    with pytest.raises(ValueError, match="two convolutions"):
        LeNet(widths=(6, 16, 32), linear_widths=(120, 84, 20))
