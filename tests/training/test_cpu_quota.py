"""The limit that a container sets on the processor's time, wherever control groups are mounted, and who follows it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from nas.cli import app, machine
from nas.training import devices
from nas.training.cpu_quota import CpuQuota, cpu_quota

V1, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
UNIFIED = "30 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
MEMORY = "34 31 0:31 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory"
CPU = "33 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:8 - cgroup cgroup rw,cpu,cpuacct"
EMPTY_V2 = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"
DISK = "25 1 254:0 / / rw - ext4 /dev/root rw"
WRITABLE = os.geteuid() == 0 and os.access(V1 / "cpu.cfs_quota_us", os.W_OK)


def system(root: Path, groups: str, mounts: tuple[str, ...], files: Mapping[Path, str]) -> CpuQuota | None:
    """The quota on a system with these groups of the process, mounts and files."""
    texts = {Path("proc/self/cgroup"): groups, Path("proc/self/mountinfo"): "\n".join((DISK, *mounts)), **files}
    for name, text in texts.items():
        path = root / str(name).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return cpu_quota(root)


def v1(folder: Path, quota: int, period: int = 100_000) -> dict[Path, str]:
    """Files of a group of version 1."""
    return {folder / "cpu.cfs_quota_us": str(quota), folder / "cpu.cfs_period_us": str(period)}


@pytest.mark.parametrize(("text", "cores"), [("200000 100000", 2.0), ("150000 100000", 1.5), ("25000 50000", 0.5)])
def test_version_2_says_it_in_one_file(tmp_path: Path, text: str, cores: float) -> None:
    """`cpu.max` holds the time and its period; the file is named as the source."""
    found = system(tmp_path, "0::/job", (UNIFIED,), {V2 / "job/cpu.max": text})
    assert found == CpuQuota(cores=cores, source=tmp_path / "sys/fs/cgroup/job/cpu.max")
    assert str(found).startswith(f"{cores:g} cores (")


def test_version_1_says_it_in_two(tmp_path: Path) -> None:
    """`cpu.cfs_quota_us` over `cpu.cfs_period_us`, in the mount that has the controller `cpu`."""
    groups = "4:memory:/elsewhere\n3:cpu,cpuacct:/job"
    files = {**v1(V1 / "job", 300_000), **v1(V1 / "elsewhere", 1), **v1(V2 / "memory/elsewhere", 1)}
    found = system(tmp_path, groups, (MEMORY, CPU), files)
    assert found == CpuQuota(cores=3.0, source=tmp_path / "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us")


def test_controllers_of_version_1_count_beside_an_empty_version_2(tmp_path: Path) -> None:
    """On a hybrid system the processor's limit is in version 1, and version 2 knows of none."""
    files = {**v1(V1, -1), **v1(V1 / "job", 100_000), V2 / "unified/cgroup.procs": "1"}
    found = system(tmp_path, "1:cpu:/job\n0::/", (CPU, EMPTY_V2), files)
    assert found is not None
    assert found.cores == 1.0


def test_the_least_of_a_group_and_those_above_counts(tmp_path: Path) -> None:
    """A group within a tighter one has what that one has; groups beside it don't matter."""
    maxima = {"cpu.max": "max 100000", "a/cpu.max": "200000 100000", "a/b/cpu.max": "800000 100000", "c/cpu.max": "1 9"}
    found = system(tmp_path, "0::/a/b", (UNIFIED,), {V2 / name: text for name, text in maxima.items()})
    assert found == CpuQuota(cores=2.0, source=tmp_path / "sys/fs/cgroup/a/cpu.max")


@pytest.mark.parametrize(
    ("groups", "mount", "files"),
    [
        ("0::/docker/1f", UNIFIED, {V2 / "cpu.max": "200000 100000"}),
        ("1:cpu,cpuacct:/docker/1f", CPU, v1(V1, 200_000)),
        ("1:cpu,cpuacct:/docker/1f/in", CPU.replace(" / /sys", " /docker/1f /sys"), v1(V1 / "in", 200_000)),
        ("0::/../outside", UNIFIED, {V2 / "cpu.max": "200000 100000"}),
        ("0::/other", UNIFIED.replace(" / /sys", " /docker/1f /sys"), {V2 / "cpu.max": "200000 100000"}),
        ("0::/", UNIFIED.replace("cgroup2 cgroup2", "tmpfs none"), {V2 / "cpu.max": "200000 100000"}),
    ],
    ids=[
        "v2",
        "v1",
        "v1 mounted from within",
        "outside of the namespace",
        "beside the mount",
        "in another file system",
    ],
)
def test_inside_a_container_what_is_mounted_counts(
    tmp_path: Path, groups: str, mount: str, files: dict[Path, str]
) -> None:
    """A path that only exists outside of the container falls back on the files at the root of the mount."""
    found = system(tmp_path, groups, (mount,), files)
    assert found is not None
    assert found.cores == 2.0


