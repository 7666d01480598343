"""Rows of a table as Optuna sees them: trials, and a study in memory that is nothing but these trials."""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import skew

from nas.space import Value


class TableStudy(optuna.Study):
    """A study without a storage: copies of all trials for every bootstrap sample would take most of its time."""

    def __init__(self, trials: list[FrozenTrial]) -> None:
        self._rows = trials

    @property
    def directions(self) -> list[StudyDirection]:
        """Errors are minimised."""
        return [StudyDirection.MINIMIZE]

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """All trials; they are complete, and shared."""
        return self._rows


def distribution(values: list[Value]) -> BaseDistribution:
    """The values that a column may hold: texts as categories, numbers from the smallest to the largest.

    Positive numbers that are less skewed in their logarithm are looked at there, as they have likely been drawn.
    """
    if any(isinstance(value, str) for value in values):
        return CategoricalDistribution(sorted({str(value) for value in values}))
    numbers = [value for value in values if not isinstance(value, str)]
    low, high = min(numbers), max(numbers)
    log = 0 < low < high and abs(float(skew(np.log(numbers)))) < abs(float(skew(numbers)))
    if all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(low), int(high), log=log)
    return FloatDistribution(low, high, log=log)


def trial(
    number: int, point: Mapping[str, Value], distributions: Mapping[str, BaseDistribution], error: float
) -> FrozenTrial:
    """A completed trial; a column that isn't in its point is an inactive parameter."""
    return FrozenTrial(
        number=number,
        state=TrialState.COMPLETE,
        value=error,
        datetime_start=None,
        datetime_complete=None,
        params=dict(point),
        distributions={name: distributions[name] for name in point},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=number,
    )
