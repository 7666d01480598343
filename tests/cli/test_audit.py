"""`nas audit` as a user types it: numbers, the table of rules, JSON, and what is refused."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas.cli import main
from nas.engines import InlineEngine
from nas.findings.audits import Audit
from tests.toys.audits import LONGER, STUDY, mapped
from tests.toys.spaces import HUNT

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs a command: exit code, output, messages."""

    def said(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nas", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        spoken = capsys.readouterr()
        assert "Traceback" not in spoken.err
        return int(ended.value.code or 0), spoken.out, spoken.err

    return said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run whose order turns with the length of training."""
    return mapped(replace(STUDY, samples=6), tmp_path_factory.mktemp("cli") / "a map").folder


@pytest.fixture(scope="module")
def found(folder: Path) -> Audit:
    """Its audit, made from Python."""
    return nas.audit(folder, study=STUDY, engine=InlineEngine(), device="cpu", networks=8, seeds=1, longer=LONGER)


def test_a_finished_audit_is_shown(say: Say, folder: Path, found: Audit) -> None:
    """The same command again shows tau, regret and seed variance, and a row and a sentence a rule."""
    code, out, _ = say("audit", folder)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "turning"
    names = ("tau", "regret", "seed tau", "seed deviation", "seed variance")
    assert all(any(line.strip().startswith(name) for line in lines) for name in names)
    tau = found.agreement.tau.coefficient
    assert f"{tau.estimate:.2f} [{tau.low:.2f}, {tau.high:.2f}], n = 8" in out
    row = next(line for line in lines if line.startswith("lasting against hasty  "))
    assert "would change" in row
    assert row.split("points")[0].split()[-1].startswith("+")
    assert found.sentences()[0] in out
    assert str(folder / "audit" / "records.csv") in out


def test_json_has_what_programs_rely_on(say: Say, folder: Path, found: Audit) -> None:
    """One object with tau, regret, noise and verdicts, each with n or sizes, interval and unit."""
    code, out, _ = say("audit", folder, "--json")
    told = json.loads(out)
    assert (code, told["schema_version"]) == (0, 1)
    assert {"tau", "regret", "noise", "verdicts"} <= set(told)
    assert told["tau"]["estimate"] == found.agreement.tau.coefficient.estimate
    assert (told["tau"]["n"], told["regret"]["n"], told["regret"]["unit"]) == (8, 8, "error")
    assert told["noise"]["networks"] == 8
    assert {"low", "high"} <= set(told["noise"]["noise"])
    first, order = told["verdicts"]
    assert (first["name"], first["short"], first["change"], first["unit"]) == (
        "lasting against hasty",
        "hurts",
        "changes",
        "error",
    )
    assert order["unit"] == "correlation"
    assert len(told["networks"]) == 8


def test_a_narrow_terminal_loses_nothing(say: Say, folder: Path, found: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns no line is longer, and every rule is still there."""
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = say("audit", folder)
    assert max(map(len, out.splitlines()[:-1])) <= 80
    assert out.count("lasting against hasty") >= 2


def test_the_audits_folder_is_a_run(say: Say, folder: Path, found: Audit) -> None:
    """Status and table work on it; it isn't audited again, and rules don't go by it."""
    assert "turning audit: finished, 16 of 16 trials" in say("status", folder / "audit")[1]
    assert say("table", folder / "audit")[1].count("audit") >= 16
    code, _, err = say("audit", folder / "audit")
    assert code == 2
    assert "is an audit itself" in err
    assert say("principles", folder / "audit", "--columns", "width")[0] == 2


def test_principles_say_what_the_audit_found(say: Say, folder: Path, found: Audit) -> None:
    """Beside the fidelity stands how well longer trainings agree, for people and for programs."""
    assert re.search(r"^  audited +tau ", say("principles", folder)[1], re.MULTILINE)
    assert json.loads(say("principles", folder, "--json")[1])["sources"][0]["audited"].startswith("tau ")


def test_refusals_are_two_lines(say: Say, folder: Path, found: Audit, tmp_path: Path) -> None:
    """Tables, searches, nonsense and another audit than was begun end with code 2 and a way out."""
    file = tmp_path / "x.csv"
    file.write_text("error\n0.1\n")
    hunt = mapped(replace(HUNT, samples=1), tmp_path / "hunt").folder
    for words, said in (
        ((file,), "is a file"),
        ((tmp_path / "nowhere",), "there is no folder"),
        ((hunt,), "chooses networks"),
        ((folder, "--longer", "1"), "at least 2, got 1"),
        ((folder, "--seeds", "-1"), "must not be negative"),
        ((folder, "--networks", "2"), "at least 4, got 2"),
        ((folder, "--longer", "3"), "was begun with --longer 8, this says 3"),
        ((folder, "--networks", "12", "--study", "nowhere"), "no study 'nowhere'"),
    ):
        code, _, err = say("audit", *words)
        assert (code, said in err, "->" in err) == (2, True, True), (words, err)
