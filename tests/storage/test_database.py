"""The Optuna study behind a run: resumable, readable by Optuna, and its file checked before it is believed."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from nas.data import DataInfo
from nas.errors import Refused, StorageFailed
from nas.sampling import Plan
from nas.space import Choice, Integer, Real
from nas.storage import study_json
from nas.storage.database import DATABASE, LOCK, STUDY, Store, opened, pace, read_records, require_run
from nas.storage.optuna_tables import Entry, distribution
from nas.study.record import Outcome
from tests.toys import spaces
from tests.toys.runs import agreement, execute

TOY = spaces.STUDY


def entry(trial: int, plan: Plan) -> Entry:
    """A trial of the toy study as the store takes it."""
    space = TOY.space_of(trial)
    return Entry(trial=trial, space=space.name, dimensions=space.dimensions, point=plan.propose(trial).point)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests don't write to it."""
    folder = tmp_path_factory.mktemp("store") / "run"
    execute(TOY, folder)
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    subprocess.run(["cp", "-r", finished, tmp_path / "copy"], check=True)
    return tmp_path / "copy"


def test_optuna_reads_a_run(finished: Path) -> None:
    """`optuna.load_study` opens a run: values, states and parameters named `<space>/<dimension>` equal our records."""
    study = optuna.load_study(study_name="toy", storage=f"sqlite:///{finished / DATABASE}")
    records = read_records(finished)
    assert [trial.number for trial in study.trials] == [record.trial for record in records] == list(range(8))
    for trial, record in zip(study.trials, records, strict=True):
        assert trial.value == record.error
        assert trial.params == {f"{record.space}/{name}": value for name, value in record.point.items()}
        assert msgspec.convert(trial.user_attrs["record"], type(record)) == record
        assert trial.state is optuna.trial.TrialState.COMPLETE
    assert study.best_value == min(record.error or 1 for record in records)


def test_objectives_have_names(tmp_path: Path, digits: DataInfo) -> None:
    """Optuna's tools call the objectives of a new run by what they are."""
    study = replace(spaces.HUNT, sampler="nsga2", objectives=("error", "multiply_adds"))
    with opened(tmp_path, agreement(study, tmp_path)):
        pass
    opened_by_optuna = optuna.load_study(study_name=study.name, storage=f"sqlite:///{tmp_path / DATABASE}")
    assert opened_by_optuna.metric_names == ["validation error", "multiply-adds"]


def test_a_run_is_one_file_when_it_is_over(finished: Path) -> None:
    """Nothing of SQLite's log is left beside the database, so the folder can be zipped and moved."""
    assert sorted(path.name for path in finished.iterdir()) == [LOCK, DATABASE, STUDY, "weights"]
    assert (finished / LOCK).read_text() == ""


def test_what_is_killed_while_it_is_trained_is_begun_again(tmp_path: Path, digits: DataInfo) -> None:
    """A trial that was begun and not finished is put back into the queue and keeps its number and parameters."""
    manifest = agreement(TOY, tmp_path)
    plan = Plan(TOY, digits.shape, len(digits.classes))
    for _ in range(2):
        with opened(tmp_path, manifest) as store:
            store.write([entry(0, plan)], running={0})
        study = optuna.load_study(study_name="toy", storage=f"sqlite:///{tmp_path / DATABASE}")
        assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.WAITING]
        assert study.trials[0].params == {"tiny/width": plan.propose(0).point["width"]}


def test_a_second_record_of_a_trial_is_ignored(copied: Path, digits: DataInfo) -> None:
    """Finishing a finished trial changes nothing: what was acknowledged stays."""
    before = read_records(copied)
    with opened(copied, agreement(TOY, copied)) as store:
        assert store.write(over=[msgspec.structs.replace(before[0], outcome=Outcome.CRASHED, curve=())]) == []
    assert read_records(copied) == before


def test_trials_that_somebody_else_added_are_refused(copied: Path, digits: DataInfo) -> None:
    """A database to which another program has written a trial isn't continued, because numbers would shift."""
    study = optuna.load_study(study_name="toy", storage=f"sqlite:///{copied / DATABASE}")
    study.tell(study.ask(), 0.0)
    with pytest.raises(StorageFailed, match="trial 8 is finished without an intact record; something else wrote to it"):
        execute(replace(TOY, samples=5), copied)


def test_reading_does_not_disturb_who_writes(finished: Path, copied: Path, digits: DataInfo) -> None:
    """Records and pace can be read while a coordinator works, and somebody in the midst of reading stops nobody."""
    with (
        opened(copied, agreement(TOY, copied)) as store,
        closing(sqlite3.connect(copied / DATABASE, isolation_level=None)) as reader,
    ):
        reader.execute("BEGIN")
        assert reader.execute("SELECT COUNT(*) FROM trials").fetchone() == (8,)
        assert read_records(copied) == read_records(finished)
        assert (pace(copied) or 0) > 0
        store.write([entry(8, Plan(replace(TOY, samples=5), digits.shape, 10))], running={8})
        assert reader.execute("SELECT COUNT(*) FROM trials").fetchone() == (8,)
    assert len(read_records(copied)) == 8


@pytest.mark.parametrize("days", [-400, 900])
def test_a_clock_that_jumps_leaves_the_pace(copied: Path, days: int) -> None:
    """Half of the trials seem to have ended on another day: the pace is told from the others and their like."""
    before = pace(copied)
    assert before is not None
    with closing(sqlite3.connect(copied / DATABASE)) as database, database:
        moved = "UPDATE trials SET datetime_complete = strftime('%Y-%m-%d %H:%M:%f', datetime_complete, ?)"
        database.execute(f"{moved} WHERE number > 3", (f"{days:+} days",))
    assert before / 10 < (pace(copied) or 0) < before * 10


