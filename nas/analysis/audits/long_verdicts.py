"""What longer trainings would say of rules, and how far they order networks as short ones do.

All networks were trained short and some of them long, too. Each rule's effect at the longer training is estimated by
double sampling (`double_sampling.py`) and judged as a short one is: *helps* or *hurts* beyond doubt after Holm's
correction for all rules, else *equivalent* by two one-sided tests, else not known with so few. Effects of an audit,
short and long, are differences of means and plain correlations, for what short verdicts test isn't estimated by double
sampling; nothing is said of a change where means contradict the short verdict already.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from nas.analysis.audits.double_sampling import Effect, Phases, difference, order
from nas.analysis.rules.testing import Flags, in_space, sides
from nas.analysis.rules.verdicts import Finding, Verdict, finding_of, verdicts
from nas.analysis.selection import errors_of, guess_of, names_of, numbers, scored
from nas.analysis.statistics.comparison import holm
from nas.analysis.statistics.correlation import Correlation, kendall, spearman
from nas.analysis.statistics.equivalence import DEVIATIONS, TWO_SIDED, inside
from nas.analysis.statistics.interval import (
    CONFIDENCE,
    Floats,
    Interval,
    between,
    of_mean,
    resampled_rows,
    summed,
    unbounded,
)
from nas.analysis.statistics.power import networks_for_equivalence, networks_needed
from nas.errors import Refused
from nas.study import Order, Rule

if TYPE_CHECKING:
    import pandas as pd


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


Change = Literal["agrees", "changes", "not known"]


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """Networks of a table that were trained long, too."""

    rows: tuple[int, ...]
    """Their places in the table, each once."""
    errors: tuple[float, ...]
    """Their long errors in that order; infinity for a failure."""
    weights: tuple[float, ...]
    """How many networks of the table each stands for; positive."""

    def __post_init__(self) -> None:
        if not len(self.rows) == len(self.errors) == len(self.weights) == len(set(self.rows)):
            raise Refused(
                "every network that was trained long has a row of its own, an error and a weight, "
                f"got {len(self.rows)} rows, {len(self.errors)} errors and {len(self.weights)} weights"
            )


class LongVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """One rule at the short training and at the longer one."""

    name: str
    """Of the rule."""
    statement: str
    """The rule as a sentence."""
    change: Change
    """Whether the longer training says the same, something else, or nothing: with so few networks, or where the short
    errors' means, which audits go by, contradict the short verdict."""
    measure: Literal["difference of means", "rank correlation"]
    """What the effect is."""
    short: Finding
    """The verdict at the short training, on all networks."""
    short_effect: Interval
    """With its 95 % interval; in the unit of the errors, or a correlation."""
    long: Finding
    """The verdict at the longer training; undecided where too few were trained long."""
    long_effect: Interval
    """With its 95 % interval, in the same unit; without ends where too few were trained long."""
    delta: float | None
    """Smallest effect at the longer training that matters, in the unit of the effect; None where it isn't known."""
    p_value: float
    """Of no effect at the longer training, two-sided; in [0, 1]."""
    p_adjusted: float
    """The same, Holm-corrected for all rules together; in [0, 1]."""
    n_first: int
    """Networks that obey and were trained long; for a correlation all with a value."""
    n_second: int
    """Networks that it is compared with and that were trained long; 0 for a correlation."""
    needs: int | None
    """About so many more networks trained long, of all spaces, decide an undecided rule; None where it's decided, where
    none suffice, or where nothing is estimated."""


def long_verdicts(
    frame: pd.DataFrame,
    rules: Sequence[Rule],
    second: Second,
    *,
    guess: float | None = None,
    short: Sequence[Verdict] | None = None,
) -> tuple[LongVerdict, ...]:
    """All rules on a table of unbiased rows, of which `second` were trained long, corrected for each other.

    `guess` is the error at which a failure enters means, the worst short one unless given. `short` are the verdicts at
    the short training, those of the whole table unless given, as they must be where it was looked at while it grew.
    """
    short = verdicts(frame, rules, guess=guess) if short is None else short
    phases = _phases(frame, second, guess)
    effects = [_effect(frame, phases, rule) for rule in rules]
    shorts = [_short_effect(frame, phases, rule) for rule in rules]
    adjusted = holm([effect.p_value if effect else 1.0 for effect, _ in effects])
    return tuple(
        _verdict(before, was, effect, counts, p, len(rules), len(second.rows), len(frame))
        for before, was, (effect, counts), p in zip(short, shorts, effects, adjusted, strict=True)
    )


