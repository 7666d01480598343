"""What the template shows beside the figures: sentences, tiles and small tables, as texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from nas.analysis import Comparison, Interval, top
from nas.analysis.selection import pruned
from nas.findings.wording.numbers import (
    NOTHING,
    count,
    duration,
    percent,
    plural,
    probability,
    rate,
    share,
    short,
    spoken,
)
from nas.sampling.window import Shift, Window
from nas.study.record import Outcome

MOST_SHIFTS = 4
MOST_REASONS = 3
WRITERS = {
    "error": percent,
    "parameters": count,
    "multiply_adds": count,
    "activations": count,
    "seconds": duration,
}
"""Columns of the table of best networks, the speed aside."""
SPEED = "images_per_second"


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One number at the head of the page."""

    name: str
    """What it is."""
    value: str
    """With its unit."""
    note: str
    """What it rests on."""


@dataclass(frozen=True, kw_only=True)
class Forest:
    """An interval of a share, placed on a line from 0 to 100."""

    estimate: float
    """In percent."""
    low: float
    """In percent."""
    high: float
    """In percent."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One comparison of two spaces, as texts."""

    first: str
    """Name of the one."""
    second: str
    """Name of the other."""
    better: str
    """P(first better) and its interval."""
    forest: Forest
    """The same, to be drawn."""
    difference: str
    """Of the means, in percentage points, with its interval."""
    ks: str
    """Kolmogorov-Smirnov distance."""
    ks_p: str
    """Its p-value."""
    p_adjusted: str
    """Of P(better) = 1/2, Holm-corrected."""
    n: str
    """Networks of both."""
    clear: bool
    """Whether the corrected p-value is below 5 %."""


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What the limits did to one space, as texts."""

    space: str
    """Its name."""
    accepted: str
    """Share of the proposals, with interval and n."""
    rejected: tuple[str, ...]
    """The most frequent reasons."""
    shifts: tuple[tuple[str, float, str], ...]
    """Dimension, mean quantile in percent, and both numbers in words."""


def sentence(frame: pd.DataFrame, total: int) -> str:
    """The state of a run and its best network, in one or two sentences."""
    finished, trained = len(frame), int(frame["error"].notna().sum())
    if not finished:
        return f"No trial is finished yet; {plural(total, 'trial')} planned."
    ending = _best_sentence(best) if (best := _best_row(frame)) else "So there is no error to show."
    counts = f"{plural(trained, 'network')} trained to the last epoch, {failures(frame)}"
    return f"{finished:,} of {total:,} trials finished: {counts}. {ending}"


def failures(frame: pd.DataFrame) -> str:
    """How many trials were pruned, and how many failed in which way."""
    failed = frame.loc[frame["error"].isna(), "outcome"].value_counts()
    early = int(failed.get(str(Outcome.PRUNED), 0))
    failed = failed.drop(str(Outcome.PRUNED), errors="ignore")
    prefix = f"{early:,} pruned, " if early else ""
    if not len(failed):
        return f"{prefix}no failure"
    kinds = ", ".join(f"{number} {spoken(str(outcome))}" for outcome, number in failed.items())
    return f"{prefix}{plural(int(failed.sum()), 'failure')} ({kinds})"


def tiles(frame: pd.DataFrame, total: int) -> tuple[Tile, ...]:
    """The four numbers that people want first."""
    errors = frame["error"].dropna()
    best = _best_row(frame)
    missing = "no network was trained to the end"
    middle = frame["error"].fillna(float("inf")).median() if len(frame) else None
    note = f"trial {best['trial']} of {short(str(best['space']))}" if best else missing
    worst = "pruned ones and failures" if pruned(frame).any() else "failures"
    seconds = frame["seconds"] if "seconds" in frame else pd.Series(dtype=float)
    typical = f"median {duration(float(seconds.median()))} a training" if seconds.notna().any() else "not in this table"
    return (
        Tile(name="lowest validation error", value=percent(errors.min() if len(errors) else None), note=note),
        Tile(name="median error", value=percent(middle), note=f"of {plural(len(frame), 'trial')}, {worst} as worst"),
        Tile(name="trained", value=f"{len(errors):,} of {total:,}", note=failures(frame)),
        Tile(name="training time", value=duration(float(seconds.sum()) if len(seconds) else None), note=typical),
    )


def pair(comparison: Comparison) -> Pair:
    """A comparison as texts, effect first."""
    better = comparison.better
    return Pair(
        first=comparison.first,
        second=comparison.second,
        better=f"{share(better.estimate)} [{share(better.low)}, {share(better.high)}]",
        forest=Forest(estimate=100 * better.estimate, low=100 * better.low, high=100 * better.high),
        difference=_points(comparison.shift),
        ks=f"{comparison.ks:.2f}",
        ks_p=probability(comparison.ks_p),
        p_adjusted=probability(comparison.p_adjusted),
        n=f"{comparison.n_first:,} + {comparison.n_second:,}",
        clear=comparison.p_adjusted < 0.05,
    )


def acceptance(window: Window) -> Acceptance:
    """What the limits did as texts, the strongest shifts first."""
    from scipy.stats import binomtest

    ends = binomtest(window.accepted, window.draws).proportion_ci(method="wilson")
    reasons = sorted(window.refused.items(), key=lambda item: -item[1])[:MOST_REASONS]
    shifts = sorted(window.shifts, key=lambda shift: -shift.distance)[:MOST_SHIFTS]
    return Acceptance(
        space=window.space,
        accepted=f"{share(window.acceptance)} [{share(ends.low)}, {share(ends.high)}] of {window.draws:,} proposals"
        + _strata(window),
        rejected=tuple(f"{share(n / window.draws)} {spoken(reason)}" for reason, n in reasons if n),
        shifts=tuple((spoken(s.dimension), 100 * s.mean_quantile, _shift(s)) for s in shifts),
    )


def _strata(window: Window) -> str:
    """Between which shares of the proposals the strata of cost accept; empty without strata."""
    if not window.strata:
        return ""
    rarest, commonest = (end(window.strata, key=lambda stratum: stratum.acceptance) for end in (min, max))
    return (
        f"; strata from {100 * rarest.acceptance:.2g} % ({rarest.stratum}) to {100 * commonest.acceptance:.2g} % "
        f"({commonest.stratum}), of {rarest.draws:,} proposals"
    )


def network_values(row: Mapping[Any, Any], units: Mapping[str, str]) -> dict[str, str]:
    """Column title -> text for one of the best networks; columns that the table lacks are left out."""
    writers: Mapping[str, Callable[[float | None], str]] = {**WRITERS, SPEED: partial(rate, unit=units["speed"])}
    return {spoken(name): write(_number(row[name])) for name, write in writers.items() if name in row}


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _best_row(frame: pd.DataFrame) -> Mapping[Any, Any] | None:
    return next(iter(top(frame, 1).to_dict("records")), None)


def _best_sentence(row: Mapping[Any, Any]) -> str:
    cost = f", {count(float(row['parameters']))} parameters" if pd.notna(row.get("parameters")) else ""
    return f"The best has {percent(row['error'])} validation error: trial {row['trial']} of {row['space']}{cost}."


def _points(difference: Interval) -> str:
    low, high = (f"{100 * end:+.2f}" if abs(end) < 1e9 else NOTHING for end in (difference.low, difference.high))
    return f"{100 * difference.estimate:+.2f} [{low}, {high}]".replace("-", "−")


def _shift(shift: Shift) -> str:
    where = "level"
    if abs(shift.mean_quantile - 0.5) >= 0.02:
        where = "smaller" if shift.mean_quantile < 0.5 else "larger"
    return f"{where}, {shift.mean_quantile:.2f}; distance {shift.distance:.2f}"
