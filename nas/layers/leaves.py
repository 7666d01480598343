"""The layers that do something to a tensor: each a value with its output shape and its cost."""

from __future__ import annotations

from math import prod
from typing import Literal

from nas.errors import ImpossibleShape
from nas.layers.base import (
    LARGEST,
    Node,
    Shape,
    Trace,
    image,
    label,
    require_between,
    settle,
    shape_text,
    unchanged,
    window,
)

PoolingKind = Literal["max", "average"]


class Convolution(Node, frozen=True, kw_only=True):
    """Two-dimensional convolution with a square kernel."""

    width: int
    """Output channels."""
    kernel: int = 1
    """Edge of the kernel, in pixels."""
    stride: int = 1
    """Step, in pixels."""
    padding: int = 0
    """Zeros added on each side, in pixels."""
    groups: int = 1
    """Groups of channels that don't see one another; divides input and output channels."""
    bias: bool = False
    """Whether a bias is added; dropped before a normalisation."""

    def __post_init__(self) -> None:
        if not (
            0 < self.width <= LARGEST
            and 0 < self.kernel <= LARGEST
            and 0 < self.stride <= LARGEST
            and 0 <= self.padding < self.kernel
            and 0 < self.groups <= self.width
        ):
            require_between(1, LARGEST, width=self.width, kernel=self.kernel, stride=self.stride)
            require_between(0, self.kernel - 1, padding=self.padding)
            require_between(1, self.width, groups=self.groups)

    def trace(self, inputs: Shape) -> Trace:
        """Weights are kernel² x input channels / groups x width; each is used once an output position."""
        channels, _, _ = image(self, inputs)
        width, kernel, groups = self.width, self.kernel, self.groups
        if channels % groups or width % groups:
            raise ImpossibleShape(f"{label(self)}: {groups} groups don't divide {channels} channels evenly")
        height, breadth = window(self, inputs, kernel, self.stride, self.padding)
        weights = kernel * kernel * (channels // groups) * width
        positions = height * breadth
        outputs = width * positions
        parameters = weights + width if self.bias else weights
        return (width, height, breadth), parameters, weights * positions, outputs, outputs

    def describe(self) -> str:
        """Kernel, width, and what isn't usual."""
        parts = [f"{self.kernel}x{self.kernel}, {self.width}"]
        parts += [f"stride {self.stride}"] if self.stride > 1 else []
        parts += [f"{self.groups} groups"] if self.groups > 1 else []
        return ", ".join([*parts, "bias"] if self.bias else parts)


NormKind = Literal["batch", "mean_only", "variance_only", "group", "layer", "instance", "none"]
PER_INPUT = ("group", "layer", "instance")
"""Norms whose statistics are of each input alone, in training and in evaluation: they keep no running ones."""
MOMENTUM, GROUPS = 0.1, 32
"""Defaults of a norm."""


class Normalisation(Node, frozen=True, kw_only=True):
    """Normalisation, for images and vectors: over the batch, or over groups of the channels of each input alone."""

    kind: NormKind = "batch"
    """Over the batch, with running statistics for evaluation: centre and scale (`batch`), centre only, or scale by the
    standard deviation only. Over each input alone: all channels and positions (`layer`; a vector's features), `groups`
    of neighbouring channels with all their positions (`group`), each channel of an image (`instance`). Or nothing."""
    affine: bool = True
    """Whether scale and shift, one each a channel, are learnt; otherwise they stay 1 and 0."""
    epsilon: float = 1e-5
    """Added to the variance; in (0, 1)."""
    momentum: float = MOMENTUM
    """Share of the newest batch in the running statistics; in (0, 1]."""
    groups: int = GROUPS
    """Of kind `group`; divides the channels."""

    def __post_init__(self) -> None:
        if not (0 < self.epsilon < 1 and 0 < self.momentum <= 1):
            raise ValueError(
                f"epsilon must lie in (0, 1) and momentum in (0, 1], got {self.epsilon=}, {self.momentum=}"
            )
        require_between(1, LARGEST, groups=self.groups)
        if self.kind != "group" and self.groups != GROUPS:
            raise ValueError(f"only a norm of kind group has groups, got {self.kind=}, {self.groups=}")
        if self.kind in PER_INPUT and self.momentum != MOMENTUM:
            raise ValueError(f"a norm of kind {self.kind} has no running statistics, got {self.momentum=}")
        settle(self)

    def groups_of(self, inputs: Shape) -> int:
        """Groups of channels with statistics of their own, for a norm over each input alone."""
        if self.kind == "instance":
            return image(self, inputs)[0]
        return self.groups if self.kind == "group" else 1

    def trace(self, inputs: Shape) -> Trace:
        """Two parameters a channel where affine; groups must divide the channels and have two numbers at least."""
        if self.kind in PER_INPUT:
            groups, numbers = self.groups_of(inputs), prod(inputs)
            if inputs[0] % groups:
                raise ImpossibleShape(f"{label(self)}: {groups} groups don't divide {inputs[0]} channels evenly")
            if numbers == groups:
                raise ImpossibleShape(f"{label(self)} needs two numbers a group, got {shape_text(inputs)}")
        return unchanged(inputs, 2 if self.affine and self.kind != "none" else 0)

    def describe(self) -> str:
        """The kind, its groups, and whether scale and shift are fixed."""
        kind = f"group, {self.groups} groups" if self.kind == "group" else self.kind
        return kind if self.affine or self.kind == "none" else f"{kind}, fixed scale and shift"


class Activation(Node, frozen=True, kw_only=True):
    """A function applied to each element."""

    function: Literal["relu", "sigmoid", "tanh", "gelu", "silu", "leaky_relu"] = "relu"
    """Which one."""

    def __post_init__(self) -> None:
        settle(self)

    def trace(self, inputs: Shape) -> Trace:
        """Nothing to learn."""
        return unchanged(inputs)

    def describe(self) -> str:
        """The function."""
        return self.function


class Pooling(Node, frozen=True, kw_only=True):
    """Largest or mean value of a sliding window."""

    kind: PoolingKind = "max"
    """Which of the two."""
    kernel: int
    """Edge of the window, in pixels."""
    stride: int
    """Step, in pixels."""
    padding: int = 0
    """Pixels added on each side (-infinity for max, 0 for average); at most half the window."""
    ceil: bool = False
    """Whether a last window that hangs over the edge counts."""

    def __post_init__(self) -> None:
        require_between(1, LARGEST, kernel=self.kernel, stride=self.stride)
        require_between(0, self.kernel // 2, padding=self.padding)
        settle(self)

    def trace(self, inputs: Shape) -> Trace:
        """Keeps the channels."""
        channels, _, _ = image(self, inputs)
        outputs = (channels, *window(self, inputs, self.kernel, self.stride, self.padding, ceil=self.ceil))
        return outputs, 0, 0, 0, prod(outputs)

    def describe(self) -> str:
        """Kind, window and stride."""
        return f"{self.kind} {self.kernel}x{self.kernel}, stride {self.stride}"


class AdaptivePooling(Node, frozen=True, kw_only=True):
    """Pooling to a given size, whatever the input; size 1 is global pooling."""

    kind: PoolingKind = "average"
    """Largest or mean value."""
    size: int = 1
    """Height and width of the output, in pixels."""

    def __post_init__(self) -> None:
        require_between(1, LARGEST, size=self.size)
        settle(self)

    def trace(self, inputs: Shape) -> Trace:
        """Keeps the channels."""
        channels, _, _ = image(self, inputs)
        outputs = (channels, self.size, self.size)
        return outputs, 0, 0, 0, prod(outputs)

    def describe(self) -> str:
        """Kind and size."""
        return f"{self.kind} to {self.size}x{self.size}"


class Linear(Node, frozen=True, kw_only=True):
    """Matrix product with a vector."""

    width: int
    """Output features."""
    bias: bool = True
    """Whether a bias is added."""

    def __post_init__(self) -> None:
        if not 0 < self.width <= LARGEST:
            require_between(1, LARGEST, width=self.width)

    def trace(self, inputs: Shape) -> Trace:
        """One weight for each pair of input and output."""
        if len(inputs) != 1:
            raise ImpossibleShape(f"{label(self)} needs a vector (flatten first), got {shape_text(inputs)}")
        weights = inputs[0] * self.width
        return (self.width,), weights + self.width if self.bias else weights, weights, self.width, self.width

    def describe(self) -> str:
        """Width."""
        return f"{self.width}" if self.bias else f"{self.width}, no bias"


class Dropout(Node, frozen=True, kw_only=True):
    """Sets a random share of the elements to zero in training."""

    rate: float = 0.5
    """Probability of zero; in [0, 1)."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ValueError(f"rate must lie in [0, 1), got {self.rate=}")
        settle(self)

    def trace(self, inputs: Shape) -> Trace:
        """Nothing to learn."""
        return unchanged(inputs)

    def describe(self) -> str:
        """The rate."""
        return f"{self.rate:g}"


class SqueezeExcite(Node, frozen=True, kw_only=True):
    """Scales each channel by a gate: global average, 1x1 to `width`, ReLU, 1x1 back, sigmoid (Hu et al., 2018)."""

    width: int
    """Channels of the narrow layer."""

    def __post_init__(self) -> None:
        if not 0 < self.width <= LARGEST:
            require_between(1, LARGEST, width=self.width)

    def trace(self, inputs: Shape) -> Trace:
        """Two 1x1 convolutions with bias on a 1x1 image."""
        channels, _, _ = image(self, inputs)
        weights = 2 * channels * self.width
        parameters = weights + channels + self.width
        return inputs, parameters, weights, channels + self.width, prod(inputs) + 2 * (channels + self.width)

    def describe(self) -> str:
        """Channels of the narrow layer."""
        return f"to {self.width} and back"


class Flatten(Node, frozen=True, kw_only=True):
    """An image as a vector."""

    def trace(self, inputs: Shape) -> Trace:
        """Costs nothing, not even memory."""
        return (prod(inputs),), 0, 0, 0, 0
