"""The distribution of a space's errors: exact steps, failures as the worst error, and a band around it.

The convention is strict: F(e) is the share of networks with an error below e, so F is continuous from the left.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from nas.analysis.statistics.interval import CONFIDENCE, Floats, check_confidence
from nas.errors import Refused
from nas.layers import display
from nas.study.strata import parsed

FEW = 8
"""Below this many networks the 95 % band reaches over nearly half of the range to either side."""
SLACK = 1e-9
"""Keeps 0.1 * 30 networks, which floats put a hair above 3, from asking for the fourth."""


class Edf(msgspec.Struct, frozen=True, kw_only=True):
    """The empirical distribution of the errors of a sample of networks."""

    name: str
    """What was sampled, as a legend shows it."""
    errors: tuple[float, ...]
    """One a network, ascending, at least one; a failure is infinity."""
    guess: float
    """Error of guessing, 1 - 1/classes, at which a failure enters means; finite, in the unit of the errors."""
    left_out: str = ""
    """Which rows of the table aren't in it, and why; empty where all are."""
    strata: tuple[str, ...] = ()
    """Name of the stratum of cost that each network was drawn from; empty where the sample isn't stratified."""

    def __post_init__(self) -> None:
        if not self.errors:
            raise Refused(f"an EDF needs at least one network, {self.name!r} has none")
        if not self.errors[0] > -math.inf or not all(a <= b for a, b in pairwise(self.errors)):
            raise Refused(f"the errors of an EDF are ascending numbers, those of {self.name!r} are not")
        if not math.isfinite(self.guess):
            raise Refused(f"the error of guessing must be finite, got guess={self.guess}")
        if len(self.strata) not in (0, self.n):
            raise ValueError(f"every network has a stratum or none has, got {len(self.strata)} of {self.n}")

    def __repr__(self) -> str:
        return display.line(self, self.name, self.words)

    def _repr_html_(self) -> str:
        """What a notebook shows: the numbers, what must be said beside them, and the steps between least and most."""
        known = self.errors[: self.n - self.failures]
        low, high = (known[0], known[-1]) if known else (self.guess, self.guess)
        ends, shares = steps(self)
        places = (ends[:-1] - low) / ((high - low) or 1.0)
        title = f"{self.name}: share of the networks below an error"
        curve = display.step_curve(zip(places, shares[1:], strict=True), (f"{low:.4g}", f"{high:.4g}"), title)
        return display.notebook(self.name, (), [self.words, *self.warnings], curve)

    @property
    def words(self) -> str:
        """The numbers in a line."""
        failures = f", {display.plural(self.failures, 'failure')}" if self.failures else ""
        return f"n = {self.n}{failures}, mean error {self.mean:.4g}"

    @property
    def n(self) -> int:
        """Number of networks, failures included."""
        return len(self.errors)

    @property
    def failures(self) -> int:
        """Number of networks without an error."""
        return self.n - bisect_left(self.errors, math.inf)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside any number that comes from it."""
        warnings = [f"left out: {self.left_out}"] if self.left_out else []
        if self.n < FEW:
            warnings.append(f"n = {self.n}: too few networks for a distribution")
        if self.n > 1 and self.errors[0] == self.errors[-1]:
            warnings.append("all networks failed" if self.failures else "all errors are equal")
        if self.strata and (uneven := _uneven(self.strata)):
            warnings.append(uneven)
        return tuple(warnings)

    @property
    def minimum(self) -> float:
        """Lowest error; infinity if every network failed."""
        return self.errors[0]

    @property
    def scores(self) -> tuple[float, ...]:
        """The errors as they enter means: a failure counts as guessing."""
        return self.errors[: self.n - self.failures] + (self.guess,) * self.failures

    @property
    def mean(self) -> float:
        """Mean error, failures as guessing."""
        return math.fsum(self.scores) / self.n

    def at(self, error: float) -> float:
        """Share of the networks whose error lies strictly below `error`."""
        return bisect_left(self.errors, error) / self.n

    def quantile(self, share: float) -> float:
        """Lowest observed error that at least this share of the networks reaches; never interpolated."""
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share must lie between 0 and 1, got {share=}")
        return self.errors[max(math.ceil(share * self.n - SLACK), 1) - 1]


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A simultaneous band around an EDF; entry k holds from the previous error, excluded, up to errors[k]."""

    errors: tuple[float, ...]
    """Where the steps end, strictly ascending; the last is infinity."""
    low: tuple[float, ...]
    """Lower edge, one for each error; a share in [0, 1]."""
    high: tuple[float, ...]
    """Upper edge, one for each error; a share in [0, 1]."""
    confidence: float = CONFIDENCE
    """Share of repeated studies whose band covers the whole distribution, at least; in (0, 1)."""


