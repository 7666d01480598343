"""Finished runs of the toy study, and copies of them that tests may damage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import nas
from nas.engines import InlineEngine
from tests.toys.postgres import Postgres, why_none
from tests.toys.runs import execute
from tests.toys.spaces import STUDY


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server; who stops it starts it again."""
    if reason := why_none():
        pytest.skip(reason)
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def server(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """A server that the environment names: new runs lie there, and their folders are read."""
    monkeypatch.setenv("NAS_STORAGE", postgres.url)
    return postgres


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest) -> None:
    """Where the trials of new runs lie: both answer alike."""
    if request.param == "PostgreSQL":
        request.getfixturevalue("server")


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
