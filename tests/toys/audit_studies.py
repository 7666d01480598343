"""Simulated maps of which some networks were trained longer: do intervals cover, and are verdicts rarely invented?

python -m tests.toys.audit_studies [STUDIES]      the coverage of every kind of map, and false alarms; minutes for 1,000
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from nas.analysis import Second, long_verdicts
from nas.analysis.audits.double_sampling import Effect, Phases, difference, order
from nas.analysis.statistics.equivalence import DEVIATIONS, TWO_SIDED, inside
from nas.analysis.statistics.interval import Floats
from nas.sampling.subset import failures_among, spread
from nas.study import Order, Part, Parts, Rule

GUESS = 0.9
DESIGNS = {"six spaces": (6, 100, 4), "two spaces": (2, 60, 12), "one space": (1, 100, 24), "many": (3, 40, 20)}
"""Name -> spaces, networks of each, and how many of each are trained longer."""
EFFECTS = ("two spaces", "two parts", "order of a column")
Errors = tuple[Floats, Floats]
"""Short and long ones; infinity for a failure."""


def _short(space: Floats, column: Floats, quality: Floats, generator: np.random.Generator) -> Floats:
    own = 0.02 * generator.normal(size=len(space))
    return np.asarray(0.25 + 0.02 * space + 0.04 * quality + 0.02 * column + own, dtype=np.float64)


def _straight(space: Floats, column: Floats, quality: Floats, generator: np.random.Generator) -> Errors:
    """Long errors follow short ones in a line."""
    long = 0.12 + 0.01 * space + 0.015 * quality + 0.01 * column + 0.012 * generator.normal(size=len(space))
    return _short(space, column, quality, generator), long


def _saturating(space: Floats, column: Floats, quality: Floats, generator: np.random.Generator) -> Errors:
    """Long errors follow short ones in a curve, and vary more where they are larger."""
    n = len(space)
    short = 0.2 + 0.03 * np.exp(0.7 * quality + 0.2 * space) + 0.01 * generator.normal(size=n)
    spread_out = 1.0 + 0.2 * generator.normal(size=n)
    return short, 0.1 + 0.05 * np.log1p(10.0 * (short - 0.15)).clip(0.0) * spread_out + 0.01 * column


def _unequal(space: Floats, column: Floats, quality: Floats, generator: np.random.Generator) -> Errors:
    """The last space's long errors have six times the luck of the others'."""
    luck = (0.004 + 0.02 * (space == space.max())) * generator.normal(size=len(space))
    return _short(space, column, quality, generator), 0.12 + 0.01 * space + 0.015 * quality + 0.01 * column + luck


def _unrelated(space: Floats, column: Floats, quality: Floats, generator: np.random.Generator) -> Errors:
    """Long errors have nothing to do with short ones, and are skewed."""
    return _short(space, column, quality, generator), 0.12 + 0.01 * space + 0.02 * generator.gamma(1.0, size=len(space))


def _turned(space: Floats, column: Floats, quality: Floats, generator: np.random.Generator) -> Errors:
    """What is good after a short training is bad after a long one."""
    short = _short(space, column, quality, generator)
    own = 0.01 * generator.normal(size=len(space))
    return short, 0.3 - 0.01 * space - 0.3 * (short - 0.25) + own - 0.02 * column


def _failing(space: Floats, column: Floats, quality: Floats, generator: np.random.Generator) -> Errors:
    """A twentieth fails in the short training, half of it in the long one, too, and some others only there."""
    short, long = _straight(space, column, quality, generator)
    failed, again, late = (generator.random(len(space)) < share for share in (0.05, 0.5, 0.01))
    return np.where(failed, np.inf, short), np.where((failed & again) | late, np.inf, long)


KINDS: dict[str, Callable[[Floats, Floats, Floats, np.random.Generator], Errors]] = {
    "straight": _straight,
    "saturating": _saturating,
    "unequal": _unequal,
    "unrelated": _unrelated,
    "turned": _turned,
    "failing": _failing,
}
"""How long errors go with short ones."""


def networks(kind: str, spaces: int, n: int, generator: np.random.Generator) -> tuple[Floats, Floats, Errors]:
    """Space and column of each network, and its errors."""
    space = np.repeat(np.arange(spaces, dtype=np.float64), n)
    column = generator.random(len(space))
    return space, column, KINDS[kind](space, column, generator.normal(size=len(space)), generator)


def taken(space: Floats, short: Floats, each: int, generator: np.random.Generator) -> tuple[list[int], list[float]]:
    """Places and weights of the networks that an audit takes of every space."""
    places: list[int] = []
    weights: list[float] = []
    for one in np.unique(space):
        own = np.flatnonzero(space == one)
        done, failed = own[np.isfinite(short[own])], own[np.isinf(short[own])]
        regular = spread(len(done), generator.random())
        of_failed = failures_among(each, len(failed), len(own))
        ranked = done[np.argsort(short[done])]
        places += [int(ranked[next(regular)]) for _ in range(each - of_failed)]
        places += generator.permutation(failed)[:of_failed].tolist()
        weights += [len(done) / (each - of_failed)] * (each - of_failed) + [len(failed) / max(of_failed, 1)] * of_failed
    return places, weights


def phases_of(space: Floats, short: Floats, long: Floats, places: list[int], weights: list[float]) -> Phases:
    """The networks of a map, some of them trained longer."""
    return Phases(
        spaces=(space[:, None] == np.unique(space)).astype(np.float64),
        short=np.where(np.isfinite(short), short, GUESS),
        failed=np.isinf(short),
        chosen=np.array(places, dtype=np.intp),
        long=long[places],
        weights=np.array(weights),
        guess=GUESS,
    )


def effects(kind: str, design: str, generator: np.random.Generator) -> tuple[Effect | None, ...]:
    """What one simulated audit says of the last space against the first, of a part, and of the order of the column."""
    spaces, n, each = DESIGNS[design]
    space, column, (short, long) = networks(kind, spaces, n, generator)
    places, weights = taken(space, short, each, generator)
    phases = phases_of(space, short, long, places, weights)
    everywhere = np.ones(len(space), dtype=np.bool_)
    return (
        difference(phases, space == spaces - 1, space == 0) if spaces > 1 else None,
        difference(phases, column > 0.7, column <= 0.7),
        order(phases, column, everywhere),
    )


@lru_cache
def truths(kind: str, design: str) -> tuple[float, float, float]:
    """The same effects of 400,000 networks that were all trained longer."""
    spaces = DESIGNS[design][0]
    space, column, (_, long) = networks(kind, spaces, 400_000 // spaces, np.random.default_rng(1))
    scores = np.where(np.isfinite(long), long, GUESS)
    return (
        float(scores[space == spaces - 1].mean() - scores[space == 0].mean()),
        float(scores[column > 0.7].mean() - scores[column <= 0.7].mean()),
        float(spearmanr(column, long).statistic),
    )


def coverage(kind: str, design: str, studies: int, seed: int = 7) -> dict[str, int]:
    """In how many simulated audits the 95 % interval of each effect holds the truth; in all where there is none."""
    generator, known = np.random.default_rng(seed), truths(kind, design)
    hits = dict.fromkeys(EFFECTS, 0)
    for _ in range(studies):
        for name, effect, truth in zip(EFFECTS, effects(kind, design, generator), known, strict=True):
            hits[name] += effect is None or truth in effect.interval(0.95)
    return hits


RULES = (
    *(Rule(name=f"c{k}", statement="?", contrast=Parts(first=Part(column=f"c{k}", low=0.5))) for k in range(4)),
    *(Rule(name=f"c{k}", statement="?", contrast=Parts(first=Part(column=f"c{k}", low=0.8))) for k in range(4, 8)),
    *(Rule(name=f"c{k}", statement="?", contrast=Order(column=f"c{k}")) for k in range(8, 12)),
)
"""Four halves, four fifths and four orders, of columns that have nothing to do with any error."""


def false_alarms(kind: str, design: str, studies: int, seed: int = 11) -> int:
    """Simulated audits in which any of twelve null rules is said to help or to hurt at the longer training."""
    generator, alarms = np.random.default_rng(seed), 0
    for _ in range(studies):
        spaces, n, each = DESIGNS[design]
        space, _, (short, long) = networks(kind, spaces, n, generator)
        places, weights = taken(space, short, each, generator)
        columns = generator.random((len(space), len(RULES)))
        frame = pd.DataFrame(columns, columns=[rule.name for rule in RULES]).assign(
            error=np.where(np.isinf(short), np.nan, short), space=[f"space {k:.0f}" for k in space]
        )
        second = Second(rows=tuple(places), errors=tuple(long[places].tolist()), weights=tuple(weights))
        found = long_verdicts(frame, RULES, second, guess=GUESS)
        alarms += any(verdict.long in ("helps", "hurts") for verdict in found)
    return alarms


@lru_cache
def shift(kind: str, side: int) -> float:
    """What the long errors of the second space must be raised by so that the spaces differ by exactly delta.

    Delta is half a deviation of the reference, the first space for side 0 and the second for side 1.
    """
    space, _, (short, long) = networks(kind, 2, 200_000, np.random.default_rng(1))
    scores, done = np.where(np.isfinite(long), long, GUESS), np.isfinite(long) & np.isfinite(short)
    delta = DEVIATIONS * float(long[done & (space == side)].std())
    difference = float(scores[space == 1].mean() - scores[space == 0].mean())
    return (delta - difference) / float(np.isfinite(long[space == 1]).mean())


def false_equivalences(kind: str, side: int, each: int, studies: int, seed: int = 13) -> int:
    """Simulated audits that find no difference that matters where it is exactly the smallest that does.

    Two spaces of twice as many networks as are trained longer; `side` is the one that is compared with.
    """
    generator, wrong = np.random.default_rng(seed), 0
    for _ in range(studies):
        space, _, (short, long) = networks(kind, 2, 2 * each, generator)
        long = long + shift(kind, side) * (space == 1)
        places, weights = taken(space, short, each, generator)
        effect = difference(phases_of(space, short, long, places, weights), space != side, space == side)
        if effect is not None:
            wrong += inside(effect.against(DEVIATIONS, TWO_SIDED), DEVIATIONS * effect.spread.deviation)
    return wrong


def main() -> None:
    """The whole table."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for kind in KINDS:
        for design in DESIGNS:
            line = coverage(kind, design, studies)
            shares = ", ".join(f"{name} {hits / studies:.3f}" for name, hits in line.items())
            alarms = false_alarms(kind, design, studies // 10)
            print(f"{kind}, {design}: {shares}; {alarms} false alarms of {studies // 10}", flush=True)  # noqa: T201
        for side in (0, 1):
            wrong = {each: false_equivalences(kind, side, each, studies) for each in (12, 25, 100)}
            told = ", ".join(f"{count} with {each} networks a side" for each, count in wrong.items())
            print(f"{kind}, compared with space {side}: of {studies} called equivalent {told}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
