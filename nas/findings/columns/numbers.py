"""Columns of texts that are numbers: with commas between thousands, or a few texts for missing values among them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from nas.data.features import Cell, few_texts, numbers, spoken_of

if TYPE_CHECKING:
    import pandas as pd

THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?\s*")
"""1,014.45, but not 0,125 and 1,5, whose comma is a decimal one."""


def with_numbers(frame: pd.DataFrame, texts: Collection[str], errors: str) -> tuple[pd.DataFrame, str]:
    """The table with such columns as numbers, and what is said of them.

    `texts` stay as they are; in the column `errors` nothing is taken as missing.
    """
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    spoken = ""
    for name in frame.columns:
        column = frame[name]
        if name in texts or is_numeric_dtype(column) or any(isinstance(cell, bool) for cell in column):
            continue
        cells = column.astype(object).where(column.notna(), None).tolist()
        read, note = _read(str(name), cells, gaps=name != errors)
        spoken += note
        if read is not None:
            frame = frame.assign(**{str(name): pd.Series(read, index=frame.index)})
    return frame, spoken


def _read(name: str, cells: list[Cell], *, gaps: bool) -> tuple[Any, str]:
    """The numbers of a column, None where it isn't one of numbers or has them already, and what is said of it."""
    commas = [cell for cell in cells if isinstance(cell, str) and THOUSANDS.fullmatch(cell)]
    plain = [cell.replace(",", "") if isinstance(cell, str) and THOUSANDS.fullmatch(cell) else cell for cell in cells]
    missing = few_texts(plain) if gaps else ()
    if not commas and not missing:
        return None, ""
    read, spoken = numbers(plain, missing), ""
    if read is None:
        said = (
            f". Column {name!r} holds too many texts beside numbers such as {commas[0]!r}, so it stays texts"
            if commas
            else ""
        )
        return None, said
    if commas:
        count = f"{len(commas):,} of {len(cells):,} cells of column {name!r}"
        spoken = f". {count} have commas between thousands ({commas[0].strip()!r})"
    return read, spoken + (f". {spoken_of(name, plain, missing)}" if missing else "")
