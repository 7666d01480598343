"""The ways themselves: each the same function and gradient as torch's convolution."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nas.kernels.blas import Linear, Products
from nas.kernels.rules import ANY, Geometry


def product(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Geometry, blas: int = ANY) -> Tensor:
    """A 1x1 convolution; channels last in, channels last out, without a copy."""
    if shape.stride > 1:
        x = x[:, :, :: shape.stride, :: shape.stride]
    rows, matrix = x.permute(0, 2, 3, 1), weight.flatten(1)  # (batch, height, breadth, channels), (width, channels)
    if shape.positions * shape.channels * shape.width >= blas:
        flat: Tensor = Linear.apply(rows.reshape(-1, shape.channels), matrix)
        y = flat.view(*rows.shape[:3], -1)
        y = y if bias is None else y + bias
    else:
        y = functional.linear(rows, matrix, bias)  # (batch, height, breadth, width)
    return y.permute(0, 3, 1, 2)


def whole_image(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Geometry, blas: int = ANY) -> Tensor:
    """A convolution as one matrix product a group: rows are images, columns output positions x channels."""
    groups, narrow, wide = shape.groups, shape.group_width, shape.width // shape.groups
    chosen = selection(shape, x.dtype)  # (inputs x outputs, kernel²)
    matrix = chosen @ weight.permute(2, 3, 0, 1).reshape(shape.kernel**2, -1)
    inputs = shape.height * shape.breadth
    matrix = matrix.view(inputs, -1, groups, wide, narrow).permute(2, 0, 4, 1, 3).reshape(groups, inputs * narrow, -1)
    rows = x.permute(0, 2, 3, 1).reshape(shape.batch, inputs, groups, narrow)
    rows = rows.permute(2, 0, 1, 3).reshape(groups, shape.batch, -1)
    multiply = Products.apply if shape.batch * matrix[0].numel() >= blas else torch.bmm
    y: Tensor = multiply(rows, matrix)  # (groups, batch, outputs x channels of a group)
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
