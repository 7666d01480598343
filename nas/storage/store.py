"""A run's database, open for the one coordinator that writes to it.

Whoever opens it writes a token of its own into it, and every transaction looks whether that is still there: of two
coordinators, however both came to work, the first one stops. What a killed coordinator left unfinished is begun again
under the same number.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy
from sqlalchemy import bindparam, insert, select, update

from nas.errors import Refused, StorageFailed
from nas.files import remove_leftovers, text_digest
from nas.storage import older, spool, study_json
from nas.storage.backends.base import KEPT, Backend, TakenOver, reading, translated
from nas.storage.database import damage_named, described, intact, our_rows
from nas.storage.integrity import Evidence, evidence, lost_trials, require_database
from nas.storage.layout import LOCK, LOG, PAGE, STUDY, TABLE, WEIGHTS, require_no_links
from nas.storage.location import settled
from nas.storage.lock import locked, unwritable
from nas.storage.optuna_mirror import Mirror
from nas.storage.study_json import Manifest, require_agreement
from nas.storage.tables import (
    ANEW,
    METADATA,
    RUNS,
    SCHEMA,
    TRIALS,
    Entry,
    Row,
    State,
    rows_of,
    seal,
)
from nas.storage.wrong_images import NONE
from nas.study.record import Outcome, Record

logger = logging.getLogger(__name__)

TIMEOUT, STEP = 60.0, 0.5
"""Seconds to wait for a database that somebody else writes to, or that is away; between steps signals are heard."""
CHECKPOINT = 1.0
"""Seconds after which what was written is also brought to where nobody overlooks it."""
MIRRORED = 10.0
"""Seconds at most that the end of a command takes for Optuna's tables."""
MIRRORED_AT_ONCE = 1.0
"""The same where it was interrupted."""
MANY = 50
"""Finished trials that are read for Optuna's tables at once."""
ROW = (TRIALS.c.run == bindparam("of")) & (TRIALS.c.number == bindparam("trial"))
OWNER = select(RUNS.c.owner, RUNS.c.token).where(RUNS.c.id == bindparam("of")).with_for_update()
ADD = insert(TRIALS)
BEGIN = update(TRIALS).where(ROW).values(state=State.RUNNING, began=bindparam("now"))
END = (
    update(TRIALS)
    .where(ROW)
    .values(
        state=State.FINISHED,
        ended=bindparam("now"),
        record=bindparam("text"),
        sha256=bindparam("hash"),
        wrong=bindparam("bits"),
    )
)
T = TypeVar("T")


class Locked(StorageFailed):
    """The database is held by another program, or away, for longer than a command waits."""


