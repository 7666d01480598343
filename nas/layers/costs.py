"""The layer tree as a table: one row a layer, which add up to the network; where its cost lies, its smallest image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import msgspec

from nas.errors import ImpossibleShape
from nas.layers.base import Cost, Shape, Trace, require_shape, shape_text
from nas.layers.combinators import Concatenation, DenseConcatenation, Layer, Repetition, Residual, Sequence
from nas.layers.display import first_rows, notebook
from nas.layers.memory import Moment, is_alias, made, working

FLOAT_BYTES = 4
TRAINED_COPIES = 3
"""A parameter in training: itself, its gradient, its momentum."""


class Bytes(msgspec.Struct, frozen=True, kw_only=True):
    """What tensors take in float32, for one input."""

    parameters: int
    """Of all trainable numbers, in bytes."""
    inference: int
    """Of all tensors that are alive at once, at their most (see `nas.layers.memory`), in bytes."""
    training: int
    """Of the outputs of all layers, which the backward pass keeps, in bytes."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of a network, or several equal ones in a row."""

    part: str
    """The named parts that it lies in, outermost first, joined by ` / `."""
    kind: str
    """Name of the node; of a layer of another package its kind."""
    settings: str
    """Its settings in a few words."""
    times: int
    """How often it stands here."""
    output: Shape
    """Shape of one output."""
    cost: Cost
    """Of all repetitions together."""
    bytes: Bytes
    """Parameters and outputs of all repetitions together; for inference what is alive while one of them runs."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as texts, bytes left out: see `HEADER`."""
        return (
            self.part,
            self.kind,
            self.settings,
            f"x{self.times}" if self.times > 1 else "",
            shape_text(self.output),
            *(f"{n:,}" for n in (self.cost.parameters, self.cost.multiply_adds, self.cost.activations)),
        )


HEADER = ("part", "layer", "settings", "times", "output", "parameters", "multiply-adds", "activations")
"""Over the cells of a row."""


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
    return list(_rows(layer, inputs, Moment()))


def _rows(layer: Layer, inputs: Shape, at: Moment) -> Iterator[Row]:
    match layer:
        case Sequence():
            at = at.within(layer.name)
            for child in layer.layers:
                yield from _rows(child, inputs, at)
                at = at.after(child, inputs)
                inputs = child.trace(inputs)[0]
        case Repetition():
            yield from _repeated(layer, inputs, at)
        case Residual():
            beside = at.besides(made(layer.shortcut, inputs))  # the shortcut runs first, though it stands second
            yield from _rows(layer.branch, inputs, beside.keeping(is_alias(layer.shortcut)))
            yield from _rows(layer.shortcut, inputs, at.within("shortcut").keeping())
            yield _join(layer, inputs, at, (layer.branch, layer.shortcut))
        case Concatenation():
            beside = at
            for number, branch in enumerate(layer.branches, 1):
                again = number < len(layer.branches) or any(map(is_alias, layer.branches))
                yield from _rows(branch, inputs, beside.within(f"branch {number}").keeping(again))
                beside = beside.besides(made(branch, inputs))
            yield _join(layer, inputs, at, layer.branches)
        case DenseConcatenation():
            yield from _rows(layer.branch, inputs, at.keeping())
            yield _join(layer, inputs, at, (Sequence(), layer.branch))
        case _:
            yield _row(layer, layer.trace(inputs), at, working(layer, inputs))


def _repeated(layer: Repetition, inputs: Shape, at: Moment) -> Iterator[Row]:
    """Repetitions that keep the shape are one row; of them those behind the first have the most beside them."""
    left = layer.times
    while left:
        outputs = layer.layer.trace(inputs)[0]
        rest = left if outputs == inputs else 1
        at = at.after(layer.layer, inputs) if rest > 1 else at
        yield from _rows(layer.layer, inputs, at.repeated(rest))
        at = at.after(layer.layer, inputs)
        inputs, left = outputs, left - rest


def _join(layer: Layer, inputs: Shape, at: Moment, children: tuple[Layer, ...]) -> Row:
    """What a combinator adds to its children: the elements of its own output."""
    shape, *_, elements = layer.trace(inputs)
    own = elements - sum(child.trace(inputs)[4] for child in children)
    read = sum(made(child, inputs) for child in children)
    held = at.keeping(any(map(is_alias, children))).held(inputs)
    return _row(layer, (shape, 0, 0, 0, own), at, held + read + own)


