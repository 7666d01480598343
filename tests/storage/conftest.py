"""Finished runs of the toy study, and copies of them that tests may damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import nas
from nas.engines import InlineEngine
from tests.toys.runs import execute
from tests.toys.spaces import STUDY


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run without table and page; tests don't write to it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    execute(STUDY, folder)
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with weights, table, page and log; tests don't write to it."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    nas.run(STUDY, out=folder, engine=InlineEngine())
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "run"))
