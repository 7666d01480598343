"""The thresholds of successive halving: which error a training must reach at each rung, from earlier generations alone.

For one objective it is a quantile of the errors at the rung. For error against cost it is the largest error with which
a network of that cost is still among the better ones by non-dominated rank, as in Schmucker et al., *Multi-objective
Asynchronous Successive Halving* (2021). Ours: a front passes as a whole where they pick from it, so more than the
share may continue, and the cheapest networks always do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, inf, nextafter

from nas.study import SuccessiveHalving
from nas.study.objectives import nondominated_ranks

LEAST = 2
"""A rung judges nobody until it holds so many results for each one of the factor."""


class Thresholds:
    """The results of one arm, and what they ask of the next training; with `against_cost` of each cost its own."""

    def __init__(self, halving: SuccessiveHalving, epochs: int, *, against_cost: bool) -> None:
        self._factor, self._against_cost = halving.reduction_factor, against_cost
        self._arrived: dict[int, list[tuple[float, float]]] = {rung: [] for rung in halving.rungs(epochs)}
        self._fronts: dict[int, list[tuple[float, float]]] = {}

    def add(self, errors: Sequence[float], cost: float, *, failed: bool) -> None:
        """Count a trial at every rung that it came to; one that `failed` comes to the next as the worst of all.

        `errors` are those after each epoch that was finished; what missed a threshold hasn't failed.
        """
        self._fronts.clear()
        for rung, arrived in self._arrived.items():
            if rung <= len(errors):
                arrived.append((errors[rung - 1], cost if self._against_cost else 0.0))
            else:
                if failed:
                    arrived.append((inf, inf))
                return

    def at(self, cost: float) -> Mapping[int, float]:
        """Epoch -> largest error with which a training of this cost continues; epochs without one are left out."""
        thresholds = {rung: threshold(self._front(rung), cost if self._against_cost else 0.0) for rung in self._arrived}
        return {rung: error for rung, error in thresholds.items() if error < inf}

    def _front(self, rung: int) -> list[tuple[float, float]]:
        if rung not in self._fronts:
            arrived = self._arrived[rung]
            self._fronts[rung] = last_front(arrived, self._factor) if len(arrived) >= LEAST * self._factor else []
        return self._fronts[rung]


def last_front(points: Sequence[tuple[float, float]], factor: int) -> list[tuple[float, float]]:
    """The last front of (error, cost) that lies among the best 1/factor, rounded up, at least in part."""
    ranks = nondominated_ranks(points)
    last = sorted(ranks)[ceil(len(points) / factor) - 1]
    return [point for point, rank in zip(points, ranks, strict=True) if rank == last]


def threshold(front: Sequence[tuple[float, float]], cost: float) -> float:
    """Largest error with which none of a front dominates a network of this cost; infinity where no error is too large.

    A cheaper one dominates from its own error on, one that costs the same only above it.
    """
    ends = (e if c == cost else nextafter(e, -inf) for e, c in front if c <= cost)
    return min(ends, default=inf)
