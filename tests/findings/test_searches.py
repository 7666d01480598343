"""Searches against random at equal compute: toy hunts on the digits, what may be compared, and what is charged."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import msgspec
import pytest

import nas
from nas.analysis import front
from nas.analysis.searches import LEAST, Advantage, curve, lowest_errors
from nas.cli import main
from nas.errors import Refused
from nas.findings.searches import Measured, Searches
from nas.findings.strategies import corner_of, in_order, spent_on, strategy_of
from nas.findings.wording.searches import search_row
from nas.page.compared import report_of_searches
from nas.page.page import html
from nas.storage.results import Run, open_run
from nas.study import Limits, Study, SuccessiveHalving
from nas.study.record import Outcome
from tests.toys.runs import execute
from tests.toys.spaces import HUNT, QUICK

RECIPE = msgspec.structs.replace(QUICK, epochs=3, train_size=60)
WINDOW = Limits(multiply_adds=(5_000, 80_000))
RANDOM = replace(HUNT, name="random", sampler="random", samples=9, recipe=RECIPE, limits=WINDOW)
STRATEGIES: Mapping[str, Study] = {
    "random": RANDOM,
    "tpe": replace(RANDOM, name="hunt", sampler="tpe"),
    "halved": replace(RANDOM, name="hunt", sampler="tpe", halving=SuccessiveHalving(reduction_factor=2), samples=12),
    "both": replace(RANDOM, name="hunt", sampler="nsga2", objectives=("error", "multiply_adds")),
}


def searched(study: Study, folder: Path) -> Run:
    """Run a study in this process."""
    execute(study, folder)
    return open_run(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Run]]:
    """Three seeds of each strategy."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        name: [searched(replace(study, seed=seed), folder / f"{name}{seed}") for seed in range(3)]
        for name, study in STRATEGIES.items()
    }


@pytest.fixture(scope="module")
def found(runs: Mapping[str, list[Run]]) -> Searches:
    """All strategies."""
    return nas.compare([run for some in runs.values() for run in some])


def asked(run: Run, **changes: object) -> Run:
    """A run whose study was another one."""
    study = msgspec.structs.replace(run.manifest.study, **changes)
    manifest = msgspec.structs.replace(run.manifest, study=study)
    return replace(run, manifest=manifest)


def by_hand(run: Run) -> list[tuple[float, float]]:
    """Compute after each trial and the lowest error then, from the records alone."""
    spent = accumulate(record.cost.multiply_adds * 60 * len(record.curve) for record in run.records)
    errors = accumulate((0.9 if record.error is None else min(record.error, 0.9) for record in run.records), min)
    return list(zip(map(float, spent), errors, strict=True))


def area(run: Run, start: float, end: float) -> float:
    """Mean of the lowest error so far over the compute, step by step."""
    total, level, before = 0.0, 0.9, 0.0
    for spent, lowest in [*by_hand(run), (math.inf, 0.0)]:
        total += level * max(0.0, min(spent, end) - max(before, start))
        level, before = lowest, spent
    return total / (end - start)


def test_areas_and_ratios_are_those_of_the_records(runs: Mapping[str, list[Run]], found: Searches) -> None:
    """Start, end, mean areas and their ratios to random's are counted from the records, pruned trainings included."""
    names = {"random": "random", "tpe": "tpe", "halved": "tpe, halving by 2 from epoch 1"}
    names["both"] = "nsga2 for error and multiply-adds"
    every = [by_hand(run) for some in runs.values() for run in some]
    assert found.start == max(steps[0][0] for steps in every)
    assert found.end == min(steps[-1][0] for steps in every)
    (errors, _) = found.measured
    assert [one.name for one in errors.curves] == list(names.values())
    areas = {n: sum(area(run, found.start, found.end) for run in some) / 3 for n, some in runs.items()}
    for one in errors.curves:
        own = next(key for key, name in names.items() if name == one.name)
        assert one.area.estimate == pytest.approx(areas[own])
        assert one.n == 3
    for one in errors.advantages:
        own = next(key for key, name in names.items() if name == one.name)
        assert one.ratio.estimate == pytest.approx(areas[own] / areas["random"])
        assert one.ratio.low < one.ratio.estimate < one.ratio.high
    assert any(run.outcomes.get(Outcome.PRUNED) for run in runs["halved"])


def test_the_hypervolume_is_that_of_the_front(runs: Mapping[str, list[Run]], found: Searches) -> None:
    """Where a search has ended, its undominated share is one less the hypervolume of its networks by log cost."""
    some = [run for group in runs.values() for run in group]
    corner = corner_of(some)
    assert corner is not None
    assert (corner.error, corner.low, corner.high) == (0.9, 5_000, 80_000)
    assert "5 k to 80 k multiply-adds on a logarithmic scale" in dict(found.head)["reference"]
    for run in some:
        frame = run.table().assign(place=lambda f: (f["multiply_adds"] / 5_000).map(math.log) / math.log(16))
        top = frame.tail(1).assign(error=0.9, place=1.0)  # so that the front's reference is the corner
        import pandas as pd

        expected = front(pd.concat([frame, top]), "place", guess=0.9).hypervolume
        from nas.findings.strategies import Search

        costs = [spent_on(run, record, "trials") for record in run.records]
        traced = Search(records=run.records, costs=costs).shares(corner)
        assert traced.found[-1] == pytest.approx(1.0 - expected)


def test_only_two_objectives_ask_for_hypervolume(runs: Mapping[str, list[Run]]) -> None:
    """Where every strategy hunts for the error alone, it is the only measure; the order of runs changes nothing."""
    some = [*runs["random"], *runs["tpe"]]
    first = nas.compare(some)
    assert [one.measure for one in first.measured] == ["error"]
    assert first.measured == nas.compare(some[::-1]).measured


def test_without_random_the_first_strategy_is_the_reference(runs: Mapping[str, list[Run]]) -> None:
    """It is said that nothing was compared with random search."""
    found = nas.compare([*runs["halved"], *runs["tpe"]])
    assert [one.reference for one in found.measured[0].advantages] == ["tpe, halving by 2 from epoch 1"]
    assert found.notes[0].startswith("No run searches at random without halving")


def test_fewer_than_three_seeds_have_no_interval(runs: Mapping[str, list[Run]]) -> None:
    """Two seeds give estimates without ends, and no verdict."""
    found = nas.compare([*runs["random"], *runs["tpe"][:2]])
    (one,) = found.measured[0].advantages
    assert (one.verdict, one.ratio.low, one.n) == ("unknown", -math.inf, 2)
    assert "tpe: 2 of the 3 searches that an interval takes at least" in found.notes
    assert found.sentences()[0].startswith("Nothing can be said of tpe and random below 3 searches each")
    assert found.table()["low"].isna().sum() == 1 or math.isinf(found.table()["low"].iloc[-1])


@pytest.mark.slow
def test_a_long_map_is_cut_into_searches(runs: Mapping[str, list[Run]], tmp_path: Path) -> None:
    """A random run that is five times as long as the three hunts stands for three random searches, its first ones."""
    long = searched(replace(RANDOM, samples=50, seed=7), tmp_path)
    found = nas.compare([long, *runs["tpe"]], cost="trials")
    reference = found.measured[0].curves[0]
    assert (reference.name, reference.n, found.end) == ("random", 3, 9.0)
    assert "random: 3 searches, cut from 1 run one after another, no more than another strategy has" in found.notes
    traces = [
        lowest_errors([1.0] * 9, [r.error or 1.0 for r in long.records[9 * k : 9 * k + 9]], 0.9) for k in range(3)
    ]
    assert reference == curve("random", traces, found.start, 9.0)


def test_trials_are_charged_with_what_they_used(runs: Mapping[str, list[Run]]) -> None:
    """A pruned training costs its epochs, a failure the one that it ended in, one out of time all of them."""
    run = runs["random"][0]
    record = msgspec.structs.replace(run.records[0], seconds=2.5)
    unit = 60.0 * record.cost.multiply_adds
    cases = {
        (Outcome.COMPLETED, 3): 3,
        (Outcome.PRUNED, 1): 1,
        (Outcome.DIVERGED, 1): 2,
        (Outcome.FAILED, 0): 1,
        (Outcome.DIVERGED, 3): 3,
        (Outcome.TIMED_OUT, 0): 3,
    }
    for (outcome, epochs), charged in cases.items():
        ended = msgspec.structs.replace(record, outcome=outcome, curve=record.curve[:epochs])
        assert spent_on(run, ended, "multiply_adds") == unit * charged
        assert spent_on(run, ended, "epochs") == charged
        assert (spent_on(run, ended, "seconds"), spent_on(run, ended, "trials")) == (2.5, 1.0)
    longer = msgspec.structs.replace(record, point={**record.point, "train_size": 120})
    assert spent_on(run, longer, "multiply_adds") == 2 * unit * 3


def test_a_gap_ends_what_is_compared(runs: Mapping[str, list[Run]]) -> None:
    """Trials after one that isn't over don't count: their compute depends on which worker was faster."""
    run = runs["random"][0]
    assert in_order(replace(run, records=(*run.records[:4], *run.records[5:]))) == run.records[:4]
    assert in_order(run) == run.records


