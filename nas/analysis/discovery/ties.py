"""Whether dimensions that are numbered could be one: sharing them costs nothing if three things hold.

* The mean errors of the networks in which they are (nearly) equal and of all others differ by less than delta for sure
  (two one-sided tests). Few random networks are exactly tied, so where these are below a tenth the quarter that is
  nearest to it stands for them; a difference that only exact equality makes isn't seen.
* No order and no ratio of them was found to matter: then they'd better differ, or be equal for a reason.
* No two of them pull apart, a larger one being better for sure and a larger other one worse (Spearman's rho, 95 %):
  their best values differ, which the means of the two samples needn't show. Best values in the middle aren't seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from nas.analysis.columns import errors_of, numbers
from nas.analysis.discovery.candidates import Candidate, Tied, groups
from nas.analysis.rules.verdicts import Verdict
from nas.analysis.statistics.correlation import spearman
from nas.space import Chain, Dimension, Ratio

if TYPE_CHECKING:
    import pandas as pd


def together(
    verdicts: Sequence[Verdict], tested: Sequence[Candidate], rows: pd.DataFrame, dimensions: Mapping[str, Dimension]
) -> tuple[Verdict, ...]:
    """The verdicts; a tied group that is as good as the rest is undecided where something else speaks against it."""
    matter = {
        candidate.condition.group: candidate.name
        for verdict, candidate in zip(verdicts, tested, strict=True)
        if verdict.verdict in ("helps", "hurts") and isinstance(candidate.condition, Chain | Ratio)
    }
    return tuple(
        _doubted(verdict, candidate.condition, matter, rows, dimensions)
        if isinstance(candidate.condition, Tied) and verdict.verdict == "equivalent"
        else verdict
        for verdict, candidate in zip(verdicts, tested, strict=True)
    )


def _doubted(
    verdict: Verdict, tied: Tied, matter: Mapping[str, str], rows: pd.DataFrame, dimensions: Mapping[str, Dimension]
) -> Verdict:
    ordered = f"it matters that {matter[tied.group]}" if tied.group in matter else ""
    against = [reason for reason in (ordered, pulling_apart(rows, groups(dimensions)[tied.group])) if reason]
    if not against:
        return verdict
    return msgspec.structs.replace(verdict, verdict="undecided", warnings=(*verdict.warnings, *against))


def pulling_apart(rows: pd.DataFrame, members: Sequence[str]) -> str:
    """Which members would be larger and which smaller; empty where no two surely differ."""
    errors = errors_of(rows)
    correlations = {member: spearman(numbers(rows, member), errors).coefficient for member in members}
    worse = [member for member, rho in correlations.items() if rho.low > 0.0]
    better = [member for member, rho in correlations.items() if rho.high < 0.0]
    if not worse or not better:
        return ""
    return f"a larger {better[0]} is better and a larger {worse[0]} is worse, so one value would lose something"
