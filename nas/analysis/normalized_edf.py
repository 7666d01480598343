"""Distributions of errors at equal cost: networks are weighted so that every class of cost counts the same.

Radosavovic et al., On Network Design Spaces for Visual Recognition (2019), section 3.3. Ours: bins of equal counts
where networks are few; bins without a network are reported and the others share their weight; networks outside of the
range that all spaces share are reported, too.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from nas.analysis.selection import errors_of, having, names_of, numbers, unbiased
from nas.analysis.statistics.edf import weighted_quantile
from nas.analysis.statistics.interval import Floats
from nas.errors import Refused

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
FEW = 100
"""Below this many networks in the smallest space bins hold equal counts, else they have equal widths."""

Counts = NDArray[np.intp]


class NormalizedEdf(msgspec.Struct, frozen=True, kw_only=True):
    """The distribution of the errors of one space, each bin of cost with the same weight."""

    name: str
    """What was sampled, as a legend shows it."""
    cost: str
    """Column of the cost."""
    errors: tuple[float, ...]
    """One a network inside the shared range, ascending; a failure is infinity."""
    weights: tuple[float, ...]
    """Of each of these networks; they sum to 1."""
    edges: tuple[float, ...]
    """Ends of the bins, ascending, in the unit of the cost; both ends of the last bin belong to it."""
    counts: tuple[int, ...]
    """Networks in each bin."""
    outside: int
    """Networks that lie outside of the shared range or have no cost, and don't count."""

    @property
    def n(self) -> int:
        """Number of networks that count, failures included."""
        return len(self.errors)

    @property
    def effective_n(self) -> float:
        """Number of equally weighted networks that would tell as much: (sum of weights)^2 / sum of their squares."""
        return math.fsum(self.weights) ** 2 / math.fsum(weight * weight for weight in self.weights)

    @property
    def empty(self) -> tuple[int, ...]:
        """Bins without a network, counted from 0; what the curve says doesn't hold for their costs."""
        return tuple(place for place, count in enumerate(self.counts) if not count)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside the curve."""
        warnings = []
        if self.empty:
            warnings.append(f"{len(self.empty)} of {len(self.counts)} bins of {self.cost} hold no network")
        if self.outside:
            warnings.append(f"{self.outside} networks lie outside of the shared range of {self.cost}")
        return tuple(warnings)

    def at(self, error: float) -> float:
        """Weight of the networks whose error lies strictly below `error`; in [0, 1]."""
        return min(math.fsum(self.weights[: bisect_left(self.errors, error)]), 1.0)

    def quantile(self, share: float) -> float:
        """Lowest observed error that networks of at least this weight reach; never interpolated."""
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share must lie between 0 and 1, got {share=}")
        return weighted_quantile(np.array(self.errors), np.array(self.weights), share)


def normalized(frame: pd.DataFrame, cost: str = "multiply_adds", bins: int = BINS) -> tuple[NormalizedEdf, ...]:
    """One distribution a space, over bins of the cost that all of them share; a table without `space` is one space."""
    rows = unbiased(having(frame, "error", cost))
    names, errors, costs = names_of(rows), errors_of(rows), numbers(rows, cost)
    spaces = list(dict.fromkeys(names.tolist()))
    edges = bin_edges([costs[names == space] for space in spaces], bins)
    return tuple(_of_space(str(s), cost, errors[names == s], costs[names == s], edges) for s in spaces)


def bin_edges(costs: Sequence[Floats], bins: int = BINS) -> Floats:
    """Ends of the bins over the range that all samples share: equal widths, or equal counts where networks are few.

    Quantiles that coincide, because costs tie, leave fewer bins.
    """
    if bins < 1:
        raise ValueError(f"there must be at least one bin, got {bins=}")
    finite = [sample[np.isfinite(sample)] for sample in costs]
    if not finite or not all(len(sample) for sample in finite):
        raise Refused("a space without a single known cost can't be normalised by it")
    low, high = max(float(sample.min()) for sample in finite), min(float(sample.max()) for sample in finite)
    if low > high:
        raise Refused(f"the spaces share no range of cost: one begins at {low:g}, another ends at {high:g}")
    if min(map(len, finite)) >= FEW and low < high:
        return np.linspace(low, high, bins + 1)
    pooled = np.concatenate(finite)
    inside = pooled[(low <= pooled) & (pooled <= high)]
    edges = np.unique(np.quantile(inside, np.linspace(0.0, 1.0, bins + 1)))
    return edges if len(edges) > 1 else np.array([low, high])


def bin_weights(costs: Floats, edges: Floats) -> tuple[Floats, Counts]:
    """Weight of each network, 0 outside of the bins, and how many networks each bin holds.

    The weight is 1 / (bins * count in the bin), with only the bins that hold a network counted, so that the sum is 1.
    """
    bins = len(edges) - 1
    inside = (edges[0] <= costs) & (costs <= edges[-1])
    places = np.clip(np.searchsorted(edges, costs, side="right") - 1, 0, bins - 1)
    counts = np.bincount(places[inside], minlength=bins)
    occupied = max(int((counts > 0).sum()), 1)
    return np.where(inside, 1.0 / (occupied * np.maximum(counts[places], 1)), 0.0), counts


def _of_space(name: str, cost: str, errors: Floats, costs: Floats, edges: Floats) -> NormalizedEdf:
    weights, counts = bin_weights(costs, edges)
    inside = weights > 0.0
    if not inside.any():
        raise Refused(f"no network of {name!r} has a {cost} from {edges[0]:g} to {edges[-1]:g}, which the spaces share")
    order = np.argsort(errors[inside], kind="stable")
    return NormalizedEdf(
        name=name,
        cost=cost,
        errors=tuple(errors[inside][order].tolist()),
        weights=tuple(weights[inside][order].tolist()),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        outside=int((~inside).sum()),
    )
