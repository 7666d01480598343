"""A source: everything about a data set of images that is known before they are read, and what is checked in all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from nas.data.images import FEWEST, Pictures, Size
from nas.data.splits import VALIDATION_SEED, Cut, Integers, cut
from nas.errors import Refused


@dataclass(frozen=True, kw_only=True)
class Source:
    """Everything about a data set that is known before its images are read."""

    name: str
    """The name or the path that the user gave."""
    label: str
    """Readable start of the cache key: lower case letters, digits and dashes."""
    identity: str
    """Changes whenever the content does; never depends on where the content lies."""
    channels: int
    size: Size | None
    """Height and width where none are asked for, in pixels; None if the images differ."""
    classes: tuple[str, ...]
    validation: Fraction
    """Share of the development images that validates; in (0, 1)."""
    validating: int = 0
    """The last so many development images, which validate where the source is split so itself; 0: a share is cut."""
    development: Callable[[], Pictures]
    """Reads the images that train and validation are cut from."""
    test: Callable[[], Pictures]
    """Reads the sealed test images."""
    verify: Callable[[], str]
    """Reads everything through; a sentence on what is whole."""

    def cut(self, labels: Integers) -> Cut:
        """Which development images of these labels train, and which validate."""
        if not self.validating:
            return cut(labels, self.validation, VALIDATION_SEED)
        positions = np.arange(len(labels), dtype=np.int64)
        return Cut(positions[: -self.validating], positions[-self.validating :])


def label_of(path: Path) -> str:
    """The name of a file or folder as a readable part of a key."""
    return re.sub(r"[^a-z0-9]+", "-", path.resolve().stem.lower()).strip("-")[:32] or "own"


def require_classes(path: Path, counts: Sequence[int], classes: Sequence[str]) -> None:
    """Refuse a user's own data with fewer than two classes, or with a class too small to be split."""
    if len(classes) < 2:
        raise Refused(f"{path} must hold at least 2 classes, got {len(classes)}")
    for name, count in zip(classes, counts, strict=True):
        if count < FEWEST:
            hint = f"each class needs {FEWEST} images, so that training, validation and test all have one"
            raise Refused(f"class {name!r} of {path} has {count} images, fewer than {FEWEST}", hint=hint)
