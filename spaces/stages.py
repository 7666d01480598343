"""Networks in stages: their numbered dimensions, the values of such a group, and the checks on them.

A space of one number of stages has `width_1`, `width_2` and so on without conditions: the group can be shared, its
order is drawn and counted exactly. In a space of several numbers a dimension says how many there are, and the later
ones depend on it; rules on such a group are met by rejection, which favours few stages.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from nas.errors import Refused
from nas.space import Choice, Dimension, Point, Value, When


def staged(steering: str, counts: tuple[int, ...], *, last: int = 0, **groups: Dimension) -> dict[str, Dimension]:
    """Each group once a stage; with several counts, `steering` comes first and chooses one of them.

    The `last` stages of a network have none of these dimensions.
    """
    found: dict[str, Dimension] = {} if len(counts) == 1 else {steering: Choice(options=counts)}
    for group, dimension in groups.items():
        for number in range(1, max(counts) - last + 1):
            having = tuple(count for count in counts if count - last >= number)
            when = When(dimension=steering, values=having) if len(having) < len(counts) else None
            found[f"{group}_{number}"] = msgspec.structs.replace(dimension, when=when)
    return found


def stage_values(point: Point, group: str) -> tuple[int, ...]:
    """The whole numbers of a numbered group, for as many stages as the point has."""
    values: list[int] = []
    while (name := f"{group}_{len(values) + 1}") in point:
        values.append(int(point[name]))
    return tuple(values)


def joined(values: Sequence[Value]) -> str:
    """One value a stage as text for tables: `64-128-256`."""
    return "-".join(map(str, values))


def require_counts(name: str, counts: tuple[int, ...], least: int, most: int) -> None:
    """Refuse numbers of stages outside least..most, none at all, or one twice."""
    if not counts or len(set(counts)) < len(counts) or not all(least <= count <= most for count in counts):
        raise Refused(f"{name} must be different numbers between {least} and {most}, got {counts}")


def require_stages(**groups: tuple[int, ...]) -> None:
    """Refuse groups without stages, of different lengths, or with a number below 1."""
    lengths = {len(values) for values in groups.values()}
    if len(lengths) > 1 or 0 in lengths or any(value < 1 for values in groups.values() for value in values):
        given = ", ".join(f"{name}={values}" for name, values in groups.items())
        raise ValueError(f"each stage needs one positive number of each kind, and there is at least one stage: {given}")
