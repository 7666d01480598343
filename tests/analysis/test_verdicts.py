"""Verdicts: planted rules are found, null rules aren't, and every verdict carries what it rests on."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas.analysis import Verdict, edf, holm, principle_rules, verdicts
from nas.analysis.rules.testing import of_order
from nas.analysis.statistics.comparison import shifts
from nas.analysis.statistics.equivalence import robust_deviation
from nas.analysis.statistics.power import Plannable, networks_more, networks_needed
from nas.errors import Refused
from nas.study import Contrast, Order, Part, Parts, Rule, Spaces, larger


def rule(contrast: Contrast, name: str = "it") -> Rule:
    """A rule of that contrast."""
    return Rule(name=name, statement=f"{name} is better.", contrast=contrast)


def halves(column: str = "wide") -> Rule:
    """Networks with a 1 in a column of 0 and 1 are better than the others."""
    return rule(Parts(first=Part(column=column, low=1)), column)


def table(n: int, effect: float, seed: int = 0) -> pd.DataFrame:
    """Errors of deviation 0.03; `wide` halves the networks and shifts them, `depth` goes with it, luck doesn't."""
    generator = np.random.default_rng(seed)
    wide = np.arange(n) % 2
    errors = generator.normal(0.2, 0.03, n) + effect * wide
    depth = -errors + generator.normal(0.0, 0.03, n)
    return pd.DataFrame({"error": errors, "wide": wide, "depth": depth, "luck": generator.random(n)})


def one(frame: pd.DataFrame, asked: Rule, guess: float | None = None, delta: float | None = None) -> Verdict:
    """The verdict on a single rule."""
    return verdicts(frame, [asked], guess=guess, delta=delta)[0]


def test_a_perfect_order_of_few_rows_is_no_certainty() -> None:
    """Six rows in perfect order are as uncertain as one exchange of neighbours is by Student's t."""
    few, rho = of_order(np.arange(6.0), np.arange(6.0) / 10, {}, None), 1.0 - 2.0 / 35.0
    assert stats.spearmanr(np.arange(6), np.arange(6)).pvalue == 0.0
    assert few.p_value == pytest.approx(2.0 * stats.t.sf(math.atanh(rho) * math.sqrt(3.0 / (1.0 + rho * rho / 2.0)), 4))
    assert few.p_value > 2 / math.factorial(6)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "columns", "studies"), [(8, 12, 20), (12, 12, 20), (40, 9, 20)])
def test_orders_of_few_rows_are_called_by_luck_in_a_twentieth_at_most(n: int, columns: int, studies: int) -> None:
    """Of tables without any order 5 % at most have a column named, luck of the simulation apart."""
    generator, named = np.random.default_rng(n), 0
    for _ in range(studies):
        frame = pd.DataFrame(generator.normal(size=(n, columns))).rename(columns="x{}".format)
        found = verdicts(frame.assign(error=generator.normal(size=n)), principle_rules(frame))
        named += any(verdict.verdict in ("helps", "hurts", "middle", "ends") for verdict in found)
    assert named <= stats.binom.ppf(0.99, studies, 0.05)


def test_a_planted_rule_helps_and_its_opposite_hurts() -> None:
    """A large effect is named in its direction with effect, interval, both sizes and both p-values."""
    found = one(table(200, -0.03), halves())
    assert (found.verdict, found.needs, found.n_first, found.n_second) == ("helps", None, 100, 100)
    frame = table(200, -0.03)
    sides = [edf(frame.loc[frame["wide"] == k, "error"], name="A", guess=0.9) for k in (1, 0)]
    interval = shifts(*sides, (0.95,))[0]
    assert (found.effect, found.low, found.high) == (interval.estimate, interval.low, interval.high)
    assert found.better is not None
    assert found.better.estimate > 0.6
    errors = [frame.loc[frame["wide"] == k, "error"] for k in (1, 0)]
    expected = max(stats.brunnermunzel(*errors).pvalue, stats.mannwhitneyu(*errors).pvalue)
    assert found.p_value == found.p_adjusted == pytest.approx(expected)
    assert expected < 1e-6
    assert one(table(200, 0.03), halves()).verdict == "hurts"


