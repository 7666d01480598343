"""What a study looks for: low errors, or low errors at each cost."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

from nas.errors import Refused

Objective = Literal["error", "multiply_adds"]
ERROR: tuple[Objective, ...] = ("error",)
ERROR_AGAINST_COST: tuple[Objective, ...] = ("error", "multiply_adds")
FOR_TWO = ("tpe", "nsga2")
"""Samplers that search for two objectives."""


def check_objectives(objectives: tuple[Objective, ...], sampler: str, *, halved: bool) -> None:
    """Refuse objectives that no sampler searches for, or that change nothing."""
    if objectives not in (ERROR, ERROR_AGAINST_COST):
        raise Refused(f"objectives are {ERROR} or {ERROR_AGAINST_COST}, got {objectives!r}")
    if objectives == ERROR or sampler in FOR_TWO or (sampler == "random" and halved):
        return
    if sampler in ("random", "quasirandom"):
        raise Refused(
            f"sampler {sampler!r} has no objective, so two of them change nothing",
            hint="leave objectives out: `nas compare` looks at error and cost of any run",
        )
    raise Refused(f"sampler {sampler!r} searches for the error alone", hint=f"two objectives: {' or '.join(FOR_TWO)}")


def nondominated_ranks(points: Sequence[tuple[float, float]]) -> list[int]:
    """How many fronts lie before that of each (error, cost), both to be small; equal points share a front."""
    ranks: dict[tuple[float, float], int] = {}
    lowest: list[float] = []  # error of each front among what costs no more: ascending, for the next front lies behind
    for error, cost in sorted(set(points), key=lambda point: (point[1], point[0])):
        rank = bisect_right(lowest, error)
        lowest[rank : rank + 1] = [error]
        ranks[error, cost] = rank
    return [ranks[point] for point in points]
