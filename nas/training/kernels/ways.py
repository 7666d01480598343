"""The ways themselves: each the same function and gradient as torch's convolution."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nas.training.cuda_graphs import beside
from nas.training.kernels.beside import gradients_of
from nas.training.kernels.blas import Linear, Products
from nas.training.kernels.rules import ANY, NATIVE, Geometry, Rules


def product(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Geometry, rules: Rules = NATIVE) -> Tensor:
    """A 1x1 convolution; channels last in, channels last out, without a copy."""
    if shape.positions * shape.channels * shape.width >= rules.blas:
        if shape.stride > 1:
            x = x[:, :, :: shape.stride, :: shape.stride]
        flat: Tensor = Linear.apply(x.permute(0, 2, 3, 1).reshape(-1, shape.channels), weight.flatten(1))
        y = flat.view(shape.batch, *shape.outputs, -1).permute(0, 3, 1, 2)
    else:
        y = Product.apply(x, weight, shape, rules.beside)
    return y if bias is None else y + bias.view(1, -1, 1, 1)


class Product(torch.autograd.Function):
    """A 1x1 convolution as one product each for outputs and gradients: one node for autograd instead of five."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, shape: Geometry, aside: bool) -> Tensor:
        """A stride only leaves positions out; `aside` says whether the weight's gradient is computed beside."""
        if shape.stride > 1:
            x = x[:, :, :: shape.stride, :: shape.stride]
        rows, matrix = x.permute(0, 2, 3, 1).reshape(-1, shape.channels), weight.flatten(1)
        ctx.save_for_backward(rows, weight)
        ctx.shape, ctx.aside = shape, aside
        size = (shape.batch, shape.width, *shape.outputs)
        y = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        torch.mm(rows, matrix.t(), out=y.permute(0, 2, 3, 1).view(-1, shape.width))
        return y  # no view, which a ReLU couldn't overwrite

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        """Positions that were left out have no gradient."""
        rows, weight = ctx.saved_tensors
        shape: Geometry = ctx.shape
        gradient = gradients[0].permute(0, 2, 3, 1).reshape(-1, shape.width)
        with beside(gradient, rows) if ctx.aside else nullcontext():
            taps = torch.mm(gradient.t(), rows).view_as(weight)
        if not ctx.needs_input_grad[0]:
            return None, taps, None, None
        back = torch.mm(gradient, weight.flatten(1)).view(shape.batch, *shape.outputs, -1).permute(0, 3, 1, 2)
        if shape.stride == 1:
            return back, taps, None, None
        size = (shape.batch, shape.channels, shape.height, shape.breadth)
        onward = _zeros(size, back)
        onward[:, :, :: shape.stride, :: shape.stride] = back
        return onward, taps, None, None


def whole_image(x: Tensor, weight: Tensor, bias: Tensor | None, shape: Geometry, blas: int = ANY) -> Tensor:
    """A convolution as one matrix product a group: rows are images, columns output positions x channels."""
    groups, narrow, wide = shape.groups, shape.group_width, shape.width // shape.groups
    chosen = selection(shape, x)  # (inputs x outputs, kernel²)
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
    diagonal = _diagonal(factor, shape.width // shape.groups, shape.group_width, weight.dtype, weight.device)
    blocks = weight.repeat(1, factor, 1, 1) * diagonal.repeat(shape.groups // factor, 1)[:, :, None, None]
    return functional.conv2d(x, blocks, bias, shape.stride, shape.padding, 1, shape.groups // factor)


class Strided(torch.autograd.Function):
    """A strided convolution in groups, whose input gradient can come from one without a stride.

    With `pairs`, for one channel a group, the weight's gradient is a sum over all pairs of positions.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, shape: Geometry, pairs: bool, spread: bool) -> Tensor:
        """As torch's own."""
        ctx.save_for_backward(x, weight)
        ctx.shape, ctx.pairs, ctx.spread = shape, pairs, spread
        return functional.conv2d(x, weight, None, shape.stride, shape.padding, 1, shape.groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        """What isn't computed another way comes from torch."""
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        shape: Geometry = ctx.shape
        wanted = ctx.needs_input_grad[0]
        onward, taps = None, None
        if not (ctx.pairs and ctx.spread):
            mask = [wanted and not ctx.spread, not ctx.pairs]
            onward, taps = gradients_of(gradient, x, weight, shape, mask)
        if ctx.spread and wanted:
            size = (shape.batch, shape.width, shape.height, shape.breadth)
            apart = _zeros(size, gradient)
            apart[:, :, :: shape.stride, :: shape.stride] = gradient
            onward, _ = gradients_of(apart, x, weight, replace(shape, stride=1), [True, False])
        if ctx.pairs:
            taps = _pairs(x, gradient, shape).view_as(weight)
        return onward, taps, None, None, None


def _zeros(size: tuple[int, int, int, int], like: Tensor) -> Tensor:
    """Channels last in memory."""
    images, channels, height, breadth = size
    return like.new_zeros(images, height, breadth, channels).permute(0, 3, 1, 2)


def _pairs(x: Tensor, gradient: Tensor, shape: Geometry) -> Tensor:
    """The weight's gradient, with one channel a group: (channels, kernel²)."""
    inputs = x.permute(0, 2, 3, 1).flatten(1, 2)  # (batch, input positions, channels)
    outputs = gradient.permute(0, 2, 3, 1).flatten(1, 2)  # (batch, output positions, channels)
    pairs = torch.stack([(inputs * outputs[:, [place]]).sum(0) for place in range(outputs.shape[1])], 1)
    taps = selection(shape, x).t() @ pairs.flatten(0, 1)  # (kernel², channels)
    return taps.t().contiguous()


def selection(shape: Geometry, like: Tensor) -> Tensor:
    """1 where a kernel's tap joins an input position and an output position: (inputs x outputs, kernel²)."""
    return _selection(shape.height, shape.breadth, shape.kernel, shape.stride, shape.padding, like.dtype, like.device)


@lru_cache(maxsize=64)
def _selection(
    height: int, breadth: int, kernel: int, stride: int, padding: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    rows, columns = _taps(height, kernel, stride, padding), _taps(breadth, kernel, stride, padding)
    with torch.inference_mode(mode=False):
        return torch.einsum("iot,jpu->ijoptu", rows, columns).reshape(-1, kernel**2).to(device, dtype)


def _taps(size: int, kernel: int, stride: int, padding: int) -> Tensor:
    """1 where input i meets output o through tap t, along one axis: (inputs, outputs, kernel)."""
    with torch.inference_mode(mode=False):
        outputs = (size + 2 * padding - kernel) // stride + 1
        seen = torch.arange(outputs)[:, None] * stride - padding + torch.arange(kernel)  # (outputs, kernel)
        return (seen == torch.arange(size)[:, None, None]).float()


@lru_cache(maxsize=64)
def _diagonal(factor: int, wide: int, narrow: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(mode=False):
        blocks = torch.kron(torch.eye(factor), torch.ones(wide, narrow))
        return blocks.to(device, dtype)
