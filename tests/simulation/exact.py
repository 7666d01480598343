"""What has a closed form equals brute force on random tables: all cases of small ones, a million draws of larger ones.

Tables have ties and failures. A table counts where any number differs: by more than rounding from an enumeration, by
more than five standard errors from draws.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd

from nas.analysis import best_range, edf, expected_best, normalized
from nas.analysis.best import best_probabilities, chosen
from nas.analysis.pareto_front import dominators, is_on_front, survival
from tests.simulation.laws import GUESS, Floats

ROUNDING = 1e-9
BEYOND = 5.0
"""Standard errors of draws that a number may be off."""
DRAWS, LINES = 1_000_000, 100_000
STEPS = np.array([0.1, 0.2, 0.3, 0.4, np.inf])
"""Errors of small tables."""


def errors_of(n: int, generator: np.random.Generator) -> Floats:
    """Errors with ties and failures, at least one of them finite."""
    return np.append(generator.choice(STEPS, n - 1), generator.choice(STEPS[:-1]))


def differs(ours: Floats, brute: Floats, error: Floats | float = 0.0) -> bool:
    """Whether two results disagree, by more than rounding and what draws can tell."""
    return bool((np.abs(ours - brute) > ROUNDING + BEYOND * error).any())


def weighted_edf(studies: int, generator: np.random.Generator) -> int:
    """Tables whose normalised EDF isn't the mean over the occupied bins of the share of their networks below."""
    return sum(_weighted_edf_differs(int(generator.integers(2, 30)), generator) for _ in range(studies))


def _weighted_edf_differs(n: int, generator: np.random.Generator) -> bool:
    spaces, costs = generator.choice(["A", "B"], n), generator.integers(1, 9, n).astype(float)
    frame = pd.DataFrame({"space": spaces, "error": errors_of(n, generator), "cost": costs})
    inside = frame.groupby("space")["cost"].agg(["min", "max"])
    low, high = inside["min"].max(), inside["max"].min()
    if low > high or not all(((low <= g) & (g <= high)).any() for _, g in frame.groupby("space")["cost"]):
        return False  # refused, with the reason
    return any(
        differs(np.array([known.at(e) for e in STEPS]), _weighted(frame[frame["space"] == known.name], known.edges))
        for known in normalized(frame, "cost", bins=4)
    )


def _weighted(frame: pd.DataFrame, edges: tuple[float, ...]) -> Floats:
    """The strict shares below each step, by filling bins network by network."""
    bins: dict[int, list[float]] = {}
    for error, cost in zip(frame["error"], frame["cost"], strict=True):
        if edges[0] <= cost <= edges[-1]:
            place = max((k for k in range(len(edges) - 1) if edges[k] <= cost), default=0)
            bins.setdefault(place, []).append(error)
    return np.array([np.mean([np.mean([e < step for e in inside]) for inside in bins.values()]) for step in STEPS])


def leaders_enumerated(studies: int, generator: np.random.Generator) -> int:
    """Numbers of networks and draws whose chances aren't those of all draws with replacement."""
    return sum(_leaders_differ(*(int(k) for k in generator.integers(1, 6, 2))) for _ in range(studies))


def _leaders_differ(n: int, draws: int) -> bool:
    firsts = [min(draw) for draw in product(range(n), repeat=draws)]
    return differs(best_probabilities(n, draws), np.bincount(firsts, minlength=n) / len(firsts))


def leaders_drawn(studies: int, generator: np.random.Generator) -> int:
    """Tables whose leaders or their range aren't those of a million draws of a quarter with replacement."""
    return sum(_leaders_drawn_differ(int(generator.integers(24, 80)), generator) for _ in range(studies))


def _leaders_drawn_differ(n: int, generator: np.random.Generator) -> bool:
    errors, values = np.append(generator.normal(0.3, 0.05, n - 3).round(2), [np.inf] * 3), generator.integers(1, 17, n)
    known = best_range(pd.DataFrame({"error": errors, "value": values}), "value")
    order = np.argsort(errors, kind="stable")
    _, ranks = np.unique(errors[order], return_inverse=True)
    kept = np.zeros(n)
    for _ in range(DRAWS // LINES):
        best = ranks[generator.integers(n, size=(LINES, known.draws)).min(axis=1)]
        first, last = np.searchsorted(ranks, best, "left"), np.searchsorted(ranks, best, "right")
        kept += np.bincount(order[generator.integers(first, last)], minlength=n)  # ties are broken by lot
    shares = chosen(errors)
    if differs(
        shares, kept / DRAWS, np.sqrt((shares * (1.0 - shares) + 1.0 / DRAWS) / DRAWS)
    ):  # of the rarest, one draw
        return True
    drawn = np.bincount(values, kept, minlength=18).cumsum() / DRAWS  # share of draws up to each value
    ends = ((0.025, known.low), (0.5, known.median), (0.975, known.high))
    near = BEYOND * 0.5 / DRAWS**0.5
    return any(drawn[int(value)] < share - near or drawn[int(value) - 1] > share + near for share, value in ends)


def best_enumerated(studies: int, generator: np.random.Generator) -> int:
    """Tables whose expected best isn't the mean over all choices of so many different networks."""
    return sum(_best_differs(int(generator.integers(1, 10)), generator) for _ in range(studies))


def _best_differs(n: int, generator: np.random.Generator) -> bool:
    sample = edf(errors_of(n, generator).tolist(), name="A", guess=GUESS)
    brute = [np.mean([min(choice) for choice in combinations(sample.scores, m)]) for m in range(1, n + 1)]
    return differs(np.array([expected_best(sample, m) for m in range(1, n + 1)]), np.array(brute))


def best_drawn(studies: int, generator: np.random.Generator) -> int:
    """Tables whose expected best isn't the mean of a million choices without replacement."""
    return sum(_best_drawn_differs(int(generator.integers(24, 80)), generator) for _ in range(studies))


def _best_drawn_differs(n: int, generator: np.random.Generator) -> bool:
    sample = edf([*generator.normal(0.3, 0.05, n - 3).tolist(), None, None, None], name="A", guess=GUESS)
    m = int(generator.integers(1, n // 4 + 1))
    scores = np.array(sample.scores)
    # The best of m different ranks: exchange m places of the identity one after the other, keep the lowest.
    lowest = np.concatenate([_lowest_of(n, m, generator) for _ in range(DRAWS // LINES)])
    best = scores[lowest]
    return differs(np.array(expected_best(sample, m)), best.mean(), float(best.std()) / DRAWS**0.5)


def _lowest_of(n: int, m: int, generator: np.random.Generator) -> np.ndarray:
    """Lowest of m different numbers below n, one a line."""
    keys = generator.random((LINES, n), dtype=np.float32)
    return np.asarray(np.argpartition(keys, m - 1, axis=1)[:, :m].min(axis=1))


def survival_enumerated(studies: int, generator: np.random.Generator) -> int:
    """Tables whose shares of resamples on the Pareto front aren't those of all n^n resamples."""
    return sum(_survival_differs(int(generator.integers(1, 6)), generator) for _ in range(studies))


def _survival_differs(n: int, generator: np.random.Generator) -> bool:
    errors, costs = generator.integers(1, 4, (2, n)).astype(float)
    held, kept = np.zeros(n), np.zeros(n)
    for sample in product(range(n), repeat=n):
        rows = sorted(set(sample))
        held[rows] += 1
        kept[rows] += is_on_front(errors[rows], costs[rows])
    return differs(survival(dominators(errors, costs)), kept / held)
