"""A network that is trained already, as a search sees it."""

from __future__ import annotations

from dataclasses import dataclass

from nas.space import Point


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A network of a table."""

    row: int
    """Its place in the table."""
    point: Point
    """Values of its space's active dimensions."""
    error: float | None
    """Its error as a share of 1; None for a failure."""
    multiply_adds: int
    """Of one forward pass; 0 where the table doesn't tell."""
