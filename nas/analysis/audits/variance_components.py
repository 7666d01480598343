"""How much of the spread of errors is seed variance: repeated trainings of the same networks with other seeds.

A one-way random-effects analysis of variance: an error is the mean of all, plus what the network adds, plus what the
seed adds. Searle, Casella and McCulloch, Variance Components (1992), chapter 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.selection import having, numbers
from nas.analysis.statistics.interval import CONFIDENCE, Floats, Interval, check_confidence
from nas.errors import Refused

if TYPE_CHECKING:
    import pandas as pd


class NoiseFloor(msgspec.Struct, frozen=True, kw_only=True):
    """What seeds do to the error of one network, against what networks do."""

    noise: Interval
    """Standard deviation of one network over seeds, in the unit of the errors; exact for normal noise."""
    design: float
    """Standard deviation between networks, the noise taken off, in the unit of the errors; 0 where none is left."""
    share: Interval
    """Share of the noise in the variance of single trainings; in [0, 1]; exact for normal errors, equally repeated."""
    networks: int
    """Networks that were trained at least twice to the end."""
    trainings: int
    """Their trainings."""
    single: int
    """Networks that were trained only once to the end, which say nothing about noise."""
    failures: int
    """Trainings without an error; they enter neither deviation."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside the numbers."""
        warnings = []
        if self.failures:
            warnings.append(f"{self.failures} trainings failed and enter neither deviation")
        if self.single:
            warnings.append(f"{self.single} networks were trained only once to the end and don't count")
        if self.networks < 8:
            warnings.append(f"n = {self.networks}: too few networks to tell noise from design")
        return tuple(warnings)


def noise_floor(frame: pd.DataFrame, confidence: float = CONFIDENCE) -> NoiseFloor:
    """The noise floor of a table with the columns `architecture` and `error`, one row a training."""
    names = having(frame, "architecture", "error")["architecture"].astype(str).to_numpy()
    errors = numbers(frame, "error")
    done = np.isfinite(errors)
    _, place, counts = np.unique(names[done], return_inverse=True, return_counts=True)
    ordered = errors[done][np.argsort(place, kind="stable")]
    groups = [group for group in np.split(ordered, np.cumsum(counts)[:-1]) if len(group) > 1]
    if len(groups) < 2:
        raise Refused(
            f"{len(groups)} networks were trained twice or more to the end, at least 2 are needed",
            hint="a study with repeats=3 trains each network three times",
        )
    noise, design, share = split(groups, confidence)
    return NoiseFloor(
        noise=noise,
        design=design,
        share=share,
        networks=len(groups),
        trainings=sum(map(len, groups)),
        single=int((counts == 1).sum()),
        failures=int((~done).sum()),
    )


def split(groups: list[Floats], confidence: float = CONFIDENCE) -> tuple[Interval, float, Interval]:
    """Noise, design and the share of noise, from the errors of each network.

    With m trainings a network the mean squares have expectations noise^2 and noise^2 + m design^2, and F between their
    ratio and its true value is exact. Where m differs it stands for Searle's mean of them.
    """
    check_confidence(confidence)
    sizes = np.array([len(group) for group in groups], dtype=np.float64)
    k, total = len(groups), float(sizes.sum())
    within = float(sum(((group - group.mean()) ** 2).sum() for group in groups)) / (total - k)
    grand = float(np.concatenate(groups).mean())
    between = float(sum(len(group) * (group.mean() - grand) ** 2 for group in groups)) / (k - 1)
    m = (total - float((sizes**2).sum()) / total) / (k - 1)
    if within + between == 0.0:
        raise Refused(f"all {total:.0f} errors are equal, so there is neither noise nor design")
    design = math.sqrt(max((between - within) / m, 0.0))
    return _noise(within, total - k, confidence), design, _share(within, between, m, (k - 1, total - k), confidence)


def _noise(within: float, freedom: float, confidence: float) -> Interval:
    from scipy.special import chdtri

    tail = (1.0 - confidence) / 2.0
    low, high = (math.sqrt(within * freedom / float(chdtri(freedom, q))) for q in (tail, 1.0 - tail))
    return Interval(estimate=math.sqrt(within), low=low, high=high, confidence=confidence)


def _share(within: float, between: float, m: float, freedom: tuple[float, float], confidence: float) -> Interval:
    """Noise over noise and design: 1 / (1 + ratio), where the ratio of variances is (F / F' - 1) / m."""
    from scipy.special import fdtri

    tail = (1.0 - confidence) / 2.0
    if within == 0.0:
        return Interval(estimate=0.0, low=0.0, high=0.0, confidence=confidence)
    quotient = between / within
    low, estimate, high = (
        1.0 / (1.0 + max((quotient / bound - 1.0) / m, 0.0))
        for bound in (float(fdtri(*freedom, tail)), 1.0, float(fdtri(*freedom, 1.0 - tail)))
    )
    return Interval(estimate=estimate, low=low, high=high, confidence=confidence)
