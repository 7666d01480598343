"""Verdicts of runs and tables as a user holds them, in Python and on the page, and plans before any training."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import nas
from nas.analysis import Scope, plan, verdicts
from nas.analysis.statistics.power import planned
from nas.engines.inline import InlineEngine
from nas.errors import Refused
from nas.findings.principles import COLUMNS, principles
from nas.findings.tables import tables
from nas.findings.wording.rules import rule_row, shown, signed
from nas.storage.results import Run
from nas.study import Order, Part, Parts, Rule, Spaces, against, among, larger
from tests.toys.spaces import CROSSED, HUNT, STUDY, VARIED

RULES = (against("rich", "tiny", "Rich networks are better.", "R against T"), larger("width"))
SILU = Parts(first=Part(column="function", values=("silu",)), space="rich")


def table(n: int = 120, effect: float = -0.05, seed: int = 0) -> pd.DataFrame:
    """Errors around 0.3; wide networks have that much more, `luck` says nothing, `kind` is a text."""
    generator = np.random.default_rng(seed)
    wide = np.arange(n) % 2
    return pd.DataFrame(
        {
            "error": generator.normal(0.3, 0.04, n) + effect * wide,
            "wide": wide,
            "luck": generator.random(n),
            "kind": np.where(wide == 1, "a", "b"),
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The toy study with two rules, trained in this process."""
    folder = tmp_path_factory.mktemp("rules") / "run"
    return nas.run(replace(STUDY, samples=12, rules=RULES), out=folder, engine=InlineEngine(), device="cpu")


def test_a_run_answers_its_own_rules(run: Run) -> None:
    """The verdicts of a run are those of its stored rules, failures as guessing, with its fidelity."""
    found = nas.principles(run)
    assert found.verdicts == verdicts(run.table(), RULES, guess=0.9, dimensions=run.manifest.study.sampled)
    assert [v.name for v in found.verdicts] == ["R against T", "width"]
    assert found.fidelity == "200 images of digits, epochs 2, batches of 50"
    assert found.notes == ()
    assert dict(found.head)["more"].startswith("these networks are too few, or vary too much, to tell")
    sides = [run.table().query("space == @space")["error"] for space in ("rich", "tiny")]
    assert found.verdicts[0].effect == pytest.approx(np.median(np.subtract.outer(*map(np.array, sides))))


def test_a_number_without_end_is_refused() -> None:
    """An integer beyond floats, as JSON may hold, is named as too large."""
    frame = table(20).astype({"error": object})
    frame.loc[3, "error"] = 10**400
    with pytest.raises(Refused, match="too large for an error"):
        principles(frame, columns=["wide"])


def test_what_all_rules_share_is_said_once() -> None:
    """A warning of all rules stands above them, and one of a single rule beside it; the verdicts keep both."""
    frame = table().assign(space=lambda rows: np.where(rows["luck"] < 0.5, "A", "B"))
    frame.loc[:9, "luck"] = np.nan
    found = principles(frame, columns=["wide", "luck"])
    assert dict(found.head)["all rules"] == "2 spaces are taken together: B, A"
    assert [row.warnings for row in found.rows] == [(), ("10 networks have no value of luck",)]
    assert all("2 spaces are taken together: B, A" in verdict.warnings for verdict in found.verdicts)
    alone = principles(frame, columns=["wide"])
    assert "all rules" not in dict(alone.head)
    assert alone.rows[0].warnings == ("2 spaces are taken together: B, A",)


def test_the_table_says_how_large_an_effect_certainly_is() -> None:
    """Beside helps and hurts stands whether the interval lies above delta, inside of it, or neither."""
    for delta, size in ((0.01, "size > delta"), (0.045, "size unclear"), (0.2, "size < delta")):
        found = principles(table(), rules=[among("wide", 1, 0, "Wide ones are better.")], delta=delta)
        assert found.rows[0].cells[1] == f"helps ({size})"
        assert "size" in dict(found.head)
    generator = np.random.default_rng(2)
    frame = table(120).assign(space=np.repeat(["A", "B", "C", "D"], 30), multiply_adds=generator.random(120))
    frame["norms"] = frame["space"].map({"A": 0, "B": 2, "C": 4, "D": 4})
    tied = principles(frame.assign(error=frame["error"] + 0.3 - 0.05 * frame["norms"]), columns=["norms"])
    assert (tied.verdicts[0].points, tied.rows[0].cells[1]) == (None, "helps (size unknown)")
    assert "size" not in dict(principles(table(effect=0.0), columns=["luck"]).head)


