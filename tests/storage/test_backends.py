"""What holds of a run whatever its database is: a file of SQLite, or a server of PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest
import sqlalchemy

from nas.data import DataInfo
from nas.errors import Refused, StorageFailed
from nas.sampling import Plan
from nas.storage.database import pace, read_records, read_rows
from nas.storage.location import backend_of
from nas.storage.repair import repaired
from nas.storage.store import opened
from nas.storage.tables import Entry, State
from nas.study.record import Outcome
from nas.study.table import TIMES, table
from tests.toys.answers import Answering
from tests.toys.runs import agreement, execute
from tests.toys.spaces import STUDY as TOY

pytestmark = pytest.mark.usefixtures("database")
ROOT = Path(__file__).parents[2]
RACERS = 20
RACE = """
import os, sys
from pathlib import Path
from nas.errors import Refused
from nas.storage.store import opened
from tests.toys.runs import agreement
from tests.toys.spaces import STUDY

asked = [(Path(folder), agreement(STUDY, Path(folder))) for folder in sys.argv[1:]]
start, end = os.pipe(), os.pipe()
children = []
for folder, manifest in asked:
    children.append(os.fork())
    if children[-1]:
        continue
    for pipe in (start, end):
        os.close(pipe[1])
    os.read(start[0], 1)  # until its other end is closed, for all at once
    try:
        with opened(folder, manifest):
            os.write(1, f"{os.getpid()} works\\n".encode())
            os.read(end[0], 1)
    except Refused as refused:
        os.write(1, f"{os.getpid()} {refused}\\n".encode())
    os._exit(0)
os.close(start[1])
sys.stdin.readline()
os.close(end[1])
for child in children:
    os.waitpid(child, 0)
"""
"""Coordinators that begin at once, one in each folder that is named; they end when a line comes in."""


def entry(trial: int, plan: Plan) -> Entry:
    """A trial of the toy study as the store takes it."""
    return Entry(trial=trial, space=TOY.space_of(trial).name, point=plan.propose(trial).point)


def change(folder: Path, statement: str) -> None:
    """Something else writes to the database; `{run}` is the number of the run."""
    backend = backend_of(folder)
    engine = backend.reader()
    with engine.begin() as connection:
        connection.exec_driver_sql(statement.format(run=backend.run))
    engine.dispose()


def timeless(folder: Path) -> pd.DataFrame:
    """The table of a run but for its times."""
    return table(read_records(folder)).drop(columns=list(TIMES))


def killed() -> None:
    """The end of a command."""
    raise SystemExit


def test_a_run_is_resumed_and_extended(tmp_path: Path) -> None:
    """Ended in its midst, resumed, and given more networks, it has the table of a run that nothing happened to."""
    run, other = tmp_path / "run", tmp_path / "other"
    with pytest.raises(SystemExit):
        execute(TOY, run, Answering(3, killed))
    assert [row.state for row in read_rows(run)].count(State.FINISHED) == 3
    assert len(execute(TOY, run, Answering())) == 8
    more = replace(TOY, samples=5)
    execute(more, run, Answering())
    execute(more, other, Answering())  # on the same server, where there is one
    assert timeless(run).equals(timeless(other))
    assert len(timeless(run)) == 10
    assert pace(run)


def test_what_was_written_without_an_answer_is_written_once(
    tmp_path: Path, digits: DataInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that was done, though its database broke before it said so, is repeated without a second row."""
    plan = Plan(TOY, digits.shape, len(digits.classes))
    with opened(tmp_path, agreement(TOY, tmp_path)) as store:
        begin, broken = store._engine.begin, [True]

        @contextmanager
        def unanswered() -> Iterator[sqlalchemy.Connection]:
            with begin() as connection:
                yield connection
            if broken and broken.pop():
                raise sqlalchemy.exc.OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))

        monkeypatch.setattr(store._engine, "begin", unanswered)
        store.write([entry(0, plan), entry(1, plan)], running={0})
        store.write([entry(2, plan)], running={0, 1})
        states = [(row.number, row.state) for row in read_rows(tmp_path)]
    assert not broken
    assert states == [(0, State.RUNNING), (1, State.RUNNING), (2, State.WAITING)]


def test_what_is_killed_while_it_is_trained_is_begun_again(tmp_path: Path, digits: DataInfo) -> None:
    """A trial that was begun and not finished is put back into the queue and keeps its number and parameters."""
    manifest = agreement(TOY, tmp_path)
    plan = Plan(TOY, digits.shape, len(digits.classes))
    for _ in range(2):
        with opened(tmp_path, manifest) as store:
            store.write([entry(0, plan)], running={0})
            assert [row.state for row in read_rows(tmp_path)] == [State.RUNNING]
        (row,) = read_rows(tmp_path)
        assert (row.number, row.state, row.space) == (0, State.WAITING, "tiny")
        assert json.loads(row.point) == plan.propose(0).point


