"""How many networks a question needs: for the smallest difference that matters, or after some have been seen."""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec
import numpy as np

from nas.analysis.statistics.interval import Floats

ALPHA = 0.05
"""Share of false verdicts that is accepted, of all that are given together."""
AGAIN = ALPHA / 5.0
"""The same of a rule that was tested before, on networks that are among these or on others."""
POWER = 0.9
"""Planned for, so that 80 % are left when the spread itself is an estimate and the rarer of two tests decides."""
LEFT = 0.8
"""What is left of it, and the probability with which an effect that was seen is shown again."""
ASSURED = 0.85
"""Probability of a verdict that is planned for, so that 80 % are left when the spread is an estimate."""
FEWEST, TELLING = 40, 0.85
"""Fewest networks that tell how many more it takes, and the largest deviation of the effect, in effects that matter."""
USUAL = 0.25
"""Deviation of effects before any network is seen, as P(better) beyond one half or as a rank correlation."""
LEAST_TIMES, MOST_TIMES, LEAST_MOST = 1.2, 40, 2_000
"""Fewest networks that a plan ends with, in those that there are, and most, likewise or at least."""
SIZES, EFFECTS = 80, 30
"""Numbers of networks and effects that are tried."""


def networks_needed(unit: float, size: float, tests: int = 1, power: float = POWER, level: float = ALPHA) -> float:
    """Networks in all that show a difference of this size, where its estimate from N has the variance unit / N."""
    normal = NormalDist()
    reach = normal.inv_cdf(1.0 - level / (2.0 * max(tests, 1))) + normal.inv_cdf(power)
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


class Plannable(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an effect that isn't decided yet, on a scale on which its estimate is nearly normal."""

    effect: float
    """As it was seen."""
    unit: float
    """Variance of the estimate times the number of networks."""
    margin: float
    """Smallest effect that matters; positive."""
    n: int
    """Networks that it was seen on."""
    groups: int = 2
    """Sides, or groups of a column, that mustn't differ where it makes no difference."""


def networks_more(plan: Plannable, tests: int = 1) -> int | None:
    """Networks that an undecided question needs beside its n, about, in the same proportion; None where n tells none.

    The fewest with which a study that is tested again is expected to decide it either way, after the correction for all
    tests: with a probability of `ASSURED` over the effects that the networks so far leave possible (assurance, O'Hagan
    2005), or of `LEFT` for the effect that was seen, if that takes fewer.
    """
    if plan.n < FEWEST or not 0.0 < plan.unit <= plan.n * (TELLING * plan.margin) ** 2:
        return None
    sizes = np.ceil(np.geomspace(LEAST_TIMES * plan.n, max(MOST_TIMES * plan.n, LEAST_MOST), SIZES))
    shown = sizes >= networks_needed(plan.unit, abs(plan.effect), tests, LEFT, AGAIN)
    enough = sizes[shown | (_decided(plan, sizes, tests) >= ASSURED)]
    return int(enough[0]) - plan.n if len(enough) else None


def _decided(plan: Plannable, sizes: Floats, tests: int) -> Floats:
    """Probability of a verdict with so many networks, over the effects that are possible.

    Those are what was seen, with its deviation, drawn towards 0 as far as large effects are rare.
    """
    from scipy.special import chndtr, chndtrix, ndtr, ndtri

    quantiles = ndtri((np.arange(EFFECTS) + 0.5) / EFFECTS)
    seen, usual = plan.unit / plan.n, USUAL**2
    shrunk = usual / (usual + seen)
    effects = np.abs(shrunk * plan.effect + quantiles * math.sqrt(shrunk * seen))[:, None]
    deviations = np.sqrt(plan.unit / sizes)[None, :]
    reach = float(ndtri(1.0 - AGAIN / (2.0 * max(tests, 1))))
    named = ndtr(effects / deviations - reach) + ndtr(-effects / deviations - reach)
    freedom = plan.groups - 1
    bound = chndtrix(AGAIN, freedom, np.square(plan.margin / deviations))
    small = chndtr(bound, freedom, np.square(effects / deviations))
    return np.asarray(np.maximum(named, small).mean(0), dtype=np.float64)
