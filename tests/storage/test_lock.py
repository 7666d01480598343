"""One coordinator at a time: the second is refused by name, and neither the dead nor the curious are in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nas.data import DataInfo
from nas.errors import Refused
from nas.storage.layout import LOCK
from nas.storage.lock import coordinator
from nas.storage.store import opened
from tests.toys import spaces
from tests.toys.runs import agreement, execute

TOY = replace(spaces.STUDY, samples=1)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A finished run."""
    execute(TOY, tmp_path / "run")
    return tmp_path / "run"


HOLD = """
import sys, time
from pathlib import Path
from nas.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Another process that works on the run; its number."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_second_coordinator_is_refused(finished: Path) -> None:
    """While another process works on a run, a command is refused with its number; its death frees the run."""
    with held(finished) as pid:
        assert coordinator(finished) == f"process {pid} on {os.uname().nodename}"
        with pytest.raises(Refused, match=f"another process works on .*: process {pid} on "):
            execute(TOY, finished)
    assert coordinator(finished) is None
    assert str(pid) in (finished / LOCK).read_text()  # stale, and no obstacle
    execute(TOY, finished)


def test_asking_who_works_does_not_lock_anybody_out(finished: Path, digits: DataInfo) -> None:
    """A command that begins in the moment in which somebody looks at the lock is not refused."""
    code = f"""
import fcntl, time
with open({str(finished / LOCK)!r}, "r+") as file:
    fcntl.flock(file, fcntl.LOCK_SH)
    print("looking", flush=True)
    time.sleep(0.1)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as looking:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "looking\n"
        with opened(finished, agreement(TOY, finished)):
            assert "process" in (coordinator(finished) or "")
