"""The command line, killed and interrupted in the midst: the same command resumes, and the end is the same."""

from __future__ import annotations

import os
import pty
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import psutil
import pytest

from nas.storage.database import read_records, read_rows
from nas.storage.layout import DATABASE, PAGE, WEIGHTS
from nas.storage.tables import State
from nas.study.table import TIMES, table
from tests.toys.runs import execute
from tests.toys.spaces import SLOW

ROOT = Path(__file__).parents[2]
IGNORING = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
"""What nohup does, without its choice of streams."""


@contextmanager
def started(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A Python process that doesn't outlive its test."""
    process = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def command(folder: Path, workers: int) -> list[str]:
    """`nas run` with three networks a space."""
    words = ["run", "tests.toys.spaces:SLOW", "--samples", "3", "--out", str(folder), "--workers", str(workers)]
    return ["-m", "nas", *words]


def wait_for_records(folder: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until some trials are over."""
    while not (folder / DATABASE).exists() or len(read_records(folder)) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def states(folder: Path) -> list[str]:
    """Where each trial stands."""
    return [row.state for row in read_rows(folder)]


def finish(folder: Path) -> pd.DataFrame:
    """Go on with the run and extend it to four networks a space, in this process; the table without times."""
    for samples in (3, 4):
        execute(replace(SLOW, samples=samples), folder)
    return table(read_records(folder)).drop(columns=list(TIMES))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The table of an uninterrupted run with one worker."""
    return finish(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "sign"),
    [(1, signal.SIGTERM), (2, signal.SIGKILL), pytest.param(2, signal.SIGINT, marks=pytest.mark.long)],
)
def test_a_run_goes_on_where_it_was(
    tmp_path: Path, undisturbed: pd.DataFrame, workers: int, sign: signal.Signals
) -> None:
    """Killed, terminated or interrupted after two trials, resumed and extended, a run has the undisturbed table."""
    with started(command(tmp_path, workers)) as process:
        wait_for_records(tmp_path, 2, process)
        children = psutil.Process(process.pid).children()
        process.send_signal(sign)
        _, said = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}[sign]
    assert psutil.wait_procs(children, timeout=30)[1] == []
    kept = read_records(tmp_path)
    if sign is not signal.SIGKILL:
        assert f"interrupted; {len(kept)} of 6 trials are done and kept" in said
        assert "run the same command again to resume" in said
        assert State.RUNNING not in states(tmp_path)
    pd.testing.assert_frame_equal(finish(tmp_path), undisturbed)
    assert set(states(tmp_path)) == {State.FINISHED}
    assert read_records(tmp_path)[: len(kept)] == kept or sign in (signal.SIGINT, signal.SIGKILL)
    assert len(list((tmp_path / WEIGHTS).iterdir())) == 8


@pytest.mark.slow
def test_the_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    """The first SIGINT waits for running trainings, the second ends them, and the exit code is 130."""
    code = (
        "import msgspec, sys, nas; from dataclasses import replace; from tests.toys.spaces import SLOW\n"
        "from nas.runner import coordinator; coordinator.DRAIN_LIMIT = 3600\n"
        "study = replace(SLOW, recipe=msgspec.structs.replace(SLOW.recipe, epochs=10**6))\n"
        "try: nas.run(study, out=sys.argv[1], workers=1, observer=lambda s, r: print(s.running, flush=True))\n"
        "except nas.NasError as error: sys.exit(error.exit_code)\n"
    )
    with started(["-c", code, str(tmp_path)]) as process:
        assert process.stdout is not None
        while (line := process.stdout.readline()) == "0\n":
            pass  # its worker loads torch
        assert line == "1\n"
        process.send_signal(signal.SIGINT)
        for _ in range(4):  # looks at the engine while it drains: the first signal doesn't stop it
            assert process.stdout.readline() == "1\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert states(tmp_path) == [State.WAITING] * 2  # the one that ran and the one that waited behind it


@pytest.mark.slow
@pytest.mark.parametrize("shell", [[], pytest.param(["-c", IGNORING, sys.executable], marks=pytest.mark.long)])
def test_a_hangup_ends_nothing(tmp_path: Path, shell: list[str]) -> None:
    """A run goes on to its end when its terminal is closed, also where whoever started it ignores SIGHUP."""
    with started([*shell, *command(tmp_path, 1)]) as process:
        wait_for_records(tmp_path, 1, process)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=120)
    assert process.returncode == 0
    assert len(read_records(tmp_path)) == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    "streams",
    [
        "2>&1 | head -1",
        *(pytest.param(one, marks=pytest.mark.long) for one in ("2>&1 >/dev/null | head -1", "2>/dev/null | true")),
    ],
)
def test_a_run_goes_on_without_its_reader(tmp_path: Path, streams: str) -> None:
    """Whoever reads progress or summary may leave: all is trained, the page written, the exit code 0."""
    words = " ".join([sys.executable, *command(tmp_path / "run", 1)])
    done = subprocess.run(["bash", "-c", f"{{ {words}; echo $? >{tmp_path}/code; }} {streams}"], cwd=ROOT, timeout=120)
    assert done.returncode == 0
    assert (tmp_path / "code").read_text() == "0\n"
    assert len(read_records(tmp_path / "run")) == 6
    assert (tmp_path / "run" / PAGE).is_file()


@pytest.mark.slow
def test_a_terminal_that_is_closed_ends_nothing_that_ignores_it(tmp_path: Path) -> None:
    """The bar of a run under nohup writes to a terminal that is gone; the run ends as if somebody looked."""
    leader, follower = pty.openpty()
    words = [sys.executable, "-c", IGNORING, sys.executable, *command(tmp_path, 1)]
    with subprocess.Popen(words, cwd=ROOT, stdin=follower, stdout=subprocess.DEVNULL, stderr=follower) as process:
        os.close(follower)
        while not (tmp_path / DATABASE).exists() or not read_records(tmp_path):
            assert process.poll() is None
            time.sleep(0.05)
            if select.select([leader], [], [], 0)[0]:
                os.read(leader, 4096)
        os.close(leader)
        assert process.wait(timeout=120) == 0
    assert len(read_records(tmp_path)) == 6


@pytest.mark.long
def test_a_run_killed_again_and_again_comes_to_the_same_end(tmp_path: Path, undisturbed: pd.DataFrame) -> None:
    """Killed six times at moments that a seed decides, a run loses no record that was read and ends undisturbed."""
    moments, kept = random.Random(0), 0  # noqa: S311 -- no secret
    for _ in range(6):
        with started(command(tmp_path, 2)) as process:
            while not (tmp_path / DATABASE).exists() and process.poll() is None:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 5))
        known = len(read_records(tmp_path))
        assert known >= kept
        kept = known
    pd.testing.assert_frame_equal(finish(tmp_path), undisturbed)


def test_ctrl_c_while_it_loads_leaves_no_traceback(tmp_path: Path) -> None:
    """SIGINT in the first second, in the midst of imports, ends the command with 130 and without a word."""
    for moment in (0.15, 0.3, 0.6):
        with started(["-m", "nas", "run", "quickstart", "--out", str(tmp_path / "run")]) as process:
            while b"nas" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                time.sleep(0.001)
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode in (130, -signal.SIGINT)  # the latter before our code runs at all
        assert "nas/" not in said, said
