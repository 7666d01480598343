"""Shares of independent draws, such as of wrong images: the interval of one, and of the difference of two."""

from __future__ import annotations

import math
from statistics import NormalDist

from nas.analysis.statistics.interval import CONFIDENCE, Interval


def wilson(share: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """A share of n draws, in [0, 1], with Wilson's score interval (1927)."""
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * math.sqrt(share * (1.0 - share) / n + (z / (2.0 * n)) ** 2) / (1.0 + z * z / n)
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)
    return Interval(estimate=share, low=min(low, share), high=max(high, share), confidence=confidence)


def difference_of_shares(first: Interval, second: Interval, correlation: float = 0.0) -> Interval:
    """The first share less the second with Newcombe's interval (1998, method 10), from Wilson's of both.

    Shares of the same draws have a correlation.
    """
    value = first.estimate - second.estimate
    below, above = (
        math.sqrt(max(u * u - 2.0 * correlation * u * v + v * v, 0.0))
        for u, v in (
            (first.estimate - first.low, second.high - second.estimate),
            (first.high - first.estimate, second.estimate - second.low),
        )
    )
    return Interval(estimate=value, low=value - below, high=value + above, confidence=first.confidence)
