"""The numbers that a network computes in: float32, or bfloat16 with float32 copies that the optimiser keeps.

In bfloat16 the weights of convolutions and linear layers and everything between the layers are bfloat16; norms keep
float32 parameters and statistics, for with bfloat16 ones evaluation is garbage. Steps are added up in the float32
copies, which are what is stored in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import msgspec
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nas.study import Recipe
from nas.training.devices import precision
from nas.training.kernels import rules_for, specialise
from nas.training.modules import NORMS


def settled(recipe: Recipe, device: torch.device) -> Recipe:
    """The recipe with its arithmetic fixed."""
    return settled_on(recipe, device.type)


def settled_on(recipe: Recipe, kind: str) -> Recipe:
    """The same for a kind of device."""
    if recipe.precision != "auto":
        return recipe
    return msgspec.structs.replace(recipe, precision=precision(kind))


def dtype_of(recipe: Recipe) -> torch.dtype:
    """Type of images, activations and weights of convolutions."""
    return torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32


class WideGroupNorm(nn.GroupNorm):
    """A norm of each input alone that computes in float32; torch's own takes no mixed types on a GPU."""

    def forward(self, x: Tensor) -> Tensor:
        """In the type that came in."""
        return super().forward(x.float()).to(x.dtype)


def _as_it_came(module: nn.Module, inputs: tuple[object, ...], output: object) -> object:
    """The output of another package's module in the type of its input: its buffers and constants are float32."""
    first = inputs[0] if inputs else None
    if not (isinstance(first, Tensor) and isinstance(output, Tensor)):
        return output
    return output.to(first.dtype) if first.is_floating_point() and output.is_floating_point() else output


def computing(module: nn.Module, recipe: Recipe, device: torch.device) -> nn.Module:
    """The module itself, made ready to compute: on its device, in its arithmetic, channels last, fast kernels."""
    dtype = dtype_of(settled(recipe, device))
    if device.type == "cuda":  # sums over 100,000 positions, of which torch would round parts
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    if dtype != torch.float32:
        for part in module.modules():
            if not isinstance(part, NORMS):
                for parameter in part.parameters(recurse=False):
                    parameter.data = parameter.data.to(dtype)
            elif type(part) is nn.GroupNorm and device.type != "cpu":
                part.__class__ = WideGroupNorm  # in place, as in `nas.training.kernels.convolution.specialise`
            if not type(part).__module__.startswith(("torch.", "nas.")):
                part.register_forward_hook(_as_it_came)
    rules = rules_for(device, dtype)
    if recipe.checkpointing:  # what runs beside holds all that it reads until the backward pass ends
        rules = replace(rules, beside=False)
    specialise(module, rules, device)
    return module.to(device).to(memory_format=torch.channels_last)


ALIGNED = 8
"""Numbers: two times 16 bytes in float32, 16 in bfloat16."""


class Masters:
    """The float32 parameters of a module, in one piece of memory, so that a step of the optimiser is few operations.

    What the module computes in are parts of it, or copies where it computes in less.
    """

    def __init__(self, module: nn.Module) -> None:
        """Made before `computing`, so that no digit of the initial weights is lost."""
        self._module = module
        self._initial = [parameter.detach().clone() for parameter in module.parameters()]
        self._computed: list[nn.Parameter] = []
        self._parts: list[Tensor] = []
        self._slopes: list[Tensor] = []
        self._copies: list[Tensor] = []
        self._copied: list[Tensor] = []
        self._uncounted: list[_BatchNorm] = []
        self.weights: list[nn.Parameter] = []
        """Kernels and matrices, one after another, as one parameter; empty where there are none."""
        self.others: list[nn.Parameter] = []
        """Those of norms and biases."""

    @torch.no_grad()
    def bind(self) -> Masters:
        """Look at what the module computes in now; its float32 parameters become parts of the masters.

        On a GPU its norms count no batches, which would be a launch each a step.
        """
        self._computed = list(self._module.parameters())
        on_cpu = all(parameter.is_cpu for parameter in self._computed)
        self._uncounted = [] if on_cpu else [part for part in self._module.modules() if isinstance(part, _BatchNorm)]
        for norm in self._uncounted:
            norm.num_batches_tracked = None
        places = {**self._joined(self.weights, kernels=True), **self._joined(self.others, kernels=False)}
        self._parts, self._slopes = map(list, zip(*(places[parameter] for parameter in self._computed), strict=True))
        for initial, part, parameter in zip(self._initial, self._parts, self._computed, strict=True):
            part.copy_(initial)
            if parameter.dtype == torch.float32:
                parameter.data = part
            else:
                self._copies.append(parameter)
                self._copied.append(part)
        self._initial = []
        return self

    def _joined(self, parameters: list[nn.Parameter], *, kernels: bool) -> dict[nn.Parameter, tuple[Tensor, Tensor]]:
        """Make one parameter of many; where each of them, and its gradient, lies in it, in memory as it is now."""
        chosen = [parameter for parameter in self._computed if (parameter.dim() > 1) == kernels]
        if not chosen:
            return {}
        *starts, end = starts_of([p.numel() for p in chosen], 1 if chosen[0].device.type == "cpu" else ALIGNED)
        joined = nn.Parameter(torch.zeros(end, device=chosen[0].device))
        joined.grad = torch.zeros_like(joined)
        parameters.append(joined)
        return {
            p: (
                joined.data.as_strided(p.size(), p.stride(), start),
                joined.grad.as_strided(p.size(), p.stride(), start),
            )
            for p, start in zip(chosen, starts, strict=True)
        }

    @property
    def all(self) -> list[nn.Parameter]:
        """Weights, then others."""
        return [*self.weights, *self.others]

    def forget(self) -> None:
        """Let go of the gradients that the module computed."""
        for parameter in self._computed:
            parameter.grad = None

    def gather(self) -> None:
        """Gradients as the module computed them, to the masters."""
        by_type: dict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = {}
        for slope, parameter in zip(self._slopes, self._computed, strict=True):
            if parameter.grad is not None:
                slopes, gradients = by_type.setdefault(parameter.grad.dtype, ([], []))
                slopes.append(slope)
                gradients.append(parameter.grad)
        for slopes, gradients in by_type.values():  # of one type, they are few kernels; mixed, one copy each
            torch._foreach_copy_(slopes, gradients)

    @torch.no_grad()
    def spread(self) -> None:
        """Masters as the optimiser left them, to what the module has copies of."""
        if self._copies:
            torch._foreach_copy_(self._copies, self._copied)

    def restore(self, steps: int = 0) -> nn.Module:
        """The module with float32 parameters of its own, the masters' numbers in them, after so many steps."""
        for parameter, part in zip(self._computed, self._parts, strict=True):
            parameter.data = part.clone()
        for norm in self._uncounted:
            norm.num_batches_tracked = torch.tensor(steps)
        return self._module


def starts_of(sizes: Sequence[int], alignment: int) -> list[int]:
    """Where tensors of these sizes begin one after another, each at a multiple of the alignment; last, where all end.

    Convolutions on a GPU want their weights at multiples of 16 bytes, and are slow or refuse elsewhere.
    """
    return list(accumulate((-(-size // alignment) * alignment for size in sizes), initial=0))
