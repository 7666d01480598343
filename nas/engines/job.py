"""From a job to its result: the training, and every way in which it can fail, as an outcome."""

from __future__ import annotations

import logging
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import torch

from nas.data import DataInfo, Dataset, load
from nas.engines.messages import Job, Result
from nas.engines.packing import Memory
from nas.errors import Missing, StorageFailed
from nas.files import CHECKPOINT
from nas.models import weights
from nas.models.document import describe
from nas.study import Recipe
from nas.study.record import Epoch, Outcome
from nas.training import cuda_graphs
from nas.training.cuda_graphs import aside
from nas.training.devices import device_name, one_thread
from nas.training.kernels import warm
from nas.training.loop import Trained, on_device, train
from nas.training.peak_memory import is_out_of_memory
from nas.training.precision import dtype_of, settled

logger = logging.getLogger(__name__)

LOADING = threading.Lock()
"""Held while one thread of this process loads data: the others then find them."""


def run_job(job: Job, reached: Callable[[Epoch], None] = lambda epoch: None) -> Result:
    """Train; every error of the training becomes an outcome here, with what was said.

    `reached` is told of finished epochs, those before an interruption included.
    """
    return msgspec.structs.replace(_ended(job, reached), host=platform.node())


def _ended(job: Job, reached: Callable[[Epoch], None]) -> Result:
    try:
        with one_thread(), aside(torch.device(job.device)):
            return _trained(job, reached)
    except (StorageFailed, Missing) as error:
        return msgspec.structs.replace(_failed(job, Outcome.FAILED, error), fatal=True)
    except Exception as error:  # compilers of kernels raise classes of their own
        if is_out_of_memory(error):
            return _failed(job, Outcome.OUT_OF_MEMORY, error)
        logger.exception("trial %d failed", job.trial)
        return _failed(job, Outcome.FAILED, error)


def warm_up(device: str) -> None:
    """Have at hand what trainings on a device compute with, which no training should be charged with."""
    place = torch.device(device)
    with one_thread(), aside(place):
        warm(place, dtype_of(settled(Recipe(), place)))


def memory_of_card() -> Memory:
    """The memory of the GPU that jobs are trained on."""
    return Memory(
        total=lambda: torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved(),
        peak=torch.cuda.max_memory_reserved,
        empty=_empty,
    )


def _empty() -> None:
    if cuda_graphs.SPOILT.is_set():
        return  # torch believes that a recording goes on, and refuses
    cuda_graphs.give_back()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def _trained(job: Job, reached: Callable[[Epoch], None]) -> Result:
    trained = train(
        *(job.layer, job.recipe, _dataset(job), job.seed, torch.device(job.device)),
        on_epoch=reached,
        thresholds=job.thresholds,
        checkpoint=Path(job.weights).with_suffix(CHECKPOINT) if job.weights else None,
    )
    outcome, message = _ending(trained, job.thresholds)
    return Result(
        trial=job.trial,
        attempt=job.attempt,
        outcome=outcome,
        message=message,
        curve=trained.curve,
        train_error=trained.train_error,
        wrong=b"" if trained.wrong is None else np.packbits(trained.wrong.numpy()).tobytes(),
        peak_memory=trained.peak_memory,
        seconds=trained.seconds,
        images_per_second=trained.images_per_second,
        device=device_name(job.device),
        weights_sha256=_kept(job, trained),
    )


def _ending(trained: Trained, thresholds: Mapping[int, float]) -> tuple[Outcome, str]:
    """How a training ended that raised nothing, and what is to be said of it."""
    epochs = len(trained.curve)
    if trained.diverged:
        return Outcome.DIVERGED, f"the loss exploded in epoch {epochs + 1}"
    if trained.pruned:
        error, threshold = trained.curve[-1].error, thresholds[epochs]
        return Outcome.PRUNED, f"error {error:.4f} after epoch {epochs}, above {threshold:.4f}"
    return Outcome.COMPLETED, ""


def _kept(job: Job, trained: Trained) -> str:
    """Write the weights if they are wanted; their hash or nothing."""
    if not job.weights or trained.diverged or trained.pruned or not (error := trained.curve[-1].error) < job.keep_below:
        return ""
    document = describe(
        job.layer,
        job.info,
        job.recipe,
        job.seed,
        error,
        device_name(job.device),
        weights.torch_version(),
        job.architecture,
    )
    return weights.write(trained.module, document, Path(job.weights))


def _failed(job: Job, outcome: Outcome, error: BaseException) -> Result:
    message = f"{type(error).__name__}: {error}".split("\n")[0][:500]
    return Result(trial=job.trial, attempt=job.attempt, outcome=outcome, message=message, device=job.device)


def _dataset(job: Job) -> Dataset:
    with LOADING:
        return _loaded(msgspec.json.encode(job.info), job.recipe.train_size, job.device)


@lru_cache(maxsize=4)
def _loaded(info: bytes, train_size: int, device: str) -> Dataset:
    """The mapped data, or their one copy on a GPU; kept, for a worker trains many networks on the same images."""
    dataset, place = load(msgspec.json.decode(info, type=DataInfo), train_size), torch.device(device)
    return replace(dataset, train=on_device(dataset.train, place), validation=on_device(dataset.validation, place))
