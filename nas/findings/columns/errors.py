"""The column of errors of anybody's table -> shares of 1: which unit it has, and accuracies as errors.

Errors above 1 are percentages, but for losses and for what goes beyond 100: these have no unit and stay as they are.
What is named like an accuracy is refused as an error, for all verdicts would be reversed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nas.errors import Refused
from nas.findings.columns.names import is_accuracy, is_error, is_loss
from nas.findings.wording.numbers import shortened
from nas.study.table import GUESS

if TYPE_CHECKING:
    import pandas as pd

ERROR, ACCURACY = "error", "accuracy"
"""Columns of errors and of accuracies unless others are named."""
SHARES, PERCENTAGES, UNITLESS = "shares of 1", "percentages", "no unit, taken as they are"
"""Units of errors."""
PERCENT = 100.0
APART, ALIKE = 5.0, 2.0
"""Errors in two units lie so many times apart, and overlap within such a factor once the smaller ones are scaled."""
STRAY = 0.05
"""Share of errors up to which those beyond such a gap, which may be percentages, needn't overlap with the others."""
MOST_NAMED = 30
"""Most columns named in a message."""


def error_column(name: str | None, accuracy: bool) -> str:
    """The column of errors, or of accuracies, by the name that is given or else by the usual one."""
    return name if name and not (accuracy and name == ERROR) else ACCURACY if accuracy else ERROR


def column_of(frame: pd.DataFrame, column: str, place: str, option: str) -> pd.Series[Any]:
    """A column by its name; refused with those that there are."""
    if column not in frame:
        raise Refused(
            f"{place} has no column {column!r}; it has {shortened(list(frame.columns), MOST_NAMED)}",
            hint=f"name it: {option} COLUMN",
        )
    return frame[column]


def errors_of(
    frame: pd.DataFrame, column: str, place: str, *, accuracy: bool, ours: bool
) -> tuple[pd.Series[float], str]:
    """Errors as shares of 1, NaN where there is none, and the unit that they had; a table of ours has shares."""
    import pandas as pd

    cells = column_of(frame, column, place, "--error")
    _require_meaning(column, place, accuracy)
    try:
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float, na_value=math.nan)
    except OverflowError:
        raise Refused(f"{place}: a number in {column!r} is too large for an error", hint="remove its row") from None
    values = pd.Series(numbers, index=frame.index)
    wrong = (values.isna() & cells.notna()) | (values < 0)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise Refused(
            f"{place}: an {'accuracy' if accuracy else 'error'} is a number from 0 up, row {row + 1} has "
            f"{str(cells.iloc[row])!r} in {column!r}",
            hint=f"name the column of {'accuracies' if accuracy else 'errors'}: --error COLUMN",
        )
    values = values.where(values < math.inf)
    unit = _unit(values, column, place, ours)
    if accuracy and unit == UNITLESS:
        raise Refused(f"{place}: accuracies are shares of 1 or percentages, {column!r} goes up to {values.max():g}")
    scale = PERCENT if unit == PERCENTAGES else 1.0
    return (scale - values if accuracy else values) / scale, unit


def guess_of(frame: pd.DataFrame, given: float | None, unit: str, ours: bool) -> float | None:
    """The error of guessing as a share of 1: the given one, else that of a table of ours; None where nobody knows."""
    if given is None:
        known = frame[GUESS].dropna() if ours and GUESS in frame else ()
        return float(max(known)) if len(known) else frame.attrs.get(GUESS)
    share = given / PERCENT if unit == PERCENTAGES and given > 1 else given
    if not 0 < share < math.inf or (share > 1 and unit != UNITLESS):
        raise Refused(f"the error of guessing is above 0 and a share of 1 or a percentage, got {given:g}")
    return share


def _require_meaning(column: str, place: str, accuracy: bool) -> None:
    """Refuse an accuracy as an error, and an error as an accuracy, by its name."""
    if not accuracy and is_accuracy(column):
        raise Refused(
            f"{place}: more is better of what is called {column!r}, and less is better of an error",
            hint="--accuracy takes 1 - x, or 100 - x of percentages, as the error (accuracy=True in Python); a column "
            "of errors that is called so needs another name",
        )
    if accuracy and is_error(column):
        raise Refused(
            f"{place}: {column!r} is called an error, not an accuracy",
            hint="leave out --accuracy, or name another column",
        )


def _unit(values: pd.Series[float], column: str, place: str, ours: bool) -> str:
    """The unit of errors or accuracies; refused where some are shares and some percentages."""
    if ours:
        return SHARES
    if is_loss(column):
        return UNITLESS
    _require_one_unit(values.tolist(), column, place)
    most = values.max()
    return UNITLESS if most > PERCENT else PERCENTAGES if most > 1 else SHARES


def _require_one_unit(values: Sequence[float], column: str, place: str) -> None:
    """Refuse errors that may be shares and percentages: a wide gap parts few from many, or alike ones once scaled."""
    positive = sorted(value for value in values if 0 < value < math.inf)
    if not positive or positive[-1] <= 1:
        return
    for below, above in pairwise(positive):
        shares = [PERCENT * value for value in positive if value <= below]
        alike = ALIKE * shares[-1] >= above and shares[0] <= ALIKE * positive[-1]
        stray = positive[-1] <= PERCENT and len(positive) - len(shares) <= STRAY * len(positive)
        if below <= 1 and above > APART * below and (alike or stray):
            low, high = (f"row {values.index(value) + 1} has {value:g}" for value in (below, positive[-1]))
            raise Refused(
                f"{place}: errors in two units? In {column!r} {low}, {high}: shares of 1 and percentages",
                hint="write all of them as shares of 1; if all are percentages, divide them by 100, and if they are "
                "neither call the column a loss",
            )
