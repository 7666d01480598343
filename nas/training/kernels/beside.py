"""Weight gradients beside the path: nothing in a backward pass waits for them, so a GPU may compute them meanwhile."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nas.training.cuda_graphs import beside
from nas.training.kernels.rules import Geometry


class Convolution(torch.autograd.Function):
    """A convolution whose weight's gradient is computed beside that of its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, shape: Geometry) -> Tensor:
        """As torch's own."""
        ctx.save_for_backward(x, weight)
        ctx.shape = shape
        return functional.conv2d(x, weight, None, shape.stride, shape.padding, 1, shape.groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """The weight's first, so that it has the whole of the input's for its time."""
        x, weight = ctx.saved_tensors
        with beside(gradients[0], x):
            _, taps = gradients_of(gradients[0], x, weight, ctx.shape, [False, True])
            if taps is not None:  # autograd would copy one that lies otherwise, on the stream that doesn't wait
                taps = taps.contiguous(memory_format=torch.channels_last)
        onward = None
        if ctx.needs_input_grad[0]:
            onward, _ = gradients_of(gradients[0], x, weight, ctx.shape, [True, False])
        return onward, taps, None


def gradients_of(
    gradient: Tensor, x: Tensor, weight: Tensor, shape: Geometry, mask: list[bool]
) -> tuple[Tensor | None, Tensor | None]:
    """Those of input and weight that the mask has, by torch; without a stride where the shape has none."""
    onward, taps, _ = torch.ops.aten.convolution_backward(
        *(gradient, x, weight, None, [shape.stride] * 2, [shape.padding] * 2, [1, 1], False, [0, 0], shape.groups),
        [*mask, False],
    )
    return onward, taps
