"""Images with classes on their way to the cache: known by their content, cut by the fixed rule, written in its order.

A prepared folder holds uint8 images (count, channels, height, width) and their labels as little-endian int64; those of
the sealed test split are never in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nas.data.cache import kept, placed
from nas.data.copies import Copies, copies
from nas.data.info import DataInfo, write_info
from nas.data.loading import Split, in_memory
from nas.data.pictures import Images, Pictures, Size, chunks
from nas.data.source import Contents, warn_of_doubled, warn_of_two_classes
from nas.data.splits import (
    ORDER_SEED,
    OWN_VALIDATION,
    VERSION,
    Cut,
    Integers,
    cut_test,
    cut_validation,
    even_order,
    quotas,
)
from nas.errors import Refused
from nas.files import text_digest

SMALLEST, LARGEST = 4, 512
"""Bounds on height and width of the images that a network is given, in pixels."""
FEWEST = 5
"""Fewest images of a class where we cut the test split ourselves: three train, one validates, one is sealed."""
RESIZED = "give a resolution: --resolution 32 on the command line, resolution=32 in a recipe"
"""The way out where images have no common or no usable size."""

EXAMPLE = 96
"""Edge in pixels of a picture that is shown where the images differ in size."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Everything about a data set of images that is known before they are read."""

    name: str
    """The name or the path that the user gave."""
    label: str
    """Readable start of the cache key: lower case letters, digits and dashes."""
    identity: str
    """Changes whenever the content does; never depends on where the content lies."""
    channels: int
    size: Size | None
    """Height and width where none are asked for, in pixels; None if the images differ."""
    sizes: Mapping[Size, int] = field(default_factory=dict)
    """Images of each height and width, where they differ."""
    grey: int = 0
    """Images without colours among coloured ones."""
    ignored: Sequence[str] = ()
    """Folders beside the classes that are no classes."""
    classes: tuple[str, ...]
    validation: Fraction = OWN_VALIDATION
    """Share of the images that aren't sealed which validates; in (0, 1)."""
    validating: int = 0
    """The last so many of them, which validate where the source is split so itself; 0: a share is cut."""
    read: Callable[[], Pictures]
    """Reads the images, those of an official test split aside."""
    test: Callable[[], Pictures] | None = None
    """Reads the images of the official test split; without one a part of the others is sealed."""
    verify: Callable[[], str]
    """Reads everything through; a sentence on what is intact."""

    @property
    def target(self) -> str:
        """Empty: images have classes."""
        return ""

    def prepared(self, resolution: int, validation_size: int) -> DataInfo:
        """The prepared folder at a resolution, made if it isn't there whole."""
        size = self.sides(resolution)
        source = self.validated_by(validation_size) if validation_size else self
        return kept(self.name, source.key(size), lambda folder: source._write(folder, size))

    def validated_by(self, count: int) -> ImageSource:
        """The same images, of which so many validate; itself where as many do anyway."""
        if self.validating not in (0, count):
            raise Refused(
                f"{self.name} has a validation split of {self.validating:,} images of its own: validation_size must be "
                f"0 or that, got {count:,}",
                hint="leave validation_size out",
            )
        labels = self.development().labels
        if count == len(self.cut(labels).held):
            return self
        share = Fraction(count, len(labels))
        counts = np.bincount(labels, minlength=len(self.classes)).tolist()
        for name, images, held in zip(self.classes, counts, quotas(counts, share), strict=True):
            if not 0 < held < images:
                raise Refused(
                    f"validation_size must leave an image of each class to train and one to validate, got {count:,} of "
                    f"{len(labels):,}, with {held:,} of {images:,} of class {name!r}",
                    hint=f"as the data set has it, {len(self.cut(labels).held):,} validate",
                )
        return replace(self, validation=share)

    def sealed(self, resolution: int) -> Split:
        """The sealed test images at a resolution, in the order of the source."""
        return in_memory(self.held_out(), self.sides(resolution))

    def contents(self) -> Contents:
        """The images by class and split."""
        development = self.development().labels
        train, validation = self.cut(development)
        labels = {"train": development[train], "validation": development[validation], "test": self.held_out().labels}
        counts = {split: np.bincount(members, minlength=len(self.classes)) for split, members in labels.items()}
        return Contents(
            name=self.name,
            shape=(self.channels, *(self.size or (None, None))),
            splits={split: len(members) for split, members in labels.items()},
            classes={
                name: {split: int(count[place]) for split, count in counts.items()}
                for place, name in enumerate(self.classes)
            },
            columns={},
            sizes={f"{height}x{width}": count for (height, width), count in self.sizes.items()},
            grey=self.grey,
            ignored=list(self.ignored),
            **self.copies(self.size or (EXAMPLE, EXAMPLE))._asdict(),
        )

    def copies(self, size: Size) -> Copies:
        """The images that are the same at a size and lie in two splits, or in two classes."""
        development = self.development()
        train, validation = (development.only(part) for part in self.cut(development.labels))
        return copies({"train": train, "validation": validation, "test": self.held_out()}, size)

    def examples(self, each: int) -> dict[str, Images]:
        """So many training images of every class, (count, channels, height, width); where sizes differ, squares."""
        pictures = self.development()
        train = pictures.only(even_order(pictures.labels, self.cut(pictures.labels).rest, ORDER_SEED))
        size = self.size or (EXAMPLE, EXAMPLE)
        first = (np.flatnonzero(train.labels == place)[:each] for place in range(len(self.classes)))
        return {name: train.take(positions, size) for name, positions in zip(self.classes, first, strict=True)}

    def development(self) -> Pictures:
        """The images that train or validate."""
        pictures = self.read()
        return pictures if self.test else pictures.only(cut_test(pictures.labels).rest)

    def held_out(self) -> Pictures:
        """The sealed test images."""
        if self.test:
            return self.test()
        pictures = self.read()
        return pictures.only(cut_test(pictures.labels).held)

    def cut(self, labels: Integers) -> Cut:
        """Which development images of these labels train, and which validate."""
        if not self.validating:
            return cut_validation(labels, self.validation)
        positions = np.arange(len(labels), dtype=np.int64)
        return Cut(positions[: -self.validating], positions[-self.validating :])

    def sides(self, resolution: int) -> Size:
        """Height and width at a resolution, 0 for the size as stored; refused outside 4 to 512 pixels."""
        if resolution and not SMALLEST <= resolution <= LARGEST:
            raise Refused(f"resolution must be 0 (as stored) or {SMALLEST} to {LARGEST} pixels, got {resolution}")
        if resolution:
            return (resolution, resolution)
        if self.size is None:
            raise Refused(f"the images of {self.name} differ in size", hint=RESIZED)
        if not all(SMALLEST <= side <= LARGEST for side in self.size):
            bounds = f"height and width must be {SMALLEST} to {LARGEST} pixels"
            raise Refused(f"{bounds}, got {self.size} in {self.name}", hint=RESIZED)
        return self.size

    def key(self, size: Size) -> str:
        """Name of the folder of this content, split and size; needs no image to be read."""
        parts = (VERSION, self.identity, self.classes, str(self.validation), self.channels, size)
        given = (self.validating,) if self.validating else ()  # none in the keys of sources that we split
        pixels = str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"
        return f"{self.label}-{pixels}-{text_digest(repr(parts + given))[:12]}"

    def _write(self, folder: Path, size: Size) -> None:
        """Read the images, cut the validation split, and place both with what is known of them."""
        found = self.copies(size)
        warn_of_doubled(self.name, found.doubled, "images", found.doubled_files)
        warn_of_two_classes(self.name, found.two_classes_files, size)
        development = self.development()
        positions = self.cut(development.labels)
        with placed(folder, len(development.labels) * (self.channels * math.prod(size) + 8)) as part:
            train = write_split(part, "train", development, positions.rest, size)
            write_split(part, "validation", development, positions.held, size)
            mean, std = statistics(train)
            info = DataInfo(
                name=self.name,
                key=folder.name,
                shape=(self.channels, *size),
                classes=self.classes,
                train=len(positions.rest),
                validation=len(positions.held),
                mean=mean,
                std=std,
                folder="",
                sha256={},
            )
            write_info(part, info)


