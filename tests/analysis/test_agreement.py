"""Agreement of short and long trainings: rank correlation and regret, by hand and with failures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from nas.analysis import agreement
from nas.analysis.audits.long_verdicts import regrets
from nas.errors import Refused


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
