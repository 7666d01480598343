"""Random changes to a batch of images, as operations on the whole batch.

All random numbers of an epoch are drawn beforehand, on the CPU, so that they don't depend on the device, and a step
needs nothing from outside.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from nas.study import Recipe

TRIES = 10
"""Rectangles that are drawn for an image, of which the first that fits into it is erased, as in torchvision."""
AREA = (0.02, 0.4)
"""Of an erased rectangle, as shares of the image, uniform between them."""
ASPECT = (0.3, 3.3)
"""Its height over its width; the logarithm is uniform between them."""


class Draws(NamedTuple):
    """The random numbers of an epoch; what the recipe doesn't need is empty."""

    order: Tensor
    """Indices of the images of each step: (steps, batch)."""
    mirrored: Tensor
    """Whether an image is mirrored: (steps, batch)."""
    offsets: Tensor
    """Where an image is cut from its padded self, rows and columns, in pixels: (steps, 2, batch)."""
    places: Tensor
    """Where the centre of an erased square lies, as shares of height and width: (steps, 2, batch)."""
    angles: Tensor
    """By how much an image is turned, in radians: (steps, batch)."""
    struck: Tensor
    """Whether a rectangle of an image is erased: (steps, batch)."""
    rectangles: Tensor
    """Share of the area, and height over width, of the rectangles that are tried: (steps, 2, batch, tries)."""
    corners: Tensor
    """Where a rectangle lies, as shares of the free rows above and columns to the left: (steps, 2, batch)."""
    partners: Tensor
    """Which image of the batch another one is mixed with: (steps, batch)."""
    shares: Tensor
    """What remains of an image that is mixed: (steps, 1)."""

    def to(self, device: torch.device) -> Draws:
        """Copies on a device; there, they are overwritten by `take`."""
        return Draws(*(tensor.to(device, copy=True) for tensor in self))

    def take(self, others: Draws) -> None:
        """Become others, in place."""
        for mine, other in zip(self, others, strict=True):
            mine.copy_(other)

    def at(self, step: Tensor) -> Draws:
        """The numbers of one step, given as a tensor of shape (1,) on the same device: a device isn't waited for."""
        return Draws(*(tensor.index_select(0, step).squeeze(0) if len(tensor) else tensor for tensor in self))


def draw(recipe: Recipe, count: int, generator: torch.Generator) -> Draws:
    """Numbers for one pass over `count` images; an incomplete last batch is left out."""
    size = min(recipe.batch_size, count)
    steps = count // size
    order = torch.randperm(count, generator=generator)[: steps * size].view(steps, size)

    def uniform(needed: float, *shape: int) -> Tensor:
        return torch.rand((steps if needed else 0, *shape), generator=generator)

    erased = recipe.random_erasing
    return Draws(  # in this order: what an older recipe draws stays as it was
        order=order,
        mirrored=uniform(recipe.flip, size) < 0.5,
        offsets=torch.randint(2 * recipe.crop + 1, (steps if recipe.crop else 0, 2, size), generator=generator),
        places=uniform(recipe.erase, 2, size),
        angles=math.radians(recipe.rotation) * (2 * uniform(recipe.rotation, size) - 1),
        struck=uniform(erased, size) < erased,
        rectangles=_rectangles(uniform(erased, 2, size, TRIES)),
        corners=uniform(erased, 2, size),
        partners=uniform(recipe.mixup, size).argsort(1),
        shares=_beta(recipe.mixup, uniform(recipe.mixup, 1)),
    )


def _rectangles(numbers: Tensor) -> Tensor:
    """Area and aspect ratio from numbers that are uniform in [0, 1): (steps, 2, batch, tries)."""
    areas, ratios = numbers.unbind(1)
    low, high = map(math.log, ASPECT)
    return torch.stack([AREA[0] + (AREA[1] - AREA[0]) * areas, (low + (high - low) * ratios).exp()], 1)


def _beta(alpha: float, numbers: Tensor) -> Tensor:
    """Numbers of Beta(alpha, alpha) from as many that are uniform in [0, 1): its quantiles."""
    if not alpha:
        return numbers
    from scipy.special import betaincinv  # takes its time, which only mixup spends

    return torch.from_numpy(betaincinv(alpha, alpha, numbers.double().numpy())).float()


