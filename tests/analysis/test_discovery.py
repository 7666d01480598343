"""Rules that nobody declared: planted ones are found in one half and confirmed in the other, null ones aren't."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas.analysis import Tied, discover, verdicts
from nas.analysis.discovery.candidates import Candidate, candidates
from nas.analysis.discovery.discovery import explored, survivors
from nas.analysis.rules.testing import in_part
from nas.errors import Refused
from nas.space import Chain, Choice, Integer, Ratio, Space, Value, When
from nas.study import Part, Parts, Rule
from tests.simulation.discoveries import BOTTLENECK, DEPTH, PLANTED, WIDTH, drawn, parts_found, planted
from tests.toys.spaces import decode_tiny

OF_BOTTLENECK = {name: dimension for name, dimension in PLANTED.dimensions.items() if "bottleneck" in name}


def every(frame: pd.DataFrame, space: Space = PLANTED) -> dict[str, Candidate]:
    """All candidates of a table by name."""
    look = explored(frame)
    return {one.name: one for one in candidates(frame, space.dimensions, (look, ~look))}


def test_halves_are_even_in_every_space_and_stay() -> None:
    """Each space is halved within one network, whatever the order of rows; a network stays where it is."""
    frame = pd.DataFrame({"trial": range(301), "space": [f"s{trial % 4}" for trial in range(301)]})
    look = explored(frame)
    for space in frame["space"].unique():
        count = int((frame["space"] == space).sum())
        assert abs(2 * int(look[frame["space"] == space].sum()) - count) <= 1
    assert (explored(frame.head(157)) == look[:157]).all()
    mixed = frame.sample(frac=1.0, random_state=1)
    assert (explored(mixed) == look[mixed["trial"]]).all()
    assert 0 < look[::8].sum() < len(look[::8])  # no simple alternation


def test_trainings_of_one_architecture_are_on_one_side() -> None:
    """What is known of an architecture in one half tells nothing that the other half must confirm."""
    frame = pd.DataFrame({"trial": range(200), "architecture": [f"a{trial % 50}" for trial in range(200)]})
    assert pd.Series(explored(frame)).groupby(frame["architecture"]).nunique().max() == 1


def test_candidates_are_what_they_say() -> None:
    """Each candidate holds for exactly the networks that its condition, asked of each by itself, lets through."""
    frame = drawn(300)
    points: list[dict[str, Value]] = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    found = every(frame)
    assert {type(one.condition) for one in found.values()} == {Part, Chain, Ratio, Tied}
    for one in found.values():
        condition = one.condition
        if isinstance(condition, Part):
            expected = in_part(frame, condition).tolist()
        elif isinstance(condition, Tied):
            continue
        else:
            expected = [condition(point) for point in points]
        assert one.obeys.tolist() == expected, one.name
        assert one.known.all()
    assert {"width rises", "width falls", "bottleneck tied", "block in plain", "block in plain, dense"} <= set(found)
    assert "depth_2 >= 1 depth_1" in found
    assert not any(name.startswith("bottleneck") and ">= 3" in name for name in found)


def test_both_sides_are_large_enough() -> None:
    """A candidate leaves a tenth and ten networks on either side of both halves; too small a table has none."""
    frame = drawn(120)
    look = explored(frame)
    for one in every(frame).values():
        for half in (look, ~look):
            assert 10 <= (one.obeys & half).sum() <= half.sum() - 10
    few = discover(drawn(30), PLANTED.dimensions)
    assert (few.found, few.tried) == ((), 0)
    assert any("n = 30" in warning for warning in few.warnings)


def test_tied_is_equal_or_the_nearest_quarter() -> None:
    """Where a tenth is equal these are taken; else the quarter whose values lie closest, by their ranks."""
    dimensions = {"wide_1": DEPTH, "wide_2": DEPTH, "few_1": BOTTLENECK, "few_2": BOTTLENECK}
    frame = drawn(400, dimensions=dimensions)
    found = every(frame, Space(name="pairs", dimensions=dimensions, decode=decode_tiny))
    assert found["few tied"].condition == Tied(group="few", exact=True)
    assert (found["few tied"].obeys == (frame["few_1"] == frame["few_2"])).all()
    assert found["wide tied"].condition == Tied(group="wide", exact=False)
    difference = (frame["wide_1"] - frame["wide_2"]).abs()
    obeys = found["wide tied"].obeys
    assert 0.2 <= obeys.mean() <= 0.3
    assert difference[obeys].max() <= difference[~obeys].min() + 1  # ranks aren't quite evenly spaced


def test_inactive_dimensions_are_on_no_side() -> None:
    """A network without a value neither obeys a bound nor breaks it; an order holds for the stages that there are."""
    third = Integer(low=1, high=16, when=When(dimension="deep", values=(1,)))
    dimensions = {"deep": Choice(options=(0, 1)), "depth_1": DEPTH, "depth_2": DEPTH, "depth_3": third}
    frame = drawn(400, dimensions=dimensions).astype({"depth_3": float})
    frame.loc[frame["deep"] == 0, "depth_3"] = math.nan
    found = every(frame, Space(name="conditional", dimensions=dimensions, decode=decode_tiny))
    bound = next(one for name, one in found.items() if name.startswith("depth_3 >="))
    assert (bound.known == (frame["deep"] == 1)).all()
    assert "depth tied" not in found
    for row in frame[frame["deep"] == 0].index:
        assert found["depth rises"].obeys[row] == (frame["depth_1"][row] <= frame["depth_2"][row])


def test_scores_are_welchs_of_the_ranks() -> None:
    """The score of a survivor is scipy's Welch statistic of the explored half's ranks, failures last."""
    frame = planted(400, seed=3)
    frame.loc[::40, "error"] = math.nan
    look, found = explored(frame), every(frame)
    ranks = stats.rankdata(frame["error"].fillna(math.inf)[look])
    for one in discover(frame, PLANTED.dimensions, guess=0.9).found:
        obeys = found[one.name].obeys[look]
        assert one.score == pytest.approx(stats.ttest_ind(ranks[obeys], ranks[~obeys], equal_var=False).statistic)
        assert (one.n_obeying, one.n_others) == (obeys.sum(), (~obeys).sum())


def test_the_confirming_half_is_not_looked_at() -> None:
    """Other errors in the one half change no survivor; the verdict is a declared rule's on that half alone."""
    frame, other = planted(400, seed=0), planted(400, seed=0)
    look = explored(frame)
    other.loc[~look, "error"] = 0.5 - other.loc[~look, "error"]
    before, after = (discover(table, PLANTED.dimensions, guess=0.9) for table in (frame, other))
    assert [(one.name, one.score) for one in before.found] == [(one.name, one.score) for one in after.found]
    helps = [one.name for one in before.helpful]
    assert helps
    assert {one.name: one.verdict.verdict for one in after.found if one.name in helps} == dict.fromkeys(helps, "hurts")
    sides = {one.name: every(frame)[one.name].obeys[~look].astype(int) for one in before.found}
    rules = [Rule(name=n, statement=n, contrast=Parts(first=Part(column=n, low=1))) for n in sides]
    declared = verdicts(frame[~look].assign(**sides), rules, guess=0.9)
    assert [v.p_adjusted for v in declared] == [one.verdict.p_adjusted for one in before.found]


