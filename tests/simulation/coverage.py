"""Bands and intervals of errors cover the truth at their stated rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nas.analysis import Edf, Interval, band, better, efficiency, shift
from tests.simulation.laws import CLUSTERED, FAILING, GAMMA, RARE, SMOOTH, Law

SIZES = (20, 100, 500)
HALF = replace(FAILING, name="half of failures", failing=0.5)
PAIRS = (
    ("shifted", SMOOTH, SMOOTH.moved(0.03)),
    ("skewed", GAMMA, GAMMA.moved(0.03)),
    ("unequal spreads", SMOOTH, SMOOTH.moved(0.03).wider(3.0)),
    ("ties and failures", FAILING, replace(FAILING.moved(0.02), failing=0.15)),
    ("a tenth at guessing, alike", CLUSTERED, CLUSTERED),
    ("one in twenty at guessing, means alike", SMOOTH, RARE),
)
"""Two laws."""

Estimate = Callable[[Edf, Edf], Interval]
"""An interval from two samples."""


def median_difference(first: Law, second: Law) -> float:
    """The median of the differences of all pairs of errors of two laws, failures last."""
    done, others = (law.points[50::100] for law in (first, second))
    below = (1.0 - first.failing) * second.failing + first.failing * second.failing / 2.0
    inside = (1.0 - first.failing) * (1.0 - second.failing)
    return float(np.quantile(np.subtract.outer(done, others), (0.5 - below) / inside))


def covering_bands(law: Law, n: int, studies: int, generator: np.random.Generator) -> int:
    """Studies whose band holds the whole distribution."""
    return sum(whole(law, law.sample(generator, n)) for _ in range(studies))


def whole(law: Law, sample: Edf) -> bool:
    """Whether the band of a sample holds its law everywhere, between its steps and at them."""
    known = band(sample)
    ends, low, high = (np.array(edge) for edge in (known.errors, known.low, known.high))
    return bool((law.below(ends) <= high).all() and (low[1:] <= law.up_to(ends[:-1])).all())


def covering(
    laws: tuple[Law, Law],
    n: tuple[int, int],
    truth: float,
    estimate: Estimate,
    studies: int,
    generator: np.random.Generator,
) -> int:
    """Studies of two samples whose interval holds the truth."""
    pairs = ([law.sample(generator, m) for law, m in zip(laws, n, strict=True)] for _ in range(studies))
    return sum(truth in estimate(first, second) for first, second in pairs)


def of_shift(first: Edf, second: Edf) -> Interval:
    """The shift."""
    return shift(first, second)


def of_pairs(first: Edf, second: Edf) -> Interval:
    """P(better)."""
    return better(first, second)


def covering_best(law: Law, n: int, draws: int, studies: int, generator: np.random.Generator) -> int:
    """Studies whose interval of the expected best of so many draws holds it."""
    truth, samples = law.best_of(draws), (law.sample(generator, n) for _ in range(studies))
    return sum(truth in efficiency(sample, [draws]).best[0] for sample in samples)
