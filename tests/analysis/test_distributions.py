"""Distributions, their bands, and which rows of a table count."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.analysis import Edf, Interval, band, edf, edfs, pareto, steps, top, unbiased
from nas.analysis.statistics.edf import weighted_quantile
from nas.errors import Refused
from nas.study.table import table

ERRORS = st.lists(st.sampled_from([None, 0.1, 0.2, 0.25, 0.3, 0.7]), min_size=1, max_size=30)
"""Samples with ties and failures."""


def sample(errors: Sequence[float | None], name: str = "A") -> Edf:
    """Ten classes."""
    return edf(errors, name=name, guess=0.9)


def trials(**columns: Sequence[object]) -> pd.DataFrame:
    """A table as a study writes it: random first trainings unless told otherwise."""
    n = len(columns["error"])
    frame = {
        "trial": list(range(n)),
        "space": ["A"] * n,
        "architecture": [f"{i:016x}" for i in range(n)],
        "outcome": ["diverged" if error is None else "completed" for error in columns["error"]],
        "multiply_adds": [100] * n,
        "sampler": ["random"] * n,
        "repeat": [0] * n,
    }
    return pd.DataFrame(frame | columns)


def test_light() -> None:
    """Importing the analysis loads neither scipy nor pandas nor torch nor optuna."""
    code = "import json, sys, nas.analysis; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"scipy", "pandas", "torch", "optuna"} & set(loaded)


def test_edf_is_strict() -> None:
    """F(e) counts the networks below e and not those at e."""
    known = sample([0.3, 0.1, 0.2, 0.2])
    assert [known.at(e) for e in (0.1, 0.2, 0.200001, 0.3, 1.0)] == [0.0, 0.25, 0.75, 0.75, 1.0]


def test_failures_are_the_worst() -> None:
    """None and NaN are failures: above every error, never below any, and guesses in the mean."""
    known = sample([None, 0.1, math.nan, 0.3])
    assert known.errors == (0.1, 0.3, math.inf, math.inf)
    assert (known.n, known.failures, known.minimum) == (4, 2, 0.1)
    assert known.mean == pytest.approx((0.1 + 0.3 + 0.9 + 0.9) / 4)
    assert known.at(math.inf) == 0.5


@given(ERRORS)
def test_steps_are_the_edf(errors: list[float | None]) -> None:
    """The steps give F everywhere, each error once, and end at infinity with the share that completed."""
    known = sample(errors)
    ends, shares = steps(known)
    assert ends[-1] == math.inf
    assert shares[-1] == pytest.approx(1 - known.failures / known.n)
    assert (np.diff(ends) > 0).all()
    for error in (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.69, 0.7, 0.71, math.inf):
        brute = sum(e is not None and e < error for e in errors) / len(errors)
        assert known.at(error) == shares[np.searchsorted(ends, error)] == brute


@given(ERRORS, st.floats(0, 1))
def test_quantile_is_observed(errors: list[float | None], share: float) -> None:
    """A quantile is the lowest observed error that at least the share reaches, failures included."""
    known = sample(errors)
    reached = [e for e in known.errors if sum(other <= e for other in known.errors) >= share * known.n - 1e-9]
    assert known.quantile(share) == min(reached)


def test_quantile_against_numpy() -> None:
    """Quantiles equal numpy's inverted distribution function, at round shares too."""
    errors = [i / 100 for i in range(30)]
    for share in (0.0, 0.1, 0.3, 0.35, 0.5, 0.7, 1.0):
        assert sample(errors).quantile(share) == np.quantile(errors, share, method="inverted_cdf")


def test_quantile_outside() -> None:
    """A share outside [0, 1] is refused."""
    with pytest.raises(ValueError, match=r"share=1\.5"):
        sample([0.1]).quantile(1.5)


def test_edf_of_extremes() -> None:
    """One network, equal networks and failures alone have an EDF; nothing has none."""
    assert steps(sample([0.2]))[1].tolist() == [0.0, 1.0]
    assert steps(sample([0.2] * 5))[1].tolist() == [0.0, 1.0]
    lost = sample([None, None])
    assert (lost.minimum, lost.mean, lost.quantile(0.5), lost.at(math.inf)) == (math.inf, 0.9, math.inf, 0.0)
    assert steps(lost)[1].tolist() == [0.0]
    with pytest.raises(Refused, match="'B' has none"):
        sample([], "B")


def test_edf_checks_its_values() -> None:
    """Errors out of order, errors of minus infinity and an infinite guess are refused."""
    with pytest.raises(Refused, match="ascending"):
        Edf(name="A", errors=(0.2, 0.1), guess=0.9)
    with pytest.raises(Refused, match="ascending"):
        sample([-math.inf, 0.1])
    with pytest.raises(Refused, match="guess=inf"):
        edf([0.1], name="A", guess=math.inf)


@pytest.mark.parametrize(
    ("n", "confidence", "reach"),
    [(1, 0.95, 0.975), (8, 0.95, 0.454), (20, 0.95, 0.294), (100, 0.95, 0.134), (10, 0.99, 0.489), (35, 0.8, 0.177)],
)
def test_band_is_kolmogorov(n: int, confidence: float, reach: float) -> None:
    """The band reaches as far as the published tables of Kolmogorov's statistic to either side, inside [0, 1]."""
    known = sample([i / 1000 for i in range(n)])
    edges, shares = band(known, confidence), steps(known)[1]
    assert edges.low == pytest.approx(np.maximum(shares - reach, 0), abs=6e-4)
    assert edges.high == pytest.approx(np.minimum(shares + reach, 1), abs=6e-4)


