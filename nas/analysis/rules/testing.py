"""One rule tested on its samples: the effect, its interval, its p-value, and what a plan for more needs to know.

Each verdict has one estimand. Of two samples it is the probability that a network of the one beats one of the other
(Brunner and Munzel's test), and by how much, the shift after which neither wins. Of a column it is its rank correlation
with the errors given the other columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from nas.analysis.selection import Coded, having, names_of, numbers, require_one_design, strata_of
from nas.analysis.statistics.comparison import better, better_p_value, mann_whitney, placements, shifted, shifts
from nas.analysis.statistics.correlation import Levels, held_fixed, levels, parted, spearman, trend, unit_ranks
from nas.analysis.statistics.edf import Edf, edf
from nas.analysis.statistics.equivalence import TWO_SIDED, allowing, default_delta, ranks_moved, shift_for, uncertainty
from nas.analysis.statistics.interval import CONFIDENCE, Floats, Interval, unbounded
from nas.analysis.statistics.power import AGAIN, Plannable
from nas.errors import Refused
from nas.study import Part, Parts, Spaces

if TYPE_CHECKING:
    import pandas as pd


Flags = NDArray[np.bool_]


def samples(
    rows: pd.DataFrame, errors: Floats, contrast: Spaces | Parts, guess: float
) -> tuple[Edf | None, Edf | None]:
    """Both samples of a contrast, the one that obeys first, None where it is empty; refused if they share a network."""
    whole = isinstance(contrast, Spaces)  # a part of a sample doesn't hold as many networks of each stratum
    first, reference = (
        edf(errors[flags], name=name, guess=guess, strata=strata_of(rows[flags]) if whole else ())
        if flags.any()
        else None
        for name, flags in zip(names_in(contrast), sides(rows, contrast), strict=True)
    )
    return first, reference


def names_in(contrast: Spaces | Parts) -> tuple[str, str]:
    """What both samples of a contrast are called, the one that obeys first."""
    if isinstance(contrast, Spaces):
        return contrast.first, contrast.reference
    return _part_name(contrast.first), _part_name(contrast.reference) if contrast.reference else "the others"


def sides(rows: pd.DataFrame, contrast: Spaces | Parts) -> tuple[Flags, Flags]:
    """The rows of either sample of a contrast, the one that obeys first; refused if they share a network."""
    if isinstance(contrast, Spaces):
        first, reference = (in_space(having(rows, "space"), name) for name in (contrast.first, contrast.reference))
    else:
        first, reference = _both_parts(rows, contrast)
    if shared := int((first & reference).sum()):
        raise Refused(f"both samples of a rule hold the same {shared} networks, so they can't be compared")
    return first, reference


def repeated(*samples: pd.DataFrame) -> tuple[str, ...]:
    """What must be said of networks of several rows: in both samples, or in one where no column tells repeats."""
    if not all("architecture" in rows for rows in samples):
        return ()
    warnings = []
    names = [set(rows["architecture"]) for rows in samples]
    if both := len(set.intersection(*names)) if len(names) > 1 else 0:
        warnings.append(
            f"{both} networks are in both samples: if their rows are copies, the samples aren't independent"
        )
    again = sum(len(rows) - len(own) for rows, own in zip(samples, names, strict=True) if "repeat" not in rows)
    if again:
        warnings.append(f"{again} rows have a network that an earlier row has: if they are repeats, n is too large")
    return tuple(warnings)


def in_space(rows: pd.DataFrame, space: str) -> Flags:
    """The rows of a space; all where none is named. Refused where they come from different strata of cost."""
    if not space:
        require_one_design(rows)
        return np.ones(len(rows), dtype=np.bool_)
    names = names_of(rows)
    if space not in names:
        spaces = ", ".join(f'"{name}"' if "," in str(name) else str(name) for name in dict.fromkeys(names.tolist()))
        raise Refused(f"the table has no rows of space {space!r}", hint=f"it has {spaces}")
    flags = np.asarray(names == space, dtype=np.bool_)
    require_one_design(rows[flags])
    return flags


def in_part(rows: pd.DataFrame, part: Part) -> Flags:
    """The rows of a part; those without a value are in none."""
    if part.values:
        return np.array(having(rows, part.column)[part.column].isin(part.values), dtype=np.bool_)
    values = numbers(rows, part.column)
    low, high = (end if end is not None else bound for end, bound in ((part.low, -np.inf), (part.high, np.inf)))
    return np.asarray((low <= values) & (values <= high), dtype=np.bool_)


def _part_name(part: Part) -> str:
    ends = [f"{word} {end:g}" for word, end in (("from", part.low), ("up to", part.high)) if end is not None]
    return f"{part.column} {' '.join(ends) or ' or '.join(map(str, part.values))}"


def _both_parts(rows: pd.DataFrame, contrast: Parts) -> tuple[Flags, Flags]:
    sampled, first = in_space(rows, contrast.space), in_part(rows, contrast.first)
    if contrast.reference is not None:
        return sampled & first, sampled & in_part(rows, contrast.reference)
    present = np.array(rows[contrast.first.column].notna(), dtype=np.bool_)
    return sampled & first, sampled & present & ~first


Measure = Literal["shift", "rank correlation"]

LEVELS = (CONFIDENCE, TWO_SIDED)
"""Confidences of the interval of an effect and of the one that equivalence goes by."""
LEVELS_AGAIN = (1.0 - AGAIN, 1.0 - 2.0 * AGAIN)
"""The same of a rule that was tested before."""
PARTS, ROWS_A_PART = (3, 5), 60
"""Fewest and most groups of a column that may not differ where it is called without a trend, and rows of each."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What the samples of one rule say before it is seen together with the others."""

    measure: Measure
    """What the effect is."""
    effect: Interval
    """Negative where the rule, or a larger value, lowers the error; 95 % unless the sample is looked at repeatedly."""
    p_value: float
    """Two-sided, of no effect; in [0, 1]."""
    better: Interval | None = None
    """Probability that a network that obeys has the lower error; None for a rank correlation."""
    points: Interval | None = None
    """Of a column, errors in its upper third less those in its lower third given the others, in their unit."""
    plain: float | None = None
    """Of a column, its rank correlation with the errors, whatever the others are."""
    given: tuple[str, ...] = ()
    """Columns that were held fixed."""
    near: float | None = None
    """Of a column, the middle of its middle third, if the errors are lowest or highest there."""
    bend: float = 0.0
    """Mean rank there less that of the outer third that is nearer to it; negative where the middle is best."""
    bend_p: float = 1.0
    """Two-sided, of a middle third that lies between the outer ones; in [0, 1]."""
    delta: float | None = None
    """Smallest effect that matters, in the unit of the errors; None where the errors don't vary."""
    narrow: Interval | None = None
    """Interval of the shift that is held against delta, wider as delta is an estimate; None for a column."""
    within: bool = False
    """Whether the effect is smaller than that for sure; of a column, whether no two groups of it differ by so much."""
    plan: Plannable | None = None
    """What a plan for more networks goes by; None where nothing can be planned."""
    groups: tuple[str, str] = ("", "")
    """What both sides are called; empty for a rank correlation."""
    medians: tuple[float, float] | None = None
    """Median error of either side, infinite where most failed; None for a rank correlation."""
    n: tuple[int, int] = (0, 0)
    """Networks of either side, failures included; 0 in the second place for a rank correlation."""
    failures: tuple[int, int] = (0, 0)
    """Those of them without an error."""

    @property
    def turned(self) -> bool:
        """Whether the column surely goes with the errors the other way once the others are held fixed."""
        return self.plain is not None and self.plain * self.effect.estimate < 0.0 and 0.0 not in self.effect