def edf(
    errors: Iterable[float | None], *, name: str, guess: float, left_out: str = "", strata: Sequence[str] = ()
) -> Edf:
    """The distribution of these errors; None and NaN are failures. `strata` names that of each, if they have any."""
    values = [math.inf if error is None or math.isnan(error) else float(error) for error in errors]
    if not strata:
        return Edf(name=name, errors=tuple(sorted(values)), guess=guess, left_out=left_out)
    ordered = sorted(zip(values, strata, strict=True))
    return Edf(
        name=name,
        errors=tuple(error for error, _ in ordered),
        guess=guess,
        left_out=left_out,
        strata=tuple(label for _, label in ordered),
    )


def steps(edf: Edf) -> tuple[Floats, Floats]:
    """Where the EDF's steps end and its share up to there, ties merged.

    F(e) is shares[k] for errors[k-1] < e <= errors[k]. The last error is infinity, so that the last share is that of
    the networks that completed; the first share is 0.
    """
    ends = np.unique(np.append(np.array(edf.errors), np.inf))
    return ends, np.searchsorted(edf.errors, ends, side="left") / edf.n


def weight_below(values: Floats, others: Floats, weights: Floats | None = None) -> Floats:
    """Weight of the others below each value, half of the ties included; each weighs 1 unless told otherwise."""
    order = np.argsort(others, kind="stable")
    added = np.arange(1.0, len(others) + 1.0) if weights is None else np.cumsum(weights[order])
    sums = np.concatenate([[0.0], added])
    left, right = (np.searchsorted(others[order], values, side=side) for side in ("left", "right"))
    return np.asarray((sums[left] + sums[right]) / 2.0, dtype=np.float64)


def weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Lowest value up to which at least this share of the weight lies; never interpolated."""
    return float(np.quantile(values, max(share - SLACK, 0.0), weights=weights, method="inverted_cdf"))


def band(edf: Edf, confidence: float = CONFIDENCE) -> Band:
    """Kolmogorov's band: to either side the quantile of his statistic of n networks, exact, and valid where errors tie.

    At 95 % that is 0.454 of the range for n = 8, 0.294 for 20 and 0.134 for 100.
    """
    from scipy.stats import kstwo

    check_confidence(confidence)
    reach = float(kstwo.ppf(confidence, edf.n))
    errors, shares = steps(edf)
    low, high = np.clip(shares - reach, 0.0, 1.0), np.clip(shares + reach, 0.0, 1.0)
    return Band(errors=_floats(errors), low=_floats(low), high=_floats(high), confidence=confidence)


def _uneven(strata: Sequence[str]) -> str:
    """What must be said of strata that don't hold equally many networks, give or take one; empty where they do."""
    held = Counter(strata)
    parsed_strata = parsed(held)
    fewest = min(held.values()) if parsed_strata and len(held) == parsed_strata[0].count else 0
    if max(held.values()) - fewest <= 1:
        return ""
    return f"strata hold from {fewest} to {max(held.values())} networks, so the distribution isn't at matched cost"


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