def test_band_of_ties() -> None:
    """Errors that tie have the band of the same number of distinct ones, at the steps that they have left."""
    edges = band(sample([0.1] * 10 + [0.2] * 10))
    assert edges.errors == (0.1, 0.2, math.inf)
    assert edges.low == pytest.approx((0.0, 0.5 - 0.294, 1.0 - 0.294), abs=6e-4)
    with pytest.raises(ValueError, match="confidence=1"):
        band(sample([0.2]), 1.0)


def test_interval() -> None:
    """An interval is closed, and refuses ends that don't hold the estimate."""
    known = Interval(estimate=0.5, low=0.25, high=0.75)
    assert 0.25 in known
    assert 0.75 in known
    assert 0.76 not in known
    with pytest.raises(ValueError, match=r"low=0\.6"):
        Interval(estimate=0.5, low=0.6, high=0.75)


def test_unbiased_rows() -> None:
    """Of a mixed table the random first trainings remain, failed ones among them."""
    frame = trials(error=[0.1, None, 0.3, 0.4], sampler=["random", "random", "tpe", "random"], repeat=[0, 0, 0, 1])
    assert unbiased(frame)["trial"].tolist() == [0, 1]


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_biased_table_is_refused(sampler: str) -> None:
    """A table without random first trainings is refused with the sampler, the repeats and a way out."""
    frame = trials(error=[0.1, 0.2, 0.3], sampler=[sampler, sampler, "random"], repeat=[0, 0, 1])
    with pytest.raises(Refused, match=f"2 from sampler '{sampler}', 1 repeated") as caught:
        edfs(frame, guess=0.9)
    assert 'sampler="random"' in caught.value.hint


def test_foreign_and_empty_tables_pass() -> None:
    """A table without our columns is taken as it is, and an empty one has no spaces."""
    foreign = pd.DataFrame({"space": ["B", "A", "B"], "error": [0.3, 0.2, 0.1]})
    assert unbiased(foreign).equals(foreign)
    assert edfs(table([]), guess=0.9) == ()


def test_edfs_of_a_table() -> None:
    """Spaces come in the order of their first appearance, each with its failures."""
    first, second = edfs(trials(error=[0.3, 0.2, None], space=["B", "A", "B"]), guess=0.9)
    assert first == sample([0.3, None], "B")
    assert second == sample([0.2], "A")


def test_missing_column() -> None:
    """A table without a needed column is refused with the columns that it has."""
    with pytest.raises(Refused, match="'error'") as caught:
        top(pd.DataFrame({"accuracy": [1.0]}))
    assert "accuracy" in caught.value.hint


def test_top_order() -> None:
    """Leaders come by mean error, cost, trial; an architecture comes once, failures never, any sampler counts."""
    frame = trials(
        error=[0.2, 0.1, 0.1, 0.1, None, 0.05],
        multiply_adds=[1, 5, 4, 4, 1, 9],
        architecture=["a", "b", "c", "d", "e", "a"],
        sampler=["random"] * 5 + ["tpe"],
    )
    assert top(frame)["trial"].tolist() == [2, 3, 1, 5]
    assert top(frame)["error"].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.125])
    failed = trials(error=[0.1, None, 0.3], architecture=["a", "a", "b"])
    failed.attrs["guess"] = 0.9
    assert top(failed)["error"].tolist() == pytest.approx([0.3, 0.5])
    assert top(frame, k=2).index.tolist() == [0, 1]
    assert top(frame.iloc[4:5]).empty
    assert top(table([])).empty
    assert top(pd.DataFrame({"error": [0.2, 0.1]}))["error"].tolist() == [0.1, 0.2]


POINTS = st.lists(st.tuples(st.sampled_from([None, 0.1, 0.2, 0.3, 0.4]), st.integers(1, 5)), max_size=15)
"""Errors and costs with many ties."""


@given(POINTS, st.randoms())
def test_pareto_against_brute_force(points: list[tuple[float | None, int]], random: Random) -> None:
    """The front is exactly the undominated trials, ascending in cost, the lowest trial for equal ones."""
    frame = trials(error=[e for e, _ in points], multiply_adds=[c for _, c in points])
    done = [(c, e, t) for t, (e, c) in enumerate(points) if e is not None]
    brute = [
        (c, e, t)
        for c, e, t in done
        if not any(oc <= c and oe <= e and ((oc, oe) != (c, e) or ot < t) for oc, oe, ot in done)
    ]
    shuffled = frame.sample(frac=1.0, random_state=random.getrandbits(32)) if points else frame
    assert pareto(shuffled)["trial"].tolist() == [t for _, _, t in sorted(brute)]


def test_pareto_of_other_costs() -> None:
    """Any column serves as cost; trials without one are left out, and an unknown column is refused."""
    frame = trials(error=[0.3, 0.2, 0.1], seconds=[1.0, 2.0, math.nan])
    assert pareto(frame, cost="seconds")["trial"].tolist() == [0, 1]
    with pytest.raises(Refused, match="'joules'"):
        pareto(frame, cost="joules")


def test_small_samples_say_so() -> None:
    """A distribution of three networks and one of equal errors carry their warning."""
    assert edf([0.1, 0.2, 0.3], name="A", guess=0.9).warnings == ("n = 3: too few networks for a distribution",)
    assert edf([0.1] * 20, name="A", guess=0.9).warnings == ("all errors are equal",)
    assert edf([None] * 20, name="A", guess=0.9).warnings == ("all networks failed",)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=10), st.floats(0, 1))
def test_weighted_quantile_repeats_values(pairs: list[tuple[int, int]], share: float) -> None:
    """With whole weights the quantile is numpy's of each value as often as it weighs."""
    values, weights = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    repeated = np.repeat(values, weights.astype(int))
    near = [np.quantile(repeated, min(max(share + s, 0), 1), method="inverted_cdf") for s in (-1e-8, 0, 1e-8)]
    assert weighted_quantile(values, weights, share) in near
