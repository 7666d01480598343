"""Design rules as tested statements: each helps, hurts, makes no difference that matters, or is undecided.

A rule about two samples *helps* if its networks win more often than not beyond doubt, failures last. A column *helps*
if its rank correlation with the errors, given the other columns, is beyond doubt and has the sign of the plain one; a
best value in the middle is a finding of its own, tested at a fifth of the level. All rules asked for together are
corrected by Holm; *equivalent* takes one-sided tests against the smallest difference that matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from nas.analysis.rules.testing import (
    LEVELS,
    LEVELS_AGAIN,
    UNTESTED,
    Measure,
    Tested,
    in_space,
    of_order,
    of_samples,
    repeated,
    samples,
    sides,
)
from nas.analysis.selection import (
    Coded,
    errors_of,
    guess_of,
    having,
    held_columns,
    learned,
    left_out,
    names_of,
    numbers,
    numeric_columns,
    strata_of,
    unbiased,
)
from nas.analysis.statistics.comparison import holm, warnings_of
from nas.analysis.statistics.correlation import ROWS_EACH
from nas.analysis.statistics.edf import FEW
from nas.analysis.statistics.equivalence import check_delta
from nas.analysis.statistics.interval import CONFIDENCE, Floats, Interval
from nas.analysis.statistics.power import AGAIN, ALPHA, networks_more
from nas.study import Order, Parts, Rule, larger
from nas.study.rules import require_names

if TYPE_CHECKING:
    import pandas as pd

Finding = Literal["helps", "hurts", "middle", "ends", "equivalent", "undecided"]
MOST_NAMED = 8
"""Most spaces that a warning names."""
SAME = 1e-9
"""Largest difference of intervals that are one."""
BENT = ALPHA / 5.0
"""Share of studies in which some column is said to be best or worst in its middle by chance, at most."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A look at a sample that grows until all rules are decided."""

    number: int
    """Which it is, counted from 1."""
    of: int
    """How many are planned."""
    networks: int
    """Networks of each space that were there, failures included."""
    cap: int
    """Networks of each space at the last look that is planned."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a table says of one rule."""

    name: str
    """Of the rule."""
    statement: str
    """The rule as a sentence."""
    verdict: Finding
    """In at least 95 % of studies none of the rules tested together is called *helps* or *hurts* by chance."""
    measure: Measure
    """What the effect is."""
    effect: float
    """In the unit of the errors, or a correlation given `given`; negative where the rule, or a larger value, lowers the
    error."""
    low: float
    """Lower end of its 95 % interval; with looks of one that holds at all of them together."""
    high: float
    """Upper end of its 95 % interval, likewise."""
    better: Interval | None
    """Probability that a network that obeys has the lower error than one that doesn't; None for a correlation."""
    p_value: float
    """Two-sided, of no effect; in [0, 1]."""
    p_adjusted: float
    """The same, Holm-corrected for the rules that were asked for together, before that for looks; in [0, 1].

    Of a rule that *helps* or *hurts* it is that of the look which said so.
    """
    points: Interval | None
    """Of a column, errors in its upper third less those in its lower third given the others; None for two samples."""
    plain: float | None
    """Of a column, its rank correlation with the errors whatever the other columns are; None for two samples."""
    given: tuple[str, ...]
    """Columns that were held fixed."""
    near: float | None
    """Of a column that is best or worst in its middle third, the middle of that; None for others."""
    delta: float | None
    """Smallest effect that matters, in the unit of the errors; None where the errors don't vary."""
    narrow: Interval | None
    """Of two samples, the interval of the effect that is held against delta: 90 %, wider as delta is an estimate."""
    within_delta: bool
    """Whether the effect is smaller than that for sure; also beside *helps* and *hurts*."""
    first: str
    """What the networks that obey are called; empty for a correlation."""
    second: str
    """What they are compared with; empty for a correlation."""
    median_first: float | None
    """Median error of those that obey, infinite where most failed; None for a correlation."""
    median_second: float | None
    """The same of those that they are compared with."""
    n_first: int
    """Networks that obey, failures included; for a correlation all with a value."""
    n_second: int
    """Networks that it is compared with, failures included; 0 for a correlation."""
    failures_first: int
    """Networks that obey and have no error."""
    failures_second: int
    """Networks of the other side without an error."""
    needs: int | None
    """About so many networks more, both sides together, decide an undecided rule; None where it is decided."""
    look: Look | None = None
    """Which look decided it, or was the last so far for an undecided rule; None where all networks were planned."""
    confidence: float = CONFIDENCE
    """Of the interval, taken by itself: above 95 % where it holds at all looks together; in (0, 1)."""
    warnings: tuple[str, ...] = ()
    """What must be said beside the verdict."""