def test_what_must_be_said_of_networks_is_said_of_what_is_found() -> None:
    """Networks that a table repeats are told beside the rules that are confirmed on them."""
    frame = planted(400, seed=0).assign(architecture=[f"network {row // 2}" for row in range(400)])
    found = discover(frame, PLANTED.dimensions, guess=0.9).found
    assert found
    assert all(any("a network that an earlier row has" in said for said in one.verdict.warnings) for one in found)


def test_survivors_do_not_say_the_same() -> None:
    """Where one bound explains all, neighbouring cuts and whatever goes with it are left out."""
    frame = drawn(600)
    frame["error"] = 0.2 + 0.05 * (frame["depth_1"] > 8) + 0.001 * np.random.default_rng(5).normal(size=600)
    found = every(frame)
    kept = survivors(list(found.values()), frame["error"].to_numpy(), explored(frame))
    assert kept[0].condition == Part(column="depth_1", high=8)
    assert all(abs(np.corrcoef(kept[0].obeys, one.obeys)[0, 1]) < 0.5 for one in kept[1:])


def test_planted_rules_are_found() -> None:
    """The order and the bound that matter are found, and only the group that doesn't matter is free."""
    assert parts_found(800, 1) == (True, True, True)


def test_pulling_apart_is_not_free() -> None:
    """Members that want opposite values aren't free to be shared, though the mean of the tied is that of the rest."""
    frame = drawn(800)
    slopes = 0.006 * (frame["bottleneck_1"] - frame["bottleneck_2"])
    discovery = discover(frame.assign(error=np.random.default_rng(2).normal(0.2, 0.02, 800) + slopes), OF_BOTTLENECK)
    tied = next(one for one in discovery.found if one.name == "bottleneck tied")
    assert tied.verdict.within_delta
    assert tied.verdict.verdict == "undecided"
    assert any("bottleneck_2 is better and a larger bottleneck_1 is worse" in w for w in tied.verdict.warnings)


def test_only_random_networks_are_looked_at() -> None:
    """Rows of other samplers are left out and told; a space that is named is looked at alone, several are told."""
    frame = drawn(400).assign(space=["A", "B"] * 200, sampler=["tpe"] * 40 + ["random"] * 360)
    alone, both = (discover(frame, OF_BOTTLENECK, space=space) for space in ("A", ""))
    assert (alone.n_explored + alone.n_confirming, both.n_explored + both.n_confirming) == (180, 360)
    assert all("left out: 40 from sampler 'tpe'" in found.warnings for found in (alone, both))
    assert "2 spaces are taken together" in both.warnings
    with pytest.raises(Refused, match="no column 'width_9'"):
        discover(frame, {"width_9": WIDTH})
