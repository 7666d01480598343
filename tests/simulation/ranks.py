"""Intervals of rank correlations, regret and noise cover the truth at their stated rate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

import numpy as np

from nas.analysis import agreement, kendall, spearman
from nas.analysis.audits.long_verdicts import regrets
from nas.analysis.audits.variance_components import split
from tests.simulation.laws import Floats

Columns = Callable[[int, np.random.Generator], tuple[Floats, Floats]]
"""A column and errors of so many networks, all independent."""

MANY = 1_000_000
"""Networks that tell the truth about a correlation."""


def normal(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Two normal columns of correlation 0.6."""
    x, noise = generator.normal(size=(2, n))
    return x, 0.6 * x + 0.8 * noise


def spreading(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Errors whose spread grows with a column, and whose mean doesn't."""
    x, noise = generator.normal(size=(2, n))
    return x, noise * np.exp(x)


def tied(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """A column of four values, errors in steps of half a deviation, and failures of small values."""
    x = generator.integers(4, size=n)
    errors = np.round(2.0 * (generator.normal(size=n) - 0.4 * x)) / 2.0
    return x.astype(np.float64), np.where(generator.random(n) < 0.2 / (1.0 + x), np.inf, errors)


def short_and_long(n: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Errors after a short and after a long training of the same networks."""
    quality, first, second = generator.normal(size=(3, n))
    return 0.3 + 0.05 * (quality + 0.7 * first), 0.1 + 0.02 * (quality + 0.3 * second)


KINDS: dict[str, Columns] = {"normal": normal, "spreading": spreading, "tied and failing": tied}


@cache
def truth(kind: str, measure: Literal["rho", "tau"]) -> float:
    """The correlation of a million networks."""
    from scipy.stats import kendalltau, rankdata, spearmanr

    x, y = (rankdata(side) for side in KINDS[kind](MANY, np.random.default_rng(1)))
    return float((spearmanr if measure == "rho" else kendalltau)(x, y).statistic)


def covering_ranks(
    kind: str, measure: Literal["rho", "tau"], n: int, studies: int, generator: np.random.Generator
) -> int:
    """Studies whose interval holds the true rank correlation."""
    ours, known = spearman if measure == "rho" else kendall, truth(kind, measure)
    pairs = (KINDS[kind](n, generator) for _ in range(studies))
    return sum(known in ours(x, y).coefficient for x, y in pairs)


@cache
def expected_regret(n: int) -> float:
    """Mean regret of studies of n networks."""
    generator = np.random.default_rng(1)
    return float(np.mean([regrets(*short_and_long(n, generator)) for _ in range(20_000)]))


def covering_regret(n: int, studies: int, generator: np.random.Generator) -> int:
    """Studies whose interval holds the mean regret of such studies."""
    known = expected_regret(n)
    pairs = (short_and_long(n, generator) for _ in range(studies))
    return sum(known in agreement(x, y, seed=seed).regret for seed, (x, y) in enumerate(pairs))


def covering_noise(
    networks: int, seeds: int, part: Literal["noise", "share"], studies: int, generator: np.random.Generator
) -> int:
    """Studies whose interval holds the deviation over seeds of 0.02, or its share of all variance beside 0.03."""
    design = generator.normal(0.0, 0.03, (studies, networks, 1))
    errors = 0.2 + design + generator.normal(0.0, 0.02, (studies, networks, seeds))
    found = (split(list(study)) for study in errors)
    return sum(0.02 in noise if part == "noise" else 0.0004 / 0.0013 in share for noise, _, share in found)