def write_split(folder: Path, split: str, pictures: Pictures, positions: Integers, size: Size) -> Counts:
    """Write images and labels in the fixed order; the count of each grey level, (channels, 256)."""
    order = even_order(pictures.labels, positions, ORDER_SEED)
    counts: Counts = np.zeros((0, 256), dtype=np.int64)
    with (folder / f"{split}_images.bin").open("wb") as file:
        for images in chunks(pictures, order, size):
            file.write(np.ascontiguousarray(images).data)
            planes = images.swapaxes(0, 1).reshape(images.shape[1], -1)  # (channels, pixels)
            levels = np.stack([np.bincount(plane, minlength=256) for plane in planes])
            counts = counts + levels if len(counts) else levels
    (folder / f"{split}_labels.bin").write_bytes(pictures.labels[order].astype("<i8").tobytes())
    return counts


def statistics(counts: Counts) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in [0, 1], exact from the counts of its grey levels."""
    levels = np.arange(256) / 255
    shares = counts / counts.sum(axis=1, keepdims=True)  # (channels, 256)
    mean = shares @ levels
    variance = (shares * (levels - mean[:, None]) ** 2).sum(axis=1)
    std = np.maximum(np.sqrt(variance), 1 / 255)
    return tuple(mean.tolist()), tuple(std.tolist())


def require_classes(path: Path, counts: Sequence[int], classes: Sequence[str], hint: str = "") -> None:
    """Refuse a user's own data with fewer than two classes, with a way out, or with a class too small to be split."""
    if len(classes) < 2:
        raise Refused(f"{path} must hold at least 2 classes, got {len(classes)}", hint=hint)
    for name, count in zip(classes, counts, strict=True):
        if count < FEWEST:
            hint = f"each class needs {FEWEST} images, so that training, validation and test all have one"
            raise Refused(f"class {name!r} of {path} has {count} images, fewer than {FEWEST}", hint=hint)
