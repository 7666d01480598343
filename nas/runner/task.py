"""What is trained, and where: the two values that every command that trains hands on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path

from nas.data import DataInfo
from nas.engines import Engine, LocalEngine
from nas.errors import Refused
from nas.runner.best import KEPT
from nas.runner.progress import Snapshot
from nas.sampling import Plan
from nas.storage.layout import LOG
from nas.storage.study_json import Manifest
from nas.study import Study
from nas.study.record import Outcome, Record
from nas.training import devices
from nas.training.devices import Device

EngineChoice = Engine | str | None
"""An engine, or the name of one, `local` or `ray`; None means processes of this machine."""
Observer = Callable[[Snapshot, Record | None], None]
"""Hears of every record as it is stored, and of nothing new every second."""


def unobserved(snapshot: Snapshot, record: Record | None) -> None:
    """Nobody looks on."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is trained, as agreed with the folder."""

    study: Study
    """With one arithmetic, and as many samples as its run has."""
    plan: Plan
    """Its trials."""
    manifest: Manifest
    """What the run is asked."""
    info: DataInfo
    """The data at the recipe's resolution."""
    kept: int = KEPT
    """Networks of each space whose weights are kept, the best."""
    retry: frozenset[Outcome] = frozenset()
    """Outcomes of finished trials that are begun again."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where it is trained, and until when."""

    folder: Path
    """Of the run."""
    engine: Engine
    """Where trainings run."""
    device: Device
    """What they compute on."""
    storage: str = ""
    """URL of the server for the trials of a new run; empty where nothing is said of it."""
    precision: str = ""
    """The arithmetic that the engine's computers compute fastest; empty where they are this one."""
    observer: Observer = unobserved
    """Who looks on."""
    deadline: float = inf
    """On the monotonic clock; no training is begun after it."""

    @property
    def overdue(self) -> bool:
        """Whether time is up."""
        return time.monotonic() >= self.deadline


def site_of(
    folder: Path,
    workers: int | None,
    device: str,
    engine: EngineChoice,
    ray_address: str,
    observer: Observer,
    deadline: float,
    storage: str = "",
) -> Site:
    """A folder with the device of that name, and so many workers on it, here or on a cluster, or with an engine."""
    site = partial(Site, folder=folder, storage=storage, observer=observer, deadline=deadline)
    if engine == "ray":
        from nas.engines.ray import RayEngine

        cluster = RayEngine(ray_address, workers, device)
        return site(engine=cluster, device=cluster.device, precision=cluster.precision)
    if ray_address:
        raise Refused(f"{ray_address!r} is the address of a Ray cluster", hint="--engine ray trains on it")
    if isinstance(engine, str) and engine != "local":
        raise Refused(f"there is no engine {engine!r}", hint="engines: local, ray")
    given = None if isinstance(engine, str) else engine
    place = devices.device(device)
    if given and ":" in device:
        raise Refused(f"an engine has cards of its own, got {device=} beside one", hint="device='cuda'")
    return site(engine=given or local_engine(devices.workers(workers, place), place, folder / LOG), device=place)


def deadline_of(max_seconds: float) -> float:
    """So many seconds from now, on the monotonic clock."""
    if not max_seconds >= 0:
        raise Refused(f"max_seconds must be a number that isn't negative, got {max_seconds}")
    return time.monotonic() + max_seconds


def local_engine(count: int, device: Device, log: Path) -> LocalEngine:
    """A process for each core; for each card one with several lanes, for a card only lets processes take turns."""
    return LocalEngine(count, cards=[devices.visible(card) for card in device.cards], log=log)
