"""Looks: after how many networks a study that is sampled until it's decided tests its rules, said before the first."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from nas.errors import Refused

if TYPE_CHECKING:
    from nas.study import Study

MOST_LOOKS = 50
"""Looks at one study: more save nothing, and at each all workers wait for the slowest training."""


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """When a study looks at its rules: it ends as soon as all of them are decided, at its number of samples at last."""

    first: int
    """Networks of each space at the first look; at least 1."""
    every: int
    """Networks of each space from one look to the next; at least 1."""

    def __post_init__(self) -> None:
        for name, count in (("first", self.first), ("every", self.every)):
            if type(count) is not int or count < 1:
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
        """Number of the last look all of whose trials are among those that are over; 0 before the first."""
        missing = next((trial for trial in range(self.ends[-1] * self.each) if trial not in over), None)
        return sum(missing is None or self.trials(number) <= missing for number in range(1, len(self.ends) + 1))

    def name(self, number: int) -> str:
        """The look of this number in words."""
        end, cap = self.ends[number - 1], self.ends[-1]
        return f"look {number} of {len(self.ends)}, at {end} of {cap} networks of each space"


def check_looks(study: Study) -> None:
    """Refuse looks of a study that has nothing to decide, or that doesn't draw at random, or that looks too often."""
    if study.looks is None:
        return
    if not isinstance(study.looks, Looks):
        raise Refused(f"a study's looks are Looks(first=..., every=...), got {study.looks!r}")
    if not study.rules:
        raise Refused(
            f"study {study.name!r} is sampled until its rules are decided and declares none",
            hint="rules=(...) says what is to be decided; without looks all samples are trained",
        )
    if study.sampler != "random":
        raise Refused(f"rules are decided by random networks, so a study with looks can't have {study.sampler!r}")
    if (count := len(study.looks.ends(study.samples))) > MOST_LOOKS:
        raise Refused(
            f"study {study.name!r} looks {count} times at its rules, at most {MOST_LOOKS} are possible",
            hint=f"every={-(-(study.samples - study.looks.first) // (MOST_LOOKS - 1))} does",
        )
