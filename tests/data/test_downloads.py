"""Downloads: from a server on the loopback, whole or not at all, and what is said without a network."""

from __future__ import annotations

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import nas.data
from nas.data.readers.official import OFFICIAL, Archive
from nas.errors import Missing, Refused, StorageFailed
from nas.files import digest


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that doesn't write to stderr."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that doesn't exist yet."""
    monkeypatch.setenv("NAS_DATA_DIR", str(tmp_path / "source"))
    return tmp_path / "source"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """Address of a server of the files in `served`."""
    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def publish(patch: pytest.MonkeyPatch, folder: Path, mirror: str) -> None:
    """Put two files below a folder, and make MNIST consist of them, with one address each."""
    (folder / "MNIST/raw").mkdir(parents=True)
    archives = []
    for file in ("MNIST/raw/first.gz", "MNIST/raw/last.gz"):
        (folder / file).write_bytes(file.encode() * 100_000)
        archives.append(
            Archive(file=file, algorithm="md5", digest=digest(folder / file, "md5"), mirrors=(mirror + file,))
        )
    patch.setitem(OFFICIAL, "mnist", replace(OFFICIAL["mnist"], train=(archives[0],), test=(archives[1],)))


def test_fetched_archives_are_whole(source: Path, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching places every archive; again, it replaces the damaged one only."""
    publish(monkeypatch, tmp_path / "served", server)
    nas.data.fetch("mnist")
    first, last = source / "MNIST/raw/first.gz", source / "MNIST/raw/last.gz"
    before = first.stat().st_mtime_ns
    last.write_bytes(b"damaged")
    nas.data.fetch("mnist")
    assert nas.data.verify("mnist") == "2 archives intact"
    assert first.stat().st_mtime_ns == before


def test_wrong_downloads_are_dropped(
    source: Path, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mirror that sends other bytes, or none, leaves no file behind and is named with its reason."""
    publish(monkeypatch, tmp_path / "served", server)
    (tmp_path / "served/MNIST/raw/first.gz").write_bytes(b"something else")
    with pytest.raises(Missing, match=r"127\.0\.0\.1.*sent a file whose MD5"):
        nas.data.fetch("mnist")
    (tmp_path / "served/MNIST/raw/first.gz").unlink()
    with pytest.raises(Missing, match="answered 404"):
        nas.data.fetch("mnist")
    assert not [path for path in source.rglob("*") if path.is_file()]


@pytest.mark.parametrize("mirror", ["http://127.0.0.1:9/", "http://nowhere.invalid/"])
def test_no_network_is_told_within_seconds(mirror: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, fetching ends within seconds with the ways out, and leaves nothing behind."""
    publish(monkeypatch, source.with_name("elsewhere"), mirror)
    began = time.monotonic()
    with pytest.raises(Missing, match="can't be downloaded") as caught:
        nas.data.fetch("mnist")
    assert time.monotonic() - began < 10
    assert "--data digits" in caught.value.hint
    assert not source.exists()


def test_unwritable_data_folder_is_a_storage_error(
    source: Path, tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that the disk refuses is a storage error, not a missing network."""
    publish(monkeypatch, tmp_path / "served", server)
    source.touch()
    with pytest.raises(StorageFailed, match="can't be written"):
        nas.data.fetch("mnist")


def test_what_has_no_address_is_not_fetched(tmp_path: Path) -> None:
    """The digits need no download, and a path of one's own has none."""
    nas.data.fetch("digits")
    with pytest.raises(Refused, match="nothing to download"):
        nas.data.fetch(str(tmp_path))
