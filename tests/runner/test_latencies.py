"""A limit on latency decides which networks are trained, and what was measured stays with the run."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import optuna
import pytest

import nas
from nas.data import DataInfo
from nas.engines import InlineEngine
from nas.errors import EmptyWindow, Refused, StorageFailed
from nas.layers import Layer, Shape, identity
from nas.models.latency import Latency
from nas.sampling import Plan
from nas.storage.layout import LATENCIES
from nas.study import Limits
from nas.study.objectives import ERROR_AGAINST_LATENCY
from tests.toys import spaces
from tests.toys.runs import execute, forged, in_optuna

LIMITED = replace(spaces.STUDY, name="limited", limits=Limits(latency_ms=(0, 0.5)))


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Networks that were timed, by a watch that says something else whenever it is looked at."""
    asked: list[str] = []
    moods = count()

    def latency(layer: Layer, inputs: Shape, batch: int) -> Latency:
        asked.append(f"{identity(layer)} {batch}")
        digits = int(identity(layer), 16) + 7 * next(moods)
        return Latency(milliseconds=(1 + digits % 100) / 100 * batch, spread=0.01, rounds=5)

    monkeypatch.setattr("nas.models.latency.latency", latency)
    return asked


def test_no_network_outside_is_trained(tmp_path: Path) -> None:
    """Really measured: all are inside, the table has both columns, and the folder holds what was measured."""
    records = execute(replace(LIMITED, samples=2, limits=Limits(latency_ms=(0, 1000.0))), tmp_path / "run")
    assert [r.latency_ms is not None and 0 < r.latency_ms <= 1000 for r in records] == [True] * 4
    table = nas.open(tmp_path / "run").table()
    assert (table["latency_128_ms"] > table["latency_ms"]).all()
    lines = [json.loads(line) for line in (tmp_path / "run" / LATENCIES).read_text().splitlines()]
    assert {(line["architecture"], line["batch"]) for line in lines} == {
        (r.architecture, batch) for r in records for batch in (1, 128)
    }


@pytest.mark.parametrize("sampler", ["random", "quasirandom", "tpe"])
def test_a_resumed_run_has_the_same_networks(sampler: str, timed: list[str], tmp_path: Path) -> None:
    """Whatever the watch would say now: no network is timed twice, and a longer run begins with the shorter one."""
    study = replace(LIMITED, samples=3, sampler=sampler)  # type: ignore[arg-type]
    short = execute(study, tmp_path / "run")
    long = execute(replace(study, samples=9), tmp_path / "run")
    key = [(r.trial, r.architecture, r.latency_ms, r.latency_128_ms) for r in long]
    assert [(r.trial, r.architecture, r.latency_ms, r.latency_128_ms) for r in short] == key[: len(short)]
    assert len(set(timed)) == len(timed)
    assert max(r.latency_ms or 9 for r in long) <= 0.5
    assert sum(r.origin.draws for r in long) > len(long)


def test_error_is_searched_against_latency(timed: list[str], tmp_path: Path) -> None:
    """The front of the run and Optuna's second value are in milliseconds."""
    study = replace(spaces.HUNT, samples=10, sampler="nsga2", objectives=ERROR_AGAINST_LATENCY)
    records = execute(study, tmp_path / "run")
    front = nas.open(tmp_path / "run").pareto_front
    times = [r.latency_ms for r in front]
    assert times == sorted(times, key=float)  # type: ignore[arg-type]
    for r in records:
        assert any((f.error or 0) <= (r.error or 9) and (f.latency_ms or 0) <= (r.latency_ms or 9) for f in front)
    stored = optuna.load_study(study_name="hunt", storage=in_optuna(tmp_path / "run"))
    assert [t.values[1] for t in stored.trials] == [r.latency_ms for r in records]


@pytest.mark.slow
def test_what_was_measured_chooses_finalists(timed: list[str], tmp_path: Path) -> None:
    """A final takes the networks inside a limit, or the front against latency, and like an audit times none again."""
    study = replace(LIMITED, samples=4)
    execute(study, tmp_path / "run")
    run, count = nas.open(tmp_path / "run"), len(timed)
    fast = sorted(record.latency_ms or 0 for record in run.best)[2]
    how: dict[str, Any] = {"study": study, "engine": InlineEngine(), "device": "cpu", "seeds": 1}
    one = nas.final(run, top=1, limits=Limits(latency_ms=(0, fast)), changes={"epochs": 1}, **how)
    assert one.chosen.trials == (next(r.trial for r in run.best if (r.latency_ms or 9) <= fast),)
    assert (one.chosen.of, one.tested) == (3, True)
    assert f"at most {fast} milliseconds of latency" in one.head[0][1]
    audited = nas.audit(run, networks=4, longer=2, **how)
    assert audited is not None
    shutil.rmtree(tmp_path / "run" / "final")
    front = nas.final(run, pareto="latency_ms", changes={"epochs": 1}, again=True, **how)
    assert min(run.best, key=lambda record: record.latency_ms or 9).trial in front.chosen.trials
    assert "front of error against latency" in front.head[0][1]
    assert len(timed) == count


