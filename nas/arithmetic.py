"""The numbers that a network computes in: float32, or bfloat16 with float32 copies that the optimiser keeps.

In bfloat16 the weights of convolutions and linear layers and everything between the layers are bfloat16; norms keep
float32 parameters and statistics, for with bfloat16 ones evaluation is garbage. Steps are added up in the float32
copies, which are what is stored in the end.
"""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor, nn

from nas.devices import precision
from nas.kernels import rules_for, specialise
from nas.modules import PartialNorm
from nas.recipe import Recipe

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, PartialNorm)


def settled(recipe: Recipe, device: torch.device) -> Recipe:
    """The recipe with its arithmetic fixed."""
    if recipe.precision != "auto":
        return recipe
    return msgspec.structs.replace(recipe, precision=precision(device.type))


def dtype_of(recipe: Recipe) -> torch.dtype:
    """Type of images, activations and weights of convolutions."""
    return torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32


def computing(module: nn.Module, recipe: Recipe, device: torch.device) -> nn.Module:
    """The module itself, made ready to compute: on its device, in its arithmetic, channels last, fast kernels."""
    dtype = dtype_of(settled(recipe, device))
    if dtype != torch.float32:
        for part in module.modules():
            if not isinstance(part, NORMS):
                for parameter in part.parameters(recurse=False):
                    parameter.data = parameter.data.to(dtype)
    specialise(module, rules_for(device, dtype))
    return module.to(device).to(memory_format=torch.channels_last)


class Masters:
    """The float32 parameters of a module: its own, or copies where it computes in less."""

    def __init__(self, module: nn.Module) -> None:
        """Made before `computing`, so that no digit of the initial weights is lost."""
        self._module = module
        self._initial = [parameter.detach().clone() for parameter in module.parameters()]
        self._pairs: list[tuple[Tensor, nn.Parameter]] = []
        self.parameters: list[nn.Parameter] = []
        """What the optimiser updates, in the order of the module's parameters."""

    def bind(self) -> Masters:
        """Look at what the module computes in now; float32 parameters are their own masters."""
        for initial, parameter in zip(self._initial, self._module.parameters(), strict=True):
            if parameter.dtype == torch.float32:
                self.parameters.append(parameter)
            else:
                master = nn.Parameter(torch.empty_like(parameter, dtype=torch.float32).copy_(initial))
                master.grad = torch.zeros_like(master)
                self.parameters.append(master)
                self._pairs.append((parameter, master))
        self._initial = []
        return self

    def gather(self) -> None:
        """Gradients as the module computed them, to the masters."""
        if self._pairs:
            found = [(parameter.grad, master.grad) for parameter, master in self._pairs]
            used = [(low, high) for low, high in found if low is not None and high is not None]
            torch._foreach_copy_([high for _, high in used], [low for low, _ in used])

    @torch.no_grad()
    def spread(self) -> None:
        """Masters as the optimiser left them, to the module."""
        if self._pairs:
            torch._foreach_copy_([parameter for parameter, _ in self._pairs], [master for _, master in self._pairs])

    def restore(self) -> nn.Module:
        """The module with float32 parameters that are the masters."""
        for parameter, master in self._pairs:
            parameter.data = master.data
        return self._module
