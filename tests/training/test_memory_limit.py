"""How many workers fit into memory: by control groups of both versions, and by the machine."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from nas.training import devices
from nas.training.memory_limit import memory_limit

GIB = 2**30


@pytest.mark.parametrize(
    ("own", "mount", "file"),
    [
        ("0::/a/b", "1 1 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "a/memory.max"),
        ("5:memory:/a", "1 1 0:1 / /sys/fs/cgroup rw - cgroup cgroup rw,memory", "a/memory.limit_in_bytes"),
    ],
)
def test_a_control_group_limits_memory(
    tmp_path: Path, own: str, mount: str, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The least limit of a group and those above it counts, and workers are as many as fit beside the command."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(own)
    (tmp_path / "proc/self/mountinfo").write_text(mount)
    assert memory_limit(tmp_path).total == psutil.virtual_memory().total
    limit = tmp_path / "sys/fs/cgroup" / file
    limit.parent.mkdir(parents=True)
    for text, workers in ((str(GIB), 1), (str(4 * GIB), 3), ("1", 1)):
        limit.write_text(f"{text}\n")
        found = memory_limit(tmp_path)
        assert found.total == int(text)
        monkeypatch.setattr(devices, "memory_limit", lambda found=found: found)
        assert devices.room() == workers
    limit.write_text("max\n")
    assert memory_limit(tmp_path).total == psutil.virtual_memory().total


def test_addresses_of_a_process_are_named() -> None:
    """`ulimit -v` stands beside the memory of the machine."""
    code = "from nas.training.memory_limit import memory_limit; print(memory_limit())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 * GIB, 4 * GIB)),
    )
    assert done.stdout.endswith("GiB, 4.0 GiB of addresses a process (ulimit -v)\n")
