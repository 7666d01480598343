"""Numbers of all networks of a run, which no selection moves: importance of dimensions, random-search efficiency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

import pandas as pd

from nas.analysis import Edf, Importance, Interval, efficiency, importances, unbiased
from nas.analysis.importance import RESAMPLES
from nas.analysis.statistics.edf import FEW
from nas.errors import Refused
from nas.findings.wording.numbers import short, spoken

CONFIDENCE = 0.8
"""Of the intervals of importance: so few samples don't tell their far ends."""
EVALUATIONS = 600
"""Bootstrap samples of all spaces, times columns, that are worth the wait."""
FEWEST_RESAMPLES = 10
MOST_DIMENSIONS = 200
"""Dimensions of a space up to which importance is computed."""
MOST_ROWS = 2000
"""Networks of all spaces that importance is computed from; more of them are sampled."""
ROWS_EACH = (100, 300)
"""The fewest and most networks of a space that are sampled for it."""


def whole_run(frame: pd.DataFrame, dimensions: Sequence[str], sample: Sequence[Edf]) -> dict[str, Any]:
    """Both, as the script reads them; nothing of a run that has no distribution."""
    return {"importance": importance(frame, dimensions) if sample else None, "searched": searched(sample)}


def importance(frame: pd.DataFrame, dimensions: Sequence[str]) -> dict[str, Any]:
    """Of each space the importance of the dimensions that vary in it, or the reason why there is none."""
    rows = unbiased(frame)
    groups = {str(space): group for space, group in rows.groupby("space", sort=False)}
    known: list[dict[str, Any]] = []
    refused: dict[str, list[str]] = {}
    for space, group in groups.items():
        try:
            known.append({"name": space} | _of_space(group, dimensions, len(groups)))
        except Refused as refusal:
            refused.setdefault(str(refusal), []).append(space)
    return {"confidence": CONFIDENCE, "spaces": known, "refused": list(refused.items())}


def searched(sample: Sequence[Edf]) -> list[dict[str, Any]]:
    """Of each space the error that the best of so many random networks is expected to have, with its interval."""
    return [
        {
            "name": curve.name,
            "n": curve.n,
            "draws": curve.draws,
            "best": [_ends(best) for best in curve.best],
            "warnings": curve.warnings,
        }
        for curve in (efficiency(edf) for edf in sample if edf.n >= FEW and edf.failures < edf.n)
    ]


def _of_space(group: pd.DataFrame, dimensions: Sequence[str], spaces: int) -> dict[str, Any]:
    varying = [name for name in dimensions if name in group and group[name].nunique(dropna=False) > 1]
    if not varying:
        raise Refused("no dimension varies among its networks")
    if len(varying) > MOST_DIMENSIONS:
        raise Refused(f"{len(varying):,} dimensions vary, importance is computed of at most {MOST_DIMENSIONS}")
    fewest, most = ROWS_EACH
    room = min(most, max(fewest, MOST_ROWS // spaces))
    rows = group.sample(room, random_state=0) if len(group) > room else group
    resamples = min(RESAMPLES, max(FEWEST_RESAMPLES, EVALUATIONS // (spaces * max(1, len(varying)))))
    table = rows[["error", *varying]].replace([inf, -inf], float("nan"))
    found = importances(table, varying, confidence=CONFIDENCE, resamples=resamples)
    return {
        "n": len(rows),
        "all": len(group),
        "resamples": resamples,
        "columns": [_column(each) for each in found],
        "warnings": sorted({warning for each in found for warning in each.warnings}),
    }


def _column(found: Importance) -> Mapping[str, Any]:
    return {"title": short(spoken(found.column)), "share": _ends(found.share), "missing": found.missing}


def _ends(interval: Interval) -> list[float | None]:
    return [end if isfinite(end) else None for end in (interval.estimate, interval.low, interval.high)]
