"""The axes of a space: what a dimension may be, from which distribution it is drawn, how many values it has."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from nas.errors import Refused
from nas.errors.arguments import Fields

Value = bool | int | float | str
Point = Mapping[str, Value]
"""One value for each active dimension."""


class When(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields):
    """A condition: the dimension exists only where another one has one of these values."""

    dimension: str
    """Name of the other dimension, which comes earlier."""
    values: tuple[Value, ...]
    """Its values under which this one is active."""

    def holds(self, point: Point) -> bool:
        """Whether the point fulfils it; an inactive parent doesn't."""
        return self.dimension in point and point[self.dimension] in self.values

    @property
    def sentence(self) -> str:
        """The condition in words: `norm is batch or mean_only`."""
        *most, last = map(str, self.values or ("nothing",))
        return f"{self.dimension} is {', '.join(most)} or {last}" if most else f"{self.dimension} is {last}"


class Integer(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields, tag="integer"):
    """Whole numbers from low to high, both included."""

    low: int
    """Smallest value; a multiple of `unit`."""
    high: int
    """Largest value; a multiple of `unit`."""
    unit: int = 1
    """Values are multiples of it."""
    log: bool = False
    """Drawn uniformly in the logarithm (of the multiple, from low - 1/2 to high + 1/2, rounded), else uniformly."""
    when: When | None = None
    """Condition under which the dimension is active."""

    def __post_init__(self) -> None:
        if self.unit < 1 or self.low % self.unit or self.high % self.unit:
            got = f"low={self.low}, high={self.high}, unit={self.unit}"
            raise Refused(f"low and high must be multiples of unit, and unit at least 1, got {got}")
        if self.low > self.high or (self.log and self.low < 1):
            got = f"low={self.low}, high={self.high}, log={self.log}"
            raise Refused(f"low must not exceed high, and be positive if log, got {got}")

    @property
    def values(self) -> range:
        """All values, ascending."""
        return range(self.low, self.high + 1, self.unit)

    def cumulative(self) -> list[float]:
        """Probability of each value or a smaller one, in the order of `values`."""
        count = len(self.values)
        if not self.log:
            return [(k + 1) / count for k in range(count)]
        first = self.low // self.unit
        bottom, top = math.log(first - 0.5), math.log(first + count - 0.5)
        return [(math.log(first + k + 0.5) - bottom) / (top - bottom) for k in range(count)]

    def contains(self, value: Value) -> bool:
        """Whether the value is one of these."""
        return isinstance(value, int) and value in self.values

    def within(self, other: Dimension) -> bool:
        """Whether all values are values of the other dimension, too."""
        return isinstance(other, Integer | Choice) and all(other.contains(v) for v in self.values)


class Real(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields, tag="real"):
    """Numbers from low to high."""

    low: float
    """Smallest value."""
    high: float
    """Largest value."""
    log: bool = False
    """Drawn uniformly in the logarithm, else uniformly."""
    when: When | None = None
    """Condition under which the dimension is active."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise Refused(f"low must not exceed high, both finite, got low={self.low}, high={self.high}")
        if self.log and self.low <= 0:
            raise Refused(f"low must be positive if log, got low={self.low}")

    def contains(self, value: Value) -> bool:
        """Whether the value lies in the range."""
        return not isinstance(value, str) and self.low <= value <= self.high

    def within(self, other: Dimension) -> bool:
        """Whether the range lies inside the other one."""
        return isinstance(other, Real) and other.low <= self.low and self.high <= other.high


class Choice(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields, tag="choice"):
    """One of several options, each as likely as the others."""

    options: tuple[Value, ...]
    """At least one, no two equal."""
    when: When | None = None
    """Condition under which the dimension is active."""

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) < len(self.options):
            raise Refused(f"options must be distinct and at least one, got {self.options}")
        if any(isinstance(option, float) and not math.isfinite(option) for option in self.options):
            raise Refused(f"options must be finite numbers, texts, True or False, got {self.options}")

    @property
    def values(self) -> tuple[Value, ...]:
        """All options in their order."""
        return self.options

    def cumulative(self) -> list[float]:
        """Probability of each option or an earlier one."""
        return [(k + 1) / len(self.options) for k in range(len(self.options))]

    def contains(self, value: Value) -> bool:
        """Whether the value is an option."""
        return value in self.options

    def within(self, other: Dimension) -> bool:
        """Whether all options are values of the other dimension, too."""
        return all(other.contains(option) for option in self.options)


Dimension = Integer | Real | Choice


def in_words(dimension: Dimension) -> str:
    """The values of a dimension and how they are drawn, as people say it; its condition aside."""
    if isinstance(dimension, Choice):
        return ", ".join(map(str, dimension.options))
    drawn = ", log-uniform" if dimension.log else ""
    if isinstance(dimension, Real):
        return f"{dimension.low:g} to {dimension.high:g}, continuous{drawn}"
    unit = f" in multiples of {dimension.unit}" if dimension.unit > 1 else ""
    return f"{dimension.low} to {dimension.high}{unit}{drawn}"


def single(dimension: Dimension, value: Value) -> Choice:
    """One value of a dimension, written as the dimension writes it: 0 for 0.0, and True for 1, become those."""
    if isinstance(dimension, Real):
        return Choice(options=(float(value) if isinstance(value, int) else value,))
    return Choice(options=(next((own for own in dimension.values if own == value), value),))
