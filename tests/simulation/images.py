"""Right and wrong answers on images: some images are harder for all, and each training has a true error of its own.

A training of true error e is wrong on image i where a normal number falls below the normal quantile of e; the number is
part difficulty of the image, which all trainings share, part the training's own. Over all images its error is e.
"""

from __future__ import annotations

import numpy as np

from nas.analysis.statistics.crossed import Flags, images_and_seeds, mcnemar, paired
from nas.analysis.statistics.interval import Floats

SHARED = 0.7
"""Share of the image in the variance of the normal number."""
ERRORS = {"equal errors": (0.1, 0.1), "a small difference": (0.1, 0.12), "few errors": (0.02, 0.03)}
"""True errors of two networks."""
SPREAD = 0.006
"""Standard deviation of true errors over seeds."""


def answers(errors: Floats, images: int, generator: np.random.Generator) -> Flags:
    """Whether trainings of these true errors are wrong on each image: (..., images)."""
    from scipy.special import ndtri

    numbers = np.sqrt(SHARED) * generator.standard_normal(images)
    numbers = numbers + np.sqrt(1.0 - SHARED) * generator.standard_normal((*errors.shape, images))
    flags: Flags = numbers < ndtri(errors)[..., np.newaxis]
    return flags


def covering_pairs(kind: str, images: int, studies: int, generator: np.random.Generator) -> int:
    """Studies of one training each whose interval holds the difference of the true errors."""
    errors = np.array(ERRORS[kind])
    truth = float(errors[0] - errors[1])
    return sum(truth in paired(*answers(errors, images, generator)).difference for _ in range(studies))


def covering_seeds(kind: str, seeds: int, spread: float, studies: int, generator: np.random.Generator) -> int:
    """Studies of several seeds on 1,000 images whose interval holds the difference of the mean true errors."""
    means = np.array(ERRORS[kind])
    truth, covered = float(means[0] - means[1]), 0
    for _ in range(studies):
        flags = answers(generator.normal(means[:, np.newaxis], spread, (2, seeds)), 1_000, generator)
        covered += truth in paired(flags[0], flags[1]).difference
    return covered


def calling(images: int, studies: int, generator: np.random.Generator) -> int:
    """Studies in which McNemar's mid-p calls a difference of two equal networks."""
    called = 0
    for _ in range(studies):
        a, b = answers(np.array([0.1, 0.1]), images, generator)
        called += mcnemar(int((a & ~b).sum()), int((b & ~a).sum()))[1] < 0.05
    return called


def covering_parts(
    part: str, networks: int, seeds: int, spread: float, studies: int, generator: np.random.Generator
) -> int:
    """Studies of 1,000 images whose interval holds the standard deviation that images, or seeds, add to an error."""
    n, mean = 1_000, 0.1
    images = np.sqrt((mean * (1.0 - mean) - spread**2) / n)
    truth = spread if part == "seeds" else float(images)
    covered = 0
    for _ in range(studies):
        flags = answers(generator.normal(mean, spread, (networks, seeds)), n, generator)
        found = images_and_seeds(list(flags))
        covered += truth in (found.seeds if part == "seeds" else found.images)
    return covered
