"""What a training step has to do in each layer: floating-point operations, and numbers that it reads and writes.

Both follow from network, batch and precision alone, so that they are the same on every machine.

Operations: a multiply-add counts 2 forward and 4 backward (2 in a layer that only images precede, for they have no
gradient); norms 6 forward and 8 backward an element, a ReLU with them 3, a sum 1; sums of shortcuts and of gradients
1; gates 2 forward and 4 backward; all else of `elementwise` 1 an element each way; the optimiser 6 a parameter. Ways
that save multiplications (Winograd's) count as what they replace.

Bytes: no operation finds anything in a cache; each reads its inputs once and writes its outputs once, and what
`nas/training/kernels` computes in one loop is one operation here, on every device.

    convolution, linear     forward x, w -> y; backward dy, x, w -> dx, dw; of x only what the kernel sees
    norm                    forward x twice (statistics, then scaling) -> y; backward x, dy twice -> dx
      with its ReLU         also y twice backward; the ReLU moves nothing of its own
      with sum and ReLU     also the summand forward, and its gradient backward
    sum, concatenation      forward their inputs -> y; backward nothing, for gradients are handed on
    input of k branches     backward the sum of their gradients, k - 1 times two -> one
    activation              forward x -> y; backward dy, y -> dx; a ReLU before a largest-value pool comes behind it
    pooling, dropout        forward x -> y; backward dy -> dx
    squeeze-excite          its two 1x1 convolutions, and x twice -> y; backward x, dy twice -> dx
    optimiser               gradient, momentum and master read; momentum, master and the copy computed in written

Activations, their gradients and the weights of convolutions and linear layers take 2 bytes in bfloat16, else 4.
Not counted: choosing, normalising and augmenting the images; the loss; what is one number a channel; indices of pools
and masks of dropout; intermediate layouts and copies that a library makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Literal

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
)

Kind = Literal[
    "1x1 convolutions",
    "dense convolutions",
    "grouped convolutions",
    "depthwise convolutions",
    "linear",
    "norm",
    "elementwise",
    "optimiser",
]
NORM_FORWARD, NORM_BACKWARD = 6, 8
"""Operations an element: moments 4 and scaling 2; sums of slopes 4 and slopes 4."""
RELU = Activation(function="relu")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One layer in a training step, counted both ways."""

    kind: Kind
    """What it belongs to."""
    multiply_adds: int = 0
    """Forward, for one image."""
    operations: int = 0
    """Floating-point operations for one image."""
    elements: int = 0
    """Numbers read and written for one image."""
    weights: int = 0
    """Numbers read and written once, whatever the batch."""


def operations(layer: Layer, inputs: Shape, *, onward: bool = False, joined: bool = False) -> Iterator[Operation]:
    """Everything that a layer does in a step but for the optimiser.

    `onward`: the input has a gradient, too. `joined`: the norm at the end also adds a shortcut and rectifies.
    """
    row = _pooled_first(list(_row(layer, inputs)))
    following = [*(node for node, _ in row[1:]), RELU if joined else None]
    rectified = False
    for place, ((node, shape), after) in enumerate(zip(row, following, strict=False), 1):
        if rectified:  # the norm before has done it
            rectified = False
            continue
        rectified = after == RELU and _ends_with_norm(node)
        summed = joined and place == len(row)
        yield from _operations(node, shape, onward=onward, rectified=rectified, summed=summed)
        onward = onward or node.trace(shape)[1] > 0


def _row(layer: Layer, inputs: Shape) -> Iterator[tuple[Layer, Shape]]:
    """What is computed one after another, each with its input."""
    children: tuple[Layer, ...]
    match layer:
        case Sequence():
            children = layer.layers
        case Repetition():
            children = (layer.layer,) * layer.times
        case _:
            yield layer, inputs
            return
    for child in children:
        yield from _row(child, inputs)
        inputs = child.trace(inputs)[0]


def _pooled_first(row: list[tuple[Layer, Shape]]) -> list[tuple[Layer, Shape]]:
    """ReLUs that no norm takes over stand behind the largest-value pools that follow them."""
    for place in range(1, len(row) - 1):
        (before, _), (node, shape), (after, _) = row[place - 1 : place + 2]
        if node == RELU and not _ends_with_norm(before) and isinstance(after, Pooling) and after.kind == "max":
            row[place : place + 2] = [(after, shape), (RELU, after.trace(shape)[0])]
    return row


def _ends_with_norm(node: Layer) -> bool:
    """Whether a ReLU behind it is computed by a norm."""
    match node:
        case Normalisation():
            return node.kind != "none"
        case Residual():
            last = _last(node.branch)
            return isinstance(last, Normalisation) and last.kind != "none"
        case _:
            return False


