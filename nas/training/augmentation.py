"""Random changes to a batch of images, as operations on the whole batch.

All random numbers of an epoch are drawn beforehand, on the CPU, so that they don't depend on the device, and a step
needs nothing from outside.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nas.study import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """The random numbers of an epoch; what the recipe doesn't need is empty."""

    order: Tensor
    """Indices of the images of each step: (steps, batch)."""
    mirrored: Tensor
    """Whether an image is mirrored: (steps, batch)."""
    offsets: Tensor
    """Where an image is cut from its padded self, rows and columns, in pixels: (steps, 2, batch)."""
    places: Tensor
    """Where the centre of an erased square lies, as shares of height and width: (steps, 2, batch)."""

    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        return self.order, self.mirrored, self.offsets, self.places

    def to(self, device: torch.device) -> Draws:
        """Copies on a device; there, they are overwritten by `take`."""
        order, mirrored, offsets, places = (tensor.to(device, copy=True) for tensor in self.tensors())
        return Draws(order=order, mirrored=mirrored, offsets=offsets, places=places)

    def take(self, others: Draws) -> None:
        """Become others, in place."""
        for mine, other in zip(self.tensors(), others.tensors(), strict=True):
            mine.copy_(other)

    def at(self, step: Tensor) -> Draws:
        """The numbers of one step, given as a tensor of shape (1,) on the same device: a device isn't waited for."""
        order, mirrored, offsets, places = (
            tensor.index_select(0, step).squeeze(0) if len(tensor) else tensor for tensor in self.tensors()
        )
        return Draws(order=order, mirrored=mirrored, offsets=offsets, places=places)


def draw(recipe: Recipe, count: int, generator: torch.Generator) -> Draws:
    """Numbers for one pass over `count` images; an incomplete last batch is left out."""
    size = min(recipe.batch_size, count)
    steps = count // size
    order = torch.randperm(count, generator=generator)[: steps * size].view(steps, size)
    mirrored = torch.rand((steps if recipe.flip else 0, size), generator=generator) < 0.5
    offsets = torch.randint(2 * recipe.crop + 1, (steps if recipe.crop else 0, 2, size), generator=generator)
    places = torch.rand((steps if recipe.erase else 0, 2, size), generator=generator)
    return Draws(order=order, mirrored=mirrored, offsets=offsets, places=places)


def augment(images: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """Flip, crop and erase as the recipe says; images are normalised, (batch, channels, height, width)."""
    if recipe.flip:
        images = flip(images, draws.mirrored)
    if recipe.crop:
        images = crop(images, recipe.crop, draws.offsets)
    if recipe.erase:
        images = erase(images, recipe.erase, draws.places)
    return images


def flip(images: Tensor, mirrored: Tensor) -> Tensor:
    """Images mirrored left to right where `mirrored` (batch,) says so."""
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)


def crop(images: Tensor, padding: int, offsets: Tensor) -> Tensor:
    """Each image cut from its padded self at `offsets` (2, batch), 0 to 2 x padding; the edge is repeated outside."""
    count, _, height, width = images.shape
    padded = functional.pad(images, (padding,) * 4, mode="replicate")
    rows = offsets[0, :, None] + torch.arange(height, device=images.device)  # (batch, height)
    columns = offsets[1, :, None] + torch.arange(width, device=images.device)  # (batch, width)
    batch = torch.arange(count, device=images.device)[:, None, None]
    # channels last in, channels last out: the index puts the channels behind rows and columns
    return padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def erase(images: Tensor, edge: int, places: Tensor) -> Tensor:
    """A square of each image set to 0, the mean of normalised images, around `places` (2, batch) in [0, 1)."""
    _, _, height, width = images.shape
    tops = (places[0] * height).floor() - edge // 2
    lefts = (places[1] * width).floor() - edge // 2
    inside_rows = _between(torch.arange(height, device=images.device), tops, edge)  # (batch, height)
    inside_columns = _between(torch.arange(width, device=images.device), lefts, edge)  # (batch, width)
    square = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return torch.where(square, 0.0, images)  # masked_fill would put the channels first in memory


def _between(positions: Tensor, starts: Tensor, length: int) -> Tensor:
    first = starts[:, None]
    return (positions >= first) & (positions < first + length)
