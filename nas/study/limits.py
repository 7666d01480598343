"""The limits on costs and on measured latency that a study sets."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import msgspec

from nas.errors import Refused
from nas.errors.arguments import Fields
from nas.layers.base import Cost

UNBOUNDED = 2**62

if TYPE_CHECKING:
    Range = tuple[int, int]
    Times = tuple[float, float]
else:
    Range = Times = tuple[int | float, int | float]  # 3e6 is taken, and made whole
LATENCY = "latency_ms"
"""The limit that no layer table tells: it is measured, on the machine that runs the study."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields):
    """Hard limits, both ends included."""

    parameters: Range = (0, UNBOUNDED)
    """Least and most parameters."""
    multiply_adds: Range = (0, UNBOUNDED)
    """Least and most multiply-adds a forward pass of one image."""
    activations: Range = (0, UNBOUNDED)
    """Least and most activations, in elements an image."""
    memory: Range = (0, UNBOUNDED)
    """Least and most bytes of training memory an image."""
    latency_ms: Times = (0, UNBOUNDED)
    """Least and most milliseconds for one image, as `nas.models.latency` measures them on this processor."""

    def __post_init__(self) -> None:
        low, high = self.latency_ms
        if not 0 <= low <= high < inf or high == 0:
            raise Refused(
                f"limits on latency_ms must be 0 <= low <= high milliseconds, high above 0, got {low=}, {high=}"
            )
        for name in COSTS:
            low, high = getattr(self, name)
            if not all(end % 1 == 0 for end in (low, high)):
                raise Refused(f"limits on {name} must be whole numbers, got {low=}, {high=}")
            low, high = int(low), int(high)
            msgspec.structs.force_setattr(self, name, (low, high))
            if not 0 <= low <= high:
                raise Refused(f"limits on {name} must be 0 <= low <= high, got {low=:,}, {high=:,}")

    def __repr__(self) -> str:
        return f"Limits({', '.join(f'{name}={getattr(self, name)}' for name in self.bounded)})"

    def violations(self, cost: Cost) -> tuple[str, ...]:
        """The limits that a cost breaks, as `multiply_adds below` or `parameters above`; empty within them."""
        broken = []
        for name in COSTS:
            broken += _broken(name, getattr(cost, name), getattr(self, name))
        return tuple(broken)

    def violated_by(self, milliseconds: float) -> tuple[str, ...]:
        """The same of a measured latency."""
        return tuple(_broken(LATENCY, milliseconds, self.latency_ms))

    @property
    def counted(self) -> Limits:
        """The same without what has to be measured."""
        return msgspec.structs.replace(self, latency_ms=(0, UNBOUNDED))

    @property
    def bounded(self) -> tuple[str, ...]:
        """Names of what is limited at all."""
        return tuple(n for n in self.__struct_fields__ if getattr(self, n) != (0, UNBOUNDED))

    @property
    def words(self) -> str:
        """`at most 60,000 parameters and 1,000 to 8,000,000 multiply-adds`; empty where nothing is limited."""
        return " and ".join(span(name, *getattr(self, name)) for name in self.bounded)


COSTS = tuple(name for name in Limits.__struct_fields__ if name != LATENCY)
"""Limits on what a layer table tells."""


def _broken(name: str, value: float, ends: tuple[float, float]) -> list[str]:
    """The side on which a value lies outside, if it does."""
    low, high = ends
    return [f"{name} below"] if value < low else [f"{name} above"] if value > high else []


def span(name: str, low: float, high: float) -> str:
    """A range of a cost in words."""
    cost = {"multiply_adds": "multiply-adds", LATENCY: "milliseconds of latency"}.get(name, name)
    if high >= UNBOUNDED:
        return f"at least {low:,} {cost}"
    if low == high:
        return f"{low:,} {cost}"
    return f"{low:,} to {high:,} {cost}" if low else f"at most {high:,} {cost}"