UNTESTED = Tested(measure="shift", effect=unbounded(0.0, CONFIDENCE), p_value=1.0)
"""A rule one of whose samples is empty."""


def of_samples(first: Edf, reference: Edf, delta: float | None, confidences: tuple[float, float] = LEVELS) -> Tested:
    """A rule about two samples, with intervals of two confidences."""
    effect, narrow = shifts(first, reference, confidences)
    margin = default_delta(first, reference) if delta is None else delta
    doubt = uncertainty(margin, first, reference) if margin and delta is None else 0.0
    narrow = allowing(narrow, doubt)
    return Tested(
        measure="shift",
        effect=effect,
        p_value=max(better_p_value(first, reference), mann_whitney(first, reference)),
        better=better(first, reference, confidences[0]),
        delta=margin,
        narrow=narrow,
        within=margin is not None and _within(first, reference, narrow, margin),
        plan=_plan(first, reference, effect.estimate, margin),
        groups=(first.name, reference.name),
        medians=(median(first.errors), median(reference.errors)),
        n=(first.n, reference.n),
        failures=(first.failures, reference.failures),
    )


def _within(first: Edf, reference: Edf, narrow: Interval, margin: float) -> bool:
    """Whether the shift is small for sure, and P(better), which knows of failures, no farther from even than by it."""
    if not -margin < narrow.low <= narrow.high < margin:
        return False
    wins, room = better(first, reference, narrow.confidence), _moved(first, reference, narrow.estimate, margin)
    return 0.5 - room < wins.low <= wins.high < 0.5 + room


def _plan(first: Edf, reference: Edf, shift: float, margin: float | None) -> Plannable | None:
    if min(first.n, reference.n) < 2 or not margin:
        return None
    told, n = placements(first, reference), first.n + reference.n
    even = (n + 1) / (12.0 * first.n * reference.n)
    return Plannable(
        effect=0.5 - told.value,
        unit=n * max(told.variance, 0.5 * even),
        margin=_moved(first, reference, shift, margin),
        n=n,
    )