def test_how_many_networks_are_enough_for_all_rules_is_said() -> None:
    """Rules share networks, so all grow by the share of the rule that needs most, of those that have a number."""
    frame = table(80, effect=-0.008)
    frame["other"] = np.random.default_rng(3).random(80)
    found = principles(frame, columns=["wide", "luck", "other"])
    needs = [verdict.needs for verdict in found.verdicts if verdict.needs]
    assert len(needs) > 1
    more = f"about {max(needs):,} more, spread as these are, are likely to be enough for all that have one"
    assert more in dict(found.head)["more"]


def test_of_spaces_each_grows_by_what_its_rules_take() -> None:
    """Of spaces it is said how many each takes for all of its rules, and their sum is less than that of the rules."""
    generator = np.random.default_rng(7)
    frame = pd.DataFrame({"space": np.repeat(["A", "B", "C"], 40), "error": generator.normal(0.3, 0.04, 120)})
    found = principles(frame, rules=[against("B", "A", "B is better."), against("C", "B", "C is better.")])
    first, second = (verdict.needs for verdict in found.verdicts)
    assert first
    assert second
    each = {"A": -(-first // 2), "B": -(-max(first, second) // 2), "C": -(-second // 2)}
    text = dict(found.head)["more"]
    assert f"about {sum(each.values()):,} more are likely to be enough for all that have one" in text
    assert all(f"{space} {count:,}" in text for space, count in each.items())


def test_the_result_is_a_table_and_a_notebook_shows_it(run: Run) -> None:
    """One row a rule with effect, interval, p and counts; as HTML the same with all that must be said, escaped."""
    frame = nas.principles(run).table()
    assert tuple(frame.columns) == COLUMNS
    assert (frame["n"] == [24, 24]).all()
    assert (frame["low"] <= frame["effect"]).all()
    silu = Part(column="function", values=("silu",))
    hostile = Rule(name="<b> against all", statement="<script> is better.", contrast=Parts(first=silu))
    shown = nas.principles(run, rules=[hostile])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;b&gt; against all" in shown


def test_other_rules_than_the_runs_are_marked(run: Run) -> None:
    """Rules or columns that are asked for afterwards are said to be no prediction; both at once are refused."""
    by_column = nas.principles(run, columns=["pooled"])
    assert "no prediction" in by_column.notes[0]
    assert [v.name for v in by_column.verdicts] == ["pooled"]
    with pytest.raises(Refused, match="rules or columns"):
        nas.principles(run, columns=["pooled"], rules=RULES)


def test_a_run_without_rules_offers_columns(tmp_path: Path) -> None:
    """Without declared rules nothing is made up; the way out names the run's columns."""
    bare = nas.run(replace(STUDY, samples=1), out=tmp_path / "bare", engine=InlineEngine(), device="cpu")
    with pytest.raises(Refused, match="declares no rules") as caught:
        nas.principles(bare)
    assert "--columns A,B" in caught.value.hint
    assert "width" in caught.value.hint


def test_a_hunt_is_refused(tmp_path: Path) -> None:
    """Networks that a search has chosen are no random sample, with or without rules."""
    hunted = nas.run(replace(HUNT, samples=2), out=tmp_path / "hunt", engine=InlineEngine(), device="cpu")
    for rules in (None, (larger("width"),)):
        with pytest.raises(Refused, match="samples with 'tpe', which chooses networks"):
            nas.principles(hunted, rules=rules)
    with pytest.raises(Refused, match="none of the 2 trials may enter"):
        nas.principles(hunted.table(), columns=["width"])
    with pytest.raises(Refused, match="'tpe'"):
        nas.plan(replace(HUNT, rules=(larger("width"),)))


def test_an_unfinished_run_and_late_rules_are_told(tmp_path: Path) -> None:
    """Verdicts of a part of a run, and of rules that were stated when trials were finished, say so."""
    folder = tmp_path / "part"
    nas.run(replace(STUDY, samples=2), out=folder, engine=InlineEngine(), device="cpu")
    ruled = nas.run(replace(STUDY, samples=2, rules=RULES), out=folder, engine=InlineEngine(), device="cpu")
    assert nas.principles(ruled).notes == (
        "The rules were stated when 4 trials were finished, so they aren't a prediction",
    )
    part = replace(ruled, records=ruled.records[:3])
    assert "isn't finished: 3 of 4" in nas.principles(part).notes[0]


def test_a_run_that_was_extended_is_tested_again(tmp_path: Path) -> None:
    """More networks for a finished run make its verdicts those of a second test, and it says so."""
    study = replace(STUDY, rules=RULES)
    runs = [
        nas.run(replace(study, samples=n), out=tmp_path / "run", engine=InlineEngine(), device="cpu") for n in (2, 4, 6)
    ]
    assert [run.manifest.extended for run in runs] == [0, 2, 2]
    first, *later = map(nas.principles, runs)
    assert (first.again, {verdict.confidence for verdict in first.verdicts}) == (False, {0.95})
    for found in later:
        assert (found.again, {verdict.confidence for verdict in found.verdicts}) == (True, {0.99})
        assert any("finished with 2 networks of each space, and then extended" in note for note in found.notes)
        assert dict(found.head)["again"].startswith("tested before: p is multiplied by 5")


def test_again_is_asked_for() -> None:
    """A table is tested again where that is said, with intervals of 99 % in its sentences and its header."""
    found = nas.principles(table(60, -0.02), columns=["wide"], again=True)
    assert [verdict.p_adjusted for verdict in found.verdicts] == [
        pytest.approx(min(5 * verdict.p_adjusted, 1.0))
        for verdict in nas.principles(table(60, -0.02), columns=["wide"]).verdicts
    ]
    assert "99 % intervals" in found.sentences()[0]
    undecided = nas.principles(table(60, -0.02), columns=["luck"])
    assert "Test old and new ones together with nas principles --again" in dict(undecided.head)["more"]
    assert any("[99 %]" in name for name in shown(found.rows)[0])


def test_what_varies_is_part_of_the_fidelity(tmp_path: Path) -> None:
    """Fields of the recipe that differ between networks are named."""
    varied = nas.run(replace(VARIED, samples=1), out=tmp_path / "v", engine=InlineEngine(), device="cpu")
    assert principles(varied, columns=["width"]).fidelity.endswith("; differing between networks: learning_rate")
    crossed = nas.run(replace(CROSSED, samples=1), out=tmp_path / "c", engine=InlineEngine(), device="cpu")
    assert principles(crossed, columns=["width"]).fidelity.endswith("; differing between networks: learning_rate")


def test_a_table_has_one_principle_a_column() -> None:
    """Of a DataFrame every column with numbers is asked with the others held fixed, corrected together; no texts."""
    frame = table()
    found = nas.principles(frame)
    assert [v.name for v in found.verdicts] == ["wide", "luck"]
    for verdict in found.verdicts:
        assert verdict.plain == pytest.approx(stats.spearmanr(frame[verdict.name], frame["error"]).statistic)
        assert len(verdict.given) == 1
    assert found.verdicts[0].verdict == "helps"
    assert found.verdicts[0].p_adjusted == pytest.approx(2 * found.verdicts[0].p_value)
    assert "not known" in found.fidelity


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ("ab", ["kind a against b"]),
        ("abc", ["kind a against b", "kind a against c", "kind b against c"]),
        ("abcd", [f"kind {value} against the rest" for value in "abcd"]),
    ],
)
def test_texts_are_groups(values: str, names: list[str]) -> None:
    """Up to three values are compared in pairs, more of them each with the rest, corrected with all other rules."""
    frame = table().assign(kind=[values[i % len(values)] for i in range(120)])
    found = nas.principles(frame, columns=["kind", "luck"]).verdicts
    assert [verdict.name for verdict in found] == [*names, "luck"]
    p_values = sorted(verdict.p_value for verdict in found)
    assert min(v.p_adjusted for v in found) == pytest.approx(min(1.0, p_values[0] * len(found)))
    assert [need.name for need in nas.plan(frame, columns=["kind"]).needs] == names


