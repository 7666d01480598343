"""Progress as numbers: time left from the work that is left, the best so far, and what ranks before what."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from nas.engines.messages import Reached
from nas.layers.base import Cost
from nas.runner.progress import Progress, better, line
from nas.study.record import Epoch, Origin, Outcome, Record, rank


def record(trial: int, error: float | None, seconds: float = 1.0, multiply_adds: int = 100) -> Record:
    """A trial that is over; without an error it has failed."""
    curve = () if error is None else (Epoch(number=1, loss=1.0, error=error, seconds=seconds),)
    return Record(
        trial=trial,
        space="s",
        architecture="a",
        point={},
        facts={},
        cost=Cost(multiply_adds=multiply_adds),
        origin=Origin(sampler="random", draws=1),
        seed=0,
        outcome=Outcome.FAILED if error is None else Outcome.COMPLETED,
        curve=curve,
        seconds=seconds,
    )


def reached(epochs: dict[int, int], planned: int = 60, pace: float = 0.0) -> dict[int, Reached]:
    """What trials that are being trained have said: their finished epochs, and the seconds of one."""
    return {t: Reached(trial=t, attempt=0, planned=planned, epochs=n, pace=pace) for t, n in epochs.items()}


def test_time_left_is_work_left_at_the_pace_so_far() -> None:
    """Work left, unknown trials counted as the mean, takes the seconds a unit so far, divided by the workers."""
    # 30 units took 60 s; left are 40 known units and 3 trials of the mean of 17.5
    progress = Progress(total=7, workers=2)
    for trial, work in enumerate((10.0, 20.0, 15.0, 25.0)):
        progress.plan(trial, work)
    progress.finish(record(0, 0.5, seconds=20))
    progress.finish(record(1, 0.4, seconds=40))
    snapshot = progress.snapshot(running=reached({2: 0, 3: 0}))
    assert snapshot.left == pytest.approx((40 + 3 * 17.5) * 2 / 2)
    assert (snapshot.done, snapshot.running, snapshot.total) == (2, 2, 7)


def test_nothing_is_guessed_before_the_first_result() -> None:
    """Before this command has finished a trial, rate and time left are None, whatever earlier commands did."""
    progress = Progress(total=3, workers=1)
    progress.add(record(0, 0.5))
    snapshot = progress.snapshot(running=reached({1: 0}))
    assert (snapshot.per_hour, snapshot.left, snapshot.done) == (None, None, 1)
    assert snapshot.best is not None
    assert snapshot.best.trial == 0


def test_finished_epochs_of_a_first_training_tell_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trainings with 20 and 30 of 60 epochs of 4 s leave what two more and their own other epochs take."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress = Progress(total=4, workers=2)
    for trial in range(4):
        progress.plan(trial, 6.0)
    assert progress.snapshot(running=reached({0: 0, 1: 0})).left is None
    clock[0] = 100.0
    snapshot = progress.snapshot(running=reached({0: 30, 1: 20}, pace=4.0))
    assert snapshot.epochs == ((20, 60), (30, 60))
    assert snapshot.left == pytest.approx((4 * 6 - 3 - 2) * (200 / 5) / 2)


def test_epochs_of_before_an_interruption_count_with_their_own_time() -> None:
    """A training taken up after 9 of 80 epochs of a minute is at once said to have 71 minutes left on four workers."""
    progress = Progress(total=1, workers=4)
    progress.plan(0, 6.0)
    snapshot = progress.snapshot(running=reached({0: 9}, planned=80, pace=60.0))
    assert snapshot.left == pytest.approx(71 * 60)
    assert "9 of 80 epochs, about 71.0 min left" in line(snapshot)


def test_trainings_of_several_lengths_have_shares_of_their_own() -> None:
    """Beside 40 of 50 epochs stand 5 of 10: what is left is a fifth of the one and half of the other."""
    progress = Progress(total=2, workers=2)
    for trial in range(2):
        progress.plan(trial, (50.0, 10.0)[trial])
    running = reached({0: 40}, planned=50, pace=30.0) | reached({1: 5}, planned=10, pace=30.0)
    snapshot = progress.snapshot(running=running)
    assert snapshot.left == pytest.approx(10 * 30)
    assert "5 of 10 to 40 of 50 epochs" in line(snapshot)


def test_nothing_is_left_at_the_end() -> None:
    """When all trials are over, the time left is 0 s."""
    progress = Progress(total=2, workers=1)
    for trial in range(2):
        progress.plan(trial, 5.0)
        progress.finish(record(trial, 0.5))
    assert progress.snapshot(running={}).left == 0


def test_failures_are_counted_and_never_best() -> None:
    """A failed trial counts as done and as failed, and doesn't become the best."""
    progress = Progress(total=3, workers=1)
    progress.finish(record(0, None))
    assert progress.snapshot(running={}).best is None
    progress.finish(record(1, 0.9))
    progress.finish(record(2, None))
    snapshot = progress.snapshot(running={})
    assert snapshot.outcomes == {Outcome.FAILED: 2, Outcome.COMPLETED: 1}
    assert (snapshot.done, snapshot.failed) == (3, 2)
    assert snapshot.best is not None
    assert snapshot.best.trial == 1


def test_the_lower_error_ranks_first_then_the_cheaper_then_the_earlier() -> None:
    """Leaders are ordered by error, among equals by multiply-adds, among equals by number; failures come last."""
    ranked = [record(3, 0.1, multiply_adds=900), record(4, 0.2, multiply_adds=5), record(1, 0.2), record(2, 0.2)]
    ranked.append(record(0, None, multiply_adds=1))
    assert sorted([*ranked[3:], *ranked[:3]], key=rank) == ranked
    assert all(better(a, b) and not better(b, a) for a, b in pairwise(ranked))
    assert not better(ranked[0], ranked[0])


def test_the_best_does_not_depend_on_the_order_of_results() -> None:
    """Of two trials with equal error and cost the earlier is best, whichever ended first."""
    for order in ((0, 1), (1, 0)):
        progress = Progress(total=2, workers=1)
        for trial in order:
            progress.finish(record(trial, 0.3))
        best = progress.snapshot(running={}).best
        assert best is not None
        assert best.trial == 0
