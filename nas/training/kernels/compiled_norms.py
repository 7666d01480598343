"""The compiled loops as functions of tensors: norms with their sums and ReLUs on a CPU."""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor, nn

from nas.training.kernels import compiled

OPEN = -math.inf
"""The floor of a norm without a ReLU."""


def normalize(x: Tensor, added: Tensor | None, norm: nn.BatchNorm2d, rectified: bool) -> tuple[Tensor, Tensor]:
    """`max(norm(x) + added, 0)` by the batch's own statistics, and what the backward pass needs of these.

    These are mean, 1 / deviation, factor, offset: (4, channels). Two passes over the images.
    """
    parameters, buffers = norm._parameters, cast(dict[str, Tensor], norm._buffers)  # by name, they cost as much as this
    weight, bias, width = cast(Tensor, parameters["weight"]), cast(Tensor, parameters["bias"]), x.shape[1]
    found, y = torch.empty(4, width), torch.empty_like(x)
    places = (buffers[name].data_ptr() for name in ("running_mean", "running_var", "num_batches_tracked"))
    compiled.normalize(
        *(x.data_ptr(), 0 if added is None else added.data_ptr(), y.data_ptr(), weight.data_ptr()),
        *(bias.data_ptr(), *places, found.data_ptr()),
        *(x.numel() // width, width, norm.momentum, norm.eps, 0.0 if rectified else OPEN, _like(x)),
    )
    return y, found


def descend(
    slope: Tensor, x: Tensor, y: Tensor, weight: Tensor, found: Tensor, *, rectified: bool, added: bool
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """Gradients of `normalize`: of the input, of what was added, of the factors and of the offsets.

    Two passes over the images, and one for what was added.
    """
    back, by_weight, by_bias = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)
    aside = torch.empty_like(x) if added else None
    compiled.descend(
        *(x.data_ptr(), y.data_ptr(), slope.data_ptr(), weight.data_ptr(), found.data_ptr(), back.data_ptr()),
        *(0 if aside is None else aside.data_ptr(), by_weight.data_ptr(), by_bias.data_ptr()),
        *(x.numel() // x.shape[1], x.shape[1], 0.0 if rectified else OPEN, _like(x)),
    )
    return back, aside, by_weight, by_bias


def evaluate(x: Tensor, added: Tensor | None, norm: nn.BatchNorm2d, rectified: bool) -> Tensor:
    """`max(norm(x) + added, 0)` by the running statistics."""
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    factor = norm.weight * torch.rsqrt(variance + norm.eps)
    offset = norm.bias - mean * factor
    y = torch.empty_like(x)
    rows, to_add = x.numel() // x.shape[1], 0 if added is None else added.data_ptr()
    places = (x.data_ptr(), to_add, y.data_ptr(), factor.data_ptr(), offset.data_ptr())
    compiled.scale(*places, rows, x.shape[1], 0.0 if rectified else OPEN, _like(x))
    return y


def total(one: Tensor, other: Tensor) -> Tensor:
    """Their sum."""
    y = torch.empty_like(one)
    compiled.add(one.data_ptr(), other.data_ptr(), y.data_ptr(), one.numel(), _like(one))
    return y


def _like(x: Tensor) -> Any:
    """What stands for the type of the images."""
    return compiled.HALF if x.dtype == torch.bfloat16 else compiled.SINGLE
