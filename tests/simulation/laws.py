"""Laws of errors of which everything is known: smooth, skewed, tied, failing; and samples of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nas.analysis import Edf, edf

Floats = NDArray[np.float64]

GUESS = 0.9
"""Error of guessing among ten classes, at which failures enter means."""
POINTS = 200_000
"""Of the grid of shares over which a law is summed."""
NORMAL: Any = stats.norm()
SKEWED: Any = stats.gamma(2.0, loc=-(2.0**0.5), scale=0.5**0.5)
"""Gamma of shape 2: skewness 1.4, of mean 0 and deviation 1 as the normal one."""


@dataclass(frozen=True, kw_only=True)
class Clustered:
    """The normal law but for a share of networks that all have one value; called as distributions of scipy."""

    share: float
    """Probability of that value; in [0, 1)."""
    at: float
    """It, above what the normal law reaches."""

    def rvs(self, shape: tuple[int, ...], random_state: np.random.Generator) -> Floats:
        """Independent values."""
        values = NORMAL.rvs(shape, random_state=random_state)
        return np.where(random_state.random(shape) < self.share, self.at, values)

    def ppf(self, share: Floats) -> Floats:
        """Quantiles."""
        return np.where(share < 1.0 - self.share, NORMAL.ppf(np.minimum(share / (1.0 - self.share), 1.0)), self.at)

    def cdf(self, value: Floats) -> Floats:
        """Probability of at most that value."""
        return np.asarray((1.0 - self.share) * NORMAL.cdf(value) + self.share * (value >= self.at), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Law:
    """How errors are distributed."""

    name: str
    """As claims call it."""
    base: Any = NORMAL
    """Distribution of scipy, of mean 0 and deviation 1."""
    centre: float = 0.3
    """Mean error of the networks that complete, before errors are rounded."""
    spread: float = 0.05
    """Their standard deviation."""
    unit: float = 0.0
    """Errors are multiples of it; 0 where none tie."""
    failing: float = 0.0
    """Probability of a failure; in [0, 1)."""
    guess: float = GUESS
    """Error at which a failure enters means."""

    def draw(self, generator: np.random.Generator, *shape: int) -> Floats:
        """Independent errors; failures are infinity."""
        errors = self._errors(self.base.rvs(shape, random_state=generator))
        return np.where(generator.random(shape) < self.failing, np.inf, errors) if self.failing else errors

    def sample(self, generator: np.random.Generator, n: int, name: str = "A") -> Edf:
        """The distribution of a sample."""
        return edf(self.draw(generator, n).tolist(), name=name, guess=self.guess)

    def moved(self, by: float) -> Law:
        """The law of errors that are higher by so much, before they are rounded."""
        return replace(self, centre=self.centre + by)

    def wider(self, times: float) -> Law:
        """The law of the same mean and so many times the spread, before errors are rounded."""
        return replace(self, spread=self.spread * times)

    def below(self, errors: Floats) -> Floats:
        """Probability of a strictly lower error."""
        return self._probability(errors, -0.5)

    def up_to(self, errors: Floats) -> Floats:
        """Probability of an error that isn't higher."""
        return self._probability(errors, 0.5)

    @cached_property
    def points(self) -> Floats:
        """Errors of completed networks, all equally likely, ascending."""
        return self._errors(self.base.ppf((np.arange(POINTS) + 0.5) / POINTS))

    @cached_property
    def mean(self) -> float:
        """Mean error, failures as guessing."""
        return float((1.0 - self.failing) * self.points.mean() + self.failing * self.guess)

    def quantile(self, share: float) -> float:
        """Lowest error that this share of all networks reaches; the share must complete."""
        return float(self._errors(self.base.ppf(share / (1.0 - self.failing))))

    def best_of(self, draws: int) -> float:
        """Expected lowest of so many errors, failures as guessing."""
        failed = self.failing**draws
        shares = (1.0 - (np.arange(POINTS) + 0.5) / POINTS * (1.0 - failed)) ** (1.0 / draws)
        lowest = self._errors(self.base.ppf((1.0 - shares) / (1.0 - self.failing)))
        return float((1.0 - failed) * lowest.mean() + failed * self.guess)

    def beats(self, other: Law) -> float:
        """Probability of a lower error than one of the other law, plus half that of a tie."""
        above = 1.0 - (other.below(self.points) + other.up_to(self.points)) / 2.0
        return float((1.0 - self.failing) * above.mean() + self.failing * other.failing / 2.0)

    def _errors(self, standard: Floats) -> Floats:
        errors = self.centre + self.spread * standard
        return np.round(errors / self.unit) * self.unit if self.unit else errors

    def _probability(self, errors: Floats, side: float) -> Floats:
        """Of an error up to the middle between this multiple of the unit and its neighbour on that side."""
        cuts = (np.round(errors / self.unit) + side) * self.unit if self.unit else errors
        return np.asarray((1.0 - self.failing) * self.base.cdf((cuts - self.centre) / self.spread), dtype=np.float64)


SMOOTH = Law(name="normal errors")
GAMMA = Law(name="skewed errors", base=SKEWED)
FINE = Law(name="errors in 1/10,000", unit=1e-4)
COARSE = Law(name="errors in 1/50", unit=0.02)
FAILING = Law(name="errors in 1/50, a tenth of failures", unit=0.02, failing=0.1)
CLUSTERED = Law(name="a tenth at guessing", base=Clustered(share=0.1, at=12.0), unit=1e-4)
RARE = Law(name="one in twenty at guessing", base=Clustered(share=0.05, at=12.6), centre=0.27, unit=1e-4)
"""Its others are lower by as much as that costs its mean."""
