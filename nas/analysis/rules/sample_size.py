"""How many networks rules need before any is trained: for an effect that matters, with a power that is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.analysis.rules.testing import Measure, in_space, samples
from nas.analysis.selection import errors_of, guess_of, learned, names_of, numbers, unbiased
from nas.analysis.statistics.edf import FEW, Edf
from nas.analysis.statistics.equivalence import DEVIATIONS, robust_deviation
from nas.analysis.statistics.interval import Floats
from nas.analysis.statistics.power import LEFT, networks_needed, planned
from nas.errors import Refused
from nas.study import Order, Rule, Spaces

if TYPE_CHECKING:
    import pandas as pd

KNOWN = 30
"""Networks from which on a sample tells its own spread well enough to plan with it."""
MOST_RHO = 0.95
"""Largest rank correlation that is planned for; a larger one needs no more networks."""
THIRDS = 2.0 / 3.0
"""How far apart the outer thirds of a column lie, in shares of its ranks."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the networks that a rule speaks of."""

    arms: int
    """Spaces that they are drawn from, equally many of each; at least 1."""
    shares: tuple[float, float]
    """Share of their networks on either side; for the order of a column that with a value, and 0."""
    deviations: tuple[float, float]
    """Robust standard deviation of the errors on either side, failures apart, in the unit of the errors."""
    matters: float
    """Smallest difference that matters unless an effect is asked for, in the same unit: delta of a verdict."""
    failing: tuple[float, float] = (0.0, 0.0)
    """Share of the networks that fail on either side."""

    def moved(self, effect: float) -> float:
        """How far P(better) moves from even by a shift of the errors that are there."""
        both = (1.0 - self.failing[0]) * (1.0 - self.failing[1])
        return both * (NormalDist().cdf(effect / math.hypot(*self.deviations)) - 0.5)


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
    """The same as a rank correlation; None for two samples."""
    deviation: float
    """Of the errors on the side that the rule is compared with, robust, in the same unit."""
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
    errors = learned(errors_of(rows), guess)
    arms = _arms(rows, rule)
    if isinstance(rule.contrast, Order):
        sampled = in_space(rows, rule.contrast.space)
        has = ~np.isnan(numbers(rows, rule.contrast.column)[sampled])
        own = errors[sampled][has]
        deviation = _deviation(rule, own)
        return Scope(
            arms=arms,
            shares=(float(has.mean()), 0.0),
            deviations=(deviation, deviation),
            matters=DEVIATIONS * deviation,
            failing=(float(np.isinf(own).mean()),) * 2,
        )
    sides = samples(rows, errors, rule.contrast, guess_of(errors, guess))
    there = [side for side in sides if side]
    pooled = _deviation(rule, *there)
    apart = min(side.n for side in there) >= KNOWN
    deviations = [robust_deviation(side) or pooled if side and apart else pooled for side in sides]
    failing = [side.failures / side.n if side else 0.0 for side in sides]
    return Scope(
        arms=arms,
        shares=_shares(rows, rule, sides),
        deviations=(deviations[0], deviations[1]),
        matters=DEVIATIONS * pooled,
        failing=(failing[0], failing[1]),
    )


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
    rho = min(scope.moved(size) / THIRDS, MOST_RHO) if ordered else None
    rows = _rows(scope, size, rho, tests, planned(power))
    counts = [math.ceil(share * rows - 1e-9) if math.isfinite(rows) else 0 for share in scope.shares]
    return Need(
        name=rule.name,
        statement=rule.statement,
        measure="rank correlation" if ordered else "shift",
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
    needed = networks_needed((1.0 / first + 1.0 / second) / 12.0, scope.moved(size), tests, power)
    return max(needed, FEW / min(first, second))


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


def _deviation(rule: Rule, *errors: Edf | Floats) -> float:
    if deviation := robust_deviation(*errors):
        return deviation
    raise Refused(
        f"rule {rule.name!r} can't be planned: the errors don't vary",
        hint="state a deviation in the unit of the errors: --deviation",
    )
