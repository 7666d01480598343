"""What a run's database says, for everybody who reads: beside a coordinator that works, and without writing.

Nothing is believed that its hash doesn't vouch for. A database that vanishes, or lacks what the files beside it tell
of, ends the command: nothing is begun over in silence.
"""

from __future__ import annotations

import sqlite3
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
from nas.storage.integrity import WAY_OUT, require_database
from nas.storage.layout import DATABASE, STUDY
from nas.storage.tables import ROWS, RUNS, SCHEMA, TRIALS, Row, reading_engine, record_of
from nas.storage.wrong_images import Wrong, unpacked
from nas.study.record import Record

PACED = 50
"""Trials from which the pace of a run is told."""
DAMAGED = ("malformed", "not a database")
"""What SQLite says of a file that repeating the command won't mend."""


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
    elif (folder / DATABASE).is_file():
        hint = f"put {STUDY} back beside its {DATABASE} (nas doctor {quote(str(folder))} does); a new run takes another"
    if not (folder / STUDY).is_file() or not (folder / DATABASE).is_file():
        raise Refused(f"{path_text(folder)} is not the folder of a run: it has no {STUDY} with a {DATABASE}", hint=hint)


def read_records(folder: Path) -> list[Record]:
    """All records of a run, in the order of trials, without disturbing a coordinator that writes them."""
    require_run(folder)
    with reading(folder) as connection:
        finished = [row for row in rows(folder, connection) if row.over]
    return [intact(folder, row) for row in finished]


def read_wrong_images(folder: Path, images: int, records: Iterable[Record]) -> dict[int, Wrong]:
    """Trial -> whether each of so many validation images is wrong, of those records that have it stored.

    StorageFailed where the share of wrong images isn't the error of the record.
    """
    errors = {record.trial: record.error for record in records if record.error is not None}
    with reading(folder) as connection:
        stored = [(trial, bits) for trial, bits in _wrong_images(folder, connection) if trial in errors]
    kept: dict[int, Wrong] = {}
    for trial, bits in stored:
        wrong = unpacked(bits, images)
        if wrong is None or int(wrong.sum()) / images != errors[trial]:
            raise StorageFailed(
                f"{folder / DATABASE}: the wrong images of trial {trial} aren't those of its error, "
                f"{errors[trial]:.4f} of {images:,}; something else wrote to it",
                hint=WAY_OUT,
            )
        kept[trial] = wrong
    return kept


def read_rows(folder: Path) -> list[Row]:
    """All trials that a run's database knows, finished or not, in the order of their numbers."""
    with reading(folder) as connection:
        return list(rows(folder, connection))


def read_manifest(folder: Path) -> tuple[str, str]:
    """The text of study.json as the run last wrote it, and the SHA-256 of the one before; empty in older runs."""
    with reading(folder) as connection:
        run = described(folder, connection)
    return (run.manifest, run.manifest_before) if run else ("", "")


def pace(folder: Path) -> float | None:
    """Trials a second over the last ones that ended, times without a coordinator left out; None with fewer than two.

    A clock that was set to another day makes such a gap, too.
    """
    ends = sorted(row.ended for row in read_rows(folder) if row.ended)[-PACED:]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(ends)]
    usual = [gap for gap in gaps if gap <= 20 * median_low(gaps) + 60]
    return len(usual) / sum(usual) if sum(usual) else None


@contextmanager
def reading(folder: Path) -> Iterator[sqlalchemy.Connection]:
    """The database of a run for a moment; StorageFailed where it can't be read."""
    engine = reading_engine(folder / DATABASE)
    try:
        with engine.connect() as connection:
            yield connection
    except sqlalchemy.exc.DatabaseError as error:
        hint = WAY_OUT if _is_damage(error.orig) else ""
        raise StorageFailed(f"{folder / DATABASE} can't be read: {error.orig}", hint=hint) from None
    finally:
        engine.dispose()


def rows(folder: Path, connection: sqlalchemy.Connection) -> Iterable[Row]:
    """All trials of the run, in the order of their numbers; of a database that was just made there are none."""
    if described(folder, connection):
        return (Row(*row) for row in connection.execute(ROWS))
    return older.rows(connection) if older.there(connection) else ()


def described(folder: Path, connection: sqlalchemy.Connection) -> Any:
    """The row of the run; None in a database that is older or was just made. Refused for a later version."""
    if not sqlalchemy.inspect(connection).has_table(RUNS.name):
        return None
    run = connection.execute(select(RUNS)).first()
    if run and run.schema > SCHEMA:
        version = f"has schema version {run.schema}, this program reads {SCHEMA}"
        raise Refused(f"{folder / DATABASE} {version}; update it")
    return run


def intact(folder: Path, row: Row) -> Record:
    """The record of a finished trial; StorageFailed where it isn't what was written there."""
    way_out = f"nas doctor {quote(str(folder))} sets it aside, then the same command trains it again"
    return record_of(row, str(folder / DATABASE), WAY_OUT if row.sha256 is None else way_out)


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Errors of the database as ours."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
        cause = str(getattr(error, "orig", None) or error.__cause__ or error).split("\n")[0]
        hint = WAY_OUT if _is_damage(cause) else "what is done is kept; repeat the command when the disk works again"
        raise StorageFailed(f"{folder / DATABASE}: {cause}", hint=hint) from error


def _is_damage(cause: object) -> bool:
    return any(words in str(cause) for words in DAMAGED)


def _wrong_images(folder: Path, connection: sqlalchemy.Connection) -> Iterable[tuple[int, object]]:
    """Bits of wrong images by trial, in the order of their numbers."""
    if not described(folder, connection):
        return older.wrong_images(connection)
    stored = select(TRIALS.c.number, TRIALS.c.wrong).where(TRIALS.c.wrong.is_not(None)).order_by(TRIALS.c.number)
    return [(number, bits) for number, bits in connection.execute(stored)]
