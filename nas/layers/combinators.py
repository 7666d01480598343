"""Layers made of layers: in a row, beside one another, added, repeated."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import ClassVar

from nas.errors import ImpossibleShape
from nas.layers.base import LARGEST, Node, Shape, Trace, remember_size, require_between, shape_text
from nas.layers.custom import Custom
from nas.layers.display import first_rows, line, notebook, plural
from nas.layers.leaves import (
    Activation,
    AdaptivePooling,
    Convolution,
    Dropout,
    Flatten,
    Linear,
    Normalisation,
    Pooling,
    SqueezeExcite,
)


class Combinator(Node, frozen=True, kw_only=True):
    """Base of layers that are made of layers."""

    def children(self) -> Iterator[tuple[str, Layer, int]]:
        """Name of the part, layer, and how often, in the order of the layer table."""
        raise NotImplementedError

    def outline(self, part: tuple[str, ...] = (), times: int = 1) -> Iterator[tuple[str, str, str, str]]:
        """Part, layer, settings and number of all leaves: what is known of a network without its input."""
        for name, child, each in self.children():
            inside = (*part, name) if name else part
            if isinstance(child, Combinator):
                yield from child.outline(inside, times * each)
            else:
                row = (" / ".join(inside), child.title, child.describe())
                yield *row, f"x{times * each}" if times * each > 1 else ""

    def __repr__(self) -> str:
        """Its name and size: a tree is too long for a line."""
        return line(self, getattr(self, "name", ""), plural(self.leaves, "layer"))

    def _repr_html_(self) -> str:
        """What a notebook shows: the layers in their order."""
        table = first_rows(("part", "layer", "settings", "times"), list(self.outline()))
        title = getattr(self, "name", "") or type(self).__name__
        return notebook(title, (), [plural(self.leaves, "layer")], table)


class Sequence(Combinator, frozen=True, kw_only=True):
    """Layers in a row; without layers it is the identity."""

    layers: tuple[Layer, ...] = ()
    """In the order of the data."""
    name: str = ""
    """What people call this part (`stem`, `stage 1`); no part of the identity."""

    traces: ClassVar[dict[Shape, Trace]]
    """By input; of each sequence its own."""

    def __post_init__(self) -> None:
        remember_size(self, self.layers)
        self.__dict__["traces"] = {}

    def children(self) -> Iterator[tuple[str, Layer, int]]:
        """All layers, in this part."""
        yield from ((self.name, layer, 1) for layer in self.layers)

    def trace(self, inputs: Shape) -> Trace:
        """Each layer takes the output of the one before; costs add up.

        Remembered by input: samplers meet the same blocks again and again.
        """
        traces = self.traces
        cached = traces.get(inputs)
        if cached is None:
            cached = traces[inputs] = self._trace(inputs)
        return cached

    def _trace(self, inputs: Shape) -> Trace:
        shape = inputs
        parameters = multiply_adds = activations = elements = 0
        for layer in self.layers:
            shape, p, m, a, e = layer.trace(shape)
            parameters += p
            multiply_adds += m
            activations += a
            elements += e
        return shape, parameters, multiply_adds, activations, elements


class Residual(Combinator, frozen=True, kw_only=True):
    """Branch plus shortcut."""

    branch: Layer
    """The part that learns the difference."""
    shortcut: Layer = Sequence()
    """Identity, or a projection where the shape changes."""

    def __post_init__(self) -> None:
        remember_size(self, (self.branch, self.shortcut))

    def children(self) -> Iterator[tuple[str, Layer, int]]:
        """The branch, then the shortcut."""
        yield "", self.branch, 1
        yield "shortcut", self.shortcut, 1

    def trace(self, inputs: Shape) -> Trace:
        """Both outputs must have one shape; costs add up."""
        shape, p, m, a, e = self.branch.trace(inputs)
        other, q, n, b, f = self.shortcut.trace(inputs)
        if shape != other:
            raise ImpossibleShape(f"Residual can't add {shape_text(shape)} (branch) and {shape_text(other)} (shortcut)")
        return shape, p + q, m + n, a + b, e + f + prod(shape)


class Concatenation(Combinator, frozen=True, kw_only=True):
    """Branches side by side on one input, their channels (or features) joined."""

    branches: tuple[Layer, ...]
    """At least one."""

    def __post_init__(self) -> None:
        if not self.branches:
            raise ValueError("a concatenation needs at least one branch, got none")
        remember_size(self, self.branches)

    def children(self) -> Iterator[tuple[str, Layer, int]]:
        """The branches by number."""
        yield from ((f"branch {number}", branch, 1) for number, branch in enumerate(self.branches, 1))

    def trace(self, inputs: Shape) -> Trace:
        """All branches must agree in height and width; widths and costs add up."""
        traces = [branch.trace(inputs) for branch in self.branches]
        shapes = [trace[0] for trace in traces]
        if any(len(shape) != len(shapes[0]) or shape[1:] != shapes[0][1:] for shape in shapes):
            raise ImpossibleShape(f"branches can't be joined: {', '.join(map(shape_text, shapes))}")
        shape = (sum(s[0] for s in shapes), *shapes[0][1:])
        p, m, a, e = (sum(counts) for counts in list(zip(*traces, strict=True))[1:])
        return shape, p, m, a, e + prod(shape)


class DenseConcatenation(Combinator, frozen=True, kw_only=True):
    """The input joined with what the branch makes of it (DenseNet)."""

    branch: Layer
    """Makes the new channels."""

    def __post_init__(self) -> None:
        remember_size(self, (self.branch,))

    def children(self) -> Iterator[tuple[str, Layer, int]]:
        """The branch."""
        yield "", self.branch, 1

    def trace(self, inputs: Shape) -> Trace:
        """Height and width stay; widths add up."""
        shape, p, m, a, e = self.branch.trace(inputs)
        if len(shape) != len(inputs) or shape[1:] != inputs[1:]:
            raise ImpossibleShape(f"branch makes {shape_text(shape)}, which can't be joined to {shape_text(inputs)}")
        joined = (inputs[0] + shape[0], *shape[1:])
        return joined, p, m, a, e + prod(joined)


class Repetition(Combinator, frozen=True, kw_only=True):
    """One layer several times in a row, each time with its own weights."""

    layer: Layer
    """What is repeated."""
    times: int
    """How often; at least 1."""

    def __post_init__(self) -> None:
        require_between(1, LARGEST, times=self.times)
        remember_size(self, (self.layer,), self.times)

    def children(self) -> Iterator[tuple[str, Layer, int]]:
        """One layer, several times."""
        yield "", self.layer, self.times

    def trace(self, inputs: Shape) -> Trace:
        """As a sequence; from where the shape stays, the rest is a product."""
        shape, left = inputs, self.times
        parameters = multiply_adds = activations = elements = 0
        while left:
            outputs, p, m, a, e = self.layer.trace(shape)
            rest = left if outputs == shape else 1
            parameters += rest * p
            multiply_adds += rest * m
            activations += rest * a
            elements += rest * e
            shape, left = outputs, left - rest
        return shape, parameters, multiply_adds, activations, elements


Layer = (
    Convolution
    | Normalisation
    | Activation
    | Pooling
    | AdaptivePooling
    | Linear
    | Dropout
    | SqueezeExcite
    | Flatten
    | Custom
    | Sequence
    | Residual
    | Concatenation
    | DenseConcatenation
    | Repetition
)
"""Any node; a union, so that JSON can be decoded strictly."""
