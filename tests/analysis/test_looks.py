"""Verdicts at looks: decided ones stay, later ones profit, and looking often doesn't find what isn't there."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from nas.analysis import verdicts, verdicts_at_look
from nas.analysis.rules import testing
from nas.analysis.rules.looks import Course, after, confidences, corrected
from nas.analysis.statistics.interval import Interval
from nas.errors import Refused
from nas.findings.wording.rules import sentence
from nas.study import Looks, Part, Parts, Rule, larger
from tests.toys.sequential_studies import decided, false_equivalents, null_sample, null_studies, outcomes

WIDE = Rule(name="wide", statement="Wide is better.", contrast=Parts(first=Part(column="wide", low=1)))
RULES = (WIDE, larger("luck"))
ENDS = (40, 80, 120)


def table(n: int, effect: float, seed: int = 0) -> pd.DataFrame:
    """Errors of deviation 0.03; `wide` halves the networks and shifts them, `luck` says nothing."""
    generator = np.random.default_rng(seed)
    wide = np.arange(n) % 2
    errors = generator.normal(0.2, 0.03, n) + effect * wide
    return pd.DataFrame({"error": errors, "wide": wide, "luck": generator.random(n)})


def looked(frame: pd.DataFrame, looks: int, **settings: Any) -> Any:
    """The verdict on width at one of the looks, with another rule beside it."""
    frames = [frame.head(end) for end in ENDS[:looks]]
    return verdicts_at_look(frames, ENDS, RULES, **settings)[0]


def ended(p_value: float, effect: float = -0.1, reach: float = 0.05, delta: float = 0.02) -> testing.Tested:
    """A test that ended so."""
    interval = Interval(estimate=effect, low=effect - reach, high=effect + reach)
    return msgspec.structs.replace(testing.UNTESTED, effect=interval, p_value=p_value, delta=delta)


def test_a_single_look_gives_the_usual_verdicts() -> None:
    """Where the cap is the only look, effect, interval, p-values and verdicts are those without looks."""
    frame = table(120, -0.02)
    for with_look, without in zip(verdicts_at_look([frame], [120], RULES), verdicts(frame, RULES), strict=True):
        assert (with_look.verdict, with_look.effect) == (without.verdict, without.effect)
        assert (with_look.low, with_look.high, with_look.p_adjusted) == pytest.approx(
            (without.low, without.high, without.p_adjusted), rel=1e-3
        )
        assert without.look is None


def test_what_a_look_decides_stays() -> None:
    """A rule that helps at the second look does so at the third, from then on named with that look."""
    frame = table(120, -0.03)
    first, second, last = (looked(frame, k) for k in (1, 2, 3))
    assert [verdict.verdict for verdict in (first, second, last)] == ["undecided", "helps", "helps"]
    assert (first.look.number, first.look.of, first.look.networks, first.look.cap) == (1, 3, 40, 120)
    assert (second.look.number, last.look.number, last.n_first) == (2, 2, 60)
    assert last.p_adjusted == second.p_adjusted > last.p_value
    back = pd.concat([table(120, -0.05).head(40), table(80, 0.2, 1)])
    turned = looked(back, 3)
    assert (turned.verdict, turned.look.number) == ("helps", 1)
    assert "decided at look 1; by now its interval says so no longer" in turned.warnings
    assert (first.needs is None, second.needs, turned.needs) == (False, None, None)
    assert "helps: decided so, though by now wide from 1 loses to the others in" in sentence(turned)


def test_equivalence_is_spent_as_well() -> None:
    """No difference that matters takes a narrower interval at an early look than at the only one, and then stays."""
    frame = table(120, 0.0, 5)
    alone = verdicts(frame.head(40), RULES, delta=0.02)[0]
    wide, narrow = confidences((1 / 3,))
    assert wide > 0.99
    assert narrow > 0.98
    early = looked(frame, 1, delta=0.02)
    assert early.high - early.low > alone.high - alone.low
    found = [looked(frame, k, delta=0.02) for k in (1, 2, 3)]
    kinds = [verdict.verdict for verdict in found]
    assert kinds[-1] == "equivalent"
    assert kinds == sorted(kinds, reverse=True)  # undecided first
    assert found[-1].within_delta


def test_a_named_rule_leaves_its_error_to_the_others() -> None:
    """The second of two rules passes at twice the level once the first is named, at this look or an earlier one."""
    shares = (0.5, 1.0)
    level = next(p for p in np.geomspace(1e-3, 0.1, 400) if corrected(float(p), shares) > 0.03)
    courses = after([Course(), Course()], [ended(1e-6), ended(0.9)], shares[:1])
    assert [course.named for course in courses] == ["helps", None]
    after_both = after(courses, [ended(0.9), ended(float(level))], shares)
    assert [(course.named, course.named_at) for course in after_both] == [("helps", 1), ("helps", 2)]
    alone = after([Course(), Course()], [ended(0.9), ended(0.9)], shares[:1])
    assert after(alone, [ended(0.9), ended(float(level))], shares)[1].named is None


def test_evidence_of_a_past_look_is_not_used_again() -> None:
    """A rule that came near at the first look isn't named at the second because another rule is named there."""
    shares = (0.5, 1.0)
    near = next(p for p in np.geomspace(1e-4, 0.1, 400) if corrected(float(p), shares[:1]) > 0.03)
    courses = after([Course(), Course()], [ended(float(near)), ended(0.9)], shares[:1])
    assert [course.named for course in after(courses, [ended(0.5), ended(1e-6)], shares)] == [None, "helps"]


