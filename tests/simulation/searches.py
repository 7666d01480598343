"""Searches against pieces of a random run: what is called better where nothing is, and the ratio of areas."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from nas.analysis.searches import Advantage, advantage, common
from nas.findings.strategies import Search, cut
from tests.simulation.laws import FAILING, GUESS, SMOOTH, Floats
from tests.simulation.simulation import Simulation, covers, errs
from tests.toys.search_studies import KINDS, TRIALS, Pool, pools, trials

SIZES = ((3, 20), (5, 20), (20, 3))
"""Searches, and how many times as long as each of them the random run is."""
CLUSTER = 0.1
"""Share of networks that never began to learn, where errors have a cluster."""

Trials = Callable[[np.random.Generator, int], tuple[Floats, Floats]]
"""Costs and errors of so many trials of one search."""


def null(draw: Callable[[np.random.Generator, int], Floats], generator: np.random.Generator, n: int) -> Any:
    """Trials that are independent of one another."""
    return generator.lognormal(0.0, 0.5, n), draw(generator, n)


def clustered(generator: np.random.Generator, n: int) -> Floats:
    """Smooth errors but for the networks at the error of guessing."""
    return np.where(generator.random(n) < CLUSTER, GUESS, SMOOTH.draw(generator, n))


NULLS: dict[str, Trials] = {
    SMOOTH.name: partial(null, SMOOTH.draw),
    "a tenth at the error of guessing": partial(null, clustered),
    FAILING.name: partial(null, FAILING.draw),
}


def compared(
    own: Trials, random: Trials, sizes: tuple[int, int], generator: np.random.Generator
) -> tuple[Advantage, float, float]:
    """Searches against a random run as `nas.compare` sets them, and the ends of the compute in common."""
    searches = {
        "random": [_search(random(generator, TRIALS * sizes[1]))],
        "other": [_search(own(generator, TRIALS)) for _ in range(sizes[0])],
    }
    traces = {name: [part.errors(GUESS) for part in parts] for name, parts in cut(searches, ["random"]).items()}
    start, end = common([*traces["random"], *traces["other"]])
    return advantage("other", traces["other"], "random", traces["random"], start, end), start, end


def _search(found: tuple[Floats, Floats]) -> Search:
    costs, errors = found
    records: Any = [SimpleNamespace(error=float(error) if np.isfinite(error) else None) for error in errors]
    return Search(records=records, costs=costs.tolist())


def told_apart(law: str, sizes: tuple[int, int], studies: int, generator: np.random.Generator) -> int:
    """Studies in which searches of random networks are called better or worse than a random run."""
    found = (compared(NULLS[law], NULLS[law], sizes, generator)[0] for _ in range(studies))
    return sum(one.verdict in ("better", "worse") for one in found)


def covering_ratio(kind: str, sizes: tuple[int, int], studies: int, generator: np.random.Generator) -> int:
    """Studies whose interval of the ratio of areas holds the truth."""
    own, random = (partial(trials, KINDS[name]) for name in (kind, "random"))
    return sum(_covers(known(), kind, *compared(own, random, sizes, generator)) for _ in range(studies))


def _covers(pool: dict[str, Pool], kind: str, found: Advantage, start: float, end: float) -> bool:
    return pool[kind].area(start, end) / pool["random"].area(start, end) in found.ratio


@cache
def known() -> dict[str, Pool]:
    """What the searches of each kind have found on average."""
    return pools(*KINDS)


def claims() -> tuple[Simulation, ...]:
    """Of equal searches, and of those that differ."""
    alike = tuple(
        errs(
            f"searches, {law}, {sizes[0]} against {sizes[1]} pieces",
            "Searches of random networks are called better or worse than a random run of that many times their length.",
            f"{sizes[0]} against {sizes[1]}",
            partial(told_apart, law, sizes),
            small=50 if sizes == (3, 20) else 0,
        )
        for law in NULLS
        for sizes in SIZES
    )
    ratios = tuple(
        covers(
            f"ratio of areas, {kind}, {sizes[0]} against {sizes[1]} pieces",
            "The 95 % interval of the ratio of areas to that of a random run holds the truth.",
            f"{sizes[0]} against {sizes[1]}",
            partial(covering_ratio, kind, sizes),
            small=50 if sizes == (3, 20) else 0,
        )
        for kind in KINDS
        for sizes in SIZES
    )
    return (*alike, *ratios)


SEARCHES = claims()
