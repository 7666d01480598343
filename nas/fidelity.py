"""Named lengths of training: how much is spent on a network before its error is believed.

A short training ranks networks by how fast they begin to learn, a long one by how good they become; what a verdict is
worth depends on which it was. `glance` and `short` train as the ladder study does (six networks were tried for it, see
its docstring). On 24 random networks of AnyNet A, E and RegNetX, one seed each, they ranked as a training four times as
long as `short` with Kendall's tau 0.42 (95 % interval 0.29 to 0.54) and 0.52 (0.33 to 0.67), for 13 and 24 seconds of
one AVX2 core against 96 (`tests/benchmarks/fidelity.py`, records in `studies/results/fidelity.csv`).
`book` and `long` are conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """A length of training with the recipe that suits it."""

    changes: Mapping[str, int | float | bool]
    """Fields of the recipe that it sets; data, resolution and arithmetic stay as they are."""
    sentence: str
    """What it is for, with its cost."""


BRIEF = {"batch_size": 32, "learning_rate": 0.05, "warmup": 0.1, "zero_residual": True, "flip": True, "crop": 0}
"""Small batches for many steps; blocks that start as their shortcut, so that deep networks begin to learn at once."""
WHOLE = {"train_size": 0, "batch_size": 128, "learning_rate": 0.1, "warmup": 0.1}
"""All images, in the book's batches."""
FIDELITIES: Mapping[str, Fidelity] = {
    "glance": Fidelity(
        changes={**BRIEF, "train_size": 6_000, "epochs": 1},
        sentence="6,000 images once: 187 steps",
    ),
    "short": Fidelity(
        changes={**BRIEF, "train_size": 7_500, "epochs": 2},
        sentence="7,500 images twice: 468 steps",
    ),
    "book": Fidelity(
        changes={**WHOLE, "epochs": 10, "zero_residual": False, "flip": False, "crop": 0},
        sentence="all images 10 times, unchanged, in batches of 128: the length of the book's trainings",
    ),
    "long": Fidelity(
        changes={**WHOLE, "epochs": 30, "zero_residual": True, "flip": True, "crop": 2},
        sentence="all images 30 times, flipped and shifted",
    ),
}
"""By name, cheapest first."""
