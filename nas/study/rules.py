"""Design rules as data: what a study wants to know of its spaces, said before the first training."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite

import msgspec

from nas.errors import Refused
from nas.errors.arguments import Fields, checked
from nas.space import Value


class Part(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields):
    """The networks whose value of one column lies in a range or among some values; those without a value don't."""

    column: str
    """A dimension, an attribute of the architecture or a cost."""
    low: float | None = None
    """Smallest value, included; None for no bound."""
    high: float | None = None
    """Largest value, included; None for no bound."""
    values: tuple[Value, ...] = ()
    """Its values; empty where a range says it."""

    def __post_init__(self) -> None:
        ends = [end for end in (self.low, self.high) if end is not None]
        if bool(self.values) == bool(ends):
            raise Refused(f"a part of column {self.column!r} is given by a range or by values, one of them")
        if not all(map(isfinite, ends)):
            got = f"low={self.low}, high={self.high}"
            raise Refused(f"low and high must be finite, or None for no bound, in column {self.column!r}, got {got}")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise Refused(f"low must not exceed high in column {self.column!r}, got low={self.low}, high={self.high}")


class Spaces(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields, tag="spaces"):
    """Two spaces: one that obeys a rule and one that doesn't."""

    first: str
    """Name of the space that obeys."""
    reference: str
    """Name of the other one, whose errors also tell which difference matters."""

    def __post_init__(self) -> None:
        if self.first == self.reference:
            raise Refused(f"a rule compares two samples without a common network, got space {self.first!r} twice")


class Parts(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields, tag="parts"):
    """Two parts of one random sample."""

    first: Part
    """The networks that obey a rule."""
    reference: Part | None = None
    """The networks they are compared with; None for all others that have a value in the column."""
    space: str = ""
    """The space that was sampled; empty for all of the table."""


class Order(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields, tag="order"):
    """The order of a numeric column: a verdict speaks of larger values."""

    column: str
    """A dimension, an attribute of the architecture or a cost."""
    space: str = ""
    """The space that was sampled; empty for all of the table."""


Contrast = Spaces | Parts | Order


class Rule(msgspec.Struct, frozen=True, kw_only=True, metaclass=Fields):
    """A design rule as a statement that can be tested: a sentence, and what must differ if it is true."""

    name: str
    """Short, and its own in a study."""
    statement: str
    """The rule as a sentence."""
    contrast: Contrast
    """The samples that tell whether it holds."""


@checked
def against(first: str, reference: str, statement: str, name: str = "") -> Rule:
    """The rule that one space has lower errors than another."""
    contrast = Spaces(first=first, reference=reference)
    return Rule(name=name or f"{first} against {reference}", statement=statement, contrast=contrast)


@checked
def among(column: str, first: Value, reference: Value, statement: str, *, space: str = "") -> Rule:
    """The rule that networks with one value of a column have lower errors than those with another."""
    sides = Part(column=column, values=(first,)), Part(column=column, values=(reference,))
    contrast = Parts(first=sides[0], reference=sides[1], space=space)
    return Rule(name=f"{column} {first} against {reference}", statement=statement, contrast=contrast)


@checked
def larger(column: str, statement: str = "", *, space: str = "") -> Rule:
    """The rule that larger values of a numeric column go with lower errors."""
    sentence = statement or f"Larger values of {column} are better."
    name = f"{column} in {space}" if space else column
    return Rule(name=name, statement=sentence, contrast=Order(column=column, space=space))


def require_names(rules: Sequence[Rule]) -> None:
    """Refuse rules that share a name."""
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):
        raise Refused(f"every rule needs its own name, got {', '.join(names)}")


def check_rules(rules: Sequence[Rule], spaces: Collection[str]) -> None:
    """Refuse rules that share a name or that speak of a space which isn't sampled."""
    require_names(rules)
    for rule in rules:
        if unknown := sorted(spaces_of(rule) - set(spaces)):
            raise Refused(
                f"rule {rule.name!r} speaks of a space {unknown[0]!r}, which isn't sampled",
                hint=f"sampled are {', '.join(spaces)}",
            )


def columns_of(rule: Rule) -> tuple[str, ...]:
    """Names of the columns that a rule speaks of."""
    if isinstance(rule.contrast, Order):
        return (rule.contrast.column,)
    if isinstance(rule.contrast, Parts):
        sides = rule.contrast.first, rule.contrast.reference
        return tuple(side.column for side in sides if side is not None)
    return ()


def spaces_of(rule: Rule) -> set[str]:
    """Names of the spaces that a rule speaks of."""
    if isinstance(rule.contrast, Spaces):
        return {rule.contrast.first, rule.contrast.reference}
    return {rule.contrast.space} - {""}