def test_columns_are_checked() -> None:
    """Names of networks, the error itself, names that aren't there or twice are refused, with columns that would do."""
    frame = table()
    with pytest.raises(Refused, match="column 'kind' holds 120 different texts") as caught:
        nas.principles(frame.assign(kind=[f"net {i}" for i in range(120)]), columns=["kind"])
    assert caught.value.hint == "columns with numbers: wide, luck"
    for columns, said in (
        (["height"], "no column 'height'"),
        (["error"], "what is to be explained"),
        (["luck", "luck"], "once each"),
        ([], "once each"),
    ):
        with pytest.raises(Refused, match=said):
            nas.principles(frame, columns=columns)
    with pytest.raises(Refused, match="no column of the table holds numbers that vary"):
        nas.principles(frame[["error", "kind"]])
    with pytest.raises(Refused, match="no column 'error'"):
        nas.principles(frame.rename(columns={"error": "top1_err"}))
    assert nas.principles(frame.rename(columns={"error": "top1_err"}), error="top1_err").verdicts[0].verdict == "helps"


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_a_difference_that_matters_is_a_number(wrong: float) -> None:
    """No verdict, plan or discovery is made for a negative difference or for none."""
    frame = pd.DataFrame({"error": [0.1, 0.2, 0.3, 0.4] * 5, "depth": range(20)})
    for ask in (
        lambda: nas.principles(frame, delta=wrong),
        lambda: nas.discover(frame, delta=wrong),
        lambda: nas.plan(frame, effect=wrong),
    ):
        with pytest.raises(Refused, match="a difference of errors is a number of at least 0"):
            ask()


