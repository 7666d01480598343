"""Norms with the ReLU behind them, and with the sum before it, as one operation each way.

    conv - norm - ReLU                     the norm rectifies
    (... - norm) + shortcut - ReLU         the branch's last norm adds the shortcut and rectifies

The same function and gradient as torch's operators; in bfloat16 what lies between them isn't rounded. Where the
compiled loops (`nas.training.kernels.compiled`) can't be had, or don't know what they meet, torch's operators do the
same.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas.training.modules import Residual

logger = logging.getLogger(__name__)

OPEN = -math.inf
"""The floor of a norm without a ReLU."""


@lru_cache(maxsize=1)
def loops() -> ModuleType | None:
    """The compiled loops; None where Numba isn't installed, is switched off, or doesn't work with this NumPy."""
    try:
        import numba

        from nas.training.kernels import compiled
    except (ImportError, OSError) as error:
        logger.warning("networks train more slowly on CPUs, because Numba can't be used: %s", error)
        return None
    return None if numba.config.DISABLE_JIT else compiled


def warm(dtype: torch.dtype) -> None:
    """Compile the loops for an arithmetic, or read them from disk: seconds that no training should be charged with."""
    block = Residual(nn.Sequential(nn.BatchNorm2d(4)), nn.Sequential())
    module = nn.Sequential(block, nn.ReLU())
    fuse(module)
    x = torch.ones(2, 4, 2, 2, dtype=dtype, requires_grad=True).to(memory_format=torch.channels_last)
    torch.autograd.backward(module(x).sum())
    with torch.inference_mode():
        module.eval()(x)


class Normalized(torch.autograd.Function):
    """`max(norm(x) + added, floor)` with its gradients; statistics of the batch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor, norm: FastNorm) -> Tensor:
        """Two passes over the images."""
        code, buffers, width = norm.code, cast(dict[str, Tensor], norm._buffers), x.shape[1]
        found = torch.empty(4, width)  # mean, 1 / deviation, factor, offset
        y = torch.empty_like(x)
        places = (buffers[name].data_ptr() for name in ("running_mean", "running_var", "num_batches_tracked"))
        code.normalize(
            *(x.data_ptr(), 0 if added is None else added.data_ptr(), y.data_ptr(), weight.data_ptr()),
            *(bias.data_ptr(), *places, found.data_ptr()),
            *(x.numel() // width, width, norm.momentum, norm.eps, norm.floor, _like(code, x)),
        )
        ctx.save_for_backward(x, y if norm.floor > OPEN else x, weight, found)
        ctx.code, ctx.floor = code, norm.floor
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, Tensor, Tensor, None]:
        """Two passes, and one for what was added."""
        x, y, weight, found = ctx.saved_tensors
        slope = _as(gradients[0], x)
        back, by_weight, by_bias = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)
        aside = torch.empty_like(x) if ctx.needs_input_grad[1] else None
        ctx.code.descend(
            *(x.data_ptr(), y.data_ptr(), slope.data_ptr(), weight.data_ptr(), found.data_ptr(), back.data_ptr()),
            *(0 if aside is None else aside.data_ptr(), by_weight.data_ptr(), by_bias.data_ptr()),
            *(x.numel() // x.shape[1], x.shape[1], ctx.floor, _like(ctx.code, x)),
        )
        return back, aside, by_weight, by_bias, None


class Forked(torch.autograd.Function):
    """The same images twice; their two gradients are added in a compiled loop."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, code: ModuleType) -> tuple[Tensor, Tensor]:
        """Nothing is copied."""
        ctx.code = code
        return x.view_as(x), x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Their sum."""
        one = gradients[0].contiguous(memory_format=torch.channels_last)
        other, total = _as(gradients[1], one), torch.empty_like(one)
        ctx.code.add(one.data_ptr(), other.data_ptr(), total.data_ptr(), one.numel(), _like(ctx.code, one))
        return total, None


class FastNorm(nn.BatchNorm2d):
    """A norm that may rectify what it normalised, and add to it before."""

    floor: float
    """0 with a ReLU behind."""
    code: ModuleType
    """The compiled loops."""

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """In compiled loops where they know what they meet."""
        if not (self.known(x) and (added is None or _alike(added, x))):
            return self._by_torch(x, added)
        if self.training:
            parameters = self._parameters  # looked up by name, they take a third of what a small norm does
            y: Tensor = Normalized.apply(x, added, parameters["weight"], parameters["bias"], self)
            return y
        return self._evaluated(x, added)

    def known(self, x: Tensor) -> bool:
        """Whether the compiled loops do for such images."""
        if x.dtype not in (torch.bfloat16, torch.float32) or x.dim() != 4 or x.numel() <= x.shape[1]:
            return False
        usual = x.is_cpu and cast(Tensor, self._parameters["weight"]).dtype == torch.float32
        return usual and (self.training or not torch.is_grad_enabled()) and _rows(x)

    def _evaluated(self, x: Tensor, added: Tensor | None) -> Tensor:
        """By running mean and variance; no gradients."""
        mean, variance = self.running_mean, self.running_var
        factor = self.weight * torch.rsqrt(variance + self.eps)  # type: ignore[operator, arg-type]
        offset = self.bias - mean * factor  # type: ignore[operator]
        y = torch.empty_like(x)
        rows, to_add = x.numel() // x.shape[1], 0 if added is None else added.data_ptr()
        places = (x.data_ptr(), to_add, y.data_ptr(), factor.data_ptr(), offset.data_ptr())
        self.code.scale(*places, rows, x.shape[1], self.floor, _like(self.code, x))
        return y

    def _by_torch(self, x: Tensor, added: Tensor | None) -> Tensor:
        y = super().forward(x)
        y = y if added is None else y + added
        return y if self.floor == OPEN else functional.relu(y)


class RectifiedSum(Residual):
    """Branch plus shortcut and a ReLU, both computed by the last norm of the branch."""

    def forward(self, x: Tensor) -> Tensor:
        """Both see the same input."""
        *before, last = _row(self.branch)
        norm = cast(FastNorm, last)
        aside = x
        if x.requires_grad and norm.known(x):
            x, aside = Forked.apply(x, norm.code)
        shortcut = self.shortcut(aside)
        for part in before:
            x = part(x)
        y: Tensor = norm(x, shortcut)
        return y


def fuse(module: nn.Module) -> None:
    """Have norms compute in compiled loops, everywhere inside, with the ReLUs and sums behind them; names stay."""
    if (code := loops()) is None:
        return
    for part in module.modules():
        if type(part) is nn.BatchNorm2d and part.affine and part.track_running_stats and part.momentum is not None:
            part.__class__ = FastNorm  # in place, as in `nas.training.kernels.convolution.specialise`
            part.floor, part.code = OPEN, code  # type: ignore[assignment]
    for row in [part for part in module.modules() if type(part) is nn.Sequential]:
        for (_, before), (name, after) in pairwise(list(row.named_children())):
            if type(after) is nn.ReLU and _rectifies(before):
                row._modules[name] = nn.Identity()


def _rectifies(part: nn.Module) -> bool:
    """Whether the last norm of a part takes over the ReLU behind it."""
    last = next(reversed(list(_row(part))), None)
    if type(last) is FastNorm:
        last.floor = 0.0
        return True
    if type(last) is Residual:
        norm = next(reversed(list(_row(last.branch))), None)
        if type(norm) is FastNorm and norm.floor == OPEN:
            norm.floor = 0.0
            last.__class__ = RectifiedSum
            return True
    return False


def _row(part: nn.Module) -> Iterator[nn.Module]:
    """The modules that are called one after another."""
    if type(part) is not nn.Sequential:
        yield part
        return
    for child in part:
        yield from _row(child)


def _rows(x: Tensor) -> bool:
    """Whether it lies in memory as rows of one number for each channel."""
    return x.is_contiguous(memory_format=torch.channels_last)


def _alike(x: Tensor, other: Tensor) -> bool:
    return x.shape == other.shape and x.dtype == other.dtype and _rows(x)


def _as(x: Tensor, other: Tensor) -> Tensor:
    """In memory like another one."""
    return x if _alike(x, other) else x.to(other.dtype).contiguous(memory_format=torch.channels_last)


def _like(code: ModuleType, x: Tensor) -> Any:
    """What stands for the type of the images."""
    return code.HALF if x.dtype == torch.bfloat16 else code.SINGLE
