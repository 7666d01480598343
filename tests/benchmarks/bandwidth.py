"""What the memory can do at most: a triad and a copy over arrays beyond all caches, one thread a process, all at once.

Bytes read and written count, as in STREAM (McCalpin, 1995): what a processor reads of a line before it writes it
doesn't. `python -m tests.benchmarks.bandwidth` says `ready`, reads a Question and writes Rates.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Literal, get_args

import msgspec
import torch

from tests.benchmarks import child
from tests.benchmarks.peak import windows

MODULE = "tests.benchmarks.bandwidth"
TIMES_CACHE = 4
"""How many times the last caches an array of all processes is, as STREAM demands."""
LEAST = 2**26
"""Bytes of an array of one process at least."""
CPUS = Path("/sys/devices/system/cpu")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
Kind = Literal["triad", "copy"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure."""

    array: int
    """Bytes of each of the three arrays."""
    seconds: float
    """For each kind."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes read and written a second."""

    triad: float
    """Of `a = b + s * c`: two read for each that is written."""
    copy: float
    """Of `a = b`."""


class Bandwidth(msgspec.Struct, frozen=True, kw_only=True):
    """The larger of the two kinds, summed over the processes."""

    rate: float
    """Bytes read and written a second."""
    kind: Kind
    """Which one it was."""
    processes: int
    """That ran at once."""
    array: int
    """Bytes of each array of a process."""


def bandwidth(processes: int, seconds: float) -> Bandwidth:
    """Measure in so many processes at once."""
    array = max(LEAST, TIMES_CACHE * last_caches() // processes)
    rates = child.ask_at_once(MODULE, Question(array=array, seconds=seconds), Rates, processes)
    sums = (sum(rate.triad for rate in rates), sum(rate.copy for rate in rates))
    rate, kind = max(zip(sums, get_args(Kind), strict=True))
    return Bandwidth(rate=rate, kind=kind, processes=processes, array=array)


def last_caches() -> int:
    """Bytes of all caches of the last level; 0 where Linux doesn't tell."""
    found: dict[tuple[int, str], int] = {}
    for cache in CPUS.glob("cpu[0-9]*/cache/index[0-9]*"):
        try:
            level, shared, size = ((cache / name).read_text().strip() for name in ("level", "shared_cpu_list", "size"))
        except OSError:
            continue
        found[int(level), shared] = int(size[:-1]) * UNITS[size[-1]]
    last = max((level for level, _ in found), default=0)
    return sum(size for (level, _), size in found.items() if level == last)


def measure(question: Question) -> Rates:
    """On one thread of this process; the median window counts, for others may begin later or end before."""
    torch.set_num_threads(1)
    a, b, c = torch.ones(3, question.array // 4)
    triad = median(windows(lambda: torch.add(b, c, alpha=0.5, out=a), question.seconds))
    copy = median(windows(lambda: a.copy_(b), question.seconds))
    return Rates(triad=3 * question.array / triad, copy=2 * question.array / copy)


def main() -> None:
    """Answer one question."""
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.flush()
    question = msgspec.json.decode(sys.stdin.buffer.readline(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(measure(question)) + b"\n")


if __name__ == "__main__":
    main()
