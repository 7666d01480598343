"""Our side of the comparison: the same network in all worker processes at once, as the product runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from nas.data import DataInfo
from nas.engines import Engine, LocalEngine
from nas.engines.messages import Job, Result
from nas.layers import identity
from nas.study import Recipe
from nas.study.record import Outcome
from tests.benchmarks.networks import Subject

LOOK_EVERY = 0.02
"""Seconds between two looks at the memory of the workers."""
PATIENCE = 60.0
"""Seconds for which an answer is waited for before the loop turns once."""
MEBIBYTE = 2**20


class TrainingFailed(Exception):
    """A training of a benchmark didn't end well, so its speed says nothing."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Trainings that ran side by side."""

    images_per_second: float
    """Of training alone, summed over them."""
    seconds: float
    """Wall time from the first job submitted to the last answer, evaluations included."""
    networks: int
    """Trainings."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Peak of the largest worker, in MiB, as sampled while it trains and evaluates."""

    anonymous: float = 0.0
    """Its own pages without a file behind them: what each further worker costs; 0 where the system doesn't tell."""
    resident: float = 0.0
    """All that it has mapped and touched, libraries and data included."""
    proportional: float = 0.0
    """The same, with shared pages divided among those that share them."""


def job(subject: Subject, recipe: Recipe, info: DataInfo, seed: int, device: str = "cpu") -> Job:
    """One training; its seed is its number."""
    return Job(
        trial=seed,
        attempt=1,
        layer=subject.layer,
        architecture=identity(subject.layer),
        recipe=recipe,
        seed=seed,
        info=info,
        device=device,
    )


def jobs(subject: Subject, recipe: Recipe, info: DataInfo, count: int) -> list[Job]:
    """The same training under different seeds."""
    return [job(subject, recipe, info, seed) for seed in range(count)]


def measure(engine: LocalEngine, work: Sequence[Job]) -> Batch:
    """Train them all, side by side as far as there are workers."""
    begun = time.perf_counter()
    results = answers(engine, work)
    seconds = time.perf_counter() - begun
    speed = sum(result.images_per_second for result in results)
    return Batch(images_per_second=speed, seconds=seconds, networks=len(work))


def peak_memory(engine: LocalEngine, work: Sequence[Job]) -> Memory:
    """Train them all and watch the memory of the workers meanwhile; it also warms them."""
    seen = [Memory()]
    answers(engine, work, lambda: seen.append(larger(seen.pop(), _now())), LOOK_EVERY)
    return seen[0]


def answers(
    engine: Engine, work: Sequence[Job], meanwhile: Callable[[], None] = lambda: None, patience: float = PATIENCE
) -> list[Result]:
    """The results of all jobs; TrainingFailed as soon as one hasn't completed."""
    waiting, results = list(work), list[Result]()
    while len(results) < len(work):
        while waiting and engine.free:
            engine.submit(waiting.pop(0))
        results += engine.wait(patience)
        meanwhile()
        for result in results:
            if result.outcome is not Outcome.COMPLETED:
                raise TrainingFailed(f"seed {result.trial} {result.outcome}: {result.message}")
    return results


def larger(one: Memory, other: Memory) -> Memory:
    """The peak of both."""
    return Memory(
        anonymous=max(one.anonymous, other.anonymous),
        resident=max(one.resident, other.resident),
        proportional=max(one.proportional, other.proportional),
    )


def _now() -> Memory:
    memory = Memory()
    for child in psutil.Process().children():
        memory = larger(memory, _of(child.pid))
    return memory


def _of(pid: int) -> Memory:
    """What Linux says of a process; zeros where there is no such file or the process has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return Memory()
    kibibytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
    return Memory(
        anonymous=(kibibytes["Anonymous"] + kibibytes["Swap"]) * 1024 / MEBIBYTE,
        resident=kibibytes["Rss"] * 1024 / MEBIBYTE,
        proportional=kibibytes["Pss"] * 1024 / MEBIBYTE,
    )
