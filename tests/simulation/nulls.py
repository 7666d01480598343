"""Null studies of twelve rules: none of them holds, and at most 5 % of the studies call any of them helpful or harmful.

A study samples five spaces, n networks each, and asks four rules about two spaces, four about two parts (even ones and
a fifth against the rest), and four about the order of a column, in one space and in all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from nas.analysis import Verdict, verdicts
from nas.study import Part, Parts, Rule, against, larger
from tests.simulation.laws import Floats, Law


@dataclass(frozen=True, kw_only=True, eq=False)
class Studies:
    """Tables of equal size, one study a line."""

    spaces: tuple[str, ...]
    """Space of each network, the same in all studies."""
    columns: Mapping[str, Floats]
    """Values of the networks."""
    errors: Floats
    """Their errors; infinity for a failure."""
    guess: float | None
    """Error of guessing; None where it isn't known."""

    def __len__(self) -> int:
        return len(self.errors)

    def frame(self, study: int) -> pd.DataFrame:
        """The table of one study."""
        columns = {name: values[study] for name, values in self.columns.items()}
        return pd.DataFrame({"space": self.spaces, "error": self.errors[study], **columns})


def any_called(frame: pd.DataFrame, rules: Sequence[Rule], guess: float | None) -> bool:
    """Whether any rule is said to help, to hurt, or to be best or worst in its middle, after the correction for all."""
    return any(map(is_called, verdicts(frame, rules, guess=guess)))


def is_called(verdict: Verdict) -> bool:
    """Whether a rule is said to do anything."""
    return verdict.verdict in ("helps", "hurts", "middle", "ends")


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


def study(n: int, known: dict[str, Floats], errors: Floats, guess: float | None) -> Studies:
    """Studies of five spaces with these columns and errors."""
    return Studies(spaces=tuple(np.repeat(SPACES, n).tolist()), columns=known, errors=errors, guess=guess)


def wide_spaces(n: int) -> Floats:
    """1 for the networks of the second and fourth space, else 0."""
    return np.repeat([0.0, 1.0, 0.0, 1.0, 0.0], n)


def alike(law: Law, n: int, studies: int, generator: np.random.Generator) -> Studies:
    """All networks of all spaces follow one law."""
    known = columns(n, studies, generator)
    return study(n, known, law.draw(generator, studies, len(SPACES) * n), law.guess)


def unequal(law: Law, n: int, studies: int, generator: np.random.Generator) -> Studies:
    """All networks have one median; spreads differ up to threefold between spaces and parts, and along a column.

    Only symmetric errors are null so: of skewed ones with unequal spreads one side wins more often.
    """
    known = columns(n, studies, generator)
    spreads = 1.0 + 2.0 * wide_spaces(n) + (known["e1"] == 0) + (known["r1"] == OPTIONS - 1)
    spreads *= 1.0 + known["o3"]
    errors = law.draw(generator, studies, len(SPACES) * n)
    return study(n, known, law.centre + (errors - law.centre) / 3.0 * spreads, law.guess)


def clustered(law: Law, n: int, studies: int, generator: np.random.Generator) -> Studies:
    """A tenth of all networks never learned, and nothing says what guessing is."""
    known = columns(n, studies, generator)
    errors = law.draw(generator, studies, len(SPACES) * n)
    return study(n, known, np.where(generator.random(errors.shape) < 0.1, law.guess, errors), None)


def false_findings(draw: Draw, n: int, studies: int, generator: np.random.Generator) -> int:
    """Studies in which any rule is said to help or to hurt."""
    drawn = draw(n, studies, generator)
    return sum(any_called(drawn.frame(study), RULES, drawn.guess) for study in range(studies))
