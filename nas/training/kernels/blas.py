"""Matrix products by NumPy's BLAS, for processors on which torch's is slow.

torch multiplies with Intel's MKL, which reaches about three quarters of what an AMD processor can do; NumPy's wheels
bring OpenBLAS, which reaches nearly all of it (one core of an EPYC, Zen 2, float32: 77 against 98 GFLOP/s at
512 x 352 x 704). Tensors are shared, not copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]


class Linear(torch.autograd.Function):
    """`x @ weight.T` with its gradients: (rows, channels), (width, channels) -> (rows, width)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """One product."""
        ctx.save_for_backward(x, weight)
        return _product(_array(x), _array(weight).T)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor]:
        """One product for each."""
        gradient = _array(gradients[0])
        x, weight = map(_array, ctx.saved_tensors)
        onward = _product(gradient, weight) if ctx.needs_input_grad[0] else None
        return onward, _product(gradient.T, x)


class Products(torch.autograd.Function):
    """`a @ b` with its gradients: (groups, rows, middle), (groups, middle, columns) -> (groups, rows, columns)."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        """A product for each group."""
        ctx.save_for_backward(a, b)
        return _product(_array(a), _array(b))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """A product for each group and gradient."""
        gradient = _array(gradients[0])
        a, b = map(_array, ctx.saved_tensors)
        first = _product(gradient, b.swapaxes(1, 2)) if ctx.needs_input_grad[0] else None
        second = _product(a.swapaxes(1, 2), gradient) if ctx.needs_input_grad[1] else None
        return first, second


def _array(tensor: Tensor) -> Array:
    """The tensor's own memory."""
    array: Array = tensor.detach().numpy()
    return array


def _product(a: Array, b: Array) -> Tensor:
    """In memory of torch's, which it will use again."""
    result = torch.empty((*a.shape[:-1], b.shape[-1]))
    np.matmul(a, b, out=result.numpy())
    return result