def test_a_database_without_tables_is_a_run_that_begins(finished: Path, tmp_path: Path) -> None:
    """In the moment between the file's creation and its first table a run has no records and no pace."""
    (tmp_path / STUDY).write_bytes((finished / STUDY).read_bytes())
    (tmp_path / DATABASE).touch()
    assert read_records(tmp_path) == []
    assert pace(tmp_path) is None


def test_a_folder_begun_by_somebody_else_meanwhile_is_refused(tmp_path: Path, digits: DataInfo) -> None:
    """Agreement is checked under the lock: of two studies that both found the folder empty, the second is refused."""
    mine = agreement(TOY, tmp_path / "run")
    execute(replace(TOY, seed=1), tmp_path / "run")
    with pytest.raises(Refused, match="seed: 1 is stored, this is 0"), opened(tmp_path / "run", mine):
        pass


def test_a_beginning_that_was_killed_can_be_repeated(tmp_path: Path, digits: DataInfo) -> None:
    """A folder in which only a lock, a log and half a study file lie is no stranger's: the run begins there."""
    for name in (LOCK, "run.log", f".{STUDY}.123.partial"):
        (tmp_path / name).touch()
    with opened(tmp_path, agreement(TOY, tmp_path)) as store:
        assert store.records == {}


@pytest.mark.parametrize("name", ["what? now", "a#b", "100%41", "{SCHEMA_VERSION}", "name&mode=ro", "ä ö"])
def test_folders_may_have_any_name(tmp_path: Path, digits: DataInfo, name: str) -> None:
    """The database lies in the folder that was named, whatever signs its name holds."""
    with opened(tmp_path / name, agreement(TOY, tmp_path / name)) as store:
        assert isinstance(store, Store)
    assert read_records(tmp_path / name) == []
    assert (tmp_path / name / DATABASE).is_file()


def test_folders_without_a_run_are_refused(tmp_path: Path, digits: DataInfo) -> None:
    """A file, a folder with other things in it, and a missing folder are refused, and nothing is written to them."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(Refused, match="is a file, not a folder"):
        execute(TOY, tmp_path / "file")
    with pytest.raises(Refused, match=r"not empty \(it holds thesis.tex\)"):
        execute(TOY, tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.tex"]
    with pytest.raises(Refused, match="there is no folder"):
        require_run(tmp_path / "missing")
    with pytest.raises(Refused, match=r"is not the folder of a run: it has no study\.json"):
        require_run(tmp_path / "other")


def damage(folder: Path, name: str, content: Any) -> None:
    """Replace an entry of study.json."""
    stored = json.loads((folder / STUDY).read_text())
    (folder / STUDY).write_text(json.dumps({**stored, name: content}))


def test_a_damaged_study_file_is_named(copied: Path) -> None:
    """A torn study.json, one with an entry of a wrong type and one of a later version are refused by name."""
    whole = (copied / STUDY).read_text()
    (copied / STUDY).write_text(whole[:-20])
    with pytest.raises(Refused, match=r"study.json is damaged"):
        study_json.read(copied)
    (copied / STUDY).write_text(whole)
    damage(copied, "data", 3)
    with pytest.raises(Refused, match=r"study.json is damaged: Expected `object`, got `int` - at `\$.data`"):
        study_json.read(copied)
    (copied / STUDY).write_text(whole)
    damage(copied, "schema_version", 2)
    with pytest.raises(Refused, match="has schema version 2, this program reads 1; update it"):
        study_json.read(copied)


def test_a_damaged_database_is_named(copied: Path) -> None:
    """A record that isn't one, a database that isn't one, and a missing one are errors that name the file."""
    with sqlite3.connect(copied / DATABASE) as connection:
        connection.execute("UPDATE trial_user_attributes SET value_json = '{\"trial\": 0}' WHERE trial_id = 3")
    connection.close()
    with pytest.raises(StorageFailed, match=r"study.db holds a damaged record: .*missing required field `space`"):
        read_records(copied)
    with pytest.raises(StorageFailed, match="trial 2 is finished without an intact record"):
        execute(replace(TOY, samples=5), copied)
    (copied / DATABASE).write_bytes(b"no database at all" * 1000)
    with pytest.raises(StorageFailed, match=r"study.db.*file is not a database"):
        read_records(copied)
    with pytest.raises(StorageFailed, match=r"study.db.*file is not a database"):
        execute(TOY, copied)
    (copied / DATABASE).unlink()
    with pytest.raises(
        StorageFailed, match=r"study.db is missing, but other files tell of finished trials: weights/ of 8"
    ):
        read_records(copied)
    shutil.rmtree(copied / "weights")
    with pytest.raises(Refused, match="is not the folder of a run"):
        read_records(copied)


def test_dimensions_as_optuna_knows_them() -> None:
    """Integers, reals and choices become Optuna's distributions; a stepped logarithmic range loses its step only."""
    assert distribution(Integer(low=8, high=64, unit=8)) == IntDistribution(8, 64, step=8)
    assert distribution(Integer(low=8, high=64, unit=8, log=True)) == IntDistribution(8, 64, log=True)
    assert distribution(Real(low=0.1, high=1.0, log=True)) == FloatDistribution(0.1, 1.0, log=True)
    assert distribution(Choice(options=("a", 2))) == CategoricalDistribution(("a", 2))
