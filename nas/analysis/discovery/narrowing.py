"""What was discovered in a space -> a smaller space that can be sampled at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.discovery.candidates import Tied
from nas.analysis.discovery.discovery import Found
from nas.analysis.selection import having, numbers
from nas.errors import Refused
from nas.space import Chain, Choice, Dimension, Integer, Ratio, Real, Requirement, Space, Value
from nas.space.distribution import Distribution
from nas.study import Part
from nas.study.table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd


MOST_OPTIONS = 20
"""A column with more different texts than this holds names, not options."""


def inferred_dimensions(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> dict[str, Dimension]:
    """Dimensions of a table's columns: the given ones, else all that aren't columns of every run and vary.

    Whole numbers are an `Integer` in the largest unit that they have in common, other numbers a `Real`, texts and
    yes-or-no a `Choice`.
    """
    names = [str(name) for name in frame if name not in COLUMNS] if columns is None else list(columns)
    inferred = {name: _inferred(having(frame, name), name) for name in names}
    if columns is not None and (wrong := [name for name, dimension in inferred.items() if dimension is None]):
        raise Refused(f"column {wrong[0]!r} has one value only, or more than {MOST_OPTIONS} texts: no rule is about it")
    return {name: dimension for name, dimension in inferred.items() if dimension is not None}


def _inferred(frame: pd.DataFrame, name: str) -> Dimension | None:
    """A column as a dimension; None where it doesn't vary, or is a name."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    cells = frame[name].dropna()
    if cells.nunique() < 2:
        return None
    if is_bool_dtype(cells) or not is_numeric_dtype(cells):
        options = tuple(sorted({value if isinstance(value, str) else bool(value) for value in cells}, key=str))
        return Choice(options=options) if len(options) <= MOST_OPTIONS else None
    values = numbers(frame, name)
    values = values[np.isfinite(values)]
    if (values == np.round(values)).all():
        unit = math.gcd(*(int(value) for value in np.unique(values)))
        return Integer(low=int(values.min()), high=int(values.max()), unit=max(unit, 1))
    return Real(low=float(values.min()), high=float(values.max()))


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a space: exactly one field is set."""

    share: str = ""
    """A group whose dimensions become one."""
    restrict: tuple[str, Dimension] | None = None
    """A dimension and its smaller range."""
    require: Requirement | None = None
    """A rule that every point obeys."""
    bound: Part | None = None
    """A range of a number that architectures state of themselves."""

    def __call__(self, space: Space) -> Space:
        """The space after it."""
        if self.share:
            return space.share(self.share)
        if self.restrict is not None:
            name, dimension = self.restrict
            return space.restrict(**{name: dimension})
        if self.bound is not None:
            return space.bound(self.bound.column, low=self.bound.low, high=self.bound.high)
        return space if self.require is None else space.require(self.require)


def refined(space: Space, found: Sequence[Found]) -> Space:
    """The space with the findings that help, and with the dimensions shared that may be; itself without any.

    Findings that hurt, are undecided or make no difference change nothing.
    """
    changes = steps(space, found)
    smaller = space
    for step in changes:
        smaller = step(smaller)
    return smaller.named(refined_name(space)) if changes else space


def refined_name(space: Space) -> str:
    """What the smaller space is called: refined, then refined 2, and so on."""
    return once_more(space.name, ", refined", " ")


def once_more(name: str, mark: str, before: str) -> str:
    """The name with a mark behind it, or with the next number behind its mark."""
    bare, separator, number = name.rpartition(mark)
    digits = number.removeprefix(before)
    if not separator or not (digits.isdigit() or not number):
        return name + mark
    return f"{bare}{mark}{before}{int(digits or 1) + 1}"


def steps(space: Space, findings: Sequence[Found]) -> tuple[Step, ...]:
    """The changes in their order: shared dimensions, smaller ranges, orders and ratios, bounds on facts.

    A bound on one member of a shared group becomes one on the dimension that stands for all.
    """
    applied = [finding.condition for finding in findings if finding.helps or finding.free]
    groups = [condition.group for condition in applied if isinstance(condition, Tied)]
    parts = [condition for condition in applied if isinstance(condition, Part)]
    requirements = [condition for condition in applied if isinstance(condition, Chain | Ratio)]
    shared = {member: group for group in groups for member in space.members(group)}
    stated = facts_of(space) - set(space.dimensions)
    narrow = narrowed(
        {shared.get(name, name): dimension for name, dimension in space.dimensions.items()},
        [part for part in parts if part.column not in stated],
        shared,
    )
    return (
        *(Step(share=group) for group in groups),
        *(Step(restrict=(name, dimension)) for name, dimension in narrow.items()),
        *(Step(require=requirement) for requirement in requirements),
        *(Step(bound=part) for part in parts if part.column in stated),
    )


def facts_of(space: Space) -> frozenset[str]:
    """Names of the numbers that an architecture of the space states of itself."""
    distribution = Distribution(space)
    (point,) = distribution.points(np.full((1, len(distribution.names)), 0.5))
    stated = space.architecture(point).facts()
    return frozenset(name for name, value in stated.items() if not isinstance(value, str | bool))


def narrowed(
    dimensions: Mapping[str, Dimension], parts: Sequence[Part], shared: Mapping[str, str] | None = None
) -> dict[str, Dimension]:
    """The dimensions that these parts make smaller; refused where one doesn't exist or nothing is left of it."""
    smaller: dict[str, Dimension] = {}
    for part in parts:
        name = (shared or {}).get(part.column, part.column)
        if name not in dimensions:
            raise Refused(f"there is no dimension {name!r} to restrict", hint=f"there are {', '.join(dimensions)}")
        smaller[name] = _narrow(name, smaller.get(name, dimensions[name]), part)
    return smaller


def _narrow(name: str, dimension: Dimension, part: Part) -> Dimension:
    """What a part leaves of a dimension; whole multiples stay whole multiples."""
    low, high = (-math.inf if part.low is None else part.low), (math.inf if part.high is None else part.high)
    try:
        if isinstance(dimension, Choice):
            options = tuple(value for value in dimension.options if _allows(part, value, low, high))
            return msgspec.structs.replace(dimension, options=options)
        if isinstance(dimension, Integer):
            values = [value for value in dimension.values if low <= value <= high]
            return msgspec.structs.replace(dimension, low=values[0], high=values[-1])
        return msgspec.structs.replace(dimension, low=max(dimension.low, low), high=min(dimension.high, high))
    except (ValueError, IndexError):
        raise Refused(f"nothing is left of {name}, which was {dimension}, with {part}") from None


def _allows(part: Part, value: Value, low: float, high: float) -> bool:
    if part.values:
        return value in part.values
    return not isinstance(value, str) and low <= value <= high
