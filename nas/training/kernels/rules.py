"""Which way a convolution is computed: a fixed function of its shape and the processor, kept as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal

import torch

from nas.training.devices import maker

Way = Literal["native", "product", "whole image", "pairs", "wider", "spread", "winograd"]
ANY = 2**62
"""A bound that nothing reaches."""
AMD = "AuthenticAMD"
"""What AMD's processors call their maker."""
TILE, PATCH = 4, 6
"""Edges of the outputs that Winograd's algorithm computes at once and of the inputs that they see, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """From a convolution's shape to the fastest way to compute it."""

    product_positions: int = 0
    """Output positions of a batch up to which a 1x1 convolution is a plain matrix product."""
    product_elements: int = 0
    """Positions x input channels up to which it is so without a stride; a strided one saves more."""
    always_product: int = 0
    """Positions up to which it is a product whatever its channels."""
    whole_image: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """Widest group computed on the whole image, by longer edge of the input in pixels and stride."""
    pairs: int = 0
    """Longest edge of the input, in pixels, at which a depthwise weight's gradient comes from pairs of positions."""
    wider: Mapping[int, int] = field(default_factory=dict)
    """Group width that a narrower one is computed at, as far as it divides the channels."""
    spread: frozenset[int] = frozenset()
    """Group widths at which a strided kernel's input gradient comes from one without a stride, zeros in between."""
    blas: int = ANY
    """Multiply-adds of a group's product from which NumPy's BLAS computes it instead of torch's."""
    winograd: float = inf
    """How many times fewer multiply-adds Winograd's algorithm must have to compute outputs and input gradients."""
    winograd_weight: float = inf
    """The same for the weight's gradient, which torch is slower at."""
    winograd_tiles: int = 0
    """Tiles of a batch from which outputs and input gradients are so computed: each step transforms the kernels."""
    beside: bool = False
    """Whether gradients of weights are computed on a second stream of the GPU, by torch's way and as products."""
    norms: bool = False
    """Whether norms, and the ReLUs and sums behind them, are one operation each way (see `norms.py`)."""


NATIVE = Rules()
SMALL = {(1, 1): ANY, (1, 2): ANY, (2, 1): ANY, (2, 2): ANY}
NARROW = {2: 8, 4: 8}
FITTED = Rules(
    product_positions=2048,
    product_elements=2**17,
    always_product=512,
    whole_image={**SMALL, (3, 1): 8, (3, 2): 16, (4, 1): 4, (4, 2): 16},
    pairs=2,
    wider=NARROW,
    norms=True,
)
"""On AVX2 in float32."""
FITTED_AMD = replace(FITTED, blas=2**22, product_elements=ANY, winograd=2.5, winograd_weight=2.0, winograd_tiles=128)
"""The same where torch's library of products is slow (see `nas.training.kernels.blas`)."""
FITTED_HALF = Rules(
    product_positions=2**13,
    product_elements=ANY,
    whole_image={**SMALL, (3, 1): 8, (3, 2): 32, (4, 2): 8},
    pairs=2,
    wider=NARROW,
    spread=frozenset({1, 3, 5, 6, 7, 10, 14, 20}),
    norms=True,
)
"""On AVX512 in bfloat16."""
FITTED_CUDA = Rules(product_positions=ANY, product_elements=ANY, always_product=ANY, norms=True)
"""On a GPU. Not measured: a product needs no plan of cuDNN's, whose making is most of what a short training's start
takes; how groups are best computed, the benchmark on a GPU is to tell."""
RULES: Mapping[tuple[str, torch.dtype], Rules] = {
    ("AVX2", torch.float32): FITTED,
    ("AVX512", torch.float32): FITTED,  # taken over from AVX2, not fitted
    ("AVX512", torch.bfloat16): FITTED_HALF,
}
"""By what torch calls the processor's instructions and by the arithmetic; all others compute natively."""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """The shape of a square convolution and of the images that it meets."""

    batch: int
    """Images."""
    channels: int
    """Of the input."""
    width: int
    """Output channels."""
    height: int
    """Of the input, in pixels."""
    breadth: int
    """Of the input, in pixels."""
    kernel: int
    """Edge, in pixels."""
    stride: int
    """Step, in pixels."""
    padding: int
    """Zeros on each side, in pixels."""
    groups: int
    """Groups of channels."""

    @property
    def group_width(self) -> int:
        """Input channels of a group."""
        return self.channels // self.groups

    @property
    def outputs(self) -> tuple[int, int]:
        """Height and breadth of the output, in pixels."""
        margin = 2 * self.padding - self.kernel
        return (self.height + margin) // self.stride + 1, (self.breadth + margin) // self.stride + 1

    @property
    def positions(self) -> int:
        """Output positions of the whole batch."""
        return self.batch * self.outputs[0] * self.outputs[1]


