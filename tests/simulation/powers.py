"""Planted rules: what planning asked for finds them, beside eleven rules that don't hold.

A study has as many networks as `plan` says for twelve rules and 80 % power, from a stated deviation or from the noise
of a pilot of 40 networks a side, in which the planted rule holds, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nas.analysis import Need, plan, scope_drawn, scope_seen, verdicts
from nas.analysis.rules.sample_size import MOST_RHO
from nas.study import Order, Part, Parts, Rule, against, larger
from tests.simulation.laws import NORMAL, SMOOTH, Law
from tests.toys.sequential_studies import thirds_rho

NULL = tuple(larger(f"x{place}") for place in range(11))
"""Rules that don't hold."""
SPACES = against("B", "A", "B is better than A.")
FIFTH = Rule(name="fifth", statement="The fifth is better.", contrast=Parts(first=Part(column="x", low=0.8)))
ALONG = larger("x")
FOLLOWED = 3
"""Times that the advice of an undecided verdict is followed."""
PILOT = 40
"""Networks on each side of a pilot, or in all where a column is ordered."""

DRAWN = 2_000
"""Networks that are drawn, and not trained, to see how many obey."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A rule that holds, and by how much."""

    rule: Rule
    """One of the three above."""
    law: Law
    """Of the errors of those that don't obey."""
    size: float
    """In deviations of that law, by which those that obey are lower; of an order as upper against lower third."""

    def frame(self, rows: int, generator: np.random.Generator) -> pd.DataFrame:
        """So many networks in all."""
        columns = {"x": generator.random(rows)} | {rule.name: generator.random(rows) for rule in NULL}
        frame = pd.DataFrame({"space": np.where(np.arange(rows) % 2, "B", "A"), **columns})
        return frame.assign(error=self.errors(frame, generator))

    def errors(self, frame: pd.DataFrame, generator: np.random.Generator) -> np.ndarray:
        """Errors in which the rule holds."""
        errors = self.law.draw(generator, len(frame))
        if isinstance(self.rule.contrast, Order):
            rho = min(thirds_rho(self.size), MOST_RHO)
            standard = (errors - self.law.centre) * np.sqrt(1.0 - rho * rho)
            return self.law.centre + standard - self.law.spread * rho * NORMAL.ppf(frame["x"])
        obeys = frame["space"] == "B" if self.rule == SPACES else frame["x"] >= 0.8
        return np.asarray(errors - self.size * self.law.spread * obeys)


def finding(planted: Planted, pilot: bool, studies: int, generator: np.random.Generator) -> int:
    """Studies of the planned size in which the planted rule is said to help."""
    rules, found = (planted.rule, *NULL), 0
    arms = 2 if planted.rule == SPACES else 1
    need = planned(planted, rules, pilot, generator)
    for _ in range(studies):
        if pilot:
            need = planned(planted, rules, pilot, generator)
        frame = planted.frame(arms * (need.samples or 0), generator)
        found += helps(frame, rules)
    return found


def planned(planted: Planted, rules: Sequence[Rule], pilot: bool, generator: np.random.Generator) -> Need:
    """What is asked for: from the noise of a pilot, or from the deviation of the law."""
    trained = PILOT if planted.rule == ALONG else 2 * PILOT
    frame = planted.frame(trained if pilot else DRAWN, generator)
    if planted.rule != SPACES:
        frame = frame.assign(space="A")
    scope = scope_seen(frame, planted.rule) if pilot else scope_drawn(frame, planted.rule, planted.law.spread)
    return plan(rules, [scope] * len(rules), effect=planted.size * planted.law.spread)[0]


def decided_as_asked(planted: Planted, studies: int, generator: np.random.Generator) -> int:
    """Studies of as many networks as the verdict of an undecided pilot asked for in which the rule is decided."""
    found, told = 0, 0
    while told < studies:
        pilot = verdicts(planted.frame(PILOT, generator), [planted.rule])[0]
        if pilot.verdict == "undecided" and pilot.needs:
            told += 1
            asked = planted.frame(PILOT + pilot.needs, generator)
            found += verdicts(asked, [planted.rule], again=True)[0].verdict != "undecided"
    return found


def named(wider: float, n: int, studies: int, generator: np.random.Generator) -> int:
    """Undecided studies without an effect in which it is said how many more networks it takes."""
    found, undecided = 0, 0
    while undecided < studies:
        verdict = verdicts(_alike(wider, n, generator), [SPACES])[0]
        if verdict.verdict == "undecided":
            undecided += 1
            found += bool(verdict.needs)
    return found


def followed(wider: float, n: int, studies: int, generator: np.random.Generator) -> int:
    """Studies without an effect in which who adds what undecided verdicts ask for, up to three times, finds one."""
    found = 0
    for _ in range(studies):
        frame = _alike(wider, n, generator)
        verdict = verdicts(frame, [SPACES])[0]
        for _ in range(FOLLOWED):
            if verdict.verdict == "undecided" and verdict.needs:
                frame = pd.concat([frame, _alike(wider, -(-verdict.needs // 2), generator)])
                verdict = verdicts(frame, [SPACES], again=True)[0]
        found += verdict.verdict in ("helps", "hurts")
    return found


def _alike(wider: float, n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Two spaces of one median, the second so many times as wide."""
    errors = np.concatenate([SMOOTH.draw(generator, n), SMOOTH.wider(wider).draw(generator, n)])
    return pd.DataFrame({"space": ["A"] * n + ["B"] * n, "error": errors})


def helps(frame: pd.DataFrame, rules: Sequence[Rule]) -> bool:
    """Whether the first rule is said to help among all."""
    return verdicts(frame, rules)[0].verdict == "helps"
