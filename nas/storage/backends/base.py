"""What a run asks of its database, whichever it is: a file in the run's folder, or a server that the folder names.

Everything that differs between the two is behind this; tables and statements are the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy

from nas.errors import StorageFailed
from nas.storage.backends.guard import Guard

KEPT = "what is done is kept; run the same command again to resume"


class TakenOver(StorageFailed):
    """Another command works on the run now."""

    def __init__(self, folder: Path, who: str) -> None:
        super().__init__(f"{who} has taken over {folder}, so this command ends", hint=KEPT)
        self.who = who


def first_line(error: BaseException) -> str:
    """What a database says is the matter, without what its library adds."""
    return str(getattr(error, "orig", None) or error.__cause__ or error).split("\n")[0]


class Backend(Protocol):
    """A database; its text is what messages call it."""

    folder: Path
    """Of the run."""
    run: int
    """Which of its runs."""
    way_out: str
    """What to do where it isn't what the run left."""
    may_be_older: bool
    """Whether a run of before there were these tables may lie in it."""
    mirror_url: str
    """Where Optuna's tools find a copy of the run; empty where they don't."""

    def reader(self) -> sqlalchemy.Engine:
        """Connections for who reads; they disturb nobody who writes."""

    def writer(self, owner: str, patience: float) -> sqlalchemy.Engine:
        """Connections for its one writer, by name, who waits so many seconds for whoever else writes.

        What is committed has reached the disk. Refused where another works on the run, if the database can tell.
        """

    def holder(self) -> str | None:
        """Who works on the run, in words; None if nobody does, as far as the database can tell."""

    def guard(self, engine: sqlalchemy.Engine) -> Guard | None:
        """Who sees that it is still there, where somebody may take it away; a server looks after itself."""

    def worth_waiting(self, error: Exception) -> str:
        """What is the matter, where it may pass by itself; empty for other errors."""

    def hint(self, cause: object) -> str:
        """The way out of an error that doesn't pass."""

    def sync(self, engine: sqlalchemy.Engine) -> None:
        """Have what was committed where nobody overlooks it."""

    def let_go(self, engine: sqlalchemy.Engine) -> None:
        """Leave what was written to, in a state in which anybody can read it."""


@contextmanager
def reading(backend: Backend) -> Iterator[sqlalchemy.Connection]:
    """The database of a run for a moment; StorageFailed where it can't be read."""
    engine = backend.reader()
    try:
        with engine.connect() as connection:
            yield connection
    except sqlalchemy.exc.DatabaseError as error:
        cause = first_line(error)
        raise StorageFailed(f"{backend} can't be read: {cause}", hint=backend.hint(cause)) from None
    finally:
        engine.dispose()


@contextmanager
def translated(backend: Backend) -> Iterator[None]:
    """Errors of the database as ours."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
        cause = first_line(error)
        raise StorageFailed(f"{backend}: {cause}", hint=backend.hint(cause)) from error
