"""What all parts are told: how much is measured, on which device, where it goes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import torch

from nas import data
from nas.data import Dataset
from nas.engines import LocalEngine
from nas.engines.messages import Job, Result
from nas.study import Recipe
from nas.study.record import Outcome
from nas.training import devices
from nas.training.loop import on_device
from tests.benchmarks import networks, ours
from tests.benchmarks.gpu.rows import Clock
from tests.benchmarks.networks import Subject

ROOT = Path(__file__).parents[3]
SOURCES = ("nas", "spaces", "studies")
WELL = (Outcome.COMPLETED, Outcome.DIVERGED)
"""Endings of trainings that have done all their work or as much as there was."""
ALL = 2**62
LONGEST = 3600.0
"""Seconds after which a training is given up though the budget has no end."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured."""

    data: str = "fashion-mnist"
    """Data set; it must lie on the machine."""
    images: int = 25_600
    """Training images of an epoch, but for study and accuracy."""
    batch_size: int = 128
    """Images a step, but for study and accuracy."""
    connections: tuple[int, ...] = (32, 8)
    """CUDA_DEVICE_MAX_CONNECTIONS of the probe."""
    probe: tuple[int, int] = (600, 300)
    """Nodes of its graphs, and replays of each."""
    probe_lanes: tuple[int, ...] = (1, 2, 4, 8, 12, 16, 24, 32)
    """Threads of the probe, each with a stream."""
    shapes: tuple[tuple[int, int, int], ...] = ((128, 64, 14), (128, 160, 7), (128, 320, 4))
    """Images, channels and edge in pixels of the convolutions' inputs."""
    group_widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    """Channels of a group."""
    calls: tuple[int, int] = (20, 20)
    """Of one convolution in a graph, and replays of it."""
    anatomy: tuple[str, ...] = ("RegNetX32 28x28", "AnyNetX_A_3 0", "RegNetX_3 4")
    """Networks that are taken apart."""
    memory_after: tuple[int, ...] = (1, 5, 20)
    """Trainings in one process after which its memory is looked at."""
    packings: tuple[tuple[int, int], ...] = ((1, 8), (1, 16), (1, 1), (1, 32), (1, 4), (1, 12), (1, 24), (2, 8))
    """Processes and lanes of each; first those that say most, in case there is no time for all."""
    packed: int = 8
    """Networks of the sample that are packed."""
    packed_epochs: int = 6
    """Epochs of each; the first two aren't steady."""
    subjects: tuple[str, ...] = ("RegNetX32 28x28", "AnyNetX_E_3 1")
    """Networks that are compared with the book's loop, and checked for exactness."""
    pairs: int = 2
    """Alternating measurements of each."""
    seeds: int = 10
    """Trainings in each precision."""
    samples: int = 500
    """Networks of the study."""
    epochs: int = 10
    """Of the study, on all images."""
    train_size: int = 0
    """Training images of study and accuracy; 0 for all."""
    cold: int = 10
    """Processes that train to a test accuracy."""


QUICK = Scale(
    data="digits",
    images=128,
    batch_size=16,
    connections=(32,),
    probe=(5, 2),
    probe_lanes=(1, 2),
    shapes=((4, 32, 7),),
    group_widths=(2, 16),
    calls=(1, 2),
    anatomy=("RegNetX32 28x28",),
    memory_after=(1, 2),
    packings=((1, 2),),
    packed=2,
    packed_epochs=3,
    subjects=("RegNetX32 28x28",),
    pairs=1,
    seeds=2,
    samples=2,
    epochs=1,
    train_size=256,
    cold=1,
)


