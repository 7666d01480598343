"""The verbs, as people and programs use them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import pandas as pd
import pytest

from nas.cli import main
from nas.cli.live.progress import LiveView
from nas.layers.base import Cost
from nas.page.networks import networks_of
from nas.runner.progress import Progress
from nas.storage.results import open_run
from nas.study.record import Origin, Outcome, Record

SMALL = ("--samples", "2", "--epochs", "1", "--train-size", "200")


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(name="nas")
def _nas(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """The command line in this process: nas("spaces", "--json") -> Said."""

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["nas", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the quickstart study, made by the command line."""
    folder = tmp_path_factory.mktemp("runs") / "a run"
    before = sys.argv
    sys.argv = ["nas", "run", "quickstart", *SMALL, "--out", str(folder), "--workers", "2"]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    assert not ended.value.code
    return folder


def test_a_run_leaves_everything_in_its_folder(finished: Path) -> None:
    """Study, database, weights, log, table and page lie in the folder, and nothing temporary."""
    names = {path.name for path in finished.iterdir()}
    assert names == {"study.json", "study.db", "run.lock", "run.log", "weights", "records.csv", "report.html"}
    assert len(pd.read_csv(finished / "records.csv")) == 6
    assert len(list((finished / "weights").iterdir())) == 6
    assert (finished / "run.log").read_text().count("completed, error 0.") == 6


