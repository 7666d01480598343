"""Verdicts on a sample that is looked at while it grows, until all rules are decided: what a look decides stays so.

At a look each rule is tested on all networks that are there, at what error spending leaves to the look. Its p-value is
corrected for looks, then all of them by Holm for one another; a rule that is named keeps the p-value with which it was,
so that its share of the error is the others' from then on (Maurer and Bretz 2013). Both one-sided tests of equivalence
spend an error of their own, and intervals are repeated confidence intervals (Jennison and Turnbull 1989). All of this
holds whatever ends a study: the bounds being passed, or somebody who has seen the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from nas.analysis.rules.testing import Tested
from nas.analysis.rules.verdicts import Finding, Look, Verdict, alone, verdict
from nas.analysis.statistics.comparison import holm
from nas.analysis.statistics.interval import CONFIDENCE
from nas.analysis.statistics.power import ALPHA
from nas.analysis.statistics.sequential import corrected, nominal
from nas.errors import Refused
from nas.study import Rule

if TYPE_CHECKING:
    import pandas as pd


def verdicts_at_look(
    frames: Sequence[pd.DataFrame],
    ends: Sequence[int],
    rules: Sequence[Rule],
    *,
    guess: float | None = None,
    delta: float | None = None,
    dimensions: Sequence[str] | None = None,
) -> tuple[Verdict, ...]:
    """What the last of some looks says of the rules, in their order, after all that the looks before it have decided.

    `frames` are the tables at the looks so far, each holding the one before; `ends` the networks of each space at all
    looks that were planned before the first. The rest is as in `verdicts`. Effects, intervals and counts are those of
    the last table.
    """
    if not 1 <= len(frames) <= len(ends):
        raise ValueError(f"there are {len(ends)} looks, got {len(frames)} tables")
    shares = tuple(end / ends[-1] for end in ends)
    courses, results = [Course() for _ in rules], []
    for number, frame in enumerate(frames, 1):
        levels = confidences(shares[:number])
        try:
            results = alone(frame, rules, guess=guess, delta=delta, dimensions=dimensions, levels=levels)
        except Refused:
            if number == len(frames):
                raise
            continue  # where every network had failed by then, nothing was decided
        courses = after(courses, [tested for tested, _ in results], shares[:number])
    adjusted = holm([course.p_value for course in courses])
    looks = [Look(number=n, of=len(ends), networks=end, cap=ends[-1]) for n, end in enumerate(ends, 1)]
    return tuple(
        _verdict(verdict(rule, tested, p, len(rules), warnings), course, looks[: len(frames)])
        for rule, course, (tested, warnings), p in zip(rules, courses, results, adjusted, strict=True)
    )


def confidences(shares: tuple[float, ...]) -> tuple[float, float]:
    """Of both intervals at the last of these looks, so that they hold at 95 % and 90 % at all looks together."""
    return 1.0 - 2.0 * nominal((1.0 - CONFIDENCE) / 2.0, shares), 1.0 - 2.0 * nominal(ALPHA, shares)


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What the looks so far have decided on one rule."""

    p_value: float = 1.0
    """Corrected for looks: of the look that named it, else of the last; in [0, 1]."""
    named: Finding | None = None
    """*helps* or *hurts* once a look has said so."""
    named_at: int = 0
    """The look that did; 0 if none has."""
    small_at: int = 0
    """The first look at which the effect was smaller than delta for sure; 0 if there was none."""

    @property
    def finding(self) -> Finding:
        """What is decided."""
        return self.named or ("equivalent" if self.small_at else "undecided")


def after(courses: Sequence[Course], results: Sequence[Tested], shares: tuple[float, ...]) -> list[Course]:
    """The courses of all rules after one more look, the last of those at these shares of the whole sample."""
    number = len(shares)
    p_values = [
        course.p_value if course.named else _evidence(tested, shares)
        for course, tested in zip(courses, results, strict=True)
    ]
    moved = []
    for course, tested, p, adjusted in zip(courses, results, p_values, holm(p_values), strict=True):
        named, small = course.named, tested.within
        if named is None and adjusted < ALPHA and not tested.turned:
            named = "helps" if tested.effect.estimate < 0.0 else "hurts"
        now = Course(
            p_value=p,
            named=named,
            named_at=course.named_at or (number if named else 0),
            small_at=course.small_at or (number if small else 0),
        )
        moved.append(now)
    return moved


def _evidence(tested: Tested, shares: tuple[float, ...]) -> float:
    """The p-value corrected for looks; not below alpha while the interval of all looks holds 0."""
    p_value = corrected(tested.p_value, shares)
    return max(p_value, ALPHA) if 0.0 in tested.effect else p_value


def _verdict(last: Verdict, course: Course, looks: Sequence[Look]) -> Verdict:
    """The verdict of the last look, but for what was decided before."""
    decided = course.named_at or course.small_at
    finding, warnings = course.finding, last.warnings
    if finding in ("helps", "hurts") and not (last.high < 0.0 if finding == "helps" else last.low > 0.0):
        warnings = (*warnings, f"decided at look {decided}; by now its interval says so no longer")
    if finding == "equivalent" and not last.within_delta:
        warnings = (*warnings, f"decided at look {decided}; by now its interval reaches beyond delta again")
    return msgspec.structs.replace(
        last,
        verdict=finding,
        within_delta=course.small_at > 0,
        needs=last.needs if finding == "undecided" else None,
        look=looks[(decided or len(looks)) - 1],
        warnings=warnings,
    )