def _last(layer: Layer) -> Layer:
    """What is computed last."""
    while isinstance(layer, Repetition) or (isinstance(layer, Sequence) and layer.layers):
        layer = layer.layer if isinstance(layer, Repetition) else layer.layers[-1]
    return layer


def _operations(node: Layer, inputs: Shape, *, onward: bool, rectified: bool, summed: bool) -> Iterator[Operation]:
    match node:
        case Convolution() | Linear():
            yield _product(node, inputs, onward=onward)
        case Normalisation():
            if node.kind != "none":
                yield _norm(inputs, onward=onward, rectified=rectified, summed=summed)
        case Activation() | Pooling() | AdaptivePooling() | Dropout():
            yield _elementwise(node, inputs, onward=onward)
        case SqueezeExcite():
            yield from _squeeze_excite(node, inputs, onward=onward)
        case Residual():
            yield from operations(node.shortcut, inputs, onward=onward)
            yield from operations(node.branch, inputs, onward=onward, joined=rectified)
            if not rectified:
                yield _sum(2, node.trace(inputs)[0])
            yield from _gradients(2, inputs, onward=onward)
        case Concatenation():
            for branch in node.branches:
                yield from operations(branch, inputs, onward=onward)
            yield _joined(node.trace(inputs)[0])
            yield from _gradients(len(node.branches), inputs, onward=onward)
        case DenseConcatenation():
            yield from operations(node.branch, inputs, onward=onward)
            yield _joined(node.trace(inputs)[0])
            yield from _gradients(2, inputs, onward=onward)
        case Flatten():
            return
        case _:
            raise TypeError(f"no count of operations for {type(node).__name__}")


def _product(node: Convolution | Linear, inputs: Shape, *, onward: bool) -> Operation:
    shape, weights, multiply_adds, _, outputs = node.trace(inputs)
    kernel = node.kernel if isinstance(node, Convolution) else 1
    seen = _seen(inputs, shape, kernel)
    return Operation(
        kind=_kind(node, inputs),
        multiply_adds=multiply_adds,
        operations=multiply_adds * (6 if onward else 4),
        elements=(seen + outputs) + (outputs + seen + onward * prod(inputs)),
        weights=weights * (3 if onward else 2),
    )


def _kind(node: Convolution | Linear, inputs: Shape) -> Kind:
    if isinstance(node, Linear):
        return "linear"
    if node.groups > 1:
        return "depthwise convolutions" if node.groups == inputs[0] else "grouped convolutions"
    return "dense convolutions" if node.kernel > 1 else "1x1 convolutions"


def _seen(inputs: Shape, outputs: Shape, kernel: int) -> int:
    """Elements of the input that some window covers: a stride can leave positions out."""
    return min(prod(inputs), inputs[0] * prod(outputs[1:]) * kernel**2)


def _norm(inputs: Shape, *, onward: bool, rectified: bool, summed: bool) -> Operation:
    forward = 3 + summed
    backward = (1 + onward) * (2 + rectified) + onward + summed
    count = NORM_FORWARD + NORM_BACKWARD + 3 * rectified + summed
    return Operation(kind="norm", operations=count * prod(inputs), elements=(forward + backward) * prod(inputs))


def _elementwise(node: Activation | Pooling | AdaptivePooling | Dropout, inputs: Shape, *, onward: bool) -> Operation:
    shape, size = node.trace(inputs)[0], prod(inputs)
    seen = _seen(inputs, shape, node.kernel) if isinstance(node, Pooling) else size
    outputs = prod(shape)
    backward = outputs + size + isinstance(node, Activation) * outputs
    each = max(seen, outputs)
    return Operation(kind="elementwise", operations=each * (1 + onward), elements=seen + outputs + onward * backward)


def _squeeze_excite(node: SqueezeExcite, inputs: Shape, *, onward: bool) -> Iterator[Operation]:
    pooled = (inputs[0], 1, 1)
    narrow = Convolution(width=node.width, bias=True)
    yield _product(narrow, pooled, onward=onward)
    yield _product(Convolution(width=inputs[0], bias=True), (node.width, 1, 1), onward=True)
    back = 4 if onward else 2  # the gate's gradient takes x and dy, that of x only then dy again
    yield Operation(kind="elementwise", operations=(2 + back) * prod(inputs), elements=(3 + back) * prod(inputs))


def _joined(shape: Shape) -> Operation:
    """Branches copied into one output."""
    return Operation(kind="elementwise", elements=2 * prod(shape))


def _sum(count: int, shape: Shape) -> Operation:
    """The sum of so many, two at a time."""
    sums = (count - 1) * prod(shape)
    return Operation(kind="elementwise", operations=sums, elements=3 * sums)


def _gradients(branches: int, inputs: Shape, *, onward: bool) -> Iterator[Operation]:
    """The gradients of an input that several branches have seen become one."""
    if onward:
        yield _sum(branches, inputs)
