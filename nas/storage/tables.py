"""Our own tables in a run's database: what the run is asked, who works on it, and its trials. They are the truth.

A trial is a row from the moment it is handed to a worker. Its record is one text of JSON, written together with the end
of the trial and with a hash over run, number and text, which is checked whenever the record is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
import sqlalchemy
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Integer, LargeBinary, MetaData, String, Table, Text

from nas.errors import StorageFailed
from nas.files import parsed
from nas.space import Value
from nas.study.record import Record

SCHEMA = 1
"""Of these tables."""
METADATA = MetaData()
LONG = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's own key of a row is an INTEGER."""
RUNS = Table(
    "nas_runs",
    METADATA,
    Column("id", LONG, primary_key=True, autoincrement=False),
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
    Column("run", LONG, ForeignKey(RUNS.c.id), primary_key=True, autoincrement=False),
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


def rows_of(run: int) -> sqlalchemy.Select[Any]:
    """All trials of a run, in the order of their numbers."""
    return (
        sqlalchemy.select(RUNS.c.name, *(TRIALS.c[name] for name in Row._fields[1:]))
        .join(RUNS, RUNS.c.id == TRIALS.c.run)
        .where(TRIALS.c.run == run)
        .order_by(TRIALS.c.number)
    )


def seal(run: str, trial: int, record: str) -> str:
    """SHA-256 of a record's text with the study's name and the number: in another's place it is damage, too."""
    return hashlib.sha256(f"{run}\n{trial}\n{record}".encode(errors="surrogateescape")).hexdigest()


def record_of(row: Row, where: str, hint: str) -> Record:
    """The record of a finished trial; StorageFailed where it isn't what was written there."""
    try:
        record = parsed(row.record or "", Record)
    except msgspec.MsgspecError as error:
        raise StorageFailed(f"{where}: the record of trial {row.number} is damaged: {error}", hint=hint) from None
    if row.sha256 is not None and row.sha256 != seal(row.run, row.number, row.record or ""):
        raise StorageFailed(
            f"{where}: the record of trial {row.number} is damaged: its SHA-256 isn't the one beside it", hint=hint
        )
    return record