def test_the_same_command_again_trains_nothing(nas, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """A finished run is finished: its records stay as they are, and what it answers is said again."""
    before = (finished / "records.csv").read_bytes()
    said = nas("run", "quickstart", *SMALL, "--out", finished)
    assert said.code == 0
    assert "6/6 trials" in said.err
    assert re.search(r"^(\d of 2 rules decided|rules can't be tested: )", said.out, re.MULTILINE)
    assert (finished / "records.csv").read_bytes() == before


@pytest.mark.slow
def test_a_run_out_of_time_ends_well_and_goes_on(nas, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """`--max-seconds` stops in order: exit code 0, a line that says how far it is, and the same command goes on."""
    said = nas("run", "quickstart", *SMALL, "--out", tmp_path / "run", "--workers", "1", "--max-seconds", "0")
    assert said.code == 0
    assert "stopped after 0 s; 0 of 6 trials are finished and kept; run the same command again to resume" in said.err
    assert {"records.csv", "report.html"} <= {path.name for path in (tmp_path / "run").iterdir()}
    said = nas("run", "quickstart", *SMALL, "--out", tmp_path / "run", "--workers", "2", "--max-seconds", "3600")
    assert said.code == 0
    assert "stopped" not in said.err
    assert json.loads(nas("status", tmp_path / "run", "--json").out)["done"] == 6


def test_the_time_limit_of_trials_belongs_to_the_study(nas, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """A run doesn't go on under another limit, and one that is no time is refused."""
    said = nas("run", "quickstart", *SMALL, "--out", finished, "--max-trial-seconds", "60")
    assert said.code == 2
    assert "max_trial_seconds: 3600.0 is stored, this is 60.0" in said.err
    assert nas("run", "quickstart", "--max-trial-seconds", "0", "--out", finished).code == 2


def test_status_tells_programs_what_they_rely_on(nas, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """`status --json` has total, done and outcomes; without it there are words."""
    status = json.loads(nas("status", finished, "--json").out)
    assert (status["schema_version"], status["total"], status["done"]) == (1, 6, 6)
    assert status["outcomes"] == {"completed": 6}
    assert "finished, 6 of 6 trials" in nas("status", finished).out


def test_table_is_csv_on_stdout_or_a_file(nas, finished: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Both forms hold the same; an ending that isn't known is refused."""
    text = nas("table", finished).out
    assert nas("table", finished, "-o", tmp_path / "t.csv").code == 0
    assert (tmp_path / "t.csv").read_text() == text
    said = nas("table", finished, "-o", tmp_path / "t.xlsx")
    assert said.code == 2
    assert not (tmp_path / "t.xlsx").exists()


def test_best_is_ordered_by_error(nas, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """`best --json` lists the keys that programs rely on, lowest error first; the front is a part of it."""
    best = json.loads(nas("best", finished, "--json").out)["best"]
    assert [b["error"] for b in best] == sorted(b["error"] for b in best)
    assert {"trial", "architecture", "error", "parameters", "multiply_adds"} <= set(best[0])
    front = json.loads(nas("best", finished, "--by", "pareto", "--json").out)["best"]
    assert {f["trial"] for f in front} <= {b["trial"] for b in best}
    assert best[0]["architecture"] in nas("best", finished, "--top", "1").out


def test_report_of_two_runs_is_one_page(nas, finished: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """`report A B -o page.html` writes one offline file."""
    assert nas("report", finished, finished, "-o", tmp_path / "page.html").code == 0
    assert (tmp_path / "page.html").stat().st_size > 1_000_000


def test_report_of_a_run_and_a_table_is_one_page(nas, finished: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A run and what `nas table` wrote of it stand side by side, with the same best network, and what differs."""
    assert nas("table", finished, "-o", tmp_path / "t.csv.gz").code == 0
    assert nas("report", finished, "--table", tmp_path / "t.csv.gz", "-o", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert page.count('<section class="run"') == 3
    first, second = (line.split(":")[0] for line in page.splitlines() if "The lowest validation error has" in line)
    assert first.strip() == second.strip()
    assert nas("report", "--table", tmp_path / "t.csv.gz").out.strip() == str(tmp_path / "t.html")


def test_export_and_verify_agree(nas, finished: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """An exported network has the four files, verifies as equal, and can be described."""
    said = nas("export", finished, "--rank", "1", "-o", tmp_path / "best")
    assert said.code == 0, said.err
    names = {path.name for path in (tmp_path / "best").iterdir()}
    assert names == {"architecture.json", "model.safetensors", "card.md", "SHA256SUMS"}
    verified = nas("verify", tmp_path / "best")
    assert verified.code == 0
    assert "equal" in verified.out
    described = json.loads(nas("describe", tmp_path / "best", "--json").out)
    best = json.loads(nas("best", finished, "--json").out)["best"][0]
    assert described["parameters"] == best["parameters"]


def test_a_run_is_no_exported_network(nas, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """The folder of a run, given for an exported network, is told the command that exports or trains one of its own."""
    said = nas("verify", finished)
    assert (said.code, f"-> nas export {quote(str(finished))} -o DIR makes one of this run" in said.err) == (2, True)
    said = nas("train", finished)
    assert (said.code, f"-> nas train --run {quote(str(finished))} --trial NUMBER" in said.err) == (2, True)


def test_describe_takes_a_trial_and_the_page_draws_it(nas, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """A trial's layer table has the counts of its record, and its stairs are on the page with those of all others."""
    run = open_run(finished)
    for record in run.records:
        described = json.loads(nas("describe", finished, "--trial", record.trial, "--json").out)
        assert described["parameters"] == record.cost.parameters
    found = networks_of(run, best=1)
    assert set(found.stairs) == {record.trial for record in run.records}
    assert set(found.layers) == {run.best[0].trial}
    refused = nas("describe", "lenet", "--study", "quickstart")
    assert refused.code
    assert "--trial" in refused.err


def test_describe_gives_the_published_counts(nas) -> None:  # type: ignore[no-untyped-def]
    """RegNetX-400MF has 5,157,512 parameters at 1000 classes, and its rows add up."""
    words = ("describe", "regnet_x_400mf", "--shape", "3x224x224", "--classes", "1000")
    described = json.loads(nas(*words, "--json").out)
    assert described["parameters"] == 5_157_512
    assert sum(row["cost"]["multiply_adds"] for row in described["layers"]) == described["multiply_adds"]
    assert "5,157,512" in nas(*words).out


def test_spaces_lists_all_and_shows_one(nas) -> None:  # type: ignore[no-untyped-def]
    """Sizes are exact; one space shows its dimensions and costs."""
    listed = json.loads(nas("spaces", "--json").out)
    assert {s["name"]: s["size"] for s in listed["spaces"]}["AnyNetX_E"] == 817_446_539_520
    shown = nas("spaces", "AnyNetX_D_3").out
    assert "width rises from stage to stage" in shown
    assert json.loads(nas("spaces", "RegNetX_3", "--json").out)["size"] is None


def test_doctor_and_data_answer(nas) -> None:  # type: ignore[no-untyped-def]
    """The machine's facts are given for people and for programs; the embedded digits are always whole."""
    facts = json.loads(nas("doctor", "--json").out)
    assert facts["versions"]["torch"]
    assert "torch" in nas("doctor").out
    assert nas("data", "digits", "--verify").code == 0
    assert "digits" in nas("data").out


def test_help_names_every_verb(nas) -> None:  # type: ignore[no-untyped-def]
    """The verbs of this version are there, no others."""
    said = nas("--help").out
    verbs = "spaces describe run status table principles report best audit final export verify data doctor"
    assert all(f" {verb} " in said for verb in (*verbs.split(), "figure", "dashboard"))
    assert " models " not in said
    assert nas("--version").out.strip().count(".") == 2


def test_the_front_keeps_the_ranks_that_export_takes(nas, finished: Path) -> None:  # type: ignore[no-untyped-def]
    """`best --by pareto` shows the place of each network among all leaders, not a numbering of its own."""
    leaders = json.loads(nas("best", finished, "--json").out)["best"]
    places = {network["architecture"]: str(place) for place, network in enumerate(leaders, 1)}
    for line in nas("best", finished, "--by", "pareto").out.partition("±: ")[0].splitlines()[2:]:
        _, architecture, rank, *_ = line.split()
        assert rank == places[architecture]


def test_the_live_view_shows_the_state_and_every_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal the bar stands above counts and best network; a failure has a line of its own."""
    record = Record(
        trial=3,
        space="a [bold]space[/bold]",
        architecture="0" * 16,
        point={},
        facts={},
        cost=Cost(),
        origin=Origin(sampler="random", draws=1),
        seed=0,
        outcome=Outcome.DIVERGED,
        message="the loss exploded in epoch 1",
    )
    progress = Progress(total=4, workers=1)
    with LiveView() as view:
        progress.finish(record)
        view(progress.snapshot({}), record)
    said = capsys.readouterr().err
    assert "trial 3 (a [bold]space[/bold]): the loss exploded or was no number" in said
    assert [line for line in said.splitlines() if line.startswith("1/4 trials · 1 diverged")]
