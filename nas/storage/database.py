"""The Optuna study behind a run: opened by one coordinator at a time, which is its only writer.

A trial is a row from the moment it is handed to a worker, with its parameters: WAITING in the worker's queue, RUNNING
while it is trained. Its record is one attribute, written together with the end of the trial. What a killed coordinator
left unfinished is begun again under the same number. A database that vanishes, or lacks what the files beside it tell
of, ends the command: nothing is begun over in silence.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from inspect import unwrap
from itertools import pairwise
from pathlib import Path
from shlex import quote
from statistics import median_low
from typing import Any

import msgspec
import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from nas.errors import Refused, StorageFailed, in_place_of
from nas.files import remove_leftovers
from nas.sampling.quiet import quiet
from nas.storage import study_json
from nas.storage.integrity import WAY_OUT, Evidence, evidence, lost_trials, require_database
from nas.storage.layout import DATABASE, LOCK, LOG, PAGE, STUDY, TABLE, WEIGHTS, WRITE_AHEAD, require_no_links
from nas.storage.lock import Lock, locked, unwritable
from nas.storage.optuna_tables import RECORD, Entry, database_url, rows, stored
from nas.storage.study_json import Manifest, require_agreement
from nas.storage.wrong_images import NONE, READ, Wrong, unpacked
from nas.study.objectives import METRICS, Objective
from nas.study.record import Outcome, Record

logger = logging.getLogger(__name__)

RECORDS = (
    "SELECT a.value_json FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "
    "WHERE a.key = :key AND t.state IN ('COMPLETE', 'PRUNED', 'FAIL') ORDER BY t.number"
)
ENDS = (
    "SELECT datetime_complete FROM trials WHERE datetime_complete IS NOT NULL "
    "ORDER BY datetime_complete DESC LIMIT :most"
)
NUMBERS = "SELECT number FROM trials"
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"
PACED = 50
"""Trials from which the pace of a run is told."""
DAMAGED = ("malformed", "not a database")
"""What SQLite says of a file that repeating the command won't mend."""
CHECKPOINT = 1.0
"""Seconds after which what was written to the write-ahead log is copied into the database itself."""
RESCUED = f"{DATABASE}.rescued"