def test_an_interval_with_zero_names_nothing() -> None:
    """Whatever p says, a rule whose interval over all looks holds 0 isn't named, nor is it close to it."""
    course = after([Course()], [ended(1e-6, effect=-0.01)], (1.0,))[0]
    assert (course.named, course.p_value) == (None, 0.05)


def test_looks_that_can_not_be_tested_decide_nothing() -> None:
    """A look at which all networks have failed is passed over; at the last one it is refused."""
    frame = table(120, -0.03)
    frame.loc[:39, "error"] = math.nan
    assert looked(frame, 2, guess=0.9).look.number == 2
    with pytest.raises(Refused, match="none of the 40 rows has an error"):
        looked(frame, 1, guess=0.9)
    with pytest.raises(ValueError, match="3 looks, got 4"):
        verdicts_at_look([frame] * 4, ENDS, RULES)


def test_shortcuts_change_no_decision() -> None:
    """The simulations decide as if each rule were tested at each look."""
    generator = np.random.default_rng(5)
    for _ in range(2):
        sample = null_sample(generator, 6, 60)
        short, whole = (decided(sample, (20, 40, 60), shortcuts=cut) for cut in (True, False))
        assert [[c.finding for c in look] for look in short] == [[c.finding for c in look] for look in whole]


def test_looking_often_finds_no_more_than_it_may() -> None:
    """Of 100 null studies of twelve rules with five looks at most 11 name any rule."""
    assert null_studies(100, 12, 100, Looks(first=20, every=20), seed=1) <= 11


def test_differences_of_delta_are_rarely_called_none() -> None:
    """Of 100 studies with five looks at most 11 call an effect of delta one that doesn't matter."""
    assert false_equivalents(100, 100, Looks(first=20, every=20), seed=2) <= 11


def test_large_effects_end_a_study_early() -> None:
    """Twice delta is found in nearly every study, on average with less than two thirds of the networks."""
    found, share = outcomes(30, (1.0,), 100, Looks(first=20, every=20), seed=3)
    assert found >= 26
    assert share < 0.67


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("n", "looks"),
    [(60, Looks(first=12, every=8)), (150, Looks(first=30, every=30)), (300, Looks(first=40, every=20))],
)
def test_looking_often_finds_no_more_than_it_may_long(n: int, looks: Looks) -> None:
    """Of 1,000 null studies of twelve rules with 5 to 14 looks at most 67 name any rule."""
    assert null_studies(1000, 12, n, looks, seed=11) <= 67


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(("n", "looks"), [(150, Looks(first=30, every=30)), (300, Looks(first=40, every=20))])
def test_differences_of_delta_are_rarely_called_none_long(n: int, looks: Looks, ordered: bool) -> None:
    """Of 1,000 studies at most 67 call an effect of delta one that doesn't matter, at any of 5 or 14 looks."""
    assert false_equivalents(1000, n, looks, seed=12, ordered=ordered) <= 67