def test_a_limit_that_nothing_obeys_ends_soon(timed: list[str], tmp_path: Path) -> None:
    """After two hundred networks that were timed, with the share that was too slow."""
    with pytest.raises(EmptyWindow, match=r"200 networks in a row, .* missed at most 1e-06 millisec.*they take"):
        execute(replace(LIMITED, limits=Limits(latency_ms=(0, 1e-6))), tmp_path / "run")
    assert len(timed) <= 200


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_a_limit_that_nothing_further_obeys_ends_a_run_with_what_it_has(
    sampler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """After four quick networks all are slow: the four are trained, on the page and in the table, and it is said why;
    the same command again says the same."""
    quick: list[str] = []

    def latency(layer: Layer, inputs: Shape, batch: int) -> Latency:
        name = identity(layer)
        if len(quick) < 4 and name not in quick:
            quick.append(name)
        return Latency(milliseconds=0.1 if name in quick else 7.0, spread=0.01, rounds=5)

    monkeypatch.setattr("nas.models.latency.latency", latency)
    monkeypatch.setattr("nas.sampling.rejection.MOST_TIMED", 20)
    study = replace(LIMITED, samples=200, sampler=sampler, spaces=LIMITED.spaces[:1])  # type: ignore[arg-type]
    for _ in range(2):
        caplog.clear()
        run = nas.run(study, out=tmp_path / "run", engine=InlineEngine(), quiet=True)
        assert {record.architecture for record in run.records} == set(quick)
        assert (run.folder / "report.html").is_file()
        (said,) = [record.getMessage() for record in caplog.records if "no further network" in record.getMessage()]
        assert "20 networks in a row, inside all other limits, missed at most 0.5 milliseconds of latency" in said
        assert "--latency-ms ..7.7 lets some of them in" in said


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_measuring_ends_when_time_is_up(
    sampler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no network is fast enough a run ends at its time, between two measurements, and says what they take."""

    measured: list[str] = []

    def latency(layer: Layer, inputs: Shape, batch: int) -> Latency:
        measured.append(identity(layer))
        time.sleep(0.1)
        return Latency(milliseconds=7.0, spread=0.01, rounds=5)

    monkeypatch.setattr("nas.models.latency.latency", latency)
    study = replace(LIMITED, samples=50, sampler=sampler)  # type: ignore[arg-type]
    run = nas.run(study, out=tmp_path / "run", engine=InlineEngine(), quiet=True, max_seconds=4.0)
    assert 0 < len(measured) < 100  # of 200 after which it would have given up
    assert not run.records
    (said,) = [record.getMessage() for record in caplog.records if "no further network" in record.getMessage()]
    assert "--latency-ms ..7.7 lets some of them in" in said


def test_costs_are_looked_at_first(timed: list[str], tmp_path: Path) -> None:
    """A network outside the limits that can be counted is never timed."""
    limits = Limits(parameters=(0, 2_000), latency_ms=(0, 1))
    records = execute(replace(LIMITED, samples=3, limits=limits), tmp_path / "run")
    assert sum(r.origin.draws for r in records) > len({line.split()[0] for line in timed})


def test_what_a_killed_command_left_is_mended(timed: list[str], tmp_path: Path) -> None:
    """Half a line is cut off; a line that is none is refused."""
    execute(replace(LIMITED, samples=1), tmp_path / "run")
    path = tmp_path / "run" / LATENCIES
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"architecture":"12')
    execute(replace(LIMITED, samples=2), tmp_path / "run")
    assert path.read_bytes().startswith(whole + b'{"architecture":"')
    path.write_bytes(b"slow\n" + whole)
    with pytest.raises(Refused, match="damaged"):
        execute(replace(LIMITED, samples=3), tmp_path / "run")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StorageFailed, match="it is no file"):
        execute(replace(LIMITED, samples=3), tmp_path / "run")


def test_another_machine_is_told(timed: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it measures is of another kind, so a line says where the earlier latencies come from."""
    execute(replace(LIMITED, samples=1), tmp_path / "run")
    path = tmp_path / "run" / LATENCIES
    path.write_text(path.read_text().replace('"machine":"', '"machine":"Elsewhere '))
    with caplog.at_level(logging.WARNING):
        execute(replace(LIMITED, samples=2), tmp_path / "run")
    assert "latencies of this run were measured on Elsewhere" in caplog.text


def test_runs_from_before_there_was_such_a_limit_go_on(timed: list[str], tmp_path: Path) -> None:
    """Their study is read as one without it, and nothing is timed."""
    execute(replace(spaces.STUDY, samples=1), tmp_path / "run")
    forged(tmp_path / "run", lambda manifest: manifest["study"]["limits"].pop("latency_ms"))
    assert len(execute(replace(spaces.STUDY, samples=2), tmp_path / "run")) == 4
    assert (timed, (tmp_path / "run" / LATENCIES).exists()) == ([], False)


def test_other_limits_are_another_study(timed: list[str], tmp_path: Path) -> None:
    """A folder whose run has another limit on latency is refused."""
    execute(replace(LIMITED, samples=1), tmp_path / "run")
    with pytest.raises(Refused, match=r"limits.latency_ms"):
        execute(replace(LIMITED, samples=1, limits=Limits(latency_ms=(0, 0.6))), tmp_path / "run")


@pytest.mark.parametrize("ends", [(2, 1), (-1, 1), (0, 0), (0, float("inf")), (float("nan"), 1)])
def test_what_is_no_limit_is_refused(ends: tuple[float, float]) -> None:
    """Ends are finite milliseconds, in order, and something can lie between them."""
    with pytest.raises(ValueError, match=r"limits on latency_ms must be 0 <= low <= high milliseconds"):
        Limits(latency_ms=ends)
    with pytest.raises(Refused, match=r"latency_ms must be a tuple of 2 numbers, got \('0', 1\)"):
        Limits(latency_ms=("0", 1))  # type: ignore[arg-type]


def test_a_plan_without_a_watch_says_so(digits: DataInfo) -> None:
    """Who draws networks of such a study in a program needs something that measures them."""
    plan = Plan(LIMITED, digits.shape, digits.outputs)
    assert plan.fingerprint()
    with pytest.raises(ValueError, match="nothing to measure it with"):
        plan.propose(0)
