"""Which columns decide whether a network is among the best tenth: PED-ANOVA, by Optuna, on any table.

Watanabe, Bansal and Hutter, PED-ANOVA (IJCAI 2023); columns that aren't there in every row are handled as conditional
parameters by Optuna (Conditional PED-ANOVA). Ours: the study is made from the table, failures are the worst networks,
and a bootstrap over trials tells how stable the shares are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from nas.analysis.selection import errors_of, having, unbiased
from nas.analysis.statistics.interval import CONFIDENCE, Interval, between, check_confidence
from nas.errors import Refused

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import FrozenTrial

    from nas.analysis.statistics.interval import Floats
    from nas.space import Value

RESAMPLES = 50
"""Bootstrap samples of trials behind a stability interval."""
TARGET = 0.1
"""Share of the networks that count as the best."""
FEWEST = 20
"""Networks below which the best tenth is one or two."""
STEADY = 50
"""Networks below which the best tenth is less than five, which Optuna's authors ask for."""


class Importance(msgspec.Struct, frozen=True, kw_only=True):
    """The importance of one column."""

    column: str
    """A dimension or a fact."""
    share: Interval
    """Of all columns that were asked for, in [0, 1]; the interval says how stable it is, not how far from nothing."""
    n: int
    """Networks with a value in the column, failures included."""
    missing: int
    """Networks without one, which are kept: its absence is what they say."""
    warnings: tuple[str, ...] = ()
    """What must be said beside the share."""


def importances(
    frame: pd.DataFrame,
    columns: Sequence[str],
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """The columns by their importance in the unbiased rows, the greatest first; a cell that isn't finite is missing."""
    check_confidence(confidence)
    rows = unbiased(having(frame, "error", *columns))
    errors = errors_of(rows)
    rows = rows[list(columns)].replace([np.inf, -np.inf], np.nan)  # no value of a dimension
    _require_enough(errors, columns)
    trials = _trials(rows, errors)
    shares = _shares(trials, columns)
    generator = np.random.default_rng(seed)
    chosen = (generator.integers(len(trials), size=len(trials)) for _ in range(resamples))
    draws = np.stack([_shares([trials[i] for i in places], columns) for places in chosen])
    few = (f"n = {len(rows)}: the best tenth is less than five networks",) if len(rows) < STEADY else ()
    estimates = [
        Importance(
            column=column,
            share=between(share, drawn, (1.0 - confidence) / 2.0, confidence),
            n=int(rows[column].notna().sum()),
            missing=int(rows[column].isna().sum()),
            warnings=few,
        )
        for column, share, drawn in zip(columns, shares.tolist(), draws.T, strict=True)
    ]
    return tuple(sorted(estimates, key=lambda importance: -importance.share.estimate))


def _require_enough(errors: Floats, columns: Sequence[str]) -> None:
    if not columns or len(set(columns)) < len(columns):
        raise Refused(f"importance needs at least one column, each once, got {list(columns)}")
    if len(errors) < FEWEST:
        raise Refused(f"importance needs at least {FEWEST} networks, got {len(errors)}")
    if errors.min() == errors.max():
        raise Refused(f"all {len(errors)} errors are equal, so no column is important")


def _trials(rows: pd.DataFrame, errors: Floats) -> list[FrozenTrial]:
    """The rows as Optuna's trials; a parameter is only there where its cell isn't empty."""
    from nas.analysis.optuna_study import distribution, trial

    worst = float(errors[np.isfinite(errors)].max())
    values = np.where(np.isfinite(errors), errors, worst + max(abs(worst), 1.0)).tolist()  # only the order matters
    cells = {str(name): _plain(rows[name]) for name in rows}
    filled = {name: [cell for cell in column if cell is not None] for name, column in cells.items()}
    distributions = {name: distribution(column) for name, column in filled.items() if column}
    points = [
        {name: cell for name, column in cells.items() if (cell := column[number]) is not None}
        for number in range(len(values))
    ]
    return [trial(number, point, distributions, values[number]) for number, point in enumerate(points)]


def _plain(column: pd.Series[Any]) -> list[Value | None]:
    """The cells as Python's own numbers or texts, None where empty."""
    from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype

    read: Callable[[Any], Value] = str
    if not is_bool_dtype(column) and (is_integer_dtype(column) or is_float_dtype(column)):
        read = int if is_integer_dtype(column) else float
    return [None if empty else read(cell) for cell, empty in zip(column, column.isna(), strict=True)]


def _shares(trials: list[FrozenTrial], columns: Sequence[str]) -> Floats:
    """Importance of each column, in sum 1; all 0 where none has any."""
    from optuna.importance import PedAnovaImportanceEvaluator

    from nas.analysis.optuna_study import TableStudy

    present = [column for column in columns if any(column in trial.params for trial in trials)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some regimes for parameter|Target and region quantiles")
        shares = PedAnovaImportanceEvaluator(target_quantile=TARGET).evaluate(TableStudy(trials), present)
    values = np.array([shares.get(column, 0.0) for column in columns])
    return values / values.sum() if values.sum() > 0.0 else values