def test_no_effect_is_equivalent_once_networks_suffice() -> None:
    """Without an effect few networks are undecided and say how many more; with so many the rule is equivalent."""
    few = one(table(60, 0.0, seed=1), halves())
    assert few.verdict == "undecided"
    assert few.needs is not None
    assert not few.within_delta
    many = one(table(60 + few.needs, 0.0, seed=4), halves())
    assert (many.verdict, many.within_delta, many.needs) == ("equivalent", True, None)
    frame = table(60 + few.needs, 0.0, seed=4)
    errors = np.concatenate([part - part.median() for _, part in frame.groupby("wide")["error"]])
    assert many.delta == pytest.approx(stats.iqr(errors) / 1.349 / 2)


def test_delta_decides_what_is_equivalent() -> None:
    """A smaller delta in the unit of the errors leaves the same rule undecided; one that isn't positive is refused."""
    frame = table(300, 0.0, seed=3)
    assert one(frame, halves(), delta=0.02).verdict == "equivalent"
    assert one(frame, halves(), delta=0.001).verdict == "undecided"
    with pytest.raises(Refused, match=r"delta=0\.0"):
        one(frame, halves(), delta=0.0)


def test_a_small_effect_is_named_and_marked() -> None:
    """An effect that is certain but smaller than delta is named, and marked as smaller."""
    found = one(table(4000, -0.006), halves())
    assert (found.verdict, found.within_delta) == ("helps", True)


def test_order_of_a_column() -> None:
    """A rule about larger values is the correlation of ranks given the other columns, negative where it helps."""
    frame = table(150, 0.0)
    depth, luck = verdicts(frame, principle_rules(frame, ["depth", "luck"]))
    ranks = frame[["depth", "error", "luck"]].rank()
    inverse = np.linalg.inv(ranks.corr())
    assert depth.effect == pytest.approx(-inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1]))
    assert depth.plain == pytest.approx(stats.spearmanr(frame["depth"], frame["error"]).statistic)
    assert (depth.given, luck.given) == (("luck",), ("depth",))
    assert depth.points is not None
    thirds = frame.sort_values("depth")["error"].to_numpy()
    assert depth.points.estimate == pytest.approx(np.median(thirds[100:]) - np.median(thirds[:50]), rel=0.15)
    assert (depth.verdict, depth.measure, depth.n_first, depth.n_second) == ("helps", "rank correlation", 150, 0)
    assert luck.verdict in ("equivalent", "undecided")
    assert depth.delta == pytest.approx(robust_deviation(frame["error"].to_numpy()) / 2)
    assert [r.name for r in principle_rules(frame)] == ["wide", "depth", "luck"]


def test_a_column_is_asked_about_with_the_others_held_fixed() -> None:
    """Inside a window of cost depth goes with errors that only width makes; held fixed, it has none of them."""
    generator = np.random.default_rng(1)
    width, depth = np.exp(generator.uniform(np.log([[8], [1]]), np.log([[128], [16]]), (2, 4000)))
    inside = (width * depth > 150) & (width * depth < 300)
    frame = pd.DataFrame({"width": width[inside], "depth": depth[inside]})
    frame["error"] = 0.5 - 0.06 * np.log(frame["width"]) + generator.normal(0.0, 0.03, len(frame))
    both = verdicts(frame, principle_rules(frame, ["width", "depth"]))
    assert both[0].verdict == "helps"
    assert both[1].verdict != "hurts"
    assert verdicts(frame, principle_rules(frame, ["depth"]))[0].verdict == "hurts"
    assert both[1].plain is not None
    assert both[1].plain > 0.5 > 0.2 > abs(both[1].effect)


def test_what_too_few_networks_cannot_hold_fixed_is_named() -> None:
    """A column that varies only for want of networks is a warning; with enough of them, or told by others, it isn't."""
    generator = np.random.default_rng(2)
    frame = pd.DataFrame(generator.integers(1, 20, (60, 4)), columns=["depth", "width", "kernel", "groups"])
    frame["twice"] = 2 * frame["kernel"]
    frame["error"] = 0.5 - 0.01 * frame["width"] + generator.normal(0.0, 0.02, len(frame))
    few, enough = (
        verdicts(frame.head(n), principle_rules(frame, ["width"]), dimensions=[*frame.columns[:-1]])[0]
        for n in (14, 60)
    )
    (said,) = [warning for warning in few.warnings if "too few networks to hold" in warning]
    assert len(few.given) == 1
    assert not {*few.given, "width"} & set(said.split(" hold ")[1].split(" fixed")[0].split(", "))
    assert not any("too few networks to hold" in warning for warning in enough.warnings)
    assert {"kernel", "twice"} - set(enough.given)


