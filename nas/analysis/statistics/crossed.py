"""Images and seeds: what each adds to the measured error of a network that was trained with several seeds.

All trainings s = 1..S of a network answer the same images i = 1..n; y_si is 1 where training s is wrong on image i:

    y_si = p + a_i + b_s + c_si,    Var a = A (images),  Var b = B (seeds),  Var c = C (a seed's own images)

with independent, uncorrelated effects and A + B + C = p (1 - p), for y is 0 or 1. The measured error of one training is
the mean over its images, whose variance is

    Var(mean of y_s) = (A + C) / n + B:    the images' part, which more images make smaller, and the seeds' part.

Trainings that are repeated on the same images show only B + C / n of it: A / n is the same for all of them. The mean
squares of the table (two-way analysis of variance, one observation a cell) have the expectations C + n B for seeds,
C + S A for images, and C for the rest. Searle, Casella and McCulloch, Variance Components (1992), chapter 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from nas.analysis.statistics.edf import Floats
from nas.analysis.statistics.interval import CONFIDENCE, Estimate, Interval, check_confidence, of_mean, summed
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
