"""Cores for workers: each its own, physical ones first, none taken twice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nas.engines import LocalEngine
from nas.engines.cores import Cores, spread

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets processes choose their cores")


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks in a folder of this test, whatever else runs on this machine."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def topology(folder: Path, siblings: dict[int, str]) -> Path:
    """Files such as Linux has: which logical cores share a physical one."""
    for core, shared in siblings.items():
        place = folder / f"cpu{core}/topology"
        place.mkdir(parents=True)
        (place / "thread_siblings_list").write_text(f"{shared}\n")
    return folder


def test_physical_cores_come_first(tmp_path: Path) -> None:
    """Where neighbours in number share a physical core, or halves do, two workers don't land on one."""
    neighbours = topology(tmp_path / "a", {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"})
    assert spread({0, 1, 2, 3}, neighbours) == [0, 2, 1, 3]
    halves = topology(tmp_path / "b", {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"})
    assert spread({0, 1, 2, 3}, halves) == [0, 1, 2, 3]
    assert spread({1, 2, 3}, neighbours) == [1, 2, 3]
    assert spread({5, 3}, tmp_path / "nothing") == [3, 5]


@linux
def test_nobody_takes_a_core_twice() -> None:
    """What one engine has taken another doesn't get until it is released."""
    usable = os.sched_getaffinity(0)
    first, second = Cores(), Cores()
    assert set(first.take(len(usable))) == usable
    assert second.take(1) == []
    first.release()
    assert len(second.take(1)) == 1
    second.release()


@linux
def test_more_workers_than_cores_run_anywhere() -> None:
    """They have to share, so the system decides."""
    assert Cores().take(len(os.sched_getaffinity(0)) + 1) == []


@linux
def test_each_worker_has_a_core_of_its_own() -> None:
    """The processes of an engine are bound to one core each, all different."""
    count = len(os.sched_getaffinity(0))
    with LocalEngine(count, module="tests.toys.sleepers") as engine:
        bound = [os.sched_getaffinity(worker.process.pid) for worker in engine._workers]
    assert [len(cores) for cores in bound] == [1] * count
    assert len(set.union(*bound)) == count
