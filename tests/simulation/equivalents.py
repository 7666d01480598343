"""Rules that matter by exactly delta: at most 5 % of the studies call one of them equivalent, whatever its form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from nas.analysis import verdicts
from nas.analysis.statistics.equivalence import DEVIATIONS
from nas.study import Part, Parts, Rule, against, larger
from tests.simulation.laws import GUESS, NORMAL, Law
from tests.toys.sequential_studies import thirds_rho

TWO = against("B", "A", "B is better than A.")
PART = Rule(name="x", statement="x", contrast=Parts(first=Part(column="x", low=0.8)))
ORDER = larger("x")
Table = Callable[[np.random.Generator], pd.DataFrame]


def two_spaces(law: Law, first: Law, n: int, generator: np.random.Generator) -> pd.DataFrame:
    """n networks of each of two spaces, B the one that differs."""
    errors = np.concatenate([law.draw(generator, n), first.draw(generator, n)])
    return pd.DataFrame({"space": np.repeat(["A", "B"], n), "error": errors})


def two_parts(law: Law, first: Law, n: int, generator: np.random.Generator) -> pd.DataFrame:
    """n networks of one space of which a fifth differs."""
    x = generator.random(n)
    return pd.DataFrame({"x": x, "error": np.where(x >= 0.8, first.draw(generator, n), law.draw(generator, n))})


def ordered(law: Law, rho: float, n: int, generator: np.random.Generator) -> pd.DataFrame:
    """n networks whose errors have that rank correlation with a column."""
    normal = 2.0 * np.sin(np.pi / 6.0 * rho)
    x, noise = generator.normal(size=(2, n))
    shares = NORMAL.cdf(normal * x + np.sqrt(1.0 - normal * normal) * noise)
    return pd.DataFrame({"x": x, "error": law.centre + law.spread * law.base.ppf(shares)})


def called_equivalent(
    rule: Rule, table: Table, delta: float | None, studies: int, generator: np.random.Generator
) -> int:
    """Studies in which the rule is said to make no difference that matters."""
    frames = (table(generator) for _ in range(studies))
    return sum(is_equivalent(rule, frame, delta) for frame in frames)


def is_equivalent(rule: Rule, frame: pd.DataFrame, delta: float | None) -> bool:
    """Whether a rule is said to make no difference that matters."""
    return verdicts(frame, [rule], guess=GUESS, delta=delta)[0].verdict == "equivalent"


RHO = thirds_rho(DEVIATIONS)
"""The rank correlation that delta stands for."""
