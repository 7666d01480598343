"""A study trained in a folder, without its table and page."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

import msgspec
from optuna.storages import RDBStorage
from sqlalchemy.pool import NullPool

from nas.engines import Engine, InlineEngine
from nas.runner.agreement import agreed
from nas.runner.coordinator import train
from nas.runner.task import Observer, Site, unobserved
from nas.storage.database import read_records
from nas.storage.layout import DATABASE, STUDY
from nas.storage.study_json import Manifest
from nas.storage.tables import seal
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


def in_optuna(folder: Path) -> RDBStorage:
    """A run's database as Optuna opens it; no connection stays open behind a call."""
    return RDBStorage(f"sqlite:///{folder / DATABASE}", engine_kwargs={"poolclass": NullPool})


def agreement(study: Study, folder: Path) -> Manifest:
    """What the run of a study in a folder is asked."""
    return agreed(study, Site(folder=folder, engine=InlineEngine(), device=CPU)).manifest


def older(study: Study, without: str) -> StoredStudy:
    """A study as it was stored before it had one of its fields."""
    fields = msgspec.to_builtins(stored(study))
    del fields[without]
    return msgspec.convert(fields, StoredStudy)


def forged(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Another study.json, in a run that believes to have written it."""
    content = msgspec.json.decode((folder / STUDY).read_bytes())
    change(content)
    text = msgspec.json.encode(content).decode()
    (folder / STUDY).write_text(text)
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute("UPDATE nas_runs SET manifest = ?", (text,))


def rerecorded(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Other entries in every record, with hashes that fit."""
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        rows = database.execute(
            "SELECT name, number, record FROM nas_trials JOIN nas_runs ON run = id WHERE record IS NOT NULL"
        )
        for name, number, text in rows.fetchall():
            record = msgspec.json.decode(text)
            change(record)
            new = msgspec.json.encode(record).decode()
            told = "UPDATE nas_trials SET record = ?, sha256 = ? WHERE number = ?"
            database.execute(told, (new, seal(name, number, new), number))
