"""Numbers only: what a table of trials says about its spaces, every estimate with n and an interval.

table --unbiased--> Edf --band, compare--> Band, Comparison;  table --leaders, pareto--> rows
"""

from nas.analysis.comparison import (
    Comparison,
    compare,
    compare_all,
    holm,
    kolmogorov_smirnov,
    mean_difference,
    together,
)
from nas.analysis.distribution import Band, Edf, band, edf, steps
from nas.analysis.interval import CONFIDENCE, Interval
from nas.analysis.placements import better, better_p_value
from nas.analysis.selection import edfs, leaders, pareto, unbiased

__all__ = [
    "CONFIDENCE",
    "Band",
    "Comparison",
    "Edf",
    "Interval",
    "band",
    "better",
    "better_p_value",
    "compare",
    "compare_all",
    "edf",
    "edfs",
    "holm",
    "kolmogorov_smirnov",
    "leaders",
    "mean_difference",
    "pareto",
    "steps",
    "together",
    "unbiased",
]
