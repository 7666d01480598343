"""An estimate with its uncertainty, the form in which every number of an analysis leaves it; shares; resampling."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
"""Of every interval and band where nothing else is asked for."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate inside a closed interval."""

    estimate: float
    """In the unit of what is estimated; from low to high."""
    low: float
    """Lower end, in the same unit; minus infinity where the data says nothing."""
    high: float
    """Upper end, in the same unit; infinity where the data says nothing."""
    confidence: float = CONFIDENCE
    """Share of repeated studies whose interval covers the truth; in (0, 1)."""

    def __post_init__(self) -> None:
        check_confidence(self.confidence)
        if not self.low <= self.estimate <= self.high:
            low, estimate, high = self.low, self.estimate, self.high
            raise ValueError(f"an interval holds its estimate, got {low=}, {estimate=}, {high=}")

    @property
    def half(self) -> float:
        """Half its length."""
        return (self.high - self.low) / 2.0

    def __contains__(self, value: float) -> bool:
        """Whether the value lies in the interval, its ends included."""
        return self.low <= value <= self.high


def check_confidence(confidence: float) -> None:
    """Refuses a confidence outside (0, 1)."""
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie strictly between 0 and 1, got {confidence=}")


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate that is nearly normal."""

    value: float
    """In the unit of what is estimated."""
    variance: float
    """Its squared standard error, in that unit squared."""
    freedom: float
    """Degrees of freedom of that; infinite where nothing varies."""

    def reach(self, confidence: float) -> float:
        """How far Student's interval reaches to either side."""
        from scipy.special import stdtrit

        if not self.variance > 0.0:
            return 0.0
        return float(stdtrit(self.freedom, (1.0 + confidence) / 2.0)) * math.sqrt(self.variance)

    def interval(self, confidence: float) -> Interval:
        """Student's interval."""
        reach = self.reach(confidence)
        return Interval(estimate=self.value, low=self.value - reach, high=self.value + reach, confidence=confidence)

    def p_value(self, expected: float = 0.0) -> float:
        """Two-sided, of the expected value; 0 or 1 where nothing varies."""
        from scipy.special import stdtr

        if not self.variance > 0.0:
            return float(self.value == expected)
        return 2.0 * float(stdtr(self.freedom, -abs(self.value - expected) / math.sqrt(self.variance)))


def of_mean(values: NDArray[np.float64]) -> tuple[float, int]:
    """Squared standard error of a mean, and its degrees of freedom."""
    return float(values.var(ddof=1)) / len(values), len(values) - 1


def summed(value: float, parts: Iterable[tuple[float, float]]) -> Estimate:
    """An estimate whose variance is the sum of parts with freedoms of their own (Welch 1947, Satterthwaite 1946)."""
    terms = tuple(parts)
    variance = math.fsum(part for part, _ in terms)
    spread = math.fsum(part * part / freedom for part, freedom in terms)
    return Estimate(value=value, variance=variance, freedom=variance * variance / spread if spread > 0.0 else math.inf)


def wilson(share: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """A share of n draws, in [0, 1], with Wilson's score interval (1927)."""
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n)
    reach = z * math.sqrt(share * (1.0 - share) / n + (z / (2.0 * n)) ** 2) / (1.0 + z * z / n)
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)
    return Interval(estimate=share, low=min(low, share), high=max(high, share), confidence=confidence)


def of_trainings(mean: float, variance: float, trainings: int, images: int) -> Interval | None:
    """A network's mean error with a 95 % interval over images and, where there are several trainings, over seeds.

    `variance` is that of the trainings' errors. Over images it is Wilson's; Student's over seeds, with a degree of
    freedom less than trainings, widens its sides: a common quantile for both would be too small where seeds vary much,
    for two or three of them hardly tell how much. None where nothing tells: one training whose error is no share of
    images, or no training.
    """
    from scipy.special import stdtrit

    if math.isnan(mean) or (trainings < 2 and not images):
        return None
    of_images = wilson(mean, images) if images else Interval(estimate=mean, low=mean, high=mean, confidence=CONFIDENCE)
    if trainings < 2:
        return of_images
    seeds = float(stdtrit(trainings - 1, (1.0 + CONFIDENCE) / 2.0)) * math.sqrt(variance / trainings)
    below, above = (math.hypot(side, seeds) for side in (mean - of_images.low, of_images.high - mean))
    high = min(mean + above, 1.0) if images else mean + above
    return Interval(estimate=mean, low=max(mean - below, min(mean, 0.0)), high=high, confidence=CONFIDENCE)


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
