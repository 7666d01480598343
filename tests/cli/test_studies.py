"""The verb that lists studies, and what `nas run` says before it begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from nas.cli.run import foretell
from nas.study import catalog
from nas.study.description import description
from nas.training import devices

Say = Callable[..., tuple[int, str, str]]
SMALL = ("--samples", "1", "--epochs", "1", "--train-size", "200", "--workers", "1", "--device", "cpu")
FILE = '''"""Does it?

Expected time: 24 networks of 10 s on one core each.
"""

from dataclasses import replace

from studies.quickstart import STUDY as OURS

STUDY = replace(OURS, name="mine")
OTHER = replace(OURS, name="other")
'''


def test_all_studies_are_listed(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """Question and time of each, reckoned for the workers of this machine, and the answer of those that have one."""
    monkeypatch.setattr(devices, "workers", lambda *_: 4)
    code, out, _ = say("studies")
    assert code == 0
    assert out.count("\n  time ") == len(catalog.studies())
    assert out.count("\n  answer ") == sum(bool(catalog.described_study(name)[1].answer) for name in catalog.studies())
    blocks = out.partition("\nblocks\n")[2]
    assert blocks.startswith(f"  {catalog.study('blocks').question}\n")
    assert "here about 23.3 min with 4 workers on the CPU" in blocks.partition("\n  answer")[0]


def test_a_time_on_two_cores_is_said_once(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two workers a time that the study's file has in words isn't reckoned again; another one is."""
    monkeypatch.setattr(devices, "workers", lambda *_: 2)
    out = " ".join(say("studies")[1].split())
    assert "about 45 minutes on two cores answer" in out
    assert "takes about 3 hours on two cores; here about 30.0 s with 2 workers" in out


def test_one_study_says_everything(say: Say) -> None:
    """Its criterion, its rules and all that was measured; a name that isn't there gets the nearest."""
    _, out, _ = say("studies", "blocks")
    said = catalog.described_study("blocks")[1]
    for text in (said.criterion, said.measured, "rule X against VR", "nas run blocks"):
        assert text in out
    code, _, err = say("studies", "block")
    assert (code, "did you mean blocks" in err) == (2, True)


def test_programs_get_the_same(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """One object for all studies, and one for one of them."""
    monkeypatch.setattr(devices, "workers", lambda *_: 2)
    listed = {one["name"]: one for one in json.loads(say("studies", "--json")[1])["studies"]}
    assert set(listed) == set(catalog.studies())
    own = json.loads(say("studies", "blocks", "--json")[1])
    assert own.items() >= listed["blocks"].items()
    assert (own["core_seconds"], own["seconds_here"]) == (5600, 2800)
    assert listed["quickstart"]["answer"] is None


def test_a_file_and_its_other_studies(say: Say, tmp_path: Path) -> None:
    """A file's docstring is that of its STUDY; the time isn't told of another study in it."""
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    assert "24 networks of 10 s" in say("studies", path)[1]
    assert "440 trainings, not measured" in say("studies", "studies.families:STUDY_30M")[1]


@pytest.mark.slow
def test_a_run_says_what_is_expected_and_left(say: Say, tmp_path: Path) -> None:
    """Before the first training stderr has question, time and what is left; a repetition counts what is finished."""
    path, folder = tmp_path / "mine.py", tmp_path / "run"
    path.write_text(FILE)
    code, _, err = say("run", path, *SMALL, "-o", folder)
    assert code == 0
    question, expected, left, *_ = err.splitlines()
    assert question == f"question  {catalog.study('quickstart').question}"
    assert expected.startswith("expected  24 networks of 10 s on one core each; here about ")
    assert left == "left      3 of 3 trainings"
    assert "left      0 of 3 trainings; 3 are finished" in say("run", path, *SMALL, "-o", folder)[2]


def test_what_is_left_is_reckoned_from_images(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With half the networks and half the epochs, a quarter of the time; less what is finished; none at other sizes."""
    monkeypatch.setattr(devices, "workers", lambda *_: 1)
    found, said = catalog.study("quickstart"), description("Expected time: 24 networks of 10 s on one core each.")
    shorter = replace(found, samples=4, recipe=msgspec.structs.replace(found.recipe, epochs=1))
    other = replace(found, recipe=msgspec.structs.replace(found.recipe, resolution=8))
    for study, finished, left in (
        (found, 0, "24 of 24 trainings"),
        (shorter, 0, "12 of 12 trainings; here about 60.0 s with 1 worker on the CPU"),
        (shorter, 6, "6 of 12 trainings; 6 are finished; here about 30.0 s with 1 worker on the CPU"),
        (shorter, 12, "0 of 12 trainings; 12 are finished"),
        (other, 0, "24 of 24 trainings"),
    ):
        foretell(study, found, said, finished)
        assert capsys.readouterr().err.splitlines()[-1] == f"left      {left}"
