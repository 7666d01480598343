"""Resampling: what a statistic would have been in other samples like this one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nas.analysis.statistics.edf import Floats
from nas.analysis.statistics.interval import Interval

RESAMPLES = 4_000
"""Bootstrap samples behind an interval of means."""
BATCH = 250_000
"""Numbers drawn at once, about two megabytes."""

Rows = NDArray[np.intp]


def resampled_rows(n: int, generator: np.random.Generator, resamples: int = RESAMPLES) -> Iterator[Rows]:
    """Batches of bootstrap samples of n rows, one sample a line."""
    lines = max(BATCH // n, 1)
    small = np.uint16 if n <= np.iinfo(np.uint16).max else np.int64  # a quarter of the time of wide integers
    for begin in range(0, resamples, lines):
        size = (min(lines, resamples - begin), n)
        yield generator.integers(n, size=size, dtype=small).astype(np.intp)


def between(estimate: float, draws: Floats, tail: float, confidence: float) -> Interval:
    """The interval that leaves this share of the draws on either side, wide enough for the estimate."""
    low, high = (float(end) for end in np.quantile(draws, (tail, 1.0 - tail)))
    return Interval(estimate=estimate, low=min(low, estimate), high=max(high, estimate), confidence=confidence)


def unbounded(estimate: float, confidence: float) -> Interval:
    """The interval of an estimate of which the data can't say how good it is."""
    return Interval(estimate=estimate, low=-math.inf, high=math.inf, confidence=confidence)
