"""How much long errors vary on one side of a rule, where only some networks were trained long; delta is half of it.

Simulated audits of two spaces that differ by exactly delta, 12, 25 and 100 networks of each trained long, six kinds of
errors (straight, curved, of unequal seed variance, unrelated, turned, failing): at most 16 of 200 said that nothing
matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nas.analysis.rules.sides import Flags
from nas.analysis.statistics.bootstrap import Rows
from nas.analysis.statistics.edf import Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Phases:
    """Networks that were all trained short, some of them long, too."""

    spaces: Floats
    """Indicators of the spaces: one line a network, one column a space."""
    short: Floats
    """Short error of each network, failures as guessing."""
    failed: Flags
    """Whether the short training failed."""
    chosen: Rows
    """Places of the networks that were trained long, each once."""
    long: Floats
    """Their long errors in that order; infinity for a failure."""
    weights: Floats
    """How many networks each of them stands for; positive."""
    guess: float
    """Error at which a failure enters means."""


LEAST_FREEDOM = 3
"""Networks beyond the coefficients of the regression without which nothing is estimated."""
OWN = 8
"""Networks of a side that were trained long from which on their residuals alone tell how much it varies."""
FULL = 0.999
"""Leverage, or size of a correlation, that counts as 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Spread:
    """How much the long errors of one side vary, among the networks that completed both trainings."""

    deviation: float
    """Standard deviation; 0 where it isn't known."""
    pulls: Floats
    """By how much each of the networks behind it moves it, times their number."""
    residuals: Floats
    """Their long errors less their predictions, which move the side's mean."""


CERTAIN = Spread(deviation=1.0, pulls=np.zeros(0), residuals=np.zeros(0))
UNKNOWN = Spread(deviation=0.0, pulls=np.zeros(0), residuals=np.zeros(0))


def spread_of(phases: Phases, design: Floats, side: Flags) -> Spread:
    """Of a side's long errors: what the regression predicts, and its residuals there, or everywhere if they are few.

    Failures, short or long, have no error and don't widen it.
    """
    completed = np.isfinite(phases.long) & ~phases.failed[phases.chosen]
    rows, long, weights = phases.chosen[completed], phases.long[completed], phases.weights[completed]
    inverse = np.linalg.pinv(design[rows])
    leverage = np.einsum("ij,ji->i", design[rows], inverse)
    if len(rows) - round(float(leverage.sum())) < LEAST_FREEDOM:
        return UNKNOWN
    coefficients = inverse @ long
    used = leverage < FULL
    if (used & side[rows]).sum() >= OWN:
        used &= side[rows]
    residuals = ((long - design[rows] @ coefficients)[used]) / np.sqrt(1.0 - leverage[used])
    predicted = (design @ coefficients)[side & ~phases.failed]
    shares = weights[used] / weights[used].mean()
    squares = shares * np.square(residuals)
    variance = (float(predicted.var(ddof=1)) if len(predicted) > 1 else 0.0) + float(squares.mean())
    if not variance > 0.0:
        return UNKNOWN
    pulls = (squares - squares.mean()) / (2.0 * math.sqrt(variance))
    return Spread(deviation=math.sqrt(variance), pulls=pulls, residuals=shares * residuals)
