"""Hundreds of trials under faults that never end: whatever is killed, paused or away, the end is the same."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from nas.storage.database import read_records, read_rows
from nas.storage.layout import DATABASE, SPOOL
from nas.storage.tables import State
from nas.study.table import TIMES, table
from tests.toys.answers import Answering
from tests.toys.postgres import Postgres
from tests.toys.runs import execute
from tests.toys.soak import STUDY

ROOT = Path(__file__).parents[2]
LONGEST = 1500.0
"""Seconds; a machine with eight other programs took 740."""


class Soak:
    """A command that is begun again until it ends by itself, and what happens to it."""

    def __init__(self, folder: Path, server: Postgres | None) -> None:
        self.folder, self._server = folder, server
        self._random = random.Random(0)  # noqa: S311
        self.done: Counter[str] = Counter()
        self.process = self._begun()

    def disturb(self) -> None:
        """One fault, once there are workers that it could hit."""
        workers = [child for child in _children(self.process) if child.status() != psutil.STATUS_ZOMBIE]
        faults: list[Callable[[], None]] = [self._hold, self._hold_until_it_is_ended]
        if workers:
            worker = self._random.choice(workers)
            faults += 3 * [lambda: worker.kill(), lambda: self._pause(worker)] + 2 * [self.process.kill]
            names = ["database away", "spool", *3 * ["worker killed", "worker paused"], *2 * ["command killed"]]
            chosen = self._random.randrange(len(faults))
            with suppress(psutil.NoSuchProcess):
                faults[chosen]()
                self.done[names[chosen]] += 1

    def resume(self) -> bool:
        """Begin the command again if it was ended; whether it has come to its end."""
        if self.process.poll() == 0:
            return True
        if self.process.returncode is not None:
            assert self.process.returncode in (-signal.SIGKILL, 74, 143), self.process.communicate()
            assert not [worker for worker in self._orphans() if worker.is_running()]
            self.process.communicate()
            self.process = self._begun()
        return False

    def _begun(self) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "tests.toys.soak", str(self.folder)]
        return subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)

    def _pause(self, worker: psutil.Process) -> None:
        worker.suspend()
        time.sleep(self._random.uniform(0, 2))
        worker.resume()

    def _hold(self, seconds: float = 3.0, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Nobody can write for some seconds: another program holds the file, or the server is away."""
        if self._server:
            self._server.stop(self._random.choice((signal.SIGINT, signal.SIGQUIT)))
            meanwhile()
            time.sleep(seconds)
            self._server.start()
            return
        with closing(sqlite3.connect(self.folder / DATABASE, isolation_level=None, timeout=30)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            meanwhile()
            time.sleep(seconds)

    def _hold_until_it_is_ended(self) -> None:
        """SIGTERM while nobody can write: what is finished goes to files."""

        def end() -> None:
            time.sleep(2)
            self.process.terminate()
            self.process.wait(60)

        self._hold(0.0, end)

    def _orphans(self) -> list[psutil.Process]:
        """Workers of a command that has ended, two seconds later."""
        time.sleep(2)
        mine = [p for p in psutil.process_iter(["ppid", "cmdline"]) if p.info["ppid"] == 1 and p.info["cmdline"]]
        return [p for p in mine if "tests.toys.sleepers" in p.info["cmdline"]]


def _children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children()
    return []


@pytest.mark.long
@pytest.mark.timeout(LONGEST + 300)
@pytest.mark.usefixtures("database")
def test_under_many_faults_the_end_is_the_same(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """300 trials, a fault every few seconds: each is there once, none is left, and the table is the undisturbed one."""
    server = request.getfixturevalue("server") if "PostgreSQL" in request.node.name else None
    soak, until = Soak(tmp_path / "run", server), time.monotonic() + LONGEST
    pauses = random.Random(1)  # noqa: S311
    try:
        while not soak.resume():
            assert time.monotonic() < until, soak.done
            time.sleep(pauses.uniform(1, 4))
            soak.disturb()
    finally:
        soak.process.kill()
        soak.process.communicate()
    print(dict(soak.done))  # noqa: T201
    records = read_records(tmp_path / "run")
    assert [record.trial for record in records] == list(range(300))
    assert {row.state for row in read_rows(tmp_path / "run")} == {State.FINISHED}
    assert not (tmp_path / "run" / SPOOL).exists()
    expected = execute(STUDY, tmp_path / "other", Answering())
    mended, undisturbed = (table(found).drop(columns=list(TIMES)) for found in (records, expected))
    assert mended.equals(undisturbed)
    assert sum(soak.done.values()) > 20, soak.done
