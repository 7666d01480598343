"""Norms with their sums and ReLUs on a GPU, as functions of tensors: two launches each way, or one for few rows.

A network's shapes are numbers at run time, so few kernels serve all networks: the kinds of a norm, times three widths
of a block, times whether channels come in eights. Each is compiled when it is first launched, which no recording does,
for what is recorded has run before.

R rows, C channels, P parts.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nas.training.kernels import triton_kernels

FEW = 2048
"""Rows up to which a norm is one launch."""
PARTS = 64
"""Blocks of rows at most, whose sums every program reads."""
SHORTEST = 256
"""Rows of a block at least."""
TILE = 4096
"""Numbers that a program holds at once."""
KINDS = ((False, False), (False, True), (True, True))
"""Whether a norm adds, and whether it rectifies: what networks have."""
WIDTHS = (8, 24, 136)
"""Channels that are divided into blocks of every width."""
LAUNCHING = threading.Lock()
"""Held while a kernel is launched, because launching may compile and load it: once, whoever comes first."""


class Grid:
    """How a norm's rows and channels are divided among programs."""

    def __init__(self, x: Tensor) -> None:
        self.channels = x.shape[1]
        self.rows = x.numel() // self.channels
        self.whole = self.rows <= FEW
        self.wide = 16 if self.whole or self.channels <= 16 else 32 if self.channels <= 128 else 64
        """Channels of a program; a batch of few rows has many programs only if each has few."""
        self.block = self.rows if self.whole else max(SHORTEST, -(-self.rows // PARTS))
        """Rows of a program."""
        self.parts = -(-self.rows // self.block)
        unit = 1 if self.channels % 8 else 8
        self.sizes = (self.rows, self.channels // unit, self.block)
        self.tile: dict[str, Any] = {"unit": unit, "tile": TILE // self.wide, "wide": self.wide}

    @property
    def programs(self) -> tuple[int, int]:
        """Blocks of rows, blocks of channels."""
        return self.parts, -(-self.channels // self.wide)

    def sums(self, x: Tensor) -> Tensor:
        """Where the parts leave two numbers a channel: (2, P, C)."""
        return x.new_empty((2, self.parts, self.channels), dtype=torch.float32)


def normalize(x: Tensor, added: Tensor | None, norm: nn.BatchNorm2d, rectified: bool) -> tuple[Tensor, Tensor]:
    """`max(norm(x) + added, 0)` by the batch's own statistics, and what the backward pass needs of these: (2, C)."""
    grid, y, other = Grid(x), torch.empty_like(x), x if added is None else added
    found = x.new_empty((2, grid.channels), dtype=torch.float32)
    parts = found if grid.whole else grid.sums(x)
    with LAUNCHING:
        if not grid.whole:
            triton_kernels.part[grid.programs](x, parts, *grid.sizes, grid.parts, **grid.tile)
        triton_kernels.normalize[grid.programs](
            *(x, other, y, norm.weight, norm.bias, norm.running_mean, norm.running_var, found, parts),
            *(*grid.sizes, grid.parts, norm.momentum, norm.eps),
            **_kind(added is not None, rectified, grid),
        )
    return y, found


def descend(
    slope: Tensor, x: Tensor, y: Tensor, weight: Tensor, found: Tensor, *, rectified: bool, added: bool
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """Gradients of `normalize`: of the input, of what was added, of the factors and of the offsets."""
    grid, back, aside = Grid(x), torch.empty_like(x), torch.empty_like(x) if added else None
    by_weight, by_bias = torch.empty_like(weight), torch.empty_like(weight)
    parts = found if grid.whole else grid.sums(x)
    with LAUNCHING:
        if not grid.whole:
            triton_kernels.slope_part[grid.programs](
                x, y, slope, found, parts, *grid.sizes, grid.parts, rectifies=rectified, **grid.tile
            )
        triton_kernels.descend[grid.programs](
            *(x, y, slope, weight, found, back, back if aside is None else aside, by_weight, by_bias, parts),
            *(*grid.sizes, grid.parts),
            **_kind(added, rectified, grid),
        )
    return back, aside, by_weight, by_bias


def evaluate(x: Tensor, added: Tensor | None, norm: nn.BatchNorm2d, rectified: bool) -> Tensor:
    """`max(norm(x) + added, 0)` by the running statistics."""
    grid, y, other = Grid(x), torch.empty_like(x), x if added is None else added
    with LAUNCHING:
        triton_kernels.evaluate[grid.programs](
            *(x, other, y, norm.weight, norm.bias, norm.running_mean, norm.running_var, *grid.sizes, norm.eps),
            adds=added is not None,
            rectifies=rectified,
            **grid.tile,
        )
    return y


def launch_all(
    device: torch.device,
    dtype: torch.dtype,
    kinds: Sequence[tuple[bool, bool]] = KINDS,
    widths: Sequence[int] = WIDTHS,
) -> None:
    """Launch every kernel once, each way, on few rows and on many: with a sum or without, with a ReLU or without."""
    for channels in widths:
        norm = nn.BatchNorm2d(channels, device=device)
        for batch in (1, 1 + FEW // 64):
            x = torch.zeros(batch, channels, 8, 8, dtype=dtype, device=device).to(memory_format=torch.channels_last)
            for adds, rectifies in kinds:
                added = x if adds else None
                y, found = normalize(x, added, norm, rectifies)
                descend(x, x, y, norm.weight, found, rectified=rectifies, added=adds)
                evaluate(x, added, norm, rectifies)


def total(one: Tensor, other: Tensor) -> Tensor:
    """Their sum."""
    return one + other


def _kind(added: bool, rectified: bool, grid: Grid) -> dict[str, Any]:
    return {"adds": added, "rectifies": rectified, "whole": grid.whole, "most": PARTS, **grid.tile}
