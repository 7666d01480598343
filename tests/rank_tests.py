"""P-values of rank correlations by formulas of their own, as a measure of ours."""

from __future__ import annotations

import math

from scipy import stats


def fisher_p_value(rho: float, n: int) -> float:
    """Two-sided p of independence by Fisher's z with the variance of Bonett and Wright (2000)."""
    return float(2.0 * stats.norm.sf(abs(math.atanh(rho)) * math.sqrt((n - 3) / (1.0 + rho * rho / 2.0))))
