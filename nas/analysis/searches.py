"""Searches against one another at equal compute: the best that each had found after spending so much.

What a search had found after spending so much: a number that falls while it continues.

A search is one run of a strategy with a seed of its own. What it has found is the lowest error so far or, for two
objectives, the share of the rectangle of error and log size that no network found so far dominates.

The area under what a search has found, as in Dewancker et al., *A Stratified Analysis of Bayesian Optimization Methods*
(2016), is linear in the compute: over its length it is the mean of what a search has if it is stopped at any moment of
it. It begins where every search has a network, so that nothing hangs on the error before that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from nas.analysis.pareto_front import hypervolume
from nas.analysis.statistics.comparison import holm
from nas.analysis.statistics.edf import SLACK
from nas.analysis.statistics.interval import CONFIDENCE, Estimate, Floats, Interval, of_mean, summed, unbounded
from nas.analysis.statistics.power import ALPHA
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


LEAST = 3
"""Searches of a strategy below which their spread says nothing."""
POINTS = 200
"""Amounts of compute at which a curve is told."""


class SearchCurve(msgspec.Struct, frozen=True, kw_only=True):
    """What the searches of one strategy had found, on average."""

    name: str
    """The strategy."""
    spent: tuple[float, ...]
    """Amounts of compute, ascending."""
    mean: tuple[Interval, ...]
    """Mean of the measure at each; each interval holds on its own, and has no ends below three searches."""
    area: Interval
    """Mean of the measure over the compute."""
    trials: float
    """Mean number of trials that the compute paid for, the last one cut."""
    n: int
    """Searches."""


class Advantage(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy against another over the same compute."""

    name: str
    """The strategy."""
    reference: str
    """The one that it is compared with."""
    ratio: Interval
    """Area of the first over that of the other: below 1 the first finds better networks."""
    final: Interval
    """Mean of the measure at the end of the compute, first less other."""
    reach: float | None
    """Share of the other's compute after which the first has, on average, what the other has in the end; None where it
    never has. It has no interval: simulated ones covered 77 to 92 % where 95 % were asked for."""
    p_value: float
    """Two-sided, of equal areas, with the ratio's interval; 1 below three searches; in [0, 1]."""
    p_adjusted: float
    """The same, Holm-corrected for the strategies that are compared together; in [0, 1]."""
    n: int
    """Searches of the first."""
    n_reference: int
    """Searches of the other."""

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `undecided`, or `unknown` where there are too few searches to tell."""
        if min(self.n, self.n_reference) < LEAST:
            return "unknown"
        if self.p_adjusted >= ALPHA:
            return "undecided"
        return "better" if self.ratio.estimate < 1.0 else "worse"


def curve(name: str, traces: Sequence[Trace], start: float, end: float, points: int = POINTS) -> SearchCurve:
    """The mean over searches between two amounts of compute, with an interval at each point."""
    spent, own = np.linspace(start, end, points), areas(traces, start, end)
    levels = np.stack([level_at(trace, spent) for trace in traces])
    return SearchCurve(
        name=name,
        spent=tuple(map(float, spent)),
        mean=tuple(_interval(float(column.mean()), column) for column in levels.T),
        area=_interval(float(own.mean()), own),
        trials=float(np.mean([trials_until(trace, end) for trace in traces])),
        n=len(traces),
    )


def advantages(traces: Mapping[str, Sequence[Trace]], start: float, end: float) -> tuple[Advantage, ...]:
    """All strategies against the first between two amounts of compute, corrected for one another."""
    (reference, others), *rest = traces.items()
    compared = [advantage(name, traces, reference, others, start, end) for name, traces in rest]
    adjusted = holm([each.p_value for each in compared])
    return tuple(msgspec.structs.replace(each, p_adjusted=p) for each, p in zip(compared, adjusted, strict=True))


def advantage(
    name: str, traces: Sequence[Trace], reference: str, others: Sequence[Trace], start: float, end: float
) -> Advantage:
    """One strategy against another between two amounts of compute, and no other."""
    last, own, theirs = np.array([end]), areas(traces, start, end), areas(others, start, end)
    ratio = mean_ratio(own, theirs)
    p_value = _log_ratio(own, theirs).p_value() if min(len(own), len(theirs)) >= LEAST else 1.0
    here, there = (np.concatenate([level_at(trace, last) for trace in group]) for group in (traces, others))
    return Advantage(
        name=name,
        reference=reference,
        ratio=ratio,
        final=_interval(float(here.mean() - there.mean()), here, there),
        reach=_reach(traces, others, start, end),
        p_value=p_value,
        p_adjusted=p_value,
        n=len(traces),
        n_reference=len(others),
    )


def mean_ratio(first: Floats, second: Floats, confidence: float = CONFIDENCE) -> Interval:
    """Mean of the first over that of the second, both positive, with Student's interval of the logarithm.

    Its standard error is the delta method's, its degrees of freedom Welch's, as if the larger side were no larger than
    the smaller one. Simulated coverage of 95 % for areas of searches of three kinds (random, learning, learning with a
    fifth of failures) against random ones: 95 to 96 % for 3 searches each, 94 to 96 % for 5, 93 to 95 % for 20
    against 3, where Welch's own have 90 to 93 %. Hesterberg's expanded percentile bootstrap had 92 to 98 %.
    """
    means = float(first.mean()), float(second.mean())
    if not min(means) > 0.0:
        raise Refused("there's nothing to compare: a strategy has an error of 0 from the start")
    ratio = means[0] / means[1]
    if min(len(first), len(second)) < LEAST:
        return unbounded(ratio, confidence)
    factor = math.exp(_log_ratio(first, second).reach(confidence))
    return Interval(estimate=ratio, low=ratio / factor, high=ratio * factor, confidence=confidence)


def _log_ratio(first: Floats, second: Floats) -> Estimate:
    """Logarithm of the mean of the first over that of the second."""
    means = float(first.mean()), float(second.mean())
    parts = [of_mean(values)[0] / mean**2 for values, mean in zip((first, second), means, strict=True)]
    return _summed(math.log(means[0] / means[1]), parts, first, second)


def _interval(value: float, *samples: Floats) -> Interval:
    """A mean, or a difference of means, over searches with Student's interval."""
    if min(map(len, samples)) < LEAST:
        return unbounded(value, CONFIDENCE)
    return _summed(value, [of_mean(values)[0] for values in samples], *samples).interval(CONFIDENCE)


def _summed(value: float, variances: Sequence[float], *samples: Floats) -> Estimate:
    """An estimate of so many variances, each with the degrees of freedom of the smallest sample."""
    return summed(value, [(variance, min(map(len, samples)) - 1) for variance in variances])


def _reach(traces: Sequence[Trace], others: Sequence[Trace], start: float, end: float) -> float | None:
    """Compute at which the first mean curve is as low as the second in the end, over that of the second itself."""
    steps = {start, end, *(spent for trace in (*traces, *others) for spent in trace.spent if start < spent < end)}
    spent = np.array(sorted(steps))
    means = [np.mean([level_at(trace, spent) for trace in group], axis=0) for group in (traces, others)]
    reached = [np.flatnonzero(mean <= means[1][-1] + SLACK) for mean in means]
    return float(spent[reached[0][0]] / spent[reached[1][0]]) if len(reached[0]) else None
