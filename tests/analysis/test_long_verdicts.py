"""What a longer training would say: exact where all were trained longer, and honest where only some were."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas.analysis import LongVerdict, Second, holm, long_verdicts, verdicts
from nas.analysis.audits.double_sampling import Phases, difference, order
from nas.analysis.statistics.power import networks_needed
from nas.errors import Refused
from nas.study import Order, Rule, Spaces, against, larger
from tests.toys import audit_studies
from tests.toys.audit_studies import GUESS

RULE = against("B", "A", "B is better.")


def phases(n: int = 40, taken: int | None = None, failures: int = 0) -> Phases:
    """Two spaces of n networks; all of them, or the first `taken` of each, trained longer; the last ones failed."""
    generator = np.random.default_rng(0)
    space = np.repeat([0, 1], n)
    short = generator.normal(0.3, 0.04, 2 * n)
    failed = np.arange(2 * n) % n >= n - failures
    chosen = np.flatnonzero(np.arange(2 * n) % n < (n if taken is None else taken))
    long = 0.1 + 0.3 * short + 0.02 * space + generator.normal(0.0, 0.01, 2 * n)
    return Phases(
        spaces=np.eye(2)[space],
        short=np.where(failed, GUESS, short),
        failed=failed,
        chosen=chosen,
        long=long[chosen],
        weights=np.full(len(chosen), 2 * n / max(len(chosen), 1)),
        guess=GUESS,
    )


def sides(known: Phases) -> tuple[np.ndarray, np.ndarray]:
    """The second space and the first."""
    return known.spaces[:, 1] == 1, known.spaces[:, 0] == 1


@pytest.mark.parametrize("failures", [0, 5])
def test_with_all_trained_longer_the_estimate_is_the_mean_and_the_correlation(failures: int) -> None:
    """Where nothing is missing, nothing is modelled: plain difference of means, and scipy's Spearman."""
    known = phases(failures=failures)
    first, reference = sides(known)
    found = difference(known, first, reference)
    assert found is not None
    assert found.estimate == pytest.approx(known.long[first].mean() - known.long[reference].mean())
    column = np.random.default_rng(3).random(80) + known.long
    rank = order(known, column, np.ones(80, dtype=bool))
    assert rank is not None
    assert rank.interval(0.95).estimate == pytest.approx(stats.spearmanr(column, known.long).statistic)


def test_a_perfect_prediction_needs_few() -> None:
    """Where long errors follow from short ones, few tell what all would, and only their number limits the interval."""
    known = phases(taken=6)
    exact = 0.1 + 0.3 * known.short + 0.02 * known.spaces[:, 1]
    found = difference(replace(known, long=exact[known.chosen]), *sides(known))
    first, reference = sides(known)
    assert found is not None
    assert found.estimate == pytest.approx(exact[first].mean() - exact[reference].mean())
    assert found.of_few == pytest.approx(0.0)
    assert found.of_all == pytest.approx(exact[first].var(ddof=1) / 40 + exact[reference].var(ddof=1) / 40)


def test_the_longer_training_decides_where_the_short_one_misleads() -> None:
    """Short errors that have nothing to do with long ones leave the difference of those that were trained longer."""
    known = phases(taken=20)
    flat = replace(known, short=np.full(80, 0.3))
    found, (first, reference) = difference(flat, *sides(flat)), sides(flat)
    assert found is not None
    own = flat.long[first[flat.chosen]].mean() - flat.long[reference[flat.chosen]].mean()
    assert found.estimate == pytest.approx(own)


def test_failures_that_nobody_trained_again_fail_again() -> None:
    """Where no failure of the map was trained longer, each enters the mean as guessing; where one was, as it ended."""
    known = phases(taken=20, failures=5)
    found = difference(known, *sides(known))
    healthy = difference(phases(taken=20), *sides(phases()))
    assert found is not None
    assert healthy is not None
    assert found.estimate == pytest.approx(healthy.estimate * 35 / 40, abs=0.004)
    whole = phases(failures=5)
    some = np.append(np.flatnonzero(np.arange(80) % 40 < 20), [37, 77])
    again = replace(whole, chosen=some, long=whole.long[some], weights=np.append(np.full(40, 35 / 20), [5.0, 5.0]))
    seen = difference(again, *sides(again))
    assert seen is not None
    assert seen.of_few > found.of_few


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_too_few_networks_estimate_nothing(taken: int) -> None:
    """Without networks beyond the coefficients of the regression there is no estimate."""
    known = phases(taken=taken)
    assert difference(known, *sides(known)) is None
    assert order(known, known.short, np.ones(80, dtype=bool)) is None


