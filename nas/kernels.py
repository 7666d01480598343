"""Convolutions computed another way where torch's own is slow: the same function and gradient in less time.

What sampled networks spend most of their time on, small images, narrow groups, strided 1x1 kernels, is what CPU
libraries are slowest at. Which way is taken follows from the layer's shape and the processor's instructions by a fixed
table (`RULES`), so equal trainings stay equal, bit for bit; nothing is timed during a run.

    product      a 1x1 kernel is one matrix product over all positions; a stride only leaves positions out
    whole image  on a small image an output sees nearly every input: one matrix a group, from all inputs to all
                 outputs, whose entries are the kernel's; taps that only ever meet padding cost nothing
    pairs        one channel a group on a small image: the weight's gradient from the products of all pairs of
                 positions; forward as usual
    wider        narrow groups as fewer, wider ones, their weight block-diagonal

Measured on one core of an AMD EPYC (Zen 2, AVX2, no bf16), forward and backward, batches of 32 and 128, torch 2.14:
whole image 1.4 to 20 times as fast at up to 2x2 pixels and 1.1 to 4 times where the table has it beyond, pairs 4 to 15,
wider 1.2 to 2 (`tests/benchmarks/kernels.py` measures all of them). A random sample of 24 networks trains 1.3 times as
fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Way = Literal["native", "product", "whole image", "pairs", "wider"]


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


ANY = 2**30
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
)
"""On AVX2 in float32."""
RULES: Mapping[tuple[str, torch.dtype], Rules] = {
    ("AVX2", torch.float32): FITTED,
    ("AVX512", torch.float32): FITTED,  # taken over from AVX2, not fitted
    ("AVX512", torch.bfloat16): Rules(whole_image=SMALL, pairs=2, wider=NARROW),  # groups as measured, rest cautious
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


def way(rules: Rules, shape: Geometry) -> Way:
    """How a convolution of this shape is computed."""
    if shape.kernel == 1:
        return "product" if shape.groups == 1 and shape.padding == 0 and _is_product(rules, shape) else "native"
    edge = max(shape.height, shape.breadth)
    if shape.group_width == 1 and shape.groups > 1:
        return "pairs" if shape.width == shape.channels and edge <= rules.pairs else "native"
    if shape.group_width <= rules.whole_image.get((edge, shape.stride), 0):
        return "whole image"
    return "wider" if widening(rules, shape) > 1 else "native"


def _is_product(rules: Rules, shape: Geometry) -> bool:
    positions = shape.positions
    if positions <= rules.always_product:
        return True
    light = shape.stride > 1 or positions * shape.channels <= rules.product_elements
    return light and positions <= rules.product_positions


def widening(rules: Rules, shape: Geometry) -> int:
    """How many groups become one; a power of 2, 1 where nothing is widened."""
    most = rules.wider.get(shape.group_width, 0) // shape.group_width
    return next((factor for factor in (8, 4, 2) if factor <= most and shape.groups % factor == 0), 1)


def rules_for(device: torch.device, dtype: torch.dtype) -> Rules:
    """The rules of a device and an arithmetic."""
    if device.type != "cpu":
        return NATIVE
    return RULES.get((torch.backends.cpu.get_cpu_capability(), dtype), NATIVE)


class FastConvolution(nn.Conv2d):
    """A convolution that is computed as the rules say for the images that it meets."""

    rules: Rules = NATIVE
    plans: dict[torch.Size, tuple[Way, Geometry]]
    """What was found for each shape of images."""

    def plan(self, images: torch.Size) -> tuple[Way, Geometry]:
        """The way to compute, with the shape that decided it; found once, for finding it takes as long as a small layer."""
        plans = self.__dict__.setdefault("plans", {})
        if images not in plans:
            shape = _geometry(self, images)
            plans[images] = way(self.rules, shape), shape
        return plans[images]  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """As torch's own."""
        taken, shape = self.plan(x.shape)
        match taken:
            case "product":
                return product(x, self.weight, self.bias, shape.stride)
            case "whole image":
                return whole_image(x, self.weight, self.bias, shape)
            case "pairs":
                y: Tensor = Pairs.apply(x, self.weight, shape)
                return y if self.bias is None else y + self.bias.view(1, -1, 1, 1)
            case "wider":
                return wider(x, self.weight, self.bias, shape, widening(self.rules, shape))
            case _:
                return super().forward(x)


def specialise(module: nn.Module, rules: Rules) -> None:
    """Have all square convolutions inside compute by these rules; parameters and names stay."""
    if rules == NATIVE:
        return
    for part in module.modules():
        if type(part) is nn.Conv2d and len({*part.kernel_size}) == 1 and not isinstance(part.padding, str):
            part.__class__ = FastConvolution  # in place: names, parameters and whoever holds the module stay
            part.rules = rules  # type: ignore[assignment]


