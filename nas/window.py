"""What a window of limits does to a space: how much of it stays, what was refused, how each dimension shifts."""

from __future__ import annotations

import msgspec


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """How the window changes the distribution of one dimension."""

    dimension: str
    """Its name."""
    mean_quantile: float
    """Mean position of accepted values in the dimension's own law: 0.5 is unchanged, below favours small values."""
    distance: float
    """Largest difference of the two distribution functions; 0 = unchanged, 1 = disjoint."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The acceptance of one space under a study's limits, measured by random draws."""

    space: str
    """Name of the space."""
    draws: int
    """Points drawn."""
    accepted: int
    """Points inside all requirements and limits."""
    refused: dict[str, int]
    """Reason -> points refused for it: a requirement's sentence, `shape`, or such as `multiply_adds above`."""
    shifts: tuple[Shift, ...]
    """One for each dimension, from the accepted points."""

    @property
    def acceptance(self) -> float:
        """Share of the draws that were accepted."""
        return self.accepted / self.draws
