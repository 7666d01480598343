"""A database that another program holds: waited for, signals heard meanwhile, and no finished training lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from nas.engines import InlineEngine
from nas.engines.messages import Result
from nas.errors import StorageFailed
from nas.storage import store
from nas.storage.database import read_records
from nas.storage.layout import ASIDE, DATABASE, SPOOL
from nas.study.table import TIMES, table
from tests.toys.runs import execute
from tests.toys.sleepers import made_up
from tests.toys.spaces import STUDY as TOY

ROOT = Path(__file__).parents[2]


class Holding(InlineEngine):
    """Answers at once; from an answer on another connection holds the database, for some seconds."""

    def __init__(self, folder: Path, at: int, seconds: float) -> None:
        super().__init__()
        self._folder, self._at, self._seconds, self._count = folder, at, seconds, 0
        self.holder: sqlite3.Connection | None = None

    def wait(self, seconds: float) -> list[Result]:
        """One answer."""
        if self._count == self._at:
            self.holder = sqlite3.connect(self._folder / DATABASE, isolation_level=None, check_same_thread=False)
            self.holder.execute("BEGIN IMMEDIATE")
            threading.Timer(self._seconds, self.holder.close).start()
        self._count += 1
        jobs, self._jobs = self._jobs, []
        return [made_up(job) for job in jobs]


def test_a_run_waits_for_its_database(tmp_path: Path) -> None:
    """Held for two seconds, it costs two seconds and nothing else."""
    assert len(execute(TOY, tmp_path, Holding(tmp_path, 4, 2.0))) == 8
    assert not (tmp_path / SPOOL).exists()


@pytest.mark.parametrize("damage", [False, True])
def test_what_cannot_be_written_is_told_by_the_next_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, damage: bool
) -> None:
    """Held for longer than a command waits, it ends with 74, and the result lies in a file that the next one reads.

    One whose file was damaged meanwhile is set aside and trained again.
    """
    monkeypatch.setattr(store, "TIMEOUT", 1.0)
    engine = Holding(tmp_path, 4, 3600.0)
    with pytest.raises(StorageFailed, match=r"study.db is locked by another program") as ended:
        execute(TOY, tmp_path, engine)
    assert ended.value.exit_code == 74
    assert engine.holder is not None
    engine.holder.close()
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.cancel()
    assert len(read_records(tmp_path)) == 4
    (kept,) = (tmp_path / SPOOL).iterdir()
    assert kept.name == "4-1.json"
    if damage:
        kept.write_bytes(kept.read_bytes().replace(b'seconds\\":', b'seconds\\":1'))
    assert len(execute(TOY, tmp_path, Holding(tmp_path, -1, 0))) == 8
    assert not (tmp_path / SPOOL).exists()
    assert (tmp_path / ASIDE).exists() == damage
    assert ("is damaged and lies in" in caplog.text) == damage
    expected = execute(TOY, tmp_path.parent / f"{tmp_path.name}-other", Holding(tmp_path, -1, 0))
    mended, other = (table(records).drop(columns=list(TIMES)) for records in (read_records(tmp_path), expected))
    assert mended.equals(other)


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_whose_database_is_held(tmp_path: Path, sign: signal.Signals, code: int) -> None:
    """Ctrl-C and SIGTERM are heard while the database is locked: the command ends within seconds, with their codes."""
    words = ["run", "tests.toys.spaces:SLOW", "--samples", "3", "--out", str(tmp_path), "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "nas", *words], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    with process:
        while not (tmp_path / DATABASE).exists() or len(read_records(tmp_path)) < 1:
            assert process.poll() is None
            time.sleep(0.05)
        with closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None, timeout=30)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            time.sleep(3)  # the next result waits
            process.send_signal(sign)
            began = time.monotonic()
            _, said = process.communicate(timeout=60)
            took = time.monotonic() - began
    assert process.returncode == code
    assert took < 45  # on a machine whose cores are busy; a lock is waited for a minute
    assert "are done and kept" in said
    assert "Traceback" not in said
