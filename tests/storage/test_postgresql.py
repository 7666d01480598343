"""A server of PostgreSQL: gone and back, held by another host, and named only by who runs the program."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas.errors import Refused, StorageFailed
from nas.storage import store
from nas.storage.database import read_records, working_on
from nas.storage.layout import DATABASE, LOCK, SPOOL, STORAGE
from nas.storage.location import backend_of
from nas.storage.store import opened
from nas.study.table import TIMES, table
from tests.toys.answers import Answering
from tests.toys.postgres import Postgres
from tests.toys.runs import agreement, execute
from tests.toys.spaces import SLOW
from tests.toys.spaces import STUDY as TOY

ROOT = Path(__file__).parents[2]
SMALL = replace(TOY, samples=1)
Say = Callable[..., tuple[int, str, str]]


@pytest.mark.slow
def test_a_server_that_restarts_or_is_gone_for_seconds_is_survived(
    server: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All connections end and nobody answers for three seconds: that costs three seconds and nothing else."""

    def away() -> None:
        server.stop(signal.SIGQUIT)
        threading.Timer(3.0, server.start).start()

    began = time.monotonic()
    try:
        records = execute(TOY, tmp_path, Answering(3, away))
    finally:
        wait_for_timers()
    assert time.monotonic() - began > 3
    assert [record.trial for record in records] == list(range(8))
    assert not (tmp_path / SPOOL).exists()


def wait_for_timers() -> None:
    """Until servers that are to start have done so."""
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.join()


