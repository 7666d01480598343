"""Rules that nobody declared, as they follow from the dimensions of a space: what could be asked of its networks.

Of a numbered group: values that rise or fall from stage to stage, values that are (nearly) equal, ratios of neighbours.
Of a single dimension: a smallest or a largest value, at the tenths of its sample or at each of few
values; a part of its options. Errors aren't
looked at here, so the values of both halves may say where to cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.rules.testing import Flags
from nas.analysis.selection import having, numbers
from nas.analysis.statistics.edf import weight_below
from nas.analysis.statistics.interval import Floats
from nas.space import Chain, Choice, Dimension, Ratio, Value, falling, rising
from nas.study import Part

if TYPE_CHECKING:
    import pandas as pd

CUTS = tuple(tenth / 10 for tenth in range(1, 10))
"""Shares of the networks at which a number with many values is cut."""
FEW_VALUES = 20
"""Up to so many values a number is cut at each of them."""
NEARLY = 0.25
"""Share of the networks that count as nearly tied where too few are tied."""
LEAST_SHARE, LEAST = 0.1, 10
"""Each side of a candidate has this share and this number of a half's networks, at least."""
MANY_OPTIONS = 5
"""From here on options are taken one by one, not in every combination."""


class Tied(msgspec.Struct, frozen=True, kw_only=True):
    """All numbered dimensions of a group have one value."""

    group: str
    """Name without the number."""
    exact: bool = True
    """Whether they are equal, or nearly so: the quarter of the networks whose ranks within the group differ least."""


Condition = Part | Chain | Ratio | Tied


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A rule that splits a sample in two, with the networks on either side."""

    name: str
    """Short, and its own among the candidates."""
    statement: str
    """What is claimed, as a sentence."""
    condition: Condition
    """What a network must be to obey."""
    obeys: Flags
    """One for each row: whether it does."""
    known: Flags
    """One for each row: whether it has the values that tell."""


def candidates(
    rows: pd.DataFrame, dimensions: Mapping[str, Dimension], halves: tuple[Flags, Flags]
) -> tuple[Candidate, ...]:
    """Every rule of these dimensions with enough networks on both sides in both halves; dimensions that follow rules
    of the space, so that all networks are on one side, have none."""
    possible = [*_of_groups(rows, dimensions, halves)]
    for name, dimension in dimensions.items():
        if isinstance(dimension, Choice) and not ordered(dimension):
            possible += _options(rows, name, dimension.options)
        else:
            possible += _numeric(rows, name)
    return tuple(candidate for candidate in possible if _splits(candidate, halves))


def groups(dimensions: Mapping[str, Dimension]) -> dict[str, tuple[str, ...]]:
    """Numbered groups of ordered dimensions, such as `width` of `width_1` and `width_2`, at least two each."""
    heads = [name[: -len("_1")] for name in dimensions if re.fullmatch(r".+_1", name)]
    numbered = {}
    for head in heads:
        members: list[str] = []
        while (name := f"{head}_{len(members) + 1}") in dimensions and ordered(dimensions[name]):
            members.append(name)
        if len(members) > 1:
            numbered[head] = tuple(members)
    return numbered


def ordered(dimension: Dimension) -> bool:
    """Whether larger and smaller mean something: numbers, but not yes and no."""
    return not isinstance(dimension, Choice) or all(not isinstance(value, str | bool) for value in dimension.options)


def enough(obeys: Flags, counted: Flags) -> bool:
    """Whether both sides have a tenth of the networks and ten of them."""
    first, total = int((obeys & counted).sum()), int(counted.sum())
    return min(first, total - first) >= max(LEAST, LEAST_SHARE * total)


def _splits(candidate: Candidate, halves: tuple[Flags, Flags]) -> bool:
    return all(enough(candidate.obeys, candidate.known & half) for half in halves)


def _of_groups(
    rows: pd.DataFrame, dimensions: Mapping[str, Dimension], halves: tuple[Flags, Flags]
) -> Iterator[Candidate]:
    for group, members in groups(dimensions).items():
        values = np.stack([numbers(rows, member) for member in members], axis=1)  # (rows, members)
        yield from _chains(group, values)
        for position in range(2, len(members) + 1):
            yield from _ratios(group, position, values[:, position - 2], values[:, position - 1])
        if group not in dimensions and all(dimensions[member] == dimensions[members[0]] for member in members):
            yield _tied(group, values, halves)


def _chains(group: str, values: Floats) -> Iterator[Candidate]:
    """Rising and falling values; a network with fewer stages has fewer neighbours."""
    steps = np.diff(values, axis=1)
    has_steps = np.isfinite(steps[:, 0])
    for chain, breaks in ((rising(group), steps < 0), (falling(group), steps > 0)):
        yield Candidate(
            name=f"{group} {chain.relation}",
            statement=f"Networks whose {chain.sentence} are better.",
            condition=chain,
            obeys=np.asarray(~breaks.any(1), dtype=np.bool_),
            known=has_steps,
        )


def _ratios(group: str, position: int, before: Floats, after: Floats) -> Iterator[Candidate]:
    present = np.isfinite(before) & np.isfinite(after)
    if not (before[present] > 0).all() or not (after[present] > 0).all():
        return
    ratios = np.where(present, after, 1.0) / np.where(present, before, 1.0)
    for cut in sorted({1.0, *_cuts(ratios[present], digits=2)}):
        for sign, ratio, obeys in (
            (">=", Ratio(group=group, position=position, low=cut), after >= cut * before),
            ("<=", Ratio(group=group, position=position, high=cut), after <= cut * before),
        ):
            yield Candidate(
                name=f"{ratio.names[1]} {sign} {_text(cut)} {ratio.names[0]}",
                statement=f"Networks whose {ratio.sentence} are better.",
                condition=ratio,
                obeys=obeys,
                known=present,
            )


def _tied(group: str, values: Floats, halves: tuple[Flags, Flags]) -> Candidate:
    complete = np.asarray(np.isfinite(values).all(1), dtype=np.bool_)
    equal = np.asarray(complete & (values == values[:, :1]).all(1), dtype=np.bool_)
    exact = all(enough(equal, complete & half) for half in halves)
    near = "equal" if exact else "nearly equal"
    return Candidate(
        name=f"{group} tied",
        statement=f"Networks whose {group} is {near} in all stages are better.",
        condition=Tied(group=group, exact=exact),
        obeys=equal if exact else _nearly(values, complete),
        known=complete,
    )


def _nearly(values: Floats, complete: Flags) -> Flags:
    """The quarter of the networks whose members differ least, as shares of the group's values that are smaller."""
    pool = values[complete].ravel()
    if not len(pool):
        return complete
    spread = np.ptp(weight_below(values, pool) / len(pool), axis=1)
    return np.asarray(complete & (spread <= np.quantile(spread[complete], NEARLY)), dtype=np.bool_)


