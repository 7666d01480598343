"""Simulated studies at matched cost: how often differences of cost pass for differences of spaces, and what is found.

A space is a law of cost and a law of error given the cost. In a window the place of a network, 0 at the least cost and
1 at the most on a logarithmic scale, has a density of exp(tilt * place): large networks where tilt is positive. Errors
fall with the place by `slope` deviations of what else varies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from nas.analysis import Edf, band, edf, shift
from nas.analysis.rules.testing import of_samples
from nas.study import Limits, Strata

Floats = NDArray[np.float64]
LIMITS = Limits(multiply_adds=(3_000_000, 6_000_000))
GUESS = 10.0
NODES = np.polynomial.legendre.leggauss(64)


@dataclass(frozen=True, kw_only=True)
class Law:
    """How the networks of a space are spread over cost, and what their errors are."""

    tilt: float = 0.0
    """Slope of the log density of the place; 0 is uniform."""
    slope: float = 2.0
    """By how much the error falls from the least to the most cost, in deviations of the noise."""
    shift: float = 0.0
    """Added to every error, in the same unit."""
    noise: Callable[[np.random.Generator, int], Floats] = lambda generator, n: generator.standard_normal(n)
    """What else varies, of deviation 1."""
    failing: float = 0.0
    """Share of the networks that fail."""

    def errors(self, places: Floats, generator: np.random.Generator) -> Floats:
        """One error a network."""
        found = self.shift - self.slope * places + self.noise(generator, len(places))
        return np.where(generator.random(len(places)) < self.failing, np.inf, found)

    def places(self, uniform: Floats, low: float, high: float) -> Floats:
        """Places of networks from a stretch of the window."""
        if self.tilt == 0.0:
            return low + (high - low) * uniform
        begin, end = np.exp(self.tilt * low), np.exp(self.tilt * high)
        return np.asarray(np.log(begin + (end - begin) * uniform) / self.tilt)

    def distribution(self, errors: Floats, count: int) -> Floats:
        """Share of networks below each error where each of `count` strata has the same weight, for normal noise."""
        total = np.zeros(len(errors))
        for stratum in range(count):
            places = self.places((NODES[0] + 1.0) / 2.0, stratum / count, (stratum + 1) / count)
            below = norm.cdf(errors[:, None] - self.shift + self.slope * places[None, :])
            total += below @ NODES[1] / 2.0 / count
        return total


def skewed(generator: np.random.Generator, n: int) -> Floats:
    """Lognormal noise of deviation 1: most networks good, some bad by far."""
    return np.asarray((generator.lognormal(0.0, 0.75, n) - 1.325) / 1.151)


def unmatched(law: Law, n: int, generator: np.random.Generator, name: str) -> Edf:
    """A random sample of a space within the window."""
    places = law.places(generator.random(n), 0.0, 1.0)
    return edf(law.errors(places, generator), name=name, guess=GUESS)


def matched(law: Law, n: int, generator: np.random.Generator, name: str, count: int = 10) -> Edf:
    """A stratified sample: the same number of networks in each stratum, give or take one."""
    labels = Strata(count=count).labels(LIMITS)
    strata = np.arange(n) % count
    places = law.places(generator.random(n), strata / count, (strata + 1) / count)  # type: ignore[arg-type]
    return edf(law.errors(places, generator), name=name, guess=GUESS, strata=[labels[s] for s in strata])


def p_values(
    first: Law,
    second: Law,
    draw: Callable[[Law, int, np.random.Generator, str], Edf],
    *,
    n: int,
    studies: int,
    seed: int,
    blind: bool = False,
) -> Floats:
    """Of "the spaces differ", one a study; `blind` drops the strata from the samples before they are compared."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(studies):
        samples = [draw(law, n, generator, name) for law, name in ((first, "A"), (second, "B"))]
        if blind:
            samples = [edf(one.errors, name=one.name, guess=one.guess) for one in samples]
        found.append(of_samples(*samples, None).p_value)
    return np.array(found)


def differences_covered(law: Law, *, n: int, studies: int, seed: int) -> int:
    """In how many studies of two equal spaces the interval of the shift holds 0."""
    generator = np.random.default_rng(seed)
    pairs = ([matched(law, n, generator, name) for name in "AB"] for _ in range(studies))
    return sum(0.0 in shift(*pair) for pair in pairs)


def covered(law: Law, *, n: int, studies: int, seed: int, count: int = 10) -> int:
    """In how many studies the band of a stratified sample holds the whole distribution."""
    generator = np.random.default_rng(seed)
    inside = 0
    for _ in range(studies):
        found = band(matched(law, n, generator, "A", count))
        ends = np.array(found.errors)
        truth = np.append(law.distribution(ends[:-1], count), 1.0)
        begin = np.concatenate([[0.0], truth[:-1]])  # the band of a step holds from the step before
        inside += bool((np.array(found.low) <= begin).all() and (truth <= np.array(found.high)).all())
    return inside


def tilted(tilt: float, **changes: float) -> tuple[Law, Law]:
    """Two spaces that differ in cost only, one with more small and one with more large networks."""
    first = Law(**changes)  # type: ignore[arg-type]
    return replace(first, tilt=-tilt), replace(first, tilt=tilt)
