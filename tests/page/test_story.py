"""What the page says in words: read from the document, and equal to what the terminal says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from statistics import variance

import numpy as np
import pandas as pd
import pytest

import nas
from nas.analysis.statistics.interval import of_trainings, wilson
from nas.engines.inline import InlineEngine
from nas.findings.same_images import optimism_of
from nas.findings.tables import tables
from nas.findings.wording.images import interval_note, trainings_text
from nas.findings.wording.numbers import measured
from nas.findings.wording.rules import headline
from nas.page.contents import reports_of_tables
from nas.page.networks import networks_of
from nas.page.page import html
from nas.page.report import Report
from nas.page.templates import told
from nas.storage.results import Run
from nas.study import against, larger
from tests.toys.spaces import STUDY

RULES = (against("rich", "tiny", "Rich networks are better.", "R against T"), larger("width"))
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The toy study with two rules, trained in this process."""
    folder = tmp_path_factory.mktemp("story") / "run"
    return nas.run(replace(STUDY, samples=9, rules=RULES), out=folder, engine=InlineEngine(), device="cpu")


def table(**columns: object) -> pd.DataFrame:
    """Forty networks of two spaces with errors between 10 and 30 %."""
    generator = np.random.default_rng(1)
    own = {"trial": range(40), "space": ["a", "b"] * 20, "architecture": [f"n{i}" for i in range(40)]}
    return pd.DataFrame(own | {"outcome": "completed", "error": generator.uniform(0.1, 0.3, 40)} | columns)


def report(frame: pd.DataFrame, **changes: object) -> Report:
    """A run of which nothing is known but a table."""
    own = {"title": "t", "question": "Why?", "settings": {}, "total": len(frame), "dimensions": (), "classes": 10}
    return Report(frame=frame, **own | changes)  # type: ignore[arg-type]


def words(page: str, part: str = r"<header>.*?</header>") -> str:
    """The text of a part of a page."""
    found = re.search(part, page, re.DOTALL)
    assert found
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", found.group(0))))


def test_the_head_says_what_the_terminal_says(run: Run, say: Say) -> None:
    """Headline and a line a rule hold the verdict, effect, interval and share of pairs of `nas principles`."""
    head = words((run.folder / "report.html").read_text()).replace("−", "-")
    result = nas.principles(run)
    assert headline(result.rows, 18).replace("\u2068", "").replace("\u2069", "") in head
    verdicts = json.loads(say("principles", run.folder, "--json")[1])["principles"]
    for row, verdict in zip(result.rows, verdicts, strict=True):
        assert f"{row.name} {row.line}" in head
        assert row.effect in row.line
        assert row.ends in row.line
        assert verdict["name"] == row.name
    assert f"{100 * verdicts[0]['effect']:+.2f} points" in head
    assert f"{100 * verdicts[0]['better']['estimate']:.1f} % of pairs won" in head


def test_a_pair_has_the_numbers_of_its_rule(run: Run) -> None:
    """The matrix shows the pair of a rule once, from the side of the rule, with its interval, verdict and p."""
    page = (run.folder / "report.html").read_text().replace("\u00a0", " ")
    row = nas.principles(run).rows[0]
    cell = r'<td class="(?!none)([a-z]+)"><strong>(.*?)</strong><small>(.*?)</small><small.*?>(.*?)</'
    assert re.findall(cell, page) == [(row.kind, row.better, row.ends, f"{row.verdict}, p {row.cells[7]}")]
    before = page[: re.search(cell, page).start()]  # type: ignore[union-attr]
    assert re.findall(r"<bdi>(\w+)</bdi></span><small>mean", before)[-1] == "rich"


def test_the_best_network_is_that_of_the_terminal(run: Run, say: Say) -> None:
    """The head names trial and error of `nas best`, with half the interval over the validation images."""
    head = words((run.folder / "report.html").read_text())
    (best,) = json.loads(say("best", run.folder, "--top", 1, "--json")[1])["best"]
    images = run.manifest.data.validation
    assert f"trial {best['trial']} of {best['space']}" in head
    assert measured(best["error"], wilson(best["error"], images).half) in head
    again = any(len(run.trainings(record)) > 1 for record in run.records)
    assert interval_note(images, several=again) in head
    optimism = optimism_of([run.mean_error(record) for record in run.best], images)
    assert optimism in say("best", run.folder)[1]
    assert optimism in unescape((run.folder / "report.html").read_text()).replace("\u00a0", " ")


def test_the_best_networks_have_their_source(run: Run) -> None:
    """The page holds layers and source of as many networks as are told to be the best, and names each by its id."""
    networks = networks_of(run, 2)
    best = {record.trial: record.architecture for record in run.best[:2]}
    assert networks.layers.keys() == networks.sources.keys() == best.keys()
    assert all(networks.sources[trial].startswith(f'"""{architecture}:') for trial, architecture in best.items())


def test_how_it_was_obtained_is_one_line(run: Run) -> None:
    """Networks, spaces, training, time, failures and the time of the snapshot stand below the finding."""
    head = words((run.folder / "report.html").read_text())
    for text in ("18 trials of 2 spaces", "Each training: 200 images of digits", "Training took", "failure", "As of "):
        assert text in head


