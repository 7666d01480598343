"""`nas plan` as a user types it: of a study, a run or a table, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas.engines.inline import InlineEngine
from nas.study import against
from tests.toys.spaces import STUDY

RULED = replace(STUDY, name="ruled", samples=8, rules=(against("rich", "tiny", "Rich networks are better."),))
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(say: Say) -> Say:
    """Runs `nas plan`: exit code, output, messages."""
    return lambda *words: say("plan", *words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that declares a rule."""
    place = tmp_path_factory.mktemp("cli") / "run"
    nas.run(RULED, out=place, engine=InlineEngine(), device="cpu")
    return place


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """A table of 60 rows in percent, with one column of numbers."""
    path = tmp_path / "results.csv"
    path.write_text("top1 err,depth\n" + "".join(f"{20 + i * 7 % 13},{i % 9}\n" for i in range(60)))
    return path


def test_a_file_of_that_name_hides_no_study(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is a study's unless a folder bears it; several studies aren't planned at once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").write_text("notes")
    assert say("quickstart")[0] == 0
    code, _, message = say("quickstart", "families")
    assert (code, "one study or run" in message) == (2, True)


def test_a_study_is_planned_by_name(say: Say) -> None:
    """Without a run there is a row a rule, and a sentence that compares what is needed with what is declared."""
    code, out, _ = say("quickstart", "--effect", "0.05", "--deviation", "0.1")
    assert code == 0
    assert "109 + 109" in out
    assert "effects rest on the stated deviation" in out
    assert "The study declares 8 of each space, too few: --samples 109" in out
    assert json.loads(say("quickstart", "--json")[1])["samples"] == 109


def test_a_study_is_planned_from_its_file(say: Say, tmp_path: Path) -> None:
    """A file my_study.py is a study, whatever folder it lies in, and no table."""
    (tmp_path / "mine.py").write_text(f"from {__name__} import RULED as STUDY\n")
    code, out, _ = say(tmp_path / "mine.py")
    assert (code, "effects are in standard deviations" in out) == (0, True)


def test_a_run_is_planned_from_its_errors(say: Say, folder: Path) -> None:
    """The folder of a run shows how much errors vary, and how its networks were trained."""
    code, out, _ = say(folder)
    assert code == 0
    assert "Errors vary as in 16 trials of the run; trained: 200 images of digits" in out


def test_a_table_is_planned_in_its_own_unit(say: Say, csv: Path) -> None:
    """Where the errors of a table are percentages, so is the effect."""
    code, out, _ = say("--table", csv, "--error", "top1 err", "--columns", "depth", "--effect", "1", "--json")
    assert code == 0
    assert json.loads(out)["plan"][0]["effect"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quickstrat",), "did you mean quickstart"),
        (("runs/nowhere",), "no folder runs/nowhere"),
        (("FILE",), "nas plan --table"),
        (("--table", "quickstart"), "without --table"),
        (("--table", "FILE"), "--error COLUMN"),
        (("DIR", "--error", "width"), "--error belongs to tables"),
        (("DIR", "--power", "1"), "power must lie strictly between 0 and 1"),
        (("DIR", "--deviation", "0.1"), "what a run or a table shows"),
        (("--table", "FILE", "--error", "top1 err", "--deviation", "0.1"), "what a run or a table shows"),
        (("quickstart", "--effect", "0.1"), "--deviation states it"),
        (("quickstart", "--deviation", "-1"), "positive number"),
        (("quickstart", "--columns", "depth"), "not for a study"),
        (("families",), "declares no rules"),
        (("quickstart", "stages"), "one study or run"),
        (("--table", "DIR", "FILE"), "plan takes one place"),
    ],
)
def test_what_is_refused(say: Say, folder: Path, csv: Path, words: tuple[str, ...], said: str) -> None:
    """Each wrong word or value exits 2, says what is wrong and what to do."""
    places = {"FILE": csv, "DIR": folder}
    code, out, message = say(*(places.get(word, word) for word in words))
    assert (code, out) == (2, "")
    assert said in message, message
