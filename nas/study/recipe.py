"""Everything that decides one training, and nothing else: equal recipe, network and seed give equal trainings.

To the bit on a CPU; a GPU's libraries add in no fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from nas.errors import Refused
from nas.errors.arguments import Fields, checked_method
from nas.study.schedules import ScheduleName, learning_rate

Precision = Literal["auto", "float32", "bfloat16"]
Initialization = Literal["he", "xavier"]
Optimizer = Literal["sgd", "adamw"]


LARGEST_COUNT, LARGEST_EDGE, LARGEST_MIXUP = 2**31 - 1, 2**14, 1000
"""Most images or epochs, most pixels of an edge, largest alpha: beyond them it is a mistake, and numbers overflow."""


class Recipe(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, repr_omit_defaults=True, metaclass=Fields
):
    """One training: data, length, optimiser, augmentation, arithmetic."""

    data: str = "fashion-mnist"
    """Name of a data set, or path of a folder of class folders, of an `.npz` or of a `.csv`."""
    target: str = ""
    """Column of a `.csv` that is to be predicted; empty for images and for tables of ours."""
    train_size: int = 0
    """Training images used, the first of a fixed order that is balanced at every length; 0 means all."""
    validation_size: int = 0
    """Images that validate, a fixed and balanced part of those that aren't held out for the test; 0 means as the data
    set has it. A table, and a folder with a validation split of its own, keep theirs."""
    resolution: int = 0
    """Height and width that images are resized to, in pixels; 0 means as they are."""
    epochs: int = 10
    """Passes over the training images."""
    batch_size: int = 128
    """Images a step; a last, smaller batch of an epoch is left out."""
    optimizer: Optimizer = "sgd"
    """`sgd`, or `adamw` (Loshchilov and Hutter, 2017) with betas `momentum` and 0.999, and epsilon 1e-8."""
    learning_rate: float = 0.1
    """Peak of the schedule; for `adamw` around 0.001."""
    momentum: float = 0.9
    """In [0, 1)."""
    nesterov: bool = True
    """Whether the momentum of SGD, where there is one, looks ahead; `adamw` has no such thing."""
    weight_decay: float = 5e-5
    """Of convolution and linear weights, never of norms and biases: added to the gradient by `sgd`, taken from the
    weight in units of the learning rate by `adamw`."""
    schedule: ScheduleName = "cosine"
    """Of the learning rate after the warm-up: `cosine` to 0, `constant`, `step` (a tenth after half of the steps, a
    hundredth after three quarters), or `one_cycle`, which rises and falls in half-cosines."""
    warmup: float = 0.1
    """Share of all steps during which the learning rate rises; in [0, 1)."""
    label_smoothing: float = 0.0
    """Share of the target that is spread over all classes; in [0, 1)."""
    flip: bool = False
    """Whether images are mirrored left to right with probability 1/2."""
    crop: int = 0
    """Pixels of padding around an image before it is cut back at a random place."""
    erase: int = 0
    """Cutout (DeVries and Taylor, 2017): edge of a square of pixels that is set to the mean at a random place in every
    image; 0 means none."""
    random_erasing: float = 0.0
    """Random erasing (Zhong et al., 2017): probability with which a rectangle of an image, of 2 to 40 % of its area and
    0.3 to 3.3 times as high as wide, is set to the mean at a random place; in [0, 1]."""
    rotation: float = 0.0
    """Largest angle by which an image is turned to either side, in degrees; in [0, 180]. Outside, its edge is repeated,
    as by `crop`."""
    mixup: float = 0.0
    """Mixup (Zhang et al., 2017): alpha of the Beta distribution of a step's lambda, by which each image and its loss
    are mixed with another one's of the batch; in [0, 1000], 0 means none. The loss that is told is the mixed one."""
    averaging: float = 0.0
    """Decay, a step, of an exponential moving average of weights and norms' statistics, which is what is evaluated and
    kept; in [0, 1), 0 means none. Step t, counted from 0, has at most (1 + t)/(10 + t), so that short trainings forget
    their start."""
    initialisation: Initialization = "he"
    """Of convolutions: `he` normal by fan-out with linear layers N(0, 0.01), or `xavier` uniform for both."""
    zero_residual: bool = False
    """Whether the last norm of each residual branch (in pre-activation the convolution after it) starts at zero, so
    that a block starts as its shortcut."""
    precision: Precision = "auto"
    """Arithmetic of forward and backward pass; `auto` is fixed at the start of a run: bfloat16 where the device has
    instructions for it, else float32. The optimiser, norms and what is stored are float32 always. A GPU's convolutions
    in float32 are TF32, but those of 1x1."""
    checkpointing: bool = False
    """Whether the activations inside a network's blocks (residuals, joins, other rows of layers) are computed again in
    the backward pass instead of being kept: equal numbers in less memory and more time."""
    evaluation_batch_size: int = 500
    """Images a batch in evaluation; a GPU takes up to 2,000 small ones."""

    def __post_init__(self) -> None:
        _check(self, 1, LARGEST_COUNT, ("epochs", "batch_size", "evaluation_batch_size"))
        _check(self, 0, LARGEST_COUNT, ("train_size", "validation_size"))
        _check(self, 0, LARGEST_EDGE, ("resolution", "crop", "erase"))
        for name in ("momentum", "warmup", "label_smoothing", "averaging"):
            if not 0 <= (share := getattr(self, name)) < 1:
                raise Refused(f"{name} must lie in [0, 1), got {share}")
        for name, most in (("random_erasing", 1), ("rotation", 180), ("mixup", LARGEST_MIXUP)):
            if not 0 <= (value := getattr(self, name)) <= most:
                raise Refused(f"{name} must lie in [0, {most}], got {value}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise Refused(f"learning_rate must be positive, got {self.learning_rate}")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise Refused(f"weight_decay must not be negative, got {self.weight_decay}")

    @checked_method
    def at(self, fidelity: str, **changes: Any) -> Recipe:
        """The recipe at a named fidelity (see `FIDELITIES`) with some fields otherwise; refused for other names."""
        if fidelity in OLD_NAMES:
            raise Refused(f"the fidelity {fidelity!r} is called {OLD_NAMES[fidelity]!r} now")
        if fidelity not in FIDELITIES:
            raise Refused(f"there is no fidelity {fidelity!r}", hint=f"fidelities: {', '.join(FIDELITIES)}")
        return Recipe(**{**msgspec.structs.asdict(self), **FIDELITIES[fidelity].changes, **changes})

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step, counted from 0: see `nas.study.schedules`."""
        return learning_rate(self.schedule, self.learning_rate, step, steps, self.warmup)


def _check(recipe: Recipe, low: int, high: int, names: tuple[str, ...]) -> None:
    for name in names:
        value = getattr(recipe, name)
        if value < low:
            raise Refused(f"{name} must be at least {low}, got {value}")
        if value > high:
            raise Refused(f"{name} must be at most {high:,}, got {value:,}")


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
    "tiny": Fidelity(
        changes={**BRIEF, "train_size": 6_000, "epochs": 1},
        sentence="6,000 images once: 187 steps",
    ),
    "short": Fidelity(
        changes={**BRIEF, "train_size": 7_500, "epochs": 2},
        sentence="7,500 images twice: 468 steps",
    ),
    "standard": Fidelity(
        changes={**WHOLE, "epochs": 10, "zero_residual": False, "flip": False, "crop": 0},
        sentence="all images 10 times, unchanged, in batches of 128: the length of the book's trainings",
    ),
    "long": Fidelity(
        changes={**WHOLE, "epochs": 30, "zero_residual": True, "flip": True, "crop": 2},
        sentence="all images 30 times, flipped and shifted",
    ),
}
"""Lengths of training by name, cheapest first: how much is spent on a network before its error is believed.

A short training ranks networks by how fast they begin to learn, a long one by how good they become; what a verdict is
worth depends on which it was. `tiny` and `short` train as the ladder study does (six networks were tried for it, see
its docstring). On 24 random networks of AnyNet A, E and RegNetX, one seed each, they ranked as a training four times as
long as `short` with Kendall's tau 0.42 (95 % interval 0.29 to 0.54) and 0.52 (0.33 to 0.67), for 13 and 24 seconds of
one AVX2 core against 96 (`tests/benchmarks/fidelity.py`, records in `studies/results/fidelity.csv`).
`standard` and `long` are conventions.
"""


OLD_NAMES: Mapping[str, str] = {"glance": "tiny", "book": "standard"}
"""Names that fidelities once had."""
