"""Pictures on their way from a source to the cache: in memory or in files, taken by position at the requested size."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nas.data.splits import Integers

MOST_IMAGES, MOST_PIXELS = 512, 1 << 22
"""Bounds on what is held in memory at once while it is resized: images, and pixels of the result."""
AT_ONCE = 1 << 25
"""Numbers that are resized together; of more, which are few large images, one channel after the other."""

Images = npt.NDArray[np.uint8]
Size = tuple[int, int]


class Pictures(Protocol):
    """Labelled images that can be read in any order."""

    @property
    def labels(self) -> Integers:
        """Class of each image, in [0, classes)."""

    def take(self, positions: Integers, size: Size) -> Images:
        """The images at these positions, resized to height and width."""

    def only(self, positions: Integers) -> Pictures:
        """These images alone."""

    def name(self, position: int) -> str:
        """What people know an image by: its file, or its place in an array."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """Pictures in memory, all of one size."""

    images: Images
    """Pixels in [0, 255]; (count, channels, height, width)."""
    labels: Integers
    """Class of each image, in [0, classes)."""
    array: str = "images"
    """Name of the array that they are taken from."""
    places: Integers | None = None
    """Where in that array each of them stands; None for all in order."""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1]:
            shapes = f"got {self.images.shape} and {self.labels.shape}"
            raise ValueError(f"images must be (count, channels, height, width) with one label each, {shapes}")

    def take(self, positions: Integers, size: Size) -> Images:
        """The images at these positions, resized to height and width."""
        return resized(self.images[positions], size)

    def only(self, positions: Integers) -> Stack:
        """These images alone."""
        places = positions if self.places is None else self.places[positions]
        return replace(self, images=self.images[positions], labels=self.labels[positions], places=places)

    def name(self, position: int) -> str:
        """`images[3]`, by the place in the whole array."""
        return f"{self.array}[{position if self.places is None else self.places[position]}]"


def resized(images: Images, size: Size) -> Images:
    """Images at another size: bilinear, with antialiasing where they shrink, rounded to whole grey levels."""
    if images.shape[2:] == size:
        return images
    if images.size > AT_ONCE and images.shape[1] > 1:
        return np.concatenate([resized(images[:, n : n + 1], size) for n in range(images.shape[1])], axis=1)
    import torch

    pixels = torch.from_numpy(images.astype(np.float32))
    pixels = torch.nn.functional.interpolate(pixels, size, mode="bilinear", antialias=True)
    levels: Images = pixels.round_().clamp_(0, 255).to(torch.uint8).numpy()
    return levels


def chunks(pictures: Pictures, order: Integers, size: Size) -> Iterator[Images]:
    """The images in an order, a bounded number at a time."""
    step = max(1, min(MOST_IMAGES, MOST_PIXELS // math.prod(size)))
    for start in range(0, len(order), step):
        yield pictures.take(order[start : start + step], size)


def hashes(pictures: Pictures, size: Size) -> list[bytes]:
    """A hash of each image at a size: equal images have equal ones."""
    images = (image for part in chunks(pictures, np.arange(len(pictures.labels)), size) for image in part)
    return [hashlib.sha256(image.tobytes()).digest() for image in images]