def test_an_effect_that_turns_round_is_no_finding() -> None:
    """A column that helps at equal others and goes with higher errors as it stands isn't decided; both are told."""
    generator = np.random.default_rng(1)
    width, depth = np.exp(generator.uniform(np.log([[8], [1]]), np.log([[128], [16]]), (2, 8000)))
    inside = (width * depth > 150) & (width * depth < 300)
    frame = pd.DataFrame({"width": width[inside], "depth": depth[inside]})
    logs = 0.06 * np.log(frame["width"]) + 0.05 * np.log(frame["depth"])
    frame["error"] = 0.8 - logs + generator.normal(0.0, 0.01, len(frame))
    depth_found = verdicts(frame, principle_rules(frame, ["width", "depth"]))[1]
    assert depth_found.plain is not None
    assert (depth_found.verdict, depth_found.plain > 0, depth_found.effect < 0) == ("undecided", True, True)


def test_a_sign_that_turns_by_luck_is_undecided_as_others_are() -> None:
    """Where the effect at equal others isn't sure, its sign against the plain one says nothing; more networks do."""
    verdict = next(
        found
        for seed in range(50)
        for frame in [table(60, 0.0, seed)]
        for found in verdicts(frame, principle_rules(frame, ["luck", "depth"]))
        if found.plain is not None and found.plain * found.effect < 0.0 and found.verdict == "undecided"
    )
    assert verdict.low < 0.0 < verdict.high
    assert verdict.needs is not None


@pytest.mark.parametrize(("sign", "verdict"), [(1.0, "middle"), (-1.0, "ends")])
def test_a_best_value_in_the_middle_is_found(sign: float, verdict: str) -> None:
    """A column whose best, or worst, value lies in its middle is called so, with the place."""
    generator = np.random.default_rng(2)
    x = generator.random(100)
    frame = pd.DataFrame({"x": x, "error": 0.3 + sign * 0.3 * abs(x - 0.5) + generator.normal(0, 0.02, 100)})
    found = verdicts(frame, principle_rules(frame))[0]
    assert found.verdict == verdict
    assert found.near == pytest.approx(0.5, abs=0.1)


def test_networks_that_never_learned_are_failures() -> None:
    """Errors that aren't better than guessing count as failures, and widen neither delta nor the effect."""
    frame = table(200, -0.03)
    frame.loc[frame.index % 10 < 2, "error"] = 0.9
    found = one(frame, halves(), guess=0.9)
    assert (found.verdict, found.failures_first, found.failures_second) == ("helps", 20, 20)
    assert found.effect == pytest.approx(-0.03, abs=0.012)
    assert found.delta == pytest.approx(0.015, abs=0.004)
    blind = one(frame, halves())
    assert (blind.verdict, blind.failures_first) == ("helps", 0)


def test_a_sum_is_not_held_fixed_beside_its_parts() -> None:
    """The depth of a stage is asked about with other depths held fixed, not with their sum, too."""
    generator = np.random.default_rng(3)
    frame = pd.DataFrame({f"depth_{k}": generator.integers(1, 9, 120) for k in (1, 2)})
    frame["blocks"] = frame["depth_1"] + frame["depth_2"]
    frame["error"] = 0.5 - 0.02 * frame["depth_1"] + generator.normal(0, 0.03, 120)
    found = {verdict.name: verdict for verdict in verdicts(frame, principle_rules(frame))}
    assert found["depth_1"].given == ("depth_2",)
    assert found["depth_1"].verdict == "helps"


