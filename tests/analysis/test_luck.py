"""What is luck: fronts, noise of training, agreement of short and long trainings, importance."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import optuna
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas.analysis import agreement, edf, front, importances, noise_floor
from nas.analysis.audits.agreement import regrets
from nas.analysis.audits.noise import split
from nas.analysis.pareto_front import dominators, hypervolume, is_on_front, retraining_shares, survival
from nas.errors import Refused

POINTS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=12)
"""Errors and costs with many ties."""


@settings(deadline=None)
@given(POINTS)
def test_front_against_brute_force(points: list[tuple[int, int]]) -> None:
    """On the front is exactly what nothing dominates, and dominators are counted."""
    errors, costs = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    brute = [sum(e <= x and c <= y and (e, c) != (x, y) for e, c in points) for x, y in points]
    assert dominators(errors, costs).tolist() == brute
    assert is_on_front(errors, costs).tolist() == [not k for k in brute]


@settings(deadline=None)
@given(POINTS)
def test_hypervolume_against_brute_force(points: list[tuple[int, int]]) -> None:
    """The hypervolume counts the unit squares below the reference that some network dominates."""
    errors, costs = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    brute = sum(any(e <= x and c <= y for e, c in points) for x, y in product(range(4), range(6)))
    assert hypervolume(errors, costs, (4.0, 6.0)) == pytest.approx(brute)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=4))
def test_survival_by_enumeration(points: list[tuple[int, int]]) -> None:
    """The share of bootstrap samples is that of all n^n samples that hold the network."""
    errors, costs = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    n = len(points)
    held, kept = np.zeros(n), np.zeros(n)
    for sample in product(range(n), repeat=n):
        rows = sorted(set(sample))
        held[rows] += 1
        kept[rows] += is_on_front(errors[rows], costs[rows])
    assert survival(dominators(errors, costs)) == pytest.approx(kept / held)


def test_retraining_of_two_networks() -> None:
    """Of two networks at equal cost the better one stays ahead with the probability that normal noise gives it."""
    shares = retraining_shares(np.array([0.1, 0.13]), np.array([5.0, 5.0]), 0.02, retrainings=4_000)
    ahead = stats.norm.cdf(0.03 / (0.02 * math.sqrt(2)))
    assert shares == pytest.approx([ahead, 1 - ahead], abs=0.025)
    assert retraining_shares(np.array([0.1, 0.13]), np.array([5.0, 5.0]), 0.0).tolist() == [1.0, 0.0]


def test_front_of_a_table() -> None:
    """The front comes ascending in cost with what it leaves out, its hypervolume as a share, and its warnings."""
    frame = pd.DataFrame({"error": [0.2, 0.1, 0.3, None, 0.8], "cost": [1.0, 2.0, 3.0, 1.0, 4.0]})
    known = front(frame, "cost", guess=0.9)
    assert [point.row for point in known.points if point.on_front] == [0, 1]
    assert known.points[-1].dominators == 2
    assert known.hypervolume == pytest.approx((1 * 0.7 + 2 * 0.8) / (4 * 0.9))
    assert known.warnings[0] == "1 rows without error or cost can't be on the front"
    assert "noise of training isn't known" in known.warnings[1]
    assert not front(frame.dropna(), "cost", noise=0.01).warnings
    with pytest.raises(Refused, match="none of the 1 rows has both"):
        front(pd.DataFrame({"error": [0.1], "cost": [math.nan]}), "cost")
    with pytest.raises(Refused, match="noise=-1"):
        front(frame, "cost", noise=-1.0)


def test_noise_by_hand() -> None:
    """Errors (1, 3), (5, 7), (3, 5): mean squares 8 between and 2 within give noise^2 = 2, design^2 = 3, share 0.4."""
    frame = pd.DataFrame({"architecture": list("aabbcc"), "error": [1.0, 3.0, 5.0, 7.0, 3.0, 5.0]})
    known = noise_floor(frame)
    assert known.noise.estimate == pytest.approx(math.sqrt(2))
    assert known.design == pytest.approx(math.sqrt(3))
    assert known.share.estimate == pytest.approx(0.4)
    assert known.noise.low == pytest.approx(math.sqrt(6 / stats.chi2.ppf(0.975, 3)))
    assert known.noise.high == pytest.approx(math.sqrt(6 / stats.chi2.ppf(0.025, 3)))
    low_ratio = (4.0 / stats.f.ppf(0.975, 2, 3) - 1) / 2
    assert known.share.high == pytest.approx(1 / (1 + max(low_ratio, 0)))
    assert (known.networks, known.trainings, known.single, known.failures) == (3, 6, 0, 0)
    f = stats.f_oneway([1, 3], [5, 7], [3, 5]).statistic
    assert known.share.estimate == pytest.approx(1 / (1 + (f - 1) / 2))


def test_unequal_repeats_by_hand() -> None:
    """Groups of 2, 3 and 4 count (9 - 29/9) / 2 trainings each; single and failed ones are told, not lost."""
    groups = [np.array([1.0, 2.0]), np.array([4.0, 5.0, 6.0]), np.array([2.0, 3.0, 3.0, 4.0])]
    noise, design, _ = split(groups)
    f = stats.f_oneway(*groups)
    within = sum(((g - g.mean()) ** 2).sum() for g in groups) / 6
    assert noise.estimate == pytest.approx(math.sqrt(within))
    assert design**2 == pytest.approx((f.statistic * within - within) / ((9 - 29 / 9) / 2))
    names = [name for name, group in zip("abc", groups, strict=True) for _ in group] + ["d", "e"]
    frame = pd.DataFrame({"architecture": names, "error": [*np.concatenate(groups), 1.0, None]})
    known = noise_floor(frame)
    assert known.noise == noise
    assert (known.single, known.failures, len(known.warnings)) == (1, 1, 3)


def test_noise_needs_repeats() -> None:
    """A table without repeated trainings, and one whose errors are all equal, are refused."""
    with pytest.raises(Refused, match="1 networks were trained twice") as caught:
        noise_floor(pd.DataFrame({"architecture": ["a", "a", "b"], "error": [0.1, 0.2, 0.3]}))
    assert "repeats=3" in caught.value.hint
    with pytest.raises(Refused, match="all 4 errors are equal"):
        noise_floor(pd.DataFrame({"architecture": list("aabb"), "error": [0.1] * 4}))


def test_regret_by_hand() -> None:
    """The regret is what the first choice loses in the long training; first choices that tie share it."""
    assert regrets(np.array([0.3, 0.1, 0.2]), np.array([0.1, 0.25, 0.2])) == pytest.approx(0.15)
    assert regrets(np.array([0.1, 0.1, 0.2]), np.array([0.1, 0.2, 0.05])) == pytest.approx(0.1)


def test_agreement_with_failures() -> None:
    """A failure is last in the ranks and a guess in the regret; failures of both are counted."""
    short, long = np.array([0.3, 0.2, math.nan, 0.4]), np.array([0.2, math.inf, 0.3, 0.1])
    known = agreement(short, long, guess=0.9)
    assert known.regret.estimate == pytest.approx(0.8)
    assert known.tau.coefficient.estimate == pytest.approx(stats.kendalltau([2, 1, 4, 3], [2, 4, 3, 1]).statistic)
    assert (known.failures_short, known.failures_long, known.n) == (1, 1, 4)
    assert "n = 4: too few" in known.warnings[0]
    with pytest.raises(Refused, match=r"\(2,\) and \(3,\)"):
        agreement(np.zeros(2), np.zeros(3))
    with pytest.raises(Refused, match="none completed one"):
        agreement(np.full(3, math.nan), np.zeros(3))


def test_perfect_and_no_agreement() -> None:
    """The same order has tau 1 and no regret; tau's interval covers 0 for independent errors in most studies."""
    generator = np.random.default_rng(3)
    errors = generator.normal(0.2, 0.02, 24)
    same = agreement(errors, errors * 2)
    assert (same.tau.coefficient.high, same.regret.estimate, same.regret.high) == (pytest.approx(1.0), 0.0, 0.0)
    assert 0.8 < same.tau.coefficient.low < 1.0


