"""`nas doctor DIR`: damage is named and set aside, and the same command ends with the table of an undamaged run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import nas
from nas.engines import InlineEngine
from nas.errors import Refused, StorageFailed
from nas.storage.layout import ASIDE, DATABASE, LOG, STUDY, TABLE, WEIGHTS
from nas.storage.lock import locked
from nas.storage.repair import repaired
from nas.study.table import TIMES
from tests.toys.spaces import STUDY as TOY

Say = Callable[..., tuple[int, str, str]]


def test_the_doctor_leaves_a_whole_run_alone(run: Path, say: Say) -> None:
    """Nothing is moved, and the counts are those of the run; half-written weights of a killed worker go."""
    name = next((run / WEIGHTS).iterdir()).name
    (run / WEIGHTS / f".{name}.0123.partial").touch()
    files = sorted(path for path in run.rglob("*") if not path.name.endswith(".partial"))
    code, out, _ = say("doctor", run)
    assert code == 0
    assert "8 intact" in out
    assert "removed     1 half-written" in out
    assert sorted(run.rglob("*")) == files
    assert json.loads(say("doctor", run, "--json")[1])["whole"] is True


def test_the_doctor_mends_a_run(run: Path, whole: Path, say: Say) -> None:
    """A flipped record and cut weights are named and set aside; the same command trains the trial again."""
    weights = sorted((run / WEIGHTS).iterdir())[0]
    weights.write_bytes(weights.read_bytes()[:100])
    with closing(sqlite3.connect(run / DATABASE)) as database, database:
        database.execute("UPDATE nas_trials SET record = replace(record, '\"loss\":', '\"less\":') WHERE number = 5")
    with pytest.raises(StorageFailed, match="trial 5 is damaged") as refusal:
        nas.run(TOY, out=run, engine=InlineEngine())
    assert refusal.value.hint.startswith(f"nas doctor {run}")
    code, out, _ = say("doctor", run)
    assert code == 0
    assert "7 intact, 1 damaged" in out
    assert "trial 5 waits again" in out
    aside = sorted(path.name for path in (run / ASIDE).iterdir())
    assert len(aside) == 3
    assert aside[1].startswith("record-5-")
    assert '"less":' in (run / ASIDE / aside[1]).read_text()
    assert not (run / TABLE).exists()
    assert repaired(run).whole
    nas.run(TOY, out=run, engine=InlineEngine())
    mended, expected = (nas.open(folder).table().drop(columns=list(TIMES)) for folder in (run, whole))
    assert mended.equals(expected)
    assert nas.open(run).lost == ""


@pytest.mark.parametrize("how", ["changed", "missing", "torn"])
def test_the_doctor_puts_the_study_back(run: Path, say: Say, how: str) -> None:
    """A study.json that something else changed is kept beside; the run has the one that it wrote."""
    written = (run / STUDY).read_bytes()
    other = written.replace(b'"samples": 4', b'"samples": 3') if how == "changed" else written[:-100]
    (run / STUDY).write_bytes(other)
    if how == "missing":
        (run / STUDY).unlink()
    assert "put back" in say("doctor", run)[1]
    assert (run / STUDY).read_bytes() == written
    if how != "missing":
        assert [path.read_bytes() for path in (run / ASIDE).iterdir()] == [other]
    nas.run(TOY, out=run, engine=InlineEngine())


def test_the_doctor_leaves_a_database_of_one_file(run: Path) -> None:
    """It can be read where nothing can be written: SQLite wants no log beside it, say bytes 18 and 19 of its header."""
    assert repaired(run).whole
    assert (run / DATABASE).read_bytes()[18:20] == b"\x01\x01"
    assert not list(run.glob(f"{DATABASE}-*"))


def test_the_doctor_waits_for_nobody(run: Path, tmp_path: Path) -> None:
    """A run that somebody works on is left to them; what isn't a run is refused."""
    with locked(run), pytest.raises(Refused, match="another process works on"):
        repaired(run)
    with pytest.raises(Refused, match="is not the folder of a run"):
        repaired(tmp_path)
    (run / LOG).unlink()
