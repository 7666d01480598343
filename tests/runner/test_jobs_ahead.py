"""Jobs ahead as a run sees them: the same trials, honest states in the database, orderly stops."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import nas
from nas import data
from nas.engines import InlineEngine, LocalEngine
from nas.errors import Interrupted
from nas.runner.progress import Snapshot
from nas.space import Choice
from nas.storage.database import read_records, read_rows
from nas.storage.tables import State
from nas.study.record import Outcome, Record
from nas.study.table import TIMES, table
from tests.toys import spaces
from tests.toys.runs import execute
from tests.toys.sleepers import BEGINS, MODULE

QUICK = replace(spaces.STUDY, recipe=msgspec.structs.replace(spaces.QUICK, epochs=2))
ENDLESS = replace(spaces.STUDY, recipe=msgspec.structs.replace(spaces.QUICK, epochs=36_000))


def states(folder: Path) -> list[str]:
    """Where each trial stands."""
    return [row.state for row in read_rows(folder)]


def begun(log: Path) -> set[int]:
    """Trials that workers have begun."""
    return {int(number) for number in re.findall(BEGINS.replace("%d", r"(\d+)"), log.read_text())}


@pytest.mark.slow
def test_a_queue_changes_no_trial(tmp_path: Path) -> None:
    """With one worker and with three, whose queues share the jobs out in different ways, the tables are the same."""
    one, three = (
        table(execute(QUICK, tmp_path / str(count), LocalEngine(count, module=MODULE))).drop(columns=list(TIMES))
        for count in (1, 3)
    )
    assert one.equals(three)
    assert set(states(tmp_path / "3")) == {State.FINISHED}


def test_running_is_what_really_runs(tmp_path: Path) -> None:
    """Never are more trials shown as running, or stored as such, than there are workers; others wait."""
    seen: list[tuple[int, list[str]]] = []

    def observe(snapshot: Snapshot, record: Record | None) -> None:
        seen.append((snapshot.running, states(tmp_path)))

    execute(QUICK, tmp_path, LocalEngine(2, module=MODULE), observer=observe)
    assert max(running for running, _ in seen) == 2
    assert all(now.count(State.RUNNING) <= 2 for _, now in seen)
    assert any(State.WAITING in now for _, now in seen)


def test_ctrl_c_begins_nothing_more(tmp_path: Path) -> None:
    """After the first Ctrl-C the running trials end and are kept, and no job that waited at a worker is begun."""
    study = replace(QUICK, samples=20)

    def observe(snapshot: Snapshot, record: Record | None) -> None:
        if record is not None and snapshot.done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match=r"of 40 trials are done and kept"):
        execute(study, tmp_path, LocalEngine(2, module=MODULE, log=tmp_path / "run.log"), observer=observe)
    kept = {record.trial for record in read_records(tmp_path)}
    assert begun(tmp_path / "run.log") == kept
    assert len(kept) < 8
    assert State.RUNNING not in states(tmp_path)


@pytest.mark.slow
def test_time_is_up(tmp_path: Path) -> None:
    """After `max_seconds` a run returns with what is done, and the same call goes on to the undisturbed end."""
    study = replace(QUICK, samples=20)
    first = execute(study, tmp_path / "a", LocalEngine(2, module=MODULE, log=None), max_seconds=2.0)
    assert len(first) < 40
    assert State.RUNNING not in states(tmp_path / "a")
    whole = execute(study, tmp_path / "a", LocalEngine(8, module=MODULE))
    assert all(record in whole for record in first)
    expected = execute(study, tmp_path / "b", LocalEngine(8, module=MODULE))
    assert table(whole).drop(columns=list(TIMES)).equals(table(expected).drop(columns=list(TIMES)))


def test_time_that_is_up_at_once_leaves_a_run(tmp_path: Path) -> None:
    """With no time at all `nas.run` trains nothing and leaves a run with an empty table and a page."""
    run = nas.run(QUICK, out=tmp_path / "run", engine=InlineEngine(), max_seconds=0.0)
    assert (len(run.records), run.total) == (0, 8)
    assert (tmp_path / "run" / "report.html").is_file()
    assert (tmp_path / "run" / "records.csv").is_file()


@pytest.mark.slow
def test_a_trial_over_its_time_is_timed_out(tmp_path: Path) -> None:
    """Every training longer than the study's `max_trial_seconds` ends as TIMED_OUT, queued ones no earlier."""
    study = replace(ENDLESS, samples=2, max_trial_seconds=0.5)
    records = execute(study, tmp_path, LocalEngine(2, module=MODULE))
    assert [(r.outcome, r.message, r.attempts) for r in records] == [(Outcome.TIMED_OUT, "longer than 0.5 s", 1)] * 4


def test_data_are_prepared_once_a_resolution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many trials draw a resolution, its data are prepared, which reads all images, once a command."""
    asked: list[int] = []
    real = data.prepare
    monkeypatch.setattr(data, "prepare", lambda name, *rest: asked.append(rest[0]) or real(name, *rest))
    study = replace(QUICK, samples=8, vary={"resolution": Choice(options=(8, 12))})
    execute(study, tmp_path, LocalEngine(2, module=MODULE))
    assert sorted(asked) == [0, 8, 12]
