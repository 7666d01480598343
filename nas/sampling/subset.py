"""Which networks of a run are trained again: of each space some, spread evenly over its short errors.

In each space the completed networks are sorted by their error and taken at places that follow van der Corput's sequence
from a random beginning: any number of them is spread evenly, more networks keep those that were taken before, and each
network is taken with the same probability. Failures are a stratum of their own, with their share of the places and at
least one from the third place on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from nas.study.record import Record

SUBSET_STREAM = 5
ASSURED = 3
"""Networks of a space from which on a failure is among them, if there is one."""


class Subset(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit trains again; the rest of it is in its study."""

    trials: int
    """Trials of the run that were finished, all of them, when the audit began: the networks that it speaks of."""
    longer: int
    """Times the epochs of the run that a long training has; at least 2."""


def order(records: Sequence[Record], seed: int, index: int) -> list[Record]:
    """The networks of a space in the order in which they are taken: a matter of the study's seed and its index."""
    done = sorted((r for r in records if r.error is not None), key=lambda r: (r.error, r.trial))
    failed = sorted((r for r in records if r.error is None), key=lambda r: r.trial)
    source = np.random.default_rng((seed, index, SUBSET_STREAM))
    regular = iter([done[place] for place in spread(len(done), source.random())])
    others = iter([failed[place] for place in source.permutation(len(failed))])
    counts = [failures_among(taken, len(failed), len(records)) for taken in range(len(records) + 1)]
    return [next(others if counts[k + 1] > counts[k] else regular) for k in range(len(records))]


def failures_among(taken: int, failures: int, n: int) -> int:
    """How many of the first networks taken are failures, of which there are so many among n."""
    share = int(taken * failures / n + 0.5) if n else 0
    return min(failures, max(share, int(taken >= ASSURED)))


def weights(chosen: Sequence[Record], records: Sequence[Record]) -> list[float]:
    """How many networks of a space each chosen one stands for: those of its stratum, shared among the chosen."""
    sizes, taken = (Counter(record.error is None for record in group) for group in (records, chosen))
    return [sizes[record.error is None] / taken[record.error is None] for record in chosen]


def spread(n: int, begin: float) -> Iterator[int]:
    """The places 0 to n - 1, each prefix of them spread evenly."""
    used: set[int] = set()
    number = 0
    while len(used) < n:
        place = int((_reversed(number) + begin) % 1.0 * n)
        number += 1
        if place not in used:
            used.add(place)
            yield place


def _reversed(number: int) -> float:
    """Van der Corput's sequence: the binary digits behind the point, in reverse."""
    value, place = 0.0, 0.5
    while number:
        value, number, place = value + place * (number & 1), number >> 1, place / 2
    return value
