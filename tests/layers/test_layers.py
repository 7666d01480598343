"""The layer tree: what may stand in it, which shapes fit, what it costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas.errors import ImpossibleShape
from nas.layers import (
    Activation,
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
    shape_text,
)
from nas.layers.base import Cost
from nas.layers.leaves import PoolingKind
from tests.toys.trees import cases

FLAT, RELU, NORM = Flatten(), Activation(), Normalisation()
SUMMED = ("parameters", "multiply_adds", "activations", "memory")


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_rows_add_up(case: tuple[Layer, Shape]) -> None:
    """The rows of the table sum to the network's cost in every column, and the last row bears its output shape."""
    layer, inputs = case
    table = rows(layer, inputs)
    total = cost(layer, inputs)
    for column in SUMMED:
        assert sum(getattr(row.cost, column) for row in table) == getattr(total, column)
    assert (table[-1].output if table else inputs) == output_shape(layer, inputs)


@settings(max_examples=100, deadline=None)
@given(case=cases(), times=st.integers(1, 4))
def test_repetition_is_shorthand(case: tuple[Layer, Shape], times: int) -> None:
    """A repetition costs and makes what the layer written out that often does, also where its shape changes."""
    layer, inputs = case
    written = Sequence(layers=(layer,) * times)
    try:
        expected = output_shape(written, inputs), cost(written, inputs)
    except ImpossibleShape:
        with pytest.raises(ImpossibleShape):
            cost(Repetition(layer=layer, times=times), inputs)
        return
    repeated = Repetition(layer=layer, times=times)
    assert (output_shape(repeated, inputs), cost(repeated, inputs)) == expected


def test_costs_by_hand() -> None:
    """Parameters, multiply-adds, activations and training memory of a small network are those worked out on paper."""
    network = Sequence(
        layers=(
            Convolution(width=8, kernel=3, stride=2, padding=1, groups=2, bias=True),  # 4x9x7 -> 8x5x4
            NORM,
            RELU,
            SqueezeExcite(width=3),
            AdaptivePooling(),
            FLAT,
            Linear(width=10),
        )
    )
    convolution, squeeze, linear = 9 * 2 * 8, 2 * 8 * 3, 8 * 10
    parameters = (convolution + 8) + 16 + (squeeze + 8 + 3) + (linear + 10)
    elements = 160 + 160 + 160 + (160 + 2 * 11) + 8 + 10
    assert cost(network, (4, 9, 7)) == Cost(
        parameters=parameters,
        multiply_adds=convolution * 20 + squeeze + linear,
        activations=160 + 11 + 10,
        memory=4 * (3 * parameters + elements),
    )


def test_rows_name_their_parts() -> None:
    """A row says which named part, branch and repetition its layer lies in."""
    block = Sequence(name="block", layers=(Residual(branch=RELU, shortcut=NORM),))
    network = Sequence(
        name="net", layers=(Repetition(layer=block, times=3), Concatenation(branches=(RELU, Dropout(rate=0.25))))
    )
    found = [(row.part, row.kind, row.settings, row.times) for row in rows(network, (2, 4, 4))]
    assert found == [
        ("net / block", "Activation", "relu", 3),
        ("net / block / shortcut", "Normalisation", "batch", 3),
        ("net / block", "Residual", "", 3),
        ("net / branch 1", "Activation", "relu", 1),
        ("net / branch 2", "Dropout", "0.25", 1),
        ("net", "Concatenation", "", 1),
    ]


POOLS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


