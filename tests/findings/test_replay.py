"""Searches replayed on trained networks: what is asked, what is told, and what random search is expected to find."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

import nas
from nas.analysis import edf
from nas.analysis.best import expected_best
from nas.cli import main
from nas.errors import Refused
from nas.findings.searches import Searches
from nas.findings.trained import Choosable, choosable, table_of
from nas.page.compared import report_of_searches
from nas.page.page import html
from nas.sampling.replay import RowSearcher, replayed
from nas.study import Limits
from nas.study.study import SamplerName
from nas.study.table import write
from studies import violations
from tests.toys.runs import execute
from tests.toys.spaces import HUNT, QUICK

LEARNERS: tuple[SamplerName, ...] = ("tpe", "nsga2", "cmaes", "quasirandom")
VIOLATIONS = Path(__file__).parents[2] / "studies" / "results" / "violations.csv.gz"


@pytest.fixture(scope="module")
def chosen() -> Choosable:
    """The networks that are searched unless others are named."""
    return choosable(table_of("fashion-mnist"))


@pytest.fixture(scope="module")
def searches() -> Searches:
    """Random search and TPE by trials."""
    return nas.replay(samplers=("tpe", "random"), seeds=20, cost="trials")


def test_the_largest_set_of_one_space_and_one_recipe_is_searched(chosen: Choosable) -> None:
    """Without a name all networks are of one space, trained alike, each of them once."""
    ((space, networks),) = chosen.arms
    frame = chosen.frame
    assert len(networks) == len(frame) >= 170
    assert set(frame["space"]) == {space.name}
    assert frame["recipe"].nunique() == 1
    assert frame["architecture"].is_unique


def test_random_search_finds_what_is_expected(chosen: Choosable) -> None:
    """Over 2,000 seeds the lowest of k random networks is, within 4 standard errors, the mean by order statistics."""
    errors = chosen.frame["error"].to_numpy()
    orders = [[network.row for network, _ in replayed(chosen.arms, "random", seed)] for seed in range(2000)]
    lowest = np.minimum.accumulate(errors[np.array(orders)], axis=1)
    for k in (1, 2, 5, 20, 60, 120):
        found = lowest[:, k - 1]
        expected = expected_best(edf(errors, name="all", guess=0.9), k)
        assert abs(found.mean() - expected) < 4 * found.std() / len(orders) ** 0.5, k
    assert (lowest[:, -1] == errors.min()).all()


def test_the_intervals_of_random_search_hold_what_is_expected(searches: Searches, chosen: Choosable) -> None:
    """Of the intervals over 20 seeds nine in ten hold the expected regret after as many trials."""
    curve = searches.measured[0].curves[0]
    assert curve.name == "random"
    whole = edf(chosen.frame["error"], name="all", guess=0.9)
    best = chosen.frame["error"].min()
    expected = [expected_best(whole, int(spent + 1e-9)) - best for spent in curve.spent]
    inside = [i.low <= regret <= i.high for i, regret in zip(curve.mean, expected, strict=True)]
    assert np.mean(inside) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", *LEARNERS])
def test_every_network_is_asked_for_once(chosen: Choosable, name: SamplerName) -> None:
    """A search comes to each network once, in an order that depends on the seed alone."""
    first, again, other = ([n.row for n, _ in replayed(chosen.arms, name, seed)] for seed in (0, 0, 1))
    assert first == again != other
    assert sorted(first) == list(range(len(chosen.frame)))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_sampler_is_told_the_points_of_its_answers(chosen: Choosable, name: SamplerName) -> None:
    """What Optuna has in memory are the table's networks with their errors, and no proposals."""
    ((space, networks),) = chosen.arms
    searcher = RowSearcher(space, networks, name, 3)
    for number in range(20):
        network, _ = searcher.ask(number)
        searcher.tell(number, network.error)
        trial = searcher._study.trials[-1]
        assert searcher._point(trial.params) == network.point
        assert trial.value == network.error


def test_a_proposal_is_answered_by_the_nearest_that_is_left(chosen: Choosable) -> None:
    """A network's own point is answered by itself, and by another one once it was asked for."""
    ((space, networks),) = chosen.arms
    searcher = RowSearcher(space, networks, "tpe", 0)
    assert [searcher._nearest(network.point) for network in networks] == list(range(len(networks)))
    searcher._left[7] = False
    assert searcher._nearest(networks[7].point) != 7


@pytest.mark.slow
def test_a_sampler_that_can_learn_does(chosen: Choosable) -> None:
    """Where the error hangs on one width alone, TPE has in 40 trials on average less than random search."""
    ((space, networks),) = chosen.arms
    easy = [replace(network, error=abs(float(network.point["width_3"]) - 300.0) / 1000) for network in networks]
    lowest = {
        name: np.mean(
            [
                np.sort([n.error for (n, _), _ in zip(replayed([(space, easy)], name, seed), range(40), strict=False)])[
                    :5
                ]
                for seed in range(10)
            ]
        )
        for name in ("random", "tpe")
    }
    assert lowest["tpe"] < 0.7 * lowest["random"]


def test_regrets_fall_and_end_with_half_of_the_table(searches: Searches, chosen: Choosable) -> None:
    """Random search is the reference, no regret rises or is negative, and each search spends half of the compute."""
    (regret,) = searches.measured
    assert regret.measure == "regret"
    assert searches.end == len(chosen.frame) / 2
    for curve in regret.curves:
        means = [point.estimate for point in curve.mean]
        assert means == sorted(means, reverse=True)
        assert means[-1] >= 0.0
    assert list(searches.table()["strategy"]) == ["random", "tpe"]
    assert "regret is" in searches.sentences()[0]
    assert "Regret" in html([report_of_searches(searches)])