def planted(n: int) -> pd.DataFrame:
    """Depth decides, width matters a little, luck doesn't; `kernel` exists only in every second network and decides."""
    generator = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "depth": generator.integers(1, 20, n),
            "width": generator.integers(8, 1024, n),
            "luck": generator.random(n),
            "kind": generator.choice(["plain", "wide"], n),
        }
    )
    frame["kernel"] = np.where(np.arange(n) % 2, generator.choice([3.0, 5.0, 7.0], n), math.nan)
    better = 0.02 * (20 - frame["depth"]) + 0.05 * (frame["kernel"].fillna(7.0) > 3.0)
    frame["error"] = better + 1e-5 * frame["width"] + generator.normal(0, 0.005, n)
    frame.loc[:4, "error"] = math.nan
    return frame


def test_importance_finds_what_was_planted() -> None:
    """The column that decides comes first and what doesn't matter last; missing values are counted, failures kept."""
    columns = ["luck", "width", "kind", "kernel", "depth"]
    found = importances(planted(300), columns, resamples=20)
    assert found[0].column == "depth"
    assert found[1].column == "kernel"
    assert sum(one.share.estimate for one in found) == pytest.approx(1.0)
    assert {one.column: (one.n, one.missing) for one in found}["kernel"] == (150, 150)
    assert found[0].share.low > max(one.share.high for one in found[2:])
    assert importances(planted(300), columns, resamples=20) == found


