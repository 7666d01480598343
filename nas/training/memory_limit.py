"""How much memory this process and its workers may use: of the machine, a control group, or one process.

/proc/self/cgroup, /proc/self/mountinfo --folders of the groups--> MemoryLimit
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from nas.training.cpu_quota import groups, text_of

FILES = ("memory.max", "memory.limit_in_bytes")
"""Where control groups of version 2 and of version 1 say how many bytes they may hold."""
GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class MemoryLimit:
    """Bytes that may be used."""

    total: int
    """By all processes together."""
    of_process: int | None
    """Addresses of each process (`ulimit -v`); None without such a limit."""

    def __str__(self) -> str:
        """As people read it."""
        own = f", {self.of_process / GIB:.1f} GiB of addresses a process (ulimit -v)" if self.of_process else ""
        return f"{self.total / GIB:.1f} GiB{own}"


def memory_limit(root: Path = Path("/")) -> MemoryLimit:
    """What the machine has, or the least limit of this process's control groups and of all above them."""
    limits = [int(text) for folder in groups(root, "memory") for name in FILES if (text := _number(folder / name))]
    return MemoryLimit(total=min([psutil.virtual_memory().total, *limits]), of_process=_addresses())


def _number(path: Path) -> str:
    text = text_of(path).strip()
    return text if text.isdigit() else ""


def _addresses() -> int | None:
    try:
        import resource
    except ImportError:  # no such thing on Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft
