"""Linear layers whose products are computed by the library that the rules name."""

from __future__ import annotations

from torch import Tensor, nn

from nas.kernels import blas
from nas.kernels.rules import NATIVE, Rules


class FastLinear(nn.Linear):
    """A linear layer that multiplies by NumPy's BLAS where the rules say so."""

    rules: Rules = NATIVE

    def forward(self, x: Tensor) -> Tensor:
        """As torch's own: (batch, inputs) -> (batch, width)."""
        if x.dim() != 2 or len(x) * self.weight.numel() < self.rules.blas:
            return super().forward(x)
        y: Tensor = blas.Linear.apply(x, self.weight)
        return y if self.bias is None else y.add_(self.bias)