def test_all_rules_are_corrected_together() -> None:
    """P-values are Holm-corrected over all rules asked for, two samples and correlations alike, in their order."""
    frame = table(200, -0.012)
    rules = [halves(), *principle_rules(frame, ["depth", "luck"])]
    found = verdicts(frame, rules)
    assert [v.name for v in found] == ["wide", "depth", "luck"]
    assert [v.p_adjusted for v in found] == holm([v.p_value for v in found])
    assert found == verdicts(frame, rules)
    assert verdicts(frame, []) == ()
    with pytest.raises(Refused, match="every rule needs its own name, got wide, wide"):
        verdicts(frame, [halves(), halves()])


def test_two_spaces() -> None:
    """Two spaces are compared by name; one that the table lacks is refused with those that it has."""
    frame = table(200, -0.03).assign(space=lambda t: np.where(t["wide"] == 1, "E", "A"))
    found = one(frame, rule(Spaces(first="E", reference="A")))
    assert (found.verdict, found.n_first) == ("helps", 100)
    with pytest.raises(Refused, match="no rows of space 'D'") as caught:
        one(frame, rule(Spaces(first="D", reference="A")))
    assert "A, E" in caught.value.hint
    with pytest.raises(Refused, match="no column 'space'"):
        one(table(20, 0.0), rule(Spaces(first="E", reference="A")))


def test_parts_of_one_space() -> None:
    """Parts are ranges or values of one space's sample; who is in neither part is told."""
    frame = pd.concat([table(120, -0.03).assign(space="A"), table(80, 0.1).assign(space="B")])
    parts = Parts(first=Part(column="wide", values=(1,)), reference=Part(column="wide", high=0), space="A")
    assert one(frame, rule(parts)).verdict == "helps"
    ends = Parts(first=Part(column="luck", low=0.8), reference=Part(column="luck", high=0.2))
    found = one(frame, rule(ends))
    between = int(frame["luck"].between(0.2, 0.8, inclusive="neither").sum())
    assert f"{between} networks are in neither sample" in found.warnings
    assert "2 spaces are taken together: A, B" in found.warnings


def test_columns_that_are_one_given_the_others_say_so() -> None:
    """Two columns that differ only by the space are one finding once that is held fixed, and each names the other."""
    frame = table(120, -0.03).assign(space=np.repeat(["A", "B"], 60), depth=np.tile([1, 2, 3, 4], 30))
    frame["layers"] = frame["depth"] + 4 * (frame["space"] == "B")
    frame["unlike"] = frame["depth"] + frame["luck"]
    found = verdicts(frame, [larger("depth"), larger("layers")], dimensions=[])
    said = {verdict.name: [text for text in verdict.warnings if "can't be told" in text] for verdict in found}
    assert said["depth"] == ["the others held fixed it can't be told from layers: one finding, not two"]
    assert said["layers"] == ["the others held fixed it can't be told from depth: one finding, not two"]
    apart = verdicts(frame, [larger("wide"), larger("unlike")])
    assert not any("can't be told" in text for verdict in apart for text in verdict.warnings)


def test_overlapping_samples_are_refused() -> None:
    """Samples that share networks, and a space compared with itself, aren't compared."""
    overlap = Parts(first=Part(column="luck", low=0.4), reference=Part(column="luck", high=0.6))
    with pytest.raises(Refused, match=r"hold the same 1[0-9] networks"):
        one(table(50, 0.0), rule(overlap))
    with pytest.raises(Refused, match="'A' twice"):
        Spaces(first="A", reference="A")


def test_missing_values_and_empty_sides() -> None:
    """Networks without a value are on neither side; a rule with an empty side is undecided and says why."""
    frame = table(60, 0.0).astype({"wide": float})
    frame.loc[:9, ["wide", "depth"]] = math.nan
    wide, depth = verdicts(frame, [halves(), rule(Order(column="depth"))])
    assert wide.n_first + wide.n_second == depth.n_first == 50
    assert "10 networks are in neither sample" in wide.warnings
    assert "10 networks have no value of depth" in depth.warnings
    empty = one(frame, rule(Parts(first=Part(column="luck", low=2.0))))
    assert (empty.verdict, empty.p_value, empty.needs) == ("undecided", 1.0, None)
    assert empty.warnings == ("no network obeys it",)
    assert (empty.low, empty.high) == (-math.inf, math.inf)


