"""Numbers only: what a table of trials says about its spaces, every estimate with n and an interval.

table --unbiased--> Edf --band, compare, efficiency--> Band, Comparison, Efficiency
table --best_range, importances, front, noise_floor, normalized--> one frozen value each, with its warnings
table --discover--> Discovery: rules that nobody declared, which `refined` turns into a smaller space
table --verdicts, principles--> Verdict: helps, hurts, equivalent or undecided, corrected for all that were asked
flags of wrong images --paired, images_and_seeds--> PairedErrors, ImagesAndSeeds
table, and longer errors of some --long_verdicts, agreement--> LongVerdict, Agreement: what longer trainings would say
"""

from nas.analysis.audits.long_verdicts import Agreement, LongVerdict, Second, agreement, long_verdicts
from nas.analysis.audits.variance_components import NoiseFloor, noise_floor
from nas.analysis.best import BestRange, Efficiency, best_range, efficiency, expected_best
from nas.analysis.discovery.candidates import Tied
from nas.analysis.discovery.discovery import Discovery, Found, discover
from nas.analysis.discovery.narrowing import inferred_dimensions, refined
from nas.analysis.importance import Importance, importances
from nas.analysis.normalized_edf import NormalizedEdf, normalized
from nas.analysis.pareto_front import Front, FrontPoint, front
from nas.analysis.rules.looks import verdicts_at_look
from nas.analysis.rules.sample_size import Need, Scope, plan, scope_drawn, scope_seen
from nas.analysis.rules.verdicts import Look, Verdict, principle_rules, verdicts
from nas.analysis.selection import edfs, left_out, pareto, top, unbiased
from nas.analysis.statistics.comparison import (
    Comparison,
    better,
    better_p_value,
    compare,
    compare_all,
    holm,
    kolmogorov_smirnov,
    mann_whitney,
    shift,
    together,
)
from nas.analysis.statistics.correlation import Correlation, kendall, spearman
from nas.analysis.statistics.crossed import ImagesAndSeeds, PairedErrors, images_and_seeds, mcnemar, paired
from nas.analysis.statistics.edf import Band, Edf, band, edf, steps
from nas.analysis.statistics.interval import CONFIDENCE, Interval

__all__ = [
    "CONFIDENCE",
    "Agreement",
    "Band",
    "BestRange",
    "Comparison",
    "Correlation",
    "Discovery",
    "Edf",
    "Efficiency",
    "Found",
    "Front",
    "FrontPoint",
    "ImagesAndSeeds",
    "Importance",
    "Interval",
    "LongVerdict",
    "Look",
    "Need",
    "NoiseFloor",
    "NormalizedEdf",
    "PairedErrors",
    "Scope",
    "Second",
    "Tied",
    "Verdict",
    "agreement",
    "band",
    "best_range",
    "better",
    "better_p_value",
    "compare",
    "compare_all",
    "discover",
    "edf",
    "edfs",
    "efficiency",
    "expected_best",
    "front",
    "holm",
    "images_and_seeds",
    "importances",
    "inferred_dimensions",
    "kendall",
    "kolmogorov_smirnov",
    "left_out",
    "long_verdicts",
    "mann_whitney",
    "mcnemar",
    "noise_floor",
    "normalized",
    "paired",
    "pareto",
    "plan",
    "principle_rules",
    "refined",
    "scope_drawn",
    "scope_seen",
    "shift",
    "spearman",
    "steps",
    "together",
    "top",
    "unbiased",
    "verdicts",
    "verdicts_at_look",
]
