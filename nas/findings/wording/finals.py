"""A final in words: the table of finalists, and how optimistic the choice was."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from nas.analysis import PairedErrors
from nas.analysis.statistics.interval import Interval
from nas.findings.wording.images import pair_text
from nas.findings.wording.numbers import NOTHING, count, listed, percent, plural, spoken

if TYPE_CHECKING:
    from nas.findings.finalists import Finalist
    from nas.sampling.finals import Finalists
    from nas.study import Recipe

HEADER = (
    "space",
    "architecture",
    "rank",
    "trial",
    "parameters",
    "multiply-adds",
    "validation error in the run",
    "test error, mean ± deviation",
    "95 % interval",
    "seeds",
)


def final_cells(finalist: Finalist) -> tuple[str, ...]:
    """A finalist as texts, one for each name of the header."""
    mean, deviation = finalist.mean, finalist.deviation
    error = NOTHING if mean is None else percent(mean.estimate)
    return (
        finalist.space,
        finalist.architecture,
        str(finalist.rank),
        str(finalist.trial),
        count(finalist.parameters),
        count(finalist.multiply_adds),
        percent(finalist.validation_error),
        error if deviation is None else f"{100 * (mean.estimate if mean else 0):.2f} ± {100 * deviation:.2f} %",
        NOTHING if mean is None else f"{100 * mean.low:.2f} to {100 * mean.high:.2f} %",
        str(len(finalist.test_errors)) if mean else NOTHING,
    )


def chosen_text(chosen: Finalists) -> str:
    """`the best 3 of 240 completed networks by validation error`."""
    selection = chosen.selection
    number = plural(len(chosen.trials), "network")
    what = f"the best {number}" if len(chosen.trials) > 1 else "the best network"
    if selection.pareto:
        what = f"{number} on the front of error against {spoken(selection.pareto)}"
    inside = f" with {selection.limits.words}" if selection.limits.bounded else ""
    return f"{what} of {chosen.of:,} completed{inside}, by validation error in the run"


def optimism_sentence(finalist: Finalist) -> str:
    """How much worse the chosen weights are on images that chose nothing; empty where that isn't known."""
    optimism, kept = finalist.optimism, finalist.kept_test_error
    if optimism is None or kept is None:
        return ""
    chosen, own = finalist.validation_error, finalist.kept_validation_error
    weights = "the same weights" if chosen == own else f"the weights of its best training, with {percent(own)},"
    said = (
        f"trial {finalist.trial}: chosen with validation error {percent(chosen)}; {weights} "
        f"have test error {percent(kept)}, {_points(optimism)}"
    )
    if finalist.regression is None:
        return said
    luck = f"{100 * finalist.regression:.2f} points"
    return f"{said}; regression to the mean of the networks it was chosen from lets one expect at most about {luck}"


def against_sentence(first: Finalist, second: Finalist, pair: PairedErrors, recipes: Sequence[Recipe]) -> str:
    """The finalists of two finals, first less second, and in what their recipes differ besides."""
    ours, others = map(asdict, recipes)
    differ = [f"{spoken(name)} {ours[name]} against {others[name]}" for name in ours if ours[name] != others[name]]
    said = f"trial {first.trial} ({first.space}) against trial {second.trial} ({second.space}): {pair_text(pair)}"
    said += "" if pair.seeds[0] > 1 else "; other seeds may order them otherwise"
    return said + (f"; the recipes differ, too: {listed(differ)}" if differ else "")


def _points(difference: Interval) -> str:
    """`0.90 points more (0.10 to 1.70)`."""
    more = "more" if difference.estimate >= 0 else "less"
    said = f"{100 * abs(difference.estimate):.2f} points {more}"
    if not isfinite(difference.low):
        return said
    return f"{said} (95 % interval of the difference {100 * difference.low:+.2f} to {100 * difference.high:+.2f})"
