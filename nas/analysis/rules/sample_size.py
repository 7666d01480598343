"""How many networks rules need before any is trained: for an effect that matters, with a power that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.columns import errors_of, guess_of, numbers
from nas.analysis.rules.sides import in_space, samples
from nas.analysis.rules.testing import KNOWN, Measure, halves_rho
from nas.analysis.selection import names_of, unbiased
from nas.analysis.statistics.edf import FEW, Edf, Floats
from nas.analysis.statistics.equivalence import DEVIATIONS, default_delta
from nas.analysis.statistics.power import LEFT, networks_needed, planned
from nas.errors import Refused
from nas.study import Order, Rule, Spaces

if TYPE_CHECKING:
    import pandas as pd

MOST_RHO = 0.95
"""Largest rank correlation that is planned for; a larger one needs no more networks."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the networks that a rule speaks of."""

    arms: int
    """Spaces that they are drawn from, equally many of each; at least 1."""
    shares: tuple[float, float]
    """Share of their networks on either side; for the order of a column that with a value, and 0."""
    deviations: tuple[float, float]
    """Standard deviation of the errors on either side, failures as guessing, in the unit of the errors."""
    matters: float
    """Smallest difference that matters unless an effect is asked for, in the same unit: delta of a verdict."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """How many networks one rule needs."""

    name: str
    """Of the rule."""
    statement: str
    """The rule as a sentence."""
    measure: Measure
    """What the effect is."""
    effect: float
    """That is to be found, in the unit of the errors; positive."""
    rho: float | None
    """The same as a rank correlation; None for a difference of means."""
    deviation: float
    """Of the errors on the side that the rule is compared with, in the same unit."""
    n_first: int
    """Networks that obey; for a correlation all with a value."""
    n_second: int
    """Networks that they are compared with; 0 for a correlation."""
    samples: int | None
    """Networks of each space that give so many; None where a side is empty and no number is enough."""


def plan(
    rules: Sequence[Rule], scopes: Sequence[Scope], *, effect: float | None = None, power: float = LEFT
) -> tuple[Need, ...]:
    """What each rule needs so that an effect is found with this power after the correction for all of them.

    Without an effect it is the smallest that matters.
    """
    if not 0.0 < power < 1.0:
        raise Refused(f"power must lie strictly between 0 and 1, got {power}")
    if effect is not None and not 0.0 < effect < math.inf:
        raise Refused(f"an effect is a positive number in the unit of the errors, got {effect}")
    return tuple(_need(rule, scope, effect, power, len(rules)) for rule, scope in zip(rules, scopes, strict=True))


def scope_seen(frame: pd.DataFrame, rule: Rule, guess: float | None = None) -> Scope:
    """Shares and deviations of a table with errors; refused where a side has too few to tell its deviation."""
    rows = unbiased(frame)
    errors = errors_of(rows)
    error_of_failure = guess_of(errors, guess)
    arms = _arms(rows, rule)
    if isinstance(rule.contrast, Order):
        sampled = in_space(rows, rule.contrast.space)
        values = numbers(rows, rule.contrast.column)[sampled]
        has = ~np.isnan(values)
        scored = np.where(np.isfinite(errors), errors, error_of_failure)[sampled]
        deviation, done = _deviation(scored[has], rule), errors[sampled][has & np.isfinite(errors[sampled])]
        matters = DEVIATIONS * _deviation(done, rule)
        return Scope(arms=arms, shares=(float(has.mean()), 0.0), deviations=(deviation, deviation), matters=matters)
    sides = samples(rows, errors, rule.contrast, error_of_failure)
    deviations = tuple(_deviation(np.array(side.scores) if side else np.array([]), rule) for side in sides)
    matters = default_delta(sides[1]) if sides[1] else DEVIATIONS * deviations[0]
    if min(side.n for side in sides if side) < KNOWN:
        deviations = (_pooled(sides, deviations),) * 2
    shares = _shares(rows, rule, sides)
    return Scope(arms=arms, shares=shares, deviations=(deviations[0], deviations[1]), matters=matters)


def scope_drawn(frame: pd.DataFrame, rule: Rule, deviation: float) -> Scope:
    """Shares of a table of networks that nobody has trained; the deviation is said."""
    arms = _arms(frame, rule)
    if isinstance(rule.contrast, Order):
        values = numbers(frame, rule.contrast.column)[in_space(frame, rule.contrast.space)]
        shares = (float((~np.isnan(values)).mean()), 0.0)
    else:
        sides = samples(frame, np.zeros(len(frame)), rule.contrast, 0.0)
        shares = _shares(frame, rule, sides)
    return Scope(arms=arms, shares=shares, deviations=(deviation, deviation), matters=DEVIATIONS * deviation)


def _need(rule: Rule, scope: Scope, effect: float | None, power: float, tests: int) -> Need:
    size = scope.matters if effect is None else effect
    ordered = isinstance(rule.contrast, Order)
    rho = min(halves_rho(DEVIATIONS * size / scope.matters), MOST_RHO) if ordered else None
    rows = _rows(scope, size, rho, tests, planned(power))
    counts = [math.ceil(share * rows - 1e-9) if math.isfinite(rows) else 0 for share in scope.shares]
    return Need(
        name=rule.name,
        statement=rule.statement,
        measure="rank correlation" if ordered else "difference of means",
        effect=size,
        rho=rho,
        deviation=scope.deviations[1],
        n_first=counts[0],
        n_second=counts[1],
        samples=math.ceil(rows / scope.arms - 1e-9) if math.isfinite(rows) else None,
    )


def _rows(scope: Scope, size: float, rho: float | None, tests: int, power: float) -> float:
    """Networks to draw, of all arms together; a side is never smaller than a distribution needs."""
    first, second = scope.shares
    if rho is not None:
        needed = networks_needed(1.0 + rho * rho / 2.0, math.atanh(rho), tests, power) + 3.0  # Fisher's z has n - 3
        return max(needed, FEW) / first if first else math.inf
    if not first or not second:
        return math.inf
    unit = sum(d * d / share for d, share in zip(scope.deviations, scope.shares, strict=True))
    return max(networks_needed(unit, size, tests, power), FEW / min(first, second))


def _arms(rows: pd.DataFrame, rule: Rule) -> int:
    if isinstance(rule.contrast, Spaces):
        return 2
    return 1 if rule.contrast.space else len(set(names_of(rows)))


def _shares(rows: pd.DataFrame, rule: Rule, sides: Sequence[Edf | None]) -> tuple[float, float]:
    if isinstance(rule.contrast, Spaces):
        return 0.5, 0.5
    space = "" if isinstance(rule.contrast, Order) else rule.contrast.space
    whole = int(in_space(rows, space).sum())
    first, second = (side.n / whole if side else 0.0 for side in sides)
    return first, second


def _deviation(errors: Floats, rule: Rule) -> float:
    if len(errors) < 2 or np.ptp(errors) == 0.0:
        raise Refused(
            f"rule {rule.name!r} can't be planned with n = {len(errors)} on one side, whose errors don't vary",
            hint="state a deviation in the unit of the errors: --deviation",
        )
    return float(errors.std(ddof=1))


def _pooled(sides: Sequence[Edf | None], deviations: Sequence[float]) -> float:
    """One deviation for both sides, where one of them is too small to know its own."""
    freedom = [side.n - 1 if side else 0 for side in sides]
    return math.sqrt(sum(m * d * d for m, d in zip(freedom, deviations, strict=True)) / sum(freedom))
