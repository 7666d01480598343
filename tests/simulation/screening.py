"""Many studies at once: which of them can't call any rule helpful or harmful, so that only the others are judged.

The p-value of a rule about two samples is never below Welch's, that of an order is Spearman's. Computed for all studies
together both take a hundredth of the time of verdicts, whose intervals nobody needs where no p-value is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from nas.analysis import Verdict, verdicts
from nas.analysis.statistics.correlation import MANY
from nas.analysis.statistics.power import ALPHA
from nas.study import Contrast, Order, Part, Rule, Spaces
from tests.simulation.laws import Floats

Flags = NDArray[np.bool_]
NEARLY = 1.001
"""Times alpha within which a p-value is computed once more, as verdicts do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Studies:
    """Tables of equal size, one study a line."""

    spaces: tuple[str, ...]
    """Space of each network, the same in all studies."""
    columns: Mapping[str, Floats]
    """Values of the networks."""
    errors: Floats
    """Their errors; infinity for a failure."""
    guess: float
    """Error at which a failure enters means."""

    def __len__(self) -> int:
        return len(self.errors)

    def alone(self, study: int) -> Studies:
        """One of them."""
        columns = {name: values[study : study + 1] for name, values in self.columns.items()}
        return replace(self, columns=columns, errors=self.errors[study : study + 1])

    def frame(self, study: int) -> pd.DataFrame:
        """The table of one study."""
        columns = {name: values[study] for name, values in self.columns.items()}
        return pd.DataFrame({"space": self.spaces, "error": self.errors[study], **columns})


def calling(studies: Studies, rules: Sequence[Rule]) -> int:
    """Studies in which any rule is said to help or to hurt, after the correction for all."""
    least = np.stack([least_p_values(studies, rule) for rule in rules], axis=1)  # (studies, rules)
    suspicious = np.flatnonzero(least.min(axis=1) < NEARLY * ALPHA / len(rules))
    return sum(any_called(studies, int(study), rules, least[study]) for study in suspicious)


def any_called(studies: Studies, study: int, rules: Sequence[Rule], least: Floats) -> bool:
    """Whether verdicts call any rule of a study.

    The rules that alone are called at alpha over their number are called together; only where these are none, but more
    than one p-value is small, it takes all verdicts.
    """
    frame, level = studies.frame(study), ALPHA / len(rules)
    small = [rule for rule, p in zip(rules, least, strict=True) if p < NEARLY * level]
    alone = [verdict for rule in small for verdict in verdicts(frame, [rule], guess=studies.guess)]
    if any(verdict.p_value < level and is_called(verdict) for verdict in alone):
        return True
    if not any(verdict.p_value < level for verdict in alone):
        return False
    return any(map(is_called, verdicts(frame, rules, guess=studies.guess)))


def is_called(verdict: Verdict) -> bool:
    """Whether a rule is said to help or to hurt."""
    return verdict.verdict in ("helps", "hurts")


def least_p_values(studies: Studies, rule: Rule) -> Floats:
    """What the p-value of a rule isn't below in each study."""
    contrast = rule.contrast
    if isinstance(contrast, Order):
        inside = np.array([not contrast.space or space == contrast.space for space in studies.spaces])
        return spearman_p_values(studies.columns[contrast.column][:, inside], studies.errors[:, inside])
    scores = np.where(np.isfinite(studies.errors), studies.errors, studies.guess)
    return welch_p_values(scores, *sides(studies, contrast))


def sides(studies: Studies, contrast: Contrast) -> tuple[Flags, Flags]:
    """Which networks obey a rule, and which they are compared with."""
    if isinstance(contrast, Spaces):
        names = np.broadcast_to(np.array(studies.spaces), studies.errors.shape)
        return names == contrast.first, names == contrast.reference
    if isinstance(contrast, Order) or contrast.space:
        raise ValueError(f"no two samples of all networks: {contrast}")
    first = _inside(studies, contrast.first)
    return first, ~first if contrast.reference is None else _inside(studies, contrast.reference)


def welch_p_values(scores: Floats, first: Flags, reference: Flags) -> Floats:
    """Two-sided p of equal means in each line."""
    (mean, square, n), (other, other_square, m) = (_moments(scores, side) for side in (first, reference))
    found = stats.ttest_ind_from_stats(mean, np.sqrt(square), n, other, np.sqrt(other_square), m, equal_var=False)
    return np.asarray(np.nan_to_num(found.pvalue, nan=0.0), dtype=np.float64)  # who doesn't vary is judged


def spearman_p_values(values: Floats, errors: Floats) -> Floats:
    """Two-sided p of independence in each line by Student's t of a rank correlation, below `MANY` at least Fisher's."""
    n = values.shape[1]
    u, v = (stats.rankdata(side, axis=1) for side in (values, errors))
    u, v = (side - side.mean(axis=1, keepdims=True) for side in (u, v))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = (u * v).sum(axis=1) / np.sqrt((u * u).sum(axis=1) * (v * v).sum(axis=1))
        t = rho * np.sqrt((n - 2) / (1.0 - rho * rho))
        near = np.minimum(np.abs(rho), 1.0 - 12.0 / (n * (n * n - 1.0)))
        z = np.arctanh(near) * np.sqrt((n - 3) / (1.0 + near * near / 2.0))
    p = 2.0 * stats.t.sf(np.abs(t), n - 2)
    larger = np.maximum(p, 2.0 * stats.norm.sf(z)) if n < MANY else p
    return np.asarray(np.nan_to_num(larger, nan=1.0), dtype=np.float64)


def _inside(studies: Studies, part: Part) -> Flags:
    values = studies.columns[part.column]
    if part.values:
        return np.isin(values, np.array(part.values))
    low, high = (-np.inf if part.low is None else part.low), (np.inf if part.high is None else part.high)
    return np.asarray((low <= values) & (values <= high), dtype=np.bool_)


def _moments(scores: Floats, side: Flags) -> tuple[Floats, Floats, Floats]:
    """Mean, variance and number of one side in each line; both are at least 2."""
    n = np.maximum(side.sum(axis=1), 2).astype(np.float64)
    mean = np.where(side, scores, 0.0).sum(axis=1) / n
    square = np.where(side, np.square(scores - mean[:, None]), 0.0).sum(axis=1) / (n - 1.0)
    return mean, square, n
