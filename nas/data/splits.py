"""Which images train, validate and stay sealed, and in which order: rules on labels alone.

Splits and orders must be the same for ever, so they come from the raw stream of PCG64, which numpy keeps stable between
versions; the methods of its Generator may change.
Source of the even order: R. Tijdeman, The chairman assignment problem, Discrete Mathematics 32 (1980).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

VERSION = 1
"""Part of every cache key; to be raised when a change below, or of how pictures are resized, changes prepared bytes."""
TEST_SEED = 20_170_825
VALIDATION_SEED = 20_170_826
ORDER_SEED = 20_170_827
OWN_TEST = Fraction(1, 5)
"""Share of all images that is sealed where a source has no official test split."""
OWN_VALIDATION = Fraction(1, 4)
"""Share of the rest that validates there: 60 / 20 / 20 in all."""
WITH_TEST = Fraction(1, 5)
"""Share of the images that validates where a user's own source has a test split of its own."""
TENTHS = 10
"""Strata of a target that is a number."""

Integers = npt.NDArray[np.int64]


class Cut(NamedTuple):
    """Positions in two disjoint parts, each ascending, that together are all."""

    rest: Integers
    held: Integers


def shuffled(count: int, seed: int) -> Integers:
    """The numbers from 0 to count - 1 in a random order that depends on the seed only."""
    return np.argsort(np.random.PCG64(seed).random_raw(count), kind="stable").astype(np.int64)


def quotas(counts: Sequence[int], share: Fraction) -> list[int]:
    """How many of each class to hold back: within one of its share, and in total the share rounded down."""
    exact = [count * share for count in counts]
    whole = [int(quota) for quota in exact]
    left = int(sum(counts) * share) - sum(whole)
    largest = sorted(range(len(counts)), key=lambda c: (whole[c] - exact[c], c))
    for c in largest[:left]:
        whole[c] += 1
    return whole


def tenths(targets: npt.NDArray[np.float64]) -> Integers:
    """Which tenth of the rows a number belongs to by its rank, from 0; what numbers are stratified by."""
    ranks = np.argsort(np.argsort(targets, kind="stable"), kind="stable")
    return (ranks * TENTHS // len(targets)).astype(np.int64)


def cut(labels: Integers, share: Fraction, seed: int) -> Cut:
    """Hold back a share of the images at random, stratified by class."""
    order = shuffled(len(labels), seed)
    counts = np.bincount(labels).tolist()
    members = [order[labels[order] == c] for c in range(len(counts))]
    held = [group[:quota] for group, quota in zip(members, quotas(counts, share), strict=True)]
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[np.concatenate(held)] = True
    return Cut(np.flatnonzero(~chosen), np.flatnonzero(chosen))


def cut_test(labels: Integers) -> Cut:
    """What may train and validate, and the sealed test split, where a source has none of its own."""
    return cut(labels, OWN_TEST, TEST_SEED)


def cut_validation(labels: Integers, share: Fraction = OWN_VALIDATION) -> Cut:
    """What trains, and what validates."""
    return cut(labels, share, VALIDATION_SEED)


def even_order(labels: Integers, positions: Integers, seed: int) -> Integers:
    """The positions in random order within a class, with the classes interleaved in proportion at every prefix."""
    mixed = positions[shuffled(len(positions), seed)]
    classes = labels[mixed]
    places = spread(np.bincount(classes).tolist())
    order = np.empty_like(mixed)
    for c in np.unique(classes):
        order[places == c] = mixed[classes == c]
    return order


def spread(counts: Sequence[int]) -> Integers:
    """The class of each place, such that in every prefix each class is within one of its share.

    Image j of a class may come from its release on and must come by its deadline; the earliest deadline goes first.
    """
    waiting = sorted(_turns(counts), reverse=True)
    ready: list[tuple[int, int]] = []
    places = np.empty(sum(counts), dtype=np.int64)
    for place in range(len(places)):
        while waiting and waiting[-1][0] <= place + 1:
            _, deadline, c = waiting.pop()
            heapq.heappush(ready, (deadline, c))
        places[place] = heapq.heappop(ready)[1]
    return places


def _turns(counts: Sequence[int]) -> list[tuple[int, int, int]]:
    """Release, deadline and class of every image, counting places from 1, in whole numbers so that nothing rounds."""
    total = sum(counts)
    slack = max(2 * sum(count > 0 for count in counts) - 2, 1)
    return [
        (-(-total * (1 + j * slack) // (count * slack)), total * ((j + 1) * slack - 1) // (count * slack), c)
        for c, count in enumerate(counts)
        for j in range(count)
    ]
