"""By how much the errors of two samples differ: of means and of quantiles, with bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nas.analysis.statistics.bootstrap import (
    RESAMPLES,
    between,
    expanded_tail,
    means,
    order_statistics,
    stretched,
    unbounded,
)
from nas.analysis.statistics.edf import SLACK, Edf, Floats
from nas.analysis.statistics.interval import CONFIDENCE, Interval, check_confidence
from nas.analysis.statistics.stratified import comparable, mean_estimate

LEADING = 0.1
"""The quantile that speaks of the better networks of a space."""


def mean_difference(first: Edf, second: Edf, *, seed: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """Mean error of `first` less that of `second`, failures as guessing, with a bootstrap interval.

    Hesterberg's expanded percentile interval (2015), at the smaller sample's degrees of freedom. Simulated coverage of
    95 % for normal errors: 97 % at n = 8 and 94 % at 20, where a plain percentile interval has 91 % and 92 %. A sample
    without failures beside one that has some may have missed its own by chance, which the interval allows for; if both
    have missed them nothing tells. With a single network it is unbounded. Of two stratified samples of one design it
    is Student's interval of the strata's means, from the variance inside of them.
    """
    return mean_differences(first, second, (confidence,), seed=seed)[0]


def mean_differences(first: Edf, second: Edf, confidences: Sequence[float], *, seed: int = 0) -> tuple[Interval, ...]:
    """The same for several confidences, from the same resamples.

    Of a confidence above 95 % too few resamples tell the ends: they lie as much farther out as Student's t.
    """
    for confidence in confidences:
        check_confidence(confidence)
    if comparable(first, second):
        return tuple(mean_estimate(first, second).interval(confidence) for confidence in confidences)
    estimate, n = first.mean - second.mean, min(first.n, second.n)
    if n < 2:
        return tuple(unbounded(estimate, confidence) for confidence in confidences)
    generator = np.random.default_rng(seed)
    failing = first.failures + second.failures > 0
    completed = [np.array(edf.errors[: edf.n - edf.failures]) for edf in (first, second)]
    pools = [own if len(own) > 1 else other for own, other in (completed, completed[::-1])]
    drawn = [_deviations(edf, errors, generator, failing) for edf, errors in zip((first, second), pools, strict=True)]
    draws = estimate + drawn[0] - drawn[1]
    return tuple(_interval(estimate, draws, n, confidence) for confidence in confidences)


def quantile_difference(
    first: Edf, second: Edf, share: float = LEADING, *, seed: int = 0, confidence: float = CONFIDENCE
) -> Interval | None:
    """Quantile of `first` less that of `second`, failures as infinity, with a percentile bootstrap interval.

    None where both quantiles are failures, so that there is no difference. Where a sample is so small that all of its
    networks may lie on one side of the true quantile, the interval has no end on the side that follows from it: for the
    10 % quantile below 36 networks. Simulated coverage of 95 %, over four pairs of distributions (normal, skewed,
    rounded with a tenth of failures): 95 to 98 % for n = 40, 95 to 98 % for 100 and 500.
    """
    check_confidence(confidence)
    here, there = first.quantile(share), second.quantile(share)
    if math.isinf(here) and math.isinf(there):
        return None
    generator, tail = np.random.default_rng(seed), (1.0 - confidence) / 2.0
    a, b = (_quantiles(edf, share, generator) for edf in (first, second))
    neither = np.isinf(a) & np.isinf(b)  # no difference at all: it counts against both ends
    with np.errstate(invalid="ignore"):
        draws = a - b
    low = float(np.quantile(np.where(neither, -np.inf, draws), tail, method="inverted_cdf"))
    high = float(np.quantile(np.where(neither, np.inf, draws), 1.0 - tail, method="inverted_cdf"))
    open_low = _all_above(first, share, tail) or _all_below(second, share, tail)
    open_high = _all_below(first, share, tail) or _all_above(second, share, tail)
    return Interval(
        estimate=here - there,
        low=-math.inf if open_low else min(low, here - there),
        high=math.inf if open_high else max(high, here - there),
        confidence=confidence,
    )


def _interval(estimate: float, draws: Floats, n: int, confidence: float) -> Interval:
    interval = between(estimate, draws, expanded_tail(n, min(confidence, CONFIDENCE)), confidence)
    return stretched(interval, n, confidence) if confidence > CONFIDENCE else interval


def _deviations(edf: Edf, completed: Floats, generator: np.random.Generator, failing: bool) -> Floats:
    """Bootstrap means about the mean; where networks fail the share of failures is drawn apart.

    A resample of a sample without failures has none, though the next sample may, and one of failures only has nothing
    else: the share follows Jeffreys' posterior, and completed errors are the other side's where this one has too few.
    """
    if not failing or len(completed) < 2:
        return _stretched(np.array(edf.scores), edf.mean, generator)
    middle = float(completed.mean())
    lost = generator.beta(edf.failures + 0.5, edf.n - edf.failures + 0.5, RESAMPLES)
    drawn = (1.0 - lost) * (middle + _stretched(completed, middle, generator)) + lost * edf.guess
    return np.asarray(drawn - edf.mean, dtype=np.float64)


def _stretched(values: Floats, mean: float, generator: np.random.Generator) -> Floats:
    """Bootstrap means about the mean, stretched to the unbiased variance."""
    stretch = math.sqrt(len(values) / (len(values) - 1))
    return np.asarray((means(values, generator) - mean) * stretch, dtype=np.float64)


def _quantiles(edf: Edf, share: float, generator: np.random.Generator) -> Floats:
    rank = max(math.ceil(share * edf.n - SLACK), 1)
    return order_statistics(np.array(edf.errors), rank, generator, RESAMPLES)


def _all_above(edf: Edf, share: float, tail: float) -> bool:
    """Whether a sample of this size may well hold no network as good as the true quantile."""
    return (1.0 - share) ** edf.n > tail


def _all_below(edf: Edf, share: float, tail: float) -> bool:
    """Whether a sample of this size may well hold no network worse than the true quantile."""
    return share**edf.n > tail
