"""Our own tables in a run's database: what the run is asked, who works on it, and its trials. They are the truth.

A trial is a row from the moment it is handed to a worker. Its record is one text of JSON, written together with the end
of the trial and with a hash over run, number and text, which is checked whenever the record is read.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import sqlalchemy
from sqlalchemy import Column, DateTime, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text

from nas.errors import StorageFailed
from nas.space import Value
from nas.study.record import Record

SCHEMA = 1
"""Of these tables."""
METADATA = MetaData()
RUNS = Table(
    "nas_runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False),  # of the study
    Column("schema", Integer, nullable=False),
    Column("manifest", Text, nullable=False),  # study.json as it was last written
    Column("manifest_before", String, nullable=False),  # SHA-256 of the one before
    Column("owner", String, nullable=False),  # the command that works on it, or the last one, in words
    Column("token", String, nullable=False),  # its own, new with every opening
)
TRIALS = Table(
    "nas_trials",
    METADATA,
    Column("run", Integer, ForeignKey(RUNS.c.id), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("space", String, nullable=False),
    Column("point", Text, nullable=False),  # JSON
    Column("began", DateTime),  # UTC, as `ended`
    Column("ended", DateTime),
    Column("record", Text),
    Column("sha256", String),
    Column("wrong", LargeBinary),  # one bit a validation image; last, so that who reads records doesn't read it
)


class State(StrEnum):
    """Where a trial stands."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"


ANEW: dict[str, Any] = {"state": State.WAITING, **dict.fromkeys(("began", "ended", "record", "sha256", "wrong"))}
"""Values of a trial that waits as if it had never been trained."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A trial that is new to the database."""

    trial: int
    """Its number."""
    space: str
    """Name of its space."""
    point: Mapping[str, Value]
    """Values of its dimensions and of the recipe's."""


class Row(NamedTuple):
    """A trial as its database has it."""

    run: str
    """Name of its study."""
    number: int
    state: str
    space: str
    point: str
    """JSON of the values of its dimensions."""
    began: datetime | None
    """In UTC, as `ended`."""
    ended: datetime | None
    record: str | None
    """JSON; None where it isn't finished."""
    sha256: str | None
    """Of the record; None in runs of before there was one."""

    @property
    def over(self) -> bool:
        """Whether it is finished, by its state or because it has a record."""
        return self.state == State.FINISHED or self.record is not None


ROWS = (
    sqlalchemy.select(RUNS.c.name, *(TRIALS.c[name] for name in Row._fields[1:]))
    .join(RUNS, RUNS.c.id == TRIALS.c.run)
    .order_by(TRIALS.c.number)
)
"""All trials, in the order of their numbers."""


def seal(run: str, trial: int, record: str) -> str:
    """SHA-256 of a record's text with the study's name and the number: in another's place it is damage, too."""
    return hashlib.sha256(f"{run}\n{trial}\n{record}".encode(errors="surrogateescape")).hexdigest()


def record_of(row: Row, where: str, hint: str) -> Record:
    """The record of a finished trial; StorageFailed where it isn't what was written there."""
    try:
        record = msgspec.json.decode(row.record or "", type=Record)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise StorageFailed(f"{where}: the record of trial {row.number} is damaged: {error}", hint=hint) from None
    if row.sha256 is not None and row.sha256 != seal(row.run, row.number, row.record or ""):
        raise StorageFailed(
            f"{where}: the record of trial {row.number} is damaged: its SHA-256 isn't the one beside it", hint=hint
        )
    return record


def reading_engine(path: Path) -> sqlalchemy.Engine:
    """Connections to a database for who reads it."""
    engine = sqlalchemy.create_engine(database_url(path))
    sqlalchemy.event.listen(engine, "connect", _set_text)
    return engine


def writing_engine(path: Path, timeout: float) -> sqlalchemy.Engine:
    """Connections for its one writer, whose transactions hold the right to write from their first moment.

    Others read meanwhile; what is committed has reached the disk.
    """
    engine = sqlalchemy.create_engine(database_url(path), connect_args={"timeout": timeout})
    sqlalchemy.event.listen(engine, "connect", _set_text)
    sqlalchemy.event.listen(engine, "connect", _set_pragmas)
    sqlalchemy.event.listen(engine, "begin", _begin)
    return engine


def directly(engine: sqlalchemy.Engine, statement: str, *values: object) -> None:
    """Run a statement of SQLite's own that no transaction may surround; sqlite3.Error where it can't."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute(statement, values)
    finally:
        connection.close()


def let_go(engine: sqlalchemy.Engine) -> None:
    """Leave a database that was written to as one file that can be moved and read anywhere."""
    with suppress(sqlite3.Error, sqlalchemy.exc.DatabaseError):
        directly(engine, "PRAGMA journal_mode=DELETE")  # refused while somebody reads: then the log stays
    engine.dispose()


def database_url(path: Path) -> str:
    """The database as a URL; a `?` in a folder's name would begin its options."""
    return sqlalchemy.URL.create(
        "sqlite", database=f"file:{quote(str(path.resolve()))}", query={"uri": "true"}
    ).render_as_string()


def _set_text(connection: Any, _: object) -> None:
    """Bytes that are no text are kept as they are: whoever checks hashes names their trial."""
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")


def _set_pragmas(connection: Any, _: object) -> None:
    """A log that survives a killed writer, lets others read meanwhile, and reaches the disk at every commit."""
    connection.isolation_level = None  # transactions begin where `_begin` says
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sqlalchemy.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
