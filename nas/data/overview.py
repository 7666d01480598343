"""What a data set holds, as people look it over before they train on it: shape, splits, classes or columns."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from nas.data.features import Cell, Column, text
from nas.data.source import Source
from nas.data.tables import TableSource, encoding


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


def of_images(source: Source) -> Contents:
    """The images of a source, by class and split."""
    development = source.development().labels
    train, validation = source.cut(development)
    labels = {"train": development[train], "validation": development[validation], "test": source.test().labels}
    counts = {split: np.bincount(found, minlength=len(source.classes)) for split, found in labels.items()}
    return Contents(
        name=source.name,
        shape=(source.channels, *(source.size or (None, None))),
        splits={split: len(found) for split, found in labels.items()},
        classes={
            name: {split: int(count[place]) for split, count in counts.items()}
            for place, name in enumerate(source.classes)
        },
        columns={},
    )


def of_table(source: TableSource) -> Contents:
    """The rows of a table, by column and split."""
    table = source.read()
    found = encoding(table)
    return Contents(
        name=source.name,
        shape=(len(found.mean),),
        splits={"train": len(found.train), "validation": len(found.validation), "test": len(found.test)},
        classes={},
        columns={column.name: _in_words(column, table.cells[column.name]) for column in found.columns},
        target=f"{source.target}: mean {found.target_mean:.4g}, standard deviation {found.target_std:.4g}",
    )


def _in_words(column: Column, cells: Sequence[Cell]) -> str:
    """`numbers, 3 missing` or `4 texts`."""
    gaps = sum(not text(cell) or text(cell) in column.missing for cell in cells)
    kind = f"{len([value for value in column.values if value])} texts" if column.text else "numbers"
    return kind + (f", {gaps:,} missing" if gaps else "")