class Store:
    """An open run; use `opened` to get one."""

    def __init__(
        self, backend: Backend, manifest: Manifest, witnesses: Evidence, retry: Collection[Outcome] = ()
    ) -> None:
        self.folder, self.manifest, self._backend = backend.folder, manifest, backend
        _make(self.folder / WEIGHTS)
        require_database(self.folder)
        self._owner = f"process {os.getpid()} on {socket.gethostname()}"
        self._engine = backend.writer(self._owner, STEP)
        self._token = secrets.token_hex(16)
        self.records: dict[int, Record] = {}
        """What was finished when the run was opened."""
        self.interrupted: Callable[[], bool] = lambda: False
        """Whether somebody wants the command to end, so that it doesn't wait for the database any more."""
        self._open: dict[int, State] = {}
        self._locked = False
        self._uncertain = False
        self._dirty, self._copied = False, time.monotonic()
        try:
            stale = self._take()
            self._guard = backend.guard(self._engine)
            self._read(witnesses)
            self._unspool()
            retried = [trial for trial, record in self.records.items() if record.outcome in retry]
            self._reopen(retried)
        except BaseException:
            backend.let_go(self._engine)
            raise
        self.over = set(self.records)
        """Numbers of all finished trials."""
        url = backend.mirror_url
        self._mirror = Mirror(url, manifest.study, self._finished_from) if url else None
        if self._mirror and (stale or retried):
            self._mirror.forget()

    def write(
        self,
        added: Sequence[Entry] = (),
        running: Collection[int] = (),
        over: Sequence[Record] = (),
        wrong: Mapping[int, bytes] = NONE,
    ) -> Sequence[Record]:
        """Note what has happened since the last call, in one transaction; the records that are new, now on the disk.

        `added` are trials that are wanted now, in the order of their numbers; those that are known stay as they are.
        `running` are all that are trained at this moment; `over` are records, of which a second for a trial is ignored;
        `wrong` are the bits of their wrong images.
        StorageFailed where the database has been taken away meanwhile, or another command works on the run.
        """
        if self._guard:
            self._guard.require(len(self.over))
        new = [entry for entry in added if entry.trial not in self._open and entry.trial not in self.over]
        fresh: dict[int, Record] = {}
        for record in over:
            if record.trial not in self.over:
                fresh.setdefault(record.trial, record)
        self._open.update((entry.trial, State.WAITING) for entry in new)
        begun = [t for t, state in self._open.items() if state is not State.RUNNING and (t in running or t in fresh)]
        if new or begun or fresh:
            try:
                self._write(new, begun, list(fresh.values()), wrong)
            except Locked:
                spool.keep(self.folder, self.manifest.study.name, fresh.values(), wrong)
                raise
            self._dirty = True
        self._copy()
        self._open.update((trial, State.RUNNING) for trial in begun)
        for trial in fresh:
            del self._open[trial]
        self.over.update(fresh)
        if self._mirror:
            self._mirror.step()
        return list(fresh.values())

    def update(self, manifest: Manifest) -> None:
        """Store what the run is asked from now on, where that has changed."""
        if manifest != self.manifest:
            before = text_digest(study_json.content(self.folder))
            asked = {"manifest": study_json.text(manifest), "manifest_before": before}
            self._within(lambda connection: connection.execute(self._of_run(), asked))
            study_json.write(self.folder, manifest)
            self.manifest = manifest

    def release(self) -> None:
        """Put trials that were begun and not finished back into the queue; not into a locked database."""
        if self._locked:
            return
        running = (TRIALS.c.run == self._backend.run) & (TRIALS.c.state == State.RUNNING)
        waiting = update(TRIALS).where(running).values(state=State.WAITING)
        self._within(lambda connection: connection.execute(waiting))

    def close(self, seconds: float) -> None:
        """Let go of the database, after so many seconds at most for what Optuna's tools see."""
        if self._mirror:
            if self._guard is None or self._guard.there:  # a file in its place would be written to
                self._mirror.catch_up(seconds)
            self._mirror.close()
        self._backend.let_go(self._engine)

    def _take(self) -> bool:
        """Make the run ours, with tables if it has none yet; whether Optuna's tables hold what isn't so any more."""
        content, name = study_json.content(self.folder), self.manifest.study.name
        owner = {"owner": self._owner, "token": self._token}
        asked = {"name": name, "schema": SCHEMA, "manifest": content, "manifest_before": ""}

        def take(connection: sqlalchemy.Connection) -> bool:
            METADATA.create_all(connection)
            if (run := described(self._backend, connection)) is not None:
                study_json.require_unaltered(self.folder, run.manifest, run.manifest_before)
                connection.execute(self._of_run(), owner)
                return False
            connection.execute(insert(RUNS), {"id": self._backend.run, **asked, **owner})
            return self._migrate(connection, name)

        return self._repeated(take)

    def _migrate(self, connection: sqlalchemy.Connection, name: str) -> bool:
        """Copy the finished trials of an older run to our tables; whether it has others, which are begun anew."""
        if not self._backend.may_be_older or not older.there(connection):
            return False
        with damage_named(self._backend):
            rows, wrong = list(older.rows(connection)), dict(older.wrong_images(connection))
        finished = [(row, intact(self._backend, row)) for row in rows if row.over]
        if finished:
            connection.execute(ADD, [self._migrated(name, r, record, wrong) for r, record in finished])
        older.remove_wrong_images(connection)
        return len(finished) < len(rows)

    def _read(self, witnesses: Evidence) -> None:
        """All trials; refused where the files beside the database know of others."""
        rows = self._within(lambda connection: our_rows(self._backend, connection))
        for row in rows:
            if row.over:
                self.records[row.number] = intact(self._backend, row)
            else:
                self._open[row.number] = State.WAITING
        if lost := lost_trials(self._backend, witnesses, self.records, [row.number for row in rows]):
            raise StorageFailed(lost, hint=self._backend.way_out)
        self.release()

    def _unspool(self) -> None:
        """Tell what an earlier command couldn't."""
        name, now = self.manifest.study.name, _now()
        told = list(spool.kept(self.folder, name))
        fresh = {record.trial: (record, wrong) for _, record, wrong in told if record.trial not in self.records}
        entries = [Entry(trial=r.trial, space=r.space, point=r.point) for r, _ in fresh.values()]
        new = [self._added(entry, None) for entry in entries if entry.trial not in self._open]
        ended = [self._ended(name, record, now, wrong) for record, wrong in fresh.values()]

        def tell(connection: sqlalchemy.Connection) -> None:
            self._add(connection, new)
            if ended:
                connection.execute(END, ended)

        if fresh:
            self._within(tell)
        for trial, (record, _) in fresh.items():
            self._open.pop(trial, None)
            self.records[trial] = record
            logger.info("trial %d, which the database couldn't take before, is in it now", trial)
        spool.remove(self.folder, [path for path, _, _ in told])

    def _reopen(self, failed: Sequence[int]) -> None:
        """Begin trials again that failed: they wait, as if they had never been trained."""
        if failed:
            again, rows = update(TRIALS).where(ROW).values(ANEW), [self._key(trial) for trial in failed]
            self._within(lambda connection: connection.execute(again, rows))
        for trial in failed:
            logger.info("trial %d is tried again: it was %s", trial, self.records.pop(trial).outcome)
            self._open[trial] = State.WAITING

    def _write(
        self, new: Sequence[Entry], begun: Sequence[int], over: Sequence[Record], wrong: Mapping[int, bytes]
    ) -> None:
        """Add trials that wait, then begin trials, then end trials with their records."""
        now, name = _now(), self.manifest.study.name
        at_once = {entry.trial: now for entry in new if entry.trial in begun}
        added = [self._added(entry, at_once.get(entry.trial)) for entry in new]
        started = [{**self._key(trial), "now": now} for trial in begun if trial not in at_once]
        finished = [self._ended(name, record, now, wrong.get(record.trial)) for record in over]

        def write(connection: sqlalchemy.Connection) -> None:
            self._add(connection, added)
            if started:
                connection.execute(BEGIN, started)
            if finished and connection.execute(END, finished).rowcount != len(finished):
                raise StorageFailed(
                    f"{self._backend} has lost trials that are trained; something else wrote to it",
                    hint=self._backend.way_out,
                )

        self._within(write)

    def _add(self, connection: sqlalchemy.Connection, trials: Sequence[dict[str, Any]]) -> None:
        """Add trials; on a second try but those that are there: a server that went away may have taken them."""
        there = self._known(trials, connection) if self._uncertain else ()
        if new := [trial for trial in trials if trial["number"] not in there]:
            connection.execute(ADD, new)

    def _known(self, trials: Sequence[dict[str, Any]], connection: sqlalchemy.Connection) -> set[int]:
        """Numbers of those trials that the database has."""
        ours = (TRIALS.c.run == self._backend.run) & TRIALS.c.number.in_([trial["number"] for trial in trials])
        return {*connection.scalars(select(TRIALS.c.number).where(ours))}

    def _within(self, act: Callable[[sqlalchemy.Connection], T]) -> T:
        """What comes of an act in a transaction of the run's owner; TakenOver where another command works on it."""

        def owned(connection: sqlalchemy.Connection) -> T:
            self._require_ownership(connection)
            return act(connection)

        return self._repeated(owned)

    def _repeated(self, act: Callable[[sqlalchemy.Connection], T]) -> T:
        """What comes of an act in a transaction, once the database lets us; one that was done may be done again.

        Locked where that takes too long, or somebody wants us to end.
        """
        until = time.monotonic() + TIMEOUT
        while True:
            began = time.monotonic()
            try:
                with self._engine.begin() as connection:
                    found = act(connection)
            except (sqlalchemy.exc.DBAPIError, TakenOver) as error:
                self._uncertain = True
                if not (matter := self._backend.worth_waiting(error)):
                    raise
                if time.monotonic() >= until or self.interrupted():
                    self._locked = True
                    raise Locked(matter, hint=KEPT) from None
            else:
                self._uncertain = False
                return found
            time.sleep(max(0.0, STEP - (time.monotonic() - began)))

    def _require_ownership(self, connection: sqlalchemy.Connection) -> None:
        found = connection.execute(OWNER, {"of": self._backend.run}).first()
        if found is None or found.token != self._token:
            raise TakenOver(self.folder, found.owner if found else "another program")

    def _finished_from(self, trial: int) -> list[tuple[Row, Record]]:
        """Finished trials from a number on, without a gap, a few at once."""
        with reading(self._backend) as connection:
            few = rows_of(self._backend.run).where(TRIALS.c.number >= trial).limit(MANY)
            rows = [Row(*row) for row in connection.execute(few)]
        gapless = takewhile(lambda pair: pair[0] == pair[1].number and pair[1].over, enumerate(rows, trial))
        return [(row, intact(self._backend, row)) for _, row in gapless]

    def _copy(self) -> None:
        """Have what was written in the database itself soon: the write-ahead log may be lost, or left behind.

        Where nothing was written, look whether the run is still ours; a server tells that by itself.
        """
        if time.monotonic() - self._copied < CHECKPOINT:
            return
        if self._dirty:
            self._backend.sync(self._engine)
        elif self._guard:
            with reading(self._backend) as connection:
                self._require_ownership(connection)
        self._dirty, self._copied = False, time.monotonic()

    def _of_run(self) -> sqlalchemy.Update:
        """A change of the run's own row."""
        return update(RUNS).where(RUNS.c.id == self._backend.run)

    def _key(self, trial: int) -> dict[str, Any]:
        """Which row is meant by `ROW`."""
        return {"of": self._backend.run, "trial": trial}

    def _added(self, entry: Entry, began: datetime | None) -> dict[str, Any]:
        """A trial that waits, or is begun at once."""
        key = {"run": self._backend.run, "number": entry.trial}
        point = msgspec.json.encode(dict(entry.point)).decode()
        state = State.RUNNING if began else State.WAITING
        return {**key, "state": state, "space": entry.space, "point": point, "began": began}

    def _ended(self, name: str, record: Record, now: datetime, wrong: bytes | None) -> dict[str, Any]:
        text = msgspec.json.encode(record).decode()
        sha256 = seal(name, record.trial, text)
        return {**self._key(record.trial), "now": now, "text": text, "hash": sha256, "bits": wrong}

    def _migrated(self, name: str, row: Row, record: Record, wrong: Mapping[int, bytes]) -> dict[str, Any]:
        entry = Entry(trial=row.number, space=record.space, point=record.point)
        hashed = {"record": row.record, "sha256": seal(name, row.number, row.record or "")}
        finished = {"state": State.FINISHED, "ended": row.ended, "wrong": wrong.get(row.number)}
        return {**self._added(entry, row.began), **finished, **hashed}