@pytest.mark.parametrize("ask", [nas.principles, nas.discover, nas.plan])
def test_a_place_and_a_name_are_answered(ask: Any, run: Run) -> None:
    """A folder in place of its run, and a name in place of a list of names, are refused with what to write."""
    with pytest.raises(Refused, match="a run or a table is taken") as refused:
        ask("runs/a")
    assert refused.value.hint == "nas.open('runs/a') opens a run"
    with pytest.raises(Refused, match="columns must be a list of texts or None") as refused:
        ask(run, columns="width")
    assert refused.value.hint == "columns=['width']"


def test_a_difference_larger_than_all_that_there_is_is_refused(run: Run) -> None:
    """Whoever means five points and says 5 is told the unit; a difference that can occur is taken."""
    with pytest.raises(Refused, match=r"delta is 500 points, and all errors lie within \d+") as refused:
        nas.principles(run, delta=5)
    assert "0.01 is a point" in refused.value.hint
    assert nas.principles(run, delta=0.05).verdicts


def test_rules_given_afterwards_about_no_network_are_refused(run: Run) -> None:
    """Values that nobody has make no verdict."""
    for rule in (among("function", "silo", "tanhh", "Silo is better."), among("width", 1000, 2000, "Wide is better.")):
        with pytest.raises(Refused, match="can't be tested: no network here lies on one of its sides"):
            nas.principles(run, rules=[rule])


def test_no_rules_are_not_the_runs_own(run: Run) -> None:
    """An empty list of rules is refused; only where none is given the study's own are tested."""
    with pytest.raises(Refused, match="no rules are given"):
        nas.principles(run, rules=())
    assert nas.principles(run).verdicts


def test_poor_tables_are_flagged() -> None:
    """Three rows, equal errors and missing cells leave a rule undecided with the reason beside it."""
    few = nas.principles(table(3), columns=["luck"]).verdicts[0]
    assert few.verdict == "undecided"
    assert "n = 3: too few rows for a correlation" in few.warnings
    equal = nas.principles(table().assign(error=0.5), columns=["luck"]).verdicts[0]
    assert (equal.verdict, equal.p_value, equal.needs) == ("undecided", 1.0, None)
    assert "no two errors differ" in equal.warnings
    gaps = table()
    gaps.loc[:29, "luck"] = math.nan
    some = nas.principles(gaps, columns=["luck"]).verdicts[0]
    assert some.n_first == 90
    assert "30 networks have no value of luck" in some.warnings
    with pytest.raises(Refused, match="rows have no error"):
        nas.principles(table().assign(error=[math.nan, *[0.3] * 119]))