def _moved(first: Edf, reference: Edf, shift: float, margin: float) -> float:
    """How far P(better) moves by a shift of one sample as large as the margin, from where neither wins."""
    if not math.isfinite(shift):
        return 0.0
    ends = [placements(shifted(first, sign * margin - shift), reference).value for sign in (-1.0, 1.0)]
    return (ends[0] - ends[1]) / 2.0


def of_order(
    values: Floats,
    errors: Floats,
    others: Mapping[Coded, Floats],
    delta: float | None,
    confidences: tuple[float, float] = LEVELS,
) -> Tested:
    """A rule about the order of a column given others: rows without a value don't count, failures are the worst."""
    has = ~np.isnan(values)
    column, outcome, done = unit_ranks(values[has]), unit_ranks(errors[has]), errors[has]
    held = {name: values[has] for name, values in others.items()}
    names, fixed = _held(values[has], held)
    sizes, failures = (len(done), 0), (int(np.isinf(done).sum()), 0)
    margin = default_delta(done) if delta is None else delta
    found = trend(column, outcome, fixed)
    whole = Interval(estimate=0.0, low=-1.0, high=1.0, confidence=confidences[0])
    if found is None or margin is None:
        return Tested(measure="rank correlation", effect=whole, p_value=1.0, delta=margin, n=sizes, failures=failures)
    thirds, groups = (levels(parted(values[has], parts), outcome, fixed) for parts in (3, _parts(len(done))))
    moved = ranks_moved(done, margin)
    doubt = 0.0 if delta is not None else uncertainty(margin, done) * (moved / margin) ** 2
    tail = (1.0 - confidences[1]) / 2.0
    bend, bend_p = _bend(thirds)
    return Tested(
        measure="rank correlation",
        effect=found.interval(confidences[0]),
        p_value=found.z.p_value(),
        points=_points(thirds, done, confidences[0]),
        plain=spearman(values[has], done).coefficient.estimate,
        given=names,
        near=float(np.median(values[has][parted(values[has], 3) == 1])) if bend else None,
        bend=bend,
        bend_p=bend_p,
        delta=margin,
        within=groups is not None and groups.p_within(moved, doubt) < tail,
        plan=Plannable(
            effect=found.z.value,
            unit=len(done) * found.z.variance,
            margin=_rho_of(moved, column, outcome, fixed),
            n=len(done),
            groups=1 + int(parted(values[has], _parts(len(done))).max()),
        ),
        n=sizes,
        failures=failures,
    )


def _held(column: Floats, others: Mapping[Coded, Floats]) -> tuple[tuple[str, ...], Floats]:
    """Which columns are held fixed, and their ranks; neither their values nor their ranks tell all of the column."""
    names, ranks = tuple(others), {name: unit_ranks(values) for name, values in others.items()}
    if not names or not len(column):
        return (), np.zeros((len(column), 0))
    filled = [np.where(np.isnan(values), np.nanmean([*values, 0.0]), values) for values in others.values()]
    kept = [names[place] for place in held_fixed(column, np.column_stack(filled))]
    if not kept:
        return (), np.zeros((len(column), 0))
    table = np.column_stack([ranks[name] for name in kept])
    places = held_fixed(unit_ranks(column), table)
    return tuple(dict.fromkeys(kept[place][0] for place in places)), table[:, list(places)]


def _parts(rows: int) -> int:
    return min(max(rows // ROWS_A_PART, PARTS[0]), PARTS[1])


def _bend(thirds: Levels | None) -> tuple[float, float]:
    """By how much the middle third lies outside of the outer ones, and the p-value of its being between them."""
    if thirds is None or len(thirds.means) < 3:
        return 0.0, 1.0
    low, high = thirds.contrast(1, 0), thirds.contrast(1, 2)
    if low.value * high.value <= 0.0:
        return 0.0, 1.0
    return min(low.value, high.value, key=abs), max(low.p_value(), high.p_value())


def _points(thirds: Levels | None, errors: Floats, confidence: float) -> Interval | None:
    """The difference of the outer thirds' ranks as the shift of errors that moves ranks as far."""
    if thirds is None:
        return None
    ranks = thirds.contrast(len(thirds.means) - 1, 0).interval(confidence)
    low, middle, high = (shift_for(errors, moved) for moved in (ranks.low, ranks.estimate, ranks.high))
    return Interval(estimate=middle, low=low, high=high, confidence=confidence)


def _rho_of(moved: float, column: Floats, outcome: Floats, fixed: Floats) -> float:
    """Fisher's z of the trend whose outer parts differ by so much in mean rank."""
    groups = parted(column, _parts(len(column)))
    apart = float(column[groups == groups.max()].mean() - column[groups == 0].mean())
    base = np.column_stack([np.ones(len(column)), fixed])
    spreads = [float(np.std(v - base @ np.linalg.lstsq(base, v)[0])) for v in (column, outcome)]
    return math.atanh(min(moved / apart * spreads[0] / spreads[1], 0.95)) if apart and spreads[1] else 0.0
