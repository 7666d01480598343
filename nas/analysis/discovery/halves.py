"""One random sample as two: a half to look for rules in, and a half that has never been looked at to confirm them.

The networks of each space stand in the order of their trials and are taken in pairs; of each pair a fixed hash of the
first one's name says which of the two is explored. So both halves hold the same spaces, evenly, no seed can be tried
until a rule appears, and a network stays in its half while its run grows. Trainings of one architecture in one space
are on one side.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from nas.analysis.rules.sides import Flags
from nas.analysis.selection import names_of

if TYPE_CHECKING:
    import pandas as pd


def explored(rows: pd.DataFrame) -> Flags:
    """Which rows are looked at to find rules; the others confirm them."""
    order = np.argsort(rows["trial"].to_numpy(), kind="stable") if "trial" in rows else np.arange(len(rows))
    keys, spaces = _keys(rows), names_of(rows)
    firsts: dict[str, bool] = {}  # space -> side of the network that waits for its partner
    sides: dict[tuple[str, str], bool] = {}
    for row in order.tolist():
        space = str(spaces[row])
        network = (space, keys[row])
        if network in sides:
            continue
        sides[network] = not firsts.pop(space) if space in firsts else firsts.setdefault(space, _even(keys[row]))
    return np.array([sides[str(space), key] for space, key in zip(spaces, keys, strict=True)], dtype=np.bool_)


def _keys(rows: pd.DataFrame) -> list[str]:
    """A name for each row: of its architecture, else its trial, else its place."""
    for column in ("architecture", "trial"):
        if column in rows:
            return [str(cell) for cell in rows[column]]
    return [str(place) for place in range(len(rows))]


def _even(key: str) -> bool:
    return blake2b(key.encode(), digest_size=8).digest()[0] % 2 == 0
