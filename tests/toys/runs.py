"""A study trained in a folder, without its table and page."""

from __future__ import annotations

import time
from math import inf
from pathlib import Path

import msgspec

from nas.engines import Engine, InlineEngine
from nas.runner.agreement import agreed
from nas.runner.coordinator import train
from nas.runner.task import Observer, Site, unobserved
from nas.storage.database import read_records
from nas.storage.study_json import Manifest
from nas.study import Study
from nas.study.record import Record
from nas.study.stored import StoredStudy, stored
from nas.training.devices import CPU


def execute(
    study: Study,
    folder: Path,
    engine: Engine | None = None,
    *,
    observer: Observer = unobserved,
    reference: str = "",
    max_seconds: float = inf,
) -> list[Record]:
    """Train a study in a folder, in this process unless there is an engine; the records that it has then."""
    site = Site(
        folder=folder,
        engine=engine or InlineEngine(),
        device=CPU,
        observer=observer,
        deadline=time.monotonic() + max_seconds,
    )
    trained(study, site, reference)
    return read_records(folder)


def trained(study: Study, site: Site, reference: str = "") -> None:
    """Train a study and read nothing back."""
    train(agreed(study, site, reference), site)


def agreement(study: Study, folder: Path) -> Manifest:
    """What the run of a study in a folder is asked."""
    return agreed(study, Site(folder=folder, engine=InlineEngine(), device=CPU)).manifest


def older(study: Study, without: str) -> StoredStudy:
    """A study as it was stored before it had one of its fields."""
    fields = msgspec.to_builtins(stored(study))
    del fields[without]
    return msgspec.convert(fields, StoredStudy)
