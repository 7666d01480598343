"""What a whole network takes: bytes, shares, the smallest image."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from torch import fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from nas.layers import (
    AdaptivePooling,
    Concatenation,
    Convolution,
    DenseConcatenation,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Pooling,
    Repetition,
    Residual,
    Sequence,
    Shape,
    SqueezeExcite,
    cost,
    output_shape,
    rows,
    smallest_input,
    summary,
)
from nas.training.modules import PartialNorm, build
from tests.toys.trees import cases

HANDED_ON = (nn.Flatten, nn.Dropout, nn.Identity)
"""Modules that make no tensor in evaluation."""


class Tracer(fx.Tracer):
    """Follows everything but single layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Those of torch, and the norm that asks for the number of axes."""
        return isinstance(m, PartialNorm) or super().is_leaf_module(m, module_qualified_name)


def most_alive(module: nn.Module, inputs: Shape) -> int:
    """Elements alive at once while the traced module runs: each tensor from its making to its last reader."""
    root = nn.Sequential(module).eval()  # a single layer is one, too
    graph = Tracer().trace(root)
    traced = fx.GraphModule(root, graph)
    ShapeProp(traced).propagate(torch.zeros(1, *inputs))
    home: dict[fx.Node, fx.Node] = {}
    last: dict[fx.Node, int] = {}
    made: dict[fx.Node, int] = {}
    steps = [node for node in graph.nodes if node.op != "output"]
    for step, node in enumerate(steps):
        alias = node.op == "call_module" and isinstance(traced.get_submodule(str(node.target)), HANDED_ON)
        home[node] = home[node.args[0]] if alias else node
        last[home[node]] = made.setdefault(home[node], step)
        for read in node.all_input_nodes:
            last[home[read]] = step
    size = {node: node.meta["tensor_meta"].shape.numel() for node in made}
    return max(sum(size[n] for n in made if made[n] <= step <= last[n]) for step in range(len(steps)))


@settings(max_examples=200, deadline=None)
@given(case=cases())
def test_inference_takes_what_is_alive(case: tuple[Layer, Shape]) -> None:
    """Bytes for inference are the most that is alive in the traced torch module, and the rows' largest."""
    layer, inputs = case
    found = summary(layer, inputs)
    assert found.bytes.inference == 4 * most_alive(build(layer, inputs), inputs)
    assert all(row.bytes.inference <= found.bytes.inference for row in found.layers)


@settings(max_examples=100, deadline=None)
@given(case=cases())
def test_bytes_add_up(case: tuple[Layer, Shape]) -> None:
    """Parameters and kept outputs of the rows are those of the whole, which is what the estimate of memory holds."""
    layer, inputs = case
    found, total = summary(layer, inputs), cost(layer, inputs)
    assert found.cost == total
    assert found.bytes.parameters == sum(row.bytes.parameters for row in found.layers) == 4 * total.parameters
    assert found.bytes.training == sum(row.bytes.training for row in found.layers)
    assert 3 * found.bytes.parameters + found.bytes.training == total.memory


CONV = Convolution(width=4, kernel=3, padding=1)
BY_HAND: list[tuple[Layer, int]] = [
    (CONV, 2 * 16 + 4 * 16),  # what goes in and what comes out
    (Sequence(layers=(CONV, Flatten(), Dropout())), 96),  # those that hand on make nothing
    (Sequence(layers=(CONV, CONV)), 64 + 64),  # the input of the first is gone
    (Repetition(layer=Convolution(width=2), times=9), 32 + 32),
    (Residual(branch=Convolution(width=2)), 32 + 32 + 32),  # both terms and their sum
    (Residual(branch=CONV, shortcut=CONV), 64 + 64 + 64),  # the input is read before
    (Residual(branch=Sequence(layers=(CONV, Convolution(width=2)))), 32 + 64 + 32),  # the input waits
    (Concatenation(branches=(CONV, Convolution(width=8))), 64 + 128 + 192),
    (DenseConcatenation(branch=CONV), 32 + 64 + 96),
    (SqueezeExcite(width=1), 32 + 32 + 2),  # gate, input and product
]


@pytest.mark.parametrize(("layer", "elements"), BY_HAND)
def test_inference_by_hand(layer: Layer, elements: int) -> None:
    """On an input of 2x4x4, worked out on paper."""
    assert summary(layer, (2, 4, 4)).bytes.inference == 4 * elements


def test_rows_say_what_waits() -> None:
    """A row's bytes alive hold what the layers behind it will read."""
    narrow = Convolution(width=2)
    found = rows(Residual(branch=Sequence(layers=(narrow, narrow)), shortcut=Sequence(layers=(narrow,))), (2, 4, 4))
    # the shortcut runs first and the branch reads the input, too; the second of the branch doesn't
    assert [row.bytes.inference // 4 for row in found] == [32 + 32 + 32, 32 + 32 + 32, 32 + 32, 32 + 32 + 32]


def test_shares_by_hand() -> None:
    """Convolutions, those of squeeze-excite among them, and linear layers; the rest of the parameters is norms'."""
    layers = (Convolution(width=4), Normalisation(), SqueezeExcite(width=1), AdaptivePooling(), Flatten())
    found = summary(Sequence(layers=(*layers, Linear(width=10))), (2, 5, 5)).shares
    parameters = 8 + 8 + (8 + 5) + 50
    assert found.parameters.convolutions == pytest.approx((8 + 13) / parameters)
    assert found.parameters.linear == pytest.approx(50 / parameters)
    assert found.multiply_adds.convolutions == pytest.approx((8 * 25 + 8) / (8 * 25 + 8 + 40))
    assert found.multiply_adds.convolutions + found.multiply_adds.linear == pytest.approx(1)
    nothing = summary(Flatten(), (2, 5, 5)).shares
    assert nothing.parameters.convolutions == nothing.multiply_adds.linear == 0


POOLED = Sequence(layers=(Convolution(width=4, kernel=5), Pooling(kernel=3, stride=2), Flatten(), Linear(width=2)))


def test_the_smallest_input_is_the_first_that_works() -> None:
    """A 5x5 window and then one of 3x3 need seven pixels; with six the pool doesn't fit, which is said."""
    found = smallest_input(lambda _: POOLED, 3, 28)
    assert found is not None
    assert (found.shape, found.tried) == ((3, 7, 7), 28)
    assert found.reason == "Pooling max 3x3, stride 2 doesn't fit into an input of 4x2x2"
    assert output_shape(POOLED, found.shape) == (2,)


def test_any_image_and_none() -> None:
    """A network that takes a single pixel has no reason; one that can't take the largest edge has no smallest."""
    found = smallest_input(lambda _: CONV, 3, 9)
    assert found is not None
    assert (found.shape, found.reason) == ((3, 1, 1), "")
    assert smallest_input(lambda _: Convolution(width=4, groups=2), 3, 9) is None


def test_the_smallest_input_is_asked_of_the_network() -> None:
    """Where a network depends on its input, each edge has its own; an edge that works below a gap doesn't count."""

    def network(inputs: Shape) -> Layer:
        return Convolution(width=1, kernel=10 if inputs[1] == 6 else 2)

    found = smallest_input(network, 1, 12)
    assert found is not None
    assert found.shape == (1, 7, 7)
    assert "10x10" in found.reason
