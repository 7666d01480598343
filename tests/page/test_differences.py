"""What tells runs and tables apart, as a part of their page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import nas
from nas.engines.inline import InlineEngine
from nas.page.contents import write_report
from nas.storage.results import Run
from tests.page.test_page import Open, needs_browser
from tests.toys.spaces import QUICK, STUDY


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """The toy study after one epoch and after two: the same networks."""
    folder = tmp_path_factory.mktemp("runs")
    short = replace(STUDY, name="short", recipe=msgspec.structs.replace(QUICK, epochs=1))
    studies = {"short": short, "long": replace(STUDY, name="long")}
    return [nas.run(study, out=folder / name, engine=InlineEngine(), device="cpu") for name, study in studies.items()]


def errors(run: Run) -> pd.Series[float]:
    """Architecture id -> mean error."""
    return run.table().groupby("architecture")["error"].mean()


@needs_browser
def test_two_runs_differ_in_settings_and_in_paired_errors(runs: list[Run], tmp_path: Path, show: Open) -> None:
    """The part names each setting that differs and no other; shared networks have the paired mean of scipy."""
    write_report(runs, tmp_path / "both.html")
    page = show()
    page.goto((tmp_path / "both.html").as_uri())
    page.get_by_role("tab", name="Differences").click()
    part = page.locator("section:visible")
    settings = part.locator(".sides").first.locator("tbody tr")
    assert [settings.nth(i).locator("th").inner_text() for i in range(settings.count())] == ["epochs"]
    assert settings.locator("td").all_inner_texts() == ["1", "2"]
    first, second = (errors(run) for run in runs)
    apart = (100 * (first - second)).dropna()
    low, high = stats.t.interval(0.95, len(apart) - 1, apart.mean(), stats.sem(apart))
    said = part.inner_text().replace("\u2212", "-").replace("\u00a0", " ")
    assert f"differ in 1 setting and share {len(apart)} networks" in said
    assert f"{apart.mean():+.2f} points on average [{low:+.2f}, {high:+.2f}], 95 %" in said
    assert f"; {(apart < 0).sum()} are lower" in said
    assert "P(better) compares spaces that were trained alike" in said
    shared = part.locator(".sides").last.locator("tbody tr")
    ids = [shared.nth(i).locator("th").inner_text() for i in range(shared.count())]
    assert ids == list((first + second).dropna().sort_values(kind="stable").index[: len(ids)])
    assert len(ids) == min(12, len(apart))
    assert page.locator("nav.contents:visible").count() == 0


@needs_browser
def test_a_run_and_a_table_that_share_nothing_say_so(runs: list[Run], tmp_path: Path, show: Open) -> None:
    """Without a shared architecture id no errors are paired, in words; of a table no settings are known."""
    names = [f"{number:016x}" for number in range(20)]
    frame = pd.DataFrame(
        {"architecture": names, "space": "tiny", "error": np.linspace(0.2, 0.4, 20), "width": range(20)}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    write_report(runs[:1], tmp_path / "both.html", table_files=[tmp_path / "t.csv"])
    page = show()
    page.goto((tmp_path / "both.html").as_uri())
    page.get_by_role("tab", name="Differences").click()
    said = page.locator("section:visible").inner_text()
    assert "short and t share no network" in said
    assert "share no network (no architecture id is in both), so no errors are compared pair by pair" in said
    assert "Of t no settings are known but what columns say" in said
    assert page.locator("section:visible .sides").count() == 1


def test_runs_of_one_study_are_named_by_their_folders(runs: list[Run], tmp_path: Path) -> None:
    """Where two runs have one study their parts have the names of their folders; runs of two studies keep theirs."""
    write_report([runs[0], runs[0]], tmp_path / "same.html")
    text = (tmp_path / "same.html").read_text(encoding="utf-8")
    assert text.count(f">{runs[0].folder}</button>") == 2
    assert "differ in 0 settings" in text