def test_importance_is_optunas() -> None:
    """The shares are those of Optuna's own study of the same trials."""
    frame = planted(60).dropna(subset=["error"])
    found = {one.column: one.share.estimate for one in importances(frame, ["depth", "luck"], resamples=1)}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    laws = {
        "depth": optuna.distributions.IntDistribution(int(frame["depth"].min()), int(frame["depth"].max())),
        "luck": optuna.distributions.FloatDistribution(frame["luck"].min(), frame["luck"].max()),
    }
    for depth, luck, error in frame[["depth", "luck", "error"]].itertuples(index=False):
        point = {"depth": int(depth), "luck": float(luck)}
        study.add_trial(optuna.trial.create_trial(params=point, distributions=laws, value=float(error)))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    assert found == pytest.approx(optuna.importance.get_param_importances(study, evaluator=evaluator))


def test_importance_refuses() -> None:
    """Few rows, equal errors, no columns and biased rows are refused; few of the best are told."""
    frame = planted(60)
    with pytest.raises(Refused, match="at least 20 networks, got 12"):
        importances(frame.head(12), ["depth"])
    with pytest.raises(Refused, match="all 60 errors are equal"):
        importances(frame.assign(error=0.1), ["depth"])
    with pytest.raises(Refused, match="at least one column"):
        importances(frame, [])
    with pytest.raises(Refused, match="'tpe'"):
        importances(frame.assign(sampler="tpe"), ["depth"])
    assert importances(frame.head(40), ["depth"], resamples=2)[0].warnings


def test_order_of_rows_does_not_matter() -> None:
    """Any order of the rows gives the same front."""
    rows = [(0.2, 1.0), (0.1, 2.0), (0.1, 3.0)]
    for order in permutations(rows):
        known = front(pd.DataFrame(order, columns=["error", "cost"]), "cost")
        assert [(p.error, p.cost) for p in known.points if p.on_front] == [(0.2, 1.0), (0.1, 2.0)]


def test_small_samples_say_so() -> None:
    """A distribution of three networks and one of equal errors carry their warning."""
    assert edf([0.1, 0.2, 0.3], name="A", guess=0.9).warnings == ("n = 3: too few networks for a distribution",)
    assert edf([0.1] * 20, name="A", guess=0.9).warnings == ("all errors are equal",)
    assert edf([None] * 20, name="A", guess=0.9).warnings == ("all networks failed",)
