"""Augmentation of whole batches, against loops over single images with the same random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import InterpolationMode, RandomErasing
from torchvision.transforms import functional as vision

from nas.study import Recipe
from nas.training.augmentation import augment, draw, erase_rectangles, rotate
from nas.training.losses import loss_of, mixed_loss


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


EVERYTHING = Recipe(flip=True, crop=2, erase=3, rotation=15, random_erasing=0.5, mixup=0.2)
Change = Callable[[Tensor, torch.Generator], Tensor]
CHANGES: list[tuple[str, Change]] = [
    ("flip", flip),
    ("crop", lambda images, generator: crop(images, 2, generator)),
    ("erase", lambda images, generator: erase(images, 3, generator)),
    ("turn", lambda images, generator: change(images, Recipe(rotation=30), generator)),
    ("random erasing", lambda images, generator: change(images, Recipe(random_erasing=0.5), generator)),
    ("mixup", lambda images, generator: change(images, Recipe(mixup=0.4), generator)),
    ("all", lambda images, generator: change(images, EVERYTHING, generator)),
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


def test_what_older_recipes_draw_stays(images: Tensor) -> None:
    """Whatever else is drawn, order, mirrors, places of crops and of squares are those of a recipe without it."""
    old = draw(Recipe(flip=True, crop=2, erase=3, batch_size=50), len(images), seeded())
    new = draw(msgspec.structs.replace(EVERYTHING, batch_size=50), len(images), seeded())
    assert all(torch.equal(a, b) for a, b in zip(old[:4], new[:4], strict=True))
    assert [len(tensor) for tensor in old[4:]] == [0] * 6


@pytest.mark.parametrize("shape", [(28, 28), (7, 9)])
def test_a_turn_is_torchvisions(shape: tuple[int, int]) -> None:
    """Each image is torchvision's bilinear rotation of itself with its edge repeated far enough."""
    pixels = torch.randn(20, 3, *shape, generator=seeded()).contiguous(memory_format=torch.channels_last)
    angles = torch.linspace(-180, 180, 20)
    turned = rotate(pixels, angles.deg2rad())
    for image, angle, found in zip(pixels, angles.tolist(), turned, strict=True):
        padded = functional.pad(image[None], (30,) * 4, mode="replicate")
        theirs = vision.rotate(padded, angle, InterpolationMode.BILINEAR)
        torch.testing.assert_close(found, vision.center_crop(theirs, list(shape))[0], rtol=0, atol=1e-4)


def test_angles_are_uniform_to_both_sides() -> None:
    """With 30 degrees, 6,000 angles are uniform between -30 and 30 (Kolmogorov and Smirnov, p above 0.001)."""
    angles = draw(Recipe(rotation=30, batch_size=100), 6_000, seeded()).angles.flatten().rad2deg().numpy()
    assert stats.kstest(angles, stats.uniform(-30, 60).cdf).pvalue > 1e-3


def sizes(erased: Tensor) -> np.ndarray:
    """Heights and widths of the zeros of images (count, 1, height, width), where there are any: (struck, 2)."""
    gone = (erased == 0)[:, 0]
    edges = torch.stack([gone.any(2).sum(1), gone.any(1).sum(1)], 1)
    assert torch.equal(gone.sum((1, 2)), edges.prod(1))  # they are a rectangle
    return edges[edges[:, 0] > 0].numpy()


def test_random_erasing_has_torchvisions_distribution() -> None:
    """Of 4,000 images as many are struck, with rectangles of the same areas, aspects and places, as torchvision's."""
    pixels = torch.ones(4_000, 1, 28, 32)
    ours = change(pixels, Recipe(random_erasing=0.6), seeded())
    theirs_of = RandomErasing(p=0.6, scale=(0.02, 0.4), ratio=(0.3, 3.3))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        theirs = torch.stack([theirs_of(image) for image in pixels])
    mine, others = sizes(ours), sizes(theirs)
    assert abs(len(mine) - len(others)) < 4 * math.sqrt(2 * 4_000 * 0.6 * 0.4)
    assert stats.ks_2samp(mine.prod(1), others.prod(1)).pvalue > 1e-3
    assert stats.ks_2samp(mine[:, 0] / mine[:, 1], others[:, 0] / others[:, 1]).pvalue > 1e-3
    counts = [(erased == 0).sum(0).double() / len(found) for erased, found in ((ours, mine), (theirs, others))]
    torch.testing.assert_close(*counts, rtol=0, atol=0.06)  # of each pixel, 4 sigma


def test_a_rectangle_that_never_fits_is_left_out(images: Tensor) -> None:
    """Where none of an image's rectangles is lower and narrower than it, the image stays; else the first that is."""
    tries = torch.tensor([[[0.4, 0.4], [0.4, 0.1]], [[3.3, 2.0], [3.3, 1.0]]])  # of 4x9 pixels: 7x2, 5x3 and 2x2
    small = images[:2, :, :4]
    erased = erase_rectangles(small, torch.tensor([True, True]), tries, torch.zeros(2, 2))
    assert torch.equal(erased[0], small[0])
    assert (erased[1, :, :2, :2] == 0).all()
    assert (erased[1] == 0).sum() == 3 * 2 * 2


def test_mixup_mixes_images_with_their_partners(images: Tensor) -> None:
    """Partners are a permutation of the batch, another one each step, and an image keeps the step's share of itself."""
    recipe = Recipe(mixup=0.4, batch_size=len(images))
    draws = draw(recipe, len(images), seeded()).at(torch.tensor([0]))
    assert sorted(draws.partners.tolist()) == list(range(200))
    share = draws.shares.item()
    expected = share * images + (1 - share) * images[draws.partners]
    torch.testing.assert_close(augment(images, recipe, draws), expected)
    assert not torch.equal(*draw(Recipe(mixup=1.0, batch_size=100), 200, seeded()).partners)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_shares_have_the_beta_distribution(alpha: float) -> None:
    """The shares of 3,000 steps are those of NumPy's Beta(alpha, alpha) (p above 0.001), all of them in [0, 1]."""
    shares = draw(Recipe(mixup=alpha, batch_size=1), 3_000, seeded()).shares.flatten().numpy()
    assert ((shares >= 0) & (shares <= 1)).all()
    assert stats.ks_2samp(shares, np.random.default_rng(0).beta(alpha, alpha, 3_000)).pvalue > 1e-3


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_mixed_images_is_mixed(smoothing: float) -> None:
    """It is torch's cross-entropy with the mixture of both classes as target, with label smoothing, too."""
    outputs, labels = torch.randn(6, 4, generator=seeded()), torch.tensor([0, 1, 2, 3, 0, 1])
    partners, share = torch.tensor([3, 2, 1, 0, 5, 4]), torch.tensor([0.3])
    targets = 0.3 * functional.one_hot(labels, 4) + 0.7 * functional.one_hot(labels[partners], 4)
    expected = functional.cross_entropy(outputs, targets, label_smoothing=smoothing)
    torch.testing.assert_close(
        mixed_loss(outputs, labels, Recipe(label_smoothing=smoothing), partners, share), expected
    )
    whole = mixed_loss(outputs, labels, Recipe(), partners, torch.ones(1))
    torch.testing.assert_close(whole, loss_of(outputs, labels, Recipe()))
