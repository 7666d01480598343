"""Simulated searches whose truth is known: how often the interval of the ratio of areas covers it.

`python -m tests.toys.search_studies` prints the coverage of 95 % for 1,000 comparisons of each kind; a test
runs a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nas.analysis.searches import Trace, advantage, common, level_at, lowest_errors
from nas.analysis.statistics.interval import Floats

GUESS = 0.9
TRIALS = 40
POOL = 3_000
"""Searches of a kind that stand for all of them."""
GRID = np.linspace(0.0, 60.0, 3_001)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a simulated search finds networks."""

    learns: float
    """Share of the excess error that it loses while it learns, from the tenth trial to the thirtieth."""
    stuck: float
    """Share of seeds that learn only a fifth of that."""
    fails: float = 0.0
    """Share of trials without an error."""


KINDS = {
    "random": Kind(learns=0.0, stuck=0.0),
    "learner": Kind(learns=0.6, stuck=0.3),
    "fragile": Kind(learns=0.6, stuck=0.0, fails=0.2),
}


class Pool:
    """Many searches of one kind, and the mean of what they have found."""

    def __init__(self, kind: Kind, generator: np.random.Generator) -> None:
        self.traces = [_search(kind, generator) for _ in range(POOL)]
        middles = (GRID[:-1] + GRID[1:]) / 2
        mean = np.mean([level_at(trace, middles) for trace in self.traces], axis=0)
        self._integral = np.concatenate([[0.0], np.cumsum(mean * np.diff(GRID))])

    def area(self, start: float, end: float) -> float:
        """The true mean over this compute."""
        low, high = np.interp([start, end], GRID, self._integral)
        return float(high - low) / (end - start)

    def drawn(self, n: int, generator: np.random.Generator) -> list[Trace]:
        """So many independent searches."""
        return [self.traces[place] for place in generator.integers(POOL, size=n)]


def comparisons(first: Pool, second: Pool, n: int, times: int, generator: np.random.Generator) -> Iterator[bool]:
    """Whether each interval of so many comparisons of n searches each covers the true ratio."""
    for _ in range(times):
        some, others = first.drawn(n, generator), second.drawn(n, generator)
        start, end = common([*some, *others])
        truth = first.area(start, end) / second.area(start, end)
        yield truth in advantage("first", some, "second", others, start, end).ratio


def trials(kind: Kind, generator: np.random.Generator, n: int = TRIALS) -> tuple[Floats, Floats]:
    """Costs and errors of the trials of one search."""
    errors = 0.05 + 0.3 * generator.beta(1.5, 3.0, n)
    learned = np.clip((np.arange(n) - 10) / 20, 0.0, 1.0) * kind.learns
    learned *= 0.2 if generator.random() < kind.stuck else 1.0
    errors = 0.05 + (errors - 0.05) * (1.0 - learned)
    errors = np.where(generator.random(n) < kind.fails, np.inf, errors)
    return generator.lognormal(0.0, 0.5, n), errors


def _search(kind: Kind, generator: np.random.Generator) -> Trace:
    costs, errors = trials(kind, generator)
    return lowest_errors(costs.tolist(), errors.tolist(), GUESS)


def pools(*names: str, seed: int = 0) -> dict[str, Pool]:
    """Pools of these kinds."""
    generator = np.random.default_rng(seed)
    return {name: Pool(KINDS[name], generator) for name in names}


def main(times: int = 1_000) -> None:
    """Print the coverage of every kind against random."""
    found = pools(*KINDS)
    for name, pool in found.items():
        for n in (3, 5, 10):
            covered = sum(comparisons(pool, found["random"], n, times, np.random.default_rng(n)))
            print(f"{name} against random, {n} searches each: {covered} of {times} intervals cover")  # noqa: T201


if __name__ == "__main__":
    main()
