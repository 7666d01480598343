"""A run of before it had tables of its own: 7 of 12 trials, interrupted, as the program of then left it."""

from __future__ import annotations

import gzip
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import optuna
import pytest

import nas
from nas.errors import StorageFailed
from nas.storage.database import pace, read_records, read_rows, read_wrong_images
from nas.storage.layout import DATABASE, STUDY, WEIGHTS
from nas.storage.optuna_view import view
from nas.storage.tables import State
from tests.toys.runs import in_optuna

STORED = Path(__file__).parent / "older"
RESUME = ("run", "quickstart", "--samples", "4", "--epochs", "1", "--train-size", "100", "--workers", "1")
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of it."""
    place = tmp_path / "run"
    place.mkdir()
    shutil.copy(STORED / STUDY, place)
    (place / DATABASE).write_bytes(gzip.decompress((STORED / f"{DATABASE}.gz").read_bytes()))
    return place


def names(folder: Path) -> set[str]:
    """Its tables."""
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_verbs_read_it_and_write_nothing(folder: Path, tmp_path: Path, say: Say) -> None:
    """Status, table, best, page and flags of wrong images come out of it; its database stays, for the doctor, too."""
    before = (folder / DATABASE).read_bytes()
    run = nas.open(folder)
    assert (len(run.records), run.total, run.lost) == (7, 12, "")
    assert len(run.wrong_images) == 7
    assert (pace(folder) or 0) > 0
    assert {row.state for row in read_rows(folder)} == {State.FINISHED, State.WAITING}
    for words in (("status", folder), ("best", folder), ("principles", folder)):
        assert say(*words)[0] == 0
    assert say("table", folder, "-o", tmp_path / "t.csv")[0] == say("report", folder, "-o", tmp_path / "p.html")[0] == 0
    assert say("doctor", folder)[0] == 2
    shown = view(folder).get_all_trials(0)
    assert sum(trial.state.is_finished() for trial in shown) == 7
    assert (folder / DATABASE).read_bytes() == before


@pytest.mark.slow
def test_it_is_resumed_and_copied(folder: Path) -> None:
    """The same command trains what is left; records and wrong images of then are equal, and Optuna sees all trials."""
    kept = read_records(folder)
    wrong = read_wrong_images(folder, nas.open(folder).manifest.data.validation, kept)
    words = [sys.executable, "-m", "nas", *RESUME, "--out", str(folder)]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    records = read_records(folder)
    assert len(records) == 12
    assert [record for record in records if record in kept] == kept
    after = nas.open(folder).wrong_images
    assert all((after[trial] == bits).all() for trial, bits in wrong.items())
    assert {"nas_runs", "nas_trials"} <= names(folder)
    assert "wrong_images" not in names(folder)
    study = optuna.load_study(study_name="quickstart", storage=in_optuna(folder))
    assert [trial.user_attrs["record"]["trial"] for trial in study.trials] == list(range(12))
    exported = [sys.executable, "-m", "nas", "export", str(folder), "--trial", "0", "-o", str(folder.parent / "best")]
    assert not list((folder / WEIGHTS).glob("*-0.safetensors"))
    assert subprocess.run(exported, capture_output=True, check=False).returncode == 0  # trains it again


def test_a_record_that_is_none_is_named(folder: Path) -> None:
    """Damage that these runs can tell is told with the number of its trial, before anything is copied."""
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute("UPDATE trial_user_attributes SET value_json = '{\"trial\": 0}' WHERE trial_id = 3")
    with pytest.raises(StorageFailed, match=r"the record of trial 2 is damaged: .*missing required field `space`"):
        nas.open(folder)