def _numeric(rows: pd.DataFrame, name: str) -> Iterator[Candidate]:
    """A smallest and a largest value at each cut."""
    values = numbers(rows, name)
    present = np.isfinite(values)
    for cut in _cuts(values[present], digits=3):
        for sign, how, part, obeys in (
            (">=", "at least", Part(column=name, low=cut), values >= cut),
            ("<=", "at most", Part(column=name, high=cut), values <= cut),
        ):
            yield Candidate(
                name=f"{name} {sign} {_text(cut)}",
                statement=f"Networks whose {name} is {how} {_text(cut)} are better.",
                condition=part,
                obeys=obeys,
                known=present,
            )


def _options(rows: pd.DataFrame, name: str, values: Sequence[Value]) -> Iterator[Candidate]:
    """Parts of the options that occur: every one up to five options, else each option against the others."""
    cells = having(rows, name)[name]
    present = np.array(cells.notna(), dtype=np.bool_)
    options = [value for value in values if bool((cells == value).any())]
    largest = len(options) - 1
    sizes = range(1, largest + 1) if len(options) <= MANY_OPTIONS else (1, largest)
    for size in sizes:
        for chosen in combinations(options, size):
            listed = ", ".join(map(str, chosen))
            yield Candidate(
                name=f"{name} in {listed}",
                statement=f"Networks whose {name} is {' or '.join(map(str, chosen))} are better.",
                condition=Part(column=name, values=chosen),
                obeys=np.array(cells.isin(chosen), dtype=np.bool_),
                known=present,
            )


def _cuts(values: Floats, digits: int) -> list[float]:
    """Every value where they are few, else their tenths: observed ones where all are whole, else rounded."""
    observed = np.unique(values)
    if len(observed) <= FEW_VALUES:
        return [float(value) for value in observed]
    tenths = np.quantile(values, CUTS, method="inverted_cdf")
    if not (values == np.round(values)).all():
        tenths = np.array([float(f"{cut:.{digits}g}") for cut in tenths])
    return [float(cut) for cut in np.unique(tenths)]


def _text(number: float) -> str:
    return f"{number:.10g}"