def test_failures_count() -> None:
    """Failures are counted on each side and are the last in the ranks: a rule that avoids them helps."""
    frame = table(200, 0.0)
    frame.loc[frame.index % 2 == 0, "error"] = frame["error"].where(frame.index % 3 != 0)
    found = one(frame, halves(), guess=0.9)
    assert found.verdict == "helps"
    assert (found.failures_first, found.failures_second) == (0, 34)
    assert found.effect < -0.01


def test_what_can_not_be_decided_is_flagged() -> None:
    """Three networks, equal errors, and rows that no random sampler drew: each verdict says so."""
    three = one(table(3, -0.03), halves())
    assert three.verdict == "undecided"
    assert any("too few networks" in warning for warning in three.warnings)
    equal = one(table(40, 0.0).assign(error=0.2), halves())
    assert (equal.verdict, equal.p_value, equal.needs, equal.delta) == ("undecided", 1.0, None, None)
    assert "the errors don't vary, so nothing says which difference matters" in equal.warnings
    assert one(table(40, 0.0).assign(luck=1.0), rule(Order(column="luck"))).verdict == "undecided"
    mixed = table(80, -0.03).assign(sampler=["tpe"] * 10 + ["random"] * 70)
    found = one(mixed, halves())
    assert "left out: 10 from sampler 'tpe'" in found.warnings
    assert found.n_first + found.n_second == 70
    with pytest.raises(Refused, match="'tpe'"):
        one(mixed.head(10), halves())
    with pytest.raises(Refused, match="'error'"):
        one(pd.DataFrame({"wide": [1]}), halves())
    with pytest.raises(Refused, match="none of the 4 rows has an error"):
        one(table(4, 0.0).assign(error=math.nan), halves())


def test_verdicts_are_plain_data() -> None:
    """A verdict encodes as JSON with the names that other programs rely on."""
    known = msgspec.json.decode(msgspec.json.encode(one(table(40, 0.0), halves())))
    assert {"name", "statement", "effect", "low", "high", "p_value", "p_adjusted", "verdict"} <= set(known)


def test_a_rule_tested_again_has_a_fifth_of_its_level() -> None:
    """Its p is five times as large, its interval one of 99 %, and equivalence goes by one of 98 %."""
    frame, rule = table(60, -0.02, seed=1), halves()
    once, again = verdicts(frame, [rule])[0], verdicts(frame, [rule], again=True)[0]
    assert (again.p_value, again.p_adjusted) == (once.p_value, pytest.approx(5 * once.p_value))
    sides = [edf(frame.loc[frame["wide"] == k, "error"], name="A", guess=0.9) for k in (1, 0)]
    wide = shifts(*sides, (0.99,))[0]
    assert (again.low, again.high, again.confidence) == (wide.low, wide.high, 0.99)
    assert verdicts(table(120, 0.0, seed=0), [rule], delta=0.017)[0].within_delta
    assert not verdicts(table(120, 0.0, seed=0), [rule], delta=0.017, again=True)[0].within_delta


def test_few_networks_do_not_tell_how_many_more() -> None:
    """Below 40 networks, or where the effect that matters is within its noise, no number is given."""
    told = Plannable(effect=0.02, unit=0.34, margin=0.138, n=40)
    assert networks_more(told) is not None
    assert networks_more(msgspec.structs.replace(told, n=39, margin=0.2)) is None
    assert networks_more(msgspec.structs.replace(told, margin=0.1)) is None


def test_needs_by_hand() -> None:
    """A plan for an effect needs unit ((z + z') / effect)^2 networks; after a look as many as decide it either way."""
    reach = stats.norm.ppf(1 - 0.05 / 24) + stats.norm.ppf(0.9)
    assert networks_needed(4.0, 0.5, 12) == pytest.approx(4 * (reach / 0.5) ** 2)
    seen = Plannable(effect=0.3, unit=0.34, margin=0.138, n=40)
    certain, none = networks_more(seen, 12), networks_more(msgspec.structs.replace(seen, effect=0.0), 12)
    assert certain is not None
    assert none is not None
    assert 0 < certain < none
    assert networks_more(msgspec.structs.replace(seen, unit=340.0, margin=0.001, effect=0.0)) is None
