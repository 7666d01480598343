"""Matched cost by design: as many networks from each of several equal strata of the logarithm of a cost.

Two spaces within the same limits of cost still differ in where their networks lie in it. Drawn so, each arm has the
same share of its networks in each stratum, and plain distributions are compared at equal cost. Within a stratum a space
keeps its own distribution of cost: what is left of the difference falls with the square of the number of strata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from nas.errors import Refused
from nas.errors.arguments import Fields
from nas.study.limits import UNBOUNDED, Limits, Range

CostName = Literal["parameters", "multiply_adds", "activations", "memory"]
COSTS: tuple[CostName, ...] = get_args(CostName)
MOST = 1_000
"""Most strata of a study."""
LABEL = re.compile(r"(\d+) of (\d+): (\w+) (\d+) to (\d+)")
PREFIXES = ((1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, ""))


class Strata(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields):
    """Into how many equal strata of the logarithm of which cost a study's limits are cut."""

    cost: CostName = "multiply_adds"
    """What is matched; the study's limits must bound it on both sides."""
    count: int = 10
    """Number of strata; from 2 to 1,000. What they can't match falls with its square."""

    def __post_init__(self) -> None:
        if not 2 <= self.count <= MOST:
            raise Refused(f"strata are 2 to {MOST:,} in number, got {self.count}")

    def windows(self, limits: Limits) -> tuple[Range, ...]:
        """Least and most cost of each stratum, both included, ascending; refused where the limits leave them open."""
        low, high = getattr(limits, self.cost)
        if low < 1 or high >= UNBOUNDED:
            raise Refused(
                f"strata of {self.cost} need limits that bound it on both sides, got {_ends(low, high)}",
                hint=f"limits=Limits({self.cost}=(LOW, HIGH)) with LOW at least 1",
            )
        begins = [round(low * (high / low) ** (place / self.count)) for place in range(self.count)]
        windows = tuple(zip(begins, [*(begin - 1 for begin in begins[1:]), high], strict=True))
        if any(first > last for first, last in windows):
            raise Refused(
                f"{self.cost} from {low:,} to {high:,} can't be cut into {self.count} strata of whole numbers"
            )
        return windows

    def labels(self, limits: Limits) -> tuple[str, ...]:
        """The name of each stratum, as it stands in tables: its place, and its range."""
        windows = enumerate(self.windows(limits), 1)
        return tuple(f"{place} of {self.count}: {self.cost} {low} to {high}" for place, (low, high) in windows)


class Stratum(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One stratum, as its name in a table says."""

    cost: str
    """What is matched."""
    count: int
    """Strata in all."""
    place: int
    """Which one this is, counted from 1."""
    low: int
    """Least cost, included."""
    high: int
    """Most cost, included."""


def stratum(label: str) -> Stratum | None:
    """The stratum of a name; None where a text is no such name."""
    match = LABEL.fullmatch(label)
    if not match:
        return None
    place, count, low, high = (int(match[group]) for group in (1, 2, 4, 5))
    return Stratum(cost=match[3], count=count, place=place, low=low, high=high)


def parsed(labels: Iterable[str]) -> list[Stratum]:
    """The strata that names stand for; other texts are passed over."""
    return [parts for label in labels if (parts := stratum(label))]


def in_words(count: int, cost: str, low: int, high: int) -> str:
    """Strata as `10 strata of multiply_adds between 3 and 6 M`."""
    return f"{count} strata of {cost} between {_ends(low, high)}"


def matched(labels: Iterable[str]) -> tuple[str, ...]:
    """The designs that names of strata come from, in words; the ends are those of the strata that were seen."""
    designs: dict[tuple[str, int], list[Stratum]] = {}
    for each in parsed(labels):
        designs.setdefault((each.cost, each.count), []).append(each)
    return tuple(
        in_words(count, cost, min(each.low for each in strata), max(each.high for each in strata))
        for (cost, count), strata in designs.items()
    )


def check_strata(strata: Strata | None, limits: Limits, sampler: str, *, halved: bool = False) -> None:
    """Refuse strata that the limits don't bound, and those of a study that chooses by results."""
    if strata is None:
        return
    if sampler != "random":
        raise Refused(
            f"strata are drawn from at random, not by sampler {sampler!r}",
            hint='sampler="random", or a study without strata',
        )
    if halved:
        raise Refused("strata compare spaces at equal cost, halving ends trainings by their errors: one of the two")
    strata.windows(limits)


def _ends(low: int, high: int) -> str:
    """Two costs with the unit of the larger one, once."""
    if high >= UNBOUNDED:
        return f"{low:,} up"
    size, unit = next((size, unit) for size, unit in PREFIXES if high >= size or size == 1.0)
    return f"{low / size:.4g} and {high / size:.4g}{unit}"