def test_runs_of_other_networks_or_trainings_are_refused(runs: Mapping[str, list[Run]]) -> None:
    """Another recipe, window, data or space is told with both values; so is one search given twice, and one alone."""
    one, two = runs["random"][0], runs["tpe"][1]
    recipe = msgspec.structs.replace(two.manifest.study.recipe, epochs=5)
    with pytest.raises(Refused, match=r"(?s)don't search the same.*recipe\.epochs: 3 is stored, this is 5"):
        nas.compare([one, asked(two, recipe=recipe)])
    limits = msgspec.structs.replace(two.manifest.study.limits, multiply_adds=(1, 2))
    with pytest.raises(Refused, match=r"limits\.multiply_adds\[0\]: 5000 is stored, this is 1"):
        nas.compare([one, asked(two, limits=limits)])
    data = msgspec.structs.replace(two.manifest.data, key="other")
    with pytest.raises(Refused, match=r"data: .* is stored, this is other"):
        nas.compare([one, replace(two, manifest=msgspec.structs.replace(two.manifest, data=data))])
    space = two.manifest.study.spaces[0]
    narrow = {**space.dimensions, "width": msgspec.structs.replace(space.dimensions["width"], high=8)}
    with pytest.raises(Refused, match=r"spaces\[0\]\.dimensions\.width\.high: 64 is stored, this is 8"):
        nas.compare([one, asked(two, spaces=(msgspec.structs.replace(space, dimensions=narrow),))])
    with pytest.raises(Refused, match="are one search: random with seed 0"):
        nas.compare([one, one, two])
    with pytest.raises(Refused, match="all of these runs search by random, so there is nothing to compare it with"):
        nas.compare(runs["random"])
    with pytest.raises(Refused, match="at least two runs"):
        nas.compare([one])
    with pytest.raises(Refused, match="no run of random has a finished trial"):
        nas.compare([replace(one, records=()), two])


def test_strategies_have_names(runs: Mapping[str, list[Run]]) -> None:
    """A strategy is what decides who is trained how long: sampler, objectives and halving."""
    halving = SuccessiveHalving(reduction_factor=4, min_epochs=2)
    assert strategy_of(asked(runs["both"][0], halving=halving)) == (
        "nsga2 for error and multiply-adds, halving by 4 from epoch 2"
    )


def test_the_command_prints_and_draws(
    runs: Mapping[str, list[Run]], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`nas compare` shows a table with sentences, or one JSON object; -o writes a page with the curves and the runs."""
    folders = [str(run.folder) for name in ("random", "both") for run in runs[name]]
    shown = []
    for words in (["-o", str(tmp_path / "page.html")], ["--json", "--cost", "epochs"]):
        monkeypatch.setattr(sys, "argv", ["nas", "compare", *folders, *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        shown.append(capsys.readouterr().out)
    assert "Lowest validation error so far" in shown[0]
    assert "nsga2 for error and multiply-adds" in shown[0]
    assert "In the end its hypervolume is" in shown[0]
    read = json.loads(shown[1])
    assert (read["schema_version"], read["cost"], len(read["measures"])) == (1, "epochs", 2)
    assert read["measures"][0]["comparisons"][0]["verdict"] in ("better", "worse", "undecided")
    written = (tmp_path / "page.html").read_text()
    assert "Which search finds the best networks at equal compute?" in written
    assert written.count('data-view="searches"') == 2
    assert written.count('role="tab"') == 1 + len(folders)
    monkeypatch.setattr(sys, "argv", ["nas", "compare", *folders, "--cost", "money"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "compute is counted in multiply_adds, seconds, epochs, trials, got 'money'" in capsys.readouterr().err


def test_notebooks_and_pages_escape_names(found: Searches) -> None:
    """A study called like a tag stays text in a notebook and on the page."""
    odd = replace(found, title="<b>odd</b>")
    assert "<b>odd" not in odd._repr_html_()
    assert "<b>odd" not in html([report_of_searches(odd)])
    assert len(odd.table()) == 8
    assert set(odd.table()["verdict"]) <= {"reference", "better", "worse", "undecided"}


def test_verdicts_are_sentences() -> None:
    """What a sentence says follows from the interval of the ratio."""
    slow = [lowest_errors([1.0] * 3, [e, e - 0.1, e - 0.2], 0.9) for e in (0.5, 0.51, 0.52)]
    fast = [lowest_errors([1.0] * 3, [e / 2, e / 2, e / 2], 0.9) for e in (0.5, 0.51, 0.52)]
    from nas.analysis.searches import advantage

    ahead: Advantage = advantage("tpe", fast, "random", slow, 1.0, 3.0)
    behind = advantage("tpe", slow, "random", fast, 1.0, 3.0)
    curves = [curve("tpe", some, 1.0, 3.0) for some in (fast, slow)]
    first, second = search_row(curves[0], ahead, "error"), search_row(curves[1], behind, "error")
    assert first.sentence.startswith("tpe finds better networks than random at equal compute: stopped at any moment")
    assert first.sentence.endswith("On average it has with 0.33 times the compute what random has in the end.")
    assert second.sentence.startswith("tpe finds worse networks than random")
    assert second.cells[-1] == "never"
    assert Measured(measure="error", curves=(curves[0],), advantages=()).rows[0].sentence == ""


def test_the_page_has_the_numbers_of_the_curves(found: Searches) -> None:
    """The script gets compute, means and ends of every strategy; ends that aren't known are no numbers."""
    report = report_of_searches(found)
    assert report.compared
    for measured, drawn in zip(found.measured, report.compared.curves, strict=True):
        for own, line in zip(measured.curves, drawn["curves"], strict=True):
            assert line["mean"] == [point.estimate for point in own.mean]
            assert (line["low"][-1] is None) == (own.n < LEAST)
    assert html([report]).count('data-view="searches"') == len(found.measured)
