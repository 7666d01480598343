"""Seed variance: by hand, against analysis of variance, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nas.analysis import noise_floor
from nas.analysis.audits.variance_components import split
from nas.errors import Refused


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
