"""Whether a short training ranks networks as a long one does: rank agreement, and what its first choice loses."""

from __future__ import annotations

import msgspec
import numpy as np

from nas.analysis.columns import scored
from nas.analysis.statistics.bootstrap import between, resampled_rows
from nas.analysis.statistics.correlation import Correlation, kendall
from nas.analysis.statistics.edf import Floats
from nas.analysis.statistics.interval import CONFIDENCE, Interval
from nas.errors import Refused

RESAMPLES = 2_000
"""Bootstrap samples behind the interval of the regret."""
FARTHER = 20.0
"""How many times rarer than usual the draws beyond its ends are.

A resample holds two thirds of the networks, so the first choice is often the same, and the draws vary
too little. Simulated coverage of 95 % of the mean regret, for 24 and 60 networks: 84 and 90 % with the usual
percentiles, 94 and 97 % with a tenth of their tails, 98 % with the extremes.
"""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """A short training against a long one of the same networks."""

    tau: Correlation
    """Kendall's tau-b of both errors, failures last."""
    regret: Interval
    """Long error of the short training's first choice less the best long error; at least 0, in the unit of errors.

    The interval is of its mean over studies of so many networks.
    """
    n: int
    """Networks trained both ways, failures included."""
    failures_short: int
    """Those of them that failed in the short training."""
    failures_long: int
    """Those of them that failed in the long one."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said beside the numbers."""
        return (f"n = {self.n}: too few networks for an agreement",) if self.n < 8 else ()


def agreement(
    short: Floats, long: Floats, *, guess: float | None = None, confidence: float = CONFIDENCE, seed: int = 0
) -> Agreement:
    """The agreement of errors in the same order of networks; NaN and infinity are failures.

    In the regret a failure of the long training counts as guessing, or as the worst long error where that isn't given.
    """
    if short.shape != long.shape or short.ndim != 1:
        raise Refused(f"both trainings need one error a network, got {short.shape} and {long.shape}")
    short, long = (np.where(np.isnan(errors), np.inf, errors) for errors in (short, long))
    if not (np.isfinite(short).any() and np.isfinite(long).any()):
        raise Refused(f"of {len(short)} networks none completed one of the two trainings")
    return Agreement(
        tau=kendall(short, long, confidence),
        regret=_regret(short, scored(long, guess), confidence, seed),
        n=len(short),
        failures_short=int(np.isinf(short).sum()),
        failures_long=int(np.isinf(long).sum()),
    )


def regrets(short: Floats, long: Floats) -> Floats:
    """Regret of each line of errors; of first choices that tie, the mean."""
    best = short == short.min(axis=-1, keepdims=True)
    lost = long - long.min(axis=-1, keepdims=True)
    return np.asarray(np.where(best, lost, 0.0).sum(axis=-1) / best.sum(axis=-1), dtype=np.float64)


def _regret(short: Floats, long: Floats, confidence: float, seed: int) -> Interval:
    estimate = float(regrets(short, long))
    rows = resampled_rows(len(short), np.random.default_rng(seed), RESAMPLES)
    draws = np.concatenate([regrets(short[chosen], long[chosen]) for chosen in rows])
    return between(estimate, draws, (1.0 - confidence) / 2.0 / FARTHER, confidence)
