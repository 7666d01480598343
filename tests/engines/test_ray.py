"""A Ray cluster: workers, actors and nodes that are killed cost no trial, and strange nodes don't train."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import psutil
import pytest

from nas.data import DataInfo
from nas.engines import cluster
from nas.engines.cluster import misfit
from nas.engines.messages import Cause, Job, Result
from nas.engines.node import Traits
from nas.engines.ray import RayEngine
from nas.errors import Missing, Refused
from nas.files import digest
from nas.runner.task import site_of, unobserved
from nas.study.record import Outcome, Record
from nas.study.table import TIMES, table
from tests.toys.runs import execute
from tests.toys.spaces import QUICK, STUDY, toy_job

LONG = msgspec.structs.replace(QUICK, epochs=100_000)
TRAITS = Traits(host="a", software="nas 1", processor="P", instructions="avx", precision="float32", room=2)


@pytest.fixture(scope="module")
def engine(ray_cluster: None) -> Iterator[RayEngine]:
    """One worker on one node."""
    with RayEngine(workers=1) as opened:
        yield opened


@pytest.fixture
def endless(digits: DataInfo) -> Job:
    """A training that doesn't end by itself."""
    return msgspec.structs.replace(toy_job(digits), recipe=LONG)


def processes(word: str) -> list[psutil.Process]:
    """Processes of the cluster that have a word in their command line."""
    below = psutil.Process().children(recursive=True)
    return [process for process in below if any(word in part for part in process.cmdline())]


def answer(engine: RayEngine, job: Job, meanwhile: Callable[[], object] = lambda: None) -> Result:
    """The answer to a job; something happens once it is trained."""
    engine.submit(job)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if results := engine.wait(0.5):
            assert len(results) == 1
            return results[0]
        if engine.running:
            meanwhile()
            meanwhile = lambda: None  # noqa: E731
    raise AssertionError("never answered")


def same(records: list[Record], expected: list[Record]) -> None:
    """Two tables are equal but for their times."""
    left, right = (table(each).drop(columns=list(TIMES)) for each in (records, expected))
    pd.testing.assert_frame_equal(left, right)


@pytest.mark.slow
def test_a_study_has_the_table_that_it_has_here(ray_cluster: None, tmp_path: Path) -> None:
    """Errors of a study on the cluster are those of this process, bit for bit, with equal weights; hosts are told."""
    with_ray = execute(STUDY, tmp_path / "ray", RayEngine(workers=2))
    expected = execute(STUDY, tmp_path / "here")
    same(with_ray, expected)
    weights = [record.weights for record in expected if record.weights]
    assert weights
    for name in weights:
        assert digest(tmp_path / "ray" / "weights" / name) == digest(tmp_path / "here" / "weights" / name)
    assert all(record.host for record in with_ray)


@pytest.mark.long
def test_a_killed_worker_is_the_machines_fault(engine: RayEngine, endless: Job) -> None:
    """SIGKILL of a worker, and of the process that Ray started, is answered so; each time the node trains again."""
    result = answer(engine, endless, lambda: processes("nas.engines.worker")[0].kill())
    assert (result.outcome, result.cause) == (Outcome.CRASHED, Cause.KILLED)
    result = answer(engine, msgspec.structs.replace(endless, attempt=2), lambda: processes("ray::Actor")[0].kill())
    assert (result.outcome, result.attempt, result.cause) == (Outcome.CRASHED, 2, Cause.KILLED)
    result = answer(engine, msgspec.structs.replace(endless, attempt=3, recipe=QUICK))
    assert (result.outcome, result.attempt) == (Outcome.COMPLETED, 3)


@pytest.mark.long
def test_a_late_training_is_ended(engine: RayEngine, endless: Job) -> None:
    """A training over its time limit is answered as TIMED_OUT."""
    result = answer(engine, msgspec.structs.replace(endless, max_seconds=1.0))
    assert (result.outcome, result.message) == (Outcome.TIMED_OUT, "longer than 1 s")


def test_nodes_with_other_code_are_refused(ray_cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no node has the coordinator's code, one sentence says what both have."""
    monkeypatch.setattr(cluster, "software", lambda: "nas-atlas of tomorrow")
    with pytest.raises(Missing, match=r"has nas-atlas .* this command has nas-atlas of tomorrow: install the same"):
        RayEngine(workers=1)


def test_what_decides_the_last_digits_must_be_equal() -> None:
    """A node fits with the same software and instructions; else the reason names what it has."""
    assert misfit(TRAITS, "nas 1", "avx") == ""
    assert "has nas 1, this command has nas 2" in misfit(TRAITS, "nas 2", "avx")
    assert misfit(TRAITS, "nas 1", "avx2") == "has another processor than most nodes, with other instructions: P"


def test_without_ray_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Ray isn't installed the extra is named, before anything else happens."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(Missing) as missing:
        RayEngine()
    assert (missing.value.exit_code, missing.value.hint) == (69, "pip install 'nas-atlas[ray]'")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"engine": "slurm"}, "no engine 'slurm'"),
        ({"engine": "local", "ray_address": "auto"}, "the address of a Ray cluster"),
        ({"engine": "ray", "device": "cuda:1"}, "Ray chooses the cards"),
        ({"engine": "ray", "workers": 0}, "workers must be at least 1"),
    ],
)
def test_other_choices_are_refused(choice: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Engines that there aren't, and what doesn't go with the chosen one."""
    usual: dict[str, Any] = {"workers": None, "device": "cpu", "ray_address": ""}
    with pytest.raises(Refused, match=message):
        site_of(folder=tmp_path, observer=unobserved, deadline=0.0, **(usual | choice))
