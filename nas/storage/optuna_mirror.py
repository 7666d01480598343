"""Finished trials as an Optuna study: a mirror for Optuna's tools, behind the run, and never read by us.

It is made by Optuna's public calls, each trial by one that costs ten times what the trial cost us: so trials are added
in a small share of the time while a run works, and the rest when the command ends. Where a later Optuna refuses, the
run goes on without.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from inspect import unwrap

import msgspec
import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.sampling.quiet import quiet
from nas.space import Choice, Dimension, Integer, Value
from nas.storage.tables import Row, State
from nas.study.objectives import METRICS, price
from nas.study.record import Outcome, Record
from nas.study.stored import StoredStudy

logger = logging.getLogger(__name__)

RECORD = "record"
"""The attribute of a trial that holds its record."""
FIRST, SHARE = 0.2, 0.005
"""Seconds of CPU time that it may take while a run works: so many, so that small runs are seen at once, and a share."""
PAUSE = 60.0
"""Seconds without another try after one that failed."""
PATIENCE = 1.0
"""Seconds to wait for a database that somebody else writes to."""

Source = Callable[[int], Sequence[tuple[Row, Record]]]
"""Some of the finished trials from a number on, without a gap."""


class Mirror:
    """The Optuna study of a run in its own database; nothing of it raises."""

    def __init__(self, url: str, study: StoredStudy, source: Source) -> None:
        self._url, self._study, self._source = url, study, source
        self._storage: RDBStorage | None = None
        self._copy: optuna.Study | None = None
        self._next = 0
        self._read: deque[tuple[Row, Record]] = deque()
        self._began, self._spent, self._due, self._said = time.monotonic(), 0.0, 0.0, False
        self._try(self._open)

    def step(self) -> None:
        """Add the next trial if one is finished and what was added so far took no larger share of the time."""
        now, began = time.monotonic(), time.process_time()
        if now >= self._due and self._spent <= FIRST + SHARE * (now - self._began):
            self._try(self._add)
            self._spent += time.process_time() - began

    def catch_up(self, seconds: float) -> None:
        """Add what is finished, for so long at most; what is left is added by a later command."""
        until = time.monotonic() + seconds
        self._due = 0.0
        while time.monotonic() < until and not self._due and self._try(self._add):
            pass

    def forget(self) -> None:
        """Begin the study anew: finished trials of it aren't what they were."""
        self._try(self._remove)

    def close(self) -> None:
        """Let go of the database."""
        if self._storage:
            self._storage.remove_session()
            self._storage.engine.dispose()

    def _try(self, act: Callable[[], bool]) -> bool:
        """What it returns; False where Optuna fails, whatever it raises: its versions to come aren't known here."""
        try:
            with quiet():
                return act()
        except Exception as error:  # noqa: BLE001
            self._due = time.monotonic() + PAUSE
            if not self._said:
                cause = str(error.__cause__ or error).split("\n")[0]
                logger.warning("the run goes on without its copy for Optuna's tools, which failed: %s", cause)
            self._said = True
            return False

    def _open(self) -> bool:
        self._storage = self._storage or _storage(self._url)
        self._copy = study_of(self._storage, self._study)
        self._next = self._count(self._storage, self._copy._study_id)
        return True

    def _remove(self) -> bool:
        self._storage = self._storage or _storage(self._url)
        optuna.delete_study(study_name=self._study.name, storage=self._storage)
        self._copy, self._next = study_of(self._storage, self._study), 0
        return True

    def _add(self) -> bool:
        """Add the next trial; whether there was one."""
        if self._copy is None:
            self._open()
        if not self._read or self._read[0][0].number != self._next:
            self._read = deque(self._source(self._next))
        if not self._read or self._copy is None:
            return False
        self._copy.add_trial(frozen(self._study, *self._read[0]))
        self._read.popleft()
        self._next += 1
        return True

    def _count(self, storage: BaseStorage, study: int) -> int:
        """How many trials the study has, without loading them; 0 after its removal where the last isn't ours."""
        low, high = 0, 1
        while _has(storage, study, high - 1):
            low, high = high, 2 * high
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (middle, high) if _has(storage, study, middle - 1) else (low, middle)
        if low:
            last = storage.get_trial(storage.get_trial_id_from_study_id_trial_number(study, low - 1))
            if not last.state.is_finished() or dict(last.user_attrs.get(RECORD, {})).get("trial") != low - 1:
                self._remove()
                return 0
        return low


