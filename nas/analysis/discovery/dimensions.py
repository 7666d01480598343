"""The dimensions that rules are about, as anybody's table shows them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas.analysis.columns import having, numbers
from nas.errors import Refused
from nas.space import Choice, Dimension, Integer, Real
from nas.study.table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

MOST_OPTIONS = 20
"""A column with more different texts than this holds names, not options."""


def inferred_dimensions(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> dict[str, Dimension]:
    """Dimensions of a table's columns: the given ones, else all that aren't columns of every run and vary.

    Whole numbers are an `Integer` in the largest unit that they have in common, other numbers a `Real`, texts and
    yes-or-no a `Choice`.
    """
    names = [str(name) for name in frame if name not in COLUMNS] if columns is None else list(columns)
    inferred = {name: _inferred(having(frame, name), name) for name in names}
    if columns is not None and (wrong := [name for name, dimension in inferred.items() if dimension is None]):
        raise Refused(f"column {wrong[0]!r} has one value only, or more than {MOST_OPTIONS} texts: no rule is about it")
    return {name: dimension for name, dimension in inferred.items() if dimension is not None}


def _inferred(frame: pd.DataFrame, name: str) -> Dimension | None:
    """A column as a dimension; None where it doesn't vary, or is a name."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    cells = frame[name].dropna()
    if cells.nunique() < 2:
        return None
    if is_bool_dtype(cells) or not is_numeric_dtype(cells):
        options = tuple(sorted({value if isinstance(value, str) else bool(value) for value in cells}, key=str))
        return Choice(options=options) if len(options) <= MOST_OPTIONS else None
    values = numbers(frame, name)
    values = values[np.isfinite(values)]
    if (values == np.round(values)).all():
        unit = math.gcd(*(int(value) for value in np.unique(values)))
        return Integer(low=int(values.min()), high=int(values.max()), unit=max(unit, 1))
    return Real(low=float(values.min()), high=float(values.max()))
