"""A run watched in a terminal: distributions as characters, leaders, and a view that ends with the run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

import nas
from nas.analysis import edf
from nas.cli.live.chart import BRAILLE, Line, chart
from nas.cli.live.watch import State, screen
from nas.engines import InlineEngine
from nas.storage.lock import locked
from nas.storage.results import Run
from tests.toys.runs import execute
from tests.toys.spaces import HUNT, VARIED


def line(place: int, *errors: float) -> Line:
    """A space with these errors."""
    return Line(edf=edf(errors, name=f"space {place}", guess=0.9), place=place)


def dots(rows: list[str]) -> list[str]:
    """Rows with every character of dots as a dot."""
    return ["".join("." if ord(c) > BRAILLE else c for c in row) for row in rows]


def drawn(*lines: Line, width: int = 40, height: int = 5) -> list[str]:
    """The rows of a chart."""
    return [row.plain.rstrip() for row in chart(lines, width, height)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of eight networks in each of two spaces."""
    folder = tmp_path_factory.mktemp("watched") / "run"
    execute(replace(VARIED, samples=8), folder, InlineEngine())
    return nas.open(folder)


def seen(run: Run, width: int, height: int = 40) -> str:
    """The screen of a run as text."""
    console = Console(width=width, height=height, color_system=None)
    with console.capture() as capture:
        console.print(screen(State(run=run, holder=None, rate=None), width, height))
    return capture.get()


def test_a_line_is_the_share_below_each_error() -> None:
    """A line rises from 0 to 100 % where its errors lie, has its letter, and stands over an axis of errors."""
    rows = dots(drawn(line(0, *(0.2 + 0.01 * k for k in range(21)))))
    assert [row[:6].strip() for row in rows] == ["100 %", "", "50 %", "", "0 %", "", ""]
    first = [min(i for i, c in enumerate(row[7:]) if c in ".a") for row in rows[:5]]
    assert first == sorted(first, reverse=True)
    assert sum("a" in row[7:] for row in rows[:5]) == 1
    assert rows[-2].split() == ["20.00", "%", "39.00", "%"]
    assert rows[-1].strip() == "1 above that"


def test_a_failure_keeps_a_line_below_the_top() -> None:
    """Half of the networks failed, so nothing is drawn above 50 %."""
    rows = dots(drawn(line(0, *([0.2, 0.3] * 4), *[inf] * 8)))
    assert [("." in row or "a" in row) for row in rows[:5]] == [False, False, True, True, True]


def test_few_networks_are_letters_and_no_line() -> None:
    """Below eight networks a space is a strip of letters; without an error there is no chart."""
    assert drawn(line(0, 0.2, 0.3), line(2, 0.25))[0].split() == ["a", "c", "a"]
    assert drawn(line(0, inf, inf)) == []
    assert drawn() == []


def test_neighbours_differ_without_colour() -> None:
    """Two lines next to each other differ in letter, dash and colour."""
    one, other = line(3, 0.2), line(4, 0.2)
    assert (one.letter, one.dash, one.colour) == ("d", "11110010", "magenta")
    assert {one.letter, one.dash, one.colour}.isdisjoint({other.letter, other.dash, other.colour})


@pytest.mark.parametrize("width", [30, 60, 90, 140])
def test_a_screen_fits_the_terminal(run: Run, width: int) -> None:
    """Words, n, mean and the leaders with what images leave open, in no more columns than there are."""
    shown = seen(run, width)
    assert max(map(len, shown.splitlines())) <= width
    assert "16 of 16 trials" in " ".join(shown.split())
    assert shown.count("±") == (7 if width >= 60 else shown.count("±"))
    assert ("architecture" in shown) == (width >= 76)
    if width >= 60:
        assert "a tiny" in shown


@pytest.mark.slow
def test_a_search_has_no_distribution(tmp_path: Path) -> None:
    """Networks that a search chose are no sample: the screen says so, and shows the leaders."""
    execute(HUNT, tmp_path)
    shown = seen(nas.open(tmp_path), 100)
    assert "no distribution: none of the" in shown
    assert "error" in shown


def test_names_of_strangers_steer_nothing(run: Run) -> None:
    """Escapes and turned letters in names are written out."""
    evil = "\x1b[31mred\u202e"
    records = tuple(msgspec.structs.replace(record, space=evil) for record in run.records)
    shown = seen(replace(run, records=records), 140)
    assert "\\u001b[31mred\\u202e" in shown
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown


@contextmanager
def watching(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[bytes]]]:
    """`nas status --watch` in a terminal of its own, and what it has written there."""
    ours, theirs = pty.openpty()
    words = (sys.executable, "-m", "nas", "status", folder, "--watch")
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    written: list[bytes] = []

    def read() -> None:
        try:
            while piece := os.read(ours, 65536):
                written.append(piece)
        except OSError:
            return

    threading.Thread(target=read, daemon=True).start()
    with closing(os.fdopen(ours, "wb", closefd=True)):
        yield process, written
        process.kill()
        process.wait()


def appears(written: list[bytes], text: str, times: int = 1) -> bool:
    """Whether a text is written so often within a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if b"".join(written).decode(errors="replace").count(text) >= times:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.slow
def test_the_view_is_drawn_in_place_and_ends_with_the_run(run: Run) -> None:
    """While somebody trains, the screen is drawn over itself; then the last state stays, and the exit code is 0."""
    with locked(run.folder), watching(run.folder) as (process, written):
        assert appears(written, "16 of 16 trials", times=2)
        assert process.poll() is None
        assert b"\x1b[1A\x1b[2K" in b"".join(written)
        assert b"\x1b[2J" not in b"".join(written)
    with watching(run.folder) as (process, written):
        assert process.wait(60) == 0
        assert appears(written, "finished")


def test_ctrl_c_ends_the_view(run: Run) -> None:
    """An interrupt ends it with 130, the cursor is shown again, and there is no traceback."""
    with locked(run.folder), watching(run.folder) as (process, written):
        assert appears(written, "16 of 16 trials")
        process.send_signal(2)
        assert process.wait(60) == 130
        assert appears(written, "\x1b[?25h")
        assert b"Traceback" not in b"".join(written)
