"""Which stratum of cost each network of an arm is drawn from, and how much of a space lies in each."""

from __future__ import annotations

import logging
from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache

import msgspec
import numpy as np

from nas.errors import EmptyWindow
from nas.sampling.filter import Filter, Network, collection_paused
from nas.sampling.reach import Reach
from nas.sampling.rejection import HOPELESS, MEASURED_DRAWS, MOST_DRAWS, generator, stream
from nas.sampling.window import Share
from nas.space.distribution import Distribution
from nas.study import Strata

logger = logging.getLogger(__name__)

ENOUGH = 30
"""Points that each stratum must show within the most draws: then hardly one draw in ten million finds none."""
ORDER_STREAM, STRATA_STREAM = 5, 6


def place_of(strata: Strata, seed: int, network: int) -> int:
    """The stratum of an arm's network of this number, counted from 0.

    Each run of as many networks as there are strata takes every stratum once, in an order of its own, the same for all
    arms: so arms are matched at every moment, and no stratum is always the first.
    """
    block, place = divmod(network, strata.count)
    return _order(seed, block, strata.count)[place]


@lru_cache(maxsize=1024)
def _order(seed: int, block: int, count: int) -> tuple[int, ...]:
    keys = generator(seed, block, ORDER_STREAM).random(count)
    return tuple(int(place) for place in np.argsort(keys, kind="stable"))


def filters(filter_: Filter, strata: Strata) -> tuple[Filter, ...]:
    """The filter of each stratum: the study's limits, with the stratum's of the cost."""
    return tuple(
        replace(filter_, limits=msgspec.structs.replace(filter_.limits, **{strata.cost: window}))
        for window in strata.windows(filter_.limits)
    )


def shares(filter_: Filter, strata: Strata, seed: int, index: int, *, most: int = MOST_DRAWS) -> tuple[Share, ...]:
    """How much of a space lies in each stratum, from own draws; EmptyWindow where a stratum is empty or nearly so."""
    distribution, labels = Distribution(filter_.space), strata.labels(filter_.limits)
    ends = [high for _, high in strata.windows(filter_.limits)]
    counts = [0] * strata.count
    seen: set[int] = set()
    draws = 0
    with collection_paused():
        for draws, point in enumerate(stream(distribution, generator(seed, index, STRATA_STREAM), most), 1):
            verdict = filter_.judge(point)
            if isinstance(verdict, Network):
                seen.add(cost := getattr(verdict.cost, strata.cost))
                counts[bisect_left(ends, cost)] += 1
                if min(counts) >= ENOUGH:
                    break
            if draws == HOPELESS and any(
                not count and Reach(stratum).beyond()
                for count, stratum in zip(counts, filters(filter_, strata), strict=True)
            ):
                break
            if draws == MEASURED_DRAWS:
                rarest = labels[counts.index(min(counts))]
                logger.warning(
                    "%s: stratum %s is rare, still looking after %d draws", filter_.space.name, rarest, draws
                )
    if min(counts) < ENOUGH:
        raise _rare(filter_, labels, counts, draws, seen)
    return tuple(Share(stratum=label, draws=draws, accepted=n) for label, n in zip(labels, counts, strict=True))


def _rare(filter_: Filter, labels: tuple[str, ...], counts: list[int], draws: int, seen: set[int]) -> EmptyWindow:
    """The error of strata in which too few networks lie."""
    rare = [f"{label} ({count})" for label, count in zip(labels, counts, strict=True) if count < ENOUGH]
    range_seen = f"; inside the limits they cost from {min(seen):,} to {max(seen):,}" if seen else ""
    return EmptyWindow(
        f"{filter_.space.name}: of {draws:,} random networks too few lie in {len(rare)} of {len(labels)} strata to "
        f"draw from them, at least {ENOUGH} must: {', '.join(rare)}{range_seen}",
        hint="narrow the limits to where every space has networks, take fewer strata, or restrict the space",
    )
