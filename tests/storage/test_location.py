"""Which server a run may name: none by itself, none with a password, and none without the driver."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nas
from nas.engines import InlineEngine
from nas.errors import Refused, StorageFailed
from nas.storage.layout import DATABASE, STORAGE
from nas.storage.location import named
from tests.toys.spaces import STUDY as TOY

pytest.importorskip("psycopg")
Say = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("verb", ["status", "table", "best", "report", "doctor", "principles", "audit"])
def test_a_received_folder_connects_nobody(copied: Path, say: Say, verb: str) -> None:
    """A folder of a stranger that names a server is refused before a connection is made, whatever the verb."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        (copied / DATABASE).unlink()
        url = f"postgresql+psycopg://you@127.0.0.1:{port}/db"
        (copied / STORAGE).write_text(json.dumps({"url": url, "run": 1}))
        code, out, message = say(verb, copied)
        assert (code, out) == (2, "")
        assert "on a server that nobody has named on this machine" in message
        assert f"NAS_STORAGE={url} " in message
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is damaged"),
        ('{"url": "postgresql://a@b/c", "run": 1, "password": "x"}', "is damaged"),
        ('{"url": "postgresql://a@b/c", "run": -1}', "is damaged: -1 is no number of a run"),
        ('{"url": "sqlite:////etc/passwd", "run": 1}', "this URL is of sqlite"),
        ('{"url": "postgresql://a:secret@b/c", "run": 1}', "a password in a URL"),
    ],
)
def test_a_hostile_place_is_refused(copied: Path, say: Say, content: str, said: str) -> None:
    """What isn't the URL of a server with the number of a run is named and not used."""
    (copied / STORAGE).write_text(content)
    code, _, message = say("status", copied)
    assert code == 2
    assert said in message
    assert "secret" not in message
    assert ("the trials may lie in study.db beside it" in message) == ("damaged" in message)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:secret@host/db", "a password in a URL"),
        ("postgresql://me@host/db?password=secret", "a password in a URL"),
        ("mysql://me@host/db", "this URL is of mysql"),
        ("sqlite:///runs.db", "this URL is of sqlite"),
        ("me:secret@host", "no URL of a database"),
    ],
)
def test_urls_that_are_refused(tmp_path: Path, url: str, said: str) -> None:
    """Passwords are neither shown nor stored, and other databases aren't used: nothing is written."""
    with pytest.raises(Refused, match=said) as refused:
        nas.run(TOY, out=tmp_path / "run", engine=InlineEngine(), storage=url)
    assert "secret" not in f"{refused.value} {refused.value.hint}"
    assert not (tmp_path / "run").exists()


def test_names_of_the_driver_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`postgresql://` is what it is with its driver, and is remembered once."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    urls = {named(f"{driver}://me@host/db") for driver in ("postgresql", "postgres", "postgresql+psycopg")}
    assert urls == {"postgresql+psycopg://me@host/db"}
    (servers,) = tmp_path.rglob("servers")
    assert servers.read_text() == "postgresql+psycopg://me@host/db\n"


def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without psycopg the command says how to get it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(Refused, match="PostgreSQL needs psycopg") as refused:
        nas.run(TOY, out=tmp_path / "run", engine=InlineEngine(), storage="postgresql://me@host/db")
    assert refused.value.hint == "pip install 'nas-atlas[postgresql]'"


def test_a_server_that_cannot_be_reached_is_not_written_down(tmp_path: Path) -> None:
    """A name with a slip of the pen ends with 74, and the right one begins the run."""
    url = f"postgresql://me@/db?host={tmp_path}"
    with pytest.raises(StorageFailed, match="can't be read: connection") as failed:
        nas.run(TOY, out=tmp_path / "run", engine=InlineEngine(), storage=url)
    assert failed.value.exit_code == 74
    assert not (tmp_path / "run" / STORAGE).exists()


def test_a_lost_file_is_not_replaced_by_a_server(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where log and table tell of trials whose file is lost, nothing is begun on the server of the environment."""
    (run / DATABASE).unlink()
    monkeypatch.setenv("NAS_STORAGE", "postgresql://me@127.0.0.1:9/db")
    with pytest.raises(StorageFailed, match=r"study.db is missing, but other files tell of finished trials"):
        nas.run(TOY, out=run, engine=InlineEngine())
    assert not (run / STORAGE).exists()


def test_a_run_in_a_file_stays_there(copied: Path) -> None:
    """A run that was begun in its folder isn't moved to a server by naming one."""
    with pytest.raises(Refused, match=r"the trials of .* lie in .*study\.db"):
        nas.run(TOY, out=copied, engine=InlineEngine(), storage="postgresql://me@host/db")
