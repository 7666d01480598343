"""Processes of a part: what they print line by line, and why they ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from tests.benchmarks.gpu.rows import BUDGET, Clock
from tests.benchmarks.gpu.session import LONGEST, ROOT


def lines_of(words: list[str], clock: Clock, environment: Mapping[str, str] | None = None) -> tuple[list[str], str]:
    """Lines that `python WORDS` printed, and why there aren't more; empty where it ended well.

    What it prints is also printed here, and goes on to the log of the part.
    """
    process = subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )
    try:
        output, reason = process.communicate(timeout=max(0.1, min(LONGEST, clock.left)))[0], ""
    except subprocess.TimeoutExpired:
        process.kill()
        output, reason = process.communicate()[0], BUDGET
    sys.stdout.write(output)
    sys.stdout.flush()
    return output.splitlines(), reason or (f"it ended with status {process.returncode}" if process.returncode else "")
