"""A ReLU before a largest-value pool moves behind it, and the mean over an image hands its gradient on channels last.

The largest of several values, made positive, is the largest of the values made positive; so is its gradient, for where
a pool could choose between several zeros the ReLU lets none through. So all of it is the same numbers, the first on a
quarter of the elements.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


class RectifiedPool(nn.MaxPool2d):
    """The largest value of each window, negative ones set to zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool, then ReLU in place: nobody else sees the pool's output, and its backward pass doesn't need it."""
        pooled: Tensor = super().forward(x)
        return pooled.relu_()


class Mean(torch.autograd.Function):
    """The mean over all positions; torch's own gradient lies channel after channel in memory, and is slow to divide."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """(batch, channels, height, breadth) -> (batch, channels, 1, 1)."""
        ctx.size = x.shape
        return x.mean((2, 3), keepdim=True)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The same share for every position, channels last in memory."""
        images, channels, height, breadth = ctx.size
        share: Tensor = (gradients[0] / (height * breadth)).reshape(images, 1, 1, channels)
        return share.expand(images, height, breadth, channels).contiguous().permute(0, 3, 1, 2)


class GlobalMean(nn.AdaptiveAvgPool2d):
    """The average pool that leaves one position."""

    def forward(self, x: Tensor) -> Tensor:
        """As torch's own."""
        y: Tensor = Mean.apply(x)
        return y


def pool_last(module: nn.Module) -> None:
    """Have average pools that leave one position compute so, everywhere inside."""
    for part in module.modules():
        if type(part) is nn.AdaptiveAvgPool2d and part.output_size in (1, (1, 1)):
            part.__class__ = GlobalMean  # in place, as below


def rectify_late(module: nn.Module) -> None:
    """Move ReLUs behind the pools that follow them, everywhere inside; names and parameters stay."""
    for row in list(module.modules()):
        if type(row) is nn.Sequential:
            for before, after in pairwise(list(row)):
                if type(after) is nn.MaxPool2d and _without_last_relu(row, before):
                    after.__class__ = RectifiedPool  # in place, as in `nas.training.kernels.convolution.specialise`


def _without_last_relu(row: nn.Sequential, part: nn.Module) -> bool:
    """Whether the part of a row ends with a ReLU, which is then taken out; it leaves an empty place for the names."""
    if type(part) is nn.Sequential and len(part):
        return _without_last_relu(part, part[-1])
    if type(part) is not nn.ReLU:
        return False
    place = next(name for name, child in reversed(row._modules.items()) if child is part)
    row._modules[place] = nn.Identity()
    return True
