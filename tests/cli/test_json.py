"""`--json`: every verb that prints a result gives programs one object."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import studies
from nas.cli import main
from nas.cli.app import app
from nas.cli.live.dashboard import Server
from nas.engines import InlineEngine

Say = Callable[..., tuple[int, str, str]]
Call = Callable[..., tuple[int, Any, str]]
SHORT = ("--data", "digits", "--epochs", "1", "--train-size", "100")
RUN = ("run", "quickstart", "--samples", "2", "--epochs", "1", "--train-size", "100", "--device", "cpu")
RESULTS = Path(studies.__path__[0]) / "results"
CALLS: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "studies": (("quickstart",), {"question", "expected", "answer"}),
    "spaces": (("ResNet_3",), {"dimensions", "size"}),
    "describe": (("lenet_bn",), {"layers", "memory"}),
    "data": (("digits",), {"name"}),
    "plan": (("quickstart",), {"plan", "samples"}),
    "run": ((*RUN[1:], "-o", "RUN"), {"done", "total", "outcomes", "best", "page", "table"}),
    "search": (
        ("--space", "MLP_2", *SHORT, "--samples", "2", "--sampler", "random", "-o", "searched"),
        {"done", "total", "best", "folder"},
    ),
    "status": (("RUN",), {"done", "total"}),
    "table": (("RUN",), {"columns", "rows", "trials"}),
    "best": (("RUN",), {"best"}),
    "report": (("RUN",), {"out"}),
    "principles": (("RUN",), {"principles", "sources"}),
    "discover": (("--table", str(RESULTS / "anynet_discovery.csv.gz")), {"principles", "tried"}),
    "images": (("RUN",), {"hardest", "paired"}),
    "audit": (("RUN", "--networks", "4", "--longer", "2"), {"tau"}),
    "final": (("RUN", "--top", "1", "--seeds", "2", "--epochs", "1"), {"finalists", "tested"}),
    "export": (("RUN", "--rank", "1", "-o", "exported"), {"out", "architecture", "error", "use", "trial"}),
    "verify": (("exported",), {"folder", "reproduced", "checks"}),
    "train": (("lenet_bn", *SHORT, "-o", "trained"), {"folder", "error", "curve", "page"}),
    "doctor": ((), {"devices"}),
}
"""Verb -> words behind it, in which RUN is the folder of a run, and keys that its object has among others."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, a search and an exported network, all made by the command line."""
    place = tmp_path_factory.mktemp("json")
    made = (
        ("run", *CALLS["run"][0]),
        ("search", *CALLS["search"][0]),
        ("export", *CALLS["export"][0]),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("nas.runner.task.local_engine", lambda count, device, log: InlineEngine())
        for words in made:
            patch.setattr(sys, "argv", ["nas", *words])
            with pytest.raises(SystemExit) as ended:
                main()
            assert not ended.value.code
    return place


@pytest.fixture
def call(say: Say, here: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A verb with `--json` in that folder: exit code, the object, messages."""
    monkeypatch.chdir(here)
    monkeypatch.setattr("nas.runner.task.local_engine", lambda count, device, log: InlineEngine())

    def called(*words: str) -> tuple[int, Any, str]:
        code, out, err = say(*words, "--json")
        return code, json.loads(out) if out else None, err

    return called


@pytest.mark.slow
@pytest.mark.parametrize("verb", CALLS)
def test_a_verb_gives_one_object(call: Call, verb: str) -> None:
    """Stdout is one JSON object with a schema version and what the verb is for; nothing else is there."""
    words, keys = CALLS[verb]
    code, said, err = call(verb, *words)
    assert code == 0, err
    assert said["schema_version"] == 1
    assert keys <= set(said), set(said)


def test_no_verb_is_left_out() -> None:
    """Every verb has the option; all are called but those that need more than one small run or another library."""
    verbs = typer.main.get_group(app).commands
    assert {name for name, verb in verbs.items() if not any("--json" in p.opts for p in verb.params)} == set()
    assert set(verbs) - set(CALLS) == {"compare", "replay", "figure", "dashboard"}


def test_what_a_run_says_is_what_its_table_says(call: Call) -> None:
    """The best of `run` and `best` agree, and so do rows of the table; missing values are null."""
    run, best, table = (call(*words)[1] for words in ((*RUN, "-o", "RUN"), ("best", "RUN"), ("table", "RUN")))
    assert run["best"] == best["best"][:5]
    assert (run["done"], run["total"], table["trials"]) == (6, 6, 6)
    errors = {row["trial"]: row["error"] for row in table["rows"]}
    assert [errors[one["trial"]] for one in run["best"]] == [one["error"] for one in run["best"]]
    assert all(set(row) == set(table["columns"]) for row in table["rows"])
    written = call("table", "RUN", "-o", "all.csv")[1]
    assert (written["rows"], written["out"], Path("all.csv").is_file()) == (None, "all.csv", True)


def test_batch_sizes_as_an_object(call: Call) -> None:
    """An entry for each batch size; epochs are told on stderr."""
    code, said, err = call("train", "lenet_bn", *SHORT, "--batch-sizes", "20,50", "-o", "sizes")
    assert (code, [one["batch_size"] for one in said["networks"]]) == (0, [20, 50])
    assert "epoch 1/1" in err


def test_a_network_in_another_format(call: Call) -> None:
    """The file, and what the folder knows."""
    known, said = (call("export", *words)[1] for words in (CALLS["export"][0], ("exported", "-o", "net.py")))
    assert (said["out"], said["error"]) == ("net.py", known["error"])


def test_a_dashboard_says_its_address(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object is all that stdout has, before it serves."""
    module = ModuleType("optuna_dashboard")
    module.__dict__.update(wsgi=lambda storage: None, __spec__=object())
    monkeypatch.setitem(sys.modules, "optuna_dashboard", module)
    monkeypatch.setattr(Server, "serve_forever", lambda self: None)
    code, said, _ = call("dashboard", "RUN")
    assert (code, said["url"].startswith("http://127.0.0.1:")) == (0, True)


def test_a_figure_says_its_file(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The object names the file that was written."""
    drawn: list[Path] = []
    monkeypatch.setattr("nas.page.paper.write_figure", lambda name, path, **_: drawn.append(path))
    assert call("figure", "edf", "RUN")[1]["out"] == str(drawn[0]) == "edf.svg"


@pytest.mark.slow
def test_stdout_of_a_process_is_the_object(tmp_path: Path) -> None:
    """A run in a process of its own writes its progress to stderr."""
    words = (*RUN, "--samples", "1", "--workers", "1", "--json", "-o", str(tmp_path / "run"))
    command = [sys.executable, "-m", "nas", *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=280)
    assert json.loads(ended.stdout)["done"] == 3
    assert "left      3 of 3 trainings" in ended.stderr
