"""What Tab offers in a shell: names of ours and run folders, quickly, and never a message."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nas.cli.app import app
from nas.study import catalog

LOADED = """
import sys
from nas.cli import main
sys.argv[0] = "nas"
try:
    main()
finally:
    heavy = {"torch", "pandas", "optuna", "scipy"} & sys.modules.keys()
    print(*sorted(heavy), file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two runs and another folder beside them."""
    for name in ("runs/fashion", "own", "runs/other"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("runs/fashion", "own"):
        (tmp_path / name / "study.json").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def offered(line: str) -> list[str]:
    """What is offered for the last word of a line."""
    environment = {"_NAS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    return CliRunner().invoke(app, env=environment, prog_name="nas").stdout.split()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("nas run quick", ["quickstart"]),
        ("nas spaces AnyNetX_E_5", ["AnyNetX_E_5"]),
        ("nas describe resnet_5", ["resnet_56"]),
        ("nas train --data fashion", ["fashion-mnist"]),
        ("nas train x --set learn", ["learning_rate="]),
        ("nas best ", ["own", "runs/fashion"]),
        ("nas report own runs/", ["runs/fashion"]),
        ("nas status ru", ["runs/fashion"]),
        ("nas plan ow", ["own"]),
        ("nas run ./my", []),
    ],
)
def test_names_of_ours_and_run_folders_are_offered(line: str, names: list[str]) -> None:
    """Studies, spaces, networks, data sets and fields by name; of folders only runs; else the shell's own paths."""
    assert offered(line) == names


def test_a_path_keeps_its_beginning(place: Path) -> None:
    """A run that is named by its whole path is offered by it."""
    assert offered(f"nas best {place}/runs/") == [f"{place}/runs/fashion"]


def test_a_broken_package_says_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A family that can't be imported is left out without the warning that verbs give."""
    entry = EntryPoint(name="broken", value="nowhere_to_be_found", group=catalog.FAMILIES)
    monkeypatch.setattr(catalog, "_installed", lambda group: {"broken": entry})
    assert offered("nas spaces LeN") == ["LeNet"]
    assert not caplog.records


def test_a_shell_waits_for_no_library() -> None:
    """Completion prints names alone, and loads neither torch nor what tables and samplers need."""
    environment = os.environ | {"_NAS_COMPLETE": "complete_bash", "COMP_WORDS": "nas describe len", "COMP_CWORD": "2"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["lenet", "lenet_bn"]
    assert done.stderr == "\n"
