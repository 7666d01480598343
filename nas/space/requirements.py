"""Rules that a point must obey: a sentence and a test; chains of neighbours are also counted and drawn exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import msgspec

from nas.space.dimensions import Point, Value

Requirement = Callable[[Point], bool]
"""A test of a point; described by its attribute `sentence`, or, if a plain function, by its docstring."""
Relation = Literal["rises", "falls", "strictly rises", "strictly falls"]


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """An order between the numbered dimensions of a group, such as width_1 <= width_2 <= width_3."""

    group: str
    """Name without the number."""
    relation: Relation
    """How each value follows the one before; equal neighbours are allowed unless it is strict."""

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return f"{self.group} {self.relation} from stage to stage"

    def __call__(self, point: Point) -> bool:
        """Whether the numbered values of this group stand in order."""
        values: list[Value] = []
        while (name := f"{self.group}_{len(values) + 1}") in point:
            values.append(point[name])
        return all(self.follows(a, b) for a, b in pairwise(values))

    def follows(self, before: Value, after: Value) -> bool:
        """Whether one value may come after another."""
        if isinstance(before, str) or isinstance(after, str):
            raise TypeError(f"{self.group} holds text, which has no order: {before!r}, {after!r}")
        match self.relation:
            case "rises":
                return before <= after
            case "falls":
                return before >= after
            case "strictly rises":
                return before < after
            case "strictly falls":
                return before > after

    def count(self, values: Sequence[Sequence[Value]]) -> int:
        """How many rows obey the chain, one value taken from each position's list."""
        ways = [1] * len(values[-1])
        for earlier, later in zip(values[-2::-1], values[::-1], strict=False):
            ways = [sum(w for b, w in zip(later, ways, strict=True) if self.follows(a, b)) for a in earlier]
        return sum(ways)


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on how much larger a numbered value is than the one before, such as width_3 >= 2 * width_2."""

    group: str
    """Name without the number."""
    position: int
    """Number of the later value; at least 2."""
    low: float | None = None
    """Smallest ratio of the later value to the earlier one, included; None for no bound."""
    high: float | None = None
    """Largest such ratio, included; None for no bound."""

    def __post_init__(self) -> None:
        if self.position < 2 or (self.low is None and self.high is None):
            raise ValueError(f"a ratio has a position from 2 on and a bound, got {self.position=}, {self.low=}")

    @property
    def names(self) -> tuple[str, str]:
        """The earlier dimension and the later one."""
        return f"{self.group}_{self.position - 1}", f"{self.group}_{self.position}"

    @property
    def sentence(self) -> str:
        """The rule in words."""
        before, after = self.names
        return f"{after} is {_bounds(self.low, self.high)} times {before}"

    def __call__(self, point: Point) -> bool:
        """Whether the ratio lies within the bounds; a point without one of the two obeys."""
        before, after = (point.get(name) for name in self.names)
        if before is None or after is None:
            return True
        if isinstance(before, str) or isinstance(after, str):
            raise TypeError(f"{self.group} holds text, which has no ratio: {before!r}, {after!r}")
        return (self.low is None or after >= self.low * before) and (self.high is None or after <= self.high * before)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on a number that architectures state of themselves, such as at least 12 blocks."""

    name: str
    """Of the attribute."""
    decode: Callable[[Point], Any]
    """From a point to the architecture that states it: the space's own."""
    low: float | None = None
    """Smallest value, included; None for no bound."""
    high: float | None = None
    """Largest value, included; None for no bound."""

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError(f"an attribute is bounded from at least one side, got none for {self.name!r}")

    @property
    def sentence(self) -> str:
        """The rule in words."""
        return f"{self.name} is {_bounds(self.low, self.high)}"

    def __call__(self, point: Point) -> bool:
        """Whether the attribute lies within the bounds; an architecture that doesn't state it obeys."""
        value = self.decode(point).facts().get(self.name)
        if value is None:
            return True
        if isinstance(value, str):
            raise TypeError(f"{self.name} is a text, which has no bounds: {value!r}")
        return bool((self.low is None or value >= self.low) and (self.high is None or value <= self.high))


def rising(group: str) -> Chain:
    """Each numbered value of the group is at least as large as the one before."""
    return Chain(group=group, relation="rises")


def falling(group: str) -> Chain:
    """Each numbered value of the group is at most as large as the one before."""
    return Chain(group=group, relation="falls")


def _bounds(low: float | None, high: float | None) -> str:
    """Ends of a range in words."""
    ends = (("at least", low), ("at most", high))
    return " and ".join(f"{how} {end:g}" for how, end in ends if end is not None)


def sentence(requirement: Requirement) -> str:
    """A requirement in words: its sentence, else the first line of its docstring, else its name."""
    if own := getattr(requirement, "sentence", ""):
        return str(own)
    described = (requirement.__doc__ or "").strip().split("\n")[0].rstrip(".")
    return described or getattr(requirement, "__name__", repr(requirement))