@settings(max_examples=600, deadline=None)
@given(
    kind=st.sampled_from(["max", "average"]),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
    ceil=st.booleans(),
    edges=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_windows_move_as_in_torch(
    kind: PoolingKind, kernel: int, stride: int, padding: int, ceil: bool, edges: tuple[int, int]
) -> None:
    """Pooling takes what torch's takes, also a ceil-mode window larger than the image, and has its output shape."""
    node = Pooling(kind=kind, kernel=kernel, stride=stride, padding=min(padding, kernel // 2), ceil=ceil)
    pool = POOLS[kind](kernel, stride, node.padding, ceil_mode=ceil)
    try:
        expected = tuple(pool(torch.rand(1, 2, *edges)).shape[1:])
    except RuntimeError:
        with pytest.raises(ImpossibleShape, match="doesn't fit"):
            output_shape(node, (2, *edges))
    else:
        assert output_shape(node, (2, *edges)) == expected


IMPOSSIBLE: list[tuple[Layer, Shape, str]] = [
    (Convolution(width=8, kernel=5), (3, 4, 9), r"Convolution 5x5, 8 doesn't fit into an input of 3x4x9"),
    (Convolution(width=8, groups=2), (3, 4, 4), r"2 groups don't divide 3 channels evenly"),
    (Convolution(width=9, groups=2), (4, 4, 4), r"Convolution 1x1, 9, 2 groups"),
    (Convolution(width=8), (12,), r"needs an image \(channels x height x width\), got 12"),
    (Pooling(kernel=3, stride=1), (3, 2, 4), r"Pooling max 3x3, stride 1 doesn't fit into an input of 3x2x4"),
    (Pooling(kernel=3, stride=1), (3,), r"needs an image"),
    (Normalisation(kind="group", groups=2), (3, 4, 4), r"Normalisation group, 2 groups: 2 groups don't divide 3 ch"),
    (Normalisation(kind="instance"), (3,), r"Normalisation instance needs an image"),
    (Normalisation(kind="instance"), (3, 1, 1), r"Normalisation instance needs two numbers a group, got 3x1x1"),
    (Normalisation(kind="layer"), (1,), r"Normalisation layer needs two numbers a group, got 1"),
    (AdaptivePooling(), (3,), r"AdaptivePooling average to 1x1 needs an image"),
    (SqueezeExcite(width=2), (3,), r"SqueezeExcite to 2 and back needs an image"),
    (Linear(width=8), (3, 1, 1), r"Linear 8 needs a vector \(flatten first\), got 3x1x1"),
    (Residual(branch=Convolution(width=4)), (3, 5, 5), r"can't add 4x5x5 \(branch\) and 3x5x5 \(shortcut\)"),
    (Concatenation(branches=(RELU, FLAT)), (3, 5, 5), r"branches can't be joined: 3x5x5, 75"),
    (Concatenation(branches=(RELU, AdaptivePooling(size=2))), (3, 5, 5), r"joined: 3x5x5, 3x2x2"),
    (DenseConcatenation(branch=AdaptivePooling()), (3, 5, 5), r"branch makes 3x1x1, which can't be joined to 3x5x5"),
    (DenseConcatenation(branch=FLAT), (3, 5, 5), r"branch makes 75"),
    (Repetition(layer=Convolution(width=2, kernel=3), times=3), (2, 6, 6), r"doesn't fit into an input of 2x2x2"),
]


@pytest.mark.parametrize(("layer", "inputs", "message"), IMPOSSIBLE)
def test_impossible_shapes_are_explained(layer: Layer, inputs: Shape, message: str) -> None:
    """A layer that can't take its input says which layer, what it needs and what it got."""
    for fold in (cost, output_shape, rows):
        with pytest.raises(ImpossibleShape, match=message):
            fold(layer, inputs)


@pytest.mark.parametrize(
    "inputs", [(), (28, 28), (0,), (-3,), (3, 0, 4), (3, -4, -4), (1, 1, 1, 1), (3, 2**20 + 1, 1), (10**30,)]
)
def test_odd_inputs_are_refused(inputs: Shape) -> None:
    """What isn't channels x height x width or features, each at least 1, is no input, whatever the network."""
    for layer in (Sequence(), RELU, NORM, Convolution(width=3, kernel=3, padding=2), Linear(width=3)):
        for fold in (cost, output_shape, rows):
            with pytest.raises(ImpossibleShape, match="an input is channels x height x width, or features"):
                fold(layer, inputs)


MADE_WRONG: list[tuple[Callable[[], Layer], str]] = [
    (lambda: Convolution(width=0), "width must be between 1 and 1,048,576, got 0"),
    (lambda: Convolution(width=2**20 + 1), "width must be between 1 and 1,048,576, got 1,048,577"),
    (lambda: Convolution(width=8, kernel=0), "kernel must be between 1"),
    (lambda: Convolution(width=8, stride=0), "stride must be between 1"),
    (lambda: Convolution(width=8, kernel=3, padding=3), "padding must be between 0 and 2, got 3"),
    (lambda: Convolution(width=8, kernel=3, padding=-1), "padding must be between 0 and 2, got -1"),
    (lambda: Convolution(width=8, groups=9), "groups must be between 1 and 8, got 9"),
    (lambda: Pooling(kernel=3, stride=2, padding=2), "padding must be between 0 and 1, got 2"),
    (lambda: AdaptivePooling(size=0), "size must be between 1"),
    (lambda: Linear(width=-1), "width must be between 1"),
    (lambda: SqueezeExcite(width=0), "width must be between 1"),
    (lambda: Dropout(rate=1.0), "rate must lie in"),
    (lambda: Dropout(rate=float("nan")), "rate must lie in"),
    (lambda: Normalisation(epsilon=0.0), "epsilon must lie in"),
    (lambda: Normalisation(momentum=float("nan")), "momentum in"),
    (lambda: Normalisation(groups=2), "only a norm of kind group has groups"),
    (lambda: Normalisation(kind="group", groups=0), "groups must be between 1"),
    (lambda: Normalisation(kind="layer", momentum=0.2), "kind layer has no running statistics"),
    (lambda: Concatenation(branches=()), "at least one branch"),
    (lambda: Repetition(layer=RELU, times=0), "times must be between 1"),
]


@pytest.mark.parametrize(("make", "message"), MADE_WRONG)
def test_settings_are_checked_where_they_are_made(make: Callable[[], Layer], message: str) -> None:
    """A setting outside its range is refused at once, with the rule and the value."""
    with pytest.raises(ValueError, match=message):
        make()


WRAPPERS: list[Callable[[Layer], Layer]] = [
    lambda layer: Sequence(layers=(layer,)),
    lambda layer: Repetition(layer=layer, times=1),
    lambda layer: Residual(branch=layer),
    lambda layer: Residual(branch=FLAT, shortcut=layer),
    lambda layer: Concatenation(branches=(layer, FLAT)),
    lambda layer: DenseConcatenation(branch=layer),
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_deep_trees_are_refused_where_they_are_made(wrap: Callable[[Layer], Layer]) -> None:
    """Sixty-four combinators inside one another are a tree, one more is an error, whichever the combinator."""
    layer: Layer = Sequence()
    for _ in range(63):
        layer = wrap(layer)
    with pytest.raises(ValueError, match="nested 65 deep, at most 64"):
        wrap(layer)


@pytest.mark.parametrize("innermost", [RELU, Sequence()])
def test_repetition_bombs_are_refused(innermost: Layer) -> None:
    """Repetitions of repetitions may write out to 100,000 layers and no more, be they empty or not."""
    thousand = Repetition(layer=innermost, times=1000)
    assert cost(Repetition(layer=thousand, times=100), (3,)).parameters == 0
    with pytest.raises(ValueError, match="has 101,000 layers, at most 100,000"):
        Repetition(layer=thousand, times=101)


def test_shared_subtrees_are_counted_as_often_as_they_stand() -> None:
    """Doubling a tree seventeen times, even an empty one, exceeds the layers that a network may have."""

    def doubled(times: int) -> Layer:
        layer = Sequence()
        for _ in range(times):
            layer = Sequence(layers=(layer, layer))
        return layer

    assert cost(doubled(16), (3,)).parameters == 0
    with pytest.raises(ValueError, match="131,072 layers, at most"):
        doubled(17)


def test_nodes_can_be_looked_at() -> None:
    """Asking a shape of a tree leaves it equal, hashable, and open to `dir`, on which notebooks rely."""
    tree, fresh = (Sequence(layers=(Convolution(width=4), NORM, RELU)) for _ in range(2))
    output_shape(tree, (3, 4, 4))
    assert "layers" in dir(tree)
    assert "kind" in dir(NORM)
    assert (tree, hash(tree)) == (fresh, hash(fresh))


def test_shapes_read_as_people_write_them() -> None:
    """Images are written 3x224x224, vectors by their length."""
    assert [shape_text(s) for s in ((3, 224, 224), (784,))] == ["3x224x224", "784"]