@dataclass(frozen=True, kw_only=True)
class Passes:
    """Which passes of a 3x3 convolution Winograd's algorithm computes."""

    forward: bool
    """The outputs."""
    onward: bool
    """The input's gradient."""
    weight: bool
    """The weight's gradient."""


def way(rules: Rules, shape: Geometry) -> Way:
    """How a convolution of this shape is computed."""
    if shape.kernel == 1:
        return "product" if shape.groups == 1 and shape.padding == 0 and _is_product(rules, shape) else "native"
    edge = max(shape.height, shape.breadth)
    if shape.group_width == 1 and shape.groups > 1:
        if shape.width == shape.channels and edge <= rules.pairs:
            return "pairs"
    elif shape.group_width <= rules.whole_image.get((edge, shape.stride), 0):
        return "whole image"
    if widening(rules, shape) > 1:
        return "wider"
    if spreads(rules, shape):
        return "spread"
    passes = winograd_passes(rules, shape)
    return "winograd" if passes.forward or passes.onward or passes.weight else "native"


def _is_product(rules: Rules, shape: Geometry) -> bool:
    positions = shape.positions
    if positions <= rules.always_product:
        return True
    light = shape.stride > 1 or positions * shape.channels <= rules.product_elements
    return light and positions <= rules.product_positions


def spreads(rules: Rules, shape: Geometry) -> bool:
    """Whether the input gradient comes from a kernel without a stride, one that keeps the size of images."""
    keeps = shape.kernel == 2 * shape.padding + 1
    return keeps and shape.stride > 1 and shape.groups > 1 and shape.group_width in rules.spread


def widening(rules: Rules, shape: Geometry) -> int:
    """How many groups become one; a power of 2, 1 where nothing is widened."""
    most = rules.wider.get(shape.group_width, 0) // shape.group_width
    return next((factor for factor in (16, 8, 4, 2) if factor <= most and shape.groups % factor == 0), 1)


def tiles(height: int, breadth: int) -> tuple[int, int]:
    """How many tiles cover the outputs, down and across."""
    return -(-height // TILE), -(-breadth // TILE)


def saving(channels: int, width: int, height: int, breadth: int) -> float:
    """How many times fewer multiply-adds Winograd's algorithm has than the plain sum, its transforms counted."""
    down, across = tiles(height, breadth)
    transforms = PATCH**4 * channels + TILE**2 * PATCH**2 * width
    return 9 * channels * width * height * breadth / ((PATCH**2 * channels * width + transforms) * down * across)


def winograd_passes(rules: Rules, shape: Geometry) -> Passes:
    """Which passes it computes; it knows 3x3 kernels without groups whose outputs are as large as the input."""
    known = (shape.kernel, shape.stride, shape.padding, shape.groups) == (3, 1, 1, 1)
    there = saving(shape.channels, shape.width, shape.height, shape.breadth) if known else -inf
    back = saving(shape.width, shape.channels, shape.height, shape.breadth) if known else -inf
    weight = there >= rules.winograd_weight
    down, across = tiles(shape.height, shape.breadth)
    many = shape.batch * down * across >= rules.winograd_tiles
    return Passes(forward=many and there >= rules.winograd, onward=many and back >= rules.winograd, weight=weight)


def rules_for(device: torch.device, dtype: torch.dtype) -> Rules:
    """The rules of a device and an arithmetic."""
    if device.type != "cpu":
        return FITTED_CUDA
    rules = RULES.get((torch.backends.cpu.get_cpu_capability(), dtype), NATIVE)
    return FITTED_AMD if rules is FITTED and maker() == AMD else rules
