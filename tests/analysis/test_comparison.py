"""Comparisons of two spaces against scipy, brute force and simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from nas.analysis import (
    Edf,
    better,
    better_p_value,
    compare,
    compare_all,
    edf,
    holm,
    kolmogorov_smirnov,
    together,
)

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

ERRORS = st.lists(st.sampled_from([None, 0.1, 0.2, 0.25, 0.3, 0.7]), min_size=1, max_size=12)
"""Samples with ties and failures."""


def sample(errors: Sequence[float | None], name: str = "A") -> Edf:
    """Ten classes."""
    return edf(errors, name=name, guess=0.9)


def early(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Errors in hundredths, many of them tied, one in twenty failed."""
    errors = np.round(generator.normal(0.2, 0.02, n), 2)
    return np.where(generator.random(n) < 0.05, np.inf, errors)


def late(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Errors that spread more and are higher, one in seven failed."""
    errors = np.round(generator.normal(0.22, 0.05, n), 2)
    return np.where(generator.random(n) < 0.15, np.inf, errors)


def far(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Errors that hardly overlap with the early ones."""
    return generator.normal(0.27, 0.02, n)


def wide(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Errors as good as the early ones on average, but five times as spread."""
    return generator.normal(0.2, 0.1, n)


def narrow(generator: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Errors about the same median as the wide ones."""
    return generator.normal(0.2, 0.02, n)


def studies(draw: Draw, n: int, seed: int) -> list[Edf]:
    """One thousand independent samples."""
    generator = np.random.default_rng(seed)
    return [sample(draw(generator, n).tolist()) for _ in range(1000)]


def probability(first: Draw, second: Draw) -> float:
    """The true P(better), to about 0.001."""
    generator = np.random.default_rng(0)
    a, b = first(generator, 400_000), np.sort(second(generator, 400_000))
    return float(1 - (np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")).mean() / 800_000)


@given(ERRORS, ERRORS)
def test_better_against_brute_force(a: list[float | None], b: list[float | None]) -> None:
    """P(better) is the share of pairs in which the first has the lower error, plus half the ties, failures tied."""
    first, second = sample(a), sample(b)
    brute = np.mean([(x < y) + (x == y) / 2 for x in first.errors for y in second.errors])
    interval = better(first, second)
    assert interval.estimate == pytest.approx(brute)
    assert 0.0 <= interval.low <= interval.estimate <= interval.high <= 1.0
    u = stats.mannwhitneyu(second.errors, first.errors, method="exact").statistic
    assert interval.estimate == pytest.approx(u / (first.n * second.n))


@given(ERRORS, ERRORS)
def test_better_is_symmetric(a: list[float | None], b: list[float | None]) -> None:
    """Exchanging the spaces mirrors estimate and interval about one half and keeps the p-value."""
    there, back = better(sample(a), sample(b)), better(sample(b), sample(a))
    mirrored = (1 - there.estimate, 1 - there.high, 1 - there.low)
    assert (back.estimate, back.low, back.high) == pytest.approx(mirrored, abs=1e-12)
    assert better_p_value(sample(a), sample(b)) == pytest.approx(better_p_value(sample(b), sample(a)))


@pytest.mark.filterwarnings("ignore:ks_2samp. Exact calculation unsuccessful")
@given(ERRORS, ERRORS)
def test_ks_against_brute_force(a: list[float | None], b: list[float | None]) -> None:
    """The distance is the largest difference of the strict EDFs anywhere, and the p-value is scipy's."""
    first, second = sample(a), sample(b)
    distance, p_value = kolmogorov_smirnov(first, second)
    ends = [*(x + shift for x in (0.1, 0.2, 0.25, 0.3, 0.7) for shift in (0, 0.01)), math.inf]
    assert distance == pytest.approx(max(abs(first.at(e) - second.at(e)) for e in ends))
    if distance * first.n > 1:
        assert p_value == stats.ks_2samp(first.errors, second.errors).pvalue
    assert 0.0 <= p_value <= 1.0


@given(ERRORS, ERRORS)
def test_p_value_against_scipy(a: list[float | None], b: list[float | None]) -> None:
    """Where the placements vary, p is Brunner and Munzel's, or the least of an exact test if that is larger."""
    first, second = sample(a), sample(b)
    assume(min(first.n, second.n) > 1)
    assume(better(first, second).estimate not in (0.0, 1.0))
    assume(len({*first.errors, *second.errors}) > 1)
    floor = 2 / math.comb(first.n + second.n, first.n)
    expected = stats.brunnermunzel(first.errors, second.errors).pvalue
    assert better_p_value(first, second) == pytest.approx(max(expected, floor))


@pytest.mark.parametrize("n", [2, 5, 8])
def test_complete_separation(n: int) -> None:
    """Samples that don't overlap have an exact test's p and an interval that ends at 1 but starts below it."""
    low, high = sample([i / 100 for i in range(n)]), sample([0.5 + i / 100 for i in range(n)])
    exact = stats.mannwhitneyu(low.errors, high.errors, method="exact").pvalue
    assert better_p_value(low, high) == pytest.approx(exact)
    interval = better(low, high)
    assert interval.estimate == interval.high == 1.0
    assert 0.3 < interval.low < 0.7
    assert better(high, low).low == 0.0


def test_separation_of_many() -> None:
    """Thousands of separated networks give a p-value of practically zero and no overflow."""
    low, high = sample([i / 10_000 for i in range(2000)]), sample([0.5 + i / 10_000 for i in range(2000)])
    assert better_p_value(low, high) < 1e-300


@pytest.mark.parametrize("errors", [[0.2] * 6, [None] * 6])
def test_all_equal(errors: list[float | None]) -> None:
    """Spaces whose networks all tie, by error or by failure, are no different in any respect."""
    comparison = compare(sample(errors), sample(errors))
    assert (comparison.ks, comparison.ks_p, comparison.p_value) == (0.0, 1.0, 1.0)
    assert comparison.better.estimate == 0.5
    assert comparison.better.low < 0.3
    reach = 0.0 if errors[0] else math.inf
    assert (comparison.shift.low, comparison.shift.estimate, comparison.shift.high) == (-reach, 0.0, reach)


def test_failures_against_completed() -> None:
    """A space that always fails loses to one that never does, by more than any error."""
    comparison = compare(sample([0.2] * 6), sample([None] * 6, "B"))
    assert (comparison.first, comparison.second, comparison.n_first, comparison.n_second) == ("A", "B", 6, 6)
    assert (comparison.failures_first, comparison.failures_second) == (0, 6)
    assert (comparison.ks, comparison.better.estimate) == (1.0, 1.0)
    assert comparison.shift.estimate == -math.inf


def test_single_network() -> None:
    """One network says nothing: the intervals are the whole range and p is 1."""
    comparison = compare(sample([0.1]), sample([0.2, 0.3, 0.4]))
    assert (comparison.better.estimate, comparison.better.low, comparison.better.high) == (1.0, 0.0, 1.0)
    assert comparison.p_value == 1.0
    assert (comparison.shift.low, comparison.shift.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(("m", "n"), [(8, 8), (20, 20), (100, 60)])
@pytest.mark.parametrize(("first", "second"), [(early, early), (early, late), (early, far), (narrow, wide)])
def test_better_covers(m: int, n: int, first: Draw, second: Draw) -> None:
    """The interval of P(better) covers the truth, with ties, failures and unequal spreads, in 933 of 1,000 studies."""
    truth = probability(first, second)
    pairs = zip(studies(first, m, 1), studies(second, n, 2), strict=True)
    assert sum(truth in better(a, b) for a, b in pairs) >= 933


@pytest.mark.parametrize(("first", "second"), [(early, early), (narrow, wide)])
def test_p_value_holds_its_level(first: Draw, second: Draw) -> None:
    """Spaces of P(better) = 1/2 are told apart at 5 % in at most 67 of 1,000 studies, at unequal spreads too."""
    pairs = zip(studies(first, 100, 3), studies(second, 60, 4), strict=True)
    assert sum(better_p_value(a, b) < 0.05 for a, b in pairs) <= 67


def test_p_value_and_interval_agree() -> None:
    """A p-value below 2 % never comes with an interval that holds 1/2, nor one above 10 % with one that doesn't."""
    for a, b in zip(studies(early, 20, 5), studies(late, 20, 6), strict=True):
        p_value, inside = better_p_value(a, b), 0.5 in better(a, b)
        assert not (p_value < 0.02 and inside)
        assert not (p_value > 0.10 and not inside)


def test_confidence_widens() -> None:
    """A higher confidence gives an interval that holds the narrower one."""
    a, b = sample([0.1, 0.2, 0.3, 0.4, 0.6]), sample([0.25, 0.35, 0.45, 0.5])
    narrower, wider = better(a, b, 0.9), better(a, b, 0.99)
    assert wider.low < narrower.low < narrower.high < wider.high
    assert wider.confidence == 0.99


def test_compare_all_pairs() -> None:
    """All pairs are compared, the earlier space first, with p-values that are corrected for all of them."""
    generator, means = np.random.default_rng(0), {"A": 0.3, "B": 0.32, "C": 0.35}
    comparisons = compare_all([sample(generator.normal(m, 0.05, 20).tolist(), name) for name, m in means.items()])
    assert [(c.first, c.second) for c in comparisons] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert [c.p_adjusted for c in comparisons] == holm([c.p_value for c in comparisons])
    assert all(c.p_adjusted >= c.p_value for c in comparisons)
    assert together(comparisons[:1])[0].p_adjusted == comparisons[0].p_value
    assert compare_all([]) == compare_all([sample([0.1])]) == ()


def test_holm_worked_example() -> None:
    """0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02: times 4, 3, 2, 1 in order, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([math.nan])


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.2))
def test_holm_is_the_step_down_test(p_values: list[float], alpha: float) -> None:
    """A corrected p-value is at most alpha exactly where Holm's step-down test rejects at alpha."""
    rejected = 0
    for rank, p in enumerate(sorted(p_values)):
        if p * (len(p_values) - rank) > alpha:
            break
        rejected = rank + 1
    assert sum(p <= alpha for p in holm(p_values)) == rejected