class Store:
    """An open run; use `opened` to get one."""

    def __init__(
        self, folder: Path, manifest: Manifest, lock: Lock, witnesses: Evidence, retry: Collection[Outcome] = ()
    ) -> None:
        self.folder, self.manifest, self._lock = folder, manifest, lock
        _make(folder / WEIGHTS)
        require_database(folder)
        _require_ours(folder)
        self._storage = _storage(folder / DATABASE)
        self._file = (folder / DATABASE).stat()
        self._logged = False
        self._dirty, self._copied = False, time.monotonic()
        study = _study_id(self._storage, manifest.study.name, manifest.study.objectives)
        self.records: dict[int, Record] = {}
        """What was finished when the run was opened."""
        ids: dict[int, int] = {}
        self._open: dict[int, TrialState] = {}
        for row, trial, state, text in stored(self._storage, study):
            ids[trial] = row
            if state.is_finished():
                self.records[trial] = _record(folder, trial, text)
            else:
                self._open[trial] = TrialState.WAITING
        if lost := lost_trials(folder, witnesses, self.records, ids):
            self.close()
            raise StorageFailed(lost, hint=WAY_OUT)
        self._rows = rows(self._storage, study, ids, manifest.study.objectives)
        self._reopen([trial for trial, record in self.records.items() if record.outcome in retry])
        self.over = set(self.records)
        """Numbers of all finished trials."""
        self._rows.release()

    def _reopen(self, failed: Sequence[int]) -> None:
        """Begin trials again that failed: they wait, as if they had never been trained."""
        self._rows.reopen(failed)
        for trial in failed:
            logger.info("trial %d is tried again: it was %s", trial, self.records.pop(trial).outcome)
            self._open[trial] = TrialState.WAITING

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
        StorageFailed where the database or the lock has been taken away meanwhile.
        """
        self._require_intact()
        new = [entry for entry in added if entry.trial not in self._open and entry.trial not in self.over]
        fresh: dict[int, Record] = {}
        for record in over:
            if record.trial not in self.over:
                fresh.setdefault(record.trial, record)
        self._open.update((entry.trial, TrialState.WAITING) for entry in new)
        begun = [
            t for t, state in self._open.items() if state is not TrialState.RUNNING and (t in running or t in fresh)
        ]
        if new or begun or fresh:
            self._rows.write(new, begun, list(fresh.values()), {t: wrong[t] for t in fresh if t in wrong})
            self._dirty = True
        self._copy()
        self._open.update((trial, TrialState.RUNNING) for trial in begun)
        for trial in fresh:
            del self._open[trial]
        self.over.update(fresh)
        return list(fresh.values())

    def update(self, manifest: Manifest) -> None:
        """Store what the run is asked from now on, where that has changed."""
        if manifest != self.manifest:
            study_json.write(self.folder, manifest)
            self.manifest = manifest

    def release(self) -> None:
        """Put trials that were begun and not finished back into the queue."""
        self._rows.release()

    def close(self) -> None:
        """Let go of the database, as one file that can be moved and read anywhere."""
        self._storage.remove_session()
        with suppress(sqlalchemy.exc.DatabaseError), self._storage.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")  # refused while somebody reads: then the log stays
        self._storage.engine.dispose()

    def _copy(self) -> None:
        """Have what was written in the database itself soon: the write-ahead log may be lost, or left behind."""
        if self._dirty and time.monotonic() - self._copied >= CHECKPOINT:
            with self._storage.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            self._dirty, self._copied = False, time.monotonic()

    def _require_intact(self) -> None:
        """Refuse to write what nobody will find: the database, its log or the lock were deleted, moved or replaced."""
        if not self._lock.held:
            raise StorageFailed(
                f"{self._lock.path} was deleted, so another command may work here, too",
                hint="what is done is kept; run the same command again to resume",
            )
        path, log = self.folder / DATABASE, self.folder / WRITE_AHEAD
        there, logged = self._is_there(), log.exists()
        if there and (logged or not self._logged):
            self._logged = logged
            return
        gone = f"{log if there else path} was taken away while the run worked"
        try:
            where = self._rescued()
        except (OSError, sqlalchemy.exc.SQLAlchemyError) as error:
            cause = str(getattr(error, "orig", None) or error)
            raise StorageFailed(f"{gone}, and what it held can't be written: {cause}", hint=WAY_OUT) from None
        hint = "run the same command again to resume"
        if where != path:
            hint = f"another file lies in its place; if that one is wrong, move {where.name} to {path.name}: {hint}"
        raise StorageFailed(f"{gone}; {where} holds all {len(self.over):,} finished trials", hint=hint)

    def _is_there(self) -> bool:
        """Whether the file that was opened still lies in its place."""
        with suppress(OSError):
            return os.path.samestat((self.folder / DATABASE).stat(), self._file)
        return False

    def _rescued(self) -> Path:
        """Write all that the open database holds to where it will be found: its own place, if nothing else is there."""
        path = self.folder / DATABASE
        with self._storage.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            if self._is_there():
                return path
            target = self.folder / f"{RESCUED}-{secrets.token_hex(4)}" if os.path.lexists(path) else path
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
        return target


@contextmanager
def opened(folder: Path, manifest: Manifest, retry: Collection[Outcome] = ()) -> Iterator[Store]:
    """The run of a study in a folder, new or to be continued; locked against a second coordinator.

    Trials that had these outcomes are begun again.
    """
    _make_folder(folder)
    require_no_links(folder)
    with _translated(folder), locked(folder) as lock:
        stored = study_json.begun(folder)
        if stored is None:
            stored = manifest
            study_json.write(folder, manifest)  # first of all, so that a folder with other things in it is a run's
        else:
            require_agreement(folder, stored, manifest)  # it may have been begun since we first looked
        for name in (STUDY, TABLE, PAGE):
            remove_leftovers(folder / name)
        witnesses = evidence(folder, stored.total)
        store = Store(folder, stored, lock, witnesses, retry)
        try:
            yield store
        finally:
            with suppress(sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError):
                store.release()
            store.close()


def require_run(folder: Path) -> None:
    """Refuse a folder that holds no run."""
    if folder.is_file():
        raise Refused(f"{folder} is a file, a run is the folder around it", hint=in_place_of(folder, folder.parent))
    if not folder.is_dir():
        raise Refused(f"there is no folder {folder}", hint="start a run: nas run quickstart")
    hint = f"a run makes one: nas run STUDY --out {quote(str(folder))}"
    if (folder / STUDY).is_file():
        require_database(folder)
    elif (folder / DATABASE).is_file():
        hint = f"put {STUDY} back beside its {DATABASE}; a new run takes another folder"
    if not (folder / STUDY).is_file() or not (folder / DATABASE).is_file():
        raise Refused(f"{folder} is not the folder of a run: it has no {STUDY} with a {DATABASE}", hint=hint)


def read_records(folder: Path) -> list[Record]:
    """All records of a run, in the order of trials, without disturbing a coordinator that writes them."""
    require_run(folder)
    try:
        return [msgspec.json.decode(text, type=Record) for (text,) in _query(folder, RECORDS, {"key": RECORD})]
    except msgspec.MsgspecError as error:
        raise StorageFailed(f"{folder / DATABASE} holds a damaged record: {error}") from None


def read_wrong_images(folder: Path, images: int, records: Iterable[Record]) -> dict[int, Wrong]:
    """Trial -> whether each of so many validation images is wrong, of those records that have it stored.

    StorageFailed where the share of wrong images isn't the error of the record.
    """
    errors = {record.trial: record.error for record in records if record.error is not None}
    kept: dict[int, Wrong] = {}
    for trial, bits in _query(folder, READ, {"trials": str(list(errors))}):
        wrong = unpacked(bits, images)
        if wrong is None or int(wrong.sum()) / images != errors[trial]:
            raise StorageFailed(
                f"{folder / DATABASE}: the wrong images of trial {trial} aren't those of its error, "
                f"{errors[trial]:.4f} of {images:,}; something else wrote to it",
                hint=WAY_OUT,
            )
        kept[trial] = wrong
    return kept


def read_numbers(folder: Path) -> frozenset[int]:
    """Numbers of all trials that a run's database knows, finished or not."""
    return frozenset(number for (number,) in _query(folder, NUMBERS, {}))


