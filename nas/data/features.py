"""The columns of a table as features: a number as it is, a text as one feature for each of its values.

Numbers are standardised by the mean and standard deviation of the training rows, and a missing one becomes the mean.
A few texts among numbers are missing numbers, too.
Values of a text are 0 or 1 and stay so; a missing cell is a value of its own, and a value that no training row has is
0 in every feature.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import SupportsFloat

import msgspec
import numpy as np
import numpy.typing as npt

from nas.data.splits import Integers
from nas.errors import Refused

Cell = str | SupportsFloat | None
Cells = Mapping[str, Sequence[Cell]]
"""Name of a column -> its cells, one a row."""
Floats = npt.NDArray[np.float64]

MISSING = frozenset({"", "?", "#N/A", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"})
"""Cells that hold nothing."""
FEW = 0.2
"""Share of the filled cells of a column up to which texts are missing values among its numbers."""
CHOICES, OFTEN = 10, 0.05
"""Different numbers up to which a text is a choice among them, if it fills such a share of the cells."""
SHOWN = 5
"""Different texts that are named."""
LONGEST = 40
"""Characters of a text that are shown."""
WRITTEN = re.compile(r"[^\w\s]?\s*[+-]?\d[\d.,'\s]*([^\w\s]|[A-Za-z]{1,3})?")
"""A number as `1,234.50`, `$5` or `5 cm`."""
CATEGORIES = 2
"""Texts up to which such a column may well be one of categories."""
DIGIT = re.compile(r"\d")
MOST_VALUES = 64
"""Different texts that a column may have; each becomes a feature."""
WITHOUT = "missing"
"""How the feature of missing cells is called."""


class Column(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the cells of one column become features."""

    name: str
    """As in the first line of the table."""
    text: bool = False
    """Whether it holds texts, which become one feature for each value; else numbers, which are one feature."""
    values: tuple[str, ...] = ()
    """Texts of the training rows, sorted; the empty one stands for a missing cell."""
    missing: tuple[str, ...] = ()
    """Texts among its numbers, sorted, which say that a number is missing."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its features: `area`, or `street=paved` and `street=missing`."""
        return tuple(f"{self.name}={value or WITHOUT}" for value in self.values) if self.text else (self.name,)


def number(cell: Cell) -> float:
    """A cell as a number, NaN where it is missing; ValueError where it is something else."""
    if cell is None or (isinstance(cell, str) and cell.strip() in MISSING):
        return np.nan
    if isinstance(cell, str) and "_" in cell:  # Python would read 1_000
        raise ValueError(f"not a number: {cell!r}")
    return float(cell)


def text(cell: Cell) -> str:
    """A cell as text without blanks around it; empty where it is missing."""
    written = "" if cell is None else str(cell).strip()
    return "" if written in MISSING else written


def numbers(cells: Sequence[Cell], missing: Collection[str] = ()) -> Floats | None:
    """The cells as numbers, NaN also for the texts that stand for a missing one; None where one is something else."""
    try:
        return np.array([np.nan if missing and text(cell) in missing else number(cell) for cell in cells])
    except (TypeError, ValueError, OverflowError):
        return None


