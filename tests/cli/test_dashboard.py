"""Optuna's dashboard of a run: on this machine only, beside who trains, and without a way to change anything."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from nas.cli.live.dashboard import serving
from nas.data import DataInfo
from nas.errors import Refused
from nas.sampling import Plan
from nas.storage.database import read_records
from nas.storage.layout import DATABASE
from nas.storage.store import opened
from nas.storage.tables import Entry
from tests.toys.runs import agreement, execute
from tests.toys.spaces import STUDY

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    place = tmp_path_factory.mktemp("dashboard") / "a run?"
    execute(STUDY, place)
    return place


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[BaseStorage]:
    """In place of the library an application that lists trials; the storage that it is given."""
    given: list[BaseStorage] = []

    def wsgi(storage: BaseStorage) -> Any:
        given.append(storage)

        def answer(environment: object, start: Any) -> Iterable[bytes]:
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(len(storage.get_all_trials(0))).encode()]

        return answer

    module = ModuleType("optuna_dashboard")
    module.__dict__.update(wsgi=wsgi, __spec__=object())
    monkeypatch.setitem(sys.modules, "optuna_dashboard", module)
    return given


def fetched(folder: Path, method: str = "GET", path: str = "/api/studies/0") -> Any:
    """What the dashboard of a run answers."""
    with serving(folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert server.server_address[0] == "127.0.0.1"
        try:
            request = Request(f"http://127.0.0.1:{server.server_port}{path}", method=method)
            with urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.loads(answer.read())
        finally:
            server.shutdown()


def test_it_reads_a_run_beside_who_trains(folder: Path, stand_in: list[BaseStorage]) -> None:
    """Its pages come from a free port of this machine, also while a coordinator has the database open."""
    assert fetched(folder) == 8
    with opened(folder, agreement(STUDY, folder)):
        assert fetched(folder) == 8


def test_it_changes_nothing(folder: Path, stand_in: list[BaseStorage]) -> None:
    """What would write is refused at the door, and behind it there is a copy in memory."""
    before = (folder / DATABASE).read_bytes()
    for method in ("POST", "PUT", "DELETE"):
        with pytest.raises(HTTPError, match="403"):
            fetched(folder, method)
    stand_in[0].delete_study(0)
    assert (folder / DATABASE).read_bytes() == before


def test_it_follows_a_run(tmp_path: Path, digits: DataInfo, stand_in: list[BaseStorage]) -> None:
    """Trials that wait, run and end are there at the next look, under their numbers, with parameters and values."""
    plan = Plan(STUDY, digits.shape, len(digits.classes))
    with opened(tmp_path, agreement(STUDY, tmp_path)) as store, serving(tmp_path):
        storage = stand_in[0]
        assert storage.get_all_trials(0) == []
        entries = [Entry(trial=t, space=STUDY.space_of(t).name, point=plan.propose(t).point) for t in range(3)]
        store.write(entries, running={0, 1})
        states = [trial.state for trial in storage.get_all_trials(0)]
        assert states == [TrialState.RUNNING, TrialState.RUNNING, TrialState.WAITING]
        (waiting,) = storage.get_all_trials(0, states=(TrialState.WAITING,))
        space = entries[2].space
        assert waiting.params == {f"{space}/{name}": value for name, value in entries[2].point.items()}
    execute(STUDY, tmp_path)
    trials = storage.get_all_trials(0)
    assert [(trial.number, trial.value) for trial in trials] == [(r.trial, r.error) for r in read_records(tmp_path)]
    assert storage.get_trial(7) == trials[7]


def test_without_its_library_it_says_how_to_get_it(
    folder: Path, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lines with the command; a folder without a run is refused first."""
    monkeypatch.setattr("nas.cli.live.dashboard.find_spec", lambda name: None)
    code, out, err = say("dashboard", folder)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "nas: the dashboard is optuna-dashboard, not installed here",
        "  -> pip install 'nas-atlas[dashboard]'",
    ]
    assert "is not the folder of a run" in say("dashboard", tmp_path)[2]


def test_a_port_that_is_taken_is_refused(folder: Path, stand_in: list[BaseStorage]) -> None:
    """The message names it and the way out."""
    with serving(folder) as server, pytest.raises(Refused, match=f"port {server.server_port} can't be used"):
        serving(folder, server.server_port)


def test_the_library_shows_the_run_and_ctrl_c_ends_it(folder: Path) -> None:
    """optuna-dashboard itself lists the study with names of its objectives; an interrupt ends the command with 130."""
    pytest.importorskip("optuna_dashboard")
    words = (sys.executable, "-m", "nas", "dashboard", folder)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            address = process.stdout.readline().strip().removesuffix("/dashboard")
            with urlopen(f"{address}/api/studies/0", timeout=60) as answer:  # noqa: S310
                study = json.loads(answer.read())
            process.send_signal(2)
            assert process.wait(60) == 130
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()
    assert (study["name"], len(study["trials"]), study["objective_names"]) == ("toy", 8, ["validation error"])
