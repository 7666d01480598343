"""Whether the database that a run has open still lies in its place, and what becomes of it where it doesn't."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import suppress
from pathlib import Path

import sqlalchemy

from nas.errors import StorageFailed
from nas.storage.integrity import WAY_OUT
from nas.storage.layout import DATABASE, WRITE_AHEAD

RESCUED = f"{DATABASE}.rescued"


def directly(engine: sqlalchemy.Engine, statement: str, *values: object) -> None:
    """Run a statement of SQLite's own that no transaction may surround; sqlite3.Error where it can't."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute(statement, values)
    finally:
        connection.close()


class Guard:
    """Knows the file that was opened; somebody may delete, move or replace it, or its log, while the run works."""

    def __init__(self, folder: Path, engine: sqlalchemy.Engine) -> None:
        self._path, self._log, self._engine = folder / DATABASE, folder / WRITE_AHEAD, engine
        self._file = self._path.stat()
        self._logged = False

    @property
    def there(self) -> bool:
        """Whether the file that was opened still lies in its place."""
        with suppress(OSError):
            return os.path.samestat(self._path.stat(), self._file)
        return False

    def require(self, finished: int) -> None:
        """Refuse to write what nobody will find: StorageFailed, with all finished trials written to where they will."""
        there, logged = self.there, self._log.exists()
        if there and (logged or not self._logged):
            self._logged = logged
            return
        gone = f"{self._log if there else self._path} was taken away while the run worked"
        try:
            where = self._rescued()
        except (OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError) as error:
            cause = str(getattr(error, "orig", None) or error)
            raise StorageFailed(f"{gone}, and what it held can't be written: {cause}", hint=WAY_OUT) from None
        hint = "run the same command again to resume"
        if where != self._path:
            hint = f"another file lies in its place; if that one is wrong, move {where.name} to {DATABASE}: {hint}"
        raise StorageFailed(f"{gone}; {where} holds all {finished:,} finished trials", hint=hint)

    def _rescued(self) -> Path:
        """Write all that the open database holds to where it will be found: its own place, if nothing else is there."""
        directly(self._engine, "PRAGMA wal_checkpoint(PASSIVE)")
        if self.there:
            return self._path
        taken = os.path.lexists(self._path)
        target = self._path.with_name(f"{RESCUED}-{secrets.token_hex(4)}") if taken else self._path
        directly(self._engine, "VACUUM INTO ?", str(target))
        return target
