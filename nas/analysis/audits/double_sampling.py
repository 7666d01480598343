"""What all networks would show if all were trained long: from the short errors of all and the long errors of some.

Half of how much long errors vary on one side of a rule is delta there. Simulated audits of two spaces that differ by
exactly delta, 12, 25 and 100 networks of each trained long, six kinds of errors (straight, curved, of unequal seed
variance, unrelated, turned, failing): at most 16 of 200 said that nothing matters.

Double sampling with a regression estimator (Cochran, Sampling Techniques, 1977, chapter 12): the long error is
regressed on the short one among the networks that have both, predicted for all, and corrected by the mean residual on
each side. So the estimate is right on average even where the regression isn't, and the better it is, the narrower the
interval. Its variance has two parts: that of the predictions over the networks of the run, and that of the residuals of
the few, as the larger of a pooled one and one that lets each network have its own (HC3 of MacKinnon and White, 1985).
Failures of the short training, of which each either fails again or ends like the others, are pooled by themselves, and
their variance is that of a coin at least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nas.analysis.rules.testing import Flags
from nas.analysis.statistics.edf import weight_below
from nas.analysis.statistics.equivalence import widened
from nas.analysis.statistics.interval import Estimate, Floats, Interval, Rows, summed


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


@dataclass(frozen=True, kw_only=True)
class Effect:
    """An effect at the longer training."""

    estimate: float
    """On the scale on which the interval is symmetric."""
    of_few: float
    """Variance from having trained only some networks long."""
    of_all: float
    """Variance that would be left if all had been."""
    freedom: float
    """Degrees of freedom of Student's t for both together; at least 1."""
    spread: Spread
    """Of the long errors that it is compared with; 1 for a correlation."""
    bounded: bool
    """Whether the scale is Fisher's z of a correlation."""

    @property
    def p_value(self) -> float:
        """Two-sided, of no effect; in [0, 1]."""
        return self._student.p_value()

    def interval(self, confidence: float) -> Interval:
        """In the unit of the errors, or as a correlation."""
        reach = self._student.reach(confidence)
        ends = (self.estimate - reach, self.estimate, self.estimate + reach)
        low, estimate, high = map(math.tanh, ends) if self.bounded else ends
        return Interval(estimate=estimate, low=low, high=high, confidence=confidence)

    @property
    def _student(self) -> Estimate:
        return Estimate(value=self.estimate, variance=self.of_few + self.of_all, freedom=self.freedom)

    def against(self, share: float, confidence: float) -> Interval:
        """The interval made so wide that it can be held against `share` of the spread, an estimate itself."""
        interval, n = self.interval(confidence), len(self.spread.pulls)
        return interval if n < 2 else widened(interval, self.spread.residuals, share * self.spread.pulls, n - 1)


def difference(phases: Phases, first: Flags, reference: Flags) -> Effect | None:
    """Mean long error of one side less that of the other, failures as guessing.

    None where too few were trained long, or none on a side. Failures of the short training of which none was trained
    long are taken to fail again.
    """
    if not (first[phases.chosen].any() and reference[phases.chosen].any()):
        return None
    long = np.where(np.isfinite(phases.long), phases.long, phases.guess)
    seen = bool(phases.failed[phases.chosen].any())
    columns = [phases.spaces, phases.short, first, reference, *([phases.failed] if seen else [])]
    design = np.column_stack(columns).astype(np.float64)
    again = phases.failed if not seen else np.zeros_like(phases.failed)
    shares = [side / side.sum() for side in (first, reference)]
    contrast = np.where(again, 0.0, shares[0] - shares[1])
    certain = phases.guess * float((shares[0] - shares[1])[again].sum())
    weights = [phases.weights * side[phases.chosen] for side in (first, reference)]
    pulls = [w / w.sum() * share[~again].sum() for w, share in zip(weights, shares, strict=True)]
    fit = _fitted(
        design, contrast, phases.chosen, pulls[0] - pulls[1], long, phases.failed[phases.chosen], phases.guess
    )
    if fit is None:
        return None
    predicted = np.where(again, phases.guess, design @ fit.coefficients)
    of_all = sum(float(predicted[side].var(ddof=1)) / int(side.sum()) for side in (first, reference) if side.sum() > 1)
    return _effect(certain + fit.estimate, fit, of_all, len(phases.short), spread_of(phases, design, reference))


