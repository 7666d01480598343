"""Activation checkpointing: blocks keep their input alone, and compute the rest again in the backward pass.

Less memory for about a forward pass more, and the same numbers to the bit: the backward pass is that of the first
forward pass, and finds equal tensors. For that, the second one leaves running statistics alone and repeats the dropout
of the first, whose masks are kept, a byte an element: a generator's state can't be read while a GPU's steps are
recorded. `torch.utils.checkpoint` knows neither statistics nor a generator of one's own, and what it keeps can't be
counted.

A block is a residual, a concatenation, or a row of layers that has none of these inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from nas.training.modules import Concatenation, DenseConcatenation, OwnDropout, Residual

JOINED = (Residual, Concatenation, DenseConcatenation)
Watch = Callable[[list[Tensor], list[Tensor]], None]
"""Takes what was kept of a block, and what is computed again."""


class Enough(Exception):
    """All that the backward pass needs is computed."""


class RepeatedDropout(OwnDropout):
    """Dropout that can fall again as it fell before."""

    mask: Tensor | None = None
    """What stayed in the first pass."""
    repeats: bool = False
    """Whether this is the second pass."""

    def noise(self, x: Tensor) -> Tensor:
        """Drawn in the first pass only."""
        if self.repeats and self.mask is not None:
            return self.mask.to(x.dtype)
        noise = super().noise(x)
        self.mask = noise.bool()
        return noise


class Recomputed:
    """The forward pass of a block that computes its activations again when the backward pass asks for them."""

    def __init__(self, block: nn.Module) -> None:
        self._block, self._forward = block, block.forward
        self._dropouts = [part for part in block.modules() if isinstance(part, RepeatedDropout)]
        self._statistics = [
            (part, {name: None if buffer is None else buffer.clone() for name, buffer in part._buffers.items()})
            for part in block.modules()
            if part._buffers
        ]
        self.watch: Watch | None = None
        """Told in each backward pass."""

    def __call__(self, x: Tensor) -> Tensor:
        """As the block; of what autograd would keep, only the input is."""
        if not (self._block.training and torch.is_grad_enabled()):
            evaluated: Tensor = self._forward(x)
            return evaluated
        first = Pass(self, x)
        with saved_tensors_hooks(first.pack, first.unpack):
            y: Tensor = self._forward(x)
        return y

    def again(self, x: Tensor, count: int) -> list[Tensor]:
        """The first so many tensors that autograd would keep of a second pass."""
        tensors: list[Tensor] = []

        def keep(tensor: Tensor) -> Tensor:
            tensors.append(tensor.detach())
            if len(tensors) == count:
                raise Enough
            return tensors[-1]

        kept = [x, *(part.mask for part in self._dropouts if part.mask is not None)]
        hooks = saved_tensors_hooks(keep, lambda tensor: tensor)
        with suppress(Enough), torch.enable_grad(), hooks, self._repeating():
            self._forward(x.detach().requires_grad_(x.requires_grad))
        if self.watch:
            self.watch(kept, tensors)
        return tensors

    @contextmanager
    def _repeating(self) -> Iterator[None]:
        """With other running statistics, which nobody reads, and the dropout of the first pass."""
        self._swap()
        for part in self._dropouts:
            part.repeats = True
        try:
            yield
        finally:
            self._swap()
            for part in self._dropouts:
                part.repeats = False

    def _swap(self) -> None:
        for part, others in self._statistics:
            for name, other in others.items():
                others[name], part._buffers[name] = part._buffers[name], other


class Pass:
    """What the forward pass of a block leaves for the backward pass: its input, and how many tensors are to come."""

    def __init__(self, block: Recomputed, x: Tensor) -> None:
        self._block, self._x, self._count = block, x, 0
        self._tensors: dict[int, Tensor] = {}

    def pack(self, tensor: Tensor) -> int:
        """The number of a tensor in place of it."""
        self._count += 1
        return self._count - 1

    def unpack(self, number: int) -> Tensor:
        """The tensor of a number; each is asked for once."""
        if number not in self._tensors:
            self._tensors = dict(enumerate(self._block.again(self._x, self._count)))
        return self._tensors.pop(number)


def recompute(module: nn.Module) -> None:
    """Have the blocks of a network compute their activations again; its dropouts are `OwnDropout` by now."""
    for block in blocks(module):
        for part in block.modules():
            if type(part) is OwnDropout:
                part.__class__ = RepeatedDropout  # in place, as the forward pass: names and parameters stay
        block.forward = Recomputed(block)


def keep_all(module: nn.Module) -> None:
    """Have them keep their activations again."""
    for part in module.modules():
        for name in ("forward", "mask", "repeats"):
            part.__dict__.pop(name, None)


@contextmanager
def watched(module: nn.Module, watch: Watch) -> Iterator[None]:
    """Tell somebody of all blocks that compute their activations again."""
    forwards = [part.__dict__.get("forward") for part in module.modules()]
    found = [forward for forward in forwards if isinstance(forward, Recomputed)]
    for block in found:
        block.watch = watch
    try:
        yield
    finally:
        for block in found:
            block.watch = None


def blocks(module: nn.Module) -> list[nn.Module]:
    """The blocks of a network: none lies in another one."""
    if isinstance(module, JOINED):
        return [module]
    if not isinstance(module, nn.Sequential):
        return []
    inner = [block for child in module for block in blocks(child)]
    return inner or ([module] if len(module) > 1 else [])
