"""Interim looks at a growing study: error spending, and the verdicts of rules at one of them.

Looks at a growing sample: how little each may err, so that all of them together err no more than one test.

Who tests again and again while a sample grows errs at each look anew. Error spending (Lan and DeMets 1983) hands the
error out in portions: alpha * t^2 of it may be spent by the time that a share t of the sample is there (the power
family, Kim and DeMets 1987). The statistic of a test is taken to move like a Brownian motion in t; the distribution of
those that no look has stopped is carried from look to look by quadrature (Armitage, McPherson and Rowe 1969).

The exponent is measured. For twelve rules, nine looks from a fifth of the sample on, and 90 % power, exact calculation
gives, in shares of the sample that a single look would need,

    spending                    maximum   expected at the planned effect   at twice that
    like O'Brien and Fleming       1.02                             0.77            0.42
    alpha * t^3                    1.05                             0.72            0.31
    alpha * t^2                    1.08                             0.70            0.28
    alpha * t                      1.14                             0.70            0.27
    like Pocock                    1.19                             0.70            0.27

so t^2 saves what can be saved, and what it costs where nothing can be decided early is less than half of Pocock's.

Verdicts on a sample that is looked at while it grows, until all rules are decided: what a look decides stays so.

At a look each rule is tested on all networks that are there, at what error spending leaves to the look. Its p-value is
corrected for looks, then all of them by Holm for one another; a rule that is named keeps the p-value with which it was,
so that its share of the error is the others' from then on (Maurer and Bretz 2013). Both one-sided tests of equivalence
spend an error of their own, and intervals are repeated confidence intervals (Jennison and Turnbull 1989). All of this
holds whatever ends a study: the bounds being passed, or somebody who has seen the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.rules.testing import Tested
from nas.analysis.rules.verdicts import Finding, Look, Verdict, alone, verdict
from nas.analysis.statistics.comparison import holm
from nas.analysis.statistics.interval import CONFIDENCE, Floats
from nas.analysis.statistics.power import ALPHA
from nas.errors import Refused
from nas.study import Rule

if TYPE_CHECKING:
    import pandas as pd


EXPONENT = 2.0
"""Of the share of the sample, in the error that is spent by then."""
FARTHEST = 8.0
"""Standard deviations beyond which nothing is left to integrate."""
FINEST, FEWEST, ROUND = 1.0, 24, 32
"""Nodes of the quadrature in a standard deviation of the shortest step, and beside those; a multiple of so many."""
STEP = 0.25
"""Of the grid of levels between which `corrected` interpolates, in normal deviates."""


def spent(alpha: float, share: float) -> float:
    """Error that may be spent by the time that so much of the sample is there."""
    return float(alpha * share**EXPONENT)


@lru_cache(maxsize=4096)
def bounds(alpha: float, shares: tuple[float, ...]) -> tuple[float, ...]:
    """The normal deviate that a one-sided test must pass at each look, for alpha over all looks together.

    `shares` are those of the whole sample at the looks, ascending; the bound of a look doesn't depend on later ones.
    """
    from scipy.optimize import brentq

    paths, deviates, before = _start(shares), [], 0.0
    for share in shares:
        paths = paths.moved(share)
        portion, before = spent(alpha, share) - before, spent(alpha, share)
        deviates.append(
            float(brentq(lambda bound, at=paths, p=portion: at.beyond(bound) - p, -FARTHEST, 2.0 * FARTHEST))
        )
        paths = paths.stopped(deviates[-1])
    return tuple(deviates)


def crossings(bounds: Sequence[float], shares: Sequence[float], drift: float = 0.0) -> tuple[float, ...]:
    """Probability of passing a bound for the first time at each look; the drift is the expected deviate at the end."""
    paths, probabilities = _start(shares, drift), []
    for bound, share in zip(bounds, shares, strict=True):
        paths = paths.moved(share)
        probabilities.append(paths.beyond(bound))
        paths = paths.stopped(bound)
    return tuple(probabilities)


def nominal(alpha: float, shares: tuple[float, ...]) -> float:
    """Level of a one-sided test at the last of these looks, for alpha over all looks together."""
    from scipy.special import ndtr

    return float(ndtr(-bounds(alpha, shares)[-1]))


def corrected(p_value: float, shares: tuple[float, ...]) -> float:
    """A two-sided p-value of the last of these looks, corrected for all looks: the least alpha at which it would do.

    Below any alpha at some look it is in at most alpha of all studies (the sequential p-value of Liu and Anderson 2008,
    of the one look).
    """
    from scipy.special import ndtr, ndtri

    if p_value >= 1.0:
        return 1.0
    deviate = -float(ndtri(max(p_value, math.ulp(0.0)) / 2.0))
    levels, passed = _levels(shares)
    return max(2.0 * float(ndtr(-np.interp(deviate, passed, levels))), p_value) if deviate > passed[0] else 1.0


@lru_cache(maxsize=256)
def _levels(shares: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Normal deviates of overall levels, and the bound of the last look at each."""
    from scipy.interpolate import PchipInterpolator
    from scipy.special import ndtr

    coarse = np.arange(0.0, FARTHEST + STEP, STEP)
    passed = [bounds(float(ndtr(-deviate)), shares)[-1] for deviate in coarse]
    fine = np.linspace(0.0, FARTHEST, 20 * len(coarse))
    return fine, PchipInterpolator(coarse, passed)(fine)