def verdicts(
    frame: pd.DataFrame,
    rules: Sequence[Rule],
    *,
    guess: float | None = None,
    delta: float | None = None,
    dimensions: Sequence[str] | None = None,
    again: bool = False,
) -> tuple[Verdict, ...]:
    """All rules on the unbiased rows of a table, corrected for each other, in their order.

    `guess` is the error of guessing: one that isn't lower is a failure to learn; `delta` the smallest difference that
    matters, in the unit of the errors, half a robust deviation of the errors unless given; `dimensions` what is held
    fixed beside the cost where one of them is asked about, the other columns of the rules unless given; `again` that
    the rules were tested before and then left undecided, so that each test has a fifth of its level.
    """
    levels, times = (LEVELS_AGAIN, ALPHA / AGAIN) if again else (LEVELS, 1.0)
    results = alone(frame, rules, guess=guess, delta=delta, dimensions=dimensions, levels=levels)
    adjusted, bent = (
        [min(times * p, 1.0) for p in holm(p_values)]
        for p_values in ([tested.p_value for tested, _ in results], [tested.bend_p for tested, _ in results])
    )
    return tuple(
        verdict(rule, tested, p, len(rules), warnings, bent=b < BENT)
        for rule, (tested, warnings), p, b in zip(rules, results, adjusted, bent, strict=True)
    )


def alone(
    frame: pd.DataFrame,
    rules: Sequence[Rule],
    *,
    guess: float | None = None,
    delta: float | None = None,
    dimensions: Sequence[str] | None = None,
    levels: tuple[float, float] = LEVELS,
) -> list[tuple[Tested, tuple[str, ...]]]:
    """Each rule on its own, with what must be said of its samples; the levels are those of both intervals."""
    require_names(rules)
    if delta is not None:
        check_delta(delta)
    rows = unbiased(having(frame, "error"))
    errors = learned(errors_of(rows), guess)
    error_of_failure = guess_of(errors, guess)
    common = (f"left out: {outside}",) if (outside := left_out(frame)) else ()
    columns = [rule.contrast.column for rule in rules if isinstance(rule.contrast, Order)]
    fixed = columns if dimensions is None else [name for name in dimensions if name in rows]
    results = [_test(rows, errors, rule, error_of_failure, fixed, delta, levels) for rule in rules]
    alike = _alike(rules, [tested for tested, _ in results])
    return [(tested, (*common, *found, *alike[place])) for place, (tested, found) in enumerate(results)]


def _alike(rules: Sequence[Rule], results: Sequence[Tested]) -> list[list[str]]:
    """What must be said of each column that orders the networks as another does, once the others are held fixed."""
    found: list[list[str]] = [[] for _ in rules]
    columns = [place for place, tested in enumerate(results) if tested.plain is not None]
    for one, two in combinations(columns, 2):
        ends, theirs = ((results[place].effect.low, results[place].effect.high) for place in (one, two))
        same = any(np.allclose(ends, other, rtol=0.0, atol=SAME) for other in (theirs, (-theirs[1], -theirs[0])))
        if same and results[one].n == results[two].n:
            for place, other in ((one, rules[two]), (two, rules[one])):
                found[place].append(f"the others held fixed it can't be told from {other.name}: one finding, not two")
    return found


