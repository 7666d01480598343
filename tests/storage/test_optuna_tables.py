"""Trials in Optuna's tables: written by us or by Optuna's own calls, the content is the same, cell by cell."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from nas.errors import StorageFailed
from nas.layers.base import Cost
from nas.sampling import Plan
from nas.storage import optuna_tables
from nas.storage.database import DATABASE, read_records
from nas.storage.optuna_tables import CallRows, Entry, Rows, TableRows
from nas.study import Study
from nas.study.record import Epoch, Origin, Outcome, Record
from spaces import anynet
from tests.toys import spaces
from tests.toys.runs import execute

STUDY = replace(spaces.VARIED, spaces=(*anynet.X3[:2], spaces.RICH), samples=3)
TABLES = ("trials", "trial_params", "trial_values", "trial_user_attributes", "trial_system_attributes")
Maker = Callable[[RDBStorage, int, dict[int, int]], Rows]


def entry(study: Study, plan: Plan, trial: int) -> Entry:
    """A trial of a study."""
    space = study.space_of(trial)
    return Entry(trial=trial, space=space.name, dimensions=study.joint(space), point=plan.propose(trial).point)


def record(new: Entry, outcome: Outcome) -> Record:
    """How it ended, with a text that needs care."""
    return Record(
        trial=new.trial,
        space=new.space,
        architecture="a" * 16,
        point=dict(new.point),
        facts={"name": 'ä "quoted" \\ text'},
        cost=Cost(parameters=2**53 + 1),
        origin=Origin(sampler="random", draws=1),
        seed=2**62 + 1,
        outcome=outcome,
        curve=(Epoch(number=1, loss=1 / 3, error=0.1 + new.trial / 7, seconds=1e-9),),
    )


def written(folder: Path, make: Maker) -> Path:
    """Nine trials: three complete, one failed, one in a single look, one taken back, the rest waiting or running."""
    folder.mkdir()
    path = folder / DATABASE
    storage = RDBStorage(f"sqlite:///{path}")
    study = storage.create_new_study([StudyDirection.MINIMIZE], "s")
    plan = Plan(STUDY, (1, 28, 28), 10)
    new = [entry(STUDY, plan, trial) for trial in range(STUDY.total)]
    table = make(storage, study, {})
    table.write(new[:5], [0, 1, 2], [])
    table.write(new[5:], [3, 5], [record(new[1], Outcome.COMPLETED), record(new[0], Outcome.TIMED_OUT)])
    table.release()
    table.write([], [2, 4], [record(new[2], Outcome.COMPLETED), record(new[4], Outcome.COMPLETED)])
    table.write([], [6], [])
    storage.remove_session()
    storage.engine.dispose()
    return path


def cells(path: Path, table: str) -> list[dict[str, Any]]:
    """A table's rows with the types of their cells; times by their form, JSON by its content."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]  # noqa: S608
    for row in found:
        for name, value in row.items():
            if name.endswith("_json"):
                row[name] = json.loads(value)
            elif name.startswith("datetime") and value is not None:
                row[name] = re.sub(r"\d", "0", value)
    return [{name: (value, type(value)) for name, value in row.items()} for row in found]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written to the tables."""
    return written(tmp_path_factory.mktemp("rows") / "ours", TableRows)


@pytest.fixture(scope="module")
def optunas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Written by Optuna's calls."""
    return written(tmp_path_factory.mktemp("rows") / "optunas", CallRows)


@pytest.mark.parametrize("table", TABLES)
def test_tables_hold_what_optuna_would_write(ours: Path, optunas: Path, table: str) -> None:
    """Every cell of every table has the value and the type that Optuna's own calls give it."""
    assert cells(ours, table) == cells(optunas, table)


def test_optuna_reads_the_same_study(ours: Path, optunas: Path) -> None:
    """`optuna.load_study` finds equal trials: states, values, parameters, distributions, attributes."""
    first, second = (optuna.load_study(study_name="s", storage=f"sqlite:///{path}").trials for path in (ours, optunas))
    names = ("number", "state", "values", "params", "distributions", "user_attrs", "system_attrs")
    for mine, theirs in zip(first, second, strict=True):
        assert {n: getattr(mine, n) for n in names} == {n: getattr(theirs, n) for n in names}
        for kind in ("datetime_start", "datetime_complete"):
            assert (getattr(mine, kind) is None) == (getattr(theirs, kind) is None)
            if getattr(mine, kind) is not None:
                assert abs(getattr(mine, kind) - datetime.now()) < timedelta(minutes=5)
    fail, wait, run, complete = TrialState.FAIL, TrialState.WAITING, TrialState.RUNNING, TrialState.COMPLETE
    assert [t.state for t in first] == [fail, complete, complete, wait, complete, wait, run, wait, wait]


@pytest.mark.parametrize("make", [TableRows, CallRows])
def test_rows_of_others_are_noticed(tmp_path: Path, make: Maker) -> None:
    """Where another program has added a trial meanwhile, ours isn't written under a wrong number."""
    storage = RDBStorage(f"sqlite:///{tmp_path / DATABASE}")
    study = storage.create_new_study([StudyDirection.MINIMIZE], "s")
    table = make(storage, study, {})
    storage.create_new_trial(study)
    plan = Plan(STUDY, (1, 28, 28), 10)
    with pytest.raises(StorageFailed, match="something else wrote to it"):
        table.write([entry(STUDY, plan, 0)], [0], [])


def test_a_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where one of many rows can't be written, none of the call's is there."""
    storage = RDBStorage(f"sqlite:///{tmp_path / DATABASE}")
    study = storage.create_new_study([StudyDirection.MINIMIZE], "s")
    table = TableRows(storage, study, {})
    plan = Plan(STUDY, (1, 28, 28), 10)
    new = [entry(STUDY, plan, trial) for trial in range(2)]
    table.write(new[:1], [0], [])
    with storage.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE trial_values")
        connection.commit()
    with pytest.raises(Exception, match="no such table: trial_values"):
        table.write(new[1:], [1], [record(new[0], Outcome.COMPLETED)])
    with storage.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT state FROM trials").scalars().all() == ["RUNNING"]
    storage.engine.dispose()


def test_tables_of_another_version_are_left_to_optuna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tables of a version that isn't known here a run goes through Optuna's calls, to the same records."""
    made: list[str] = []
    real = CallRows.write
    monkeypatch.setattr(CallRows, "write", lambda *given: made.append("call") or real(*given))
    study = replace(spaces.STUDY, samples=2)
    for name, version in (("known", optuna_tables.KNOWN), ("unknown", "v9.9.9.z")):
        monkeypatch.setattr(optuna_tables, "KNOWN", version)
        execute(study, tmp_path / name)
        assert bool(made) == (name == "unknown")
    first, second = (read_records(tmp_path / name) for name in ("known", "unknown"))
    assert [(r.architecture, r.error) for r in first] == [(r.architecture, r.error) for r in second]
