"""The parameters of a class: numbers in which its blocks differ, each once, and the formulas that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from operator import mul

from nas.models.formats.parts import IN, OUT, Slot
from nas.training.names import unique

Column = tuple[int | None, ...]
"""What one slot is in each block of a shape."""
First = Mapping[tuple[str, Column], int]
"""Family and column of each parameter -> its first slot."""
FAMILIES = {**dict.fromkeys((*IN, *OUT), "width"), "kernel_size": "kernel"}
"""Argument -> what may be one number with it; others are their own."""
DEFAULTS = {"stride": 1, "groups": 1, "padding": 0}
"""Parameters that have one."""
ORDER = {"width": 0, "kernel": 1}
MOST_SUMMED = 8
FACTORS = {"width": range(2, 9), "groups": range(2, 129)}
"""Of what is a multiple or a part of a width; groups are a width over that of a group."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a class."""

    name: str
    slot: int
    """One of the slots that it fills."""
    default: int | None = None


def unified(slots: Sequence[Slot], columns: Sequence[Column]) -> tuple[tuple[Parameter, ...], tuple[str, ...]]:
    """The parameters of a class, and what stands for each of its slots."""
    first: dict[tuple[str, Column], int] = {}
    for i, column in enumerate(columns):
        family = FAMILIES.get(slots[i].role, slots[i].role)
        if not _symbol(family, column, first, {}):
            first[family, column] = i
    names: dict[int, str] = {}
    for (family, column), i in first.items():
        alike = [j for j, other in enumerate(columns) if FAMILIES.get(slots[j].role, "") == family and other == column]
        names[i] = unique(_name(family, i, alike, slots), set(names.values()), "_")
    symbols = []
    for i, column in enumerate(columns):
        symbols.append(_symbol(FAMILIES.get(slots[i].role, slots[i].role), column, first, names))
    parameters = [
        Parameter(names[i], i, DEFAULTS.get(family) if DEFAULTS.get(family) in column else None)
        for (family, column), i in first.items()
    ]
    family_of = {i: family for (family, _), i in first.items()}
    parameters.sort(key=lambda p: (p.default is not None, ORDER.get(family_of[p.slot], 2)))
    return tuple(parameters), tuple(symbols)


def _symbol(family: str, column: Column, first: First, names: Mapping[int, str]) -> str:
    """A slot as a parameter, a number, or a formula of parameters; empty where it is none of these."""
    same, fixed = _same(family, column, first), _fixed(column)
    if same is not None and (None in column or fixed is None):
        return names.get(same, "?")
    return str(fixed) if fixed is not None else _derived(family, column, first, names)


def _fixed(column: Column) -> int | None:
    """The one value of a slot; None where there are several."""
    values = {value for value in column if value is not None}
    return values.pop() if len(values) == 1 else None


def _same(family: str, column: Column, first: First) -> int | None:
    """The parameter that is this slot wherever there is one."""
    for (other, whole), i in first.items():
        if other == family and all(a in (None, b) for a, b in zip(column, whole, strict=True)):
            return i
    return None


def _derived(family: str, column: Column, first: First, names: Mapping[int, str]) -> str:
    """A slot as a formula of parameters; empty where there is none."""
    for other, function, text in _formulas(family):
        for (kind, whole), i in first.items():
            if kind == other and all(a and b in (None, function(a)) for a, b in zip(whole, column, strict=True)):
                return text.format(names.get(i, "?"))
    widths = [(whole, i) for (kind, whole), i in first.items() if kind == family == "width" and None not in whole]
    for count in range(2, len(widths) if len(widths) <= MOST_SUMMED else 0):
        for chosen in combinations(widths[1:], count):
            if _summed([whole for whole, _ in chosen], column):
                return " + ".join(names.get(i, "?") for _, i in chosen)
    return ""


def _formulas(family: str) -> Iterator[tuple[str, Callable[[int], float], str]]:
    """Family of a parameter, what a number of this family may be of it, and how that is written."""
    if family == "padding":
        yield "kernel", partial(_over, 2), "{} // 2"
    for factor in FACTORS.get(family, ()):
        yield "width", partial(mul, factor), f"{factor} * {{}}"
        yield "width", partial(_over, factor), f"{{}} // {factor}"


def _over(divisor: int, number: int) -> int:
    return number // divisor


def _summed(parts: Sequence[Column], totals: Column) -> bool:
    """Whether the parts add up to the total in each block that has one."""
    return all(total in (None, sum(map(int, each))) for total, *each in zip(totals, *parts, strict=True))


def _name(family: str, slot: int, alike: Sequence[int], slots: Sequence[Slot]) -> str:
    if family != "width":
        return family
    outs = [i for i, s in enumerate(slots) if s.role in OUT and s.value is not None]
    if slots[slot].role in IN and not any(i in alike for i in outs):
        return "inputs"
    if slots[slot].hint:
        return slots[slot].hint
    return "outputs" if outs and outs[-1] in alike and outs[0] not in alike else "width"
