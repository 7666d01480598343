"""The door to a data set: what a reader returns, whether it has found images or a table."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from nas.data.info import DataInfo
from nas.data.loading import Split

log = logging.getLogger(__name__)


SIZES = 5
"""Sizes that are told of a data set, the most frequent first."""
PAIRS = 5
"""Pairs of files that are told."""
SAME, CONTRARY = "are the same picture", "are the same picture in two classes"
"""What is said of two files."""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """A data set, counted."""

    name: str
    """As the user gave it."""
    shape: tuple[int | None, ...]
    """Channels, height, width of an image, the latter two None where images differ; the number of features of a row."""
    splits: dict[str, int]
    """Images or rows that train, validate, and stay in the held-out test split."""
    classes: dict[str, dict[str, int]]
    """Class -> its images in each split, in the order of the labels; empty for a table."""
    columns: dict[str, str]
    """Column of a table -> what it is, in words; empty for images."""
    target: str = ""
    """What is to be predicted, in words; empty for images."""
    sizes: dict[str, int] = {}
    """Height x width -> how many images have it, most first, where they differ."""
    doubled: dict[str, int] = {}
    """Split -> how many of its images or rows lie in a split before it, too; those with none are left out."""
    doubled_files: list[tuple[str, str]] = []
    """Each image that lies in a split before its own, too, with the one there; by file, or place in an array."""
    two_classes: int = 0
    """Pictures that occur in more than one class."""
    two_classes_files: list[tuple[str, str]] = []
    """Two images of the same picture in two classes, for each that contradicts an earlier one."""
    grey: int = 0
    """Grey images among coloured ones, which are made RGB."""
    ignored: list[str] = []
    """Folders beside the classes that are left out."""

    @property
    def remarks(self) -> dict[str, list[str]]:
        """What a person should know of the counts, in words: a subject -> its sentence, then examples."""
        grey = (
            f"{self.grey:,} of {sum(self.splits.values()):,} images are grey; they are made RGB, as others have colours"
        )
        remarks = {
            "in two splits": [doubled_text(self.doubled), *pair_lines(self.doubled_files, SAME)] * bool(self.doubled),
            "in two classes": [two_classes_text(self.two_classes), *pair_lines(self.two_classes_files, CONTRARY)]
            * bool(self.two_classes),
            "grey": [grey] * bool(self.grey),
            "folders left out": [", ".join(self.ignored)] * bool(self.ignored),
        }
        return {subject: lines for subject, lines in remarks.items() if lines}

    @property
    def shape_text(self) -> str:
        """`1x28x28 (channels x height x width)`, or the channels of images whose sizes differ."""
        if None in self.shape:
            return f"any size, {self.shape[0]} channel{'s' * (self.shape[0] != 1)} each"
        return f"{'x'.join(map(str, self.shape))} (channels x height x width)"

    @property
    def sizes_text(self) -> str:
        """`28x28`, or the most frequent sizes with their counts, where images differ."""
        if not self.sizes:
            return "x".join(map(str, self.shape[1:]))
        shown = [f"{size} ({count:,})" for size, count in list(self.sizes.items())[:SIZES]]
        more = len(self.sizes) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


class Source(Protocol):
    """A data set, known by its content and not yet read: `ImageSource` and `TableSource` are all there are."""

    @property
    def name(self) -> str:
        """The name or the path that the user gave."""

    @property
    def target(self) -> str:
        """Name of the column that is to be predicted; empty for images."""

    def prepared(self, resolution: int, validation_size: int) -> DataInfo:
        """Its prepared folder, made if it isn't there whole; with 0 so many validate as usual."""

    def sealed(self, resolution: int) -> Split:
        """The images or rows of its sealed test split."""

    def verify(self) -> str:
        """Read everything through; a sentence on what is intact."""

    def contents(self) -> Contents:
        """What it holds, split as it will be."""


def doubled(train: Collection[bytes], validation: Collection[bytes], test: Collection[bytes]) -> dict[str, int]:
    """How many validate that train, too, and how many test that train or validate, by hashes of images or rows."""
    known = set(train)
    counts = {"validation": sum(entry in known for entry in validation)}
    known |= set(validation)
    counts["test"] = sum(entry in known for entry in test)
    return {split: count for split, count in counts.items() if count}


def doubled_text(counts: dict[str, int]) -> str:
    """`validation 1 (of training), test 2 (of training or validation)`, for each split that has some."""
    before = {"validation": "training", "test": "training or validation"}
    return ", ".join(f"{split} {count:,} (of {before[split]})" for split, count in counts.items())


def two_classes_text(count: int) -> str:
    """How many pictures contradict themselves, and what to do."""
    noun = "picture has" if count == 1 else "pictures have"
    return f"{count:,} {noun} two labels, one of which is wrong: keep the file in the right class"


def pair_lines(pairs: Sequence[tuple[str, str]], what: str) -> list[str]:
    """`a.png and b.png are the same picture` of the first pairs, and how many more there are."""
    lines = [f"{' and '.join(sorted(pair))} {what}" for pair in pairs[:PAIRS]]
    more = len(pairs) - len(lines)
    return [*lines, f"and {more:,} more pairs, all of them in --json"] if more else lines


def warn_of_doubled(name: str, counts: dict[str, int], noun: str, pairs: Sequence[tuple[str, str]] = ()) -> None:
    """Say at preparation that errors will look lower than they are."""
    if counts:
        said = doubled_text(counts) + (f"; {pair_lines(pairs, SAME)[0]}" if pairs else "")
        log.warning("%s: %s in two splits, whose errors say nothing about new ones: %s", name, noun, said)


def warn_of_two_classes(name: str, pairs: Sequence[tuple[str, str]], size: tuple[int, int]) -> None:
    """Say at preparation that the same pixels have two labels."""
    if pairs:
        told = f"{' and '.join(sorted(pairs[0]))} {CONTRARY}"
        more = f", and so are {len(pairs) - 1:,} more pairs" if len(pairs) > 1 else ""
        log.warning("%s: at %dx%d pixels %s%s: no network can get both right", name, *size, told, more)


def label_of(path: Path) -> str:
    """The name of a file or folder as a readable part of a key."""
    return re.sub(r"[^a-z0-9]+", "-", path.resolve().stem.lower()).strip("-")[:32] or "own"
