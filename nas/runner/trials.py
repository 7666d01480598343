"""One trial as data: from its proposal to the job of a worker, and from the result to the record that is stored."""

from __future__ import annotations

from nas.data import DataInfo
from nas.engines.messages import Job, Result
from nas.layers import identity
from nas.sampling import Proposal, training_seed
from nas.storage.layout import weights_name
from nas.study import Recipe, Study
from nas.study.record import Origin, Record


def job_of(study: Study, trial: int, proposal: Proposal, recipe: Recipe, info: DataInfo, device: str) -> Job:
    """The first attempt at a trial, with its own recipe and the data at that recipe's resolution."""
    again = proposal.again
    return Job(
        trial=trial,
        attempt=1,
        layer=proposal.network.layer,
        architecture=identity(proposal.network.layer),
        recipe=recipe,
        seed=again.seed if again else training_seed(study.seed, trial),
        info=info,
        device=device,
        max_seconds=study.max_trial_seconds * (again.patience if again else 1),
    )


def work_of(proposal: Proposal, recipe: Recipe, info: DataInfo) -> float:
    """Multiply-adds of all forward passes of a training: what its time is estimated from."""
    return float(proposal.network.cost.multiply_adds) * (recipe.train_size or info.train) * recipe.epochs


def record_of(study: Study, proposal: Proposal, job: Job, result: Result, cause: str = "") -> Record:
    """What is stored of a trial; `cause` is what ended the worker of an earlier attempt."""
    return Record(
        trial=job.trial,
        space=study.space_of(job.trial).name,
        architecture=job.architecture,
        point=dict(proposal.point),
        facts=proposal.network.facts,
        cost=proposal.network.cost,
        origin=_origin(study, proposal, job.trial),
        seed=job.seed,
        outcome=result.outcome,
        message=result.message,
        curve=result.curve,
        train_error=result.train_error,
        peak_memory=result.peak_memory,
        seconds=result.seconds,
        images_per_second=result.images_per_second,
        attempts=result.attempt,
        device=result.device,
        host=result.host,
        cause=result.cause or cause,
        latency_ms=proposal.network.latency_ms,
        latency_128_ms=proposal.network.latency_128_ms,
        weights=weights_name(job.architecture, job.trial) if result.weights_sha256 else "",
        weights_sha256=result.weights_sha256,
    )


def _origin(study: Study, proposal: Proposal, trial: int) -> Origin:
    if proposal.again:
        return proposal.again.origin
    return Origin(
        sampler=f"{study.sampler} with halving" if study.halving else study.sampler,
        draws=proposal.draws,
        fallback=proposal.fallback,
        repeat=study.repeat_of(trial),
        stratum=proposal.stratum,
    )
