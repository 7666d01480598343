"""All claims that are simulated, in the order of the table; other modules of studies are plugged in here."""

from __future__ import annotations

from tests.simulation.intervals import INTERVALS
from tests.simulation.others import OTHERS
from tests.simulation.rules import RULES
from tests.simulation.searches import SEARCHES
from tests.simulation.simulation import Simulation

ALL: tuple[Simulation, ...] = (*INTERVALS, *RULES, *OTHERS, *SEARCHES)
"""Their names are unique."""


def named(names: str) -> tuple[Simulation, ...]:
    """Those whose name begins with one of these, separated by semicolons; all for none."""
    asked = [name.strip() for name in names.split(";") if name.strip()]
    return tuple(one for one in ALL if not asked or any(one.name.startswith(name) for name in asked))