def augment(images: Tensor, recipe: Recipe, draws: Draws) -> Tensor:
    """Flip, turn, crop, erase and mix as the recipe says; images are normalised, (batch, channels, height, width)."""
    if recipe.flip:
        images = flip(images, draws.mirrored)
    if recipe.rotation:
        images = rotate(images, draws.angles)
    if recipe.crop:
        images = crop(images, recipe.crop, draws.offsets)
    if recipe.erase:
        images = erase(images, recipe.erase, draws.places)
    if recipe.random_erasing:
        images = erase_rectangles(images, draws.struck, draws.rectangles, draws.corners)
    if recipe.mixup:
        images = mix(images, draws.partners, draws.shares)
    return images


def flip(images: Tensor, mirrored: Tensor) -> Tensor:
    """Images mirrored left to right where `mirrored` (batch,) says so."""
    return torch.where(mirrored.view(-1, 1, 1, 1), images.flip(3), images)


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """Each image turned counter-clockwise by an angle (batch,) in radians, bilinearly; the edge is repeated outside."""
    _, _, height, width = images.shape
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    down = (torch.arange(height, device=images.device) - (height - 1) / 2)[:, None]  # pixels from the middle
    right = (torch.arange(width, device=images.device) - (width - 1) / 2)[None, :]
    columns = (cosine * right - sine * down) * (2 / width)  # (batch, height, width), in [-1, 1] inside
    rows = (sine * right + cosine * down) * (2 / height)
    grid = torch.stack([columns, rows], 3)
    turned = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return turned.contiguous(memory_format=torch.channels_last)


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
    """Cutout: a square of each image set to 0, the mean of normalised images, around `places` (2, batch) in [0, 1)."""
    _, _, height, width = images.shape
    tops = (places[0] * height).floor() - edge // 2
    lefts = (places[1] * width).floor() - edge // 2
    return _without(images, tops, torch.full_like(tops, edge), lefts, torch.full_like(lefts, edge))


def erase_rectangles(images: Tensor, struck: Tensor, rectangles: Tensor, corners: Tensor) -> Tensor:
    """Random erasing: a rectangle of each image that is struck (batch,) set to 0, the mean of normalised images.

    It is the first of those that are tried, (2, batch, tries), which is lower and narrower than the image; where none
    is, the image stays. It lies at `corners` (2, batch) in [0, 1), always whole inside.
    """
    _, _, height, width = images.shape
    areas, ratios = rectangles[0] * (height * width), rectangles[1]
    tried_heights, tried_widths = (areas * ratios).sqrt().round(), (areas / ratios).sqrt().round()  # (batch, tries)
    fits = (tried_heights < height) & (tried_widths < width)
    first = fits.int().argmax(1, keepdim=True)
    heights, widths = (tried.gather(1, first).squeeze(1) for tried in (tried_heights, tried_widths))
    heights = torch.where(struck & fits.any(1), heights, 0.0)
    tops, lefts = (corners[0] * (height - heights + 1)).floor(), (corners[1] * (width - widths + 1)).floor()
    return _without(images, tops, heights, lefts, widths)


def mix(images: Tensor, partners: Tensor, share: Tensor) -> Tensor:
    """A share (1,) of each image, and for the rest its partner (batch,)."""
    others = images.permute(0, 2, 3, 1).index_select(0, partners).permute(0, 3, 1, 2)  # channels stay last in memory
    return torch.lerp(others, images, share)


def _without(images: Tensor, tops: Tensor, heights: Tensor, lefts: Tensor, widths: Tensor) -> Tensor:
    """A rectangle of each image set to 0."""
    inside_rows = _between(torch.arange(images.shape[2], device=images.device), tops, heights)  # (batch, height)
    inside_columns = _between(torch.arange(images.shape[3], device=images.device), lefts, widths)  # (batch, width)
    rectangle = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return torch.where(rectangle, 0.0, images)  # masked_fill would put the channels first in memory


def _between(positions: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
    first = starts[:, None]
    return (positions >= first) & (positions < first + lengths[:, None])
