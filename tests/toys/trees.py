"""Random layer trees that fit a random input: images and vectors, all kinds of nodes, combinators in one another."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

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
    Node,
    Normalisation,
    Pooling,
    Repetition,
    Residual,
    Sequence,
    Shape,
    SqueezeExcite,
    output_shape,
)

KINDS: tuple[type[Node], ...] = get_args(Layer)
COMBINATORS = (Sequence, Repetition, Residual, Concatenation, DenseConcatenation)
WIDTHS = st.integers(1, 8)
RELU = Activation()
KEEPING = st.one_of(
    st.just(RELU),
    st.builds(Activation, function=st.sampled_from(["relu", "sigmoid", "tanh", "gelu", "silu", "leaky_relu"])),
    st.builds(
        Normalisation,
        kind=st.sampled_from(["batch", "mean_only", "variance_only", "none"]),
        affine=st.booleans(),
        epsilon=st.sampled_from([1e-5, 1e-3]),
        momentum=st.sampled_from([0.1, 0.5, 1.0]),
    ),
    st.builds(Dropout, rate=st.sampled_from([0.0, 0.2, 0.5])),
)
"""Leaves that any shape passes through."""
LONELY = st.builds(
    Normalisation,
    kind=st.sampled_from(["layer", "instance"]),
    affine=st.booleans(),
    epsilon=st.sampled_from([1e-5, 1e-3]),
) | st.builds(Normalisation, kind=st.just("group"), groups=st.integers(1, 4), affine=st.booleans())
"""Norms of each input alone, which want two numbers a group."""
SHAPES = st.one_of(st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 12)))


@st.composite
def keeping(draw: st.DrawFn, inputs: Shape) -> Layer:
    """A leaf that this shape passes through."""
    leaf = draw(st.one_of(KEEPING, LONELY))
    try:
        output_shape(leaf, inputs)
    except ImpossibleShape:
        return RELU
    return leaf


@st.composite
def convolutions(draw: st.DrawFn, inputs: Shape) -> Convolution:
    """One that fits."""
    channels, *edges = inputs
    kernel = draw(st.integers(1, 5))
    padding = draw(st.integers(0, kernel - 1))
    kernel = min(kernel, min(edges) + 2 * padding)
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    return Convolution(
        width=groups * draw(st.integers(1, 3)),
        kernel=kernel,
        stride=draw(st.integers(1, 3)),
        padding=min(padding, kernel - 1),
        groups=groups,
        bias=draw(st.booleans()),
    )


@st.composite
def poolings(draw: st.DrawFn, inputs: Shape) -> Pooling:
    """One that fits."""
    kernel = draw(st.integers(1, min(*inputs[1:], 4)))
    return Pooling(
        kind=draw(st.sampled_from(["max", "average"])),
        kernel=kernel,
        stride=draw(st.integers(1, 4)),
        padding=draw(st.integers(0, kernel // 2)),
        ceil=draw(st.booleans()),
    )


def leaves(inputs: Shape) -> st.SearchStrategy[Layer]:
    """Every leaf that this input fits."""
    if len(inputs) == 1:
        return st.one_of(st.builds(Linear, width=WIDTHS, bias=st.booleans()), keeping(inputs), st.just(Flatten()))
    adaptive = st.builds(AdaptivePooling, kind=st.sampled_from(["max", "average"]), size=st.integers(1, 4))
    squeeze = st.builds(SqueezeExcite, width=WIDTHS)
    return st.one_of(
        convolutions(inputs),
        convolutions(inputs),
        keeping(inputs),
        poolings(inputs),
        adaptive,
        squeeze,
        st.just(Flatten()),
    )


@st.composite
def layers(draw: st.DrawFn, inputs: Shape, depth: int = 3) -> Layer:
    """A tree that this input fits, at most `depth` combinators deep."""
    kind = draw(st.sampled_from([Node, *COMBINATORS])) if depth else Node
    below = depth - 1
    if kind is Sequence:
        return draw(sequences(inputs, below))
    if kind is Node:
        return draw(leaves(inputs))
    inner = draw(layers(inputs, below))
    if kind is Repetition:
        return _repeated(inner, draw(st.integers(1, 3)), inputs)
    if kind is Residual:
        return Residual(branch=inner, shortcut=draw(_shortcuts(inner, inputs)))
    if kind is Concatenation:
        others = draw(st.lists(layers(inputs, below), max_size=2))
        edges = output_shape(inner, inputs)[1:]
        return Concatenation(branches=(inner, *(o for o in others if output_shape(o, inputs)[1:] == edges)))
    if output_shape(inner, inputs)[1:] == inputs[1:]:
        return DenseConcatenation(branch=inner)
    return DenseConcatenation(branch=Sequence(layers=(RELU, Convolution(width=2, kernel=3, padding=1))))


@st.composite
def sequences(draw: st.DrawFn, inputs: Shape, depth: int) -> Sequence:
    """Up to four trees in a row, each fitting the output of the one before."""
    row: list[Layer] = []
    for _ in range(draw(st.integers(0, 4))):
        row.append(draw(layers(inputs, depth)))
        inputs = output_shape(row[-1], inputs)
    return Sequence(layers=tuple(row), name=draw(st.sampled_from(["", "stem", "stage 1"])))


@st.composite
def cases(draw: st.DrawFn, depth: int = 3) -> tuple[Layer, Shape]:
    """A tree and an input that it fits."""
    inputs = draw(SHAPES)
    return draw(layers(inputs, depth)), inputs


def _repeated(inner: Layer, times: int, inputs: Shape) -> Repetition:
    """As often as asked for, or once where the shapes don't allow more."""
    repeated = Repetition(layer=inner, times=times)
    try:
        output_shape(repeated, inputs)
    except ImpossibleShape:
        return Repetition(layer=inner, times=1)
    return repeated


@st.composite
def _shortcuts(draw: st.DrawFn, branch: Layer, inputs: Shape) -> Layer:
    """The identity where it fits, else something that makes the branch's shape."""
    outputs = output_shape(branch, inputs)
    if outputs == inputs:
        return draw(st.sampled_from([Sequence(), RELU, branch]))
    if len(outputs) == 1:
        return Sequence(layers=(Flatten(), Linear(width=outputs[0])))
    if outputs[1] == outputs[2]:
        return Sequence(layers=(AdaptivePooling(size=outputs[1]), Convolution(width=outputs[0])))
    return branch