def order(phases: Phases, values: Floats, inside: Flags) -> Effect | None:
    """Spearman's correlation of a column with the long error among the networks inside that have a value.

    Ranks of the long errors are those among the networks that were trained long, each as many as it stands for. On the
    scale of Fisher's z; None where too few were trained long, or where nothing varies.
    """
    from scipy.stats import rankdata

    rows = np.flatnonzero(inside & ~np.isnan(values))
    place = {row: position for position, row in enumerate(rows.tolist())}
    kept = np.array([row in place for row in phases.chosen.tolist()], dtype=np.bool_)
    chosen = np.array([place[row] for row in phases.chosen[kept].tolist()], dtype=np.intp)
    short = np.where(phases.failed, np.inf, phases.short)[rows]
    long, weights = phases.long[kept], phases.weights[kept]
    column, before = (_standard(rankdata(part)) for part in (values[rows], short))
    after = _standard(weight_below(long, long, weights), weights)
    if column is None or before is None or after is None:
        return None
    design = np.column_stack([np.ones(len(rows)), before, column])
    pull = weights / weights.sum() * column[chosen]
    fit = _fitted(design, column / len(rows), chosen, pull, after, np.zeros(len(chosen), dtype=np.bool_), 0.0)
    if fit is None:
        return None
    rho = min(max(fit.estimate, -FULL), FULL)
    products = column * (design @ fit.coefficients)
    of_all = float(products.var(ddof=1)) / len(rows)
    return _effect(math.atanh(rho), fit, of_all, len(rows), CERTAIN, stretch=(1.0 - rho * rho) ** -2)


@dataclass(frozen=True)
class _Fit:
    """A sum over all networks, estimated through a regression among some."""

    coefficients: Floats
    estimate: float
    of_few: float
    freedom: float


def _fitted(
    design: Floats, contrast: Floats, chosen: Rows, pull: Floats, long: Floats, failed: Flags, guess: float
) -> _Fit | None:
    """The sum of contrast times long error, predicted for all and corrected by the residuals of some, times `pull`.

    It is linear in the long errors, which gives its variance from theirs.
    """
    own = design[chosen]
    inverse = np.linalg.pinv(own)
    leverage = np.einsum("ij,ji->i", own, inverse)
    freedom = len(chosen) - round(float(leverage.sum()))
    if freedom < LEAST_FREEDOM:
        return None
    factors = (contrast @ design) @ inverse + pull - (pull @ own) @ inverse
    coefficients = inverse @ long
    residuals = long - own @ coefficients
    pooled = _pooled(residuals, freedom, long, failed, guess)
    free = leverage < FULL
    each = np.where(free, np.square(residuals / np.where(free, 1.0 - leverage, 1.0)), pooled)
    together, own_each = np.square(factors) * pooled, np.square(factors) * each
    estimate = float(factors @ long)
    if together.sum() >= own_each.sum():
        return _Fit(coefficients, estimate, float(together.sum()), float(freedom))
    alone = 2.0 * float(own_each.sum()) ** 2 / float(own_each @ own_each)
    return _Fit(coefficients, estimate, float(own_each.sum()), min(float(freedom), alone))


def _pooled(residuals: Floats, freedom: int, long: Floats, failed: Flags, guess: float) -> Floats:
    """Variance of each network: of those that completed the short training, and of those that failed in it."""
    squares, failures = np.square(residuals), int(failed.sum())
    if failures == 0 or failures == len(long):
        return np.full(len(long), float(squares.sum()) / freedom)
    coin = ((guess - float(long[~failed].mean())) / 2.0) ** 2 / failures  # few that end alike don't tell of all others
    of_failures = max(float(squares[failed].sum()) / max(failures - 1, 1), coin)
    rest = max(freedom - failures + 1, 1)
    return np.where(failed, of_failures, float(squares[~failed].sum()) / rest)


def _effect(estimate: float, fit: _Fit, of_all: float, n: int, spread: Spread, *, stretch: float = 0.0) -> Effect:
    """With the degrees of freedom of a sum of two variances."""
    freedom = summed(estimate, [(fit.of_few, fit.freedom), (of_all, max(n - 2, 1))]).freedom
    scale = stretch or 1.0
    return Effect(
        estimate=estimate,
        of_few=fit.of_few * scale,
        of_all=of_all * scale,
        freedom=max(freedom, 1.0),
        spread=spread,
        bounded=stretch > 0.0,
    )


def _standard(values: Floats, weights: Floats | None = None) -> Floats | None:
    """With mean 0 and variance 1; None where they don't vary."""
    if len(values) < 2 or np.ptp(values) == 0.0:
        return None
    weighting = np.ones(len(values)) if weights is None else weights
    centred = values - np.average(values, weights=weighting)
    return np.asarray(centred / math.sqrt(float(np.average(centred**2, weights=weighting))), dtype=np.float64)