def _storage(url: str) -> RDBStorage:
    storage = RDBStorage(url, engine_kwargs={"connect_args": {"timeout": PATIENCE}})
    sqlalchemy.event.listen(storage.engine, "connect", _hasten)
    storage.engine.dispose()  # connections made before the listener are slower
    return storage


def study_of(storage: BaseStorage, study: StoredStudy) -> optuna.Study:
    """The Optuna study of a run, made with names of its objectives where there is none."""
    if all(one.study_name != study.name for one in storage.get_all_studies()):
        made = optuna.create_study(
            storage=storage, study_name=study.name, directions=[StudyDirection.MINIMIZE] * len(study.objectives)
        )
        # The function inside its decorator, which warns that it is experimental: filters of warnings belong to all
        # threads.
        unwrap(optuna.Study.set_metric_names)(made, [METRICS[one] for one in study.objectives])
        return made
    return optuna.load_study(storage=storage, study_name=study.name)


def frozen(study: StoredStudy, row: Row, record: Record | None) -> FrozenTrial:
    """A trial as Optuna knows it; parameters are named `<space>/<dimension>`."""
    space, point = (record.space, record.point) if record else (row.space, json.loads(row.point))
    dimensions = {name: _dimension(study, space, name, value) for name, value in point.items()}
    state = _state(row, record)
    return FrozenTrial(
        number=row.number,
        trial_id=row.number,
        state=state,
        value=None,
        values=_values(study, record) if record else None,
        datetime_start=None if state is TrialState.WAITING else _local(row.began or row.ended),
        datetime_complete=_local(row.ended) if state.is_finished() else None,
        params={f"{space}/{name}": value for name, value in point.items()},
        distributions={f"{space}/{name}": distribution(dimension) for name, dimension in dimensions.items()},
        user_attrs={RECORD: msgspec.to_builtins(record)} if record else {},
        system_attrs={},
        intermediate_values={},
    )


def distribution(dimension: Dimension) -> BaseDistribution:
    """A dimension as Optuna knows it; a stepped logarithmic range is given without its step, which Optuna refuses."""
    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.options)
    if isinstance(dimension, Integer):
        step = 1 if dimension.log else dimension.unit
        return IntDistribution(dimension.low, dimension.high, log=dimension.log, step=step)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _dimension(study: StoredStudy, space: str, name: str, value: Value) -> Dimension:
    """A dimension of an arm or of the recipe; one that is crossed has a single value in each arm."""
    known = {**study.dimensions_of(space), **study.vary}
    return Choice(options=(value,)) if name in study.grid else known[name]


def _state(row: Row, record: Record | None) -> TrialState:
    if record is None:
        return TrialState.RUNNING if row.state == State.RUNNING else TrialState.WAITING
    if record.outcome is Outcome.PRUNED:
        return TrialState.PRUNED
    return TrialState.FAIL if record.error is None else TrialState.COMPLETE


def _values(study: StoredStudy, record: Record) -> list[float] | None:
    """The last error and, if there are two objectives, the multiply-adds or the latency; nothing for a failure.

    A pruned trial has its last error as its value, as Optuna gives it one, too, and isn't counted among the best.
    """
    error = record.last_error
    return None if error is None else [error, price(record, study.objectives)][: len(study.objectives)]


def _local(moment: datetime | None) -> datetime:
    """A moment in UTC as Optuna notes it: in the time of this machine."""
    return (moment or datetime.now(UTC)).replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def _has(storage: BaseStorage, study: int, number: int) -> bool:
    try:
        storage.get_trial_id_from_study_id_trial_number(study, number)
    except KeyError:
        return False
    return True


def _hasten(connection: sqlalchemy.engine.interfaces.DBAPIConnection, _: object) -> None:
    """A copy needn't have reached the disk at every commit."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