def principle_rules(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> tuple[Rule, ...]:
    """One rule a column, about larger values: of the given columns, else of all dimensions and facts with numbers."""
    names = numeric_columns(frame) if columns is None else columns
    return tuple(larger(column) for column in names)


def _test(
    rows: pd.DataFrame,
    errors: Floats,
    rule: Rule,
    guess: float,
    fixed: Sequence[str],
    delta: float | None,
    levels: tuple[float, float],
) -> tuple[Tested, tuple[str, ...]]:
    """One rule on its own, and what must be said of its samples."""
    contrast = rule.contrast
    if isinstance(contrast, Order):
        sampled = in_space(rows, contrast.space)
        values = numbers(rows, contrast.column)[sampled]
        others = held_columns(rows[sampled], contrast.column, fixed if contrast.column in fixed else ())
        tested = of_order(values, errors[sampled], others, delta, levels)
        of_column = _of_column(contrast.column, tested, values, errors[sampled])
        free = _not_held(tested, others) if others else ()
        return tested, (*_pooled(rows, contrast.space), *of_column, *free, *repeated(rows[sampled]))
    first, reference = samples(rows, errors, contrast, guess)
    if first is None or reference is None:
        return UNTESTED, (f"no network {'obeys it' if first is None else 'is there to compare with'}",)
    tested = of_samples(first, reference, delta, levels)
    warnings = [*warnings_of(first, reference), *repeated(*(rows[flags] for flags in sides(rows, contrast)))]
    if isinstance(contrast, Parts):
        warnings += [*_pooled(rows, contrast.space), *_unmatched(rows[in_space(rows, contrast.space)])]
        if without := int(in_space(rows, contrast.space).sum()) - first.n - reference.n:
            warnings.append(f"{without} networks are in neither sample")
    if tested.delta is None:
        warnings.append("the errors don't vary, so nothing says which difference matters")
    apart = first.mean - reference.mean
    if tested.delta and abs(apart) > tested.delta and (tested.effect.estimate < 0.0) != (apart < 0.0):
        warnings.append(
            f"means say otherwise: {100 * first.mean:.2f} against {100 * reference.mean:.2f} %, failures as guessing"
        )
    return tested, tuple(warnings)


def _pooled(rows: pd.DataFrame, space: str) -> tuple[str, ...]:
    spaces = () if space else tuple(dict.fromkeys(map(str, names_of(rows))))
    named = ", ".join([*spaces[:MOST_NAMED], *["..."] * (len(spaces) > MOST_NAMED)])
    return (f"{len(spaces)} spaces are taken together: {named}",) if len(spaces) > 1 else ()


def _unmatched(sampled: pd.DataFrame) -> tuple[str, ...]:
    return ("parts of a sample aren't matched: the strata hold unequal shares of them",) if strata_of(sampled) else ()


def _not_held(tested: Tested, others: Mapping[Coded, Floats]) -> tuple[str, ...]:
    """What varies beside a column only because there are too few networks to hold it fixed."""
    held = [values for (name, _), values in others.items() if name in tested.given]
    if tested.plain is None or len(held) < tested.n[0] // ROWS_EACH - 2:
        return ()
    known = np.column_stack([np.nan_to_num(values) for values in (np.ones(len(next(iter(others.values())))), *held)])
    free = dict.fromkeys(
        name for (name, _), values in others.items() if name not in tested.given and not _told_by(known, values)
    )
    named = ", ".join(free)
    return (f"too few networks to hold {named} fixed, too: with more of them the verdict may turn",) if free else ()


def _told_by(known: Floats, values: Floats) -> bool:
    """Whether columns, (rows, columns), tell a column in full."""
    own = np.nan_to_num(values)
    rest = own - known @ np.linalg.lstsq(known, own, rcond=None)[0]
    return float(np.abs(rest).max()) <= 1e-6 * max(float(np.ptp(own)), 1e-300)


def _of_column(column: str, tested: Tested, values: Floats, errors: Floats) -> tuple[str, ...]:
    warnings = []
    has = ~np.isnan(values)
    if missing := len(values) - tested.n[0]:
        warnings.append(f"{missing} networks have no value of {column}")
    if tested.n[0] < FEW:
        warnings.append(f"n = {tested.n[0]}: too few rows for a correlation")
    if len(np.unique(values[has])) < 2:
        warnings.append(f"no two values of {column} differ")
    if len(np.unique(errors[has])) < 2:
        warnings.append("no two errors differ")
    return tuple(warnings)


def verdict(
    rule: Rule, tested: Tested, p_adjusted: float, tests: int, warnings: tuple[str, ...], *, bent: bool = False
) -> Verdict:
    """What a test says of a rule once its p-value is corrected for all rules that are tested."""
    finding = finding_of(tested.effect, p_adjusted, tested.within)
    if tested.turned and finding in ("helps", "hurts"):
        finding = "undecided"
    if bent:
        finding = "middle" if tested.bend < 0.0 else "ends"
    return Verdict(
        name=rule.name,
        statement=rule.statement,
        verdict=finding,
        measure=tested.measure,
        effect=tested.effect.estimate,
        low=tested.effect.low,
        high=tested.effect.high,
        better=tested.better,
        p_value=tested.p_value,
        p_adjusted=p_adjusted,
        points=tested.points,
        plain=tested.plain,
        given=tested.given,
        near=tested.near if bent else None,
        delta=tested.delta,
        narrow=tested.narrow,
        within_delta=tested.within,
        first=tested.groups[0],
        second=tested.groups[1],
        median_first=tested.medians[0] if tested.medians else None,
        median_second=tested.medians[1] if tested.medians else None,
        n_first=tested.n[0],
        n_second=tested.n[1],
        failures_first=tested.failures[0],
        failures_second=tested.failures[1],
        needs=_needs(tested, tests) if finding == "undecided" else None,
        confidence=tested.effect.confidence,
        warnings=warnings,
    )


def finding_of(effect: Interval, p_adjusted: float, small: bool) -> Finding:
    """What an effect is called; `small` says whether it lies inside of +-delta for sure."""
    if p_adjusted < ALPHA and 0.0 not in effect:
        return "helps" if effect.estimate < 0.0 else "hurts"
    return "equivalent" if small else "undecided"


def _needs(tested: Tested, tests: int) -> int | None:
    return None if tested.plan is None or tested.turned else networks_more(tested.plan, tests)
