"""Which columns of a table no rule is about unless it is asked for: the error under another name, names, and twins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from nas.analysis.selection import numeric_columns
from nas.findings.columns.names import is_id, is_result
from nas.findings.columns.networks import LEAST_COUNTED, is_row_name
from nas.findings.wording.numbers import shortened

if TYPE_CHECKING:
    import pandas as pd

SAME = 0.98
"""Spearman's rho with the error beyond which a column is the error."""
RESULT, ROWS = "the error or another result of the training", "numbers of rows or seeds"
MEASURED = "measured in the training, for it differs between the seeds of one network"
MOST_NAMED = 12
"""Most columns named in a note."""


def set_aside(frame: pd.DataFrame, measured: Collection[str] = ()) -> dict[str, str]:
    """Columns of numbers that say nothing of networks -> what they are; whole numbers that count, if there are others.

    A table of one column that happens to count is about that column.
    """
    names = numeric_columns(frame)
    reasons = {name: _reason(frame, name) or MEASURED * (name in measured) for name in names}
    counting = {name: ROWS for name in names if not reasons[name] and is_row_name(frame[name], name)}
    settings = [name for name in names if not reasons[name] and name not in counting]
    known = {name: reason for name, reason in reasons.items() if reason}
    return known | counting | _twins(frame, settings) if settings else known


def _twins(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, str]:
    """Columns that order all rows as one before them does, so that a rule on both would be tested twice."""
    orders: dict[bytes, str] = {}
    first = {name: orders.setdefault(frame[name].rank().to_numpy().tobytes(), name) for name in names}
    return {name: f"ordered as {other!r} is" for name, other in first.items() if other != name}


def _reason(frame: pd.DataFrame, name: str) -> str:
    if is_id(name):
        return ROWS
    return RESULT if is_result(name) or _orders_like_the_error(frame, name) else ""


def _orders_like_the_error(frame: pd.DataFrame, name: str) -> bool:
    both = frame[[name, "error"]].astype(float).dropna()
    if len(both) < LEAST_COUNTED or both.nunique().min() < 2:
        return False
    return abs(both[name].rank().corr(both["error"].rank())) > SAME


def note_on(aside: Mapping[str, str], names: Iterable[str] | None) -> tuple[str, ...]:
    """The note on what was left out, or on those of the requested columns that are such; none where there are none."""
    chosen = aside if names is None else [name for name in names if name in aside]
    kinds: dict[str, list[str]] = {RESULT: [], ROWS: []}
    for name in chosen:
        kinds.setdefault(aside[name], []).append(repr(name))
    parts = "; ".join(f"{shortened(texts, MOST_NAMED)}, {kind}" for kind, texts in kinds.items() if texts)
    if not parts:
        return ()
    return (f"left out unless --columns names them: {parts}" if names is None else f"taken as requested: {parts}",)
