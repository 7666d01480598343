"""The cache: the same bytes again, damage set aside, one folder for all processes, and disks that refuse."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import nas.data
from nas.data.cache import STALE
from nas.errors import Missing, StorageFailed
from nas.files import digest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and an empty data folder."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NAS_DATA_DIR", str(tmp_path / "source"))
    return tmp_path / "cache"


def flip(path: Path, position: int = -100) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_second_preparation_is_the_first(cache: Path) -> None:
    """Preparing again, or anew in another cache, gives the same bytes."""
    info = nas.data.prepare("digits")
    folder = Path(info.folder)
    before = {file.name: digest(file) for file in folder.iterdir()}
    assert nas.data.prepare("digits") == info
    shutil.rmtree(cache)
    nas.data.prepare("digits")
    assert {file.name: digest(file) for file in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["train_images.bin", "validation_labels.bin", "info.json"])
def test_flipped_byte_in_the_cache_is_set_aside(name: str) -> None:
    """A prepared folder with one flipped bit is kept under another name and prepared again."""
    info = nas.data.prepare("digits")
    folder = Path(info.folder)
    flip(folder / name)
    assert nas.data.prepare("digits") == info
    assert folder.with_name(f"{folder.name}.damaged-1").is_dir()


def test_truncated_file_is_not_mapped() -> None:
    """A prepared file that has become shorter is refused before it is mapped."""
    info = nas.data.prepare("digits")
    os.truncate(Path(info.folder) / "train_images.bin", 1_000)
    with pytest.raises(Missing, match="must have 276,224 bytes, has 1,000"):
        nas.data.load(info)


@pytest.mark.slow
def test_preparing_twice_at_once_is_safe(cache: Path) -> None:
    """Several processes that prepare the same data at once all get it, and leave one folder."""
    command = [sys.executable, "-c", "import nas.data; print(nas.data.prepare('digits', 8).key)"]
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: subprocess.run(command, check=True, capture_output=True, text=True), range(2)))
    assert [entry.name for entry in (cache / "data").iterdir()] == list({run.stdout.strip() for run in runs})


def test_unwritable_cache_has_a_spare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the cache can't be written, data is prepared among the temporary files, with a warning."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "file/cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    info = nas.data.prepare("digits")
    assert Path(info.folder).is_relative_to(tmp_path / f"nas-atlas-{os.getuid()}")
    assert "can't be written" in caplog.text
    assert nas.data.prepare("digits") == info


def test_full_disk_is_a_storage_error(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that doesn't fit the disk is refused before it is written, and leaves nothing behind."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(StorageFailed, match="needs 379,632 bytes"):
        nas.data.prepare("digits")
    assert not list((cache / "data").iterdir())


def test_folders_follow_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NAS_DATA_DIR and NAS_CACHE_DIR name the folders; unset or empty, they are the platform's own."""
    assert (nas.data.data_dir(), nas.data.cache_dir()) == (tmp_path / "source", tmp_path / "cache")
    monkeypatch.setenv("NAS_CACHE_DIR", "")
    monkeypatch.delenv("NAS_DATA_DIR")
    assert nas.data.data_dir().name == nas.data.cache_dir().name == "nas-atlas"


def test_disk_that_fills_up_is_a_storage_error(cache: Path) -> None:
    """A write that the system cuts short ends in a storage error, and leaves nothing behind."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageFailed, match="can't be written: File too large"):
            nas.data.prepare("digits")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((cache / "data").iterdir())


def test_spare_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that stands where the spare cache would be is not followed."""
    (tmp_path / "file").touch()
    (tmp_path / "theirs").mkdir()
    (tmp_path / f"nas-atlas-{os.getuid()}").symlink_to(tmp_path / "theirs")
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "file/cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(StorageFailed, match="belongs to somebody else"):
        nas.data.prepare("digits")


def test_unfinished_folders_are_removed_when_old(cache: Path) -> None:
    """What a killed process left behind goes after a day; what may still be in the making stays."""
    for name, age in ((".digits-16-old", 2 * STALE), (".digits-16-new", 0.0)):
        (cache / "data" / name).mkdir(parents=True)
        os.utime(cache / "data" / name, (time.time() - age,) * 2)
    nas.data.prepare("digits")
    assert not (cache / "data/.digits-16-old").exists()
    assert (cache / "data/.digits-16-new").exists()
