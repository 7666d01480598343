"""One claim about the analysis, what counts for or against it, and which counts are as they should be.

A count is compared with the 99 % quantile of the binomial distribution at the claimed rate, for no simulation of 1,000
can tell 5.0 % from 5.5 %: at most 67 of 1,000 false, at least 933 of 1,000 covered, at least 770 of 1,000 found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

import numpy as np

Seed = tuple[int, ...]
Count = Callable[[int, np.random.Generator], int]
"""How many of so many simulated studies count."""

AT_ONCE = 100
"""Studies that share a generator: so the first hundred of a thousand are those of a hundred."""
QUANTILE = 0.99
"""Of the binomial distribution that a count must keep to."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A claim that simulated studies can contradict."""

    name: str
    """Short, and its own among all."""
    claim: str
    """What is claimed, as a sentence about the studies that are counted."""
    n: str
    """Networks of a study, or of each of its sides."""
    rate: float
    """Share of the studies that the claim allows or promises; in [0, 1]."""
    kind: Literal["at least", "at most"]
    """On which side of the rate the count may lie without limit."""
    count: Count
    """Simulates so many studies and counts."""
    share: float = 1.0
    """Of the studies asked for that are simulated, where each takes long; in (0, 1]."""
    small: int = 0
    """Studies of the reduced form in the tests; 0 where it takes too long."""

    def studies(self, asked: int) -> int:
        """Studies that are simulated where so many are asked for."""
        return max(round(self.share * asked), 1)

    def limit(self, studies: int) -> int:
        """Least or greatest count that agrees with the claim."""
        from scipy.stats import binom

        return int(binom.ppf(QUANTILE if self.kind == "at most" else 1.0 - QUANTILE, studies, self.rate))

    def holds(self, count: int, studies: int) -> bool:
        """Whether such a count agrees with the claim."""
        limit = self.limit(studies)
        return count <= limit if self.kind == "at most" else count >= limit

    def portions(self, studies: int) -> list[int]:
        """The studies in portions, each with a generator of its own."""
        return [min(AT_ONCE, studies - begin) for begin in range(0, studies, AT_ONCE)]

    def portion(self, place: int, studies: int, seed: int = 0) -> int:
        """The count of one portion; its random numbers follow from seed, name and place alone."""
        return self.count(studies, np.random.default_rng((seed, crc32(self.name.encode()), place)))

    def run(self, studies: int, seed: int = 0) -> int:
        """The count of so many studies."""
        return sum(self.portion(place, size, seed) for place, size in enumerate(self.portions(studies)))


def covers(name: str, claim: str, n: str, count: Count, *, small: int = 0) -> Simulation:
    """The claim that intervals or bands of 95 % cover the truth."""
    return Simulation(name=name, claim=claim, n=n, rate=0.95, kind="at least", count=count, small=small)


def errs(
    name: str, claim: str, n: str, count: Count, *, families: int = 1, share: float = 1.0, small: int = 0
) -> Simulation:
    """The claim that at most 5 % of the studies say something false, of each family of rules that is asked for."""
    rate = 1.0 - 0.95**families
    return Simulation(name=name, claim=claim, n=n, rate=rate, kind="at most", count=count, share=share, small=small)


def finds(name: str, claim: str, n: str, count: Count, *, share: float = 1.0, small: int = 0) -> Simulation:
    """The claim that at least 80 % of the studies find what was planted."""
    return Simulation(name=name, claim=claim, n=n, rate=0.8, kind="at least", count=count, share=share, small=small)


def never(name: str, claim: str, n: str, count: Count, *, share: float = 1.0, small: int = 0) -> Simulation:
    """The claim that no study contradicts."""
    return Simulation(name=name, claim=claim, n=n, rate=0.0, kind="at most", count=count, share=share, small=small)
