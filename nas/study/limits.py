"""The limits on costs that a study sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nas.layers.base import Cost

UNBOUNDED = 2**62

if TYPE_CHECKING:
    Range = tuple[int, int]
else:
    Range = tuple[int | float, int | float]  # 3e6 is taken, and made whole


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Hard limits on costs, both ends included."""

    parameters: Range = (0, UNBOUNDED)
    """Least and most parameters."""
    multiply_adds: Range = (0, UNBOUNDED)
    """Least and most multiply-adds a forward pass of one image."""
    activations: Range = (0, UNBOUNDED)
    """Least and most activations, in elements an image."""
    memory: Range = (0, UNBOUNDED)
    """Least and most bytes of training memory an image."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            low, high = getattr(self, name)
            if not all(isinstance(end, int | float) and end % 1 == 0 for end in (low, high)):
                raise ValueError(f"limits on {name} must be whole numbers, got {low=}, {high=}")
            low, high = int(low), int(high)
            msgspec.structs.force_setattr(self, name, (low, high))
            if not 0 <= low <= high:
                raise ValueError(f"limits on {name} must be 0 <= low <= high, got {low=:,}, {high=:,}")

    def violations(self, cost: Cost) -> tuple[str, ...]:
        """The limits that a cost breaks, as `multiply_adds below` or `parameters above`; empty within them."""
        broken = []
        for name in self.__struct_fields__:
            low, high = getattr(self, name)
            value = getattr(cost, name)
            if value < low:
                broken.append(f"{name} below")
            elif value > high:
                broken.append(f"{name} above")
        return tuple(broken)

    @property
    def bounded(self) -> tuple[str, ...]:
        """Names of the costs that are limited at all."""
        return tuple(n for n in self.__struct_fields__ if getattr(self, n) != (0, UNBOUNDED))

    @property
    def words(self) -> str:
        """`at most 60,000 parameters and 1,000 to 8,000,000 multiply-adds`; empty where nothing is limited."""
        return " and ".join(span(name, *getattr(self, name)) for name in self.bounded)


def span(name: str, low: int, high: int) -> str:
    """A range of a cost in words."""
    cost = name.replace("multiply_adds", "multiply-adds")
    if high >= UNBOUNDED:
        return f"at least {low:,} {cost}"
    return f"{low:,} to {high:,} {cost}" if low else f"at most {high:,} {cost}"
