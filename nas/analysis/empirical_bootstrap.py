"""The range of a column over the best networks: the paper's "empirical bootstrap", exact and without random numbers.

Radosavovic et al., Designing Network Design Spaces (2020), section 3.2: draw a quarter of the networks with
replacement, keep the best one, repeat. The r-th best of n is kept with probability ((n-r+1)/n)^m - ((n-r)/n)^m, so the
range is a weighted quantile, and it rests on about eight networks whatever n is. Ours: it says so, and gives beside it
the rank correlation, because the range alone flags columns that don't matter, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.columns import errors_of, numbers
from nas.analysis.selection import unbiased
from nas.analysis.statistics.correlation import Correlation, spearman
from nas.analysis.statistics.edf import Floats, weighted_quantile
from nas.errors import Refused

if TYPE_CHECKING:
    import pandas as pd

SHARE = 0.25
"""Of the networks are drawn at a time."""
CENTRAL = 0.95
"""Of the best networks lie in a range where nothing else is asked for."""
FEW = 40
"""Below this many networks a quarter of them is fewer than ten draws."""


class BestRange(msgspec.Struct, frozen=True, kw_only=True):
    """Where the best networks lie in one column, and whether the column goes with the error at all."""

    column: str
    """A dimension or a fact."""
    low: float
    """Lower end of the range, in the unit of the column; an observed value, as are the median and the other end."""
    median: float
    """Of the column over the best networks, in the same unit."""
    high: float
    """Upper end of the range, in the same unit."""
    share: float
    """Of the best networks that lie in the range, as many above it as below; in (0, 1). It is no confidence."""
    effective_n: float
    """Number of equally likely best networks that the range is worth: 1 / sum of squared probabilities; about eight."""
    draws: int
    """Networks drawn at a time, a quarter of `n`, rounded, at least 1."""
    n: int
    """Networks with a value in the column, failures included."""
    missing: int
    """Networks without one: the dimension is inactive, or the cell is empty."""
    correlation: Correlation
    """Spearman's rho of column and error: negative where larger values go with lower errors."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside the range."""
        warnings = [f"the range rests on about {self.effective_n:.0f} networks"]
        if self.n < FEW:
            warnings.append(f"{self.n} networks are few: only {self.draws} are drawn at a time")
        if 0.0 in self.correlation.coefficient:
            warnings.append(f"{self.column} may have nothing to do with the error: its rank correlation may be 0")
        return tuple(warnings)


def best_range(frame: pd.DataFrame, column: str, share: float = CENTRAL) -> BestRange:
    """The central range of a column over the best networks of the unbiased rows of one space."""
    if not 0.0 < share < 1.0:
        raise ValueError(f"share must lie strictly between 0 and 1, got {share=}")
    rows = unbiased(frame)
    values, errors = numbers(rows, column), errors_of(rows)
    has = np.isfinite(values)
    if not has.any():
        raise Refused(f"column {column!r} has no value in any of {len(rows)} rows")
    values, errors = values[has], errors[has]
    chances, draws = chosen(errors), _draws(len(errors))
    tail = (1.0 - share) / 2.0
    low, median, high = (weighted_quantile(values, chances, place) for place in (tail, 0.5, 1.0 - tail))
    return BestRange(
        column=column,
        low=low,
        median=median,
        high=high,
        share=share,
        effective_n=float(1.0 / np.square(chances).sum()),
        draws=draws,
        n=len(values),
        missing=int((~has).sum()),
        correlation=spearman(values, errors),
    )


def best_probabilities(n: int, draws: int) -> Floats:
    """Probability that the r-th best of n networks is the best of so many draws with replacement, for r = 1 to n."""
    if n < 1 or draws < 1:
        raise ValueError(f"there must be at least one network and one draw, got {n=}, {draws=}")
    survival = ((n - np.arange(n + 1)) / n) ** draws
    return np.asarray(survival[:-1] - survival[1:], dtype=np.float64)


def chosen(errors: Floats) -> Floats:
    """Probability of each network to be kept as the best of a quarter.

    Networks that tie share their probabilities equally, as if the tie were broken by lot. Failures tie at the end.
    """
    chances = best_probabilities(len(errors), _draws(len(errors)))
    _, place, counts = np.unique(errors, return_inverse=True, return_counts=True)
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return np.asarray((np.add.reduceat(chances, begins) / counts)[place], dtype=np.float64)


def _draws(n: int) -> int:
    return max(round(SHARE * n), 1)