def test_percentages_have_a_delta_in_percent(tmp_path: Path) -> None:
    """A table of percentages gives the verdicts of shares, and its delta is in points; the frame isn't changed."""
    frame = table().assign(error=lambda t: 100 * t["error"])
    before = frame.copy()
    found = nas.principles(frame, columns=["wide"], delta=2.0)
    pd.testing.assert_frame_equal(frame, before)
    assert found.verdicts == nas.principles(table(), columns=["wide"], delta=0.02).verdicts
    frame.to_csv(tmp_path / "t.csv", index=False)
    again = principles(tables([tmp_path / "t.csv"]), columns=["wide"], delta=2.0)
    assert again.verdicts[0].delta == pytest.approx(found.verdicts[0].delta)
    assert "2 points, as stated" in again.delta


def test_a_run_table_is_a_table(run: Run) -> None:
    """The DataFrame of a run, with its empty cells and whole numbers, gives the run's verdicts but for failures."""
    found = nas.principles(run.table(), rules=RULES, dimensions=run.manifest.study.sampled)
    assert found.verdicts == nas.principles(run).verdicts


def test_sentences_say_what_was_found() -> None:
    """Each verdict has a sentence with direction, size, interval, p and n; the four kinds read differently."""
    spaces = pd.concat([table(400, seed=1).query("wide == @k").assign(space=n) for k, n in ((1, "E"), (0, "A"))])
    rule = Rule(name="E", statement="E is better.", contrast=Spaces(first="E", reference="A"))
    back = Rule(name="A", statement="A is better.", contrast=Spaces(first="A", reference="E"))
    halves = Rule(name="luck", statement="Luck.", contrast=Parts(first=Part(column="luck", high=0.5)))
    few = Rule(name="rare", statement="Few.", contrast=Parts(first=Part(column="luck", high=0.05)))
    helps, hurts, same, open_ = (rule_row(v) for v in verdicts(spaces, [rule, back, halves, few]))
    shift = np.median(np.subtract.outer(*(np.array(spaces.query("space == @s")["error"]) for s in ("E", "A"))))
    assert "E helps: E beats A in " in helps.sentence
    assert f"of pairs, with errors {-100 * shift:.2f} points lower" in helps.sentence
    assert "n = 200 + 200" in helps.sentence
    medians = [100 * spaces.query("space == @s")["error"].median() for s in ("E", "A")]
    assert f"medians {medians[0]:.2f} against {medians[1]:.2f}" in helps.sentence
    assert "corrected p < 0.001" in helps.sentence
    assert hurts.sentence.startswith("A hurts: A loses to E in ")
    assert same.sentence.startswith("luck makes no difference that matters, ")
    assert "rare is undecided: luck up to 0.05 " in open_.sentence
    assert " the others in " in open_.sentence
    assert "networks more, both sides together, are likely to decide it" in open_.sentence
    order = rule_row(verdicts(table(), [Rule(name="w", statement="W.", contrast=Order(column="wide"))])[0])
    assert "w helps: larger values go with lower errors, adjusted for nothing (rho -0." in order.sentence


def test_what_numbers_mean_stands_above_them() -> None:
    """The head explains what this table shows and nothing else: pairs, columns, failures, each with its difference."""
    column = nas.principles(table(), columns=["wide"])
    heads = dict(column.head)
    assert {"rho", "difference"} <= heads.keys()
    assert not {"P(better)", "failures"} & heads.keys()
    assert heads["difference"].startswith("of a column: ")
    assert "two-sided, of rho, " in heads["p"]
    halves = Rule(name="luck", statement="Luck.", contrast=Parts(first=Part(column="luck", high=0.5)))
    failing = table().assign(outcome=lambda frame: np.where(frame.index % 9, "completed", "diverged"))
    failing["error"] = failing["error"].where(failing["outcome"] == "completed")
    heads = dict(nas.principles(failing, rules=[halves]).head)
    assert {"P(better)", "difference", "failures"} <= heads.keys()
    assert "rho" not in heads
    assert "two-sided, of P(better), " in heads["p"]


def test_no_difference_shows_the_interval_that_it_rests_on() -> None:
    """It is the shift's at 90 %, wider as delta is an estimate, inside of delta; in the sentence and in the table."""
    halves = Rule(name="luck", statement="Luck.", contrast=Parts(first=Part(column="luck", high=0.5)))
    found = nas.principles(table(400), rules=[halves])
    only = found.verdicts[0]
    assert only.verdict == "equivalent"
    assert only.narrow is not None
    assert only.delta is not None
    assert only.narrow.confidence == pytest.approx(0.9)
    assert -only.delta < only.narrow.low < only.effect < only.narrow.high < only.delta
    stated = verdicts(table(400), [halves], delta=only.delta)[0].narrow
    assert stated is not None
    assert only.narrow.low < stated.low < stated.high < only.narrow.high
    assert f"[{100 * only.narrow.low:+.2f}, {100 * only.narrow.high:+.2f}]" in found.sentences()[0]
    row = found.table().iloc[0]
    assert (row["narrow_low"], row["narrow_high"]) == (only.narrow.low, only.narrow.high)


