"""Strata of cost: as many networks of each, drawn at random inside of it, and told wherever they matter."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.analysis import compare, edf, edfs, normalized, shift, verdicts
from nas.engines.inline import InlineEngine
from nas.errors import EmptyWindow, Refused
from nas.findings.tables import tables
from nas.sampling import Filter, Plan
from nas.sampling.strata import filters, place_of, shares
from nas.sampling.window import Window
from nas.study import Limits, Strata, Study, against, among, larger
from nas.study.record import Record
from nas.study.stored import changes, stored
from nas.study.strata import in_words, matched, stratum
from nas.study.table import table
from spaces import anynet, regnet
from tests.toys.runs import older
from tests.toys.spaces import QUICK, STUDY, TINY

WINDOW = Limits(multiply_adds=(3_000_000, 6_000_000))
LADDER = Study(
    name="ladder",
    question="?",
    spaces=(anynet.X3[0], regnet.X3),
    samples=20,
    recipe=QUICK,
    limits=WINDOW,
    strata=Strata(count=5),
    repeats=2,
    seed=3,
)
TOY = replace(
    STUDY,
    name="matched",
    samples=8,
    limits=Limits(multiply_adds=(1_400, 47_200)),
    strata=Strata(count=4),
    rules=(against("rich", "tiny", "Rich networks are better."),),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> nas.Run:
    """A run of two toy spaces, matched in four strata."""
    place = tmp_path_factory.mktemp("strata") / "run"
    return nas.run(TOY, out=place, engine=InlineEngine(), device="cpu")


def test_strata_are_equal_stretches_of_log_cost_without_gap_or_overlap() -> None:
    """They begin at the least cost, end at the most, follow one another, and grow by one ratio."""
    windows = Strata(count=10).windows(WINDOW)
    assert (windows[0][0], windows[-1][1]) == (3_000_000, 6_000_000)
    assert all(high + 1 == low for (_, high), (low, _) in pairwise(windows))
    ratios = [(high + 1) / low for low, high in windows[:-1]]
    assert max(ratios) - min(ratios) < 1e-5
    assert abs(ratios[0] - 2**0.1) < 1e-5


def test_the_name_of_a_stratum_comes_back() -> None:
    """A label says place, count, cost and range; any other text is no stratum."""
    label = Strata(count=10).labels(WINDOW)[2]
    assert label == "3 of 10: multiply_adds 3446095 to 3693432"
    found = stratum(label)
    assert found is not None
    assert (found.place, found.count, found.cost, found.low, found.high) == (3, 10, "multiply_adds", 3446095, 3693432)
    assert stratum("low") is None
    assert matched(Strata(count=10).labels(WINDOW)) == ("10 strata of multiply_adds between 3 and 6 M",)
    assert in_words(4, "parameters", 500, 2_000) == "4 strata of parameters between 0.5 and 2 k"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"limits": Limits()}, "strata of multiply_adds need limits that bound it on both sides, got 0 up"),
        ({"limits": Limits(multiply_adds=(0, 100))}, "bound it on both sides, got 0 and 100"),
        ({"strata": Strata(cost="parameters")}, "strata of parameters need limits"),
        ({"limits": Limits(multiply_adds=(10, 12))}, "10 to 12 can't be cut into 5 strata"),
        ({"sampler": "tpe", "repeats": 1}, "drawn from at random, not by sampler 'tpe'"),
        ({"strata": 10}, "strata must be a Strata or None, got 10"),
    ],
)
def test_strata_that_cannot_be_are_refused(changes: dict[str, object], said: str) -> None:
    """Limits that leave the cost open or too narrow, adaptive samplers, and values that are no strata."""
    with pytest.raises(Refused) as refused:
        replace(LADDER, **changes)
    assert said in str(refused.value)


def test_strata_are_of_a_known_cost_and_a_sensible_number() -> None:
    """Seconds are no cost that is known before a training, and one stratum matches nothing."""
    with pytest.raises(
        Refused, match="cost must be 'parameters', 'multiply_adds', 'activations' or 'memory', got 'seconds'"
    ):
        Strata(cost="seconds")  # type: ignore[arg-type]
    with pytest.raises(Refused, match="2 to 1,000 in number, got 1"):
        Strata(count=1)


def test_arms_are_in_the_same_stratum_at_every_moment() -> None:
    """Each block of networks takes every stratum once, in orders that differ, and no arm has another than the rest."""
    strata = Strata(count=5)
    orders = [tuple(place_of(strata, 3, 5 * block + k) for k in range(5)) for block in range(20)]
    assert all(sorted(order) == list(range(5)) for order in orders)
    assert len(set(orders)) > 10
    assert orders != [tuple(place_of(strata, 4, 5 * block + k) for k in range(5)) for block in range(20)]
    plan = Plan(LADDER, (1, 28, 28), 10)
    found = [plan.propose(trial) for trial in range(20)]
    for network in range(0, 20, 4):  # two arms, two trainings of each network
        assert len({found[trial].stratum for trial in range(network, network + 4)}) == 1
        assert found[network].point == found[network + 2].point
    assert Counter(one.stratum for one in found[:20:4]) == Counter(Strata(count=5).labels(WINDOW))


def test_every_network_lies_in_its_stratum() -> None:
    """The cost of a proposal is inside the range that its stratum names, and the trial number alone decides it."""
    plan, other = Plan(LADDER, (1, 28, 28), 10), Plan(LADDER, (1, 28, 28), 10)
    for trial in (17, 4, 9, 0):
        found = plan.propose(trial)
        known = stratum(found.stratum)
        assert known is not None
        assert known.low <= found.network.cost.multiply_adds <= known.high
        assert other.propose(trial).point == found.point
    assert plan.fingerprint() == other.fingerprint()
    assert plan.fingerprint() != Plan(replace(LADDER, strata=None), (1, 28, 28), 10).fingerprint()


def test_how_much_of_a_space_lies_in_each_stratum_is_measured() -> None:
    """The acceptance of a stratum is about the share of random networks that its own filter lets pass."""
    filter_ = Filter(space=TINY, limits=TOY.limits, inputs=(1, 16, 16), classes=10)
    found = shares(filter_, Strata(count=4), 0, 0)
    widths = range(2, 65)
    for share, own in zip(found, filters(filter_, Strata(count=4)), strict=True):
        truth = sum(not isinstance(own.judge({"width": width}), tuple) for width in widths) / len(widths)
        assert share.accepted >= 30
        assert abs(share.acceptance - truth) < 4 * (truth * (1 - truth) / share.draws) ** 0.5
    assert [share.stratum for share in found] == list(Strata(count=4).labels(TOY.limits))


def test_a_stratum_without_enough_networks_is_refused_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """The space, the ranges and the counts are told, with what to do; so is a long search."""
    filter_ = Filter(space=TINY, limits=Limits(multiply_adds=(600, 700)), inputs=(1, 8, 8), classes=10)
    with caplog.at_level(logging.WARNING), pytest.raises(EmptyWindow) as refused:
        shares(filter_, Strata(count=10), 0, 0, most=20_000)
    assert "tiny: of 20,000 random networks too few lie in" in str(refused.value)
    assert "is rare, still looking after 20000 draws" in caplog.text
    filter_ = replace(filter_, limits=Limits(multiply_adds=(300, 100_000)))
    with pytest.raises(EmptyWindow) as refused:
        shares(filter_, Strata(count=10), 0, 0)
    assert "tiny: of 1,000 random networks too few lie in" in str(refused.value)
    assert "10 of 10: multiply_adds 55939 to 100000 (0)" in str(refused.value)
    assert "inside the limits they cost from 608 to 19,456" in str(refused.value)
    assert "narrow the limits" in refused.value.hint


def test_a_run_says_its_strata_everywhere(run: nas.Run, tmp_path: Path) -> None:
    """Records, table, windows, principles and page; the table comes back from its file as it was."""
    frame = run.table()
    counts = frame.groupby(["space", "stratum"]).size()
    assert len(counts) == 8
    assert set(counts) == {2}
    assert all(len(window.strata) == 4 for window in run.manifest.windows)
    said = "4 strata of multiply_adds between 1.4 and 47.2 k"
    found = nas.principles(run)
    assert any(note.startswith(f"matched: {said}") for note in found.notes)
    page = (run.folder / "report.html").read_text()
    assert said in page
    assert "; strata from" in page
    frame.to_csv(tmp_path / "t.csv", index=False)
    again = tables([tmp_path / "t.csv"])
    assert list(again.frame["stratum"]) == list(frame["stratum"])
    other = nas.principles(again.frame, rules=TOY.rules)
    assert other.verdicts[0].effect == pytest.approx(found.verdicts[0].effect)
    assert any(said in note for note in other.notes)


def test_old_records_windows_and_studies_have_no_strata(run: nas.Run) -> None:
    """What was stored before there were strata is read, and agrees with a study without them only."""
    plain = msgspec.to_builtins(run.records[0])
    del plain["origin"]["stratum"]
    record = msgspec.convert(plain, Record)
    assert record.origin.stratum == ""
    assert pd.isna(table([record])["stratum"][0])
    assert msgspec.convert({"space": "a", "draws": 1, "accepted": 1, "refused": {}, "shifts": []}, Window).strata == ()
    old = older(replace(TOY, strata=None), without="strata")
    assert changes(old, stored(replace(TOY, strata=None))) == []
    (line,) = changes(old, stored(TOY))
    assert line.startswith("strata: None is stored, this is {'cost': 'multiply_adds', 'count': 4}")


def frame(*strata: str | None, space: str = "A", error: float = 0.1) -> pd.DataFrame:
    """Rows of one space with these strata and rising errors."""
    rows = len(strata)
    errors = [error + 0.01 * row for row in range(rows)]
    return pd.DataFrame({"space": space, "error": errors, "stratum": strata, "width": range(rows)})


LABELS = Strata(count=4).labels(TOY.limits)


def test_samples_of_different_designs_are_not_taken_together() -> None:
    """Rows with strata beside rows without, or from other ranges, are refused as one sample, in words of both."""
    plain = frame(None, None, None, None, space="B")
    mixed = pd.concat([frame(*LABELS), plain])
    with pytest.raises(Refused, match=r"4 strata of multiply_adds between 1\.4 and 47\.2 k and from no strata"):
        verdicts(mixed, (larger("width"),))
    with pytest.raises(Refused, match="are no one sample"):
        edfs(mixed.assign(space="A"), guess=0.9)
    other = frame(*Strata(count=4).labels(Limits(multiply_adds=(1_400, 50_000))), space="B")
    with pytest.raises(Refused, match="are no one sample"):
        verdicts(pd.concat([frame(*LABELS), other]), (larger("width"),))
    assert verdicts(mixed, (larger("width", space="A"),))[0].n_first == 4


def test_a_comparison_of_a_matched_sample_with_another_says_so() -> None:
    """Spaces of two designs may be compared, never without the warning."""
    mixed = pd.concat([frame(*LABELS), frame(*[None] * 4, space="B")])
    (verdict,) = verdicts(mixed, (against("A", "B", "A is better."),))
    assert any("not compared at matched cost: A from 4 strata" in warning for warning in verdict.warnings)
    assert any("not compared at matched cost" in warning for warning in compare(*edfs(mixed, guess=0.9)).warnings)


def test_unequal_strata_are_told_and_weighted() -> None:
    """A sample with a surplus in one stratum is flagged, and the shift gives each the same weight."""
    labels = [*LABELS, *LABELS, *[LABELS[0]] * 6]
    cheap = edf([1.0, 0, 0, 0] * 2 + [1.0] * 6, name="A", guess=1.0, strata=labels)
    even = edf([0.5] * 8, name="B", guess=1.0, strata=[*LABELS, *LABELS])
    assert cheap.warnings == ("strata hold from 2 to 8 networks, so the distribution isn't at matched cost",)
    assert even.warnings == ("all errors are equal",)
    assert shift(cheap, even).estimate == pytest.approx(-0.5)
    assert cheap.mean == pytest.approx(8 / 14)


def test_a_stratum_that_holds_nothing_yet_is_told() -> None:
    """Early in a run a stratum may be empty in the sample: that counts as 0 networks."""
    sample = edf([0.1, 0.2], name="A", guess=0.9, strata=[LABELS[0]] * 2)
    assert "strata hold from 0 to 2 networks, so the distribution isn't at matched cost" in sample.warnings


def test_parts_of_a_matched_sample_are_flagged() -> None:
    """Networks that obey a rule needn't be spread over the strata as the others are."""
    rows = pd.concat([frame(*LABELS), frame(*LABELS, error=0.3)])
    (verdict,) = verdicts(rows, (among("width", 1, 2, "One is better than two."),))
    assert "parts of a sample aren't matched: the strata hold unequal shares of them" in verdict.warnings


def test_the_normalised_distribution_agrees_with_a_matched_one(run: nas.Run) -> None:
    """It is there for samples that weren't stratified, and does no harm to one that is."""
    rows = run.table()
    for one in normalized(rows, "multiply_adds"):
        assert one.n + one.outside == 8
        assert one.effective_n > 0.5 * one.n
    assert [one.n for one in normalized(rows.drop(columns="stratum"), "multiply_adds")] == [
        one.n for one in normalized(rows, "multiply_adds")
    ]


def test_a_column_called_stratum_that_means_something_else_is_kept_apart(tmp_path: Path) -> None:
    """Somebody's own column of that name is a column of the file, and no design."""
    (tmp_path / "t.csv").write_text("error,stratum\n0.1,low\n0.2,high\n")
    found = tables([tmp_path / "t.csv"]).frame
    assert list(found["stratum of the file"]) == ["low", "high"]
    assert "stratum" not in found
