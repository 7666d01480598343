"""Principles: does the error go with one numeric column of a table, larger values or smaller ones?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.columns import errors_of, having, numbers, numeric_columns
from nas.analysis.comparison import holm
from nas.analysis.correlation import Correlation, spearman
from nas.analysis.distribution import FEW, Floats
from nas.analysis.interval import CONFIDENCE
from nas.analysis.selection import left_out, names_of, unbiased
from nas.errors import Refused

if TYPE_CHECKING:
    import pandas as pd


class Principle(msgspec.Struct, frozen=True, kw_only=True):
    """The rank correlation of one column with the error: negative where larger values are better."""

    name: str
    """The column."""
    correlation: Correlation
    """Spearman's rho of column and error, failures last."""
    p_adjusted: float
    """Its p-value, Holm-corrected for the columns that were asked for together; in [0, 1]."""
    failures: int
    """Rows with a value in the column and without an error."""
    missing: int
    """Rows without a value in the column: the dimension is inactive, or the cell is empty."""
    warnings: tuple[str, ...] = ()
    """What must be said beside the numbers."""


def principles(
    frame: pd.DataFrame, columns: Sequence[str] | None = None, *, confidence: float = CONFIDENCE
) -> tuple[Principle, ...]:
    """One principle a column, of the unbiased rows: the given columns, else all dimensions and facts with numbers."""
    having(frame, "error")
    asked = numeric_columns(frame) if columns is None else tuple(columns)
    if not asked or len(set(asked)) < len(asked):
        raise Refused(f"principles are about columns with numbers, at least one, each once, got {list(asked)}")
    found = [principle(frame, column, confidence=confidence) for column in asked]
    adjusted = holm([one.correlation.p_value for one in found])
    return tuple(msgspec.structs.replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True))


def principle(frame: pd.DataFrame, column: str, *, confidence: float = CONFIDENCE) -> Principle:
    """One column on its own, of the unbiased rows."""
    rows = unbiased(frame)
    errors, values = errors_of(rows), numbers(rows, column)
    has = ~np.isnan(values)
    correlation = spearman(values, errors, confidence)
    return Principle(
        name=column,
        correlation=correlation,
        p_adjusted=correlation.p_value,
        failures=int(np.isinf(errors[has]).sum()),
        missing=int((~has).sum()),
        warnings=_warnings(frame, rows, column, values[has], errors[has]),
    )


def _warnings(frame: pd.DataFrame, rows: pd.DataFrame, column: str, values: Floats, errors: Floats) -> tuple[str, ...]:
    told = [f"left out: {reasons}"] if (reasons := left_out(frame)) else []
    if (spaces := len(set(names_of(rows)))) > 1:
        told.append(f"{spaces} spaces are taken together")
    if len(values) < FEW:
        told.append(f"n = {len(values)}: too few rows for a correlation")
    if len(values) and values.min() == values.max():
        told.append(f"all values of {column} are equal")
    if len(errors) and errors.min() == errors.max():
        told.append("all errors are equal")
    return tuple(told)