def test_what_follows_is_said_of_decided_rules_and_of_others(run: Run) -> None:
    """The head ends with what follows from what is decided and what isn't; a run without an audit names the command."""
    assert dict(nas.principles(table(), columns=["wide"]).head)["what to do"].startswith("go on with what helps")
    assert dict(nas.principles(table(), columns=["luck"]).head)["what to do"].startswith(
        "an undecided rule shows nothing"
    )
    assert dict(nas.principles(run).head)["audited"].startswith(f"not yet: nas audit {run.folder} ")


def test_medians_that_contradict_the_pairs_are_said() -> None:
    """Most pairs are won by the first, whose median is higher: the sentence says that the medians differ otherwise."""
    errors = [0.10] * 9 + [0.26] * 11 + [0.25] * 11 + [0.50] * 9
    frame = pd.DataFrame({"space": ["A"] * 20 + ["B"] * 20, "error": errors + np.linspace(0.0, 1e-3, 40)})
    contrasts = [Spaces(first="A", reference="B"), Spaces(first="B", reference="A")]
    rules = [Rule(name=contrast.first, statement="It is better.", contrast=contrast) for contrast in contrasts]
    ours, theirs = (rule_row(verdict).sentence for verdict in verdicts(frame, rules))
    assert "A is ahead of B" in ours
    assert "B is behind A" in theirs
    assert all("medians 2" in sentence and ", which differ the other way" in sentence for sentence in (ours, theirs))


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "+0.00"), (3e-5, "+0.003"), (-4e-5, "-0.004"), (-2e-8, "-0.00"), (0.0123, "+1.23")]
)
def test_what_is_not_0_is_not_shown_as_0(value: float, text: str) -> None:
    """An end of an interval just beyond 0 has as many digits as it takes; what is rounding keeps its sign."""
    assert signed(value, alone=False) == text


def test_a_summary_counts_and_names_what_is_decided() -> None:
    """The first line names decided rules by their verdicts; columns without a number in any row aren't shown."""
    found = nas.principles(table(), columns=["wide", "luck"])
    assert found.head[0][0] == "in short"
    assert "decided; helps: wide" in found.head[0][1]
    header, cells = shown(found.rows)
    assert any(name.startswith("rho") for name in header)
    assert not any(name.startswith("P(better)") for name in header)
    assert all(len(row) == len(header) for row in cells)


def test_the_page_has_a_section_of_rules_where_there_are_some(run: Run, tmp_path: Path) -> None:
    """Verdicts, sentences and fidelity stand on the page of a run with rules, and nothing of it on others."""
    page = (run.folder / "report.html").read_text()
    assert "Which rules of the study hold?" in page
    assert "R against T" in page
    assert "200 images of digits, epochs 2, batches of 50" in page
    bare = nas.run(replace(STUDY, samples=1), out=tmp_path / "bare", engine=InlineEngine(), device="cpu")
    assert "Which rules of the study hold?" not in (bare.folder / "report.html").read_text()


def test_a_plan_is_the_textbook_sample_size() -> None:
    """For two spaces n a side is (z_alpha/2 + z_power)^2 / (6 (P - 1/2)^2) (Noether 1987), at a little more power."""
    normal = NormalDist()
    rule = against("E", "A", "E is better.")
    scope = Scope(arms=2, shares=(0.5, 0.5), deviations=(0.04, 0.04), matters=0.02)
    for effect, power in ((0.02, 0.8), (0.01, 0.9)):
        need = plan([rule], [scope], effect=effect, power=power)[0]
        reach = normal.inv_cdf(0.975) + normal.inv_cdf(planned(power))
        moved = normal.cdf(effect / math.hypot(0.04, 0.04)) - 0.5
        assert need.n_first == need.n_second == need.samples == math.ceil((reach / moved) ** 2 / 6)
    assert planned(0.8) == pytest.approx(0.9)
    halved = plan([rule], [scope])[0]
    assert halved.effect == pytest.approx(0.02)
    many = plan([rule] * 6, [scope] * 6)[0]
    assert many.n_first > halved.n_first


