"""One rule tested on its samples: the effect, its intervals, its p-value, and what a plan for more needs to know."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np

from nas.analysis.statistics.bootstrap import unbounded
from nas.analysis.statistics.comparison import mann_whitney
from nas.analysis.statistics.correlation import cautious_p_value, spearman
from nas.analysis.statistics.differences import mean_differences
from nas.analysis.statistics.edf import Edf, Floats
from nas.analysis.statistics.equivalence import DEVIATIONS, TWO_SIDED, allowing, default_delta
from nas.analysis.statistics.interval import CONFIDENCE, Interval, summed
from nas.analysis.statistics.stratified import comparable, mean_estimate
from nas.analysis.statistics.superiority import better, better_p_value
from nas.errors import Refused

Measure = Literal["difference of means", "rank correlation"]

LEVELS = (CONFIDENCE, TWO_SIDED)
"""Confidences of the interval of an effect and of the one that equivalence goes by."""
KNOWN = 30
"""Networks from which on a sample tells its own spread well enough to plan with it."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What the samples of one rule say before it is seen together with the others."""

    measure: Measure
    """What the effect is."""
    effect: Interval
    """Negative where the rule, or a larger value, lowers the error; 95 % unless the sample is looked at repeatedly."""
    narrow: Interval
    """The same with the 90 % interval that both one-sided tests amount to, or what takes its place there.

    Where delta is an estimate it is as much wider as that takes.
    """
    p_value: float
    """Two-sided, of no effect; in [0, 1]."""
    better: Interval | None
    """Probability that a network that obeys has the lower error; None for a rank correlation."""
    delta: float | None
    """Smallest effect that matters, in the unit of the effect; None where the errors don't vary."""
    unit: float
    """Variance of the effect times the number of networks, on the scale on which intervals are symmetric."""
    n: tuple[int, int]
    """Networks of either side, failures included; 0 in the second place for a rank correlation."""
    failures: tuple[int, int]
    """Those of them without an error."""

    def on_scale(self, effect: float) -> float:
        """An effect on the scale on which intervals are symmetric: Fisher's z of a rank correlation."""
        if self.measure == "difference of means":
            return effect
        return math.atanh(min(max(effect, -0.999), 0.999))


UNTESTED = Tested(
    measure="difference of means",
    effect=unbounded(0.0, CONFIDENCE),
    narrow=unbounded(0.0, TWO_SIDED),
    p_value=1.0,
    better=None,
    delta=None,
    unit=math.inf,
    n=(0, 0),
    failures=(0, 0),
)
"""A rule one of whose samples is empty."""


def of_samples(
    first: Edf, reference: Edf, delta: float | None, seed: int, levels: tuple[float, float] = LEVELS
) -> Tested:
    """A rule about two samples, with intervals of two confidences."""
    effect, narrow = mean_differences(first, reference, levels, seed=seed)
    if delta is None:
        narrow = allowing(narrow, min(first.n, reference.n), reference)
    wins = better(first, reference, levels[0])
    return Tested(
        measure="difference of means",
        effect=effect,
        narrow=narrow,
        p_value=both_p_value(first, reference),
        better=wins,
        delta=_delta(reference) if delta is None else delta,
        unit=_unit(first, reference),
        n=(first.n, reference.n),
        failures=(first.failures, reference.failures),
    )


def of_order(values: Floats, errors: Floats, delta: float | None, levels: tuple[float, float] = LEVELS) -> Tested:
    """A rule about the order of a column: rows without a value don't count, failures are the worst.

    Delta, in the unit of the errors, becomes the rho at which the upper and the lower half of the column differ by it
    in the mean, if both columns are normal: rho * sqrt(8 / pi) standard deviations. Half a deviation is a rho of 0.31.
    """
    has = ~np.isnan(values)
    correlation, narrow = (spearman(values[has], errors[has], level) for level in levels)
    done = errors[has & np.isfinite(errors)]
    deviation = float(done.std(ddof=1)) if len(done) > 1 and np.ptp(done) > 0.0 else 0.0
    halves = DEVIATIONS if delta is None else delta / deviation if deviation > 0.0 else math.nan
    rho = halves_rho(halves)
    return Tested(
        measure="rank correlation",
        effect=correlation.coefficient,
        narrow=narrow.coefficient,
        p_value=cautious_p_value(correlation),
        better=None,
        delta=min(rho, 0.999) if deviation > 0.0 else None,
        unit=1.0 + correlation.coefficient.estimate**2 / 2.0,
        n=(int(has.sum()), 0),
        failures=(int(np.isinf(errors[has]).sum()), 0),
    )


def halves_rho(deviations: float) -> float:
    """The correlation at which upper and lower half of a normal column differ by so many deviations in the mean."""
    return deviations * math.sqrt(math.pi / 8.0)


def both_p_value(first: Edf, reference: Edf) -> float:
    """Two-sided p of "the means differ, and so do the ranks, the same way"; 1 where mean and ranks disagree.

    It is the largest of Welch's, Brunner and Munzel's, and Mann and Whitney's. Each is needed: at a nominal 0.42 %, as
    the first of twelve rules is tested, simulated rates of false alarms were up to 28 % for Welch's alone (20 networks
    against 280, a twentieth of them failed), 1.2 % for Brunner and Munzel's (8 against 8), while Mann and Whitney's is
    exact for equal distributions and wrong for unequal spreads. The largest had 0.56 % at most without the third.
    """
    stratified = comparable(first, reference)
    difference = mean_estimate(first, reference).value if stratified else first.mean - reference.mean
    wins = better(first, reference).estimate - 0.5
    if difference * wins >= 0.0:
        return 1.0
    tests = (welch_p_value, better_p_value, mann_whitney)
    return max(test(first, reference) for test in tests)


def welch_p_value(first: Edf, reference: Edf) -> float:
    """Two-sided p of equal means, failures as guessing; 1 where a sample has a single network.

    Where neither sample varies the means either agree or differ for sure; what that is worth, ranks say.
    """
    if min(first.n, reference.n) < 2:
        return 1.0
    if comparable(first, reference):
        return mean_estimate(first, reference).p_value()
    parts = [(_deviation(edf) ** 2 / edf.n, edf.n - 1) for edf in (first, reference)]
    return summed(first.mean - reference.mean, parts).p_value()


def _deviation(edf: Edf) -> float:
    """Standard deviation, failures as guessing; none where all are equal or there is one."""
    scores = np.array(edf.scores)
    return float(scores.std(ddof=1)) if edf.n > 1 and np.ptp(scores) > 0.0 else 0.0


def _unit(first: Edf, reference: Edf) -> float:
    """Variance of the difference of means times the number of all networks.

    Sides of too few networks to know their spread are planned with the pooled one.
    """
    if comparable(first, reference):
        return (first.n + reference.n) * mean_estimate(first, reference).variance
    n, sizes = first.n + reference.n, (first.n, reference.n)
    variances = [_deviation(edf) ** 2 for edf in (first, reference)]
    pooled = sum((m - 1) * v for m, v in zip(sizes, variances, strict=True)) / max(n - 2, 1)
    if min(sizes) < KNOWN:
        variances = [pooled, pooled]
    return n * sum(v / m for m, v in zip(sizes, variances, strict=True))


def _delta(reference: Edf) -> float | None:
    try:
        return default_delta(reference)
    except Refused:
        return None
