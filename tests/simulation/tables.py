"""Null tables as anybody has them, through the interface that everybody uses: several rows a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

import nas
from tests.simulation.discoveries import alarmed
from tests.simulation.laws import SMOOTH
from tests.simulation.nulls import is_called

LUCK = 0.2
"""Share of the variance of errors that is luck of the seed."""
SEEDS = 3


def rows_of_networks(networks: int, generator: np.random.Generator) -> pd.DataFrame:
    """Each network under three seeds, a row each, shuffled; no column says which rows are of one network."""
    columns = {f"x_{place}": generator.random(networks) for place in range(3)}
    columns |= {f"k_{place}": generator.integers(1, 17, networks) for place in range(3)}
    own = generator.normal(0.0, (1.0 - LUCK) ** 0.5, networks)
    frame = pd.concat([pd.DataFrame(columns)] * SEEDS, ignore_index=True)
    errors = np.tile(own, SEEDS) + generator.normal(0.0, LUCK**0.5, SEEDS * networks)
    rows = frame.assign(error=SMOOTH.centre + SMOOTH.spread * errors)
    return rows.sample(frac=1.0, random_state=int(generator.integers(2**31))).reset_index(drop=True)


def false(called: Callable[[pd.DataFrame], bool], networks: int, studies: int, generator: np.random.Generator) -> int:
    """Tables in which anything is said to help or to hurt."""
    return sum(called(rows_of_networks(networks, generator)) for _ in range(studies))


def of_columns(frame: pd.DataFrame) -> bool:
    """Whether a column is."""
    return any(map(is_called, nas.principles(frame).verdicts))


def of_discovery(frame: pd.DataFrame) -> bool:
    """Whether a discovered rule is."""
    return alarmed(nas.discover(frame).discovery)