@pytest.mark.parametrize("text", ["max 100000", "-1 100000", "many", "", "100000", "100000 0"])
def test_no_number_is_no_limit(tmp_path: Path, text: str) -> None:
    """`max`, a negative number, half a file and nonsense leave the machine's cores."""
    assert system(tmp_path, "0::/", (UNIFIED,), {V2 / "cpu.max": text}) is None


def test_what_cant_be_read_is_no_limit(tmp_path: Path) -> None:
    """Without /proc, with a folder in place of a file, and with bytes that are no text, there is no quota."""
    assert cpu_quota(tmp_path) is None
    (tmp_path / "sys/fs/cgroup/cpu.max").mkdir(parents=True)
    assert system(tmp_path, "0::/a", (UNIFIED,), {}) is None
    (tmp_path / "sys/fs/cgroup/a").mkdir()
    (tmp_path / "sys/fs/cgroup/a/cpu.max").write_bytes(b"\xff\xfe 100000")
    assert cpu_quota(tmp_path) is None


@pytest.fixture
def quota(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CpuQuota:
    """A process of a machine with 8 cores that may use so many."""
    limit = CpuQuota(cores=request.param, source=Path("/sys/fs/cgroup/cpu.max"))
    monkeypatch.setattr(devices, "cpu_quota", lambda: limit)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 8)
    return limit


@pytest.mark.parametrize(("quota", "workers"), [(4.0, 4), (1.5, 1), (0.5, 1), (64.0, 8)], indirect=["quota"])
def test_workers_are_what_the_quota_keeps_busy(quota: CpuQuota, workers: int) -> None:
    """Whole cores of the quota, at least one, at most those of the machine."""
    assert devices.workers(None, devices.CPU) == devices.cores() == workers


@pytest.mark.parametrize("quota", [1.5], indirect=True)
def test_more_workers_than_the_quota_are_told(quota: CpuQuota, caplog: pytest.LogCaptureFixture) -> None:
    """What is requested is done, with one line that names the limit and its file; on a GPU cores don't matter."""
    assert devices.workers(1, devices.CPU) == 1
    assert devices.workers(8, devices.Device(kind="cuda", cards=(0,))) == 8
    assert not caplog.records
    assert devices.workers(3, devices.CPU) == 3
    (record,) = caplog.records
    limit = f"1.5 cores ({Path('/sys/fs/cgroup/cpu.max')})"
    assert (record.levelno, limit in record.getMessage()) == (logging.WARNING, True)


@pytest.mark.parametrize("quota", [2.5], indirect=True)
def test_libraries_of_a_command_start_no_more_threads(quota: CpuQuota, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a quota a command tells them its whole cores, unless the user has; without one it says nothing."""
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "7"})
    monkeypatch.setattr(app, "app", lambda standalone_mode: 0)
    monkeypatch.setattr(app, "cpu_quota", lambda: None)
    with pytest.raises(SystemExit, match="0"):
        app.main()
    assert os.environ == {"OMP_NUM_THREADS": "7"}
    monkeypatch.setattr(app, "cpu_quota", lambda: quota)
    with pytest.raises(SystemExit, match="0"):
        app.main()
    assert os.environ == {"OMP_NUM_THREADS": "7", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}


def test_the_doctor_names_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the quota and where it comes from, or that there is none."""
    monkeypatch.setattr("nas.training.cpu_quota.cpu_quota", lambda: CpuQuota(cores=1.5, source=Path("here")))
    assert machine._report()["devices"]["cpu quota"] == "1.5 cores (here)"
    monkeypatch.setattr("nas.training.cpu_quota.cpu_quota", lambda: None)
    assert machine._report()["devices"]["cpu quota"] == "none"


@pytest.fixture
def group_of_one_core() -> Iterator[Path]:
    """A real group of version 1 with one core's time; what runs in it must have ended before it goes."""
    folder = V1 / f"nas-test-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "cpu.cfs_quota_us").write_text("100000")
        yield folder
    finally:
        folder.rmdir()


@pytest.mark.skipif(not WRITABLE, reason="needs a control group of version 1 that this user may write")
def test_a_process_in_a_group_of_one_core_has_one_worker(group_of_one_core: Path) -> None:
    """Asked within a real group, devices know its limit and the file that sets it."""
    code = (
        f"import os; open({str(group_of_one_core / 'cgroup.procs')!r}, 'w').write(str(os.getpid()))\n"
        "from nas.training import devices\n"
        "print(devices.workers(None, devices.CPU), devices.cpu_quota().source)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told == ["1", str(group_of_one_core / "cpu.cfs_quota_us")]
