"""Processes of a part: what they print line by line, and why they ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from tests.benchmarks.gpu.rows import BUDGET, Clock
from tests.benchmarks.gpu.session import LONGEST, ROOT

LAST_WORDS = 1.0
"""Seconds for the stacks of a process that is to be killed."""


def lines_of(words: list[str], clock: Clock, environment: Mapping[str, str] | None = None) -> tuple[list[str], str]:
    """Lines that `python WORDS` printed, and why there aren't more; empty where it ended well.

    They are printed here, too, as they come, and go on to the log of the part.
    """
    lines: list[str] = []
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {}), "PYTHONUNBUFFERED": "1"},
    )
    reader = threading.Thread(target=_echo, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        status, reason = process.wait(max(0.1, min(LONGEST, clock.left))), ""
    except subprocess.TimeoutExpired:
        status, reason = 0, BUDGET
        abort(process)
    reader.join(LAST_WORDS)
    return lines, reason or (f"it ended with status {status}" if status else "")


def abort(process: subprocess.Popen[str]) -> None:
    """Kill a process that has left the stacks of its threads in the log."""
    process.send_signal(signal.SIGABRT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(LAST_WORDS)
    process.kill()


def _echo(pipe: IO[str], lines: list[str]) -> None:
    with pipe:
        for line in pipe:
            lines.append(line.rstrip("\n"))
            sys.stdout.write(line)
            sys.stdout.flush()
