"""A 3x3 convolution in tiles of 4x4 outputs, with a quarter of the multiplications (Winograd's algorithm).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), F(4x4, 3x3): patches of 6x6 inputs and the
kernel are transformed, multiplied position by position, and transformed back, all of it as matrix products. A few
images at a time, so that what lies between the products stays in the processor's cache. The same function and gradient
in exact arithmetic; in float32 the error is about 1e-5 of the largest output, ten times that of the plain sum.

N images, C input channels, K output channels, T tiles of some images.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nas.training.kernels.rules import PATCH, TILE, Geometry, Passes, tiles

CACHED = 2**18
"""Elements of transformed patches that are worked on at once."""
INPUTS = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
"""From a row of a patch to its transform."""
TAPS = ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24))
"""From a row of the kernel to 24 times its transform."""
OUTPUTS = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
"""From the product of the two to a row of outputs."""


class Winograd(torch.autograd.Function):
    """A 3x3 convolution with stride and padding 1, whose passes are computed in tiles where that is faster."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, shape: Geometry, passes: Passes) -> Tensor:
        """Convolve."""
        ctx.save_for_backward(x, weight)
        ctx.shape, ctx.passes = shape, passes
        return convolved(x, weight) if passes.forward else functional.conv2d(x, weight, None, 1, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Gradients of input and weight; what isn't computed in tiles comes from torch."""
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        passes: Passes = ctx.passes
        mask = [ctx.needs_input_grad[0] and not passes.onward, not passes.weight, False]
        onward, taps = None, None
        if any(mask):
            onward, taps, _ = torch.ops.aten.convolution_backward(
                gradient, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, mask
            )
        if passes.onward and ctx.needs_input_grad[0]:
            onward = convolved(gradient, weight.flip(2, 3).transpose(0, 1))
        if passes.weight:
            taps = weight_gradient(x, gradient)
        return onward, taps, None, None


def convolved(x: Tensor, weight: Tensor) -> Tensor:
    """(N, C, height, breadth), (K, C, 3, 3) -> (N, K, height, breadth), channels last in memory."""
    images, channels, height, breadth = x.shape
    width, down, across = len(weight), *tiles(height, breadth)
    inputs, taps, outputs = _transforms(x.dtype)
    kernel = (taps @ weight.permute(2, 3, 1, 0).reshape(9, -1)).view(PATCH**2, channels, width)
    patches = _patches(x)
    y = torch.empty((images, width, down * TILE, across * TILE), dtype=x.dtype, memory_format=torch.channels_last)
    rows = y.permute(0, 2, 3, 1).view(images, down, TILE, across, TILE, width)
    for part in _parts(images, down * across * max(channels, width)):
        patch = patches[:, :, part].reshape(PATCH**2, -1)  # (36, T x C)
        product = torch.bmm((inputs @ patch).view(PATCH**2, -1, channels), kernel)  # (36, T, K)
        block = (outputs @ product.view(PATCH**2, -1)).view(TILE, TILE, -1, down, across, width)
        rows[part] = block.permute(2, 3, 0, 4, 1, 5)
    if y.shape[2:] == x.shape[2:]:
        return y  # itself, no view of it: what follows may overwrite it
    return y[:, :, :height, :breadth].clone(memory_format=torch.channels_last)


def weight_gradient(x: Tensor, gradient: Tensor) -> Tensor:
    """(N, C, height, breadth), (N, K, height, breadth) -> (K, C, 3, 3)."""
    images, channels, height, breadth = x.shape
    width, down, across = gradient.shape[1], *tiles(height, breadth)
    inputs, taps, outputs = _transforms(x.dtype)
    patches = _patches(x)
    blocks = functional.pad(
        gradient.permute(0, 2, 3, 1), (0, 0, 0, across * TILE - breadth, 0, down * TILE - height)
    ).reshape(images, down, TILE, across, TILE, width)
    total = x.new_zeros(PATCH**2, channels, width)
    for part in _parts(images, down * across * max(channels, width)):
        patch = patches[:, :, part].reshape(PATCH**2, -1)  # (36, T x C)
        block = blocks[part].permute(2, 4, 0, 1, 3, 5).reshape(TILE**2, -1)  # (16, T x K)
        seen = (inputs @ patch).view(PATCH**2, -1, channels)
        total.baddbmm_(seen.transpose(1, 2), (outputs.t() @ block).view(PATCH**2, -1, width))
    return (taps.t() @ total.view(PATCH**2, -1)).view(3, 3, channels, width).permute(3, 2, 0, 1)


def _parts(images: int, elements: int) -> Iterator[slice]:
    """Images that are worked on at once, by the elements of one position of all patches of an image."""
    step = max(1, CACHED // (PATCH**2 * elements))
    return (slice(start, start + step) for start in range(0, images, step))


def _patches(x: Tensor) -> Tensor:
    """All overlapping patches of the padded images, without a copy: (6, 6, N, tiles down, tiles across, C)."""
    images, channels, height, breadth = x.shape
    down, across = tiles(height, breadth)
    padding = (0, 0, 1, across * TILE + 1 - breadth, 1, down * TILE + 1 - height)
    padded = functional.pad(x.permute(0, 2, 3, 1), padding).contiguous()
    image, row, column, channel = padded.stride()
    strides = (row, column, image, TILE * row, TILE * column, channel)
    return padded.as_strided((PATCH, PATCH, images, down, across, channels), strides)


@lru_cache(maxsize=8)
def _transforms(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Of patches (36 x 36), kernels (36 x 9) and products (16 x 36), both axes at once."""
    with torch.inference_mode(mode=False):
        inputs, taps, outputs = (torch.tensor(rows, dtype=torch.float64) for rows in (INPUTS, TAPS, OUTPUTS))
        whole = (torch.kron(inputs, inputs), torch.kron(taps, taps) / 24**2, torch.kron(outputs, outputs))
        return tuple(matrix.to(dtype) for matrix in whole)  # type: ignore[return-value]
