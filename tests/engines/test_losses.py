"""Workers that the machine ends: their trials are tried again alone, and only a network can be blamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from nas.engines import InlineEngine
from nas.engines.messages import Cause, Job, Result
from nas.errors import MachineFailed
from nas.storage.database import read_records
from nas.study.record import Outcome
from nas.study.table import TIMES, table
from tests.toys.runs import execute
from tests.toys.spaces import STUDY


class Deadly(InlineEngine):
    """Takes several jobs, and answers with a lost worker where it is told to; one job is trained at a time."""

    workers = 3

    def __init__(self, lost: Callable[[Job, int], bool], cause: Cause = Cause.KILLED) -> None:
        super().__init__()
        self._lost, self._cause = lost, cause
        self.beside: list[tuple[int, bool, int]] = []
        """Each trial that was begun, whether it had to be alone, and how many were held then."""

    @property
    def free(self) -> int:
        """Three at a time."""
        return 3 - len(self._jobs)

    def wait(self, seconds: float) -> list[Result]:
        """Answer the first job."""
        if not self._jobs:
            return []
        held, job = self._jobs, self._jobs[0]
        self.beside.append((job.trial, job.alone, len(held)))
        if self._lost(job, len(held)):
            results = [
                Result(
                    trial=job.trial,
                    attempt=job.attempt,
                    outcome=Outcome.CRASHED,
                    message="killed",
                    cause=self._cause,
                )
            ]
        else:
            self._jobs = held[:1]
            results = super().wait(seconds)
        self._jobs = held[1:]
        return results


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The table of the toy study without a loss."""
    return table(execute(STUDY, tmp_path_factory.mktemp("expected"))).drop(columns=list(TIMES))


def test_a_machine_too_small_for_two_loses_no_trial(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Where everything that isn't alone is killed, each trial is trained alone, with the table of an ample machine."""
    engine = Deadly(lambda job, held: held > 1)
    records = execute(STUDY, tmp_path, engine)
    assert all(held == 1 for _, alone, held in engine.beside if alone)
    pd.testing.assert_frame_equal(table(records).drop(columns=list(TIMES)), expected)
    assert {record.cause for record in records} <= {"", "killed"}
    assert [record.cause for record in records if record.attempts > 1] != []


def test_a_network_that_kills_its_workers_is_blamed(tmp_path: Path) -> None:
    """One that loses three workers with nothing beside it, while others are trained, has crashed; others haven't."""
    records = execute(STUDY, tmp_path, Deadly(lambda job, held: job.trial in (2, 3, 5)))
    assert [r.trial for r in records if r.outcome is Outcome.CRASHED] == [2, 3, 5]
    assert {(r.attempts, r.cause) for r in records if r.outcome is Outcome.CRASHED} == {(4, "killed")}


def test_a_machine_that_kills_all_ends_the_run(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Where no worker lives the run stops with 74 and the way out, nothing counts as crashed, and it resumes."""
    with pytest.raises(MachineFailed, match="6 workers in a row") as failed:
        execute(STUDY, tmp_path, Deadly(lambda job, held: True))
    assert (failed.value.exit_code, "--workers 1" in failed.value.hint) == (74, True)
    assert read_records(tmp_path) == []
    pd.testing.assert_frame_equal(table(execute(STUDY, tmp_path)).drop(columns=list(TIMES)), expected)


def test_a_machine_that_becomes_too_small_blames_nobody(tmp_path: Path) -> None:
    """Where the machine kills all workers from some moment on, nothing has crashed, and what was trained is kept."""
    with pytest.raises(MachineFailed):
        execute(STUDY, tmp_path, Deadly(lambda job, held: job.trial > 3))
    assert {record.outcome for record in read_records(tmp_path)} == {Outcome.COMPLETED}


def test_a_lost_node_costs_nothing(tmp_path: Path, expected: pd.DataFrame) -> None:
    """A trial whose node is lost twice is trained elsewhere beside others; a cluster that loses six ends the run."""
    records = execute(STUDY, tmp_path / "run", Deadly(lambda job, held: job.attempt < 3, Cause.NODE))
    pd.testing.assert_frame_equal(table(records).drop(columns=list(TIMES)), expected)
    assert {(record.attempts, record.cause) for record in records} == {(3, "node")}
    with pytest.raises(MachineFailed, match="lost 6 nodes"):
        execute(replace(STUDY, seed=1), tmp_path / "other", Deadly(lambda job, held: True, Cause.NODE))
