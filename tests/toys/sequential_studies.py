"""Simulated studies with looks: how often null rules are named, differences of delta called none, effects found.

Each study is decided by the same steps as a real one, from its tests on. A test that can't decide anything at a look
(a rank correlation too small to be named, or too large to be called none) is passed over, which saves
nearly all of the time; `test_shortcuts_change_no_decision` compares with all tests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import stdtr
from scipy.stats import rankdata

from nas.analysis import edf
from nas.analysis.rules.looks import Course, after, confidences
from nas.analysis.rules.testing import UNTESTED, Tested, of_order, of_samples
from nas.analysis.statistics.interval import Floats
from nas.study import Looks

GUESS = 0.9
"""Error at which failures enter means."""
NEAR, MATTERS, SLACK = 0.5, 0.35, 3.0
"""Deviations and rank correlation beyond which no difference is called none; room for what the tests have beside t."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The networks of a study in the order in which they are trained, each with the columns that rules speak of."""

    errors: Floats
    """One a network; infinity for a failure."""
    columns: Floats
    """One a rule, network by network."""
    ordered: tuple[bool, ...]
    """Whether a rule speaks of the order of its column; else of its ones against its zeros."""


def null_studies(studies: int, rules: int, n: int, looks: Looks, seed: int) -> int:
    """Studies of up to n networks in which any rule is said to help or to hurt, and none does.

    Errors are skewed and one in fifty fails; a third of the rules speak of halves, a third of a fifth of the networks,
    a third of an order.
    """
    generator = np.random.default_rng(seed)
    drawn = (null_sample(generator, rules, n) for _ in range(studies))
    return sum(any(course.named for course in decided(one, looks.ends(n), equivalence=False)[-1]) for one in drawn)


def false_equivalents(studies: int, n: int, looks: Looks, seed: int, *, ordered: bool = False) -> int:
    """Studies of up to n networks in which a rule whose effect is delta is said to make no difference that matters."""
    generator = np.random.default_rng(seed)
    samples = (planted(generator, (0.5,), n, ordered=ordered) for _ in range(studies))
    return sum(bool(decided(sample, looks.ends(n))[-1][0].small_at) for sample in samples)


def outcomes(
    studies: int, effects: Sequence[float], n: int, looks: Looks | None, seed: int, *, ordered: bool = False
) -> tuple[int, float]:
    """How often the first effect is named rightly, or called none if it's 0, and the mean share of n that was trained.

    A study ends at the look that decides all of its rules; effects are in standard deviations of the errors.
    """
    generator = np.random.default_rng(seed)
    ends = (n,) if looks is None else looks.ends(n)
    right, trained = 0, 0
    for _ in range(studies):
        looked = decided(planted(generator, effects, n, ordered=ordered), ends)
        trained += ends[len(looked) - 1]
        right += looked[-1][0].finding == ("helps" if effects[0] else "equivalent")
    return right, trained / (studies * n)


def decided(
    sample: Sample, ends: Sequence[int], *, shortcuts: bool = True, equivalence: bool = True
) -> list[list[Course]]:
    """What each look of a study has decided, up to that at which nothing is left; equivalence only where asked for."""
    shares = tuple(end / ends[-1] for end in ends)
    courses, looked = [Course() for _ in sample.ordered], []
    for number, end in enumerate(ends, 1):
        levels = confidences(shares[:number])
        matters = _matter(sample, end, levels, equivalence) if shortcuts else [True] * len(courses)
        found = [_test(sample, rule, end, levels) if m else UNTESTED for rule, m in enumerate(matters)]
        courses = after(courses, found, shares[:number])
        looked.append(courses)
        if all(course.finding != "undecided" for course in courses):
            break
    return looked


def _test(sample: Sample, rule: int, end: int, levels: tuple[float, float]) -> Tested:
    """One rule on the first networks, as `nas.analysis` tests it."""
    errors, column = sample.errors[:end], sample.columns[:end, rule]
    if sample.ordered[rule]:
        return of_order(column, errors, {}, None, levels)
    sides = errors[column == 1.0], errors[column == 0.0]
    if not len(sides[0]) or not len(sides[1]):
        return UNTESTED
    first, others = (edf(side, name="side", guess=GUESS) for side in sides)
    return of_samples(first, others, None, levels)


def _matter(sample: Sample, end: int, levels: tuple[float, float], equivalence: bool) -> list[bool]:
    """Whether a look may decide each rule, as far as rank correlations tell, which for two sides are rank sums."""
    rhos = _rank_correlations(sample.columns[:end], sample.errors[:end])
    p_values = 2.0 * stdtr(end - 2, -np.abs(rhos) * np.sqrt((end - 2) / (1.0 - rhos**2)))
    near = equivalence & (np.abs(rhos) * math.sqrt(end) + NEAR < MATTERS * math.sqrt(end))
    return [bool(m) for m in near | (p_values <= SLACK * (1.0 - levels[0])) | np.isnan(p_values)]


def _rank_correlations(columns: Floats, errors: Floats) -> Floats:
    """Spearman's rho of each column with the errors."""
    ranks = rankdata(np.column_stack([columns, errors]), axis=0)
    with np.errstate(invalid="ignore"):
        ranks = (ranks - ranks.mean(0)) / ranks.std(0)
    return np.asarray(ranks[:, -1] @ ranks[:, :-1] / len(ranks), dtype=np.float64)


def thirds_rho(effect: float) -> float:
    """The correlation at which upper and lower third of a normal column differ by so many deviations of the errors."""
    return effect / (2.0 * math.exp(-(NormalDist().inv_cdf(2 / 3) ** 2) / 2.0) / math.sqrt(2.0 * math.pi) * 3.0)


def null_sample(generator: np.random.Generator, rules: int, n: int) -> Sample:
    """Columns that have nothing to do with the error."""
    errors = 0.1 + generator.gamma(2.0, 0.03, n)
    errors[generator.random(n) < 0.02] = math.inf
    kinds = np.arange(rules) % 3
    columns = generator.random((n, rules))
    sides = (columns < np.where(kinds == 0, 0.5, 0.2)).astype(float)
    return Sample(
        errors=errors,
        columns=np.where(kinds == 2, columns, sides),
        ordered=tuple(bool(kind == 2) for kind in kinds),
    )


def planted(generator: np.random.Generator, effects: Sequence[float], n: int, *, ordered: bool = False) -> Sample:
    """Normal errors of deviation 0.1 that each column lowers by its effect, in deviations of what is left.

    A column halves the networks, or is normal and correlated so that its outer thirds differ by the effect.
    """
    noise, count = generator.normal(size=n), len(effects)
    if ordered:
        columns = generator.normal(size=(n, count))
        rhos = np.array([thirds_rho(effect) for effect in effects])
        errors = math.sqrt(1.0 - float(rhos @ rhos)) * noise - columns @ rhos
    else:
        columns = (generator.random((n, count)) < 0.5).astype(float)
        errors = noise - columns @ np.array(effects)
    return Sample(errors=0.5 + 0.1 * errors, columns=columns, ordered=(ordered,) * count)
