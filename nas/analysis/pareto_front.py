"""The Pareto front of error against a cost, and how much of it is chance: of the sample, and of the trainings.

A network is on the front if no other is at least as good in both error and cost and better in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from nas.analysis.selection import errors_of, guess_of, having, numbers
from nas.analysis.statistics.interval import Floats
from nas.errors import Refused

if TYPE_CHECKING:
    import pandas as pd

RETRAININGS = 1_000
"""Simulated trainings of all networks behind a share."""

Flags = NDArray[np.bool_]


class FrontPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One network near the front."""

    row: int
    """Its place in the table, counted from 0."""
    error: float
    """Its error."""
    cost: float
    """Its cost, in the unit of the column."""
    on_front: bool
    """Whether nothing that was found dominates it."""
    dominators: int
    """Networks that dominate it."""
    resampled: float
    """Share of bootstrap samples that hold the network in which it is on the front; exact; in [0, 1]."""
    retrained: float
    """Share of simulated retrainings of all networks in which it is on the front; in [0, 1]."""


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """The front of a table."""

    cost: str
    """Column of the cost."""
    points: tuple[FrontPoint, ...]
    """Networks that are on the front, or are in at least 5 % of resamples or retrainings; ascending in cost."""
    hypervolume: float
    """Share of the rectangle below the reference that the front dominates; in [0, 1]."""
    reference: tuple[float, float]
    """Error and cost at the upper corner: guessing, and the highest cost; the lower corner is error 0 and cost 0."""
    noise: float
    """Standard deviation of the error over trainings that `retrained` assumes, in the unit of the errors."""
    n: int
    """Networks with an error and a cost."""
    left_out: int
    """Rows without one of them, failures included."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside the front."""
        warnings = [f"{self.left_out} rows without error or cost can't be on the front"] if self.left_out else []
        if self.noise == 0.0:
            warnings.append("the noise of training isn't known: `retrained` takes every error as exact")
        return tuple(warnings)


def front(
    frame: pd.DataFrame,
    cost: str = "multiply_adds",
    *,
    noise: float = 0.0,
    guess: float | None = None,
    least: float = 0.05,
    seed: int = 0,
) -> Front:
    """The front of a table; `noise` is the deviation of one network over seeds, as `noise_floor` measures it."""
    errors, costs = errors_of(having(frame, cost)), numbers(frame, cost)
    rows = np.flatnonzero(np.isfinite(errors) & np.isfinite(costs))
    if not len(rows):
        raise Refused(f"none of the {len(frame)} rows has both an error and a {cost}")
    corner = (guess_of(errors, guess), float(costs[rows].max()))
    errors, costs = errors[rows], costs[rows]
    above = dominators(errors, costs)
    resampled, retrained = survival(above), retraining_shares(errors, costs, noise, seed)
    near = (above == 0) | (resampled >= least) | (retrained >= least)
    return Front(
        cost=cost,
        points=tuple(
            FrontPoint(
                row=int(rows[i]),
                error=float(errors[i]),
                cost=float(costs[i]),
                on_front=bool(above[i] == 0),
                dominators=int(above[i]),
                resampled=float(resampled[i]),
                retrained=float(retrained[i]),
            )
            for i in np.lexsort((errors, costs))
            if near[i]
        ),
        hypervolume=hypervolume(errors, costs, corner) / (corner[0] * corner[1]) if min(corner) > 0.0 else 0.0,
        reference=corner,
        noise=noise,
        n=len(rows),
        left_out=len(frame) - len(rows),
    )


def dominators(errors: Floats, costs: Floats) -> NDArray[np.intp]:
    """How many networks dominate each."""
    below = [
        int(((errors <= e) & (costs <= c) & ((errors < e) | (costs < c))).sum())
        for e, c in zip(errors, costs, strict=True)
    ]
    return np.array(below, dtype=np.intp)


def survival(dominators: NDArray[np.intp]) -> Floats:
    """Probability to be on the front of a bootstrap sample that holds the network, by its number of dominators.

    A sample of n draws holds it and none of its k dominators with probability ((n-k)/n)^n - ((n-k-1)/n)^n.
    """
    n = len(dominators)
    held = 1.0 - ((n - 1) / n) ** n
    return np.asarray((((n - dominators) / n) ** n - ((n - dominators - 1) / n) ** n) / held, dtype=np.float64)


def retraining_shares(
    errors: Floats, costs: Floats, noise: float, seed: int = 0, retrainings: int = RETRAININGS
) -> Floats:
    """Share of simulated retrainings in which each network is on the front: normal noise about the errors observed."""
    if not noise >= 0.0:
        raise Refused(f"the noise of training must not be negative, got {noise=}")
    if noise == 0.0:
        return is_on_front(errors, costs).astype(np.float64)
    generator = np.random.default_rng(seed)
    counts = np.zeros(len(errors))
    for _ in range(retrainings):
        counts += is_on_front(errors + generator.normal(0.0, noise, len(errors)), costs)
    return counts / retrainings


def is_on_front(errors: Floats, costs: Floats) -> Flags:
    """Whether each network is dominated by none; of networks equal in both, all are."""
    order = np.lexsort((errors, costs))
    sorted_errors, sorted_costs = errors[order], costs[order]
    opens = np.append(True, sorted_costs[1:] > sorted_costs[:-1])  # first and best network of each cost
    place = np.cumsum(opens) - 1
    best = sorted_errors[opens]
    cheaper = np.append(np.inf, np.minimum.accumulate(best)[:-1])
    flags = np.empty(len(errors), dtype=np.bool_)
    flags[order] = (sorted_errors == best[place]) & (sorted_errors < cheaper[place])
    return flags


def hypervolume(errors: Floats, costs: Floats, reference: tuple[float, float]) -> float:
    """Area that the networks dominate below the reference (error, cost), in error times cost."""
    inside = (errors < reference[0]) & (costs <= reference[1])
    flags = is_on_front(errors[inside], costs[inside]) if inside.any() else np.zeros(0, dtype=np.bool_)
    order = np.argsort(costs[inside][flags], kind="stable")
    steps, heights = costs[inside][flags][order], errors[inside][flags][order]
    widths = np.diff(np.append(steps, reference[1]))
    return float((widths * (reference[0] - heights)).sum())
