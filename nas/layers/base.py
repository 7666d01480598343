"""What every node of the layer tree is: immutable data that answers its output shape and cost for an input shape.

Conventions of cost (those of the RegNet paper): a multiply-add counts 1, in convolutions and linear layers only, bias
additions excluded; activations are the outputs of all convolutions and linear layers; parameters are all that train.
A shape is (channels, height, width) for images and (features,) for vectors; the batch is never part of it.
"""

from __future__ import annotations

from math import prod
from typing import ClassVar

import msgspec

from nas.errors import ImpossibleShape

Shape = tuple[int, ...]
Trace = tuple[Shape, int, int, int, int]
"""Output shape, parameters, multiply-adds, activations, elements of all layers' outputs."""

LARGEST = 2**20
"""Most channels, features, pixels of an edge, or repetitions that one node or input may have."""
MOST_LAYERS = 100_000
"""Most leaves that a tree may have once its repetitions are written out; an empty combinator counts as one."""
DEEPEST = 64
"""Most combinators inside one another."""


class Node(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    dict=True,
    repr_omit_defaults=True,
    tag_field="type",
    tag=str.lower,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """Base of all layers."""

    height: ClassVar[int] = 0
    """Combinators on the longest way down to a leaf."""
    leaves: ClassVar[int] = 1
    """Layers below this node once repetitions are written out."""

    def trace(self, inputs: Shape) -> Trace:
        """Output shape and sums of costs for one input; raises ImpossibleShape where the layer can't take it."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """What this layer is called in tables and messages."""
        return type(self).__name__

    def describe(self) -> str:
        """The settings of this layer in a few words, for tables."""
        return ""


def remember_size(node: Node, children: tuple[Node, ...], times: int = 1) -> None:
    """Note height and leaves of a combinator where it is made: hostile trees are refused before any recursion."""
    height = leaves = 0
    for child in children:
        leaves += child.leaves
        height = child.height if child.height > height else height
    height, leaves = height + 1, (leaves or 1) * times
    if height > DEEPEST:
        raise ValueError(f"layers are nested {height} deep, at most {DEEPEST} are allowed")
    if leaves > MOST_LAYERS:
        raise ValueError(f"the network has {leaves:,} layers, at most {MOST_LAYERS:,} are allowed")
    own = node.__dict__
    own["height"], own["leaves"] = height, leaves


def settle(node: Node) -> None:
    """Give equal settings one JSON: it leaves out only the very object of a default, and writes 1 and 1.0 apart."""
    defaults = node.__struct_defaults__
    for name, default in zip(node.__struct_fields__[-len(defaults) :], defaults, strict=True):
        value = getattr(node, name)
        if isinstance(default, float):
            value = float(value)
        msgspec.structs.force_setattr(node, name, default if value == default else value)


def require_shape(inputs: Shape) -> None:
    """Refuse what is no shape of an input: images have three edges, vectors one, each at least 1."""
    if len(inputs) not in (1, 3) or not all(0 < edge <= LARGEST for edge in inputs):
        raise ImpossibleShape(
            f"an input is channels x height x width, or features, each between 1 and {LARGEST:,}, got {inputs}"
        )


def shape_text(shape: Shape) -> str:
    """A shape as people write it: `3x224x224`, or `784` for a vector."""
    return "x".join(map(str, shape))


def image(node: Node, inputs: Shape) -> tuple[int, int, int]:
    """The input as (channels, height, width), or ImpossibleShape where it isn't an image."""
    if len(inputs) != 3:
        raise ImpossibleShape(f"{label(node)} needs an image (channels x height x width), got {shape_text(inputs)}")
    return inputs


def window(node: Node, inputs: Shape, kernel: int, stride: int, padding: int, *, ceil: bool = False) -> tuple[int, int]:
    """Height and width after a sliding window (torch's arithmetic), or ImpossibleShape where it doesn't fit."""
    _, height, width = inputs
    below, beside = height + 2 * padding - kernel, width + 2 * padding - kernel
    down, right = below // stride, beside // stride
    if ceil:
        down, right = -(-below // stride), -(-beside // stride)
        down -= down * stride >= height + padding  # a window may not start beyond the image
        right -= right * stride >= width + padding
    if down < 0 or right < 0:
        raise ImpossibleShape(f"{label(node)} doesn't fit into an input of {shape_text(inputs)}")
    return down + 1, right + 1


def label(node: Node) -> str:
    """Name and settings of a layer, for messages."""
    return f"{node.title} {node.describe()}".strip()


def unchanged(inputs: Shape, parameters_per_channel: int = 0) -> Trace:
    """The trace of a layer that keeps the shape and does no multiply-adds."""
    return inputs, parameters_per_channel * inputs[0], 0, 0, prod(inputs)


def require_between(low: int, high: int, **values: int) -> None:
    """Refuse settings outside low..high, by name."""
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name} must be between {low:,} and {high:,}, got {value:,}")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """The price of one network on one input."""

    parameters: int = 0
    """Trainable numbers."""
    multiply_adds: int = 0
    """Multiply-adds of one forward pass over one image."""
    activations: int = 0
    """Outputs of all convolutions and linear layers for one image, in elements."""
    memory: int = 0
    """Estimated bytes to train on one image in float32: parameters, gradients, momentum, and every layer's output."""
