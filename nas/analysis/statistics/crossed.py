"""Errors on the same images: of two networks, of seeds of one, and on a split that was held out.

Images and seeds: what each adds to the measured error of a network that was trained with several seeds.

All trainings s = 1..S of a network answer the same images i = 1..n; y_si is 1 where training s is wrong on image i:

    y_si = p + a_i + b_s + c_si,    Var a = A (images),  Var b = B (seeds),  Var c = C (a seed's own images)

with independent, uncorrelated effects and A + B + C = p (1 - p), for y is 0 or 1. The measured error of one training is
the mean over its images, whose variance is

    Var(mean of y_s) = (A + C) / n + B:    the images' part, which more images make smaller, and the seeds' part.

Trainings that are repeated on the same images show only B + C / n of it: A / n is the same for all of them. The mean
squares of the table (two-way analysis of variance, one observation a cell) have the expectations C + n B for seeds,
C + S A for images, and C for the rest. Searle, Casella and McCulloch, Variance Components (1992), chapter 4.

Two networks on the same images: by how much their errors differ, and whether chance alone explains it.

Images that both get right or both get wrong say nothing of the difference, so that it is known better than from two
samples of images. For single trainings: Newcombe's square-and-add interval of paired proportions (Statistics in
Medicine 17 (1998) 2635-2650, method 10) and McNemar's test, exact and as mid-p, which Fagerland, Lydersen and Laake
(BMC Medical Research Methodology 13:91, 2013) recommend. For several seeds of each: the variance of images and seeds,
crossed, and Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from nas.analysis.statistics.interval import (
    CONFIDENCE,
    Estimate,
    Floats,
    Interval,
    check_confidence,
    difference_of_shares,
    of_mean,
    summed,
    wilson,
)
from nas.errors import Refused

Flags = NDArray[np.bool_]
"""Whether each image is wrong; (images,), or (seeds, images)."""


class MeanSquares(NamedTuple):
    """Of one network's table of seeds and images."""

    seeds: float
    """Between trainings; expected C + n B."""
    images: float
    """Between images; expected C + S A."""
    rest: float
    """What is left; expected C."""


class ImagesAndSeeds(msgspec.Struct, frozen=True, kw_only=True):
    """Standard deviations of the measured error of one training, in the unit of errors."""

    images: Interval
    """Over samples of so many images: the square root of (A + C) / n."""
    seeds: Interval
    """Over seeds, of the error on infinitely many images: the square root of B; may reach down to 0."""
    repeated: Interval
    """Over seeds on the same images, as repeated trainings show it: the square root of B + C / n."""
    common: float
    """Share of the images' variance that all trainings of a network have in common, A / (A + C); in [0, 1]."""
    n: int
    """Images."""
    networks: int
    """Networks that were trained at least twice."""
    trainings: int
    """Their trainings."""

    @property
    def share(self) -> float:
        """Share of seeds in the variance of a measured error; in [0, 1]."""
        seeds, images = self.seeds.estimate**2, self.images.estimate**2
        return seeds / (seeds + images) if seeds else 0.0


def mean_squares(wrong: Flags) -> MeanSquares:
    """Of the flags of one network, (seeds, images), at least two of each."""
    seeds, images = wrong.shape
    by_seed, by_image = wrong.mean(1), wrong.mean(0)
    p = float(by_seed.mean())
    of_seeds = images * float(((by_seed - p) ** 2).sum())
    of_images = seeds * float(((by_image - p) ** 2).sum())
    rest = seeds * images * p * (1.0 - p) - of_seeds - of_images
    return MeanSquares(
        seeds=of_seeds / (seeds - 1),
        images=of_images / (images - 1),
        rest=max(rest, 0.0) / ((seeds - 1) * (images - 1)),
    )


def mean_error(wrong: Flags) -> tuple[tuple[float, float], float]:
    """Of a network's mean error over S seeds: the seeds' part of its variance with its freedom, and C / (n S)."""
    seeds, images = wrong.shape
    squares = mean_squares(wrong)
    return (squares.seeds / (images * seeds), seeds - 1), squares.rest / (images * seeds)


def crossed(value: float, by_image: Floats, networks: Sequence[Flags]) -> Estimate:
    """A mean over images whose variance is that of images and of the seeds of networks, what both hold counted once.

    `by_image` are the numbers whose mean it is. Freedom by Satterthwaite (1946).
    """
    images = float(by_image.var(ddof=1)) / len(by_image)
    parts, twice = zip(*map(mean_error, networks), strict=True)
    seeds = math.fsum(part for part, _ in parts)
    variance = max(images + seeds - math.fsum(twice), images, seeds)
    spread = images**2 / (len(by_image) - 1) + math.fsum(part**2 / freedom for part, freedom in parts)
    return Estimate(value=value, variance=variance, freedom=variance**2 / spread if spread else math.inf)


