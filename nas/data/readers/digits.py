"""The digits that scikit-learn carries: 1,797 real images of 8x8, for a first run without a network."""

from __future__ import annotations

import hashlib
import importlib.util
import string
from pathlib import Path

import numpy as np

from nas.data.images import ImageSource
from nas.data.pictures import Stack
from nas.errors import Missing

DIGEST = "65e5b4619795efb40c1082f4c350c049e4ad552200d369b6ae99e21eef5e72c5"
"""SHA-256 of the grey levels as bytes, then of the labels as little-endian 64-bit integers."""
LEVELS = 16
"""Highest grey level as stored."""
SIDE = 16
"""Height and width where none are asked for, in pixels: 8 are too few for most networks."""


def digits_source() -> ImageSource:
    """The digits as a source; nothing is loaded yet."""
    return ImageSource(
        name="digits",
        label="digits",
        identity=DIGEST,
        channels=1,
        size=(SIDE, SIDE),
        classes=tuple(string.digits),
        read=read_digits,
        verify=lambda: f"{len(read_digits().labels):,} images intact, in scikit-learn",
    )


def digits_path() -> Path:
    """The file inside scikit-learn, found without importing it."""
    return inside_sklearn("digits", "digits.csv.gz")


def inside_sklearn(name: str, file: str) -> Path:
    """A file of data that comes with scikit-learn."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise Missing(f"{name} comes with scikit-learn, which isn't installed", hint="pip install scikit-learn")
    return Path(spec.origin).parent / "datasets" / "data" / file


def read_digits() -> Stack:
    """All digits at their stored size, their grey levels stretched to [0, 255]."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    actual = hashlib.sha256(pixels.astype(np.uint8).tobytes() + labels.astype("<i8").tobytes()).hexdigest()
    if actual != DIGEST:
        hint = "reinstall scikit-learn; if it is intact, its digits are no longer those that this version knows"
        raise Missing(f"the digits in {digits_path()} aren't the known ones: SHA-256 {actual}, not {DIGEST}", hint=hint)
    images = np.rint(pixels * (255 / LEVELS)).astype(np.uint8).reshape(-1, 1, 8, 8)
    return Stack(images=images, labels=labels.astype(np.int64))
