"""Augmentation of whole batches, against loops over single images with the same random numbers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nas.study import Recipe
from nas.training.augmentation import augment, draw


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Only flipped, by random numbers of a generator."""
    return change(images, Recipe(flip=True), generator)


def crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Only cropped."""
    return change(images, Recipe(crop=padding), generator)


def erase(images: Tensor, edge: int, generator: torch.Generator) -> Tensor:
    """Only erased."""
    return change(images, Recipe(erase=edge), generator)


def change(images: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Augmented by the numbers of an epoch that is one step."""
    recipe = msgspec.structs.replace(recipe, batch_size=len(images))
    return augment(images, recipe, draw(recipe, len(images), generator).at(torch.tensor([0])))


Change = Callable[[Tensor, torch.Generator], Tensor]
CHANGES: list[tuple[str, Change]] = [
    ("flip", flip),
    ("crop", lambda images, generator: crop(images, 2, generator)),
    ("erase", lambda images, generator: erase(images, 3, generator)),
    ("all", lambda images, generator: change(images, Recipe(flip=True, crop=2, erase=3), generator)),
]
every_change = pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])


def seeded(seed: int = 0) -> torch.Generator:
    """Random numbers."""
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> Tensor:
    """Distinct non-zero pixels: (200, 3, 7, 9), channels last in memory as in training."""
    pixels = torch.arange(1.0, 200 * 3 * 7 * 9 + 1).view(200, 3, 7, 9)
    return pixels.to(memory_format=torch.channels_last)


def test_flip_mirrors_about_half(images: Tensor) -> None:
    """Each image is either untouched or its mirror image, and of 200 between 70 and 130 are mirrored (4 sigma)."""
    flipped = flip(images, seeded())
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(flipped, images, strict=True)]
    untouched = [torch.equal(a, b) for a, b in zip(flipped, images, strict=True)]
    assert [a != b for a, b in zip(mirrored, untouched, strict=True)] == [True] * 200
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize("padding", [0, 1, 3, 9])
def test_crop_cuts_the_shifted_window_of_each_image(images: Tensor, padding: int) -> None:
    """Each image equals its window, cut at the drawn offset from the image with its edge repeated `padding` times."""
    numbers = draw(Recipe(crop=padding, batch_size=len(images)), len(images), seeded(5))
    offsets = numbers.offsets[0] if padding else torch.zeros(2, len(images), dtype=torch.int64)
    found = crop(images, padding, seeded(5))
    for image, window, top, left in zip(images, found, offsets[0], offsets[1], strict=True):
        padded = functional.pad(image[None], (padding,) * 4, mode="replicate")[0]
        assert torch.equal(window, padded[:, top : top + 7, left : left + 9])


def test_crop_reaches_every_offset(images: Tensor) -> None:
    """Shifts by up to `padding` pixels to all four sides occur, and none is larger."""
    middle = crop(images, 1, seeded())[:, 0, 3, 4]  # the pixel that came from the middle or a neighbour
    shifts = {round(value) for value in (middle - images[:, 0, 3, 4]).tolist()}
    assert shifts == {9 * down + right for down in (-1, 0, 1) for right in (-1, 0, 1)}


def test_erase_sets_exactly_one_square_to_zero(images: Tensor) -> None:
    """Every pixel is as it was or 0, and the zeros are one square of the edge, in all channels, cut by the border."""
    erased = erase(images, 3, seeded())
    gone = erased == 0
    assert torch.equal(erased[~gone], images[~gone])
    assert torch.equal(gone.all(1), gone.any(1))
    for mask in gone[:, 0]:
        rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
        assert mask.sum() == len(rows) * len(columns)
        for found, size in ((rows, 7), (columns, 9)):
            whole = len(found) == 3
            at_border = len(found) == 2 and (found[0] == 0 or found[-1] == size - 1)
            assert whole or at_border
            assert found[-1] - found[0] == len(found) - 1


def test_erased_squares_are_everywhere(images: Tensor) -> None:
    """Each pixel is erased in some image, the corners too, so no place is spared."""
    assert (erase(images, 3, seeded()) == 0).any(0).all()


def test_a_square_larger_than_the_image_may_erase_all(images: Tensor) -> None:
    """A square of three times the image's edge leaves nothing."""
    assert not erase(images, 27, seeded()).any()


@every_change
def test_the_generator_decides(images: Tensor, change: Change) -> None:
    """The same generator state gives the same images, another one others; the global generator isn't used."""
    before = torch.get_rng_state()
    once, again, other = change(images, seeded(1)), change(images, seeded(1)), change(images, seeded(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert torch.equal(torch.get_rng_state(), before)


@every_change
def test_shape_and_memory_format_are_kept(images: Tensor, change: Change) -> None:
    """The result has the shape and type of the images and lies channels last in memory; the images aren't touched."""
    original = images.clone()
    changed = change(images, seeded())
    assert changed.shape == images.shape
    assert changed.dtype == images.dtype
    assert changed.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, original)


def test_nothing_asked_nothing_done(images: Tensor) -> None:
    """A recipe without augmentation returns the very batch and draws nothing but the order of the images."""
    generator, other = seeded(), seeded()
    draws = draw(Recipe(), len(images), generator).at(torch.tensor([0]))
    torch.randperm(len(images), generator=other)
    assert augment(images, Recipe(), draws) is images
    assert torch.equal(generator.get_state(), other.get_state())
