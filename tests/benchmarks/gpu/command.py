"""The whole command: each part in a process of its own that ends with its share of the budget, whatever it does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from nas.engines.process import QUEUES
from tests.benchmarks.gpu.children import LAST_WORDS
from tests.benchmarks.gpu.rows import BUDGET, Clock, Kept, Part
from tests.benchmarks.gpu.session import ROOT, Session
from tests.benchmarks.gpu.study import RUN

MODULE = "tests.benchmarks.gpu"
UNUSABLE = 3
"""Status of a part that has left its device unusable: the next process goes on with the rows that are left."""
TALKATIVE = {"PYTHONFAULTHANDLER": "1", "KINETO_LOG_LEVEL": "99"}
"""Crashes leave stacks; the profiler doesn't miss a GPU aloud."""
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Else the threads of the book's loop crawl where others work: a rehearsal needn't be fast."""
Starter = Callable[[Part, float], subprocess.Popen[bytes]]
"""Starts the process of a part, given when its time is up."""


def grace(budget: float) -> float:
    """Seconds by which a part may overrun before it is killed."""
    return max(1.0, min(15.0, 0.04 * budget))


def measuring(budget: float) -> float:
    """Seconds of the budget in which is measured: then the last part may overrun, and the summary is written."""
    return budget - 2 * grace(budget) - 2 * LAST_WORDS


def share(left: float, part: Part, later: Sequence[Part]) -> float:
    """Seconds of what is left that a part gets: what it is expected to take, more where the others leave some."""
    fair = left * part.seconds / (part.seconds + sum(other.seconds for other in later))
    return max(fair, min(left, part.seconds))


@dataclass(kw_only=True)
class Command:
    """Runs parts in order and notes how long each took."""

    session: Session
    clock: Clock
    """Of the whole command."""
    grace: float
    """Seconds by which a part may overrun."""
    start: Starter
    spent: dict[str, float] = field(default_factory=dict)
    """Seconds of each part."""

    def kept(self, part: Part) -> Kept:
        """What there is of a part."""
        return Kept.read(self.session.folder / f"{part.name}.json")

    def run(self, parts: Sequence[Part], after: Callable[[], object]) -> None:
        """Measure what is pending of each; `after` is called when one has ended."""
        for part in parts:
            self.kept(part).retry()
        for index, part in enumerate(parts):
            later = [other for other in parts[index + 1 :] if self.kept(other).pending(other)]
            begun = time.perf_counter()
            if self.kept(part).pending(part) and self.clock.left > 0:
                self._measure(part, share(self.clock.left, part, later))
            self.spent[part.name] = time.perf_counter() - begun
            after()

    def _measure(self, part: Part, seconds: float) -> None:
        """Processes one after another, as long as each that dies has brought the part forward."""
        clock = Clock(deadline=self.clock.now() + seconds, now=self.clock.now)
        while (left := self.kept(part).pending(part)) and clock.left > 0:
            status = self._process(part, clock)
            kept = self.kept(part)
            if kept.running:
                why = f"it ended with status {status}"
                kept.fail(kept.running, f"killed: {BUDGET}" if status is None else f"{why}; see {part.name}.log")
            if status == 0 or status is None or len(kept.pending(part)) >= len(left):
                return

    def _process(self, part: Part, clock: Clock) -> int | None:
        """The status of one process of a part; None where it was killed."""
        process = self.start(part, clock.deadline)
        try:
            return process.wait(min(clock.left + self.grace, 10.0**6))
        except subprocess.TimeoutExpired:
            return None
        finally:
            end(process)


def started(session: Session, words: Sequence[str], part: Part, deadline: float) -> subprocess.Popen[bytes]:
    """A part's process, in a group of its own, which adds to the part's log and leaves stacks there if it crashes."""
    with (session.folder / f"{part.name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", MODULE, *words, "--part", part.name, "--deadline", str(deadline)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**QUEUES, **(PATIENT if session.quick else {}), **os.environ, **TALKATIVE},
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process with all that it started; one that still runs leaves its stacks in its log before."""
    family: list[psutil.Process] = []
    if process.poll() is None:
        with suppress(psutil.Error):
            family = psutil.Process(process.pid).children(recursive=True)
            for one in (*family, psutil.Process(process.pid)):
                with suppress(psutil.Error):
                    one.send_signal(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(LAST_WORDS)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for one in family:
        with suppress(psutil.Error):
            one.kill()
    with suppress(subprocess.TimeoutExpired):  # one that hangs in the driver doesn't hold up the others
        process.wait(LAST_WORDS)


def forget(session: Session, parts: Sequence[Part]) -> None:
    """Remove what parts have, so that they are measured again."""
    for part in parts:
        (session.folder / f"{part.name}.json").unlink(missing_ok=True)
        if part.name == "study":
            shutil.rmtree(session.folder / RUN, ignore_errors=True)


def made(folder: Path) -> Path:
    """The folder, which is there from now on."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
