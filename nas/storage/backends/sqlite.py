"""A run's database as a file in its folder: SQLite with a write-ahead log, for one machine."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy

from nas.errors import StorageFailed
from nas.storage import older
from nas.storage.backends.base import first_line
from nas.storage.backends.guard import Guard, directly
from nas.storage.integrity import WAY_OUT
from nas.storage.layout import DATABASE
from nas.storage.tables import RUNS

DAMAGED = ("malformed", "not a database")
"""What SQLite says of a file that repeating the command won't mend."""


class SqliteFile:
    """The file of a run's folder, which holds this run and no other."""

    run = 1
    way_out = WAY_OUT
    may_be_older = True

    def __init__(self, folder: Path) -> None:
        self.folder, self._path = folder, folder / DATABASE
        self.mirror_url = _url(self._path)

    def __str__(self) -> str:
        return str(self._path)

    def reader(self) -> sqlalchemy.Engine:
        """Connections that read bytes which are no text as they are: whoever checks hashes names their trial."""
        engine = sqlalchemy.create_engine(_url(self._path))
        sqlalchemy.event.listen(engine, "connect", _set_text)
        return engine

    def writer(self, owner: str, patience: float) -> sqlalchemy.Engine:
        """Connections whose transactions hold the right to write from their first moment."""
        self._require_ours()
        engine = sqlalchemy.create_engine(_url(self._path), connect_args={"timeout": patience})
        sqlalchemy.event.listen(engine, "connect", _set_text)
        sqlalchemy.event.listen(engine, "connect", _set_pragmas)
        sqlalchemy.event.listen(engine, "begin", _begin)
        return engine

    def holder(self) -> str | None:
        """Locks of the folder tell."""
        return None

    def guard(self, engine: sqlalchemy.Engine) -> Guard | None:
        """Who knows the file that was opened."""
        return Guard(self.folder, engine)

    def worth_waiting(self, error: Exception) -> str:
        """That another program writes to it."""
        return f"{self} is locked by another program" if first_line(error) == "database is locked" else ""

    def hint(self, cause: object) -> str:
        """Damage isn't mended by repeating the command."""
        if any(words in str(cause) for words in DAMAGED):
            return WAY_OUT
        return "what is done is kept; repeat the command when the disk works again"

    def sync(self, engine: sqlalchemy.Engine) -> None:
        """Copy the write-ahead log into the file: it may be lost, or left behind."""
        directly(engine, "PRAGMA wal_checkpoint(PASSIVE)")

    def let_go(self, engine: sqlalchemy.Engine) -> None:
        """Leave one file that can be moved and read anywhere."""
        with suppress(sqlite3.Error, sqlalchemy.exc.DatabaseError):
            directly(engine, "PRAGMA journal_mode=DELETE")  # refused while somebody reads: then the log stays
        engine.dispose()

    def _require_ours(self) -> None:
        """Refuse a database of another program, before tables of ours are made in it."""
        if not self._path.is_file():
            return
        engine = self.reader()
        try:
            tables = sqlalchemy.inspect(engine).get_table_names()
        except sqlalchemy.exc.DatabaseError as error:
            raise StorageFailed(f"{self} can't be read: {error.orig}", hint=self.hint(error.orig)) from None
        finally:
            engine.dispose()
        if tables and RUNS.name not in tables and not older.NAMES & {*tables}:
            raise StorageFailed(f"{self} holds {tables[0]}, not the trials of a run", hint=WAY_OUT)


def _url(path: Path) -> str:
    """The file as a URL; a `?` in a folder's name would begin its options."""
    file = f"file:{quote(str(path.resolve()))}"
    return sqlalchemy.URL.create("sqlite", database=file, query={"uri": "true"}).render_as_string()


def _set_text(connection: Any, _: object) -> None:
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")


def _set_pragmas(connection: Any, _: object) -> None:
    """A log that survives a killed writer, lets others read meanwhile, and reaches the disk at every commit."""
    connection.isolation_level = None  # transactions begin where `_begin` says
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sqlalchemy.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
