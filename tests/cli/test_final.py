"""`nas final` as a user types it: the table, JSON, export, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import nas
from nas.engines import InlineEngine
from nas.findings.wording.numbers import percent
from nas.storage.results import Run
from tests.toys.audits import STUDY, mapped
from tests.toys.tables import STUDY as ON_TABLE

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small run with a final of two networks and two seeds."""
    run = mapped(STUDY, tmp_path_factory.mktemp("cli") / "a run")
    nas.final(run, study=STUDY, engine=InlineEngine(), device="cpu", top=2, seeds=2, changes={"epochs": 1})
    return run


def test_a_tested_final_is_shown_without_reading(say: Say, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command again shows a row a finalist, the optimism of each choice and how often the split was read."""
    monkeypatch.setattr("nas.data.unseal", lambda *_: pytest.fail("the test split was read"))
    code, out, _ = say("final", run.folder)
    assert code == 0
    assert "the best 2 networks of 7 completed, by validation error in the run" in out
    assert "on 359 images of the test split; 95 % intervals over seeds and images" in out
    assert "read once" in out
    rows = [line for line in out.splitlines() if f"  {run.best[0].trial}  " in line and " ± " in line]
    assert len(rows) == 1
    assert "the same weights have test error" in out
    assert "regression to the mean" in out
    assert "next   nas export" in out
    code, again, _ = say("final", run.folder, "--top", "2", "--epochs", "1", "--seeds", "2")
    assert (code, again) == (0, out)


def test_json_has_what_programs_rely_on(say: Say, run: Run) -> None:
    """One object with finalists, their errors, intervals and n, and the number of readings."""
    told = json.loads(say("final", run.folder, "--json")[1])
    assert (told["schema_version"], told["tested"], told["readings"], told["test"]["n"]) == (1, True, 1, 359)
    assert told["chosen"]["selection"]["limits"] == {}
    first = told["finalists"][0]
    assert (first["rank"], first["trial"], first["unit"]) == (1, run.best[0].trial, "error")
    assert len(first["test_errors"]) == 2
    assert {"estimate", "low", "high", "confidence"} <= set(first["mean"])
    assert {"estimate", "low", "high"} <= set(first["optimism"])


def test_a_final_against_another_is_a_sentence(say: Say, run: Run, tmp_path: Path) -> None:
    """`--against` tells the difference to another run's first finalist, and of recipes, with a paired interval.

    A run that isn't tested, or of other data, is refused before anything is trained; a comparison that turns out to be
    impossible keeps nothing else back.
    """
    other, fresh = (mapped(STUDY, tmp_path / name, reference="tests.toys.audits:STUDY") for name in ("other", "fresh"))
    nas.final(other, study=STUDY, engine=InlineEngine(), device="cpu", top=1, seeds=2, changes={"epochs": 2})
    code, out, _ = say("final", run.folder, "--against", other.folder)
    said = " ".join(out.split())
    assert code == 0
    assert f"against {other.folder}: trial {run.best[0].trial} (" in said
    assert f"against trial {other.best[0].trial} (" in said
    assert "means of 2 and 2 trainings: difference " in said
    assert "the recipes differ, too: epochs 1 against 2" in said
    told = json.loads(say("final", run.folder, "--against", other.folder, "--json")[1])["against"]
    assert (told["paired"]["n"], told["second"]["folder"]) == (359, str(other.folder))
    assert told["sentence"] in said
    assert json.loads(say("final", run.folder, "--json")[1])["against"] is None
    code, out, _ = say("final", run.folder, "--against", run.folder)
    assert (code, "not compared with" in out, "next   nas export" in out) == (0, True, True)
    table = mapped(ON_TABLE, tmp_path / "table")
    nas.final(table, study=ON_TABLE, engine=InlineEngine(), device="cpu", top=1, seeds=2, changes={"epochs": 1})
    for place, against, why in (
        (fresh.folder, fresh.folder, "has no final"),
        (fresh.folder, table.folder, "predicts a number"),
        (table.folder, other.folder, "predicts a number"),
    ):
        code, _, err = say("final", place, "--against", against)
        assert (code, why in err) == (2, True), err
    assert not (fresh.folder / "final").exists()
    say("final", fresh.folder, "--max-seconds", "0", "--study", "tests.toys.audits:STUDY", "--workers", "1")
    code, _, err = say("final", run.folder, "--against", fresh.folder)
    assert (code, "isn't tested yet" in err) == (2, True)
    code, _, err = say("final", fresh.folder, "--against", other.folder, "--seeds", "1")
    assert (code, "a single one says nothing of other seeds" in err) == (2, False), err
    begun = mapped(STUDY, tmp_path / "begun", reference="tests.toys.audits:STUDY")
    code, _, err = say("final", begun.folder, "--against", other.folder, "--seeds", "1")
    assert (code, "a single one says nothing of other seeds" in err) == (2, True)
    assert not (begun.folder / "final").exists()


def test_a_finalist_is_exported_and_verified(say: Say, run: Run, tmp_path: Path) -> None:
    """`nas export --final` takes the rank among finalists, and `nas verify` reads no test split."""
    code, out, _ = say("export", run.folder, "--final", "--rank", "2", "-o", tmp_path / "second")
    assert code == 0
    assert "test error" in out
    assert f"(trial {run.best[1].trial})" in out
    code, out, _ = say("verify", tmp_path / "second")
    assert code == 0
    assert "equal" in out
    assert say("export", run.folder, "--final", "--rank", "3", "-o", tmp_path / "third")[0] == 2
    assert say("export", run.folder, "--final", "--trial", "3", "-o", tmp_path / "third")[0] == 2


def test_a_converted_finalist_is_told_by_its_test_error(say: Say, run: Run, tmp_path: Path) -> None:
    """No image validated it, so that no error of it is called a validation error."""
    assert say("export", run.folder, "--final", "-o", tmp_path / "tested")[0] == 0
    code, out, _ = say("export", tmp_path / "tested", "-o", tmp_path / "net.py")
    assert code == 0
    assert f"test error {percent(nas.load(tmp_path / 'tested').metrics['error'])}" in out
    assert "validation" not in out
    assert "\nmean test error   0." in (tmp_path / "net.py").read_text()


def test_a_notebook_shows_it(run: Run) -> None:
    """The table of finalists and a row for each in pandas."""
    done = nas.final(run)
    assert "test error, mean ± deviation" in done._repr_html_()
    assert len(repr(done)) < 500
    frame = done.table()
    assert list(frame["seeds"]) == [2, 2]
    assert {"test_error", "test_low", "test_high", "optimism", "test_error_1", "test_error_2"} <= set(frame)


def test_a_final_that_waits_says_so(say: Say, tmp_path: Path) -> None:
    """Without time it trains nothing, reads nothing, and names the command that resumes it."""
    folder = mapped(STUDY, tmp_path / "run", reference="tests.toys.audits:STUDY").folder
    code, out, _ = say("final", folder, "--max-seconds", "0", "--study", "tests.toys.audits:STUDY", "--workers", "1")
    assert code == 0
    assert "0 of 9 trainings are finished; the test split stays sealed" in out
    assert f"next   nas final {folder} --study tests.toys.audits:STUDY" in out
    assert (
        json.loads(say("final", folder, "--max-seconds", "0", "--study", "tests.toys.audits:STUDY", "--json")[1])[
            "tested"
        ]
        is False
    )
    code, _, err = say("export", folder, "--final", "-o", tmp_path / "best")
    assert (code, "isn't read yet" in err) == (2, True)


def test_refusals_are_two_lines(say: Say, run: Run, tmp_path: Path) -> None:
    """Every wrong option, a table, a run without networks and a folder of somebody else end with code 2."""
    file = tmp_path / "x.csv"
    file.write_text("error\n0.1\n")
    for words, said in (
        ((file,), "is a file"),
        ((tmp_path / "nowhere",), "there is no folder"),
        ((run.folder, "--top", "0"), "top must be at least 1"),
        ((run.folder, "--top", "2", "--pareto", "parameters"), "not both"),
        ((run.folder, "--pareto", "depth"), "pareto must be one of multiply_adds, parameters, latency_ms"),
        ((run.folder, "--parameters", "60000"), "LEAST..MOST"),
        ((run.folder, "--parameters", ".."), "LEAST..MOST"),
        ((run.folder, "--multiply-adds", "a..b"), "LEAST..MOST"),
        ((run.folder, "--multiply-adds", "8e6..1e6"), "low <= high"),
        ((run.folder, "--parameters", "nan..5"), "whole numbers"),
        ((run.folder, "--seeds", "0"), "seeds must be at least 1"),
        ((run.folder, "--seeds", "3"), "was read once"),
        ((run.folder, "--epochs", "0"), "at least 1"),
        ((run.folder, "--epochs", "7"), "epochs 1, not 7"),
        ((run.folder, "--fidelity", "longest"), "no fidelity"),
        ((run.folder, "--set", "data=mnist"), "data is the run's"),
        ((run.folder, "--set", "validation_size=300"), "validation_size is the run's"),
        ((run.folder, "--latency-ms", "..2"), "was begun with"),
        ((run.folder, "--pareto", "latency"), "was begun with"),
        ((run.folder, "--set", "speed=1"), "--set knows no field 'speed'"),
        ((run.folder, "--study", "nowhere"), "no study 'nowhere'"),
        ((run.folder / "final",), "is a final itself"),
    ):
        code, _, err = say("final", *words)
        assert (code, said in err) == (2, True), (words, err)
    for words in (
        ("best", run.folder / "final"),
        ("export", run.folder / "final", "-o", tmp_path / "x"),
        ("images", run.folder / "final"),
    ):
        code, _, err = say(*words)
        assert (code, "is a final" in err) == (2, True), (words, err)