def price(alpha: float, power: float, shares: tuple[float, ...]) -> tuple[float, float]:
    """What looks cost and save for an effect that is found with this power: in shares of a sample with a single look.

    The first is the maximum, above 1; the second what is trained on average if the effect is there.
    """
    passed = bounds(alpha, shares)
    drift = drift_for(power, passed, shares)
    stops = crossings(passed, shares, drift)[:-1]
    mean = math.fsum(p * share for p, share in zip(stops, shares, strict=False)) + 1.0 - math.fsum(stops)
    normal = NormalDist()
    maximum = (drift / (normal.inv_cdf(1.0 - alpha) + normal.inv_cdf(power))) ** 2
    return maximum, maximum * mean


def drift_for(power: float, bounds: Sequence[float], shares: Sequence[float]) -> float:
    """The expected deviate at the end with which some look passes its bound with this probability."""
    from scipy.optimize import brentq

    return float(brentq(lambda drift: math.fsum(crossings(bounds, shares, drift)) - power, 0.0, 4.0 * FARTHEST))


@dataclass(frozen=True, kw_only=True)
class _Paths:
    """The paths that no look has stopped, as they were at the one before: at `points`, with their probabilities."""

    drift: float
    finest: float
    points: Floats
    masses: Floats
    share: float = 0.0
    step: float = 0.0

    def moved(self, share: float) -> _Paths:
        """The same, seen at the next look."""
        return replace(self, share=share, step=share - self.share)

    def beyond(self, bound: float) -> float:
        """Probability that the statistic lies above a bound now, in normal deviates."""
        from scipy.special import ndtr

        above = self.points + self.drift * self.step - bound * math.sqrt(self.share)
        return float(self.masses @ ndtr(above / math.sqrt(self.step)))

    def stopped(self, bound: float) -> _Paths:
        """Those that lie below now, gathered at the nodes of a quadrature."""
        middle, reach = self.drift * self.share, FARTHEST * math.sqrt(self.share)
        low, high = middle - reach, min(bound * math.sqrt(self.share), middle + reach)
        points, weights = _nodes(low, max(low, high), self.finest)
        moves = points[:, None] - self.points - self.drift * self.step
        density = np.exp(-np.square(moves) / (2.0 * self.step)) @ self.masses / math.sqrt(2.0 * math.pi * self.step)
        return replace(self, points=points, masses=weights * density)


def _start(shares: Sequence[float], drift: float = 0.0) -> _Paths:
    """All paths, before the first look."""
    finest = min(b - a for a, b in pairwise((0.0, *shares)))
    return _Paths(drift=drift, finest=finest, points=np.zeros(1), masses=np.ones(1))