def test_a_second_record_of_a_trial_is_ignored(tmp_path: Path) -> None:
    """Finishing a finished trial changes nothing: what was acknowledged stays."""
    before = execute(TOY, tmp_path, Answering())
    with opened(tmp_path, agreement(TOY, tmp_path)) as store:
        assert store.write(over=[msgspec.structs.replace(before[0], outcome=Outcome.CRASHED, curve=())]) == []
    assert read_records(tmp_path) == before


@pytest.mark.parametrize("others", ["UPDATE nas_trials SET number = 20 WHERE number = 8", "DELETE FROM nas_trials"])
def test_trials_that_vanish_meanwhile_end_the_run(tmp_path: Path, digits: DataInfo, others: str) -> None:
    """A record whose trial something else has taken away isn't lost in silence."""
    more = replace(TOY, samples=5)
    before = execute(TOY, tmp_path, Answering())
    with opened(tmp_path, agreement(more, tmp_path)) as store:
        store.write([entry(8, Plan(more, digits.shape, 10))], running={8})
        change(tmp_path, others)
        with pytest.raises(StorageFailed, match="has lost trials that are trained; something else wrote to it"):
            store.write(over=[msgspec.structs.replace(before[0], trial=8)])


def test_failures_are_tried_again(tmp_path: Path) -> None:
    """Trials whose outcome is to be tried again wait, and are the same trials."""
    before = execute(replace(TOY, samples=1), tmp_path, Answering())
    with opened(tmp_path, agreement(replace(TOY, samples=2), tmp_path)) as store:
        points = [Entry(trial=2, space=before[0].space, point=before[0].point)]
        failed = msgspec.structs.replace(before[0], trial=2, outcome=Outcome.CRASHED, curve=())
        store.write(points, over=[failed])
    with opened(tmp_path, agreement(replace(TOY, samples=2), tmp_path), [Outcome.CRASHED]) as store:
        assert sorted(store.over) == [0, 1]
        assert read_rows(tmp_path)[2].state == State.WAITING


def test_the_doctor_sets_a_damaged_record_aside(tmp_path: Path) -> None:
    """A record that isn't what was written is named and trained again; those of other runs stay."""
    run, other = tmp_path / "run", tmp_path / "other"
    for folder in (run, other):
        execute(TOY, folder, Answering())
    whole = timeless(run)
    change(run, "UPDATE nas_trials SET record = replace(record, 'tiny', 'tinY') WHERE number = 2 AND run = {run}")
    with pytest.raises(StorageFailed, match="the record of trial 2 is damaged: its SHA-256"):
        read_records(run)
    assert list(repaired(run).damaged) == [2]
    assert [row.number for row in read_rows(run) if not row.over] == [2]
    execute(TOY, run, Answering())
    assert timeless(run).equals(whole)
    assert repaired(other).whole


def test_a_study_file_that_something_else_changed_is_refused(tmp_path: Path) -> None:
    """What the run was asked is in the database, too, and the doctor puts it back."""
    execute(TOY, tmp_path, Answering())
    path = tmp_path / "study.json"
    before = path.read_text()
    path.write_text(before.replace('"samples": 4', '"samples": 6'))
    with pytest.raises(Refused, match=r"study\.samples is 6, the run wrote 4"):
        execute(replace(TOY, samples=6), tmp_path, Answering())
    assert "put back" in repaired(tmp_path).study
    assert path.read_text() == before


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    """Tables of a later program are neither read nor written."""
    execute(TOY, tmp_path, Answering())
    change(tmp_path, "UPDATE nas_runs SET schema = 2 WHERE id = {run}")
    with pytest.raises(Refused, match="has schema version 2, this program reads 1"):
        read_records(tmp_path)
    with pytest.raises(Refused, match="has schema version 2, this program reads 1"):
        execute(TOY, tmp_path, Answering())


def test_of_twenty_coordinators_at_once_one_works(tmp_path: Path) -> None:
    """Of twenty that begin at once, in own folders where a server has the run, one works; the others are told."""
    run = tmp_path / "run"
    execute(replace(TOY, samples=1), run, Answering())
    folders = [run] * RACERS
    if "NAS_STORAGE" in os.environ:  # folders share the server; a file of SQLite lies in one
        folders = [Path(shutil.copytree(run, tmp_path / str(host))) for host in range(RACERS)]
    words = [sys.executable, "-c", RACE, *map(str, folders)]
    with subprocess.Popen(words, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as race:
        assert race.stdout is not None
        answers = [race.stdout.readline() for _ in folders]
        race.communicate("\n")
    (winner,) = [answer.split()[0] for answer in answers if answer.endswith(" works\n")]
    assert sum(f"process {winner} on {socket.gethostname()}" in answer for answer in answers) == RACERS - 1, answers
