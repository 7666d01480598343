"""How much of the processor a container or another control group leaves to this process; no affinity tells that.

/proc/self/cgroup, /proc/self/mountinfo --folders of the groups--> CpuQuota
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FILES = (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
"""Where control groups of version 2 and of version 1 say how much time they have, and in which period."""


@dataclass(frozen=True, kw_only=True)
class CpuQuota:
    """A limit on the processor's time."""

    cores: float
    """Cores that may be kept busy, perhaps a fraction."""
    source: Path
    """The file that says so."""

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.cores:g} cores ({self.source})"


def cpu_quota(root: Path = Path("/")) -> CpuQuota | None:
    """The least quota of this process's control groups and of all above them that can be seen; None without any."""
    quotas = [quota for folder in groups(root, "cpu") if (quota := _quota(folder))]
    return min(quotas, key=lambda quota: quota.cores, default=None)


def groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the control groups with a controller, each followed by those above it up to where they are mounted.

    A container often sees the path that its group has outside, where its own group is what is mounted.
    """
    own = _own_groups(root)
    for line in text_of(root / "proc/self/mountinfo").splitlines():
        mount, _, system = line.partition(" - ")
        top, place = mount.split()[3:5]
        kind, *_, options = system.split()
        version = {"cgroup2": "", "cgroup": controller}.get(kind)
        if version not in own or (version and version not in options.split(",")):
            continue
        group = own[version]
        inside = group.relative_to(top) if group.is_relative_to(top) else PurePosixPath()
        for folder in (inside, *inside.parents):
            yield root / place.lstrip("/") / folder
    yield root / "sys/fs/cgroup"  # where a sandbox shows the files of a group in a file system of another kind


def _own_groups(root: Path) -> dict[str | None, PurePosixPath]:
    """The path of this process's group under `""` in version 2, under the name of each controller in version 1."""
    lines = [line.split(":", 2) for line in text_of(root / "proc/self/cgroup").splitlines()]
    return {controller: PurePosixPath(path) for _, names, path in lines for controller in names.split(",")}


def _quota(folder: Path) -> CpuQuota | None:
    """What one group says of itself; None where it says nothing or no number."""
    for names in FILES:
        match " ".join(text_of(folder / name) for name in names).split():
            case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
                return CpuQuota(cores=int(quota) / int(period), source=folder / names[0])
    return None


def text_of(path: Path) -> str:
    """A file's text; empty where it can't be read."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    return ""
