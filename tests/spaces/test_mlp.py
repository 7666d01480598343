"""MLPs: their four ways to connect layers against plain torch, vectors and images, and their spaces."""

from __future__ import annotations

from itertools import pairwise
from math import comb

import pytest
import torch
from torch import Tensor, nn

from nas.errors import Refused
from nas.layers import Flatten, Sequence, Shape, cost, output_shape, rows
from nas.space import rising
from nas.training.modules import build
from spaces import mlp
from spaces.mlp import MLP, space
from tests.spaces.test_spaces import points

OURS = {network.name: network.architecture for network in mlp.NETWORKS}


def test_the_name_lists_the_hidden_layers() -> None:
    """Hidden layers of 256, 128 and 100 outputs, each with ReLU: parameters by hand at 1x28x28."""
    layer = OURS["mlp_256_128_100"].network((1, 28, 28), 10)
    sizes = [784, 256, 128, 100, 10]
    expected = sum(a * b + b for a, b in pairwise(sizes))
    assert cost(layer, (1, 28, 28)).parameters == expected
    kinds = [row.kind for row in rows(layer, (1, 28, 28))]
    assert kinds == ["Flatten", *["Linear", "Activation"] * 3, "Linear"]


def test_dense_mlp_by_hand() -> None:
    """64 features, then six layers that each see all before them and add 32."""
    layer = OURS["dense_mlp"].network((13,), 1)
    widths = [64 + 32 * i for i in range(7)]
    expected = (13 * 64 + 64) + sum(w * 32 + 32 for w in widths[:-1]) + widths[-1] + 1
    assert cost(layer, (13,)).parameters == expected
    assert [r.output for r in rows(layer, (13,)) if r.kind == "DenseConcatenation"] == [(w,) for w in widths[1:]]


@pytest.mark.parametrize("inputs", [(1, 28, 28), (3, 32, 32), (13,), (1,)])
@pytest.mark.parametrize("connection", ["plain", "bottleneck", "residual", "dense"])
def test_vectors_and_images(connection: str, inputs: Shape) -> None:
    """An image is flattened, a vector is taken as it is; one output will do, as in a regression."""
    architecture = MLP(depths=(1, 2), widths=(8, 4), connection=connection, bottleneck=2)  # type: ignore[arg-type]
    layer = architecture.network(inputs, 1)
    assert isinstance(layer, Sequence)
    assert isinstance(layer.layers[0], Flatten) == (len(inputs) == 3)
    assert output_shape(layer, inputs) == (1,)


def parameters(module: nn.Module) -> list[Tensor]:
    """All parameters in order, as drawn from one seed."""
    source = torch.Generator().manual_seed(0)
    drawn = [torch.randn(p.shape, generator=source) / 3 for p in module.parameters()]
    with torch.no_grad():
        for p, value in zip(module.parameters(), drawn, strict=True):
            p.copy_(value)
    return drawn


def test_residual_stages_follow_their_equations() -> None:
    """x + W2 relu(W1 x), then ReLU; the first block of a stage projects where the width changes, without bias."""
    layer = MLP(depths=(2,), widths=(8,), connection="residual", bottleneck=4).network((5,), 3)
    module = build(layer, (5,))
    a, a0, b, b0, project, c, c0, d, d0, head, head0 = parameters(module)
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    h = (x @ project.T + (x @ a.T + a0).relu() @ b.T + b0).relu()
    h = (h + (h @ c.T + c0).relu() @ d.T + d0).relu()
    assert a.shape == (2, 5)
    torch.testing.assert_close(module(x), h @ head.T + head0)


def test_equal_widths_need_no_projection() -> None:
    """Where the input is as wide as the stage, or the stage as wide as the one before, x is added as it is."""
    layer = MLP(depths=(1, 1), widths=(8, 8), connection="residual").network((8,), 3)
    assert cost(layer, (8,)).parameters == 4 * (64 + 8) + 3 * 8 + 3
    layer = MLP(depths=(1, 1), widths=(6, 6), connection="residual").network((8,), 3)
    assert cost(layer, (8,)).parameters == (8 * 6 + 6) + 3 * (36 + 6) + 8 * 6 + 3 * 6 + 3


def test_dense_stages_follow_their_equations() -> None:
    """A unit of the stage's width, then each next unit sees everything so far and its outputs come last."""
    module = build(MLP(depths=(2,), widths=(6,), connection="dense", bottleneck=3).network((5,), 3), (5,))
    a, a0, b, b0, c, c0, head, head0 = parameters(module)
    x = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    h = (x @ a.T + a0).relu()
    h = torch.cat([h, (h @ b.T + b0).relu()], 1)
    h = torch.cat([h, (h @ c.T + c0).relu()], 1)
    assert h.shape == (4, 6 + 2 + 2)
    torch.testing.assert_close(module(x), h @ head.T + head0)


def test_plain_and_bottleneck_widths() -> None:
    """A plain stage repeats one width; a bottleneck stage goes down to a part of it and back, each with ReLU."""

    def outputs(connection: str) -> list[int]:
        layer = MLP(depths=(2, 1), widths=(16, 8), connection=connection, bottleneck=4).network((5,), 3)  # type: ignore[arg-type]
        return [r.output[0] for r in rows(layer, (5,)) for _ in range(r.times) if r.kind == "Linear"]

    assert outputs("plain") == [16, 16, 8, 3]
    assert outputs("bottleneck") == [4, 16, 4, 16, 2, 8, 3]


@pytest.mark.parametrize("connection", ["plain", "bottleneck", "residual", "dense"])
def test_norms_take_the_biases(connection: str) -> None:
    """With a norm after every linear layer but the last, only the last has a bias; dropout follows each unit."""
    architecture = MLP(depths=(2, 2), widths=(8, 4), connection=connection, norm="batch", dropout=0.25)  # type: ignore[arg-type]
    table = rows(architecture.network((5,), 3), (5,))
    linear = [row for row in table if row.kind == "Linear"]
    assert ["no bias" in row.settings for row in linear] == [True] * (len(linear) - 1) + [False]
    counts = {kind: sum(r.times for r in table if r.kind == kind) for kind in ("Linear", "Normalisation", "Dropout")}
    assert counts["Normalisation"] == counts["Linear"] - 1
    units = {"plain": 4, "bottleneck": 8, "residual": 4, "dense": 2 + 4}[connection]
    assert counts["Dropout"] == units


def test_points_decode_to_what_they_say() -> None:
    """Depths, widths and the number of layers of a network are those of its point; plain ones have no bottleneck."""
    for point in points(space(1, 2, 3, 4), 200):
        architecture = mlp.decode(point)
        facts, count = architecture.facts(), int(point["stages"])
        depths = [int(point[f"depth_{i}"]) for i in range(1, count + 1)]
        assert facts["depths"] == "-".join(map(str, depths))
        assert f"depth_{count + 1}" not in point
        assert ("bottleneck" in point) == (point["connection"] != "plain")
        table = rows(architecture.network((30,), 2), (30,))
        main = [r for r in table if r.kind == "Linear" and "shortcut" not in r.part]
        assert sum(r.times for r in main) == facts["layers"]
        last = {r.part.split(" /")[0]: r.output[0] for r in main if r.part.startswith("stage")}
        if point["connection"] != "dense":
            assert list(last.values()) == [point[f"width_{i}"] for i in range(1, count + 1)]


def test_fixed_number_of_stages_is_counted_ordered_and_shared() -> None:
    """Two stages: depths, widths, four connections of which three have a bottleneck, norm, dropout."""
    rest = (1 + 3 * 3) * 2 * 3
    assert space(2).size() == (8 * 256) ** 2 * rest
    assert space(2).require(rising("width")).size() == 8**2 * comb(257, 2) * rest
    assert space(2).share("depth").share("width").size() == 8 * 256 * rest
    with pytest.raises(Refused, match="differ, so they can't be shared"):
        space(1, 2).share("width")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"depths": (), "widths": ()}, r"depths=\(\)"),
        ({"depths": (1,), "widths": (8, 8)}, r"widths=\(8, 8\)"),
        ({"depths": (0,), "widths": (8,)}, r"depths=\(0,\)"),
        ({"depths": (1, 1), "widths": (8, 6), "bottleneck": 4}, r"self.bottleneck=4, self.widths=\(8, 6\)"),
        ({"depths": (1,), "widths": (8,), "bottleneck": 0}, "self.bottleneck=0"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    """No stage, stages of which something is missing, no depth, widths that the bottleneck doesn't divide."""
    with pytest.raises(ValueError, match=message):
        MLP(**settings)  # type: ignore[arg-type]


def test_wrong_dropout_is_refused() -> None:
    """A rate of 1 would leave nothing."""
    with pytest.raises(ValueError, match="rate must lie in"):
        MLP(depths=(1,), widths=(8,), dropout=1.0).network((5,), 3)
