"""Norms with the ReLU behind them, and with the sum before it, as one operation each way.

    conv - norm - ReLU                     the norm rectifies
    (... - norm) + shortcut - ReLU         the branch's last norm adds the shortcut and rectifies

The same function and gradient as torch's operators; in bfloat16 what lies between them isn't rounded. They are loops
that Numba compiles on a CPU (`compiled_norms.py`) and Triton kernels on a GPU (`triton_norms.py`). Where these can't be
had, or don't know what they meet, torch's operators do the same.
"""

from __future__ import annotations

import logging
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


def code_for(device: torch.device) -> ModuleType | None:
    """What computes norms on a device; None where torch has to."""
    return loops() if device.type == "cpu" else kernels()


@lru_cache(maxsize=1)
def loops() -> ModuleType | None:
    """The compiled loops; None where Numba isn't installed, is switched off, or doesn't work with this NumPy."""
    try:
        import numba

        from nas.training.kernels import compiled_norms
    except (ImportError, OSError) as error:
        logger.warning("networks train more slowly on CPUs, because Numba can't be used: %s", error)
        return None
    return None if numba.config.DISABLE_JIT else compiled_norms


@lru_cache(maxsize=1)
def kernels() -> ModuleType | None:
    """The Triton kernels; None where Triton isn't installed, or has no C compiler for what launches them."""
    try:
        from nas.training.kernels import triton_norms

        triton_norms.launch_all(torch.device("cuda"), torch.float32, kinds=[(False, False)], widths=[8])
    except Exception as error:  # noqa: BLE001  # whatever its compilers raise
        logger.warning("networks train more slowly on GPUs, because Triton can't be used: %s", error)
        return None
    return triton_norms


def warm(device: torch.device, dtype: torch.dtype) -> None:
    """Compile norms for an arithmetic, or read them from disk: seconds that no training should be charged with.

    On a GPU, all kernels that networks whose channels come in eights need; its libraries start with it, too.
    """
    code = code_for(device)
    if code and device.type == "cuda":
        code.launch_all(device, dtype)
    block = Residual(nn.Sequential(nn.BatchNorm2d(4)), nn.Sequential())
    module = nn.Sequential(*([] if device.type == "cpu" else [nn.Conv2d(4, 4, 3, padding=1)]), block, nn.ReLU())
    for part in module.to(device).modules():
        if isinstance(part, nn.Conv2d):
            part.to(dtype)
    if code:
        fuse(module, code, device)
    x = torch.ones(2, 4, 2, 2, dtype=dtype, device=device).to(memory_format=torch.channels_last).requires_grad_()
    torch.autograd.backward(module(x).sum())
    with torch.inference_mode():
        module.eval()(x)


class Normalized(torch.autograd.Function):
    """`max(norm(x) + added, 0)`, or without the ReLU, with its gradients; statistics of the batch."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor, norm: FastNorm) -> Tensor:
        """Weight and bias are the norm's."""
        y: Tensor
        y, found = norm.code.normalize(x, added, norm, norm.rectified)
        ctx.save_for_backward(x, y if norm.rectified else x, weight, found)
        ctx.code, ctx.rectified = norm.code, norm.rectified
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, Tensor, Tensor, None]:
        """Of all tensors that came in."""
        x, y, weight, found = ctx.saved_tensors
        found_gradients: tuple[Tensor, Tensor | None, Tensor, Tensor] = ctx.code.descend(
            _as(gradients[0], x), x, y, weight, found, rectified=ctx.rectified, added=ctx.needs_input_grad[1]
        )
        return *found_gradients, None


class Forked(torch.autograd.Function):
    """The same images twice; their two gradients are added as norms are computed."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, code: ModuleType) -> tuple[Tensor, Tensor]:
        """Nothing is copied."""
        ctx.code = code
        return x.view_as(x), x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Their sum."""
        one = gradients[0].contiguous(memory_format=torch.channels_last)
        return ctx.code.total(one, _as(gradients[1], one)), None


class FastNorm(nn.BatchNorm2d):
    """A norm that may rectify what it normalised, and add to it before."""

    rectified: bool
    """Whether a ReLU is behind."""
    code: ModuleType
    """What computes it: `compiled_norms` or `triton_norms`."""
    on_cuda: bool
    """Where that computes; elsewhere torch's operators do."""

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """As one operation where it is known what it meets."""
        if not (self.known(x) and (added is None or _alike(added, x))):
            return self._by_torch(x, added)
        if self.training:
            parameters = self._parameters  # looked up by name, they take a third of what a small norm does
            y: Tensor = Normalized.apply(x, added, parameters["weight"], parameters["bias"], self)
            return y
        evaluated: Tensor = self.code.evaluate(x, added, self, self.rectified)
        return evaluated

    def known(self, x: Tensor) -> bool:
        """Whether it can be one operation for such images."""
        if x.dtype not in (torch.bfloat16, torch.float32) or x.dim() != 4 or x.numel() <= x.shape[1]:
            return False
        usual = x.is_cuda == self.on_cuda and cast(Tensor, self._parameters["weight"]).dtype == torch.float32
        return usual and (self.training or not torch.is_grad_enabled()) and _rows(x)

    def _by_torch(self, x: Tensor, added: Tensor | None) -> Tensor:
        y = super().forward(x)
        y = y if added is None else y + added
        return functional.relu(y) if self.rectified else y


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


def fuse(module: nn.Module, code: ModuleType, device: torch.device) -> None:
    """Have norms on a device compute with the ReLUs and sums behind them, everywhere inside; names stay."""
    for part in module.modules():
        if type(part) is nn.BatchNorm2d and part.affine and part.track_running_stats and part.momentum is not None:
            part.__class__ = FastNorm  # in place, as in `nas.training.kernels.convolution.specialise`
            part.rectified, part.code = False, code  # type: ignore[assignment]
            part.on_cuda = device.type == "cuda"  # type: ignore[assignment]
    for row in [part for part in module.modules() if type(part) is nn.Sequential]:
        for (_, before), (name, after) in pairwise(list(row.named_children())):
            if type(after) is nn.ReLU and _rectifies(before):
                row._modules[name] = nn.Identity()


def _rectifies(part: nn.Module) -> bool:
    """Whether the last norm of a part takes over the ReLU behind it."""
    last = next(reversed(list(_row(part))), None)
    if type(last) is FastNorm:
        last.rectified = True
        return True
    if type(last) is Residual:
        norm = next(reversed(list(_row(last.branch))), None)
        if type(norm) is FastNorm and not norm.rectified:
            norm.rectified = True
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
