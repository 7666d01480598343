"""A ReLU before a largest-value pool moves behind it: the same numbers on a quarter of the elements.

The largest of several values, made positive, is the largest of the values made positive; so is its gradient, for where
a pool could choose between several zeros the ReLU lets none through.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn


class RectifiedPool(nn.MaxPool2d):
    """The largest value of each window, negative ones set to zero."""

    def forward(self, x: Tensor) -> Tensor:
        """Pool, then ReLU in place: nobody else sees the pool's output, and its backward pass doesn't need it."""
        pooled: Tensor = super().forward(x)
        return pooled.relu_()


def rectify_late(module: nn.Module) -> None:
    """Move ReLUs behind the pools that follow them, everywhere inside; names and parameters stay."""
    for row in list(module.modules()):
        if type(row) is nn.Sequential:
            for before, after in pairwise(list(row)):
                if type(after) is nn.MaxPool2d and _without_last_relu(row, before):
                    after.__class__ = RectifiedPool  # in place, as in `nas.kernels.convolution.specialise`


def _without_last_relu(row: nn.Sequential, part: nn.Module) -> bool:
    """Whether the part of a row ends with a ReLU, which is then taken out; it leaves an empty place for the names."""
    if type(part) is nn.Sequential and len(part):
        return _without_last_relu(part, part[-1])
    if type(part) is not nn.ReLU:
        return False
    place = next(name for name, child in reversed(row._modules.items()) if child is part)
    row._modules[place] = nn.Identity()
    return True
