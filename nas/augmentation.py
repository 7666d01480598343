"""Random changes to a batch of images, as operations on the whole batch; all randomness comes from the generator."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from nas.recipe import Recipe


def augment(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Flip, crop and erase as the recipe says; images are normalised, (batch, channels, height, width)."""
    if recipe.flip:
        images = flip(images, generator)
    if recipe.crop:
        images = crop(images, recipe.crop, generator)
    if recipe.erase:
        images = erase(images, recipe.erase, generator)
    return images


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image mirrored left to right with probability 1/2."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device).view(-1, 1, 1, 1), images.flip(3), images)


def crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Each image shifted by up to `padding` pixels in both directions; the edge is repeated outside."""
    count, _, height, width = images.shape
    offsets = torch.randint(2 * padding + 1, (2, count), generator=generator).to(images.device)
    padded = functional.pad(images, (padding,) * 4, mode="replicate")
    rows = offsets[0, :, None] + torch.arange(height, device=images.device)  # (batch, height)
    columns = offsets[1, :, None] + torch.arange(width, device=images.device)  # (batch, width)
    batch = torch.arange(count, device=images.device)[:, None, None]
    # channels last in, channels last out: the index puts the channels behind rows and columns
    return padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def erase(images: Tensor, edge: int, generator: torch.Generator) -> Tensor:
    """A square of each image set to 0, the mean of normalised images; it may hang over the border."""
    count, _, height, width = images.shape
    places = torch.rand((2, count), generator=generator).to(images.device)
    tops = (places[0] * height).floor() - edge // 2
    lefts = (places[1] * width).floor() - edge // 2
    inside_rows = _between(torch.arange(height, device=images.device), tops, edge)  # (batch, height)
    inside_columns = _between(torch.arange(width, device=images.device), lefts, edge)  # (batch, width)
    square = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return torch.where(square, 0.0, images)  # masked_fill would put the channels first in memory


def _between(positions: Tensor, starts: Tensor, length: int) -> Tensor:
    first = starts[:, None]
    return (positions >= first) & (positions < first + length)