def images_and_seeds(networks: Sequence[Flags], confidence: float = CONFIDENCE) -> ImagesAndSeeds:
    """The two parts, from the flags (seeds, images) of networks that were trained with several seeds each.

    Networks are taken to have the same variances, or their means are estimated. The intervals take the seeds' effects
    for normal and C for known, which so many images make it; that of the images is of first order in 1/n.
    """
    check_confidence(confidence)
    several = [np.asarray(wrong, dtype=np.bool_) for wrong in networks if len(wrong) > 1]
    if not several:
        raise Refused(
            "no network was trained twice or more to the end, so seeds can't be told from images",
            hint="a study with repeats=3 trains each network three times; nas audit does so with some of a run",
        )
    n = several[0].shape[1]
    if n < 2 or any(wrong.shape[1:] != (n,) for wrong in several):
        raise ValueError(f"all trainings must answer the same images, at least 2, got {[w.shape for w in several]}")
    squares = [mean_squares(wrong) for wrong in several]
    freedoms = np.array([len(wrong) - 1.0 for wrong in several])
    weights = freedoms / freedoms.sum()
    between = float(weights @ [each.seeds for each in squares])
    rest = float(weights @ [each.rest for each in squares])
    common = np.mean([max(each.images - each.rest, 0.0) / len(w) for each, w in zip(squares, several, strict=True)])
    variance = _images(several, confidence)
    return ImagesAndSeeds(
        images=_root(variance, n),
        seeds=_root(_seeds(between, rest, float(freedoms.sum()), confidence), n),
        repeated=_root(_seeds(between, 0.0, float(freedoms.sum()), confidence), n),
        common=float(common) / (float(common) + rest) if common + rest else 0.0,
        n=n,
        networks=len(several),
        trainings=sum(map(len, several)),
    )


def _images(networks: Sequence[Flags], confidence: float) -> Interval:
    """A + C, the mean over images of squared deviations from each training's own error; with seeds it varies, too."""
    deviations: Floats = np.mean([((w - w.mean(1, keepdims=True)) ** 2).mean(0) for w in networks], axis=0)
    n = len(deviations)
    value = float(deviations.mean()) * n / (n - 1)
    own = [w.mean(1) * (1.0 - w.mean(1)) for w in networks]
    seeds = sum(float(each.var(ddof=1)) / len(each) for each in own) / len(own) ** 2
    freedom = sum(len(each) - 1 for each in own)
    found = summed(value, [of_mean(deviations), (seeds, freedom)]).interval(confidence)
    return Interval(estimate=value, low=max(found.low, 0.0), high=found.high, confidence=confidence)


def _seeds(between: float, rest: float, freedom: float, confidence: float) -> Interval:
    """n B, from the mean square of seeds, which is chi-squared, less that of the rest; Williams (1962)."""
    from scipy.special import chdtri

    tail = (1.0 - confidence) / 2.0
    low, high = (between * freedom / float(chdtri(freedom, q)) - rest for q in (tail, 1.0 - tail))
    ends = [max(end, 0.0) for end in (low, between - rest, high)]
    return Interval(estimate=ends[1], low=ends[0], high=ends[2], confidence=confidence)


def _root(variance: Interval, n: int) -> Interval:
    """Standard deviations of an error from n times its variance."""
    estimate, low, high = (math.sqrt(end / n) for end in (variance.estimate, variance.low, variance.high))
    return Interval(estimate=estimate, low=low, high=high, confidence=variance.confidence)


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


PSEUDO = (0.0, 0.0, 1.0, 1.0)
"""Images that are added to those of an interval of a share, so that it also covers near 0 (Agresti and Coull, 1998)."""


def mean_loss(losses: NDArray[np.float64], *, shares: bool, confidence: float = CONFIDENCE) -> Interval:
    """Mean loss of a network over seeds and images, with an interval for other seeds and other images.

    `losses` are (seeds, images), shares those that are 0 or 1. Seeds and images are crossed random effects: their two
    variances are added, which counts their interaction twice, so that the interval rather covers too much (Owen 2007).
    Added as squares of the reaches of two Student's intervals: few seeds, by chance alike, don't make it short, as they
    do with Satterthwaite's freedom, as `crossed` has it (measured: 92 % of intervals cover then). With one seed it is
    over images only.
    """
    seeds = losses.mean(axis=1)
    images = losses.mean(axis=0)
    padded = np.concatenate([images, PSEUDO]) if shares else images
    parts = [padded, seeds] if len(seeds) > 1 else [padded]
    reach = math.hypot(*(summed(0.0, [of_mean(part)]).reach(confidence) for part in parts))
    mean, center = float(seeds.mean()), float(padded.mean())
    high = min(center + reach, 1.0) if shares else center + reach
    return Interval(estimate=mean, low=min(mean, max(center - reach, 0.0)), high=max(mean, high), confidence=confidence)


def regression_to_the_mean(error: float, mean: float, deviation: float, images: int) -> float:
    """How much of a chosen error's distance to its pool's mean is expected to be luck with the validation images.

    The share of the pool's variance that so many images alone would make, times that distance. Networks err on the same
    images, so luck that they have in common chooses none of them: rather an upper bound.
    """
    if deviation <= 0.0:
        return 0.0
    luck = mean * (1.0 - mean) / images
    return min(1.0, luck / deviation**2) * max(0.0, mean - error)