def _row(layer: Layer, trace: Trace, at: Moment, alive: int) -> Row:
    """The row of a layer; `alive` counts the elements that it needs at once, those beside it left out."""
    shape, *counts = trace
    p, m, a, e = (at.times * count for count in counts)
    return Row(
        part=" / ".join(at.part),
        kind=layer.title,
        settings=layer.describe(),
        times=at.times,
        output=shape,
        cost=_cost((shape, p, m, a, e)),
        bytes=Bytes(parameters=FLOAT_BYTES * p, inference=FLOAT_BYTES * (at.beside + alive), training=FLOAT_BYTES * e),
    )


def _cost(trace: Trace) -> Cost:
    _, parameters, multiply_adds, activations, elements = trace
    memory = FLOAT_BYTES * (TRAINED_COPIES * parameters + elements)
    return Cost(parameters=parameters, multiply_adds=multiply_adds, activations=activations, memory=memory)


CONVOLUTIONS = ("Convolution", "SqueezeExcite")
"""Kinds of rows that are convolutions: squeeze-excite is two of 1x1."""


LINEAR = ("Linear",)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of one cost, at most 1 together, for norms and layers of other packages cost, too; 0 where nothing does."""

    convolutions: float
    """Of convolutions, those of squeeze-excite included; in [0, 1]."""
    linear: float
    """Of linear layers; in [0, 1]."""


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """Where a network's cost lies."""

    parameters: Share
    """Of the trainable numbers."""
    multiply_adds: Share
    """Of the multiply-adds."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A network on one input."""

    cost: Cost
    """In total."""
    bytes: Bytes
    """In total; for inference the most that is alive at once."""
    shares: Shares
    """Where the cost lies."""
    layers: list[Row]
    """The layer table, which adds up to the total."""

    def __repr__(self) -> str:
        return f"<Summary: {self.words}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: totals and the layer table."""
        return self.html("")

    def html(self, title: str) -> str:
        """The same below the name of a network."""
        return notebook(title, (), [self.words], first_rows(HEADER, [row.cells for row in self.layers]))

    @property
    def words(self) -> str:
        """The totals."""
        total = self.cost
        return (
            f"{total.parameters:,} parameters, {total.multiply_adds:,} multiply-adds, {total.activations:,} activations"
        )


class Smallest(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest square image that a network takes, found by trying."""

    shape: Shape
    """Channels, height and width; every edge from here to `tried` works."""
    tried: int
    """Largest edge that was tried, in pixels."""
    reason: str
    """Why an edge of one pixel less is impossible; empty where the smallest is 1."""


def summary(layer: Layer, inputs: Shape) -> Summary:
    """Table, totals and shares; raises ImpossibleShape where the network can't take the input."""
    total, table = cost(layer, inputs), rows(layer, inputs)
    peak = max((row.bytes.inference for row in table), default=FLOAT_BYTES * prod(inputs))
    kept = sum(row.bytes.training for row in table)
    weights = sum(row.bytes.parameters for row in table)
    return Summary(
        cost=total,
        bytes=Bytes(parameters=weights, inference=peak, training=kept),
        shares=Shares(parameters=_share(table, "parameters"), multiply_adds=_share(table, "multiply_adds")),
        layers=table,
    )


def smallest_input(network: Callable[[Shape], Layer], channels: int, tried: int) -> Smallest | None:
    """The smallest edge such that it and all up to `tried` work; None where `tried` itself doesn't.

    `network` gives the layer tree for an input, since some networks depend on it.
    """
    reason, edge = "", tried
    while edge and not reason:
        reason = _impossible(network, (channels, edge, edge))
        edge -= not reason
    shape = (channels, edge + 1, edge + 1)
    return Smallest(shape=shape, tried=tried, reason=reason) if edge < tried else None


def _impossible(network: Callable[[Shape], Layer], shape: Shape) -> str:
    """Why a network can't take an input; empty where it can."""
    try:
        output_shape(network(shape), shape)
    except ImpossibleShape as impossible:
        return str(impossible)
    return ""


def _share(table: list[Row], name: str) -> Share:
    total = sum(getattr(row.cost, name) for row in table) or 1
    convolutions, linear = (
        sum(getattr(row.cost, name) for row in table if row.kind in kinds) / total for kinds in (CONVOLUTIONS, LINEAR)
    )
    return Share(convolutions=convolutions, linear=linear)
