"""Verdicts: planted rules are found, null rules aren't, and every verdict carries what it rests on."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas.analysis import Verdict, edf, holm, mean_difference, principle_rules, verdicts
from nas.analysis.rules.testing import both_p_value, of_order, welch_p_value
from nas.analysis.statistics.power import networks_more, networks_needed
from nas.errors import Refused
from nas.study import Contrast, Order, Part, Parts, Rule, Spaces
from tests.simulation.screening import spearman_p_values


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
    """Six rows in perfect order have the p of one exchange of neighbours by Fisher's z, not scipy's 0."""
    few, rho = of_order(np.arange(6.0), np.arange(6.0) / 10, None), 1.0 - 2.0 / 35.0
    assert stats.spearmanr(np.arange(6), np.arange(6)).pvalue == 0.0
    assert few.p_value == pytest.approx(2.0 * stats.norm.sf(math.atanh(rho) * math.sqrt(3.0 / (1.0 + rho * rho / 2.0))))
    assert 2 / math.factorial(6) < few.p_value < 0.05


@pytest.mark.parametrize(("n", "columns"), [(6, 10), (8, 12), (12, 12), (20, 40)])
def test_orders_of_few_rows_are_called_by_luck_in_a_twentieth_at_most(n: int, columns: int) -> None:
    """Of tables without any order 5 % at most have a column named, luck of the simulation apart; t alone has 9 %."""
    generator, studies = np.random.default_rng(n), 2_000
    errors = np.repeat(generator.normal(size=(studies, n)), columns, axis=0)
    p = spearman_p_values(generator.normal(size=errors.shape), errors).reshape(studies, columns)
    assert (p.min(axis=1) * columns < 0.05).sum() <= stats.binom.ppf(0.99, studies, 0.05)


def test_a_planted_rule_helps_and_its_opposite_hurts() -> None:
    """A large effect is named in its direction with effect, interval, both sizes and both p-values."""
    found = one(table(200, -0.03), halves())
    assert (found.verdict, found.needs, found.n_first, found.n_second) == ("helps", None, 100, 100)
    frame = table(200, -0.03)
    sides = [edf(frame.loc[frame["wide"] == k, "error"], name="A", guess=0.9) for k in (1, 0)]
    interval = mean_difference(*sides)
    assert (found.effect, found.low, found.high) == (interval.estimate, interval.low, interval.high)
    assert found.better is not None
    assert found.better.estimate > 0.6
    assert found.p_value == found.p_adjusted == both_p_value(*sides) < 1e-6
    assert one(table(200, 0.03), halves()).verdict == "hurts"


def test_no_effect_is_equivalent_once_networks_suffice() -> None:
    """Without an effect few networks are undecided and say how many more; with so many the rule is equivalent."""
    few = one(table(40, 0.0, seed=3), halves())
    assert few.verdict == "undecided"
    assert few.needs is not None
    assert not few.within_delta
    many = one(table(40 + few.needs, 0.0, seed=4), halves())
    assert (many.verdict, many.within_delta, many.needs) == ("equivalent", True, None)
    assert many.delta == pytest.approx(table(40 + few.needs, 0.0, seed=4).query("wide == 0")["error"].std() / 2)


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
    """A rule about larger values is Spearman's correlation with scipy's p, negative where it helps."""
    frame = table(150, 0.0)
    depth, luck = verdicts(frame, principle_rules(frame, ["depth", "luck"]))
    expected = stats.spearmanr(frame["depth"], frame["error"])
    assert (depth.effect, depth.p_value) == (pytest.approx(expected.statistic), pytest.approx(expected.pvalue))
    assert (depth.verdict, depth.measure, depth.n_first, depth.n_second) == ("helps", "rank correlation", 150, 0)
    assert luck.verdict in ("equivalent", "undecided")
    assert depth.delta == pytest.approx(0.5 * math.sqrt(math.pi / 8))
    assert [r.name for r in principle_rules(frame)] == ["wide", "depth", "luck"]


def test_delta_of_a_correlation_is_that_of_the_halves() -> None:
    """At the rho that delta stands for, upper and lower half of a normal column differ by delta in the mean."""
    generator = np.random.default_rng(0)
    rho = 0.5 * math.sqrt(math.pi / 8)
    x, e = generator.normal(size=(2, 1_000_000))
    y = rho * x + math.sqrt(1 - rho * rho) * e
    assert y[x > 0].mean() - y[x < 0].mean() == pytest.approx(0.5, abs=0.01)


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
    assert "2 spaces are taken together" in found.warnings


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
    """Failures are counted on each side, last in the ranks and guesses in the mean: a rule that avoids them helps."""
    frame = table(200, 0.0)
    frame.loc[frame.index % 2 == 0, "error"] = frame["error"].where(frame.index % 3 != 0)
    found = one(frame, halves(), guess=0.9)
    assert found.verdict == "helps"
    assert (found.failures_first, found.failures_second) == (0, 34)
    assert found.effect < -0.1


def test_what_can_not_be_decided_is_flagged() -> None:
    """Three networks, equal errors, and rows that no random sampler drew: each verdict says so."""
    three = one(table(3, -0.03), halves())
    assert three.verdict == "undecided"
    assert any("too few networks" in warning for warning in three.warnings)
    equal = one(table(40, 0.0).assign(error=0.2), halves())
    assert (equal.verdict, equal.p_value, equal.needs, equal.delta) == ("undecided", 1.0, None, None)
    assert "the reference's errors don't vary, so nothing says which difference matters" in equal.warnings
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


def test_welch_is_scipys() -> None:
    """The test of the means is scipy's on the scores, failures as guesses; a single network says nothing."""
    first, second = edf([0.1, 0.2, None, 0.15], name="A", guess=0.9), edf([0.3, 0.2, 0.35], name="B", guess=0.9)
    expected = stats.ttest_ind([0.1, 0.2, 0.9, 0.15], [0.3, 0.2, 0.35], equal_var=False).pvalue
    assert welch_p_value(first, second) == pytest.approx(expected)
    assert welch_p_value(edf([0.1], name="A", guess=0.9), second) == 1.0
    assert both_p_value(first, second) == 1.0  # a failure makes the mean worse, the ranks are better


def test_needs_by_hand() -> None:
    """Two sides of deviation s need 4 s^2 ((z + z') / delta)^2 networks in all; one who has them doubles or less."""
    reach = stats.norm.ppf(1 - 0.05 / 24) + stats.norm.ppf(0.9)
    assert networks_needed(4.0, 0.5, 12) == pytest.approx(4 * (reach / 0.5) ** 2)
    assert networks_more(4.0, 100, 0.1, 0.5, 12) == math.ceil(4 * (reach / 0.5) ** 2 - 100)
    assert networks_more(4.0, 10_000, 0.0, 0.5, 12) == 10_000
    assert networks_more(4.0, 300, 0.45, 0.5, 12) == math.ceil(4 * (reach / 0.45) ** 2 - 300)