def table(n: int, short: float, long: float, each: int, seed: int = 0) -> tuple[pd.DataFrame, Second]:
    """Spaces A and B of n networks, B worse by `short` and by `long` after longer trainings, of which each has some."""
    generator = np.random.default_rng(seed)
    space = np.repeat([0, 1], n)
    quality = generator.normal(size=2 * n)
    errors = 0.3 + 0.03 * quality + 0.01 * generator.normal(size=2 * n) + short * space
    after = 0.15 + 0.02 * quality + 0.01 * generator.normal(size=2 * n) + long * space
    frame = pd.DataFrame({"space": np.where(space == 1, "B", "A"), "error": errors, "depth": -quality})
    rows = [place for k in (0, 1) for place in range(k * n, k * n + each)]
    second = Second(rows=tuple(rows), errors=tuple(after[rows].tolist()), weights=(n / each,) * len(rows))
    return frame, second


def one(n: int, short: float, long: float, each: int, rule: Rule = RULE, seed: int = 0) -> LongVerdict:
    """The verdict on a single rule."""
    frame, second = table(n, short, long, each, seed)
    return long_verdicts(frame, [rule], second, guess=GUESS)[0]


def test_verdicts_agree_change_or_are_not_known() -> None:
    """A rule that holds at both lengths agrees, one that turns would change, and few networks know neither."""
    same = one(100, -0.04, -0.03, 20)
    assert (same.change, same.short, same.long, same.needs) == ("agrees", "helps", "helps", None)
    turned = one(100, -0.04, 0.03, 20)
    assert (turned.change, turned.short, turned.long) == ("changes", "helps", "hurts")
    assert turned.short_effect.estimate < 0 < turned.long_effect.low
    vanished = one(400, -0.04, 0.0, 200)
    assert (vanished.change, vanished.short, vanished.long) == ("changes", "helps", "equivalent")
    few = one(400, -0.04, -0.005, 4)
    assert (few.change, few.long) == ("not known", "undecided")
    assert few.needs is not None
    none = one(100, -0.04, -0.04, 1)
    assert (none.change, none.needs, none.p_value, none.delta) == ("not known", None, 1.0, None)
    assert math.isinf(none.long_effect.low)


def test_short_verdicts_are_those_of_principles() -> None:
    """What is said of the short training is what `verdicts` says of the same table, rule by rule."""
    frame, second = table(60, -0.02, -0.01, 12)
    rules = [RULE, larger("depth"), larger("depth", space="B")]
    short = verdicts(frame, rules, guess=GUESS)
    found = long_verdicts(frame, rules, second, guess=GUESS)
    assert [v.short for v in found] == [v.verdict for v in short]
    errors = {name: frame.loc[frame["space"] == name, "error"].mean() for name in "AB"}
    assert found[0].short_effect.estimate == pytest.approx(errors["B"] - errors["A"])
    assert found[1].short_effect.estimate == short[1].plain
    assert [(v.n_first, v.n_second) for v in found] == [(12, 12), (24, 0), (12, 0)]
    assert found[1].long == "helps"
    assert found[1].delta == pytest.approx(0.5 * math.sqrt(math.pi / 8))
    assert [v.p_adjusted for v in found] == holm([v.p_value for v in found])


def test_delta_is_that_of_the_longer_errors() -> None:
    """Which difference matters is half a deviation of the long errors of the reference, not of the short ones."""
    found = one(400, -0.04, -0.04, 200)
    assert found.delta == pytest.approx(0.5 * math.hypot(0.02, 0.01), rel=0.1)


def test_delta_is_that_of_the_reference_alone() -> None:
    """Neither a noisier other side nor networks that fail in the longer training widen the difference that matters."""
    known = phases(n=200, taken=100)
    first, reference = sides(known)
    plain = difference(known, first, reference)
    luck = 0.05 * np.random.default_rng(4).normal(size=100)
    noisy = replace(known, long=known.long + np.append(np.zeros(100), luck))
    lost = known.long.copy()
    lost[[0, 100]] = math.inf
    assert plain is not None
    for changed in (noisy, replace(known, long=lost)):
        found = difference(changed, first, reference)
        assert found is not None
        assert found.spread.deviation == pytest.approx(plain.spread.deviation, rel=0.12)
    assert plain.spread.deviation == pytest.approx(math.hypot(0.3 * 0.04, 0.01), rel=0.15)


