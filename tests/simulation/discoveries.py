"""Rules that nobody declared: what is found where nothing is, what is found where something was planted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from nas.analysis import Discovery, discover
from nas.analysis.discovery.discovery import explored
from nas.space import Choice, Dimension, Integer, Real, Space, rising
from nas.study import Part
from tests.simulation.laws import GAMMA, SMOOTH, Law
from tests.simulation.nulls import RULES, SPACES, alike, any_called, is_called
from tests.toys.spaces import decode_tiny

STAGES = (1, 2, 3)
WIDTH, DEPTH, BOTTLENECK = Integer(low=8, high=256, unit=8), Integer(low=1, high=16), Choice(options=(1, 2, 4))
PLANTED = Space(
    name="planted",
    dimensions={
        **{f"width_{stage}": WIDTH for stage in STAGES},
        **{f"depth_{stage}": DEPTH for stage in STAGES},
        **{f"bottleneck_{stage}": BOTTLENECK for stage in STAGES},
        "block": Choice(options=("plain", "residual", "dense")),
    },
    decode=decode_tiny,
)
"""Rising widths help, more than eight blocks in the first stage hurt, the bottleneck doesn't matter."""


def draws(n: int, generator: np.random.Generator, dimensions: Mapping[str, Dimension]) -> pd.DataFrame:
    """Independent draws of these dimensions."""
    columns: dict[str, object] = {"trial": np.arange(n)}
    for name, dimension in dimensions.items():
        if isinstance(dimension, Real):
            columns[name] = generator.uniform(dimension.low, dimension.high, n)
        else:
            columns[name] = generator.choice(np.array(dimension.values), n)
    return pd.DataFrame(columns)


def drawn(n: int, seed: int = 0, dimensions: Mapping[str, Dimension] | None = None, law: Law = GAMMA) -> pd.DataFrame:
    """Independent draws with errors that have nothing to do with them."""
    generator = np.random.default_rng(seed)
    return draws(n, generator, dimensions or PLANTED.dimensions).assign(error=law.draw(generator, n))


def planted(n: int, seed: int, size: float = 1.0) -> pd.DataFrame:
    """Draws in which one order helps and one bound hurts by so many deviations of the rest."""
    frame = drawn(n, seed, law=SMOOTH)
    rises = (frame["width_1"] <= frame["width_2"]) & (frame["width_2"] <= frame["width_3"])
    return frame.assign(error=frame["error"] + size * SMOOTH.spread * (1.0 * (frame["depth_1"] > 8) - rises))


def seeds(studies: int, generator: np.random.Generator) -> list[int]:
    """One for each table."""
    return [int(seed) for seed in generator.integers(2**62, size=studies)]


def alarms(law: Law, n: int, studies: int, generator: np.random.Generator) -> int:
    """Null tables in which anything is said to help or to hurt."""
    return sum(alarmed(discover(drawn(n, s, law=law), PLANTED.dimensions)) for s in seeds(studies, generator))


def alarmed(discovery: Discovery) -> bool:
    """Whether anything is said to help or to hurt."""
    return any(is_called(one.verdict) for one in discovery.found)


def planted_is_found(n: int, studies: int, generator: np.random.Generator) -> int:
    """Tables in which the order and the bound, within two values, are found, and the third dimension is free to tie."""
    return sum(all(parts_found(n, seed)) for seed in seeds(studies, generator))


def parts_found(n: int, seed: int) -> tuple[bool, bool, bool]:
    """Whether the order, the bound within two values and the free group are found in a table; nothing else is free."""
    discovery = discover(planted(n, seed), PLANTED.dimensions)
    helpful = [one.condition for one in discovery.helpful]
    bounds = [Part(column="depth_1", high=high) for high in range(6, 11)]
    free = [one.name for one in discovery.free]
    return (
        rising("width") in helpful,
        any(bound in helpful for bound in bounds),
        "bottleneck tied" in free and "width tied" not in free,
    )


def looked_at_twice(n: int, studies: int, generator: np.random.Generator) -> int:
    """Tables in which the errors of the confirming half have any influence on what is tested there."""
    return sum(peeks(n, seed) for seed in seeds(studies, generator))


def peeks(n: int, seed: int) -> bool:
    """Whether other errors in the confirming half change what survives the other one."""
    frame = planted(n, seed)
    confirming = ~explored(frame)
    other = frame.assign(error=frame["error"].where(~confirming, 1.0 - frame["error"]))
    before, after = (discover(table, PLANTED.dimensions).found for table in (frame, other))
    return [(one.name, one.score) for one in before] != [(one.name, one.score) for one in after]


def both_alarms(n: int, studies: int, generator: np.random.Generator) -> int:
    """Null studies of twelve declared rules in which one of them, or one that discovery looks for, is called."""
    declared = alike(GAMMA, n, studies, generator)
    return sum(
        any_called(declared.frame(study), RULES, declared.guess) or alarmed(discover(extended, PLANTED.dimensions))
        for study in range(studies)
        for extended in [declared.frame(study).join(draws(len(SPACES) * n, generator, PLANTED.dimensions))]
    )
