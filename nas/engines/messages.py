"""What coordinator and workers say to one another: one training as a job, and how an attempt at it ended."""

from __future__ import annotations

import platform
from enum import StrEnum

import msgspec

from nas.data import DataInfo
from nas.layers import Layer
from nas.study import Recipe
from nas.study.record import Epoch, Outcome


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at one trial."""

    trial: int
    """Number of the trial."""
    attempt: int
    """Which attempt, counted from 1; an answer to an earlier one is ignored."""
    layer: Layer
    """The network."""
    architecture: str
    """Its identity."""
    recipe: Recipe
    """How it is trained."""
    seed: int
    """Decides everything random."""
    info: DataInfo
    """Prepared data."""
    device: str
    """`cpu` or `cuda`."""
    weights: str = ""
    """File for the trained weights, beside which a checkpoint lies meanwhile; empty if they aren't wanted."""
    keep_below: float = 1e9
    """They are written only if the error is below this."""
    thresholds: dict[int, float] = {}
    """Epoch -> largest validation error after it with which the training continues."""
    alone: bool = False
    """Whether nothing may be trained beside it: a worker was lost that trained it beside others."""
    max_seconds: float = 3600.0
    """After so long a training times out; counted from its beginning, not from when it was handed out."""


class Cause(StrEnum):
    """What ended a worker in the midst of a training."""

    PROCESS = "process"
    """It died by itself."""
    KILLED = "killed"
    """The machine ended it, mostly for want of memory."""
    NODE = "node"
    """Its computer is gone."""


class Result(msgspec.Struct, frozen=True, kw_only=True, tag="result"):
    """How an attempt ended."""

    trial: int
    """Number of the trial."""
    attempt: int
    """Which attempt this answers."""
    outcome: Outcome
    """How it ended."""
    message: str = ""
    """What was said about a failure."""
    curve: tuple[Epoch, ...] = ()
    """Finished epochs."""
    train_error: float | None = None
    """Share of the first training images that are classified wrongly in the end; None unless completed."""
    wrong: bytes = b""
    """Which validation images are wrong in the end, a bit each, packed as NumPy does; empty unless completed."""
    peak_memory: int | None = None
    """Bytes of the training; None where they can't be told."""
    seconds: float = 0.0
    """Wall time of the training."""
    images_per_second: float = 0.0
    """Training images a second."""
    device: str = ""
    """Name of the device."""
    weights_sha256: str = ""
    """Hash of the weights file; empty if none was written."""
    host: str = ""
    """Name of the computer."""
    cause: Cause | None = None
    """What ended its worker; None unless crashed."""
    fatal: bool = False
    """Whether disk or data fail, which says nothing of the network: the run must stop and the trial doesn't count."""


def ended(job: Job, outcome: Outcome, message: str, cause: Cause | None = None, *, fatal: bool = False) -> Result:
    """The answer to a job whose worker can't give one."""
    where = platform.node()
    return Result(
        trial=job.trial,
        attempt=job.attempt,
        outcome=outcome,
        message=message,
        host=where,
        cause=cause,
        fatal=fatal,
    )


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """A worker has loaded what it needs and begins with its first job."""


class Returned(msgspec.Struct, frozen=True, kw_only=True, tag="returned"):
    """A worker gives back what it was asked for by `RECALL`."""

    count: int
    """Jobs that it had not begun and now won't, the last ones that it was given."""


class Retiring(msgspec.Struct, frozen=True, tag="retiring"):
    """A worker begins no job any more; it ends as soon as it has answered those that it trains and is recalled."""


class Reached(msgspec.Struct, frozen=True, kw_only=True, tag="reached"):
    """How far a worker is with a job, from time to time; that it begins, one with a single lane needn't say."""

    trial: int
    """Number of the trial."""
    attempt: int
    """Which attempt."""
    planned: int
    """Epochs of the training."""
    epochs: int = 0
    """Finished epochs, those before an interruption included; 0 where it begins."""
    pace: float = 0.0
    """Seconds an epoch, the median of the last few, so that neither a standstill nor another machine before counts."""

    @property
    def share(self) -> float:
        """How much of the training is finished."""
        return self.epochs / self.planned


def begun(job: Job) -> Reached:
    """That a job begins."""
    return Reached(trial=job.trial, attempt=job.attempt, planned=job.recipe.epochs)


Answer = Ready | Reached | Result | Returned | Retiring
"""What a worker says."""
RECALL = b"recall"
"""What a worker is told instead of a job: give back all that you haven't begun."""
