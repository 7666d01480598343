"""Two networks on the same images: by how much their errors differ, and whether chance alone explains it.

Images that both get right or both get wrong say nothing of the difference, so that it is known better than from two
samples of images. For single trainings: Newcombe's square-and-add interval of paired proportions (Statistics in
Medicine 17 (1998) 2635-2650, method 10) and McNemar's test, exact and as mid-p, which Fagerland, Lydersen and Laake
(BMC Medical Research Methodology 13:91, 2013) recommend. For several seeds of each: the variance of images and seeds,
crossed, and Student's t.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from nas.analysis.statistics.crossed import Flags, crossed
from nas.analysis.statistics.interval import CONFIDENCE, Estimate, Interval, check_confidence
from nas.analysis.statistics.shares import difference_of_shares, wilson


class PairedErrors(msgspec.Struct, frozen=True, kw_only=True):
    """The errors of two networks on the same images."""

    first: float
    """Share of images that the first gets wrong, over its seeds; in [0, 1]."""
    second: float
    """The same of the second."""
    n: int
    """Images."""
    seeds: tuple[int, int]
    """Trainings of each; with one each, all speaks of these very trainings and not of others of the same networks."""
    only_first: float
    """Images that only the first gets wrong, over pairs of its trainings with the second's."""
    only_second: float
    """The same of the second."""
    difference: Interval
    """First error less second, from the pairs."""
    unpaired: Interval
    """The same as if each had answered images of its own."""
    p_value: float
    """That there is no difference, two-sided: McNemar's mid-p, or Student's of several seeds."""
    exact_p_value: float | None
    """McNemar's exact one, which errs on the safe side; None for several seeds."""

    @property
    def shortening(self) -> float:
        """Share by which pairing shortens the interval; in (-inf, 1]."""
        width = self.unpaired.high - self.unpaired.low
        return 1.0 - (self.difference.high - self.difference.low) / width if width else 0.0


def paired(first: Flags, second: Flags, confidence: float = CONFIDENCE) -> PairedErrors:
    """Compare what two networks get wrong: (images,) of one training each, or (seeds, images) of at least two."""
    check_confidence(confidence)
    a, b = (np.atleast_2d(np.asarray(flags, dtype=np.bool_)) for flags in (first, second))
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not a.shape[1]:
        raise ValueError(f"both must answer the same images, (images,) or (seeds, images), got {a.shape}, {b.shape}")
    if (len(a) == 1) != (len(b) == 1) or not (len(a) and len(b)):
        raise ValueError(f"both must have one training or both several, got {len(a)} and {len(b)}")
    of_first, of_second = a.mean(0), b.mean(0)
    n, only = a.shape[1], (float((of_first * (1 - of_second)).sum()), float((of_second * (1 - of_first)).sum()))
    difference, unpaired, p_value, exact = (_of_single if len(a) == 1 else _of_seeds)(a, b, confidence)
    return PairedErrors(
        first=float(of_first.mean()),
        second=float(of_second.mean()),
        n=n,
        seeds=(len(a), len(b)),
        only_first=only[0],
        only_second=only[1],
        difference=difference,
        unpaired=unpaired,
        p_value=p_value,
        exact_p_value=exact,
    )


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """Exact p-value and mid-p, two-sided, that images on which two networks differ fall to either as often."""
    from scipy.special import bdtr
    from scipy.stats import binom

    fewer, total = min(only_first, only_second), only_first + only_second
    if not total:
        return 1.0, 1.0
    below, at = float(bdtr(fewer, total, 0.5)), float(binom.pmf(fewer, total, 0.5))
    exact = min(2.0 * below, 1.0)
    return exact, exact - at if only_first != only_second else 1.0 - at / 2.0


def paired_interval(both: int, only_first: int, only_second: int, neither: int, confidence: float) -> Interval:
    """Newcombe's interval of the first share less the second, from counts of images (method 10)."""
    n = both + only_first + only_second + neither
    first, second = (wilson(wrong / n, n, confidence) for wrong in (both + only_first, both + only_second))
    return difference_of_shares(first, second, _correlation(both, only_first, only_second, neither))


def _of_single(first: Flags, second: Flags, confidence: float) -> tuple[Interval, Interval, float, float | None]:
    """Of one training each."""
    a, b = first[0], second[0]
    only_first, only_second = int((a & ~b).sum()), int((b & ~a).sum())
    counts = int((a & b).sum()), only_first, only_second, int((~a & ~b).sum())
    exact, mid = mcnemar(only_first, only_second)
    one, other = (wilson(float(flags.mean()), len(flags), confidence) for flags in (a, b))
    return paired_interval(*counts, confidence), difference_of_shares(one, other), mid, exact


def _of_seeds(first: Flags, second: Flags, confidence: float) -> tuple[Interval, Interval, float, float | None]:
    """Of several trainings each."""
    a, b = first.mean(0), second.mean(0)
    value = float(a.mean() - b.mean())
    together = crossed(value, a - b, (first, second))
    one, other = crossed(float(a.mean()), a, (first,)), crossed(float(b.mean()), b, (second,))
    spread = one.variance**2 / one.freedom + other.variance**2 / other.freedom
    variance = one.variance + other.variance
    apart = Estimate(value=value, variance=variance, freedom=variance**2 / spread if spread else math.inf)
    return together.interval(confidence), apart.interval(confidence), together.p_value(), None


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Newcombe's phi of the pairs, a positive one corrected towards 0."""
    n = both + only_first + only_second + neither
    sides = math.prod((both + only_first, neither + only_second, both + only_second, neither + only_first))
    excess = float(both * neither - only_first * only_second)
    if excess > 0.0:
        excess = max(excess - n / 2.0, 0.0)
    return excess / math.sqrt(sides) if sides else 0.0
