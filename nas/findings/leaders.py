"""What may be said of the best of many networks: how sure one error is, and how much of it is the luck of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from statistics import fmean, stdev

from nas.analysis.statistics.held_out import regression_to_the_mean
from nas.analysis.statistics.shares import wilson
from nas.findings.wording.numbers import NOTHING, percent, plural
from nas.storage.results import Run


def error_text(error: float | None, images: int) -> str:
    """`15.95 % ± 0.72`: an error with half its 95 % interval over so many validation images; alone where 0 are."""
    if error is None or not isfinite(error):
        return NOTHING
    if not images:
        return percent(error)
    ends = wilson(error, images)
    return f"{percent(error)} ± {50 * (ends.high - ends.low):.2f}"


def trainings_text(errors: Sequence[float]) -> str:
    """`3: 15.95 to 16.60 %`: how many trainings a network has, and between which errors they ended."""
    spread = f": {100 * min(errors):.2f} to {100 * max(errors):.2f} %" if len(errors) > 1 else ""
    return f"{len(errors)}{spread}"


def optimism(run: Run) -> str:
    """How much of a run's lowest error is luck with its validation images; empty where that isn't known."""
    info = run.manifest.data
    return optimism_text([r.error for r in run.best if r.error is not None], 0 if info.target else info.validation)


def optimism_text(errors: Sequence[float], images: int) -> str:
    """How much worse the lowest of these errors is expected to be on new images; empty where nothing was chosen."""
    if len(errors) < 2 or not images:
        return ""
    luck = regression_to_the_mean(min(errors), fmean(errors), stdev(errors), images)
    return (
        f"The lowest error of {plural(len(errors), 'network')} is partly luck with these {images:,} validation images: "
        f"regression to the mean lets one expect at most about {100 * luck:.2f} points more on others, seeds aside"
    )