def test_a_server_that_is_gone_for_good_ends_the_command(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a minute, here a second, it ends with 74; what it couldn't write lies in the folder, for the next one."""
    monkeypatch.setattr(store, "TIMEOUT", 1.0)
    run, other = tmp_path / "run", tmp_path / "other"
    with pytest.raises(StorageFailed, match=r"can't be used: .*failed") as ended:
        execute(TOY, run, Answering(4, server.stop))
    try:
        assert ended.value.exit_code == 74
        assert "run the same command again" in ended.value.hint
        assert [path.name for path in (run / SPOOL).iterdir()] == ["4-1.json"]
        with pytest.raises(StorageFailed, match="can't be read"):
            read_records(run)
    finally:
        server.start()
    assert len(read_records(run)) == 4
    mended, expected = (table(execute(TOY, folder, Answering())).drop(columns=list(TIMES)) for folder in (run, other))
    assert mended.equals(expected)
    assert not (run / SPOOL).exists()


@pytest.mark.slow
def test_a_real_run_survives_a_restart_and_a_kill(server: Postgres, tmp_path: Path) -> None:
    """The server restarts under `nas run`, whose process is killed later: resumed, the run has every trial once."""
    words = ["-m", "nas", "run", "tests.toys.spaces:SLOW", "--samples", "3", "--out", str(tmp_path), "--workers", "1"]
    with subprocess.Popen([sys.executable, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        wait_for_records(tmp_path, 1, process)
        server.stop()
        server.start()
        wait_for_records(tmp_path, 2, process)
        process.send_signal(signal.SIGKILL)
    execute(replace(SLOW, samples=3), tmp_path)
    assert [record.trial for record in read_records(tmp_path)] == list(range(6))
    assert not (tmp_path / DATABASE).exists()


def wait_for_records(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until some trials are over."""
    while not (folder / STORAGE).exists() or len(read_records(folder)) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)


def test_the_second_of_two_hosts_is_told_who_works(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two folders of one run, as on two hosts, share no lock: the second is refused by name until the first ends."""
    here, there = tmp_path / "here", tmp_path / "there"
    execute(SMALL, here, Answering())
    shutil.copytree(here, there)
    (there / LOCK).unlink()
    more, me = replace(TOY, samples=2), f"process {os.getpid()} on {socket.gethostname()}"
    with opened(here, agreement(more, here)):
        monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
        assert working_on(there) == me
        with pytest.raises(Refused, match=f"another process works on .*there: {me}"):
            execute(more, there, Answering())
    assert working_on(there) is None
    assert len(execute(more, there, Answering())) == 4


def test_who_loses_its_connection_and_its_run_is_told_to_whom(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A coordinator that is cut off while another begins ends with 74 and the name of that one."""
    here, there = tmp_path / "here", tmp_path / "there"
    execute(SMALL, here, Answering())
    shutil.copytree(here, there)
    more = replace(TOY, samples=2)
    with opened(here, agreement(more, here)) as first:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid != pg_backend_pid()"
        )
        monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
        with (
            opened(there, agreement(more, there)) as second,
            pytest.raises(StorageFailed, match=f"process {os.getpid()} on elsewhere has taken over") as ended,
        ):
            first.release()
        assert ended.value.exit_code == 74
        assert second.over == {0, 1}


def test_a_broken_connection_that_the_server_still_holds_is_waited_for(server: Postgres, tmp_path: Path) -> None:
    """A session of this very command, not yet known to be dead, keeps it waiting and doesn't end it."""
    import psycopg

    execute(SMALL, tmp_path, Answering())
    run, me = backend_of(tmp_path).run, f"process {os.getpid()} on {socket.gethostname()}"
    with opened(tmp_path, agreement(SMALL, tmp_path)) as ours:
        ghost = psycopg.connect(**server.address, application_name=me)
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid != pg_backend_pid()"
        )
        ghost.execute("SELECT pg_advisory_lock(%s)", (run,))
        threading.Timer(1.0, ghost.close).start()
        began = time.monotonic()
        ours.release()
        assert time.monotonic() - began > 0.9


def test_the_command_names_the_server_once(
    postgres: Postgres, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--storage` is remembered on this machine, and the folder holds it; elsewhere a folder alone connects nobody."""
    monkeypatch.setattr("nas.runner.task.local_engine", lambda count, device, log: Answering())
    words = ("tests.toys.spaces:STUDY", "--samples", 4, "--out", tmp_path / "run", "--workers", 1)
    code, _, message = say("run", *words, "--storage", postgres.url)
    assert code == 0, message
    assert not (tmp_path / "run" / DATABASE).exists()
    for verb, *more in (["status"], ["table"], ["best"], ["principles", "--columns", "width"], ["doctor"]):
        code, _, message = say(verb, tmp_path / "run", *more)
        assert code == 0, message
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
        for verb in ("status", "best", "table", "report", "doctor"):
            code, out, message = say(verb, tmp_path / "run")
            assert (code, out) == (2, "")
            assert f"NAS_STORAGE='{backend_url(tmp_path / 'run')}'" in message
        patch.setenv("NAS_STORAGE", postgres.url)
        assert say("status", tmp_path / "run")[0] == 0
    code, _, message = say("run", *words, "--storage", "postgresql://nas@elsewhere/db")
    assert code == 2
    assert "lie in postgresql+psycopg://nas@/postgres" in message


def test_what_the_page_shows_works(
    postgres: Postgres, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of `docs/run_folder.md` that name a server, with another server and fewer networks."""
    monkeypatch.setattr("nas.runner.task.local_engine", lambda count, device, log: Answering())
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "run_folder.md").read_text()
    lines = page.partition("```text\n")[2].partition("```")[0].splitlines()
    commands = [line.split() for line in lines if line.startswith("nas ")]
    assert len(commands) == 4
    for _, *words in commands:
        told = [postgres.url if word.startswith("postgresql") else word for word in words]
        code, _, message = say(*told, *(["--samples", 1] if words[0] == "run" else []))
        assert code == 0, message
    assert len(read_records(tmp_path / "first")) == 3


def backend_url(folder: Path) -> str:
    """The server that a folder names."""
    return str(json.loads((folder / STORAGE).read_text())["url"])


def test_an_audit_lies_where_its_run_lies(postgres: Postgres, tmp_path: Path) -> None:
    """What is trained once more is written to the same server."""
    run = nas.run(TOY, out=tmp_path, engine=Answering(), storage=postgres.url, quiet=True)
    nas.audit(run, networks=4, seeds=0, study=TOY, engine=Answering(), quiet=True)
    assert str(backend_of(tmp_path / "audit")) == str(backend_of(tmp_path))
    assert len(read_records(tmp_path / "audit")) == 4


def test_lost_trials_on_a_server_are_noticed(postgres: Postgres, tmp_path: Path) -> None:
    """A server without the run, as after a backup of earlier, is refused: log and table tell of its trials."""
    nas.run(SMALL, out=tmp_path, engine=Answering(), storage=postgres.url, quiet=True)
    run = backend_of(tmp_path).run
    postgres.execute(f"DELETE FROM nas_trials WHERE run = {run}; DELETE FROM nas_runs WHERE id = {run}")  # noqa: S608
    assert nas.open(tmp_path).lost
    with pytest.raises(StorageFailed, match="lacks trials that other files tell of"):
        nas.run(SMALL, out=tmp_path, engine=Answering(), quiet=True)