def test_what_the_map_can_decide_is_not_called_undecidable() -> None:
    """Where delta is too small for the map, the effect that was seen may still be within its reach."""
    frame, second = table(40, -0.05, -0.03, 4)
    rules = [RULE, *(msgspec.structs.replace(larger("depth"), name=f"depth {k}") for k in range(4))]
    found = long_verdicts(frame, rules, second, guess=GUESS)[0]
    assert found.long == "undecided"
    assert found.delta is not None
    assert networks_needed(4.0 * (2.0 * found.delta) ** 2, found.delta, len(rules)) > len(frame)
    assert abs(found.long_effect.estimate) > 2.0 * found.delta
    assert found.needs == 42


def test_with_as_many_networks_as_it_asks_for_a_rule_is_decided() -> None:
    """Of rules without an effect that few left open, most are decided by the number of networks that was asked for."""
    decided = asked = 0
    for seed in range(12):
        few = one(400, 0.0, 0.0, 6, seed=seed)
        if few.change == "not known" and few.needs is not None:
            asked += 1
            decided += one(400, 0.0, 0.0, 6 + math.ceil(few.needs / 2), seed=1000 + seed).long != "undecided"
    assert asked >= 8
    assert decided >= asked / 2


def test_means_that_contradict_the_short_verdict_say_nothing_of_a_change() -> None:
    """Where pairs decided against what the means of the short errors say, no change is told from means."""
    frame, second = table(100, -0.04, -0.04, 30)
    (short,) = verdicts(frame, [RULE], guess=GUESS)
    contrary = msgspec.structs.replace(short, verdict="hurts")
    before, after = (long_verdicts(frame, [RULE], second, guess=GUESS, short=[each])[0] for each in (short, contrary))
    assert (before.long, before.change) == ("helps", "agrees")
    assert (after.long, after.change) == ("helps", "not known")


def test_what_does_not_fit_is_refused() -> None:
    """A network given twice, or errors of another number than networks, are refused."""
    with pytest.raises(Refused, match="a row of its own"):
        Second(rows=(1, 1), errors=(0.1, 0.2), weights=(1.0, 1.0))
    with pytest.raises(Refused, match="2 rows, 1 errors"):
        Second(rows=(1, 2), errors=(0.1,), weights=(1.0, 1.0))
    frame, second = table(20, 0.0, 0.0, 5)
    with pytest.raises(Refused, match="no rows of space 'C'"):
        long_verdicts(frame, [Rule(name="C", statement="?", contrast=Spaces(first="C", reference="A"))], second)
    with pytest.raises(Refused, match="'width'"):
        long_verdicts(frame, [Rule(name="w", statement="?", contrast=Order(column="width"))], second)


@pytest.mark.parametrize(("kind", "design"), [("unequal", "six spaces"), ("turned", "two spaces"), ("failing", "many")])
def test_intervals_cover(kind: str, design: str) -> None:
    """Of 100 simulated audits at least 89 hold the truth in each 95 % interval: of spaces, parts, and an order."""
    assert min(audit_studies.coverage(kind, design, 100).values()) >= 89


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("kind", ["straight", "unequal", "unrelated", "failing"])
def test_differences_of_delta_are_rarely_called_none(kind: str, side: int) -> None:
    """At a true difference of exactly delta at most a twentieth of audits say that none matters, by luck a few more."""
    assert audit_studies.false_equivalences(kind, side, 25, 60) <= 9


@pytest.mark.slow
def test_null_rules_are_rarely_called() -> None:
    """Of 20 simulated audits of twelve null rules at most 4 call any of them helpful or harmful."""
    assert audit_studies.false_alarms("straight", "two spaces", 20) <= 4


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("design", audit_studies.DESIGNS)
@pytest.mark.parametrize("kind", audit_studies.KINDS)
def test_intervals_cover_long(kind: str, design: str) -> None:
    """Of 1,000 simulated audits at least 933 hold the truth in each 95 % interval."""
    assert min(audit_studies.coverage(kind, design, 1000).values()) >= 933


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", audit_studies.KINDS)
def test_null_rules_are_rarely_called_long(kind: str) -> None:
    """Of 1,000 simulated audits of twelve null rules at most 67 call any of them helpful or harmful."""
    assert audit_studies.false_alarms(kind, "many", 1000) <= 67
