"""Null studies of twelve rules: none of them holds, and at most 5 % of the studies call any of them helpful or harmful.

A study samples five spaces, n networks each, and asks four rules about two spaces, four about two parts (even ones and
a fifth against the rest), and four about the order of a column, in one space and in all.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from nas.study import Part, Parts, Rule, against, larger
from tests.simulation.laws import Floats, Law
from tests.simulation.screening import Studies, calling

Draw = Callable[[int, int, np.random.Generator], Studies]
"""So many studies with so many networks of each space."""

SPACES = tuple("ABCDE")
OPTIONS = 5
"""Values of a column that says which part a network belongs to."""
EVEN, RARE, IN_ONE, IN_ALL = ("e1", "e2"), ("r1", "r2"), ("o1", "o2"), ("o3", "o4")
RULES: tuple[Rule, ...] = (
    *(against(first, reference, f"{first} is better than {reference}.") for reference, first in pairwise(SPACES)),
    *(
        Rule(
            name=c,
            statement=c,
            contrast=Parts(first=Part(column=c, values=(0,)), reference=Part(column=c, values=(1,))),
        )
        for c in EVEN
    ),
    *(Rule(name=c, statement=c, contrast=Parts(first=Part(column=c, low=OPTIONS - 1))) for c in RARE),
    *(larger(column, space="A") for column in IN_ONE),
    *(larger(column) for column in IN_ALL),
)
SIZES = (20, 40, 100, 300)


def columns(n: int, studies: int, generator: np.random.Generator) -> dict[str, Floats]:
    """What the rules of parts and of orders speak of."""
    shape = (studies, len(SPACES) * n)
    parts = {name: generator.integers(OPTIONS, size=shape).astype(np.float64) for name in (*EVEN, *RARE)}
    return parts | {name: generator.random(shape) for name in (*IN_ONE, *IN_ALL)}


def study(n: int, known: dict[str, Floats], errors: Floats, guess: float) -> Studies:
    """Studies of five spaces with these columns and errors."""
    return Studies(spaces=tuple(np.repeat(SPACES, n).tolist()), columns=known, errors=errors, guess=guess)


def wide_spaces(n: int) -> Floats:
    """1 for the networks of the second and fourth space, else 0."""
    return np.repeat([0.0, 1.0, 0.0, 1.0, 0.0], n)


def alike(law: Law, n: int, studies: int, generator: np.random.Generator) -> Studies:
    """All networks of all spaces follow one law."""
    known = columns(n, studies, generator)
    return study(n, known, law.draw(generator, studies, len(SPACES) * n), law.guess)


def unequal(law: Law, n: int, studies: int, generator: np.random.Generator, *, along: bool = True) -> Studies:
    """All networks have one mean, and spreads that differ up to threefold between spaces and parts, and along a column.

    Along a column only symmetric errors are null: skewed ones of equal means and unequal spreads have unequal medians,
    so that their ranks do go with it, and a rule about an order speaks of ranks.
    """
    known = columns(n, studies, generator)
    spreads = 1.0 + 2.0 * wide_spaces(n) + (known["e1"] == 0) + (known["r1"] == OPTIONS - 1)
    spreads *= 1.0 + along * known["o3"]
    errors = law.draw(generator, studies, len(SPACES) * n)
    return study(n, known, law.centre + (errors - law.centre) / 3.0 * spreads, law.guess)


def failing(law: Law, n: int, studies: int, generator: np.random.Generator) -> Studies:
    """Spaces and parts fail at 2 to 30 %; as guessing is as good as the mean network, no mean differs."""
    known = columns(n, studies, generator)
    rates = 0.02 + 0.18 * wide_spaces(n) + 0.1 * (known["e1"] == 0)
    errors = law.draw(generator, studies, len(SPACES) * n)
    failed = generator.random(errors.shape) < rates
    return study(n, known, np.where(failed, np.inf, errors), law.centre)


def false_findings(draw: Draw, n: int, studies: int, generator: np.random.Generator) -> int:
    """Studies in which any rule is said to help or to hurt."""
    return calling(draw(n, studies, generator), RULES)
