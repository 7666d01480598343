"""How far the costs of a space reach: limits beyond them are told from those that only rare networks obey.

The nearest of some random networks are moved along one dimension after another to where a limit is broken least. What
none of them obeys then is taken to lie beyond the space. Two limits that exclude each other are told by the sum of the
factors by which they are broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from math import inf, log1p

import numpy as np
import numpy.typing as npt

from nas.layers.base import Cost
from nas.sampling.filter import Filter, Network
from nas.space.distribution import Distribution
from nas.study.limits import Limits, span

RANDOM, STARTS, STEPS = 500, 3, 33
"""Random networks, how many of them are moved, and the places that each dimension is moved to."""
MARGIN = 0.05
"""Logarithm of the factor by which limits must be missed: what is nearer may be reached by other moves than these."""

Rows = npt.NDArray[np.float64]
"""Points as coordinates of the unit cube, (points, dimensions)."""
Side = Callable[[Cost], float]
"""By which factor a cost breaks one end of a limit, as a logarithm; at most 0 inside."""


class Reach:
    """The costs of random networks of a space, without its limits, and how far they can be moved."""

    def __init__(self, filter_: Filter) -> None:
        self._limits = filter_.limits
        self._filter = replace(filter_, limits=Limits())
        self._distribution = Distribution(filter_.space)
        self._rows = np.random.default_rng(0).random((RANDOM, len(self._distribution.names)))
        self._costs = self._priced(self._rows)

    @property
    def words(self) -> str:
        """`random ones have 3,018 to 90,210 parameters`, of all limited costs; empty where none is limited or known."""
        known = [cost for cost in self._costs if cost is not None]
        names = self._limits.counted.bounded if known else ()
        return f"random ones have {_in_words(known, names)}" if names else ""

    def beyond(self) -> str:
        """Which limits lie beyond all networks, in words; empty where some may lie inside."""
        sides = _sides(self._limits)
        for (name, _), side in sides.items():
            if (nearest := self._nearest([side])) is not None:
                return f"the nearest that can be found has {_in_words([nearest], [name])}"
        for pair in combinations(sides, 2):
            if self._nearest([sides[name] for name in pair]) is not None:
                names = " and ".join(name.replace("_", "-") for name, _ in pair)
                return f"none can be found that obeys the limits on {names} together"
        return ""

    def _nearest(self, sides: Sequence[Side]) -> Cost | None:
        """The network that breaks these ends least; None where one obeys them all, or nearly, or none is known."""

        def broken(cost: Cost | None) -> float:
            return inf if cost is None else sum(side(cost) for side in sides)

        order = sorted(range(RANDOM), key=lambda index: broken(self._costs[index]))[:STARTS]
        best = min((self._moved(self._rows[index], self._costs[index], broken) for index in order), key=broken)
        return best if broken(best) > MARGIN else None

    def _moved(self, row: Rows, cost: Cost | None, broken: Callable[[Cost | None], float]) -> Cost | None:
        """The cost where moves along single dimensions end that each break less than the one before."""
        before = None
        while cost is not None and cost != before and broken(cost) > 0:
            before = cost
            for axis in range(len(row)):
                rows = np.tile(row, (STEPS, 1))
                rows[:, axis] = np.linspace(0, 1, STEPS)
                costs = self._priced(rows)
                best = min(range(STEPS), key=lambda index: broken(costs[index]))
                if broken(costs[best]) < broken(cost):
                    row, cost = rows[best], costs[best]
        return cost

    def _priced(self, rows: Rows) -> list[Cost | None]:
        """What points cost; None for one that is no network."""
        verdicts = [self._filter.judge(point) for point in self._distribution.points(rows)]
        return [verdict.cost if isinstance(verdict, Network) else None for verdict in verdicts]


def _in_words(costs: Sequence[Cost], names: Iterable[str]) -> str:
    """From the least to the most of some costs."""
    values = {name: [getattr(cost, name) for cost in costs] for name in names}
    return " and ".join(span(name, min(each), max(each)) for name, each in values.items())


def _sides(limits: Limits) -> dict[tuple[str, int], Side]:
    """Both ends of the limits on what is counted: the lower is -1, the upper 1."""
    return {
        (name, sign): _side(name, sign, end)
        for name in limits.counted.bounded
        for sign, end in zip((-1, 1), getattr(limits, name), strict=True)
    }


def _side(name: str, sign: int, end: int) -> Side:
    return lambda cost: sign * (log1p(getattr(cost, name)) - log1p(end))
