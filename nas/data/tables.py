"""Tables on their way to the cache: split by the fixed rule, encoded and standardised by their training rows.

A target is a number. Splits are 60 / 20 / 20 as for other data without an official test split, stratified by the tenths
of the target. A prepared folder holds float32 features (rows, features) and targets (rows,), both standardised; the
rows of the sealed test split are never in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nas.data.cache import kept, placed
from nas.data.features import Cell, Cells, Column, Floats, columns_of, encoded, standardised, statistics, text
from nas.data.info import DataInfo, write_info
from nas.data.loading import Split
from nas.data.source import Contents, doubled, warn_of_doubled
from nas.data.splits import ORDER_SEED, TENTHS, VERSION, Integers, cut_test, cut_validation, even_order, tenths
from nas.errors import Refused
from nas.files import text_digest

FIRST, TEXTS_ARE_MISSING = 1, 2
"""How columns become features, part of every key: since the second, a few texts among numbers are missing numbers.
Tables without such texts keep the first, and so their keys."""
FEWEST_ROWS = 5 * TENTHS
"""Fewest rows of a table."""

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """A table in memory."""

    cells: Cells
    """All columns but the target, in their order."""
    targets: Floats
    """Finite numbers; (rows,)."""


@dataclass(frozen=True, kw_only=True)
class TableSource:
    """Everything about a table that is known before its rows are split and encoded."""

    name: str
    """The name or the path that the user gave."""
    label: str
    """Readable start of the key."""
    identity: str
    """Changes whenever the content does."""
    target: str
    """Name of the column that is to be predicted."""
    read: Callable[[], Table]
    """All rows, checked."""
    encoding: int = FIRST
    """Which encoding it needs; part of its key."""

    def prepared(self, resolution: int, validation_size: int) -> DataInfo:
        """The prepared folder, made if it isn't there whole; a table has no resolution, and its usual split."""
        self._require_no(resolution)
        if validation_size:
            raise Refused(
                f"{self.name} is a table, of whose rows a fixed share validates: validation_size must be 0, got "
                f"{validation_size:,}",
                hint="leave validation_size out; another --train-size takes fewer rows",
            )
        return kept(self.name, key_of(self), self._write)

    def sealed(self, resolution: int) -> Split:
        """The rows of the sealed test split, standardised by the training rows."""
        import torch

        self._require_no(resolution)
        encoding = encoding_of(self.read())
        features, targets = encoding.rows(encoding.test)
        return Split(torch.from_numpy(features), torch.from_numpy(targets))

    def verify(self) -> str:
        """Read all rows; a sentence on what is intact."""
        encoding = encoding_of(self.read())
        counts = f"{len(encoding.table.targets):,} rows of {len(encoding.columns)} columns intact"
        return f"{counts}, {len(encoding.mean)} features; target {self.target!r}: {encoding.spread}"

    def contents(self) -> Contents:
        """The rows by split, and what each column holds."""
        encoding = encoding_of(self.read())
        return Contents(
            name=self.name,
            shape=(len(encoding.mean),),
            splits={"train": len(encoding.train), "validation": len(encoding.validation), "test": len(encoding.test)},
            classes={},
            columns={column.name: _in_words(column, encoding.table.cells[column.name]) for column in encoding.columns},
            target=f"{self.target}: {encoding.spread}",
            doubled=encoding.doubled,
        )

    def _require_no(self, resolution: int) -> None:
        if resolution:
            raise Refused(f"{self.name} is a table: resolution must be 0, got {resolution}")

    def _write(self, folder: Path) -> None:
        """Read the rows, and place those that train and validate with what is known of them."""
        encoding = encoding_of(self.read())
        warn_of_doubled(self.name, encoding.doubled, "rows")
        splits = {"train": encoding.rows(encoding.train), "validation": encoding.rows(encoding.validation)}
        with placed(folder, sum(array.nbytes for arrays in splits.values() for array in arrays)) as part:
            for split, (features, targets) in splits.items():
                (part / f"{split}_features.bin").write_bytes(features.astype("<f4").tobytes())
                (part / f"{split}_targets.bin").write_bytes(targets.astype("<f4").tobytes())
            info = DataInfo(
                name=self.name,
                key=folder.name,
                shape=(len(encoding.mean),),
                classes=(),
                train=len(encoding.train),
                validation=len(encoding.validation),
                mean=tuple(encoding.mean.tolist()),
                std=tuple(encoding.std.tolist()),
                folder="",
                sha256={},
                target=self.target,
                target_mean=encoding.target_mean,
                target_std=encoding.target_std,
                columns=encoding.columns,
            )
            write_info(part, info)


class Encoding(NamedTuple):
    """Where each row goes, and how its cells become numbers; all from the training rows."""

    table: Table
    train: Integers
    validation: Integers
    test: Integers
    columns: tuple[Column, ...]
    features: Floats
    mean: Floats
    std: Floats
    target_mean: float
    target_std: float

    @property
    def spread(self) -> str:
        """Mean and standard deviation of the target, in words."""
        return f"mean {self.target_mean:.4g}, standard deviation {self.target_std:.4g}"

    @property
    def doubled(self) -> dict[str, int]:
        """How many rows of a split are the same, target included, as one of a split before it."""
        whole = np.column_stack([self.features, self.table.targets])
        train, validation, test = (
            [row.tobytes() for row in whole[part]] for part in (self.train, self.validation, self.test)
        )
        return doubled(train, validation, test)

    def rows(self, positions: Integers) -> tuple[Rows, Rows]:
        """Standardised features and targets of some rows."""
        features = standardised(self.features[positions], self.mean, self.std)
        return features, ((self.table.targets[positions] - self.target_mean) / self.target_std).astype(np.float32)


def encoding_of(table: Table) -> Encoding:
    """The splits of a table and the statistics of its training rows."""
    strata = tenths(table.targets)
    development, test = cut_test(strata)
    inner = cut_validation(strata[development])
    train, validation = (even_order(strata, development[part], ORDER_SEED) for part in inner)
    columns = columns_of(table.cells, train)
    features = encoded(columns, table.cells)
    mean, std = statistics(columns, features[train])
    targets = table.targets[train]
    return Encoding(
        table=table,
        train=train,
        validation=validation,
        test=test,
        columns=columns,
        features=features,
        mean=mean,
        std=std,
        target_mean=float(targets.mean()),
        target_std=float(targets.std()),
    )


def key_of(source: TableSource) -> str:
    """Name of the folder of a content, target and encoding."""
    parts = (VERSION, source.encoding, "table", source.identity, source.target)
    return f"{source.label}-{text_digest(repr(parts))[:12]}"


def _in_words(column: Column, cells: Sequence[Cell]) -> str:
    """`numbers, 3 missing` or `4 texts`."""
    gaps = sum(not text(cell) or text(cell) in column.missing for cell in cells)
    kind = f"{len([value for value in column.values if value])} texts" if column.text else "numbers"
    return kind + (f", {gaps:,} missing" if gaps else "")
