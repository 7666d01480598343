"""How many networks a question needs: planned for the smallest difference that matters, not for the one seen."""

from __future__ import annotations

import math
from statistics import NormalDist

ALPHA = 0.05
"""Share of false verdicts that is accepted, of all that are given together."""
POWER = 0.9
"""Planned for, so that 80 % are left when the spread itself is an estimate and the rarer of two tests decides."""
LEFT = 0.8
"""What is left of it."""


def networks_needed(unit: float, size: float, tests: int = 1, power: float = POWER) -> float:
    """Networks in all that show a difference of this size, where its estimate from N has the variance unit / N."""
    normal = NormalDist()
    reach = normal.inv_cdf(1.0 - ALPHA / (2.0 * max(tests, 1))) + normal.inv_cdf(power)
    return unit * (reach / size) ** 2 if size > 0.0 else math.inf


def planned(power: float) -> float:
    """The power to plan for in order that this much is left: as far above it as 90 % is above 80 %."""
    normal = NormalDist()
    return normal.cdf(normal.inv_cdf(power) + normal.inv_cdf(POWER) - normal.inv_cdf(LEFT))


def networks_for_equivalence(unit: float, room: float) -> float:
    """Networks in all whose 90 % interval reaches no farther than what is left up to the smallest that matters."""
    normal = NormalDist()
    reach = normal.inv_cdf(1.0 - ALPHA) + normal.inv_cdf(POWER)
    return unit * (reach / room) ** 2 if room > 0.0 else math.inf


def networks_more(unit: float, n: int, effect: float, margin: float, tests: int = 1) -> int:
    """Networks that an undecided question needs beside its n, about, in the same proportion of its sides.

    At first as many as show a difference of the margin, after the correction for all tests. Who has these already needs
    what decides at the effect that was seen, either way; who has that, too, is told to double.
    """
    planned = networks_needed(unit, margin, tests)
    if n < planned:
        return math.ceil(planned - n)
    either = min(networks_needed(unit, abs(effect), tests), networks_for_equivalence(unit, margin - abs(effect)))
    return math.ceil(either - n) if n < either < math.inf else n
