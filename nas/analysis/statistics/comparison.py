"""Two spaces side by side: effects with intervals first, p-values second, corrected for how many were asked for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np

from nas.analysis.statistics.edf import Edf
from nas.analysis.statistics.interval import Interval
from nas.analysis.statistics.stratified import comparable, exchange_p_value
from nas.analysis.statistics.superiority import better, better_p_value, shift
from nas.study.strata import matched


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
    shift: Interval
    """By how much the errors of the first lie above those of the second, failures last; in the unit of the errors."""
    warnings: tuple[str, ...] = ()
    """What must be said beside the numbers, of both samples."""


def compare(first: Edf, second: Edf) -> Comparison:
    """One comparison on its own."""
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
        shift=shift(first, second),
        warnings=warnings_of(first, second),
    )


def kolmogorov_smirnov(first: Edf, second: Edf) -> tuple[float, float]:
    """Largest difference of the two EDFs, and the p-value of equal distributions, exact up to 10,000 networks."""
    from scipy.stats import ks_2samp

    with warnings.catch_warnings():
        # Where its exact p rounds to above 1, scipy warns and takes the asymptotic one.
        warnings.filterwarnings("ignore", "ks_2samp: Exact calculation unsuccessful", RuntimeWarning)
        ks = ks_2samp(np.array(first.errors), np.array(second.errors))
    return float(ks.statistic), float(ks.pvalue)


def mann_whitney(first: Edf, second: Edf) -> float:
    """Two-sided p of equal distributions by their ranks, ties at their mean, failures last and tied.

    It is blind to what unequal spreads do to it. Of two stratified samples of one design it is that of exchanges
    inside of the strata.
    """
    if comparable(first, second):
        return exchange_p_value(first, second)
    from scipy.stats import mannwhitneyu

    if {*first.errors, *second.errors} == {first.errors[0]}:
        return 1.0
    return float(mannwhitneyu(np.array(first.errors), np.array(second.errors)).pvalue)


def warnings_of(*samples: Edf) -> tuple[str, ...]:
    """What must be said of each sample, with its name, and of how they were drawn."""
    sentences = tuple(f"{edf.name}: {warning}" for edf in samples for warning in edf.warnings)
    designs = {edf.name: " and ".join(matched(edf.strata)) or "no strata" for edf in samples}
    if len(set(designs.values())) < 2:
        return sentences
    drawn = ", ".join(f"{name} from {strata}" for name, strata in designs.items())
    return (*sentences, f"not compared at matched cost: {drawn}")


def compare_all(edfs: Sequence[Edf]) -> tuple[Comparison, ...]:
    """Every pair, the earlier space first, Holm-corrected; none for fewer than two spaces."""
    return together([compare(first, second) for first, second in combinations(edfs, 2)])


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
