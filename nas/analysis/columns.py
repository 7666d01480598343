"""Columns of a table as numbers: ours or anybody's, checked before anything is computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.analysis.statistics.edf import Floats
from nas.errors import Refused
from nas.study.table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

COST = "multiply_adds"
"""The cost at which columns are compared, where a table has it."""
BETTER = 0.98
"""Share of the error of guessing below which a network has learned anything; one that always says the same has 1."""
FEW_TEXTS = 20
"""Most texts of a column that is held fixed."""


def having(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table, refused if it lacks a column."""
    missing = [column for column in columns if column not in frame]
    if missing:
        raise Refused(f"the table has no column {missing[0]!r}", hint=f"it has {', '.join(map(str, frame.columns))}")
    return frame


def numbers(frame: pd.DataFrame, column: str) -> Floats:
    """A column as floats, NaN where a cell is empty; refused where a cell isn't a number."""
    import pandas as pd

    cells = having(frame, column)[column]
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    if (values.isna() & cells.notna()).any():
        wrong = cells[values.isna() & cells.notna()].iloc[0]
        raise Refused(f"column {column!r} must hold numbers, got {wrong!r}")
    return np.array(values, dtype=np.float64)


def errors_of(frame: pd.DataFrame) -> Floats:
    """The column `error`, infinity for a failure; refused where it holds minus infinity or no error at all."""
    errors = numbers(frame, "error")
    if np.isneginf(errors).any():
        raise Refused("an error of minus infinity can't be ranked")
    errors = np.where(np.isnan(errors), np.inf, errors)
    if not np.isfinite(errors).any():
        raise Refused(f"none of the {len(errors)} rows has an error")
    return errors


def learned(errors: Floats, guess: float | None) -> Floats:
    """The errors, infinity for those that aren't better than guessing: such a network has failed to learn."""
    return errors if guess is None else np.where(errors < BETTER * guess, errors, np.inf)


def held_columns(frame: pd.DataFrame, column: str, others: Sequence[str]) -> dict[str, Floats]:
    """What is held fixed while a column is asked about: the other ones, the cost, and the space.

    Of texts each but the first is a column that tells where it is.
    """
    names = [*others, *([COST] if COST in frame else []), *(["space"] if "space" in frame else [])]
    held: dict[str, Floats] = {}
    for name in names:
        if name != column:
            held |= _coded(frame, name)
    return held


def _coded(frame: pd.DataFrame, name: str) -> dict[str, Floats]:
    """A column as numbers: itself, or where it holds texts one for each but the first of a few."""
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(frame[name]):
        return {name: np.array(frame[name], dtype=np.float64)}
    texts = frame[name].astype(str)
    found = list(texts.unique())[1:] if texts.nunique() <= FEW_TEXTS else []
    return {f"{name} {text}": np.array(texts == text, dtype=np.float64) for text in found}


def guess_of(errors: Floats, guess: float | None) -> float:
    """The error at which a failure enters means: the given one, else the worst that was seen."""
    return guess if guess is not None else float(errors[np.isfinite(errors)].max())


def scored(errors: Floats, guess: float | None) -> Floats:
    """The errors as they enter means, failures as guessing."""
    return np.where(np.isfinite(errors), errors, guess_of(errors, guess))


def spoiled_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Columns that hold more numbers than texts, which keep them from being columns of numbers -> the first text."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    spoiled = {}
    for name in frame.columns:
        if name in COLUMNS or is_numeric_dtype(frame[name]):
            continue
        cells = frame[name].dropna()
        texts = cells[pd.to_numeric(cells, errors="coerce").isna()]
        if 0 < len(texts) < len(cells) / 2:
            spoiled[str(name)] = str(texts.iloc[0])
    return spoiled


def numeric_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """Dimensions and facts that hold numbers, more than one of them: what a principle can be about."""
    from pandas.api.types import is_numeric_dtype

    return tuple(
        str(name)
        for name in frame.columns
        if name not in COLUMNS and is_numeric_dtype(frame[name]) and frame[name].nunique() > 1
    )
