"""How much of the machine other programs took meanwhile: a pair that was disturbed says little.

Threads of torch that wait for one another, as in the book's loop, fall to a small part of their speed as soon as one of
them has to share its core; our workers, which wait for nobody, only get their share of it.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Self

import psutil

TOLERABLE = 0.05
"""Share of the cores above which a report warns."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Seconds on clocks, to be compared with a later moment."""

    wall: float
    """That passed."""
    busy: float
    """That all cores worked, for anyone."""
    own: float
    """That they worked for this process and those it started, as far as these live or were waited for."""

    @classmethod
    def now(cls) -> Self:
        """This moment."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # are in user and nice already
        return cls(wall=time.perf_counter(), busy=sum(times) - idle - guests, own=_own())

    def others_since(self) -> float:
        """Share of all cores that other programs have had since this moment."""
        now = Moment.now()
        theirs = (now.busy - self.busy) - (now.own - self.own)
        return max(0.0, theirs / (now.wall - self.wall) / (psutil.cpu_count() or 1))


def _own() -> float:
    process, seconds = psutil.Process(), 0.0
    for one in (process, *process.children()):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds
