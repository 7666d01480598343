"""Workers that sleep instead of training: `LocalEngine(count, module=MODULE)` starts processes without torch.

An epoch takes a tenth of a second; the errors are made up from the seed. Their log says when they begin, their device
is the card that they see. One seed leaves the process unfit for more, with another a training goes on after an
interruption.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

import msgspec

from nas.engines.messages import Job, Result
from nas.engines.worker import serve
from nas.study.record import Epoch, Outcome
from nas.training.devices import VISIBLE

MODULE = "tests.toys.sleepers"
EPOCH = 0.1
"""Seconds."""
BEGINS = "trial %d begins"
UNFIT = 13
"""Seed of a job after which its process should begin no other."""

INTERRUPTED, BEFORE, MINUTE = 14, 9, 60.0
"""Seed of a job that goes on after so many epochs of so many seconds, and tells of them at once."""


def made_up(job: Job) -> Result:
    """An answer such as a training gives, with nothing trained."""
    error = 0.1 + 0.8 * (job.seed % 10_007) / 10_007
    epochs = range(job.recipe.epochs)
    return Result(
        trial=job.trial,
        attempt=job.attempt,
        outcome=Outcome.COMPLETED,
        curve=tuple(Epoch(number=n + 1, loss=2.3 - 0.01 * n, error=error, seconds=EPOCH) for n in epochs),
        seconds=EPOCH * job.recipe.epochs,
        images_per_second=1000.0,
        device=os.environ.get(VISIBLE, "none"),
    )


def sleep(job: Job, reached: Callable[[Epoch], None]) -> Result:
    """Take the time of the epochs, then answer."""
    logging.info(BEGINS, job.trial)
    result = made_up(job)
    for epoch in result.curve[: BEFORE if job.seed == INTERRUPTED else 0]:
        reached(msgspec.structs.replace(epoch, seconds=MINUTE))
    for epoch in result.curve[BEFORE if job.seed == INTERRUPTED else 0 :]:
        time.sleep(MINUTE if job.seed == INTERRUPTED else EPOCH)
        reached(epoch)
    SEEDS.add(job.seed)
    return result


SEEDS: set[int] = set()
"""Of jobs that this process has ended."""

if __name__ == "__main__":
    serve(sleep, unfit=lambda: UNFIT in SEEDS)
