"""Columns of shapes that mislead: best in the middle, few levels, windows of cost, spreads that differ, clusters."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from nas.analysis import principle_rules, verdicts
from nas.study import against
from tests.simulation.nulls import is_called
from tests.simulation.simulation import Count, Simulation, errs

Table = Callable[[int, np.random.Generator], pd.DataFrame]
NOISE, LEARNED = 0.03, 0.2
"""Deviation and mean of the errors."""


def middle(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Best in the middle, with best and worst fifth 2.2 deviations apart."""
    x = generator.random(n)
    return pd.DataFrame({"x": x, "error": LEARNED + 0.3 * abs(x - 0.5) + generator.normal(0, 0.02, n)})


def three_levels(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Three levels, the first worse by 0.87 deviations."""
    x = generator.integers(0, 3, n)
    return pd.DataFrame({"x": x, "error": LEARNED + NOISE * (0.87 * (x == 0) + generator.normal(size=n))})


def two_levels(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Two levels, half a deviation of all errors apart."""
    x = generator.integers(0, 2, n)
    return pd.DataFrame({"x": x, "error": LEARNED + NOISE * (0.52 * x + generator.normal(size=n))})


def lost_tenth(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """The lowest tenth never learns."""
    x = generator.random(n)
    return pd.DataFrame({"x": x, "error": np.where(x < 0.1, 0.9, LEARNED + NOISE * generator.normal(size=n))})


def window(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Networks in a window of width times depth whose error depends on the width alone."""
    width, depth = np.exp(generator.uniform(np.log([[8], [1]]), np.log([[128], [16]]), (2, 20 * n)))
    inside = np.flatnonzero((width * depth > 150) & (width * depth < 300))[:n]
    errors = 0.5 - 0.06 * np.log(width[inside]) + NOISE * generator.normal(size=n)
    return pd.DataFrame({"width": width[inside], "depth": depth[inside], "error": errors})


def related(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """A column that correlates 0.9 with the one that matters and does nothing."""
    width = generator.normal(size=n)
    depth = 0.9 * width + math.sqrt(1.0 - 0.81) * generator.normal(size=n)
    errors = 0.3 - NOISE * width + NOISE * generator.normal(size=n)
    return pd.DataFrame({"width": width, "depth": depth, "error": errors})


def spread_at_ends(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Twelve columns, the spread growing to both ends of three, none with a trend."""
    x = generator.random((n, 12))
    spread = 0.01 + 0.06 * abs(x[:, :3] - 0.5).sum(1)
    frame = pd.DataFrame(x).rename(columns="x{}".format)
    return frame.assign(error=LEARNED + spread * generator.normal(size=n))


def one_bent(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Six columns, one of them best in its middle, none with a trend."""
    x = generator.random((n, 6))
    errors = LEARNED + 0.3 * abs(x[:, 0] - 0.5) + 0.02 * generator.normal(size=n)
    return pd.DataFrame(x).rename(columns="x{}".format).assign(error=errors)


def nine(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Nine levels of three, the first worth 0.8 deviations a level, the others between 0.1 and 1."""
    x = generator.integers(0, 3, (n, 9))
    effects = np.array([0.8, 1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    frame = pd.DataFrame(x).rename(columns="x{}".format)
    return frame.assign(error=LEARNED - NOISE * (x @ effects - generator.normal(size=n)))


def clusters(share: float, n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Two spaces, B one deviation better, of both the same share never learned."""
    errors = generator.normal(LEARNED, NOISE, 2 * n) - NOISE * (np.arange(2 * n) >= n)
    lost = generator.random(2 * n) < share
    return pd.DataFrame({"space": np.repeat(["A", "B"], n), "error": np.where(lost, 0.9, errors)})


def said(
    table: Table, column: str, findings: tuple[str, ...], n: int, studies: int, generator: np.random.Generator
) -> int:
    """Studies in which one of these findings is said of a column, all columns asked about together."""
    frames = (table(n, generator) for _ in range(studies))
    found = (verdicts(frame, principle_rules(frame)) for frame in frames)
    return sum(any(v.verdict in findings for v in each if v.name == column) for each in found)


def trended(table: Table, n: int, studies: int, generator: np.random.Generator) -> int:
    """Studies in which any column is said to help or to hurt, or any but the bent one to be best in its middle."""
    frames = (table(n, generator) for _ in range(studies))
    found = (verdicts(frame, principle_rules(frame)) for frame in frames)
    return sum(any(is_called(v) and (v.verdict, v.name) != ("middle", "x0") for v in each) for each in found)


def of_spaces(share: float, finding: str, n: int, studies: int, generator: np.random.Generator) -> int:
    """Studies in which B is found to be so against A where a share of both never learned."""
    rule = against("B", "A", "B is better.")
    frames = (clusters(share, n, generator) for _ in range(studies))
    return sum(verdicts(frame, [rule])[0].verdict == finding for frame in frames)


def at_least(name: str, claim: str, n: str, rate: float, count: Count) -> Simulation:
    """The claim that this share of the studies find what is there."""
    return Simulation(name=name, claim=claim, n=n, rate=rate, kind="at least", count=count)


EQUIVALENT = "A column whose groups differ by delta and more is called without a difference."
CALLED = "A column without an effect of its own is said to help or to hurt."
SHAPES: tuple[Simulation, ...] = (
    *(
        errs(f"columns, {name}, {n}", EQUIVALENT, f"{n}", partial(said, table, "x", ("equivalent",), n))
        for name, table in (
            ("best in the middle", middle),
            ("three levels", three_levels),
            ("two levels", two_levels),
            ("the lowest tenth never learned", lost_tenth),
        )
        for n in (100, 300)
    ),
    *(
        errs(f"columns, {name}, {n}", CALLED, f"{n}", partial(said, table, "depth", ("helps", "hurts"), n))
        for name, table in (("inside of a window", window), ("beside a related one", related))
        for n in (60, 200)
    ),
    *(
        errs(f"columns, {name}, {n}", CALLED, f"{n}", partial(trended, table, n))
        for name, table in (("spread at both ends", spread_at_ends), ("one of six is bent", one_bent))
        for n in (60, 200)
    ),
    at_least(
        "columns, power beside eight others",
        "A column helps beside eight others that do, too.",
        "60",
        0.85,
        partial(said, nine, "x0", ("helps",), 60),
    ),
    *(
        at_least(
            f"clusters, power, {100 * share:.0f} % never learned",
            "A space that is one deviation better helps where a share of both never learned.",
            "50 + 50",
            rate,
            partial(of_spaces, share, "helps", 50),
        )
        for share, rate in ((0.05, 0.85), (0.1, 0.75), (0.2, 0.6))
    ),
    *(
        errs(
            f"clusters, equivalence, {100 * share:.0f} % never learned",
            "A space that is one deviation better is called equivalent where a share of both never learned.",
            "200 + 200",
            partial(of_spaces, share, "equivalent", 200),
        )
        for share in (0.1, 0.2)
    ),
)
