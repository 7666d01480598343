"""Claims whose studies are simulated beside the module that they are about: plugged in here."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np

from nas.analysis.rules.looks import bounds, drift_for
from nas.analysis.statistics.power import ALPHA, LEFT, networks_needed, planned
from nas.study import Looks
from tests.simulation import tables
from tests.simulation.simulation import Count, Simulation, errs, finds
from tests.toys import sequential_studies

RULES = 12
LOOKS = Looks(first=60, every=30)
MOST = 300
"""Networks at the last look of null studies."""


def seeded(count: Callable[..., int], **known: Any) -> Count:
    """The count of a function that takes a seed instead of a generator."""
    return partial(_seeded, count, known)


def _seeded(count: Callable[..., int], known: dict[str, Any], studies: int, generator: np.random.Generator) -> int:
    return count(studies=studies, seed=int(generator.integers(2**62)), **known)


def looks() -> tuple[Simulation, ...]:
    """Samples that are looked at while they grow."""
    n = f"{LOOKS.first}, {LOOKS.first + LOOKS.every}, ..., {MOST}"
    return (
        errs(
            "looks, null",
            "At any look any of twelve null rules is said to help or to hurt.",
            n,
            seeded(sequential_studies.null_studies, rules=RULES, n=MOST, looks=LOOKS),
            small=50,
        ),
        *(
            errs(
                f"looks, equivalence, {'an order' if ordered else 'two parts'}",
                "At any look a rule whose effect is delta is called equivalent.",
                n,
                seeded(sequential_studies.false_equivalents, n=MOST, looks=LOOKS, ordered=ordered),
                small=20,
            )
            for ordered in (False, True)
        ),
        *(
            finds(
                f"looks, power, {size} deviations",
                "A planted rule is found at some look, at the most that planning names, beside three null ones.",
                "planned from a stated deviation",
                seeded(found_at_looks, size=size),
                share=0.3,
            )
            for size in (0.5, 0.75, 1.0)
        ),
    )


def found_at_looks(studies: int, seed: int, size: float) -> int:
    """Studies with looks in which the planted rule is found."""
    most, spaced = _most(size)
    effects = (size, 0.0, 0.0, 0.0)
    return sequential_studies.outcomes(studies, effects, most, spaced, seed)[0]


def _most(size: float) -> tuple[int, Looks]:
    """Networks at the last of nine looks from a fifth on, which has the power of a study with one look."""
    alpha, normal = ALPHA / (2 * 4), NormalDist()
    single = networks_needed(1.0 / 3.0, normal.cdf(size / math.sqrt(2.0)) - 0.5, 4, planned(LEFT))
    shares = tuple(round(0.2 + 0.1 * place, 1) for place in range(9))
    drift = drift_for(planned(LEFT), bounds(alpha, shares), shares)
    price = (drift / (normal.inv_cdf(1.0 - alpha) + normal.inv_cdf(planned(LEFT)))) ** 2
    tenth = math.ceil(single * price / 10)
    return 10 * tenth, Looks(first=2 * tenth, every=tenth)


def rows_of_networks() -> tuple[Simulation, ...]:
    """Tables with several rows a network, of which nothing says which they are."""
    return tuple(
        errs(
            f"tables, null, three rows a network, {name}",
            "Of a table without rules anything is said to help or to hurt.",
            "60, three rows each",
            partial(tables.false, called, 60),
            small=20,
        )
        for name, called in (("columns", tables.of_columns), ("discovery", tables.of_discovery))
    )


OTHERS = (*looks(), *rows_of_networks())
