"""The distribution that points are drawn from: from coordinates in the unit cube to points of a space.

Uniform coordinates give independent draws from the space; a low-discrepancy sequence gives an even cover; an
optimiser that works on the cube sees a space in which every order requirement is met already. The order of a chain is
not met by chance: each value is drawn by its probability given the one before, as in independent draws that happen to
be in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nas.errors import Refused
from nas.space.dimensions import Choice, Dimension, Integer, Point, Real, Value
from nas.space.requirements import Chain
from nas.space.space import Space

Array = npt.NDArray[Any]
_BELOW_ONE = float(np.nextafter(1.0, 0.0))


class Distribution:
    """What the points of a space are drawn from, with its tables computed once."""

    def __init__(self, space: Space) -> None:
        self.names = tuple(space.dimensions)
        self._dimensions = dict(space.dimensions)
        self._conditions = [(n, d.when) for n, d in self._dimensions.items() if d.when is not None]
        self._chains = {
            names: _chain_tables(chain, [self._dimensions[n] for n in names]) for chain, names in space.chains()
        }
        self._tables = {n: np.array(d.cumulative()) for n, d in self._dimensions.items() if not isinstance(d, Real)}
        if impossible := [chain.sentence for chain, names in space.chains() if not self._chains[names][0][0, -1]]:
            raise Refused(f"{space.name}: no point obeys the rule that {impossible[0]}")
        self._heads = {names[0]: names for names in self._chains}
        self.chained = frozenset(name for names in self._chains for name in names)

    def points(self, coordinates: Array) -> list[dict[str, Value]]:
        """One point for each row of (rows, dimensions) numbers in [0, 1]."""
        columns: dict[str, list[Value]] = {}
        position = {name: i for i, name in enumerate(self.names)}
        for name in self.names:
            if name in self._heads:
                members = self._heads[name]
                columns.update(self._ordered(members, coordinates[:, [position[m] for m in members]]))
            elif name not in self.chained:
                columns[name] = self._values(name, coordinates[:, position[name]])
        rows = zip(*(columns[name] for name in self.names), strict=True)
        points = [dict(zip(self.names, row, strict=True)) for row in rows]
        return [self._active(point) for point in points] if self._conditions else points

    def coordinates(self, point: Point) -> dict[str, float]:
        """Where in [0, 1] each active dimension of a point lies: the middle of what `points` maps to its value."""
        places = {}
        for name, value in point.items():
            dimension = self._dimensions[name]
            if isinstance(dimension, Real):
                places[name] = _share(dimension, float(value))
            elif name not in self.chained:
                places[name] = _middle(self._tables[name], _listed(dimension).index(value))
        for members, tables in self._chains.items():
            before = 0
            for name, table in zip(members, tables, strict=True):
                index = _listed(self._dimensions[name]).index(point[name])
                places[name] = _middle(table[before], index)
                before = index
        return places

    def _values(self, name: str, u: Array) -> list[Value]:
        """Values of one dimension at coordinates u."""
        dimension = self._dimensions[name]
        if isinstance(dimension, Real):
            low, high = dimension.low, dimension.high
            values = low * (high / low) ** u if dimension.log else low + (high - low) * u
            return list(np.clip(values, low, high).tolist())
        index = np.searchsorted(self._tables[name], np.minimum(u, _BELOW_ONE), side="right")
        return _pick(dimension, np.minimum(index, len(dimension.values) - 1))

    def _ordered(self, members: tuple[str, ...], coordinates: Array) -> dict[str, list[Value]]:
        """Values of a chain, each given the one before."""
        tables = self._chains[members]
        columns = {}
        before = np.zeros(len(coordinates), dtype=np.intp)
        for i, (name, table) in enumerate(zip(members, tables, strict=True)):
            rows = table[before]  # (rows, values)
            u = np.minimum(coordinates[:, i], _BELOW_ONE) * rows[:, -1]
            before = (rows <= u[:, None]).sum(1)
            columns[name] = _pick(self._dimensions[name], before)
        return columns

    def _active(self, point: dict[str, Value]) -> dict[str, Value]:
        for name, when in self._conditions:
            if not when.holds(point):
                del point[name]
        return point


def _chain_tables(chain: Chain, dimensions: list[Dimension]) -> list[Array]:
    """For each position a table: row = value before, columns = cumulative weight of the values that may follow.

    A value's weight is its probability times the probability that the rest of the chain can follow it.
    """
    weights: list[Array] = []
    follows: list[Array] = []
    rest: Array | None = None
    for dimension in reversed(dimensions):
        weight = np.diff(np.array(_finite(dimension).cumulative()), prepend=0.0)
        if rest is not None:
            weight = weight * (follows[0] @ rest)
        position = len(dimensions) - 1 - len(weights)
        before = _listed(dimensions[position - 1]) if position else (0,)
        matrix = np.array([[not position or chain.follows(a, b) for b in _listed(dimension)] for a in before])
        weights.insert(0, weight)
        follows.insert(0, matrix.astype(float))
        rest = weight
    return [np.cumsum(f * w, axis=1) for f, w in zip(follows, weights, strict=True)]


def _finite(dimension: Dimension) -> Integer | Choice:
    if isinstance(dimension, Real):
        raise TypeError("a continuous dimension has no list of values")
    return dimension


def _listed(dimension: Dimension) -> tuple[Value, ...]:
    return tuple(_finite(dimension).values)


def _pick(dimension: Dimension, index: Array) -> list[Value]:
    if isinstance(dimension, Integer):
        return list((dimension.low + dimension.unit * index).tolist())
    values = _listed(dimension)
    return [values[i] for i in index.tolist()]


def _middle(cumulative: Array, index: int) -> float:
    """Middle of the interval that belongs to an index, as a share of the whole."""
    low = cumulative[index - 1] if index else 0.0
    return float((low + cumulative[index]) / 2 / cumulative[-1])


def _share(dimension: Real, value: float) -> float:
    """Share of a continuous dimension below a value."""
    if dimension.low == dimension.high:
        return 0.5
    if dimension.log:
        return float(np.log(value / dimension.low) / np.log(dimension.high / dimension.low))
    return (value - dimension.low) / (dimension.high - dimension.low)
