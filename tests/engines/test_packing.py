"""The gate of a worker: as many jobs as fit, some alone, and one that ran out of memory beside others once more."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
import pytest

from nas.data import DataInfo
from nas.engines.messages import Job, Result
from nas.engines.packing import PEACE, Gate, Memory, estimate, fitting
from nas.layers import cost, rows
from nas.study.record import Outcome
from tests.benchmarks import networks
from tests.toys.spaces import toy_job


@pytest.fixture
def job(digits: DataInfo) -> Job:
    """Any job."""
    return toy_job(digits)


def numbered(job: Job, trial: int, **changes: object) -> Job:
    """A job of another trial."""
    return msgspec.structs.replace(job, trial=trial, **changes)


def ended(job: Job, outcome: Outcome = Outcome.COMPLETED) -> Result:
    """An answer."""
    return Result(trial=job.trial, attempt=job.attempt, outcome=outcome)


class Card:
    """A GPU of made-up memory that notes when it is emptied."""

    def __init__(self, total: int, peak: int) -> None:
        self.emptied = 0
        self.memory = Memory(total=lambda: total, peak=lambda: peak, empty=self.empty)

    def empty(self) -> None:
        """Count."""
        self.emptied += 1


def through(gate: Gate, job: Job, outcome: Outcome = Outcome.COMPLETED) -> Result:
    """A job that is let in at once and ends at once."""
    with gate.changed:
        assert gate.admits(job)
        gate.enter(job)
    return gate.trained(job, lambda job: ended(job, outcome))


def until(condition: Callable[[], object]) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


@pytest.mark.parametrize(("device", "kept"), [("cuda", None), ("cpu", 5)])
def test_the_peak_of_a_shared_gpu_is_nobodys(job: Job, device: str, kept: int | None) -> None:
    """Who had company on a GPU has no peak, not even who was there first; alone, and as counted on a CPU, it stays."""
    gate = Gate(2)
    jobs = [numbered(job, trial, device=device) for trial in range(3)]
    gate.enter(jobs[0])
    gate.enter(jobs[1])
    peaks = [
        gate.trained(own, lambda own: msgspec.structs.replace(ended(own), peak_memory=5)).peak_memory
        for own in jobs[:2]
    ]
    gate.enter(jobs[2])
    alone = gate.trained(jobs[2], lambda own: msgspec.structs.replace(ended(own), peak_memory=5))
    assert (peaks, alone.peak_memory) == ([kept, kept], 5)


class Stage:
    """Jobs in threads of their own, each of which ends when and as it is told; who is inside is seen."""

    def __init__(self, gate: Gate) -> None:
        self.gate, self.inside, self._cues = gate, set[int](), dict[int, list[Future[Outcome]]]()
        self._pool = ThreadPoolExecutor(8)

    def begin(self, job: Job, runs: int = 1) -> Future[Result]:
        """Let a job in, with so many cues to come."""
        with self.gate.changed:
            assert self.gate.admits(job)
            self.gate.enter(job)
        self._cues[job.trial] = [Future() for _ in range(runs)]
        result = self._pool.submit(self.gate.trained, job, self._train)
        until(lambda: job.trial in self.inside)
        return result

    def end(self, trial: int, outcome: Outcome = Outcome.COMPLETED) -> None:
        """Let a job that is inside end."""
        until(lambda: trial in self.inside)
        cue = self._cues[trial][0]
        cue.set_result(outcome)
        until(lambda: cue not in self._cues[trial])

    def _train(self, job: Job) -> Result:
        self.inside.add(job.trial)
        cue = self._cues[job.trial][0]
        outcome = cue.result(timeout=10)
        self.inside.remove(job.trial)
        self._cues[job.trial].remove(cue)
        return ended(job, outcome)


@pytest.mark.parametrize(
    ("lanes", "total", "peak", "expected"),
    [(8, 80, 1, 8), (8, 80, 20, 3), (8, 80, 64, 1), (8, 80, 100, 1), (8, 80, 0, 8), (1, 80, 1, 1)],
)
def test_as_many_jobs_fit_as_memory_for_them(lanes: int, total: int, peak: int, expected: int) -> None:
    """Four fifths of the memory, divided by what one job needs, at least one job and at most the lanes."""
    assert fitting(lanes, total, peak) == expected


def test_without_a_memory_all_lanes_are_used(job: Job) -> None:
    """On a CPU, three lanes let three jobs in and no fourth."""
    stage = Stage(Gate(3))
    for trial in range(3):
        stage.begin(numbered(job, trial))
    assert not stage.gate.admits(numbered(job, 3))
    for trial in range(3):
        stage.end(trial)
    until(lambda: stage.gate.admits(numbered(job, 3)))


def test_the_first_job_on_a_gpu_is_alone_and_measured(job: Job) -> None:
    """One job is let in until one has ended well; then as many as its memory says, and a failed one says nothing."""
    gate = Gate(8, Card(total=80, peak=20).memory)
    assert gate.most == 1
    through(gate, numbered(job, 0), Outcome.FAILED)
    assert gate.most == 1
    stage = Stage(gate)
    stage.begin(numbered(job, 1))
    assert not gate.admits(numbered(job, 2))
    stage.end(1)
    until(lambda: gate.most == 3)


def test_suspects_are_alone(job: Job) -> None:
    """One whose worker died with others waits until nobody is inside and keeps all out."""
    stage = Stage(Gate(4))
    lonely = numbered(job, 1, alone=True)
    stage.begin(numbered(job, 0))
    assert not stage.gate.admits(lonely)
    stage.end(0)
    until(lambda: stage.gate.admits(lonely))
    stage.begin(lonely)
    assert not stage.gate.admits(numbered(job, 2))
    stage.end(1)
    until(lambda: stage.gate.admits(numbered(job, 2)))


def test_out_of_memory_beside_others_is_tried_again_alone(job: Job) -> None:
    """The card is emptied, nobody else is let in meanwhile, the second result counts, and one lane fewer is used."""
    card = Card(total=800, peak=1)
    gate = Gate(4, card.memory)
    through(gate, numbered(job, 0))
    stage = Stage(gate)
    first = stage.begin(numbered(job, 1), runs=2)
    second = stage.begin(numbered(job, 2))
    stage.end(1, Outcome.OUT_OF_MEMORY)
    until(lambda: gate.most == 3)
    assert not gate.admits(numbered(job, 3))
    assert (first.done(), card.emptied, stage.inside) == (False, 0, {2})
    stage.end(2)
    assert second.result(10).outcome is Outcome.COMPLETED
    until(lambda: stage.inside == {1})
    assert (card.emptied, gate.admits(numbered(job, 3))) == (1, False)
    stage.end(1)
    assert first.result(10).outcome is Outcome.COMPLETED
    until(lambda: gate.admits(numbered(job, 3)))


def test_a_lane_that_was_given_up_comes_back(job: Job) -> None:
    """After so many trainings beside others that fitted one more is let in again, never more than are known to fit."""
    gate = Gate(3, Card(total=80, peak=20).memory)
    through(gate, numbered(job, 0))
    assert gate.most == 3
    gate.most, trial = 1, 1
    for expected in (1, 2, 3, 3):
        assert gate.most == expected
        for _ in range(PEACE // 2):
            for each in (trial, trial + 1):  # both inside at once, and both fit
                gate.enter(numbered(job, each))
            for each in (trial, trial + 1):
                gate.trained(numbered(job, each), ended)
            trial += 2


def test_where_all_fit_by_far_nobody_waits(job: Job) -> None:
    """A GPU that has room for all lanes several times lets them in with the first job, which isn't measured."""
    needed = estimate(job)
    gate = Gate(3, Card(total=5 * needed, peak=1).memory)
    stage = Stage(gate)
    for trial in range(3):
        stage.begin(numbered(job, trial))
    assert not gate.admits(numbered(job, 3))
    for trial in range(3):
        stage.end(trial)
    scarce = Gate(3, Card(total=3 * needed, peak=needed).memory)
    scarce.enter(job)
    assert scarce.most == 1


