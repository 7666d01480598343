"""Finite spaces taken point by point, from nothing but the meaning of their parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nas.space import Architecture, Dimension, Point, Real, Requirement, Space, Value


def no_network(point: Point) -> Architecture:
    """Such spaces are never decoded."""
    raise AssertionError(point)


def space(dimensions: Mapping[str, Dimension], *requirements: Requirement) -> Space:
    """A space of these dimensions."""
    return Space(name="s", dimensions=dimensions, decode=no_network, requirements=requirements)


def enumerated(which: Space) -> Iterator[dict[str, Value]]:
    """Every point of a finite space once."""

    def extended(point: dict[str, Value], rest: list[tuple[str, Dimension]]) -> Iterator[dict[str, Value]]:
        if not rest:
            yield point
            return
        (name, dimension), *others = rest
        when = dimension.when
        if when is not None and point.get(when.dimension) not in when.values:
            yield from extended(point, others)
            return
        assert not isinstance(dimension, Real)
        for value in dimension.values:
            yield from extended({**point, name: value}, others)

    return (p for p in extended({}, list(which.dimensions.items())) if which.allows(p))
