"""When two samples may be called the same: two one-sided tests against a difference that would matter.

Schuirmann's procedure (1987): the difference lies inside of +-delta at 5 % where its two-sided 90 % interval does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from nas.analysis.statistics.edf import Edf
from nas.analysis.statistics.interval import Floats, Interval
from nas.analysis.statistics.power import ALPHA
from nas.errors import Refused

TWO_SIDED = 1.0 - 2.0 * ALPHA
"""Confidence of the interval that both one-sided tests amount to."""
DEVIATIONS = 0.5
"""Delta in standard deviations of the errors."""
QUARTILES, OF_QUARTILES = 1.349, 1.36
"""Distance of the quartiles of normal errors in deviations; relative variance of that estimate times n."""
BISECTIONS, MOST = 24, 1_000
"""Halvings after which a number is known to seven digits; errors by whose ranks a shift is told."""


def default_delta(*samples: Edf | Floats) -> float | None:
    """Half a robust standard deviation of the errors of all samples, each about its own median; None where none is.

    That is the distance of the quartiles over 1.349, which is the standard deviation of normal errors; failures have no
    error and don't widen it.
    """
    return DEVIATIONS * deviation if (deviation := robust_deviation(*samples)) > 0.0 else None


def robust_deviation(*samples: Edf | Floats) -> float:
    """The distance of the quartiles of errors about their samples' medians, over 1.349; 0 where they don't vary."""
    centred = [done - np.median(done) for done in map(_completed, samples) if len(done)]
    if not centred or len(pooled := np.concatenate(centred)) < 2:
        return 0.0
    low, high = np.quantile(pooled, (0.25, 0.75))
    return float(high - low) / QUARTILES or float(pooled.std(ddof=1))


def uncertainty(delta: float, *samples: Edf | Floats) -> float:
    """Variance of a delta that is an estimate, for errors that are nearly normal; in its unit squared."""
    return delta**2 * OF_QUARTILES / max(sum(len(_completed(sample)) for sample in samples), 1)


def allowing(narrow: Interval, variance: float) -> Interval:
    """An interval so much wider that it can be held against a delta that has this variance."""
    if math.isinf(narrow.estimate):
        return narrow
    tail, middle = NormalDist().inv_cdf((1.0 + narrow.confidence) / 2.0), narrow.estimate
    low, high = (math.hypot(middle - end, tail * math.sqrt(variance)) for end in (narrow.low, narrow.high))
    return Interval(estimate=middle, low=middle - low, high=middle + high, confidence=narrow.confidence)


def ranks_moved(errors: Floats, shift: float) -> float:
    """By how much a shift of one half of like errors moves its mean rank against the other's, in units of all ranks."""
    ascending = np.sort(errors)
    done = ascending[np.isfinite(ascending)]
    ends = [
        (np.searchsorted(ascending, done + sign * shift / 2.0, side).sum())
        for sign in (1.0, -1.0)
        for side in ("left", "right")
    ]
    return float(ends[0] + ends[1] - ends[2] - ends[3]) / 2.0 / len(errors) ** 2


def shift_for(errors: Floats, moved: float) -> float:
    """The shift that moves ranks so far; as far as the errors reach where none does."""
    errors = np.quantile(errors, (np.arange(MOST) + 0.5) / MOST, method="nearest") if len(errors) > MOST else errors
    done = errors[np.isfinite(errors)]
    reach = float(np.ptp(done)) if len(done) else 0.0
    if ranks_moved(errors, 2.0 * reach) <= abs(moved):
        return math.copysign(math.inf if moved else 0.0, moved)
    return math.copysign(bisected(lambda shift: ranks_moved(errors, shift) - abs(moved), 2.0 * reach), moved)


def bisected(rising: Callable[[float], float], high: float) -> float:
    """Where a rising function of numbers from 0 to `high` passes 0."""
    low = 0.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if rising(middle) >= 0.0 else (middle, high)
    return (low + high) / 2.0


def _completed(sample: Edf | Floats) -> Floats:
    errors = np.array(sample.errors) if isinstance(sample, Edf) else sample
    return np.asarray(errors[np.isfinite(errors)], dtype=np.float64)


def widened(difference: Interval, scores: Floats, pulls: Floats, freedom: int) -> Interval:
    """An interval to be held against delta, from what each network adds to the reference's mean and pulls at delta.

    It lies inside of +-delta where the difference less delta, and plus delta, have their own sides of 0 for sure: to
    their variance delta adds its own and what it has in common with the reference's mean, much for skewed errors.
    """
    from scipy.special import stdtrit

    tail = float(stdtrit(freedom, (1.0 + difference.confidence) / 2.0))
    above, below = (
        tail**2 * float(np.var(scores + sign * pulls, ddof=1) - np.var(scores, ddof=1)) / len(scores)
        for sign in (1.0, -1.0)
    )
    middle = difference.estimate
    return Interval(
        estimate=middle,
        low=middle - math.sqrt((middle - difference.low) ** 2 + max(below, 0.0)),
        high=middle + math.sqrt((difference.high - middle) ** 2 + max(above, 0.0)),
        confidence=difference.confidence,
    )


def check_delta(delta: float) -> None:
    """Refuses a delta that isn't a positive number."""
    if not 0.0 < delta < math.inf:
        raise Refused(f"delta must be a positive number in the unit of the errors, got {delta=}")


def inside(interval: Interval, delta: float) -> bool:
    """Whether the interval lies strictly inside of +-delta."""
    return -delta < interval.low and interval.high < delta
