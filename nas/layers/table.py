"""The layer tree as a table: one row a layer, with what it costs; the rows add up to the network."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from nas.cost import Cost
from nas.layers.base import Shape, Trace, require_shape
from nas.layers.combinators import Concatenation, DenseConcatenation, Layer, Repetition, Residual, Sequence

FLOAT_BYTES = 4
TRAINED_COPIES = 3
"""A parameter in training: itself, its gradient, its momentum."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of a network, or several equal ones in a row."""

    part: str
    """The named parts that it lies in, outermost first, joined by ` / `."""
    kind: str
    """Name of the node."""
    settings: str
    """Its settings in a few words."""
    times: int
    """How often it stands here."""
    output: Shape
    """Shape of one output."""
    cost: Cost
    """Of all repetitions together."""


def cost(layer: Layer, inputs: Shape) -> Cost:
    """What the network costs on one input; raises ImpossibleShape where it can't take it."""
    require_shape(inputs)
    return _cost(layer.trace(inputs))


def output_shape(layer: Layer, inputs: Shape) -> Shape:
    """Shape that comes out; raises ImpossibleShape where the network can't take the input."""
    require_shape(inputs)
    return layer.trace(inputs)[0]


def rows(layer: Layer, inputs: Shape) -> list[Row]:
    """Every layer in the order of the data; the additions and joins of combinators are rows as well."""
    require_shape(inputs)
    return list(_rows(layer, inputs, (), 1))


def _rows(layer: Layer, inputs: Shape, part: tuple[str, ...], times: int) -> Iterator[Row]:
    match layer:
        case Sequence():
            inside = (*part, layer.name) if layer.name else part
            for child in layer.layers:
                yield from _rows(child, inputs, inside, times)
                inputs = child.trace(inputs)[0]
        case Repetition():
            left = layer.times
            while left:
                outputs = layer.layer.trace(inputs)[0]
                rest = left if outputs == inputs else 1
                yield from _rows(layer.layer, inputs, part, times * rest)
                inputs, left = outputs, left - rest
        case Residual():
            yield from _rows(layer.branch, inputs, part, times)
            yield from _rows(layer.shortcut, inputs, (*part, "shortcut"), times)
            yield _join(layer, inputs, part, times, (layer.branch, layer.shortcut))
        case Concatenation():
            for number, branch in enumerate(layer.branches, 1):
                yield from _rows(branch, inputs, (*part, f"branch {number}"), times)
            yield _join(layer, inputs, part, times, layer.branches)
        case DenseConcatenation():
            yield from _rows(layer.branch, inputs, part, times)
            yield _join(layer, inputs, part, times, (layer.branch,))
        case _:
            yield _row(layer, layer.trace(inputs), part, times)


def _join(layer: Layer, inputs: Shape, part: tuple[str, ...], times: int, children: tuple[Layer, ...]) -> Row:
    """What a combinator adds to its children: the elements of its own output."""
    shape, *_, elements = layer.trace(inputs)
    own = elements - sum(child.trace(inputs)[4] for child in children)
    return _row(layer, (shape, 0, 0, 0, own), part, times)


def _row(layer: Layer, trace: Trace, part: tuple[str, ...], times: int) -> Row:
    shape, *counts = trace
    p, m, a, e = (times * count for count in counts)
    return Row(
        part=" / ".join(part),
        kind=type(layer).__name__,
        settings=layer.describe(),
        times=times,
        output=shape,
        cost=_cost((shape, p, m, a, e)),
    )


def _cost(trace: Trace) -> Cost:
    _, parameters, multiply_adds, activations, elements = trace
    memory = FLOAT_BYTES * (TRAINED_COPIES * parameters + elements)
    return Cost(parameters=parameters, multiply_adds=multiply_adds, activations=activations, memory=memory)
