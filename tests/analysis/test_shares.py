"""Intervals of shares: scipy's, and published examples."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from nas.analysis.statistics.interval import difference_of_shares, wilson


@pytest.mark.parametrize(("wrong", "n"), [(80, 1_000), (15, 148), (0, 50), (50, 50)])
def test_shares_have_wilsons_interval(wrong: int, n: int) -> None:
    """As scipy has it, with the share inside and both ends in [0, 1]."""
    known = binomtest(wrong, n).proportion_ci(method="wilson")
    interval = wilson(wrong / n, n)
    assert (interval.low, interval.high) == pytest.approx((known.low, known.high))
    assert 0.0 <= interval.low <= wrong / n <= interval.high <= 1.0


def test_differences_are_newcombes() -> None:
    """The example of his paper, 56 of 70 against 48 of 80: 0.2 with 0.0524 to 0.3339."""
    interval = difference_of_shares(wilson(56 / 70, 70), wilson(48 / 80, 80))
    assert interval.estimate == pytest.approx(0.2)
    assert (interval.low, interval.high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