def test_decided_rules_are_named_and_open_ones_counted() -> None:
    """A headline says which rules help, and how many are undecided."""
    frame = table(depth=np.arange(40.0), luck=np.random.default_rng(2).random(40))
    frame["error"] = 0.5 - 0.01 * frame["depth"] + 0.001 * frame["luck"]
    rows = nas.principles(frame, columns=["depth", "luck"]).rows
    text = headline(rows, 40)
    assert "\u2068depth\u2069 helps" in text
    assert "1 rule of 2 is undecided" in text
    assert headline([row for row in rows if row.kind == "undecided"], 40).startswith(
        "Still open: \u2068luck\u2069 isn't"
    )


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "The best of 40 networks has"),
        ({"error": float("nan"), "outcome": "timed_out"}, "40 failures (40 timed out: the training took longer"),
        ({"sampler": "tpe"}, "tpe found"),
        ({"architecture": "same"}, "The one trained network has"),
    ],
)
def test_every_kind_of_table_has_a_headline(columns: dict[str, object], expected: str) -> None:
    """Random samples, failures alone, searches and repeats of one network begin with what is known of them."""
    assert expected in words(html([report(table(**columns))]))


def test_nothing_finished_says_so_and_compares_nothing() -> None:
    """A run that has just begun has neither numbers nor comparisons."""
    page = html([report(table()[:0], total=40)])
    assert "No trial is finished yet; 40 trials planned" in words(page)
    assert "beat another" not in page


@pytest.mark.parametrize("count", [1, 3, 14])
def test_few_networks_are_not_compared(count: int) -> None:
    """Below eight networks a space there are no chances of winning, which would mean nothing."""
    assert "beat another" not in html([report(table()[:count])])


def test_failures_alone_are_not_compared() -> None:
    """Two spaces of failures don't win half of their pairs."""
    page = html([report(table(error=float("nan"), outcome="crashed", message="killed"))])
    assert "beat another" not in page
    assert "the worker process died, most often “killed”" in words(page)


def test_a_search_for_two_objectives_begins_with_its_front() -> None:
    """The ends of the Pareto front stand in the headline."""
    frame = table(sampler="nsga2", multiply_adds=np.arange(40) * 1000 + 1000)
    page = html([report(frame, objectives=("error", "multiply_adds"))])
    assert re.search(r"nsga2 found a Pareto front of \d+ networks, from .* % at .* multiply-adds to", words(page))


def test_recipes_stand_apart(tmp_path: Path) -> None:
    """Trainings of different epochs have parts of their own, with a sentence that says why; nothing compares them."""
    table(epochs=[1, 4] * 20).to_csv(tmp_path / "t.csv", index=False)
    parts = reports_of_tables(tables([tmp_path / "t.csv"]))
    assert [sorted(part.frame["epochs"].unique()) for part in parts] == [[1], [4]]
    assert "trainings of different recipes aren't compared" in words(html(parts))
    table(epochs=range(40)).to_csv(tmp_path / "many.csv", index=False)
    assert len(reports_of_tables(tables([tmp_path / "many.csv"]))) == 1


def test_a_network_with_several_trainings_is_one_leader() -> None:
    """Repeats stand once, at their mean error, with the range of all of them."""
    frame = table(architecture=[f"n{i % 20}" for i in range(40)], repeat=[0] * 20 + [1] * 20)
    page = html([report(frame, validating=10_000)])
    means = frame.groupby("architecture")["error"].mean()
    lowest = means.idxmin()
    assert "The lowest mean validation error has" in words(page)
    assert "40 trials of 20 networks" in words(page)
    errors = frame.loc[frame["architecture"] == lowest, "error"].tolist()
    known = of_trainings(float(means.min()), variance(errors), 2, 10_000)
    assert known is not None
    assert measured(float(means.min()), known.half) in page.replace("\u00a0", " ")
    assert trainings_text(errors) in page.replace("\u00a0", " ")
    assert trainings_text(errors).startswith("2: ")


def test_names_are_isolated_and_minus_signs_are_one() -> None:
    """Names stand in `<bdi>` unchanged, blank ones are shown, and numbers have U+2212."""
    frame = table(space=["-5 \u202eevil", "  "] * 20)
    page = html([report(frame)])
    assert "<bdi>-5 \u202eevil</bdi>" in page
    assert "“  ” (a blank name)" in page
    assert told("<p title='-1'>-1.5 [-2, a-3]</p>\u2068-4\u2069") == "<p title='-1'>−1.5 [−2, a-3]</p><bdi>-4</bdi>"
    assert told("<p title='1 %'>1 ± 2 %, p = 0.3</p>") == "<p title='1 %'>1\u00a0±\u00a02\u00a0%, p\u00a0=\u00a00.3</p>"


def test_open_shows_the_page(run: Run, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nas report --open` hands the page that it wrote to the browser."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda place: bool(opened.append(place)) or True)
    assert say("report", run.folder, "--open")[0] == 0
    assert opened == [(run.folder / "report.html").resolve().as_uri()]
