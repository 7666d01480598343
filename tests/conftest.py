"""What all tests share: caches of their own, so that no test touches those of the person who runs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from nas import data
from nas.cli import main
from nas.data import DataInfo, Dataset

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch isn't loaded yet; tiny tensors only lose time on several threads
if not any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg"))):
    os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels for a GPU are interpreted where there is none

settings.register_profile("untimed", deadline=None)  # how long an example takes depends on who else is at work
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder for this session, also for the processes that tests start."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_CACHE_DIR", str(folder))
        patch.setenv("XDG_STATE_HOME", str(folder))  # servers that tests name
        patch.delenv("NAS_STORAGE", raising=False)
        yield folder


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output isn't folded, whatever terminal the tests are started from."""
    monkeypatch.setenv("COLUMNS", "10000")


@pytest.fixture(scope="session")
def digits(own_cache: Path) -> DataInfo:
    """The embedded digits, prepared."""
    return data.prepare("digits")


@pytest.fixture(scope="session")
def digits_data(digits: DataInfo) -> Dataset:
    """The embedded digits as tensors, all training images."""
    return data.load(digits)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line: exit code, output, messages."""

    def said(*words: object) -> tuple[int, str, str]:
        before, sys.argv = sys.argv, ["nas", *map(str, words)]
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.argv = before
        spoken = capsys.readouterr()
        assert "Traceback" not in spoken.err
        return int(ended.value.code or 0), spoken.out, spoken.err

    return said
