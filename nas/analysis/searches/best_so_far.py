"""What a search had found after spending so much: a number that falls while it continues.

A search is one run of a strategy with a seed of its own. What it has found is the lowest error so far or, for two
objectives, the share of the rectangle of error and log size that no network found so far dominates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from nas.analysis.pareto_front import hypervolume
from nas.analysis.statistics.edf import SLACK, Floats
from nas.errors import Refused


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """What one search had found, trial after trial."""

    spent: tuple[float, ...]
    """Compute until the end of each trial; ascending."""
    found: tuple[float, ...]
    """The measure after each trial; it never rises."""
    before: float
    """The measure before the first network."""
    first: float
    """Compute at which the first network was found; infinity where none was."""


class Corner(msgspec.Struct, frozen=True, kw_only=True):
    """The rectangle that a hypervolume is a share of: errors from 0, sizes on a logarithmic scale."""

    error: float
    """Upper end of the errors: that of guessing."""
    low: float
    """Smallest size; above 0."""
    high: float
    """Reference size, beyond which a network counts nothing; above `low`."""

    def places(self, sizes: Sequence[float]) -> Floats:
        """Sizes as places between the ends, 0 to 1; smaller ones at 0."""
        span = math.log(self.high / self.low)
        return np.maximum(np.log(np.maximum(np.array(sizes, dtype=np.float64), self.low) / self.low) / span, 0.0)


def lowest_errors(costs: Sequence[float], errors: Sequence[float], guess: float) -> Trace:
    """The lowest error so far; infinity is a trial without one, and nothing is as bad as guessing."""
    lowest = np.minimum.accumulate(np.minimum(np.array(errors), guess))
    return _trace(costs, errors, lowest, guess)


def undominated(costs: Sequence[float], errors: Sequence[float], sizes: Sequence[float], corner: Corner) -> Trace:
    """One less the hypervolume so far, as a share of the rectangle; infinity is a trial without an error."""
    places, shares, share = corner.places(sizes), [], 1.0
    front: list[tuple[float, float]] = []
    for error, place in zip(errors, places, strict=True):
        if error < corner.error and place <= 1.0 and not any(e <= error and x <= place for e, x in front):
            front = [(e, x) for e, x in front if not (error <= e and place <= x)] + [(error, place)]
            ends = np.array(front)
            share = 1.0 - hypervolume(ends[:, 0], ends[:, 1], (corner.error, 1.0)) / corner.error
        shares.append(share)
    return _trace(costs, errors, np.array(shares), 1.0)


def pieces(costs: Sequence[float], length: float) -> list[slice]:
    """A sequence of independent random trials as searches of this compute, one after another; at least one.

    Where a search ends depends on costs alone and not on errors, so each is a random search of its own.
    """
    slices, begin, spent = [], 0, 0.0
    for place, cost in enumerate(costs, 1):
        spent += cost
        if spent >= length * (1.0 - SLACK):
            slices.append(slice(begin, place))
            begin, spent = place, 0.0
    return slices or [slice(0, len(costs))]


def common(traces: Sequence[Trace]) -> tuple[float, float]:
    """The compute that all searches have in common: from where each has a network to where the first one ends."""
    start = max((trace.first for trace in traces if trace.first < math.inf), default=math.inf)
    end = min(trace.spent[-1] for trace in traces)
    if not start < end:
        raise Refused(
            f"the searches have no compute in common: one has ended after {end:.3g}, another has no network "
            f"before {start:.3g}",
            hint="longer runs: --samples",
        )
    return start, end


def level_at(trace: Trace, spent: Floats) -> Floats:
    """The measure after each amount of compute; a trial counts when it has been paid for."""
    over = np.searchsorted(np.array(trace.spent), spent * (1.0 + SLACK), side="right")
    return np.array([trace.before, *trace.found])[over]


def areas(traces: Sequence[Trace], start: float, end: float) -> Floats:
    """Mean of each step function over the compute, exactly."""
    means = []
    for trace in traces:
        steps = np.clip([start, *trace.spent, end], start, end)
        means.append(float(np.diff(steps) @ np.array([trace.before, *trace.found])) / (end - start))
    return np.array(means)


def trials_until(trace: Trace, end: float) -> float:
    """Trials that the compute paid for, the one that it ends in by its share."""
    return float(np.interp(end, [0.0, *trace.spent], np.arange(len(trace.spent) + 1)))


def _trace(costs: Sequence[float], errors: Sequence[float], measures: Floats, before: float) -> Trace:
    if not len(costs):
        raise Refused("a search without a trial can't be compared")
    spent = np.cumsum(np.array(costs, dtype=np.float64))
    completed = np.flatnonzero(np.isfinite(np.array(errors)))
    return Trace(
        spent=tuple(map(float, spent)),
        found=tuple(map(float, measures)),
        before=before,
        first=float(spent[completed[0]]) if len(completed) else math.inf,
    )