def _query(folder: Path, query: str, values: dict[str, Any]) -> list[Any]:
    """Rows of the database, read directly: loading ten thousand trials through Optuna takes many seconds."""
    engine = sqlalchemy.create_engine(database_url(folder / DATABASE))
    try:
        with engine.connect() as connection:
            return list(connection.execute(sqlalchemy.text(query), values).all())
    except sqlalchemy.exc.DatabaseError as error:
        if "no such table" in str(error.orig):
            return []  # a coordinator has just made the file
        hint = WAY_OUT if _is_damage(error.orig) else ""
        raise StorageFailed(f"{folder / DATABASE} can't be read: {error.orig}", hint=hint) from None
    finally:
        engine.dispose()


def _is_damage(cause: object) -> bool:
    return any(words in str(cause) for words in DAMAGED)


def pace(folder: Path) -> float | None:
    """Trials a second over the last ones that ended, times without a coordinator left out; None with fewer than two.

    A clock that was set to another day makes such a gap, too.
    """
    ends = sorted(datetime.fromisoformat(str(end)) for (end,) in _query(folder, ENDS, {"most": PACED}))
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(ends)]
    usual = [gap for gap in gaps if gap <= 20 * median_low(gaps) + 60]
    return len(usual) / sum(usual) if sum(usual) else None


def _record(folder: Path, trial: int, text: str | None) -> Record:
    try:
        return msgspec.json.decode(text or "", type=Record)
    except msgspec.MsgspecError as error:
        raise StorageFailed(
            f"{folder / DATABASE}: trial {trial} is finished without an intact record; something else wrote to it"
        ) from error


def _require_ours(folder: Path) -> None:
    """Refuse a database of another program, before tables of ours are made in it."""
    tables = [name for (name,) in _query(folder, TABLES, {})] if (folder / DATABASE).is_file() else []
    if tables and not {"studies", "trials"} & {*tables}:  # Optuna makes them one after another, studies first
        raise StorageFailed(f"{folder / DATABASE} holds {tables[0]}, not the trials of a run", hint=WAY_OUT)


def _storage(path: Path) -> RDBStorage:
    storage = RDBStorage(database_url(path), engine_kwargs={"connect_args": {"timeout": 30}})
    sqlalchemy.event.listen(storage.engine, "connect", _set_pragmas)
    storage.engine.dispose()  # connections made before the listener don't have the pragmas
    return storage


def _set_pragmas(connection: Any, _: object) -> None:
    """A log that survives a killed writer, lets others read meanwhile, and reaches the disk at every commit."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _study_id(storage: RDBStorage, name: str, objectives: Sequence[Objective]) -> int:
    """The Optuna study of a run, made with names of its objectives where there is none."""
    with suppress(KeyError):
        return storage.get_study_id_from_name(name)
    with quiet():
        row = storage.create_new_study([StudyDirection.MINIMIZE] * len(objectives), name)
        study = optuna.load_study(study_name=name, storage=storage)
    # The function inside its decorator, which warns that it is experimental: filters of warnings belong to all threads.
    unwrap(optuna.Study.set_metric_names)(study, [METRICS[one] for one in objectives])
    return row


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


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Errors of the database as ours."""
    hint = "what is done is kept; repeat the command when the disk works again"
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        cause = str(getattr(error, "orig", None) or error.__cause__ or error).split("\n")[0]
        hint = WAY_OUT if _is_damage(cause) else hint
        raise StorageFailed(f"{folder / DATABASE}: {cause}", hint=hint) from error
