"""Pictures that a data set holds more than once: in two splits, or in two classes, which can't both be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nas.data.pictures import Pictures, Size, hashes

Pair = tuple[str, str]


class Copies(NamedTuple):
    """Which pictures occur where they shouldn't."""

    doubled: dict[str, int]
    """Split -> how many of its images lie in a split before it, too; those with none are left out."""
    doubled_files: list[Pair]
    """Each of these with the one before it."""
    two_classes: int
    """Pictures that occur in more than one class."""
    two_classes_files: list[Pair]
    """An image and another of the same picture in another class, for each that contradicts the first one."""


class _Place(NamedTuple):
    pictures: Pictures
    position: int

    @property
    def name(self) -> str:
        return self.pictures.name(self.position)

    @property
    def label(self) -> int:
        return int(self.pictures.labels[self.position])


def copies(splits: Mapping[str, Pictures], size: Size) -> Copies:
    """What splits have in common, and classes; equal pixels at a size are the same picture. The order is train first.

    Copies within one split and class aren't counted: they do no harm to what is measured.
    """
    first: dict[bytes, _Place] = {}
    contrary: set[bytes] = set()
    counts: dict[str, int] = {}
    doubled, two_classes = [], []
    for split, pictures in splits.items():
        found = [(key, _Place(pictures, place)) for place, key in enumerate(hashes(pictures, size))]
        twice = [(first[key], place) for key, place in found if key in first]
        doubled += [(place.name, before.name) for before, place in twice]
        counts[split] = len(twice)
        for key, place in found:
            before = first.setdefault(key, place)
            if before.label != place.label:
                contrary.add(key)
                two_classes.append((min(before.name, place.name), max(before.name, place.name)))
    present = {split: count for split, count in counts.items() if count}
    return Copies(present, doubled, len(contrary), two_classes)
