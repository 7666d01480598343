"""Rules that could never be tested, whatever is trained: refused before the first training.

What a network's dimensions and its limits allow is known exactly; of attributes, whose ranges nobody states, random
networks show the kind of value and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nas.errors import Refused
from nas.sampling.plan import Plan
from nas.space import Real, Space, Value
from nas.space.dimensions import Dimension, in_words
from nas.study import Study
from nas.study.limits import COSTS
from nas.study.rules import Order, Part, Parts, Rule, columns_of, spaces_of
from nas.study.table import ASKED, COLUMNS

RESULTS = (
    *("error", "train_error", "gap", "outcome", "message", "attempts"),
    *("trial", "architecture", "seed", "repeat", "sampler", "draws", "fallback"),
)
"""Columns that say how a training ended or which one it was, not what was trained."""
Seen = frozenset[Value]
"""Values of an attribute as some random networks have them."""


def require_testable(study: Study, plan: Plan) -> None:
    """Refuse a rule about a column that no network has or that has no order, and one with a side that stays empty."""
    for rule in study.rules:
        arms = [arm for arm in study.arms if not spaces_of(rule) or arm.name in spaces_of(rule)]
        known = {column: _known(study, plan, arms, rule, column) for column in dict.fromkeys(columns_of(rule))}
        if isinstance(rule.contrast, Order):
            _require_order(rule, rule.contrast.column, known[rule.contrast.column])
        elif isinstance(rule.contrast, Parts):
            _require_sides(rule, rule.contrast, known)


def _known(study: Study, plan: Plan, arms: Sequence[Space], rule: Rule, column: str) -> list[Dimension | Seen]:
    """What the values of a column may be, an entry a space; empty where nothing is known but that it is there."""
    drawn = [study.joint(arm)[column] for arm in arms if column in study.joint(arm)]
    if drawn:
        return [*drawn]
    if column in RESULTS:
        raise _untestable(
            rule,
            f"{column} is known of a training, not of a network",
            "a rule speaks of dimensions, attributes and costs",
        )
    if column in COSTS:
        low, high = getattr(study.limits, column)
        return [Real(low=low, high=high)]
    if column in COLUMNS and column != ASKED and (study.is_timed or not column.startswith("latency")):
        return []
    facts = {arm.name: plan.facts_of(arm.name) for arm in arms}
    if seen := [frozenset(of[column]) for of in facts.values() if column in of]:
        return [*seen]
    names = {name for arm in arms for name in (*arm.dimensions, *facts[arm.name])}
    raise Refused(
        f"rule {rule.name!r} speaks of a column {column!r}, which no network of "
        f"{', '.join(arm.name for arm in arms)} has",
        hint=f"they have {', '.join(sorted(names))}, costs as parameters and multiply_adds, and latency_ms "
        "where the study limits latency",
    )


def _require_order(rule: Rule, column: str, known: Sequence[Dimension | Seen]) -> None:
    values = [value for each in known for value in _some(each)]
    if column == "space" or any(isinstance(value, str) for value in values):
        example = next((value for value in values if isinstance(value, str)), "")
        raise _untestable(
            rule,
            f"{column} holds texts{f', as {example}' if example else ''}, which have no order",
            "nas.study.rules.among compares two of its values",
        )
    if known and not any(isinstance(each, frozenset) for each in known) and len(set(values)) == 1:
        raise _untestable(
            rule, f"{column} is {values[0]} in every network", "leave the rule out, or vary what it is about"
        )


def _require_sides(rule: Rule, parts: Parts, known: dict[str, list[Dimension | Seen]]) -> None:
    for side in (parts.first, parts.reference):
        if side is not None and known[side.column] and not any(_may(side, each) for each in known[side.column]):
            raise _untestable(
                rule,
                f"no network has {side.column} {_asked(side)}{_of(known[side.column])}",
                "ask for values that are drawn, or leave the rule out",
            )
    first, reference = parts.first, parts.reference
    drawn = known[first.column]
    if reference is None:
        if drawn and all(_everywhere(first, each) for each in drawn):
            raise _untestable(
                rule, f"every network has {first.column} {_asked(first)}{_of(drawn)}", "ask for a part of them"
            )
    elif first.column == reference.column and _overlap(first, reference):
        raise _untestable(
            rule,
            f"networks with {first.column} {_asked(first)} and {_asked(reference)} are partly the same",
            "its sides must have no network in common",
        )


def _may(side: Part, each: Dimension | Seen) -> bool:
    """Whether some network may lie on a side."""
    if isinstance(each, Real):
        if side.values:
            return any(each.contains(value) for value in side.values)
        return _ends(side)[0] <= each.high and each.low <= _ends(side)[1]
    if isinstance(each, frozenset):  # others may be drawn later, but of the same kind
        numbers = not any(isinstance(value, str) for value in each)
        return numbers if not side.values else any(numbers != isinstance(value, str) for value in side.values)
    return any(_inside(side, value) for value in each.values)


def _everywhere(side: Part, each: Dimension | Seen) -> bool:
    """Whether all networks lie on a side; False where that isn't known."""
    if isinstance(each, frozenset):
        return False
    if isinstance(each, Real):
        return not side.values and _holds(side, each.low, each.high)
    return all(_inside(side, value) for value in each.values)


def _inside(side: Part, value: Value) -> bool:
    if side.values:
        return value in side.values
    return not isinstance(value, str) and _holds(side, value, value)


def _holds(side: Part, low: float, high: float) -> bool:
    least, most = _ends(side)
    return not side.values and least <= low and high <= most


def _overlap(first: Part, reference: Part) -> bool:
    if first.values or reference.values:
        some, other = (first, reference) if first.values else (reference, first)
        return any(_inside(other, value) for value in some.values)
    (low, high), (least, most) = _ends(first), _ends(reference)
    return low <= most and least <= high


def _ends(side: Part) -> tuple[float, float]:
    return -float("inf") if side.low is None else side.low, float("inf") if side.high is None else side.high


def _some(each: Dimension | Seen) -> Iterator[Value]:
    """Values that tell their kind, and of one that has but one, it."""
    yield from (each.low, each.high) if isinstance(each, Real) else each if isinstance(each, frozenset) else each.values


def _asked(side: Part) -> str:
    if side.values:
        return " or ".join(map(str, side.values))
    if side.low is None:
        return f"up to {side.high:g}"
    return f"{side.low:g} or more" if side.high is None else f"{side.low:g} to {side.high:g}"


def _of(known: Sequence[Dimension | Seen]) -> str:
    words = dict.fromkeys(
        f"some are {', '.join(sorted(map(str, each))[:3])}" if isinstance(each, frozenset) else in_words(each)
        for each in known
    )
    return f" ({'; '.join(words)})" if words else ""


def _untestable(rule: Rule, why: str, hint: str) -> Refused:
    return Refused(f"rule {rule.name!r} can never be tested: {why}", hint=hint)