@dataclass(frozen=True, kw_only=True)
class Session:
    """One command."""

    device: str
    """`cuda`, or `cpu` for a rehearsal."""
    work: Path
    """Where parts keep what they have."""
    quick: bool = False
    """Whether as little as possible is measured."""
    data: str = ""
    """Another data set than the scale's."""
    lanes: int = devices.LANES
    """Of study and exactness."""
    network: str = "RegNetX32 28x28"
    """That is trained to a test accuracy."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Fields of its recipe."""

    @property
    def scale(self) -> Scale:
        """How much is measured."""
        scale = QUICK if self.quick else Scale()
        return replace(scale, data=self.data) if self.data else scale

    @property
    def folder(self) -> Path:
        """Of this device and scale: what was measured with others doesn't count."""
        said = json.dumps([devices.device_name(self.device), asdict(self.scale)])
        kind = "quick" if self.quick else "full"
        return self.work / f"{self.device}-{kind}-{sha256(said.encode()).hexdigest()[:8]}"

    def expected(self, seconds: float, *, quick: float) -> float:
        """Seconds that a part will take at this scale."""
        return quick if self.quick else seconds

    @property
    def torch_device(self) -> torch.device:
        """The device as torch knows it."""
        return torch.device(self.device)

    @property
    def dtype(self) -> torch.dtype:
        """Of the device's own arithmetic."""
        return torch.bfloat16 if devices.precision(self.device) == "bfloat16" else torch.float32

    def recipe(self, epochs: int, **changes: Any) -> Recipe:
        """A training of so many epochs at the device's own precision."""
        base = Recipe(
            data=self.scale.data,
            train_size=self.scale.images,
            batch_size=self.scale.batch_size,
            epochs=epochs,
            flip=True,
            precision=devices.precision(self.device),
        )
        return msgspec.structs.replace(base, **changes)

    def dataset(self, resolution: int, most: int = ALL) -> Dataset:
        """The images, on the device; at most so many for training."""
        dataset = data.load(data.prepare(self.scale.data, resolution), min(most, self.scale.images))
        train, validation = (on_device(split, self.torch_device) for split in (dataset.train, dataset.validation))
        return replace(dataset, train=train, validation=validation)

    def engine(self, processes: int, lanes: int, log: Path) -> LocalEngine:
        """So many processes on the first card, or without one, each with so many lanes."""
        cards = [devices.visible(0)] * processes if self.device == "cuda" else []
        return LocalEngine(processes * lanes, processes=processes, cards=cards, log=log)

    def jobs(self, subjects: list[Subject], recipe: Recipe, clock: Clock) -> list[Job]:
        """One training of each; its seed is its number, and none lasts longer than the clock."""
        info, most = data.prepare(self.scale.data, 28), max(1.0, min(LONGEST, clock.left))
        jobs = [ours.job(subject, recipe, info, seed, self.device) for seed, subject in enumerate(subjects)]
        return [msgspec.structs.replace(job, max_seconds=most) for job in jobs]


@lru_cache(maxsize=1)
def sample() -> tuple[Subject, ...]:
    """The fixed sample, which takes a second to draw."""
    return networks.sample()


def subject(name: str) -> Subject:
    """A network of the book or of the sample; ValueError where there is none of this name."""
    found = {known.name: known for known in networks.book()}
    if name not in found:
        found |= {known.name: known for known in sample()}
    if name not in found:
        raise ValueError(f"no network {name!r}; there are {', '.join(found)}")
    return found[name]


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def answered(engine: LocalEngine, jobs: list[Job], clock: Clock) -> list[Result]:
    """All results, by trial; RuntimeError as soon as one has failed, OutOfTime when the time is up."""
    waiting, results = list(jobs), list[Result]()
    while len(results) < len(jobs):
        while waiting and engine.free:
            engine.submit(waiting.pop(0))
        results += engine.wait(max(0.1, min(5.0, clock.left)))
        require_well(results)
        if len(results) < len(jobs):
            clock.check()
    return sorted(results, key=lambda result: result.trial)


def require_well(results: list[Result]) -> None:
    """Raise RuntimeError with what was said of the first training that has failed."""
    if bad := next((result for result in results if result.outcome not in WELL), None):
        raise RuntimeError(f"trial {bad.trial} {bad.outcome}: {bad.message}")


def code() -> str:
    """Of the program's sources, so that measurements of two versions can be told apart."""
    files = sorted(path for name in SOURCES for path in (ROOT / name).rglob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
