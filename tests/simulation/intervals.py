"""Claims about intervals and bands."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tests.simulation import coverage, images, ranks
from tests.simulation.laws import FAILING, FINE, GAMMA, SMOOTH, Law
from tests.simulation.simulation import Simulation, covers, errs

LARGE = 500
"""Networks from which on a study of bootstrap intervals takes long."""


def bands() -> tuple[Simulation, ...]:
    """Bands of distributions."""
    return tuple(
        covers(
            f"band, {law.name}, {n}",
            "The 95 % band holds the whole distribution.",
            f"{n}",
            partial(coverage.covering_bands, law, n),
            small=200 if n < LARGE else 0,
        )
        for law in (SMOOTH, FINE, FAILING, coverage.HALF)
        for n in coverage.SIZES
    )


def differences() -> tuple[Simulation, ...]:
    """Intervals of two samples."""
    return tuple(
        found
        for name, first, second in coverage.PAIRS
        for n in ((20, 20), (100, 100), (500, 500), (20, 100))
        for found in (
            _difference(name, first, second, n, "shift", coverage.median_difference(first, second), coverage.of_shift),
            _difference(name, first, second, n, "P(better)", first.beats(second), coverage.of_pairs),
        )
    )


def _difference(
    pair: str, first: Law, second: Law, n: tuple[int, int], what: str, truth: float, estimate: coverage.Estimate
) -> Simulation:
    found = covers(
        f"{what}, {pair}, {n[0]} + {n[1]}",
        f"The 95 % interval of the {what} holds the truth.",
        f"{n[0]} + {n[1]}",
        partial(coverage.covering, (first, second), n, truth, estimate),
        small=50 if n == (20, 20) else 0,
    )
    return replace(found, share=0.25) if max(n) == LARGE and estimate is coverage.of_shift else found


def leading() -> tuple[Simulation, ...]:
    """Bands of random-search efficiency."""
    return tuple(
        covers(
            f"efficiency, {law.name}, best of {draws} from {n}",
            "The 95 % interval of the expected best holds it.",
            f"{n}",
            partial(coverage.covering_best, law, n, draws),
            small=50 if n == 100 else 0,
        )
        for law in (SMOOTH, GAMMA, FAILING)
        for n in coverage.SIZES
        if not law.failing or n >= 100
        for draws in (1, 4, n // 4)
    )


def correlations() -> tuple[Simulation, ...]:
    """Intervals of rank correlations."""
    return tuple(
        covers(
            f"{name}, {kind}, {n}",
            f"The 95 % interval of {name} holds the truth.",
            f"{n}",
            partial(ranks.covering_ranks, kind, measure, n),
            small=50 if n == 20 else 0,
        )
        for measure, name in (("rho", "Spearman's rho"), ("tau", "Kendall's tau"))
        for kind in ranks.KINDS
        for n in (20, 100)
    )


def repeats() -> tuple[Simulation, ...]:
    """Intervals of what repeated and longer trainings say."""
    noise = tuple(
        covers(
            f"noise floor, {part}, {networks} x {seeds}",
            f"The 95 % interval of the {part} holds the truth.",
            f"{networks} x {seeds}",
            partial(ranks.covering_noise, networks, seeds, part),
            small=200,
        )
        for part in ("noise", "share")
        for networks, seeds in ((8, 3), (40, 2))
    )
    regret = tuple(
        covers(
            f"regret, {n}", "The 95 % interval of the regret holds its mean.", f"{n}", partial(ranks.covering_regret, n)
        )
        for n in (24, 60)
    )
    return (*noise, *regret)


def on_images() -> tuple[Simulation, ...]:
    """Networks on the same images: their difference, and what images and seeds add to an error."""
    return (*_pairs(), *_parts())


def _pairs() -> tuple[Simulation, ...]:
    single = tuple(
        covers(
            f"paired difference, {kind}, {n}",
            "The 95 % interval of the difference of two trainings on the same images holds the truth.",
            f"{n} images",
            partial(images.covering_pairs, kind, n),
            small=100 if n == 100 else 0,
        )
        for kind in images.ERRORS
        for n in (100, 1000)
    )
    seeds = tuple(
        covers(
            f"paired difference, {kind}, {n} seeds",
            "The 95 % interval of the difference of two networks with several seeds holds the truth.",
            f"{n} x 1000 images",
            partial(images.covering_seeds, kind, n, images.SPREAD),
        )
        for kind in images.ERRORS
        for n in (3, 5)
    )
    mcnemar = tuple(
        errs(
            f"McNemar's mid-p, {n}",
            "McNemar's test calls a difference of two equal trainings.",
            f"{n} images",
            partial(images.calling, n),
            small=100 if n == 100 else 0,
        )
        for n in (100, 1000)
    )
    return (*single, *seeds, *mcnemar)


def _parts() -> tuple[Simulation, ...]:
    return tuple(
        covers(
            f"images and seeds, {part}, {networks} x {seeds}, deviation {spread:g}",
            f"The 95 % interval of what {part} add to an error holds the truth.",
            f"{networks} x {seeds}",
            partial(images.covering_parts, part, networks, seeds, spread),
            small=50 if networks == 1 else 0,
        )
        for part in ("images", "seeds")
        for networks, seeds in ((1, 5), (8, 3), (24, 2))
        for spread in (images.SPREAD, 0.0)
    )


INTERVALS = (*bands(), *differences(), *leading(), *correlations(), *repeats(), *on_images())