def test_an_estimate_has_room(job: Job) -> None:
    """Four times parameters, momentum and a batch's outputs, and evaluation; an impossible network fits nowhere."""
    costs = cost(job.layer, job.info.shape)
    outputs, alive = (
        costs.memory - 12 * costs.parameters,
        max(r.bytes.inference for r in rows(job.layer, job.info.shape)),
    )
    assert estimate(job) == 4 * (12 * costs.parameters + job.recipe.batch_size * outputs) + 2_000 * alive
    assert estimate(numbered(job, 0, layer=networks.densenet())) == sys.maxsize


def test_two_that_ran_out_of_memory_are_each_alone(job: Job) -> None:
    """Both are tried again, one after the other, and two lanes fewer are used."""
    stage = Stage(Gate(4))
    answers = [stage.begin(numbered(job, trial), runs=2) for trial in range(2)]
    for trial in range(2):
        stage.end(trial, Outcome.OUT_OF_MEMORY)
    for _ in range(2):
        until(lambda: stage.inside)
        (inside,) = stage.inside
        assert not stage.gate.admits(numbered(job, 5))
        stage.end(inside)
    assert [answer.result(10).outcome for answer in answers] == [Outcome.COMPLETED] * 2
    assert stage.gate.most == 2


def test_out_of_memory_alone_is_the_answer(job: Job) -> None:
    """A network that nobody ran beside is tried again once the card is empty, not a third time; no lane is given up."""
    card = Card(total=80, peak=1)
    gate = Gate(4, card.memory)
    through(gate, numbered(job, 0))
    assert through(gate, numbered(job, 1), Outcome.OUT_OF_MEMORY).outcome is Outcome.OUT_OF_MEMORY
    assert (gate.most, card.emptied) == (4, 3)
    assert gate.admits(numbered(job, 9))
    on_cpu = Gate(4)
    assert through(on_cpu, numbered(job, 1), Outcome.OUT_OF_MEMORY).outcome is Outcome.OUT_OF_MEMORY
    stage = Stage(gate)
    answer = stage.begin(numbered(job, 2), runs=2)
    stage.begin(numbered(job, 3))
    stage.end(3)
    stage.end(2, Outcome.OUT_OF_MEMORY)
    stage.end(2, Outcome.OUT_OF_MEMORY)
    assert answer.result(10).outcome is Outcome.OUT_OF_MEMORY
    assert (gate.most, card.emptied) == (3, 5)
    assert threading.active_count() < 20