def _nodes(low: float, high: float, finest: float) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss and Legendre, close enough for the density after the finest step."""
    count = FEWEST + FINEST * (high - low) / math.sqrt(finest)
    points, weights = _legendre(ROUND * math.ceil(count / ROUND))
    return low + (high - low) * (points + 1.0) / 2.0, weights * (high - low) / 2.0


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(count)


def verdicts_at_look(
    frames: Sequence[pd.DataFrame],
    ends: Sequence[int],
    rules: Sequence[Rule],
    *,
    guess: float | None = None,
    delta: float | None = None,
    dimensions: Sequence[str] | None = None,
) -> tuple[Verdict, ...]:
    """What the last of some looks says of the rules, in their order, after all that the looks before it have decided.

    `frames` are the tables at the looks so far, each holding the one before; `ends` the networks of each space at all
    looks that were planned before the first. The rest is as in `verdicts`. Effects, intervals and counts are those of
    the last table.
    """
    if not 1 <= len(frames) <= len(ends):
        raise ValueError(f"there are {len(ends)} looks, got {len(frames)} tables")
    shares = tuple(end / ends[-1] for end in ends)
    courses, results = [Course() for _ in rules], []
    for number, frame in enumerate(frames, 1):
        levels = confidences(shares[:number])
        try:
            results = alone(frame, rules, guess=guess, delta=delta, dimensions=dimensions, levels=levels)
        except Refused:
            if number == len(frames):
                raise
            continue  # where every network had failed by then, nothing was decided
        courses = after(courses, [tested for tested, _ in results], shares[:number])
    adjusted = holm([course.p_value for course in courses])
    looks = [Look(number=n, of=len(ends), networks=end, cap=ends[-1]) for n, end in enumerate(ends, 1)]
    return tuple(
        _verdict(verdict(rule, tested, p, len(rules), warnings), course, looks[: len(frames)])
        for rule, course, (tested, warnings), p in zip(rules, courses, results, adjusted, strict=True)
    )


def confidences(shares: tuple[float, ...]) -> tuple[float, float]:
    """Of both intervals at the last of these looks, so that they hold at 95 % and 90 % at all looks together."""
    return 1.0 - 2.0 * nominal((1.0 - CONFIDENCE) / 2.0, shares), 1.0 - 2.0 * nominal(ALPHA, shares)


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What the looks so far have decided on one rule."""

    p_value: float = 1.0
    """Corrected for looks: of the look that named it, else of the last; in [0, 1]."""
    named: Finding | None = None
    """*helps* or *hurts* once a look has said so."""
    named_at: int = 0
    """The look that did; 0 if none has."""
    small_at: int = 0
    """The first look at which the effect was smaller than delta for sure; 0 if there was none."""

    @property
    def finding(self) -> Finding:
        """What is decided."""
        return self.named or ("equivalent" if self.small_at else "undecided")


def after(courses: Sequence[Course], results: Sequence[Tested], shares: tuple[float, ...]) -> list[Course]:
    """The courses of all rules after one more look, the last of those at these shares of the whole sample."""
    number = len(shares)
    p_values = [
        course.p_value if course.named else _evidence(tested, shares)
        for course, tested in zip(courses, results, strict=True)
    ]
    moved = []
    for course, tested, p, adjusted in zip(courses, results, p_values, holm(p_values), strict=True):
        named, small = course.named, tested.within
        if named is None and adjusted < ALPHA and not tested.turned:
            named = "helps" if tested.effect.estimate < 0.0 else "hurts"
        now = Course(
            p_value=p,
            named=named,
            named_at=course.named_at or (number if named else 0),
            small_at=course.small_at or (number if small else 0),
        )
        moved.append(now)
    return moved


def _evidence(tested: Tested, shares: tuple[float, ...]) -> float:
    """The p-value corrected for looks; not below alpha while the interval of all looks holds 0."""
    p_value = corrected(tested.p_value, shares)
    return max(p_value, ALPHA) if 0.0 in tested.effect else p_value


def _verdict(last: Verdict, course: Course, looks: Sequence[Look]) -> Verdict:
    """The verdict of the last look, but for what was decided before."""
    decided = course.named_at or course.small_at
    finding, warnings = course.finding, last.warnings
    if finding in ("helps", "hurts") and not (last.high < 0.0 if finding == "helps" else last.low > 0.0):
        warnings = (*warnings, f"decided at look {decided}; by now its interval says so no longer")
    if finding == "equivalent" and not last.within_delta:
        warnings = (*warnings, f"decided at look {decided}; by now its interval reaches beyond delta again")
    return msgspec.structs.replace(
        last,
        verdict=finding,
        within_delta=course.small_at > 0,
        needs=last.needs if finding == "undecided" else None,
        look=looks[(decided or len(looks)) - 1],
        warnings=warnings,
    )
