"""Claims about verdicts: what is found falsely, what is found as planned, what is called equivalent and isn't."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nas.analysis.statistics.equivalence import DEVIATIONS, robust_deviation
from nas.study import Rule
from tests.simulation import columns, discoveries, equivalents, exact, nulls, powers
from tests.simulation.laws import COARSE, FAILING, FINE, GAMMA, SMOOTH, Law
from tests.simulation.simulation import Count, Simulation, errs, finds, never

KINDS: tuple[tuple[str, Callable[..., nulls.Studies], tuple[Law, ...]], ...] = (
    ("alike", nulls.alike, (SMOOTH, GAMMA, FINE, COARSE, FAILING)),
    ("unequal spreads", nulls.unequal, (SMOOTH,)),
    ("a tenth never learned", nulls.clustered, (SMOOTH,)),
)
"""What is null in a study, and the laws of its errors."""
SIZES = (0.5, 0.75, 1.0)
"""Planted effects in standard deviations."""


def false_findings() -> tuple[Simulation, ...]:
    """Null studies of twelve rules."""
    return tuple(
        errs(
            f"null, {kind}, {law.name}, {n}",
            "Of twelve null rules any is said to help or to hurt.",
            f"{n} a side",
            partial(nulls.false_findings, partial(draw, law), n),
            small=40 if n == 20 else 0,
        )
        for kind, draw, laws in KINDS
        for law in laws
        for n in nulls.SIZES
    )


def false_equivalence() -> tuple[Simulation, ...]:
    """Rules of an effect of delta."""
    return tuple(
        errs(
            f"equivalence, {name}",
            "A rule whose effect is delta is called equivalent.",
            n,
            count,
            small=50 if n == "40 + 40" else 0,
        )
        for name, n, count in (*_differing(), *_ordered())
    )


def _differing() -> list[tuple[str, str, Count]]:
    """Two spaces at a stated delta and at half a deviation of the sample; a fifth of one space at the latter."""
    found: list[tuple[str, str, Count]] = []
    for law in (SMOOTH, GAMMA, FAILING):
        half = DEVIATIONS * robust_deviation(law.points)
        for side, sign in (("worse", 1.0), ("better", -1.0)):
            other = law.moved(sign * half)
            spaces, part = partial(equivalents.two_spaces, law, other), partial(equivalents.two_parts, law, other, 300)
            found += [
                (f"two spaces, {law.name}, {side}, {n}", f"{n} + {n}", _of(equivalents.TWO, partial(spaces, n), None))
                for n in (40, 100)
            ]
            found += [
                (
                    f"two spaces, {law.name}, {side}, stated delta, 100",
                    "100 + 100",
                    _of(equivalents.TWO, partial(spaces, 100), half),
                ),
                (f"a part, {law.name}, {side}, 300", "300", _of(equivalents.PART, part, None)),
            ]
    return found


def _ordered() -> list[tuple[str, str, Count]]:
    found: list[tuple[str, str, Count]] = []
    for sign in (1.0, -1.0):
        for n in (60, 200):
            table = partial(equivalents.ordered, SMOOTH, sign * equivalents.RHO, n)
            count = _of(equivalents.ORDER, table, None)
            found.append((f"order, rho {sign * equivalents.RHO:.2f}, {n}", f"{n}", count))
    return found


def _of(rule: Rule, table: equivalents.Table, delta: float | None) -> Count:
    return partial(equivalents.called_equivalent, rule, table, delta)


def power() -> tuple[Simulation, ...]:
    """Planted rules at the number of networks that planning names."""
    cases = (
        ("two spaces", powers.SPACES, SMOOTH),
        ("two spaces, skewed", powers.SPACES, GAMMA),
        ("a fifth", powers.FIFTH, SMOOTH),
        ("an order", powers.ALONG, SMOOTH),
    )
    asked = (
        Simulation(
            name=f"needs, two spaces, {size} deviations",
            claim="A rule, tested again, is decided at the n that the verdict of an undecided pilot asked for.",
            n=f"{powers.PILOT} and what it asked for",
            rate=0.7,
            kind="at least",
            count=partial(powers.decided_as_asked, powers.Planted(rule=powers.SPACES, law=SMOOTH, size=size)),
            small=20 if size == 0.5 else 0,
        )
        for size in (0.0, 0.25, 0.5, 0.8)
    )
    found = (
        finds(
            f"power, {name}, {size} deviations, {'a pilot' if pilot else 'stated'}",
            "A planted rule helps, beside eleven null ones, at the n that the plan asked for.",
            f"planned from {'a pilot' if pilot else 'a stated deviation'}",
            partial(powers.finding, powers.Planted(rule=rule, law=law, size=size), pilot),
            small=20 if size == 1.0 and not pilot else 0,
        )
        for name, rule, law in cases
        for size in SIZES
        for pilot in ((False, True) if rule == powers.SPACES and law is SMOOTH else (False,))
    )
    adding = (
        errs(
            f"needs, followed, spreads of 1 to {wider:g}, {n}",
            "Without an effect one is found by who adds what is asked for and tests again, up to three times.",
            f"{n} + {n} at first",
            partial(powers.followed, wider, n),
            small=20 if n == 20 else 0,
        )
        for wider, n in ((1.0, 20), (1.0, 40), (4.0, 40))
    )
    silent = errs(
        "needs, none, spreads of 1 to 4, 20",
        "Undecided networks of two spaces that can't tell how many more it takes name a number.",
        "20 + 20",
        partial(powers.named, 4.0, 20),
    )
    return (*found, *asked, *adding, silent)


def discovery() -> tuple[Simulation, ...]:
    """Rules that nobody declared."""
    quiet = "Discovery in a space without rules says that something helps or hurts."
    return (
        errs("discovery, null, 100", quiet, "100", partial(discoveries.alarms, GAMMA, 100)),
        errs("discovery, null, 400", quiet, "400", partial(discoveries.alarms, GAMMA, 400)),
        errs("discovery, null with failures, 400", quiet, "400", partial(discoveries.alarms, FAILING, 400)),
        errs(
            "discovery, beside twelve declared rules",
            "A null rule is said to help or to hurt, of twelve declared ones or of those looked for, two families.",
            "5 x 40",
            partial(discoveries.both_alarms, 40),
            families=2,
        ),
        finds(
            "discovery, planted, 800",
            "The order and the bound are found, and the tied dimension is free.",
            "800",
            partial(discoveries.planted_is_found, 800),
            small=4,
        ),
        never(
            "discovery, halves, 400",
            "Errors of the confirming half change what is tested there.",
            "400",
            partial(discoveries.looked_at_twice, 400),
            share=0.05,
            small=2,
        ),
    )


def closed_forms() -> tuple[Simulation, ...]:
    """What equals brute force."""
    return (
        never("weighted EDF", "It isn't that of brute force.", "2 to 29", exact.weighted_edf, small=50),
        never("leaders, all draws", "Chances aren't those of all draws.", "1 to 5", exact.leaders_enumerated, small=50),
        never(
            "leader range, a million draws",
            "It isn't that of the paper's bootstrap.",
            "24 to 79",
            exact.leaders_drawn,
            share=0.01,
            small=1,
        ),
        never("expected best, all choices", "It isn't their mean.", "1 to 9", exact.best_enumerated, small=50),
        never("expected best, a million choices", "It isn't their mean.", "24 to 79", exact.best_drawn, share=0.005),
        never(
            "front, all resamples",
            "Shares aren't those of all.",
            "1 to 5",
            exact.survival_enumerated,
            share=0.2,
            small=20,
        ),
    )


RULES = (*false_findings(), *false_equivalence(), *power(), *discovery(), *closed_forms(), *columns.SHAPES)
