"""A run's database on a server of PostgreSQL, beside other runs.

Who writes holds an advisory lock by the number of the run, for as long as the connection lives: of two coordinators,
on whatever hosts, the second one learns of the first. A connection that breaks is made again, with its lock. Passwords
are libpq's affair (`~/.pgpass`, `PGPASSWORD`, `PGSERVICE`): no URL of ours holds one.
"""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import text

from nas.errors import Refused
from nas.storage.backends.base import KEPT, TakenOver, first_line, reading
from nas.storage.backends.guard import Guard
from nas.storage.tables import METADATA

DRIVER = "postgresql+psycopg"
NAMES = ("postgresql", "postgres", DRIVER)
"""Of this driver, in URLs."""
FORM = f"{DRIVER}://user@host/database"
PASSWORDS = "leave it out: libpq takes it from ~/.pgpass, PGPASSWORD or the service that PGSERVICE names"
PATIENT = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "client_encoding": "utf8",
}
"""libpq's settings: a server that doesn't answer is noticed within 5 to 25 seconds, so that signals are heard."""
SESSION = "SET tcp_keepalives_idle = 10", "SET tcp_keepalives_interval = 5", "SET tcp_keepalives_count = 3"
"""After so many seconds the server notices that a host is gone, and gives its run free."""
GLANCES, GLANCE = 5, 0.2
"""Tries to hold a run, and seconds between them: a server sees the end of a killed coordinator in a moment."""
NAME = 63
"""Letters that PostgreSQL keeps of the name of an application."""
GONE = "a connection that has just ended"
"""Who holds a run when nobody is found any more that does."""
MAKING = 0x6E61735F
"""Lock of those who make the tables, of whom one at a time may."""
HOLD = "SELECT pg_try_advisory_lock(%s)"
HOLDER = """
SELECT a.application_name FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = %s
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class PostgresServer:
    """One run on a server."""

    way_out = "put the right database back, as from a backup; to begin anew give another folder with --out"
    may_be_older = False
    mirror_url = ""

    def __init__(self, folder: Path, url: str, run: int) -> None:
        self.folder, self.url, self.run = folder, url, run
        self._owner, self._patience = "", 0.0
        options = sqlalchemy.make_url(url).query
        self._settings = {name: value for name, value in PATIENT.items() if name not in options}

    def __str__(self) -> str:
        return self.url

    def reader(self) -> sqlalchemy.Engine:
        """Connections that end with their use."""
        _require_driver()
        return sqlalchemy.create_engine(self.url, poolclass=sqlalchemy.NullPool, connect_args=self._settings)

    def writer(self, owner: str, patience: float) -> sqlalchemy.Engine:
        """One connection, which holds the run; it is made again where it broke. Makes tables where there are none."""
        _require_driver()
        self._owner, self._patience = owner[:NAME], patience
        engine = sqlalchemy.create_engine(
            self.url,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={**self._settings, "application_name": self._owner},
        )
        sqlalchemy.event.listen(engine, "connect", self._hold)
        try:
            self._begin(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def guard(self, engine: sqlalchemy.Engine) -> Guard | None:
        """None is needed."""
        return None

    def worth_waiting(self, error: Exception) -> str:
        """That the server is away, or hasn't noticed yet that an earlier connection of this command broke."""
        if isinstance(error, TakenOver):
            ours = error.who in (self._owner, GONE)
            return f"{self} still holds a broken connection of this command" if ours else ""
        kinds = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.InternalError)
        broken = isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated
        return f"{self} can't be used: {first_line(error)}" if broken or isinstance(error, kinds) else ""

    def hint(self, cause: object) -> str:
        """Only repeating the command helps."""
        return KEPT

    def sync(self, engine: sqlalchemy.Engine) -> None:
        """Nothing is left to do: a server commits to its disk."""

    def let_go(self, engine: sqlalchemy.Engine) -> None:
        """End the connection and with it the lock."""
        engine.dispose()

    def holder(self) -> str | None:
        """The name of the connection that holds the run."""
        with reading(self) as connection:
            return connection.exec_driver_sql(HOLDER, (self.run,)).scalar()

    def _begin(self, engine: sqlalchemy.Engine) -> None:
        """Hold the run, and make tables if need be; Refused where another command holds it."""
        who = ""
        for glance in range(GLANCES):
            time.sleep(GLANCE if glance else 0)
            try:
                with engine.begin() as connection:
                    if connection.exec_driver_sql("SHOW server_encoding").scalar() != "UTF8":
                        raise Refused(f"{self} isn't a database of Unicode", hint="createdb --encoding UTF8 ...")
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MAKING})
                    METADATA.create_all(connection)
                return
            except TakenOver as error:
                who = error.who
        raise Refused(f"another process works on {self.folder}: {who}")

    def _hold(self, connection: Any, _: object) -> None:
        """Take the run for a new connection; TakenOver where another has it."""
        try:
            with connection.cursor() as cursor:
                for setting in (*SESSION, f"SET lock_timeout = {1000 * self._patience:.0f}"):
                    cursor.execute(setting)
                if not cursor.execute(HOLD, (self.run,)).fetchone()[0]:
                    holder = cursor.execute(HOLDER, (self.run,)).fetchone()
                    raise TakenOver(self.folder, holder[0] if holder else GONE)
            connection.commit()
        except BaseException:
            connection.close()
            raise


def server_url(given: str) -> str:
    """The URL of a database on a server, with its driver; Refused for others, and for one that holds a password."""
    try:
        url = sqlalchemy.make_url(given)
    except (sqlalchemy.exc.ArgumentError, ValueError):  # its port is no number
        raise Refused("that is no URL of a database", hint=FORM) from None  # it isn't shown: it may hold a password
    if url.password is not None or "password" in url.query:
        raise Refused("a password in a URL is seen by who lists processes, and would be stored", hint=PASSWORDS)
    if url.drivername not in NAMES:
        raise Refused(
            f"trials lie in the folder of a run, or on a server of PostgreSQL; this URL is of {url.drivername}",
            hint=FORM,
        )
    _require_driver()
    return url.set(drivername=DRIVER).render_as_string()


def _require_driver() -> None:
    try:
        import_module("psycopg")
    except ImportError:  # of itself, or of the library behind it
        hint = "pip install 'nas-atlas[postgresql]'"
        raise Refused("PostgreSQL needs psycopg, which isn't installed here", hint=hint) from None
