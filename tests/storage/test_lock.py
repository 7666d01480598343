"""One coordinator at a time: the second is refused by name, and neither the dead nor the curious are in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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


RACE = """
import sys
from pathlib import Path
from nas.errors import Refused
from nas.storage.lock import locked
print("ready", flush=True)
sys.stdin.readline()
try:
    with locked(Path(sys.argv[1])):
        print("works", flush=True)
        sys.stdin.readline()
except Refused as refused:
    print(refused, flush=True)
"""


def test_of_twenty_at_once_one_works(tmp_path: Path) -> None:
    """Of twenty processes that begin in the same moment one gets the run; each of the others is told its number."""
    words = [sys.executable, "-c", RACE, str(tmp_path)]
    with ExitStack() as stack:
        starts = (subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(20))
        racers = [stack.enter_context(process) for process in starts]
        assert [told(racer) for racer in racers] == ["ready\n"] * 20
        for racer in racers:
            tell(racer)
        answers = [told(racer) for racer in racers]
        (winner,) = [racer for racer, answer in zip(racers, answers, strict=True) if answer == "works\n"]
        tell(winner)
    assert sum(f": process {winner.pid} on {os.uname().nodename}\n" in answer for answer in answers) == 19


def told(process: subprocess.Popen[str]) -> str:
    """The next line that a process says."""
    assert process.stdout is not None
    return process.stdout.readline()


def tell(process: subprocess.Popen[str]) -> None:
    """Let a process go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
