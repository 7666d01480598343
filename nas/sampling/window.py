"""What the limits do to a space: how much of it stays, what was rejected, how each dimension shifts."""

from __future__ import annotations

import msgspec


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """How the limits change the distribution of one dimension."""

    dimension: str
    """Its name."""
    mean_quantile: float
    """Mean position of accepted values in the dimension's own distribution: 0.5 is unchanged, below favours small."""
    distance: float
    """Largest difference of the two distribution functions; 0 = unchanged, 1 = disjoint."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one space lies in one stratum of cost, measured by random draws."""

    stratum: str
    """Its name, as in tables: place and range."""
    draws: int
    """Points drawn, of all strata together."""
    accepted: int
    """Points inside all requirements, limits and the stratum."""

    @property
    def acceptance(self) -> float:
        """Share of the draws that were accepted."""
        return self.accepted / self.draws


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
    strata: tuple[Share, ...] = ()
    """One for each stratum of cost; none where the study has no strata."""

    @property
    def acceptance(self) -> float:
        """Share of the draws that were accepted."""
        return self.accepted / self.draws