def test_two_objectives_compare_hypervolumes_too() -> None:
    """TPE and NSGA-II search for both, what they found is measured by regret and by hypervolume."""
    searches = nas.replay(run="anynet_ladder", spaces=["RegNetX_3"], seeds=3, objectives=("error", "multiply_adds"))
    assert [measured.measure for measured in searches.measured] == ["regret", "undominated"]
    assert [curve.name for curve in searches.measured[1].curves] == [
        "random",
        "tpe for error and multiply-adds",
        "nsga2 for error and multiply-adds",
    ]
    assert "reference" in dict(searches.head)


def test_the_spaces_of_a_run_are_searched_in_turn() -> None:
    """A run of several spaces has a searcher for each, which takes no network of another's."""
    arms = choosable(table_of("fashion-mnist"), run="violations").arms
    assert len(arms) == 10
    rows = [network.row for network, _ in replayed(arms, "tpe", 0)][:80]
    spaces = choosable(table_of("fashion-mnist"), run="violations").frame["space"].to_numpy()
    assert [spaces[row] for row in rows[:20]] == [space.name for space, _ in arms] * 2


def test_a_run_of_ones_own_is_replayed(tmp_path: Path) -> None:
    """A folder, the run that it holds, and its table with the study give the same searches."""
    study = replace(HUNT, name="own", sampler="random", samples=24, limits=Limits(multiply_adds=(5_000, 80_000)))
    study = replace(study, recipe=msgspec.structs.replace(QUICK, epochs=1, train_size=60))
    execute(study, tmp_path / "own")
    run = nas.open(tmp_path / "own")
    write(run.table(), tmp_path / "own.csv")
    by_folder = nas.replay(tmp_path / "own", seeds=3)
    by_file = nas.replay(tmp_path / "own.csv", seeds=3, study=study)
    assert by_folder.table().equals(by_file.table())
    assert nas.replay(run, seeds=3).table().equals(by_folder.table())


def test_a_table_of_a_search_is_said_to_be_one(tmp_path: Path) -> None:
    """Networks that a sampler found are no random sample, and a note says so."""
    frame = nas.results().table().query("run == 'blocks'").assign(sampler="tpe")
    write(frame.drop(columns=["run", "recipe", "network"]), tmp_path / "found.csv")
    notes = nas.replay(tmp_path / "found.csv", samplers=("random", "quasirandom"), seeds=3, cost="epochs").notes
    assert any("found by tpe" in note for note in notes)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"table": "nothing"}, "no table 'nothing'"),
        ({"table": VIOLATIONS, "study": "blocks"}, "dimensions of space 'VioNetX_reference'"),
        ({"table": "fashion-mnist", "study": "blocks"}, "for files of tables only"),
        ({"spaces": ["X"]}, "no space 'X'"),
        ({"run": "X"}, "no run 'X'"),
        ({"spaces": ["AnyNetV_E_3"]}, "16 networks"),
        ({"samplers": ("random",)}, "at least two samplers"),
        ({"samplers": ("random", "grid")}, "samplers must be a list of 'random', .* got .*'grid'"),
        ({"samplers": ("random", "cmaes"), "objectives": ("error", "multiply_adds")}, "error alone"),
        ({"seeds": 0}, "at least once"),
    ],
)
def test_what_cannot_be_replayed_is_refused(arguments: dict[str, object], says: str) -> None:
    """Tables, spaces, runs, samplers and seeds that lead nowhere are answered with what does."""
    if "study" in arguments:
        arguments = {**arguments, "study": nas.study.catalog.study(str(arguments["study"]))}
    with pytest.raises(Refused, match=says):
        nas.replay(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("cost", [-3.0, 1e300])
def test_a_compute_that_cannot_be_is_not_counted(cost: float) -> None:
    """A table with a negative or endless time of one training tells no seconds; its other costs stay."""
    table = table_of("fashion-mnist")
    frame = table.frame.copy()
    assert "seconds" in choosable(replace(table, frame=frame)).costs
    frame["seconds"] = cost
    assert set(choosable(replace(table, frame=frame)).costs) == {"trials", "epochs", "multiply_adds"}


def test_a_cell_that_is_no_value_of_its_dimension_is_refused(tmp_path: Path) -> None:
    """A row without a dimension, or outside of it, is named with its trial."""
    frame = nas.results().table().query("run == 'violations'").drop(columns=["run", "recipe", "network"])
    for cell, says in ((None, "trial 0 of .*: depth is missing"), (999, "trial 0 of .*: depth can't be 999")):
        write(frame.assign(depth=frame["depth"].where(frame["trial"] > 0, cell)), tmp_path / "bad.csv")
        with pytest.raises(Refused, match=says):
            nas.replay(tmp_path / "bad.csv", study=violations.STUDY)


def test_the_command_writes_a_page_and_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`nas replay` prints JSON of the curves and writes the page with one."""
    words = ["fashion-mnist", "--samplers", "random,tpe", "--seeds", "3", "--cost", "trials"]
    monkeypatch.setattr("sys.argv", ["nas", "replay", *words, "-o", str(tmp_path / "r.html"), "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    found = json.loads(capsys.readouterr().out)
    assert [curve["name"] for curve in found["measures"][0]["curves"]] == ["random", "tpe"]
    assert 'data-view="searches"' in (tmp_path / "r.html").read_text()
