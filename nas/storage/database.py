"""What a run's database says, for everybody who reads: beside a coordinator that works, and without writing.

Nothing is believed that its hash doesn't vouch for. A database that vanishes, or lacks what the files beside it tell
of, ends the command: nothing is begun over in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from shlex import quote
from statistics import median_low
from typing import Any

import sqlalchemy
from sqlalchemy import select

from nas.errors import Refused, StorageFailed, in_place_of, path_text
from nas.storage import older
from nas.storage.backends.base import Backend, reading
from nas.storage.integrity import require_database
from nas.storage.layout import DATABASE, STORAGE, STUDY, holds_run
from nas.storage.location import backend_of
from nas.storage.lock import coordinator
from nas.storage.tables import RUNS, SCHEMA, TRIALS, Row, record_of, rows_of
from nas.storage.wrong_images import Wrong, unpacked
from nas.study.record import Record

PACED = 50
"""Trials from which the pace of a run is told."""


def require_run(folder: Path) -> None:
    """Refuse a folder that holds no run."""
    if folder.is_file():
        hint = in_place_of(folder, folder.parent)
        raise Refused(f"{path_text(folder)} is a file, a run is the folder around it", hint=hint)
    if not folder.is_dir():
        raise Refused(f"there is no folder {path_text(folder)}", hint="start a run: nas run quickstart")
    hint = f"a run makes one: nas run STUDY --out {quote(str(folder))}"
    if (folder / STUDY).is_file():
        require_database(folder)
    elif name := next((name for name in (DATABASE, STORAGE) if (folder / name).is_file()), ""):
        hint = f"put {STUDY} back beside its {name} (nas doctor {quote(str(folder))} does); a new run takes another"
    if not holds_run(folder):
        raise Refused(f"{path_text(folder)} is not the folder of a run: it has no {STUDY} with a {DATABASE}", hint=hint)


def working_on(folder: Path) -> str | None:
    """Who works on a run now, here or on another host that the database knows of, in words; None if nobody does."""
    return coordinator(folder) or backend_of(folder).holder()


def read_records(folder: Path) -> list[Record]:
    """All records of a run, in the order of trials, without disturbing a coordinator that writes them."""
    require_run(folder)
    backend = backend_of(folder)
    with reading(backend) as connection:
        finished = [row for row in rows(backend, connection) if row.over]
    return [intact(backend, row) for row in finished]


def read_wrong_images(folder: Path, images: int, records: Iterable[Record]) -> dict[int, Wrong]:
    """Trial -> whether each of so many validation images is wrong, of those records that have it stored.

    StorageFailed where the share of wrong images isn't the error of the record.
    """
    errors = {record.trial: record.error for record in records if record.error is not None}
    backend = backend_of(folder)
    with reading(backend) as connection:
        stored = [(trial, bits) for trial, bits in _wrong_images(backend, connection) if trial in errors]
    kept: dict[int, Wrong] = {}
    for trial, bits in stored:
        wrong = unpacked(bits, images)
        if wrong is None or int(wrong.sum()) / images != errors[trial]:
            raise StorageFailed(
                f"{backend}: the wrong images of trial {trial} aren't those of its error, "
                f"{errors[trial]:.4f} of {images:,}; something else wrote to it",
                hint=backend.way_out,
            )
        kept[trial] = wrong
    return kept


def read_rows(folder: Path) -> list[Row]:
    """All trials that a run's database knows, finished or not, in the order of their numbers."""
    backend = backend_of(folder)
    with reading(backend) as connection:
        return list(rows(backend, connection))


def read_manifest(folder: Path) -> tuple[str, str]:
    """The text of study.json as the run last wrote it, and the SHA-256 of the one before; empty in older runs."""
    backend = backend_of(folder)
    with reading(backend) as connection:
        run = described(backend, connection)
    return (run.manifest, run.manifest_before) if run else ("", "")


def pace(folder: Path) -> float | None:
    """Trials a second over the last ones that ended, times without a coordinator left out; None with fewer than two.

    A clock that was set to another day makes such a gap, too.
    """
    ends = sorted(row.ended for row in read_rows(folder) if row.ended)[-PACED:]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(ends)]
    usual = [gap for gap in gaps if gap <= 20 * median_low(gaps) + 60]
    return len(usual) / sum(usual) if sum(usual) else None


def rows(backend: Backend, connection: sqlalchemy.Connection) -> Iterable[Row]:
    """All trials of the run, in the order of their numbers; of a database that was just made there are none."""
    if described(backend, connection):
        return our_rows(backend, connection)
    with damage_named(backend):
        return list(older.rows(connection)) if backend.may_be_older and older.there(connection) else ()


def our_rows(backend: Backend, connection: sqlalchemy.Connection) -> list[Row]:
    """All trials in our tables; StorageFailed where a cell can't be what it says."""
    with damage_named(backend):
        return [Row(*row) for row in connection.execute(rows_of(backend.run))]


@contextmanager
def damage_named(backend: Backend) -> Iterator[None]:
    """What no database of ours holds, such as a moment that is none, as an error of ours."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise StorageFailed(f"{backend} is damaged: {error}", hint=backend.way_out) from None


def described(backend: Backend, connection: sqlalchemy.Connection) -> Any:
    """The row of the run; None in a database that is older or was just made. Refused for a later version."""
    if not sqlalchemy.inspect(connection).has_table(RUNS.name):
        return None
    run = connection.execute(select(RUNS).where(RUNS.c.id == backend.run)).first()
    if run and run.schema > SCHEMA:
        version = f"has schema version {run.schema}, this program reads {SCHEMA}"
        raise Refused(f"{backend} {version}; update it")
    return run


def intact(backend: Backend, row: Row) -> Record:
    """The record of a finished trial; StorageFailed where it isn't what was written there."""
    way_out = f"nas doctor {quote(str(backend.folder))} sets it aside, then the same command trains it again"
    return record_of(row, str(backend), backend.way_out if row.sha256 is None else way_out)


def _wrong_images(backend: Backend, connection: sqlalchemy.Connection) -> Iterable[tuple[int, object]]:
    """Bits of wrong images by trial, in the order of their numbers."""
    if not described(backend, connection):
        return older.wrong_images(connection) if backend.may_be_older else ()
    ours = (TRIALS.c.run == backend.run) & TRIALS.c.wrong.is_not(None)
    stored = select(TRIALS.c.number, TRIALS.c.wrong).where(ours).order_by(TRIALS.c.number)
    return [(number, bits) for number, bits in connection.execute(stored)]