def _phases(frame: pd.DataFrame, second: Second, guess: float | None) -> Phases:
    errors, names = errors_of(frame), names_of(frame)
    return Phases(
        spaces=np.array([names == name for name in dict.fromkeys(names.tolist())], dtype=np.float64).T,
        short=scored(errors, guess),
        failed=np.isinf(errors),
        chosen=np.array(second.rows, dtype=np.intp),
        long=np.array(second.errors, dtype=np.float64),
        weights=np.array(second.weights, dtype=np.float64),
        guess=guess_of(errors, guess),
    )


def _effect(frame: pd.DataFrame, phases: Phases, rule: Rule) -> tuple[Effect | None, tuple[int, int]]:
    """The effect at the longer training, and how many networks of either side were trained long."""
    contrast = rule.contrast
    if isinstance(contrast, Order):
        values, sampled = numbers(frame, contrast.column), in_space(frame, contrast.space)
        return order(phases, values, sampled), (_count(phases, sampled & ~np.isnan(values)), 0)
    first, reference = sides(frame, contrast)
    return difference(phases, first, reference), (_count(phases, first), _count(phases, reference))


def _short_effect(frame: pd.DataFrame, phases: Phases, rule: Rule) -> Interval:
    """The effect at the short training of all networks, as the longer one's is measured."""
    contrast = rule.contrast
    if isinstance(contrast, Order):
        sampled = in_space(frame, contrast.space)
        return spearman(numbers(frame, contrast.column)[sampled], phases.short[sampled]).coefficient
    first, reference = (phases.short[flags] for flags in sides(frame, contrast))
    if min(len(first), len(reference)) < 2:
        return unbounded(float(first.mean() - reference.mean()) if len(first) and len(reference) else 0.0, CONFIDENCE)
    difference = float(first.mean() - reference.mean())
    return summed(difference, [of_mean(first), of_mean(reference)]).interval(CONFIDENCE)


def _count(phases: Phases, flags: Flags) -> int:
    return int(flags[phases.chosen].sum())


def _verdict(
    before: Verdict,
    short_effect: Interval,
    effect: Effect | None,
    counts: tuple[int, int],
    p_adjusted: float,
    tests: int,
    few: int,
    of: int,
) -> LongVerdict:
    delta = _delta(effect) if effect else None
    contrary = before.verdict == ("hurts" if short_effect.estimate < 0.0 else "helps")
    long: Finding = "undecided"
    if effect:
        small = delta is not None and inside(effect.against(DEVIATIONS, TWO_SIDED), delta)
        long = finding_of(effect.interval(CONFIDENCE), p_adjusted, small)
    return LongVerdict(
        name=before.name,
        statement=before.statement,
        change="not known" if long == "undecided" or contrary else "agrees" if long == before.verdict else "changes",
        measure="rank correlation" if before.measure == "rank correlation" else "difference of means",
        short=before.verdict,
        short_effect=short_effect,
        long=long,
        long_effect=effect.interval(CONFIDENCE) if effect else unbounded(0.0, CONFIDENCE),
        delta=delta,
        p_value=effect.p_value if effect else 1.0,
        p_adjusted=p_adjusted,
        n_first=counts[0],
        n_second=counts[1],
        needs=_needs(effect, delta, tests, (few, of)) if effect and delta and long == "undecided" else None,
    )


def _delta(effect: Effect) -> float | None:
    """Half a deviation of the long errors that a rule is compared with, or the correlation that says the same.

    That is the one at which the halves of a normal column differ by so much in the mean.
    """
    if effect.bounded:
        return DEVIATIONS * math.sqrt(math.pi / 8.0)
    return DEVIATIONS * effect.spread.deviation or None


def _needs(effect: Effect, delta: float, tests: int, sizes: tuple[int, int]) -> int | None:
    """Networks that must be trained long beside those that were, as `networks_more` plans; None where none suffice.

    It plans for the smallest effect that matters, and where the sample is too small for that, for the one seen. What is
    needed is said as a variance, of which the part that more long trainings don't change must be left over.
    """
    margin, seen = math.atanh(delta) if effect.bounded else delta, abs(effect.estimate)
    n, most = sizes
    plans = (
        networks_needed(1.0, margin, tests),
        min(networks_needed(1.0, seen, tests), networks_for_equivalence(1.0, margin - seen)),
    )
    rooms = [1.0 / networks - effect.of_all for networks in plans]
    needed = [math.ceil(effect.of_few * n / room) if room > 0.0 else math.inf for room in rooms]
    for number in needed:
        if n < number <= most:
            return int(number) - n
    return None if needed[-1] > most else min(n, most - n) or None
