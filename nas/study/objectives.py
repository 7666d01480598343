"""What a study looks for: low errors, or low errors at each cost or latency."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal, Protocol

from nas.errors import Refused
from nas.layers.base import Cost
from nas.study.limits import LATENCY

Objective = Literal["error", "multiply_adds", "latency_ms"]
ERROR: tuple[Objective, ...] = ("error",)
ERROR_AGAINST_COST: tuple[Objective, ...] = ("error", "multiply_adds")
ERROR_AGAINST_LATENCY: tuple[Objective, ...] = ("error", "latency_ms")
METRICS: dict[Objective, str] = {
    "error": "validation error",
    "multiply_adds": "multiply-adds",
    "latency_ms": "latency (ms)",
}
"""What tools of Optuna's call each objective."""
FOR_TWO = ("tpe", "nsga2")
"""Samplers that search for two objectives."""


def check_objectives(objectives: tuple[Objective, ...], sampler: str, *, halved: bool) -> None:
    """Refuse objectives that no sampler searches for, or that change nothing."""
    possible = (ERROR, ERROR_AGAINST_COST, ERROR_AGAINST_LATENCY)
    if objectives not in possible:
        raise Refused(f"objectives are {' or '.join(map(str, possible))}, got {objectives!r}")
    if objectives == ERROR or sampler in FOR_TWO or (sampler == "random" and halved):
        return
    if sampler in ("random", "quasirandom"):
        raise Refused(
            f"sampler {sampler!r} has no objective, so two of them change nothing",
            hint="leave objectives out: `nas compare` looks at error and cost of any run",
        )
    raise Refused(f"sampler {sampler!r} searches for the error alone", hint=f"two objectives: {' or '.join(FOR_TWO)}")


class Priced(Protocol):
    """A network or a record of one."""

    @property
    def cost(self) -> Cost:
        """What its layers tell."""

    @property
    def latency_ms(self) -> float | None:
        """What was measured, if it was."""


def price(item: Priced, objectives: tuple[Objective, ...]) -> float:
    """What a network costs by these objectives: milliseconds where latency is one of them, else multiply-adds."""
    if LATENCY not in objectives:
        return float(item.cost.multiply_adds)
    if item.latency_ms is None:
        raise ValueError("a study for low latency has a network that wasn't timed")
    return item.latency_ms


def nondominated_ranks(points: Sequence[tuple[float, float]]) -> list[int]:
    """How many fronts lie before that of each (error, cost), both to be small; equal points share a front."""
    ranks: dict[tuple[float, float], int] = {}
    lowest: list[float] = []  # error of each front among what costs no more: ascending, for the next front lies behind
    for error, cost in sorted(set(points), key=lambda point: (point[1], point[0])):
        rank = bisect_right(lowest, error)
        lowest[rank : rank + 1] = [error]
        ranks[error, cost] = rank
    return [ranks[point] for point in points]
