"""When two samples may be called the same: two one-sided tests against a difference that would matter.

Schuirmann's procedure (1987): the difference lies inside of +-delta at 5 % where its two-sided 90 % interval does.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from nas.analysis.statistics.differences import mean_difference
from nas.analysis.statistics.edf import Edf, Floats
from nas.analysis.statistics.interval import Interval
from nas.analysis.statistics.power import ALPHA
from nas.errors import Refused

TWO_SIDED = 1.0 - 2.0 * ALPHA
"""Confidence of the interval that both one-sided tests amount to."""
DEVIATIONS = 0.5
"""Delta in standard deviations of the reference sample's errors."""


class Equivalence(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a difference is too small to matter."""

    difference: Interval
    """With its 90 % interval, in the unit of the errors."""
    delta: float
    """Smallest difference that matters, in the same unit; positive."""

    @property
    def holds(self) -> bool:
        """Whether the whole interval lies strictly inside of +-delta."""
        return inside(self.difference, self.delta)


def equivalence(first: Edf, reference: Edf, delta: float | None = None, *, seed: int = 0) -> Equivalence:
    """Both one-sided tests on the difference of means; delta is half a deviation of the reference unless given.

    A delta of the sample is an estimate, and the interval allows for that.
    """
    margin = default_delta(reference) if delta is None else delta
    check_delta(margin)
    difference = mean_difference(first, reference, seed=seed, confidence=TWO_SIDED)
    if delta is None:
        difference = allowing(difference, min(first.n, reference.n), reference)
    return Equivalence(difference=difference, delta=margin)


def default_delta(reference: Edf) -> float:
    """Half the standard deviation of the reference sample's errors; failures have none and don't widen it."""
    errors = np.array(reference.errors[: reference.n - reference.failures])
    if len(errors) < 2 or np.ptp(errors) == 0.0:
        raise Refused(
            f"the errors of {reference.name!r} don't vary (n = {len(errors)}), so there is no difference that matters",
            hint="give delta in the unit of the errors",
        )
    return DEVIATIONS * float(errors.std(ddof=1))


def allowing(difference: Interval, n: int, reference: Edf) -> Interval:
    """The interval of a difference, made so wide that it can be held against a delta which is an estimate itself.

    `n` is the smaller sample's.
    """
    if n < 2 or not math.isfinite(difference.high - difference.low):
        return difference
    return widened(difference, np.array(reference.scores), _pulls_on_delta(reference), n - 1)


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


def _pulls_on_delta(reference: Edf) -> Floats:
    """By how much each network of the reference moves delta, times their number; failures don't."""
    done = reference.n - reference.failures
    pulls = np.zeros(reference.n)
    errors = np.array(reference.errors[:done])
    if done > 1 and np.ptp(errors) > 0.0:
        squares = np.square(errors - errors.mean())
        pulls[:done] = DEVIATIONS * (squares - squares.mean()) / (2.0 * math.sqrt(squares.mean())) * reference.n / done
    return pulls


def check_delta(delta: float) -> None:
    """Refuses a delta that isn't a positive number."""
    if not 0.0 < delta < math.inf:
        raise Refused(f"delta must be a positive number in the unit of the errors, got {delta=}")


def inside(interval: Interval, delta: float) -> bool:
    """Whether the interval lies strictly inside of +-delta."""
    return -delta < interval.low and interval.high < delta