def test_a_plan_counts_who_obeys() -> None:
    """Where a tenth of the networks obey, ten times as many are drawn; a side that is empty is never enough."""
    rule = Rule(name="p", statement="P.", contrast=Parts(first=Part(column="x", low=1.0)))
    rare = plan([rule], [Scope(arms=1, shares=(0.1, 0.9), deviations=(1.0, 1.0), matters=0.5)])[0]
    assert rare.samples is not None
    assert rare.n_first == pytest.approx(rare.samples / 10, abs=1)
    assert plan([rule], [Scope(arms=1, shares=(0.0, 1.0), deviations=(1.0, 1.0), matters=0.5)])[0].samples is None
    for effect, power in ((0.0, 0.8), (0.5, 1.0), (math.nan, 0.8)):
        with pytest.raises(Refused):
            plan(
                [rule],
                [Scope(arms=1, shares=(0.5, 0.5), deviations=(1.0, 1.0), matters=0.5)],
                effect=effect,
                power=power,
            )


def test_a_study_is_planned_before_any_training() -> None:
    """Half a deviation needs no deviation, an effect in the unit of the errors does; parts are seen in drawn ones."""
    ruled = replace(STUDY, rules=(*RULES, Rule(name="silu", statement="S.", contrast=SILU)))
    found = nas.plan(ruled)
    assert not found.scaled
    assert found.needs[0].samples == found.needs[0].n_first
    silu = found.needs[2]
    assert silu.samples is not None
    assert silu.n_first / (silu.n_first + silu.n_second) == pytest.approx(1 / 3, abs=0.1)
    assert "drawn and not trained" in found.notes[1]
    assert f"too few: --samples {found.samples}" in found.notes[2]
    with pytest.raises(Refused, match="depends on how much errors vary"):
        nas.plan(ruled, effect=0.02)
    assert nas.plan(ruled, effect=0.02, deviation=0.04).needs == nas.plan(ruled, deviation=0.04).needs
    assert nas.plan(STUDY, rules=ruled.rules).needs == found.needs
    assert list(found.table()["samples"]) == [need.samples for need in found.needs]
    with pytest.raises(Refused, match="declares no rules"):
        nas.plan(STUDY)


def test_a_notebook_shows_sample_sizes() -> None:
    """The HTML of a plan holds a row a rule and what the numbers rest on, escaped."""
    html = nas.plan(replace(STUDY, rules=(Rule(name="<b>", statement="S.", contrast=SILU),)))._repr_html_()
    assert "<td>&lt;b&gt;</td>" in html
    assert "So many networks find an effect" in html


def test_a_run_is_planned_from_its_noise(run: Run) -> None:
    """The deviation is the one that was seen; its own errors planned for, an effect twice as large needs a quarter."""
    small, large = (nas.plan(run, effect=effect).needs[0] for effect in (0.01, 0.02))
    assert small.n_first == pytest.approx(4 * large.n_first, rel=0.05)
    errors = run.table().groupby("space")["error"].transform(lambda own: own - own.median())
    assert small.deviation == pytest.approx(stats.iqr(errors) / 1.349)
    verdict = nas.principles(run).verdicts[0]
    usual = nas.plan(run).needs[0]
    assert usual.effect == verdict.delta
    with pytest.raises(Refused, match="what a run or a table shows"):
        nas.plan(run, deviation=0.1)


def test_a_table_is_planned_from_its_noise() -> None:
    """A DataFrame is planned for the columns that are asked about; in percentages the effect is in points, too."""
    shares = nas.plan(table(), columns=["wide"], effect=0.02)
    assert [need.name for need in shares.needs] == ["wide"]
    percent = table().assign(error=100 * table()["error"])
    assert nas.plan(percent, columns=["wide"], effect=2.0).samples == shares.samples
    with pytest.raises(Refused, match="no column of the table holds numbers that vary"):
        nas.plan(table()[["error", "kind"]])
    with pytest.raises(Refused, match="not for a study"):
        nas.plan(STUDY, columns=["wide"])
