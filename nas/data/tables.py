"""Tables on their way to the cache: split by the fixed rule, encoded and standardised by their training rows.

A target is a number. Splits are 60 / 20 / 20 as for other data without an official test split, stratified by the tenths
of the target. A prepared folder holds float32 features (rows, features) and targets (rows,), both standardised; the
rows of the sealed test split are never in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from nas.data.cache import kept, placed, require_space
from nas.data.features import Cells, Column, Floats, columns_of, encoded, standardised, statistics
from nas.data.folders import digest, text_digest
from nas.data.images import OWN_TEST, OWN_VALIDATION
from nas.data.info import DataInfo, write_info
from nas.data.splits import ORDER_SEED, TENTHS, TEST_SEED, VALIDATION_SEED, VERSION, Integers, cut, even_order, tenths
from nas.errors import Refused

if TYPE_CHECKING:
    from nas.data.loading import Split

TABLE_FILES = ("train_features.bin", "train_targets.bin", "validation_features.bin", "validation_targets.bin")
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


class Encoding(NamedTuple):
    """Where each row goes, and how its cells become numbers; all from the training rows."""

    train: Integers
    validation: Integers
    test: Integers
    columns: tuple[Column, ...]
    mean: Floats
    std: Floats
    target_mean: float
    target_std: float

    def rows(self, table: Table, positions: Integers) -> tuple[Rows, Rows]:
        """Standardised features and targets of some rows."""
        picked = {name: [cells[row] for row in positions] for name, cells in table.cells.items()}
        features = standardised(encoded(self.columns, picked), self.mean, self.std)
        return features, ((table.targets[positions] - self.target_mean) / self.target_std).astype(np.float32)


def encoding(table: Table) -> Encoding:
    """The splits of a table and the statistics of its training rows."""
    strata = tenths(table.targets)
    development, test = cut(strata, OWN_TEST, TEST_SEED)
    inner = cut(strata[development], OWN_VALIDATION, VALIDATION_SEED)
    train, validation = (even_order(strata, development[part], ORDER_SEED) for part in inner)
    columns = columns_of(table.cells, train)
    known = {name: [cells[row] for row in train] for name, cells in table.cells.items()}
    mean, std = statistics(columns, encoded(columns, known))
    targets = table.targets[train]
    return Encoding(train, validation, test, columns, mean, std, float(targets.mean()), float(targets.std()))


def key_of(source: TableSource) -> str:
    """Name of the folder of a content, target and encoding."""
    parts = (VERSION, source.encoding, "table", source.identity, source.target)
    return f"{source.label}-{text_digest(repr(parts))[:12]}"


def require_as_stored(source: TableSource, resolution: int) -> None:
    """Refuse a resolution: a table has none."""
    if resolution:
        raise Refused(f"{source.name} is a table: resolution must be 0, got {resolution}")


def prepared_table(source: TableSource) -> DataInfo:
    """The prepared folder of a table, made if it isn't there whole."""
    info = kept(key_of(source), TABLE_FILES, lambda folder: write_table(folder, source))
    return msgspec.structs.replace(info, name=source.name)


def write_table(folder: Path, source: TableSource) -> None:
    """Read a table and place its prepared folder whole or not at all."""
    table = source.read()
    found = encoding(table)
    train, validation = (found.rows(table, positions) for positions in (found.train, found.validation))
    arrays = dict(zip(TABLE_FILES, (*train, *validation), strict=True))
    with placed(folder) as part:
        require_space(part, sum(array.nbytes for array in arrays.values()))
        for name, array in arrays.items():
            (part / name).write_bytes(array.astype("<f4").tobytes())
        write_info(part, _info(folder.name, source, found, {name: digest(part / name) for name in TABLE_FILES}))


def _info(key: str, source: TableSource, found: Encoding, hashes: dict[str, str]) -> DataInfo:
    return DataInfo(
        name=source.name,
        key=key,
        shape=(len(found.mean),),
        classes=(),
        train=len(found.train),
        validation=len(found.validation),
        mean=tuple(found.mean.tolist()),
        std=tuple(found.std.tolist()),
        folder="",
        sha256=hashes,
        target=source.target,
        target_mean=found.target_mean,
        target_std=found.target_std,
        columns=found.columns,
    )


def sealed_rows(source: TableSource) -> Split:
    """The rows of the sealed test split, standardised by the training rows."""
    import torch

    from nas.data.loading import Split

    table = source.read()
    found = encoding(table)
    features, targets = found.rows(table, found.test)
    return Split(torch.from_numpy(features), torch.from_numpy(targets))


def verify_table(source: TableSource) -> str:
    """Read all rows; a sentence on what is whole."""
    table = source.read()
    found = encoding(table)
    target = f"target {source.target!r}: mean {found.target_mean:.4g}, standard deviation {found.target_std:.4g}"
    return f"{len(table.targets):,} rows of {len(table.cells)} columns whole, {len(found.mean)} features; {target}"
