"""Two stratified samples of one design: effect and tests from what varies inside of the strata only.

Every stratum has the same weight, so samples are compared at equal cost even where a run isn't finished. That errors
follow the cost from stratum to stratum is no noise any more: Cochran, Sampling Techniques (1977), chapter 5. Tests that
don't know of strata stay valid, for stratifying in equal shares only takes variance away; they find less.
"""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from nas.analysis.statistics.edf import Edf, weight_below
from nas.analysis.statistics.interval import Estimate, Floats, of_mean, summed
from nas.study.strata import parsed

LEAST = 2
"""Networks of each sample in each stratum from which on the spread inside of the strata is known."""
Groups = list[NDArray[np.intp]]


def comparable(first: Edf, second: Edf) -> bool:
    """Whether both are samples of the same strata, with enough networks in each to know what varies there."""
    held, others = Counter(first.strata), Counter(second.strata)
    parsed_strata = parsed(held)
    whole = bool(parsed_strata) and len(parsed_strata) == len(held) == parsed_strata[0].count
    return whole and held.keys() == others.keys() and min(*held.values(), *others.values()) >= LEAST


def mean_estimate(first: Edf, second: Edf) -> Estimate:
    """Mean error of `first` less that of `second`, failures as guessing."""
    (mean, parts), (other, others) = (_mean(np.array(edf.scores), groups(edf)) for edf in (first, second))
    return summed(mean - other, [*parts, *others])


def better_estimate(first: Edf, second: Edf) -> Estimate:
    """P(better) of networks from any strata, ties as one half, by their placements (Brunner and Munzel)."""
    a, b = np.array(first.errors), np.array(second.errors)
    share, parts = _mean(1.0 - weight_below(a, b, weights_of(second)), groups(first))
    _, others = _mean(weight_below(b, a, weights_of(first)), groups(second))
    return summed(share, [*parts, *others])


def better_p_value(first: Edf, second: Edf) -> float:
    """Two-sided p of P(better) = 1/2, never below the least that exchanges inside of the strata can give."""
    pairs = zip(groups(first), groups(second), strict=True)
    exchanges = math.prod(math.comb(len(a) + len(b), len(a)) for a, b in pairs)
    return max(better_estimate(first, second).p_value(0.5), 2 / exchanges)


def exchange_p_value(first: Edf, second: Edf) -> float:
    """Two-sided p of equal distributions in each stratum, by exchanges of networks inside of the strata.

    The statistic is the rank sum of `first` among all networks, its moments under exchange are exact and it is taken as
    normal, with a correction for its steps (van Elteren 1960, with the ranks of the whole).
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.array([*first.errors, *second.errors]))
    excess = variance = 0.0
    for a, b in zip(groups(first), groups(second), strict=True):
        here = np.concatenate([ranks[a], ranks[first.n + b]])
        excess += float(ranks[a].sum() - len(a) * here.mean())
        variance += len(a) * len(b) / len(here) * float(here.var(ddof=1))
    if variance == 0.0:
        return 1.0
    return min(2.0 * NormalDist().cdf(-max(abs(excess) - 0.5, 0.0) / math.sqrt(variance)), 1.0)


def groups(edf: Edf) -> Groups:
    """Where in a stratified sample the networks of each stratum stand, in the order of the strata's names."""
    names = np.array(edf.strata)
    return [np.flatnonzero(names == name) for name in np.unique(names)]


def _mean(values: Floats, parted: Groups) -> tuple[float, list[tuple[float, int]]]:
    """The mean of the strata's means, and each one's share of its variance with its degrees of freedom."""
    strata, count = [values[rows] for rows in parted], len(parted)
    parts = [(variance / count**2, freedom) for variance, freedom in map(of_mean, strata)]
    return math.fsum(float(part.mean()) for part in strata) / count, parts


def weights_of(edf: Edf) -> Floats:
    """Weight of each network, so that every stratum has the same; they sum to 1."""
    weights, parted = np.zeros(edf.n), groups(edf)
    for rows in parted:
        weights[rows] = 1.0 / (len(parted) * len(rows))
    return weights
