"""A run's trials as rows of Optuna's tables: what Optuna's own calls would write, in one transaction for many trials.

Optuna 5 commits every parameter, attribute and state by itself, reads a row back before each, and counts all trials to
number a new one. The tables are written here instead, as long as they have the version that this code knows; for any
other the same is said through Optuna's calls (`CallRows`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from nas.errors import Refused, StorageFailed
from nas.space import Choice, Dimension, Integer, Value
from nas.storage.wrong_images import NONE, keep
from nas.study.objectives import ERROR, Objective, price
from nas.study.record import Outcome, Record

RECORD = "record"
KNOWN = "v3.2.0.a"
"""Version of Optuna's tables that `TableRows` writes."""
TRIALS = (
    "SELECT t.trial_id, t.number, t.state, a.value_json FROM trials t LEFT JOIN trial_user_attributes a "
    "ON a.trial_id = t.trial_id AND a.key = ? WHERE t.study_id = ? ORDER BY t.number"
)
LAST = "SELECT COALESCE(MAX(trial_id), 0) FROM trials"
ADD = "INSERT INTO trials (trial_id, number, study_id, state) VALUES (?, ?, ?, 'WAITING')"
PARAMETER = "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)"
BEGIN = "UPDATE trials SET state = 'RUNNING', datetime_start = ? WHERE trial_id = ?"
ATTRIBUTE = (
    "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, ?, ?) "
    "ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json"
)
VALUE = (
    "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, ?, ?, 'FINITE') "
    "ON CONFLICT (trial_id, objective) DO UPDATE SET value = excluded.value, value_type = excluded.value_type"
)
END = "UPDATE trials SET state = ?, datetime_complete = ? WHERE trial_id = ?"
REOPEN = "UPDATE trials SET state = 'WAITING', datetime_start = NULL, datetime_complete = NULL WHERE trial_id = ?"
FORGET = "DELETE FROM trial_user_attributes WHERE trial_id = ? AND key = ?"
RELEASE = "UPDATE trials SET state = 'WAITING' WHERE study_id = ? AND state = 'RUNNING'"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A trial that is new to the database."""

    trial: int
    """Its number."""
    space: str
    """Name of its space, which is put before the names of its dimensions."""
    dimensions: Mapping[str, Dimension]
    """Of the space and of the recipe."""
    point: Mapping[str, Value]
    """Values of the active ones."""


class Rows(Protocol):
    """How a store writes trials, all of one call together."""

    def write(
        self, added: Sequence[Entry], begun: Sequence[int], over: Sequence[Record], wrong: Mapping[int, bytes] = NONE
    ) -> None:
        """Add trials that wait, then begin trials, then end trials with their records and wrong images."""
        ...

    def release(self) -> None:
        """Let all trials that were begun and aren't over wait again."""
        ...

    def reopen(self, failed: Sequence[int]) -> None:
        """Let trials that failed wait again, without their records."""
        ...