def product(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """A 1x1 convolution; channels last in, channels last out, without a copy."""
    if stride > 1:
        x = x[:, :, ::stride, ::stride]
    y = functional.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias)  # (batch, height, breadth, width)
    return y.permute(0, 3, 1, 2)


def whole_image(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Geometry) -> Tensor:
    """A convolution as one matrix product a group: rows are images, columns output positions x channels."""
    groups, narrow, wide = shape.groups, shape.group_width, shape.width // shape.groups
    chosen = selection(shape, x.dtype)  # (inputs x outputs, kernel²)
    matrix = chosen @ weight.permute(2, 3, 0, 1).reshape(shape.kernel**2, -1)
    inputs = shape.height * shape.breadth
    matrix = matrix.view(inputs, -1, groups, wide, narrow).permute(2, 0, 4, 1, 3).reshape(groups, inputs * narrow, -1)
    rows = x.permute(0, 2, 3, 1).reshape(shape.batch, inputs, groups, narrow)
    rows = rows.permute(2, 0, 1, 3).reshape(groups, shape.batch, -1)
    y = torch.bmm(rows, matrix)  # (groups, batch, outputs x channels of a group)
    y = y.view(groups, shape.batch, -1, wide).permute(1, 2, 0, 3).reshape(shape.batch, *shape.outputs, shape.width)
    return (y if bias is None else y + bias).permute(0, 3, 1, 2)


def wider(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Geometry, factor: int) -> Tensor:
    """A grouped convolution with `factor` groups computed as one, zeros between them."""
    diagonal = _diagonal(factor, shape.width // shape.groups, shape.group_width, weight.dtype)
    blocks = weight.repeat(1, factor, 1, 1) * diagonal.repeat(shape.groups // factor, 1)[:, :, None, None]
    return functional.conv2d(x, blocks, bias, shape.stride, shape.padding, 1, shape.groups // factor)


class Pairs(torch.autograd.Function):
    """A depthwise convolution whose weight's gradient is a sum over all pairs of positions."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
        """As torch's own."""
        ctx.save_for_backward(x, weight)
        ctx.shape = shape
        return functional.conv2d(x, weight, None, shape.stride, shape.padding, 1, shape.groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None]:
        """The input's gradient as torch's own, the weight's by pairs."""
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        shape: Geometry = ctx.shape
        onward = _input_gradient(gradient, x, weight, shape) if ctx.needs_input_grad[0] else None
        inputs = x.permute(0, 2, 3, 1).flatten(1, 2)  # (batch, input positions, channels)
        outputs = gradient.permute(0, 2, 3, 1).flatten(1, 2)  # (batch, output positions, channels)
        pairs = torch.stack([(inputs * outputs[:, [place]]).sum(0) for place in range(outputs.shape[1])], 1)
        taps = selection(shape, x.dtype).t() @ pairs.flatten(0, 1)  # (kernel², channels)
        return onward, taps.t().reshape(weight.shape), None


def _input_gradient(gradient: Tensor, x: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
    stride, padding = [shape.stride] * 2, [shape.padding] * 2
    mask = [True, False, False]
    gradients = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, stride, padding, [1, 1], False, [0, 0], shape.groups, mask
    )
    return gradients[0]  # type: ignore[no-any-return]


def selection(shape: Geometry, dtype: torch.dtype) -> Tensor:
    """1 where a kernel's tap joins an input position and an output position: (inputs x outputs, kernel²)."""
    return _selection(shape.height, shape.breadth, shape.kernel, shape.stride, shape.padding, dtype)


@lru_cache(maxsize=64)
def _selection(height: int, breadth: int, kernel: int, stride: int, padding: int, dtype: torch.dtype) -> Tensor:
    rows, columns = _taps(height, kernel, stride, padding), _taps(breadth, kernel, stride, padding)
    with torch.inference_mode(mode=False):
        return torch.einsum("iot,jpu->ijoptu", rows, columns).reshape(-1, kernel**2).to(dtype)


def _taps(size: int, kernel: int, stride: int, padding: int) -> Tensor:
    """1 where input i meets output o through tap t, along one axis: (inputs, outputs, kernel)."""
    with torch.inference_mode(mode=False):
        outputs = (size + 2 * padding - kernel) // stride + 1
        seen = torch.arange(outputs)[:, None] * stride - padding + torch.arange(kernel)  # (outputs, kernel)
        return (seen == torch.arange(size)[:, None, None]).float()


@lru_cache(maxsize=64)
def _diagonal(factor: int, wide: int, narrow: int, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(mode=False):
        return torch.kron(torch.eye(factor, dtype=dtype), torch.ones(wide, narrow, dtype=dtype))


def _geometry(convolution: nn.Conv2d, images: torch.Size) -> Geometry:
    batch, channels, height, breadth = images
    return Geometry(
        batch=batch,
        channels=channels,
        width=convolution.out_channels,
        height=height,
        breadth=breadth,
        kernel=convolution.kernel_size[0],
        stride=convolution.stride[0],
        padding=int(convolution.padding[0]),
        groups=convolution.groups,
    )