@contextmanager
def opened(folder: Path, manifest: Manifest, retry: Collection[Outcome] = (), server: str = "") -> Iterator[Store]:
    """The run of a study in a folder, new or to be continued; locked against a second coordinator.

    Trials that had these outcomes are begun again. The trials of a new run lie on a server if one is named.
    """
    _make_folder(folder)
    require_no_links(folder)
    with locked(folder):
        stored = study_json.begun(folder)
        if stored is None:
            stored = manifest
            study_json.write(folder, manifest)  # first of all, so that a folder with other things in it is a run's
        else:
            require_agreement(folder, stored, manifest)  # it may have been begun since we first looked
        for name in (STUDY, TABLE, PAGE):
            remove_leftovers(folder / name)
        witnesses = evidence(folder, stored.total)
        backend = settled(folder, server)
        with translated(backend):
            store = Store(backend, stored, witnesses, retry)
            seconds = MIRRORED_AT_ONCE
            try:
                yield store
                seconds = MIRRORED
            finally:
                with suppress(sqlalchemy.exc.SQLAlchemyError, StorageFailed):
                    store.release()
                store.close(seconds)


def _now() -> datetime:
    """In UTC, as the tables have it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _make_folder(folder: Path) -> None:
    """Make the run's folder; refuse one that holds other things."""
    if folder.exists() and not folder.is_dir():
        raise Refused(f"{folder} is a file, not a folder")
    strangers = [p.name for p in folder.iterdir() if not _left_by_a_start(p.name)] if folder.is_dir() else []
    if strangers and not (folder / STUDY).exists():
        raise Refused(f"{folder} is not the folder of a run and not empty (it holds {strangers[0]})", hint="--out DIR")
    _make(folder)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None


def _left_by_a_start(name: str) -> bool:
    """Whether a file may lie there although no study was written: the beginning was interrupted."""
    return name in (LOCK, LOG) or name.startswith(f".{STUDY}.")
