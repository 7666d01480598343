"""The queue of a run alone: proposals become jobs, answers records, crashes are tried again; no disk, no engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from nas.engines import InlineEngine
from nas.engines.losses import MOST_ATTEMPTS
from nas.engines.messages import Job, Result
from nas.errors import Refused
from nas.runner.agreement import agreed
from nas.runner.queue import Queue
from nas.runner.task import Site, Task
from nas.study.record import Epoch, Outcome
from nas.training.devices import CPU
from tests.toys import spaces

TOY = replace(spaces.STUDY, samples=3)
"""Three networks of each of two spaces."""
NOWHERE = Path("nowhere")


@pytest.fixture(scope="module")
def task() -> Task:
    """What a folder that isn't there would train."""
    return agreed(TOY, Site(folder=NOWHERE, engine=InlineEngine(), device=CPU))


@pytest.fixture
def queue(task: Task) -> Queue:
    """Nothing is begun."""
    return Queue(task, "cpu", NOWHERE, lambda space: 0.5)


def answer(job: Job, outcome: Outcome = Outcome.COMPLETED, **more: object) -> Result:
    """What a worker says of a job."""
    curve = (Epoch(number=1, loss=1.0, error=0.25, seconds=0.1),) if outcome is Outcome.COMPLETED else ()
    result = Result(trial=job.trial, attempt=job.attempt, outcome=outcome, curve=curve)
    return msgspec.structs.replace(result, **more)


def test_it_feeds_what_is_wanted_and_allowed(queue: Queue) -> None:
    """As many trials as there is room for, in their order, none at or above the horizon, each with its row and job."""
    batch = queue.feed(2, horizon=6)
    assert [entry.trial for entry in batch.entries] == [job.trial for job in batch.jobs] == [0, 1]
    assert [entry.space for entry in batch.entries] == ["tiny", "rich"]
    assert all(job.keep_below == 0.5 and job.attempt == 1 for job in batch.jobs)
    assert [trial for trial, _ in batch.work] == [0, 1]
    assert [job.trial for job in queue.feed(9, horizon=3).jobs] == [2]
    assert not queue.feed(9, horizon=3).jobs


def test_answers_become_records_until_all_are_there(queue: Queue) -> None:
    """The queue is finished when every trial has its answer; a second answer for one is nothing."""
    jobs = queue.feed(6, horizon=6).jobs
    records = queue.settled(map(answer, jobs))
    assert [(record.trial, record.error) for record in records] == [(trial, 0.25) for trial in range(6)]
    assert queue.finished(6)
    assert queue.settled(map(answer, jobs)) == []


def test_a_crash_is_tried_again_before_anything_new(queue: Queue) -> None:
    """A worker that dies costs an attempt; the last one that is allowed makes it the outcome of the trial."""
    (job,) = queue.feed(1, horizon=6).jobs
    for attempt in range(2, MOST_ATTEMPTS + 1):
        assert queue.settled([answer(job, Outcome.CRASHED)]) == []
        first, second = queue.feed(2, horizon=6).jobs
        assert (first.trial, first.attempt) == (0, attempt)
        assert second.trial == attempt - 1
        job = first
    (record,) = queue.settled([answer(job, Outcome.CRASHED)])
    assert (record.trial, record.outcome, record.attempts) == (0, Outcome.CRASHED, MOST_ATTEMPTS)


def test_stale_and_fatal_answers_settle_nothing(queue: Queue) -> None:
    """An answer to an earlier attempt is ignored, and a worker that can't write leaves its trial to be done."""
    (job,) = queue.feed(1, horizon=6).jobs
    assert queue.settled([answer(job, attempt=7), answer(job, Outcome.FAILED, fatal=True)]) == []
    assert not queue.finished(1)


def test_what_was_finished_before_is_not_fed(queue: Queue, task: Task) -> None:
    """A queue that resumes begins with the first trial that is missing."""
    records = queue.settled(map(answer, queue.feed(3, horizon=6).jobs))
    again = Queue(task, "cpu", NOWHERE, lambda space: 0.5)
    again.resume([records[2], records[0]])
    assert [job.trial for job in again.feed(9, horizon=6).jobs] == [1, 3, 4, 5]


def test_what_was_finished_before_must_be_the_same_network(queue: Queue, task: Task) -> None:
    """A queue that resumes compares finished trials with the code, and refuses one that would be another network."""
    first, second = queue.settled(map(answer, queue.feed(2, horizon=6).jobs))
    again = Queue(task, "cpu", NOWHERE, lambda space: 0.5)
    again.resume([first, msgspec.structs.replace(second, architecture=first.architecture)])
    with pytest.raises(Refused, match="trial 1 would be another network now"):
        again.require_same_networks()
