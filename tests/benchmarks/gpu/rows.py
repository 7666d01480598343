"""A part of the benchmark: rows that are measured in order under a clock, each kept in a file as soon as it is done."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nas.files import write_atomically

logger = logging.getLogger(__name__)

Row = dict[str, Any]
MISSING = "missing"
"""Key of a row that isn't whole yet: why; such a row is continued by the next command."""
BUDGET = "the budget had ended"
NOT_BEGUN = f"not begun: {BUDGET}"


class OutOfTime(Exception):
    """The budget has ended in the middle of a row."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """How long there is still to measure."""

    deadline: float
    """In seconds since 1970, so that several processes can share it."""
    now: Callable[[], float] = time.time

    @property
    def left(self) -> float:
        """Seconds; negative when the time is up."""
        return self.deadline - self.now()

    def check(self) -> None:
        """Raise OutOfTime when the time is up."""
        if self.left <= 0:
            raise OutOfTime(BUDGET)


Measure = Callable[[Clock, Row], Row]
"""Measures a row, given what an earlier command has left of it; a result with `MISSING` isn't whole."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that one process measures."""

    name: str
    """As on the command line."""
    seconds: float
    """That it is expected to take: its share of the budget, beside those of the others."""
    rows: Mapping[str, Measure]
    """Key -> how it is measured."""
    conclusion: Callable[[dict[str, Row]], list[str]] = lambda rows: []
    """Lines of the summary that follow from all rows."""


@dataclass(kw_only=True)
class Kept:
    """What there is of a part, in its file."""

    path: Path
    """The file; it is whole at any time."""
    rows: dict[str, Row] = field(default_factory=dict)
    """What was measured."""
    failed: dict[str, str] = field(default_factory=dict)
    """Rows that this command can't measure, and why."""
    suspects: dict[str, str] = field(default_factory=dict)
    """The same from earlier commands: they are tried again, after all others."""
    running: str = ""
    """The row in hand: the one that is to blame if the process dies."""

    @classmethod
    def read(cls, path: Path) -> Kept:
        """What the file says; nothing where there is none."""
        return cls(path=path, **(json.loads(path.read_text()) if path.exists() else {}))

    def write(self) -> None:
        """Put all of it into the file."""
        values = {name: value for name, value in asdict(self).items() if name != "path"}
        write_atomically(self.path, json.dumps(values, indent=1).encode())

    def begin(self, key: str) -> None:
        """Note which row is in hand."""
        self.running = key
        self.write()

    def keep(self, key: str, row: Row) -> None:
        """A row that was measured."""
        self.rows[key], self.running = row, ""
        self.failed.pop(key, None)
        self.suspects.pop(key, None)
        self.write()

    def fail(self, key: str, reason: str) -> None:
        """A row that couldn't be measured."""
        self.failed[key], self.running = reason, ""
        self.write()

    def retry(self) -> None:
        """A new command begins: what failed is tried again."""
        self.suspects |= self.failed
        self.failed = {}
        self.write()

    def pending(self, part: Part) -> list[str]:
        """Rows that are still to be measured, in their order."""
        left = [key for key in part.rows if key not in self.failed and MISSING in self.rows.get(key, {MISSING: ""})]
        return sorted(left, key=lambda key: key in self.suspects)

    def missing(self, part: Part) -> dict[str, str]:
        """Rows that aren't there or aren't whole, and why."""
        reasons: dict[str, str] = {}
        for key in part.rows:
            if key not in self.rows:
                reasons[key] = self.failed.get(key) or self.suspects.get(key) or NOT_BEGUN
            elif MISSING in self.rows[key]:
                reasons[key] = self.failed.get(key) or str(self.rows[key][MISSING])
        return reasons


def measure(part: Part, kept: Kept, clock: Clock, facts: Row, usable: Callable[[], bool]) -> bool:
    """Measure what is pending while there is time; False where an error has left the device unusable.

    Each row carries the facts, what it ran on.
    """
    for key in kept.pending(part):
        if clock.left <= 0:
            break
        logger.info("%s: %s, %.0f s left", part.name, key, clock.left)
        kept.begin(key)
        begun = time.perf_counter()
        try:
            row = part.rows[key](clock, kept.rows.get(key, {}))
        except OutOfTime:
            kept.fail(key, f"{BUDGET} after {time.perf_counter() - begun:.0f} s of it")
        except Exception as error:
            logger.exception("%s: %s failed", part.name, key)
            kept.fail(key, f"{type(error).__name__}: {error}".split("\n")[0][:500])
            if not usable():
                return False
        else:
            kept.keep(key, {**row, **facts, "row_seconds": time.perf_counter() - begun})
            logger.info("%s: %s: %s", part.name, key, json.dumps(row))
    return True
