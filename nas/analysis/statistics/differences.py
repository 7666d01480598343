"""By how much the errors of two samples differ: of means, with bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nas.analysis.statistics.bootstrap import (
    RESAMPLES,
    between,
    expanded_tail,
    means,
    stretched,
    unbounded,
)
from nas.analysis.statistics.edf import Edf, Floats
from nas.analysis.statistics.interval import CONFIDENCE, Interval, check_confidence
from nas.analysis.statistics.stratified import comparable, mean_estimate


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
