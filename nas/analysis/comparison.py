"""Two spaces side by side: effects with intervals first, p-values second, corrected for how many were asked for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist

import msgspec
import numpy as np

from nas.analysis.distribution import Edf, Floats
from nas.analysis.interval import CONFIDENCE, Interval
from nas.analysis.placements import better, better_p_value

RESAMPLES = 4_000
"""Bootstrap samples behind an interval of means."""
BATCH = 100
"""Bootstrap samples held in memory at once."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How the errors of two spaces differ; the lower error is the better one."""

    first: str
    """Name of the one space."""
    second: str
    """Name of the other."""
    n_first: int
    """Networks of the first, failures included; at least 1."""
    n_second: int
    """Networks of the second, failures included; at least 1."""
    failures_first: int
    """Networks of the first without an error."""
    failures_second: int
    """Networks of the second without an error."""
    ks: float
    """Kolmogorov-Smirnov distance: the largest difference of the two EDFs; in [0, 1]."""
    ks_p: float
    """Of equal distributions, by scipy's `ks_2samp`; on the safe side where errors tie; in [0, 1]."""
    better: Interval
    """Probability that a random network of the first has a lower error than one of the second, plus half the ties."""
    p_value: float
    """Of P(better) = 1/2, by scipy's `brunnermunzel`; in [0, 1]."""
    p_adjusted: float
    """The same, Holm-corrected for the comparisons that were asked for together; in [0, 1]."""
    mean_difference: Interval
    """Mean error of the first less that of the second, failures as guessing; in the unit of the errors."""


def compare(first: Edf, second: Edf, *, seed: int = 0) -> Comparison:
    """One comparison on its own; the seed is that of the bootstrap."""
    ks, ks_p = kolmogorov_smirnov(first, second)
    p_value = better_p_value(first, second)
    return Comparison(
        first=first.name,
        second=second.name,
        n_first=first.n,
        n_second=second.n,
        failures_first=first.failures,
        failures_second=second.failures,
        ks=ks,
        ks_p=ks_p,
        better=better(first, second),
        p_value=p_value,
        p_adjusted=p_value,
        mean_difference=mean_difference(first, second, seed=seed),
    )


def kolmogorov_smirnov(first: Edf, second: Edf) -> tuple[float, float]:
    """Largest difference of the two EDFs, and the p-value of equal distributions, exact up to 10,000 networks."""
    from scipy.stats import ks_2samp

    with warnings.catch_warnings():
        # Where its exact p rounds to above 1, scipy warns and takes the asymptotic one.
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful", RuntimeWarning)
        ks = ks_2samp(np.array(first.errors), np.array(second.errors))
    return float(ks.statistic), float(ks.pvalue)


def compare_all(edfs: Sequence[Edf], *, seed: int = 0) -> tuple[Comparison, ...]:
    """Every pair, the earlier space first, Holm-corrected; none for fewer than two spaces."""
    return together([compare(first, second, seed=seed) for first, second in combinations(edfs, 2)])


def together(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The comparisons with p-values that are Holm-corrected for these and no others."""
    adjusted = holm([comparison.p_value for comparison in comparisons])
    return tuple(
        msgspec.structs.replace(comparison, p_adjusted=p) for comparison, p in zip(comparisons, adjusted, strict=True)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected by Holm (1979), in their order: any below alpha errs in at most alpha of all families."""
    if not all(0.0 <= p <= 1.0 for p in p_values):
        raise ValueError(f"p-values lie between 0 and 1, got {list(p_values)}")
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return adjusted


def mean_difference(first: Edf, second: Edf, *, seed: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """Mean error of `first` less that of `second`, failures as guessing, with a bootstrap interval.

    Hesterberg's expanded percentile interval (2015), at the smaller sample's degrees of freedom. Simulated coverage of
    95 % for normal errors: 97 % at n = 8 and 94 % at 20, where a plain percentile interval has 91 % and 92 %. Failures
    that a small sample has missed by luck are beyond any bootstrap. With a single network it is unbounded.
    """
    estimate, n = first.mean - second.mean, min(first.n, second.n)
    if n < 2:
        return Interval(estimate=estimate, low=-math.inf, high=math.inf, confidence=confidence)
    generator = np.random.default_rng(seed)
    differences = estimate + _deviations(first, generator) - _deviations(second, generator)
    tail = _expanded_tail(n, confidence)
    low, high = (float(end) for end in np.quantile(differences, (tail, 1.0 - tail)))
    return Interval(estimate=estimate, low=min(low, estimate), high=max(high, estimate), confidence=confidence)


def _deviations(edf: Edf, generator: np.random.Generator) -> Floats:
    """Bootstrap means about the mean, stretched to the unbiased variance."""
    scores = np.array(edf.scores)
    batches = [generator.choice(scores, (BATCH, edf.n)).mean(1) for _ in range(RESAMPLES // BATCH)]
    return np.asarray((np.concatenate(batches) - edf.mean) * math.sqrt(edf.n / (edf.n - 1)), dtype=np.float64)


def _expanded_tail(n: int, confidence: float) -> float:
    """The normal tail that reaches as far as Student's t of n - 1 degrees of freedom."""
    from scipy.special import stdtrit

    return NormalDist().cdf(float(stdtrit(n - 1, (1.0 - confidence) / 2.0)))