class TableRows:
    """Writes the tables; each call is one transaction, on the disk when it returns."""

    def __init__(
        self, storage: RDBStorage, study: int, ids: dict[int, int], objectives: tuple[Objective, ...] = ERROR
    ) -> None:
        self._engine, self._study, self._ids = storage.engine, study, ids
        self._objectives = objectives
        self._last = max(ids.values(), default=0)
        self._distributions: dict[tuple[str, str], tuple[BaseDistribution, str]] = {}

    def write(
        self, added: Sequence[Entry], begun: Sequence[int], over: Sequence[Record], wrong: Mapping[int, bytes] = NONE
    ) -> None:
        """All in one transaction."""
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        with self._transaction() as connection:
            if added:
                self._add(connection, added)
            _many(connection, BEGIN, [(now, self._ids[trial]) for trial in begun])
            texts = [(self._ids[r.trial], RECORD, msgspec.json.encode(r).decode()) for r in over]
            _many(connection, ATTRIBUTE, texts)
            values = [(self._ids[r.trial], *cells) for r in over for cells in enumerate(_values(r, self._objectives))]
            _many(connection, VALUE, values)
            _many(connection, END, [(_end(r).name, now, self._ids[r.trial]) for r in over])
            keep(connection, wrong)

    def release(self) -> None:
        """In one statement."""
        with self._transaction() as connection:
            connection.exec_driver_sql(RELEASE, (self._study,))

    def reopen(self, failed: Sequence[int]) -> None:
        """All in one transaction."""
        with self._transaction() as connection:
            _many(connection, FORGET, [(self._ids[trial], RECORD) for trial in failed])
            _many(connection, REOPEN, [(self._ids[trial],) for trial in failed])

    def _add(self, connection: sqlalchemy.Connection, added: Sequence[Entry]) -> None:
        last = connection.exec_driver_sql(LAST).scalar_one()
        if last != self._last:
            raise _foreign(self._engine, f"expected {self._last} rows of trials, found {last}")
        numbers = {entry.trial: self._last + place for place, entry in enumerate(added, 1)}
        _many(connection, ADD, [(row, trial, self._study) for trial, row in numbers.items()])
        _many(connection, PARAMETER, [(numbers[e.trial], *cells) for e in added for cells in self._parameters(e)])
        self._ids.update(numbers)
        self._last += len(added)

    def _parameters(self, entry: Entry) -> list[tuple[str, float, str]]:
        """Name, stored value and distribution of each parameter of a trial."""
        parameters = []
        for name, value in entry.point.items():
            kind, text = self._distribution_of(entry, name)
            parameters.append((f"{entry.space}/{name}", kind.to_internal_repr(value), text))
        return parameters

    def _distribution_of(self, entry: Entry, name: str) -> tuple[BaseDistribution, str]:
        """A dimension's distribution, and how Optuna stores it; made once, because every trial has one a value."""
        key = (entry.space, name)
        if key not in self._distributions:
            kind = distribution(entry.dimensions[name])
            self._distributions[key] = kind, distribution_to_json(kind)
        return self._distributions[key]

    @contextmanager
    def _transaction(self) -> Iterator[sqlalchemy.Connection]:
        """A transaction that holds the right to write from its first moment."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()


class CallRows:
    """Writes through Optuna's own calls, for tables of a version that is not known here: slower, the same content."""

    def __init__(
        self, storage: RDBStorage, study: int, ids: dict[int, int], objectives: tuple[Objective, ...] = ERROR
    ) -> None:
        self._storage, self._study, self._ids = storage, study, ids
        self._objectives = objectives

    def write(
        self, added: Sequence[Entry], begun: Sequence[int], over: Sequence[Record], wrong: Mapping[int, bytes] = NONE
    ) -> None:
        """One call after another; wrong images first, so that a finished trial has them."""
        with self._storage.engine.begin() as connection:
            keep(connection, wrong)
        for entry in added:
            self._add(entry)
        for trial in begun:
            self._storage.set_trial_state_values(self._ids[trial], TrialState.RUNNING)
        for record in over:
            self._storage.set_trial_user_attr(self._ids[record.trial], RECORD, msgspec.to_builtins(record))
            values = _values(record, self._objectives)
            self._storage.set_trial_state_values(self._ids[record.trial], _end(record), values or None)

    def release(self) -> None:
        """One trial after another."""
        for trial in self._storage.get_all_trials(self._study, deepcopy=False, states=(TrialState.RUNNING,)):
            self._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def reopen(self, failed: Sequence[int]) -> None:
        """Optuna has no call for it."""
        if failed:
            raise Refused("this version of Optuna keeps finished trials as they are, so none is trained again")

    def _add(self, entry: Entry) -> None:
        named = {f"{entry.space}/{name}": value for name, value in entry.point.items()}
        distributions = {f"{entry.space}/{name}": distribution(entry.dimensions[name]) for name in entry.point}
        row = create_trial(state=TrialState.WAITING, params=named, distributions=distributions)
        self._ids[entry.trial] = self._storage.create_new_trial(self._study, row)
        number = self._storage.get_trial(self._ids[entry.trial]).number
        if number != entry.trial:
            raise _foreign(self._storage.engine, f"it numbers trial {entry.trial} as {number}")


def rows(storage: RDBStorage, study: int, ids: dict[int, int], objectives: tuple[Objective, ...] = ERROR) -> Rows:
    """The fast way where the tables are known, else the safe one; `ids` (trial -> row) is kept up to date."""
    known = storage.get_current_version() == KNOWN
    return (TableRows if known else CallRows)(storage, study, ids, objectives)


def stored(storage: RDBStorage, study: int) -> Iterator[tuple[int, int, TrialState, str | None]]:
    """Row, number, state and record of every trial: reading ten thousand through Optuna takes many seconds."""
    with storage.engine.connect() as connection:
        for row, number, state, record in connection.exec_driver_sql(TRIALS, (RECORD, study)):
            yield row, number, TrialState[state], record


def distribution(dimension: Dimension) -> BaseDistribution:
    """A dimension as Optuna knows it; a stepped logarithmic range is given without its step, which Optuna refuses."""
    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.options)
    if isinstance(dimension, Integer):
        step = 1 if dimension.log else dimension.unit
        return IntDistribution(dimension.low, dimension.high, log=dimension.log, step=step)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def database_url(path: Path, *, read_only: bool = False) -> str:
    """The database as a URL; a `?` in a folder's name would begin its options."""
    database = f"file:{quote(str(path.resolve()))}"
    query = {"mode": "ro", "uri": "true"} if read_only else {"uri": "true"}
    return sqlalchemy.URL.create("sqlite", database=database, query=query).render_as_string()


def _values(record: Record, objectives: tuple[Objective, ...]) -> list[float]:
    """The last error and, if there are two objectives, the multiply-adds or the latency; nothing for a failure.

    A pruned trial has its last error as its value, as Optuna gives it one, too, and isn't counted among the best.
    """
    error = record.last_error
    return [] if error is None else [error, price(record, objectives)][: len(objectives)]


def _end(record: Record) -> TrialState:
    if record.outcome is Outcome.PRUNED:
        return TrialState.PRUNED
    return TrialState.FAIL if record.error is None else TrialState.COMPLETE


def _many(connection: sqlalchemy.Connection, statement: str, values: list[tuple[Any, ...]]) -> None:
    if values:
        connection.exec_driver_sql(statement, values)


def _foreign(engine: sqlalchemy.Engine, how: str) -> StorageFailed:
    return StorageFailed(f"{engine.url.database}: {how}; something else wrote to it")
