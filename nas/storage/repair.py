"""A run's folder checked file by file: what isn't intact is set aside, so that the next command trains it again.

Nothing is deleted but half-written files of ours. What is whole stays as it is.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec
import sqlalchemy
from sqlalchemy import update

from nas.errors import Refused, StorageFailed
from nas.files import digest, parsed, remove_leftovers, write_atomically
from nas.storage import study_json
from nas.storage.aside import place, set_aside
from nas.storage.backends.base import Backend, reading, translated
from nas.storage.database import described, intact, rows
from nas.storage.integrity import require_database
from nas.storage.layout import (
    DATABASE,
    LOG,
    PAGE,
    STORAGE,
    STUDY,
    TABLE,
    WEIGHTS,
    owner_of,
    require_no_links,
    weights_name,
)
from nas.storage.location import backend_of
from nas.storage.lock import locked
from nas.storage.log import logged
from nas.storage.study_json import Manifest
from nas.storage.tables import ANEW, RUNS, TRIALS, Row
from nas.study.record import Record

logger = logging.getLogger(__name__)

OWNER = "nas doctor"
PATIENCE = 30.0
"""Seconds to wait for a database that somebody else writes to."""


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a run's folder found and did."""

    study: str
    """What was done to `study.json`; empty where it is intact."""
    records: int
    """Intact records."""
    damaged: dict[int, str]
    """Trial -> what is wrong with its record; it waits again."""
    weights: int
    """Intact files of weights."""
    set_aside: tuple[str, ...]
    """Files that aren't what a record says or the run wrote, under their new names."""
    leftovers: int
    """Half-written files that were removed."""
    command: str
    """The command that began the run, which trains what is missing; empty where that isn't known."""

    @property
    def whole(self) -> bool:
        """Whether nothing had to be done."""
        return not (self.study or self.damaged or self.set_aside)


def repaired(folder: Path) -> Repair:
    """Check a run's folder that nobody works on, and set aside what is damaged; a second check finds it whole."""
    if not any((folder / name).is_file() for name in (DATABASE, STORAGE)):
        raise Refused(f"{folder} is not the folder of a run: it has no {DATABASE}")
    require_no_links(folder)
    require_database(folder)
    backend = backend_of(folder)
    with translated(backend), locked(folder):
        with reading(backend) as connection:
            run = described(backend, connection)
        if run is None and not backend.may_be_older:
            raise StorageFailed(f"{backend} has no run of {folder}", hint=backend.way_out)
        if run is None:
            raise Refused(
                f"{folder} is a run of an earlier program, without hashes of its records",
                hint="the next command that trains in it adds them",
            )
        engine = backend.writer(OWNER, PATIENCE)
        try:
            with engine.begin() as connection:
                return _checked(backend, connection, run.manifest)
        finally:
            backend.let_go(engine)


def _checked(backend: Backend, connection: sqlalchemy.Connection, written: str) -> Repair:
    folder, ours = backend.folder, RUNS.c.id == backend.run
    connection.execute(update(RUNS).where(ours).values(token=secrets.token_hex(16), owner=OWNER))
    study, aside = _check_study(folder, written)
    with logged(folder / LOG):
        records, damaged = _check_records(backend, connection, rows(backend, connection))
    if damaged and (folder / TABLE).is_file():
        aside.append(set_aside(folder, folder / TABLE))
    lost = [r for r in records if (path := _weights(folder, r)) and not _is_intact(path, r)]
    aside += [set_aside(folder, folder / WEIGHTS / weights_name(r.architecture, r.trial)) for r in lost]
    kept = [record for record in records if _weights(folder, record)]
    return Repair(
        study=study,
        records=len(records),
        damaged=damaged,
        weights=len(kept),
        set_aside=tuple(aside),
        leftovers=_remove_leftovers(folder),
        command=study_json.read(folder).command,
    )


def _check_study(folder: Path, written: str) -> tuple[str, list[str]]:
    """Put study.json back as the run wrote it, if it isn't so; what was done, and what was set aside."""
    path = folder / STUDY
    try:
        parsed(written, Manifest)
    except msgspec.MsgspecError as error:
        raise StorageFailed(f"{folder / DATABASE} holds a damaged {STUDY}: {error}", hint="put both back") from None
    if path.is_file() and study_json.content(folder) == written:
        return "", []
    aside = [set_aside(folder, path)] if path.is_file() else []
    write_atomically(path, written.encode())
    return f"put back as the run wrote it; it was {'changed' if aside else 'missing'}", aside


def _check_records(
    backend: Backend, connection: sqlalchemy.Connection, trials: Iterable[Row]
) -> tuple[list[Record], dict[int, str]]:
    """The intact records; those that aren't are kept as files, and their trials wait again."""
    records: list[Record] = []
    damaged: dict[int, str] = {}
    for row in [row for row in trials if row.over]:
        try:
            records.append(intact(backend, row))
        except StorageFailed as error:
            damaged[row.number] = str(error)
            content = (row.record or "").encode(errors="surrogateescape")
            write_atomically(place(backend.folder) / f"record-{row.number}-{secrets.token_hex(4)}.json", content)
            damage = (TRIALS.c.run == backend.run) & (TRIALS.c.number == row.number)
            connection.execute(update(TRIALS).where(damage).values(ANEW))
            logger.warning("trial %d waits again: its record was damaged", row.number)
    return records, damaged


def _weights(folder: Path, record: Record) -> Path | None:
    """The file of a record's weights, if it has one that is there."""
    if not record.weights:
        return None
    try:
        path = folder / WEIGHTS / weights_name(record.architecture, record.trial)
    except Refused:
        return None  # a record that names no network names no file
    return path if path.is_file() else None


def _is_intact(path: Path, record: Record) -> bool:
    try:
        return digest(path) == record.weights_sha256
    except OSError:
        return False


def _remove_leftovers(folder: Path) -> int:
    """Remove what killed commands have left half-written: of weights at once, for nobody trains."""
    for name in (STUDY, TABLE, PAGE):
        remove_leftovers(folder / name)
    halves = [
        path
        for path in ((folder / WEIGHTS).iterdir() if (folder / WEIGHTS).is_dir() else ())
        if owner_of(path.name) and path.name.endswith(".partial") and path.is_file() and not path.is_symlink()
    ]
    for path in halves:
        path.unlink(missing_ok=True)
    return len(halves)
