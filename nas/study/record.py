"""What is known of one trial when it is over: where it came from, what was trained, how it ended."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from enum import StrEnum
from math import inf
from statistics import fmean
from typing import Annotated

import msgspec

from nas.layers import display
from nas.layers.base import Cost
from nas.space import Value

SEEN = 2_000
"""Training images, the first of their fixed, balanced order, on which the error is measured in the end."""
SCHEMA_VERSION = 1
FINAL = "final"
"""Stands in a final's records and study in the place of a sampler: nothing validates there, and all is chosen."""


class Outcome(StrEnum):
    """How a trial ended; all but the first two are failures and count as the worst error."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    CRASHED = "crashed"

    @property
    def sentence(self) -> str:
        """The outcome in words."""
        return SENTENCES[self]

    @property
    def is_failure(self) -> bool:
        """Whether it says that the network can't be trained so, and not how good it is."""
        return self not in (Outcome.COMPLETED, Outcome.PRUNED)


SENTENCES = {
    Outcome.COMPLETED: "trained to its last epoch",
    Outcome.PRUNED: "ended early, because others were better after as many epochs",
    Outcome.DIVERGED: "the loss exploded or was no number",
    Outcome.OUT_OF_MEMORY: "the device had too little memory",
    Outcome.TIMED_OUT: "the training took longer than allowed",
    Outcome.FAILED: "the training raised an error",
    Outcome.CRASHED: "the worker process died",
}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial's point was found."""

    sampler: str
    """Name of the sampler; where trainings are halved it says so: no random sample, whatever the points."""
    draws: int
    """Points drawn until one obeyed all requirements and limits; the accepted one counts."""
    fallback: bool = False
    """Whether an adaptive sampler found none, so that a random point took its place."""
    repeat: int = 0
    """Which training of the same network this is, counted from 0."""
    stratum: str = ""
    """Stretch of cost that it was drawn from, by place and range; empty where the study has no strata."""
    again: int | None = None
    """Trial of the run whose network an audit or a final trains once more; None for all others."""

    @property
    def unbiased(self) -> bool:
        """Whether the trial is an independent random draw from its space within the limits."""
        return self.sampler == "random" and self.repeat == 0


class Epoch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One point of a training's curve."""

    number: int
    """Counted from 1."""
    loss: float
    """Mean training loss over the epoch's steps: cross-entropy in nats, or squared error in variances of the target."""
    error: float
    """Share of validation images that are classified wrongly after the epoch, or root mean squared error over the
    target's standard deviation; of the first training images in a final, where all images train."""
    seconds: float
    """Wall time of the epoch with its evaluation."""
    validation_loss: float | None = None
    """Mean loss over the validation images, without label smoothing; None where the training wasn't watched."""
    train_error: float | None = None
    """Error after the epoch on the first training images, unchanged; None where the training wasn't watched."""
    images_per_second: float | None = None
    """Training images a second, evaluation excluded; None where the training wasn't watched."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One trial that is over."""

    trial: int
    """Its number in the run, counted from 0."""
    space: str
    """Name of its space."""
    architecture: str
    """Identity of the network: sixteen hexadecimal digits."""
    point: dict[str, Value]
    """Values of the space's dimensions, and of the recipe's where they vary."""
    facts: dict[str, Value]
    """What the architecture says of itself."""
    cost: Cost
    """At the study's input shape."""
    origin: Origin
    """How the point was found."""
    seed: int
    """Of initial weights, order of data and augmentation."""
    outcome: Outcome
    """How it ended."""
    message: str = ""
    """What was said about a failure, or about the threshold that a pruned training missed."""
    curve: tuple[Epoch, ...] = ()
    """All epochs that were finished."""
    train_error: float | None = None
    """Share of the first training images that are classified wrongly in the end; None unless completed."""
    peak_memory: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    """Bytes of the training, as `nas.study.table.COLUMNS` says; None where they weren't measured."""
    seconds: float = 0.0
    """Wall time of the training with its evaluations."""
    images_per_second: float = 0.0
    """Training images a second of training, evaluations excluded."""
    attempts: int = 1
    """How often it was started; more than 1 after a crash."""
    device: str = ""
    """Where it was trained."""
    host: str = ""
    """Name of the computer; empty in records of before it was noted."""
    cause: str = ""
    """What ended its workers before the last attempt, or in it: `process`, `killed` by the machine, `node`."""
    latency_ms: float | None = None
    """Milliseconds for one image, as `nas.study.table.COLUMNS` says; None where the study didn't need them."""
    latency_128_ms: float | None = None
    """The same for a batch of 128."""
    weights: str = ""
    """File of the trained weights in the run's folder; empty where they weren't kept."""
    weights_sha256: str = ""
    """Hash of that file."""
    schema_version: int = SCHEMA_VERSION
    """Of this record."""

    def __repr__(self) -> str:
        error = "" if self.last_error is None else f"error {self.last_error:.4f}"
        parts = (self.outcome.value, error, f"{self.cost.multiply_adds:,} multiply-adds", self.architecture)
        return display.line(self, f"{self.trial} of {self.space}", *parts)

    def _repr_html_(self) -> str:
        """What a notebook shows: how it ended, what was trained, and what it cost."""
        rows = {
            "outcome": f"{self.outcome.sentence}. {self.message}" if self.message else self.outcome.sentence,
            "error": "" if self.last_error is None else f"{self.last_error:.4f} after {len(self.curve)} epochs",
            "architecture": self.architecture,
            **{name: str(value) for name, value in (self.point | self.facts).items()},
            **{name: f"{value:,}" for name, value in msgspec.structs.asdict(self.cost).items()},
            "sampler": f"{self.origin.sampler}, {self.origin.draws} proposals",
            "seconds": f"{self.seconds:.1f}",
            "device": self.device,
        }
        return display.notebook(f"trial {self.trial} of {self.space}", (), (), display.settings_table(rows))

    @property
    def validated(self) -> bool:
        """Whether its errors are of images that it wasn't trained on; a final's are of training images."""
        return self.origin.sampler != FINAL

    @property
    def error(self) -> float | None:
        """Validation error after the last epoch of the whole training; None for a failure and for a pruned one.

        Of a final it is the training error: see `validated`.
        """
        return self.last_error if self.outcome is Outcome.COMPLETED else None

    @property
    def last_error(self) -> float | None:
        """Validation error after the last epoch that was trained, completed or pruned; None for a failure."""
        return self.curve[-1].error if self.curve and not self.outcome.is_failure else None


def network_of(record: Record) -> Hashable:
    """What repeated trainings of a network share: all but the seed."""
    return record.space, record.architecture, tuple(sorted(record.point.items()))


def mean_error(trainings: Iterable[Record], guess: float) -> float:
    """Mean error of a network's trainings, at least one completed; a failed one counts as guessing or the worst."""
    return fmean(counted_errors(trainings, guess))


def counted_errors(trainings: Iterable[Record], guess: float) -> list[float]:
    """Errors of a network's trainings, at least one completed, the failed ones last."""
    errors = [training.error for training in trainings]
    done = [error for error in errors if error is not None]
    return [*done, *[max(guess, *done)] * (len(errors) - len(done))]


def rank(record: Record) -> tuple[float, int, int]:
    """Sorting key: the best first, failures last."""
    error = record.error
    return (inf if error is None else error, record.cost.multiply_adds, record.trial)
