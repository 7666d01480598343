"""Looks: after how many networks a study that is sampled until it's decided tests its rules, said before the first."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from nas.errors import Refused
from nas.errors.arguments import Fields

MOST_LOOKS = 50
"""Looks at one study: more save nothing, and at each all workers wait for the slowest training."""


class Looks(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields):
    """When a study looks at its rules: it ends as soon as all of them are decided, at its number of samples at last."""

    first: int
    """Networks of each space at the first look; at least 1."""
    every: int
    """Networks of each space from one look to the next; at least 1."""

    def __post_init__(self) -> None:
        for name, count in (("first", self.first), ("every", self.every)):
            if count < 1:
                raise Refused(f"looks are so many networks of each space apart, at least 1, got {name}={count!r}")

    def ends(self, cap: int) -> tuple[int, ...]:
        """Networks of each space at each look, ascending; the last look is at the cap, which may be the only one."""
        return (*range(self.first, cap, self.every), cap)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """The looks of a study that are planned before its first training."""

    ends: tuple[int, ...]
    """Networks of each space at each look, ascending; the last is the cap."""
    each: int
    """Trials that one network of each space amounts to: spaces times repeats; at least 1."""

    def trials(self, number: int) -> int:
        """Trials that come before the look of this number, counted from 1."""
        return self.ends[number - 1] * self.each

    def passed(self, over: Collection[int]) -> int:
        """Number of the last look all of whose trials are among those that are finished; 0 before the first."""
        missing = next((trial for trial in range(self.ends[-1] * self.each) if trial not in over), None)
        return sum(missing is None or self.trials(number) <= missing for number in range(1, len(self.ends) + 1))

    def name(self, number: int) -> str:
        """The look of this number in words."""
        end, cap = self.ends[number - 1], self.ends[-1]
        return f"look {number} of {len(self.ends)}, at {end} of {cap} networks of each space"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands among its looks."""

    schedule: Schedule
    """The looks that are planned."""
    passed: int
    """Number of the last look all of whose trials are finished; 0 before the first."""
    ended: int
    """Networks of each space at the look that decided every rule; 0 where none has before the cap."""

    @property
    def words(self) -> str:
        """The same as the end of a line."""
        ends = self.schedule.ends
        if self.ended:
            return f"every rule was decided at {self.schedule.name(ends.index(self.ended) + 1)}"
        if self.passed == len(ends):
            return f"ended at its cap of {ends[-1]} networks of each space"
        return f"next {self.schedule.name(self.passed + 1)}"
