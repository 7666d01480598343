"""Which networks an audit takes: spread over the errors, each with the same chance, more of them keeping the first."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from nas.layers.base import Cost
from nas.sampling.subset import failures_among, order, spread, weights
from nas.study.record import Epoch, Origin, Outcome, Record


def record(trial: int, error: float | None) -> Record:
    """A trial that is over, failed where it has no error."""
    return Record(
        trial=trial,
        space="A",
        architecture=f"{trial:016x}",
        point={},
        facts={},
        cost=Cost(),
        origin=Origin(sampler="random", draws=1),
        seed=0,
        outcome=Outcome.FAILED if error is None else Outcome.COMPLETED,
        curve=() if error is None else (Epoch(number=1, loss=1.0, error=error, seconds=0.0),),
    )


def arm(n: int, failures: int = 0) -> list[Record]:
    """Records whose errors have nothing to do with their numbers; the last ones failed."""
    errors = np.random.default_rng(0).permutation(n - failures) / n
    return [record(trial, float(errors[trial]) if trial < n - failures else None) for trial in range(n)]


@pytest.mark.parametrize("n", [1, 7, 64, 100])
def test_all_places_are_taken_once(n: int) -> None:
    """The spread is a permutation of all places, from whatever beginning."""
    assert all(sorted(spread(n, begin)) == list(range(n)) for begin in (0.0, 0.3, 0.999))


@pytest.mark.parametrize("taken", [2, 4, 8, 16])
def test_any_power_of_two_takes_one_of_each_stratum(taken: int) -> None:
    """The first 2, 4, 8 or 16 of 64 places are equally far from each other."""
    for begin in (0.0, 0.21, 0.77):
        places = sorted(islice(spread(64, begin), taken))
        assert set(np.diff(places)) <= {64 // taken}


@pytest.mark.parametrize(("n", "taken"), [(10, 3), (17, 6), (30, 24)])
def test_every_place_has_the_same_chance(n: int, taken: int) -> None:
    """Over all beginnings each place is among the first taken equally often."""
    steps = 20 * n
    begins = (np.arange(steps) + 1 / np.pi) / steps  # never at the border of a place
    counts = Counter(place for begin in begins for place in islice(spread(n, float(begin)), taken))
    assert {counts[place] for place in range(n)} == {steps * taken // n}


@pytest.mark.parametrize(("n", "failures"), [(12, 0), (12, 1), (12, 5), (12, 11), (12, 12), (100, 2)])
def test_failures_have_their_share_and_one_for_sure(n: int, failures: int) -> None:
    """With each network at most one failure more is taken, about their share, one of the first three."""
    counts = [failures_among(taken, failures, n) for taken in range(n + 1)]
    assert set(np.diff(counts)) <= {0, 1}
    assert counts[-1] == failures
    assert all(abs(count - taken * failures / n) <= 1 for taken, count in enumerate(counts))
    assert bool(counts[3]) == bool(failures)


def test_more_networks_keep_those_that_were_taken() -> None:
    """The order is one for any number of networks, decided by seed and space, and not by the order of the records."""
    records = arm(20, failures=3)
    taken = order(records, 5, 0)
    assert sorted(r.trial for r in taken) == list(range(20))
    assert order(records[::-1], 5, 0) == taken
    assert order(records, 6, 0) != taken
    assert order(records, 5, 1) != taken
    assert sum(r.error is None for r in taken[:3]) == 1


def test_weights_count_the_stratum() -> None:
    """The weights of completed networks add up to all that completed, those of failures to all that failed."""
    records = arm(40, failures=4)
    chosen = order(records, 0, 0)[:8]
    pairs = list(zip(chosen, weights(chosen, records), strict=True))
    assert sum(weight for r, weight in pairs if r.error is not None) == pytest.approx(36)
    assert sum(weight for r, weight in pairs if r.error is None) == pytest.approx(4)
