"""Errors on a held-out split: of a network trained with several seeds, and of what was chosen by validation errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nas.analysis.statistics.interval import CONFIDENCE, Interval, of_mean, summed

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