def few_texts(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The different texts among the numbers of a column, sorted; none where they are no few, or there is no number.

    They are few where they are at most a fifth of the filled cells, and no more than a column of texts may have. A text
    that comes often among few different numbers is a choice like them (3, 5, 7, `skip`), and no gap.
    """
    most, texts, values = FEW * len(cells), list[str](), set[float]()
    for cell in cells:
        try:
            values.add(number(cell))
        except (TypeError, ValueError, OverflowError):
            texts.append(text(cell))
            if len(texts) > most:
                return ()
    filled = sum(1 for cell in cells if text(cell)) if texts else 0
    different = set(texts)
    few = len(texts) <= FEW * filled and len(different) <= MOST_VALUES
    count = len(values - {np.nan})
    choice = count <= CHOICES and any(texts.count(word) >= OFTEN * filled for word in different)
    return tuple(sorted(different)) if few and count > 1 and not choice else ()


def spoken_of(name: str, cells: Sequence[Cell], missing: Sequence[str]) -> str:
    """What is to be said of a column with a few texts among its numbers."""
    count = sum(text(cell) in missing for cell in cells)
    shown = ", ".join(repr(word[:LONGEST]) for word in missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
    hint = "; remove units and commas if they are numbers" if any(map(DIGIT.search, missing)) else ""
    return f"{count:,} of {len(cells):,} cells of column {name!r} are no numbers ({shown}) and count as missing{hint}"


def written_number(cells: Sequence[Cell]) -> str:
    """The first of the texts of a column that are mostly numbers with commas or a unit; empty where they aren't."""
    different = {text(cell) for cell in cells}
    written = sorted(word for word in different if numbers([word]) is None and WRITTEN.fullmatch(word))
    return written[0] if len(written) > CATEGORIES and 2 * len(written) >= len(different) else ""


def columns_of(cells: Cells, training: Integers) -> tuple[Column, ...]:
    """The columns of a table: which hold numbers is seen in all rows, the values of the others in the training rows."""
    return tuple(_column(name, column, training) for name, column in cells.items())


def _column(name: str, cells: Sequence[Cell], training: Integers) -> Column:
    missing = few_texts(cells)
    if numbers(cells, missing) is not None:
        return Column(name=name, missing=missing)
    return Column(name=name, text=True, values=tuple(sorted({text(cells[row]) for row in training})))


def encoded(columns: Sequence[Column], cells: Cells) -> Floats:
    """The features of rows, not yet standardised: (rows, features), NaN where a number is missing."""
    if absent := [column.name for column in columns if column.name not in cells]:
        raise Refused(f"the table has no column {absent[0]!r}", hint=f"it has {', '.join(map(str, cells))}")
    for column in columns:
        held = cells[column.name]
        if isinstance(held, str) or not hasattr(held, "__len__"):
            raise Refused(f"column {column.name!r} must be a list of cells, got {held!r:.80}")
    parts = [_texts(column, cells[column.name]) if column.text else _numbers(column, cells) for column in columns]
    if len({len(part) for part in parts}) > 1:
        raise Refused("the columns of a table must have one length")
    return np.concatenate(parts, axis=1)


def _numbers(column: Column, cells: Cells) -> Floats:
    values = numbers(cells[column.name], column.missing)
    if values is None or np.isinf(values).any():
        odd = next((cell for cell in cells[column.name] if numbers([cell], column.missing) is None), "infinity")
        raise Refused(f"column {column.name!r} must hold finite numbers, got {str(odd)[:LONGEST]!r}")
    return values[:, None]


def _texts(column: Column, cells: Sequence[Cell]) -> Floats:
    places = {value: place for place, value in enumerate(column.values)}
    features = np.zeros((len(cells), len(places)))
    for row, cell in enumerate(cells):
        if (place := places.get(text(cell))) is not None:
            features[row, place] = 1.0
    return features


def statistics(columns: Sequence[Column], features: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each feature, gaps left out; 0 and 1 where there is nothing to standardise."""
    fixed = np.array([column.text for column in columns for _ in column.features])
    present = ~np.isnan(features)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(fixed, 0.0, np.where(present, features, 0.0).sum(axis=0) / count)
    squares = np.where(present, features - mean, 0.0) ** 2
    std = np.sqrt(squares.sum(axis=0) / count)
    return mean, np.where(fixed | (std == 0), 1.0, std)


def standardised(features: Floats, mean: Floats, std: Floats) -> npt.NDArray[np.float32]:
    """Features with mean 0 and standard deviation 1 over the training rows; a missing number becomes 0, the mean."""
    scaled = (features - mean) / std
    return np.where(np.isnan(scaled), 0.0, scaled).astype(np.float32)
