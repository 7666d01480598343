"""The database of a run: resumable, and nothing in it believed before it is checked."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas
from nas.data import DataInfo
from nas.errors import Refused, StorageFailed
from nas.sampling import Plan
from nas.storage import study_json
from nas.storage.database import pace, read_records, require_run
from nas.storage.layout import DATABASE, LOCK, STUDY
from nas.storage.store import Store, opened
from nas.storage.tables import Entry
from tests.toys import spaces
from tests.toys.runs import agreement, execute

TOY = spaces.STUDY
Say = Callable[..., tuple[int, str, str]]


def entry(trial: int, plan: Plan) -> Entry:
    """A trial of the toy study as the store takes it."""
    space = TOY.space_of(trial)
    return Entry(trial=trial, space=space.name, point=plan.propose(trial).point)


def test_a_run_is_one_file_when_it_is_over(finished: Path) -> None:
    """Nothing of SQLite's log is left beside the database, so the folder can be zipped and moved."""
    assert sorted(path.name for path in finished.iterdir()) == [LOCK, DATABASE, STUDY, "weights"]
    assert (finished / LOCK).read_text() == ""


def test_reading_does_not_disturb_who_writes(finished: Path, copied: Path, digits: DataInfo) -> None:
    """Records and pace can be read while a coordinator works, and somebody in the midst of reading stops nobody."""
    with (
        opened(copied, agreement(TOY, copied)) as store,
        closing(sqlite3.connect(copied / DATABASE, isolation_level=None)) as reader,
    ):
        reader.execute("BEGIN")
        assert reader.execute("SELECT COUNT(*) FROM nas_trials").fetchone() == (8,)
        assert read_records(copied) == read_records(finished)
        assert (pace(copied) or 0) > 0
        store.write([entry(8, Plan(replace(TOY, samples=5), digits.shape, 10))], running={8})
        assert reader.execute("SELECT COUNT(*) FROM nas_trials").fetchone() == (8,)
    assert len(read_records(copied)) == 8


@pytest.mark.parametrize("days", [-400, 900])
def test_a_clock_that_jumps_leaves_the_pace(copied: Path, days: int) -> None:
    """Half of the trials seem to have ended on another day: the pace is told from the others and their like."""
    before = pace(copied)
    assert before is not None
    with closing(sqlite3.connect(copied / DATABASE)) as database, database:
        moved = "UPDATE nas_trials SET ended = strftime('%Y-%m-%d %H:%M:%f000', ended, ?)"
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
        connection.execute("UPDATE nas_trials SET record = '{\"trial\": 0}' WHERE number = 2")
    connection.close()
    said = r"study.db: the record of trial 2 is damaged: .*missing required field `space`"
    with pytest.raises(StorageFailed, match=said):
        read_records(copied)
    with pytest.raises(StorageFailed, match=said):
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


def changed(folder: Path, statement: str, *values: object) -> None:
    """Write to a database."""
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        assert database.execute(statement, values).rowcount > 0


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE nas_trials SET record = replace(record, '\"number\":1', '\"number\":2') WHERE number = 3", ()),
        ("UPDATE nas_trials SET record = CAST(? AS TEXT) WHERE number = 3", (b'{"trial": 3, \xff\xfe}',)),
        ("UPDATE nas_trials SET record = NULL WHERE number = 3", ()),
        ("UPDATE nas_trials SET sha256 = 'a' WHERE number = 3", ()),
        (
            "UPDATE nas_trials SET (record, sha256) = (SELECT record, sha256 FROM nas_trials WHERE number = 2) "
            "WHERE number = 3",
            (),
        ),
    ],
)
def test_a_record_that_is_not_what_was_written_is_named(
    copied: Path, statement: str, values: tuple[object, ...], say: Say
) -> None:
    """A flipped number, bytes that are no text, no record, another's place: readers and writers name the trial."""
    changed(copied, statement, *values)
    for act in (read_records, lambda folder: execute(replace(TOY, samples=5), folder)):
        with pytest.raises(StorageFailed, match=r"study.db: the record of trial 3 is damaged"):
            act(copied)
    code, _, message = say("status", copied)
    assert (code, "trial 3" in message, "Traceback" in message) == (74, True, False)


def test_every_bit_of_a_record_counts(copied: Path) -> None:
    """Of two hundred bits of records that are flipped in the file of the database none goes unseen."""
    whole = read_records(copied)
    content = (copied / DATABASE).read_bytes()
    place = content.index(b'{"trial":5,')
    for step in range(200):
        flipped = bytearray(content)
        flipped[place + 2 * step] ^= 1 << step % 8
        (copied / DATABASE).write_bytes(flipped)
        with pytest.raises(StorageFailed, match=r"the record of trial 5 is damaged"):
            read_records(copied)
    (copied / DATABASE).write_bytes(content)
    assert read_records(copied) == whole


def test_a_study_file_that_something_else_changed_is_named(copied: Path, say: Say, digits: DataInfo) -> None:
    """Commands that train are refused with the entry, old and new; those that read say it and show the run."""
    stored = json.loads((copied / STUDY).read_text())
    stored["study"]["samples"] = 3
    (copied / STUDY).write_text(json.dumps(stored))
    said = "study.json was changed by something else: study.samples is 3, the run wrote 4"
    with pytest.raises(Refused, match=said) as refusal:
        execute(TOY, copied)
    assert refusal.value.hint == f"nas doctor {copied} puts it back as it was"
    assert said in nas.open(copied).lost
    assert "damaged" in say("status", copied)[1]


def test_a_command_that_was_killed_while_it_extended_a_run_is_repeated(
    copied: Path, digits: DataInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database learns first what a run is asked; where study.json is still the one before, nothing was damaged."""
    monkeypatch.setattr(study_json, "write", lambda folder, manifest: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        execute(replace(TOY, samples=5), copied)
    monkeypatch.undo()
    assert nas.open(copied).total == 8
    assert len(execute(replace(TOY, samples=5), copied)) == 10


def test_a_moment_that_is_none_is_damage(copied: Path) -> None:
    """A time in the database that is no time is said to be damage, by who reads and by who would train."""
    with closing(sqlite3.connect(copied / DATABASE)) as database, database:
        database.execute("UPDATE nas_trials SET ended = '2026,11-29 x' WHERE number = 0")
    for act in (nas.open, lambda folder: execute(TOY, folder)):
        with pytest.raises(StorageFailed, match="is damaged: Invalid isoformat"):
            act(copied)
