"""The moving average of a network over the steps of its training, which is evaluated and kept in its place.

B. Polyak and A. Juditsky, Acceleration of stochastic approximation by averaging (1992), here exponential, as in M. Tan
and Q. Le, EfficientNet (2019). The statistics of norms are averaged with the weights, for they belong together. All of
it is float32 and stays in place, so that a step can be recorded as a CUDA graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


def decay_at(step: int, decay: float) -> float:
    """What remains of the average at a step, counted from 0: nothing of the initial weights, then more and more."""
    return min(decay, (1 + step) / (10 + step)) if step else 0.0


class Average:
    """The average of tensors that steps change in place; without a decay there is none, and nothing is done."""

    def __init__(self, tensors: Sequence[Tensor], decay: float, steps: int) -> None:
        """`steps` is how many there will be."""
        self._tensors = [tensor for tensor in tensors if tensor.is_floating_point()] if decay else []
        self.values = [tensor.detach().clone() for tensor in self._tensors]
        """The averages, or, inside `exchanged`, what they are averages of."""
        weights = [1 - decay_at(step, decay) for step in range(steps if decay else 0)]
        self._weights = torch.tensor(weights, device=tensors[0].device)

    @torch.no_grad()
    def update(self, step: Tensor) -> None:
        """Take in what the step of this number, a tensor of shape (1,), has left."""
        if self.values:
            differences = torch._foreach_sub(self._tensors, self.values)
            torch._foreach_mul_(differences, self._weights.index_select(0, step).squeeze(0))
            torch._foreach_add_(self.values, differences)

    @torch.no_grad()
    def exchange(self) -> None:
        """Averages and tensors change places, to the bit."""
        for value, tensor in zip(self.values, self._tensors, strict=True):
            current = tensor.clone()
            tensor.copy_(value)
            value.copy_(current)

    @contextmanager
    def exchanged(self) -> Iterator[None]:
        """Meanwhile the averages are in the place of the tensors."""
        self.exchange()
        try:
            yield
        finally:
            self.exchange()
