"""Whether a run's database is the one that the files beside it tell of: one that was lost, or an older copy, is said.

Log and table name trials that were finished when they were written, and weights are of trials that had begun. They are
to be read before the database, so that a coordinator that works meanwhile can't make them look newer.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from pathlib import Path

from nas.errors import StorageFailed
from nas.files import CHECKPOINT
from nas.storage.layout import DATABASE, LOG, STORAGE, TABLE, WEIGHTS, WRITE_AHEAD, owner_of
from nas.study.record import Outcome

FINISHED = re.compile(rb" INFO trial (\d{1,12}) of .* is completed, ")
"""What the log says of a trial whose record is in the database for good: failures may be begun again."""
AGAIN = re.compile(rb" WARNING trial (\d{1,12}) waits again: ")
"""What it says of one whose record was set aside."""
WAY_OUT = (
    f"put the right {DATABASE} back, with its {WRITE_AHEAD} if it had one; to begin anew give another folder with --out"
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the files beside a database say of trials."""

    finished: Mapping[str, frozenset[int]]
    """File -> trials that it calls finished."""
    begun: frozenset[int]
    """Trials that weights are of."""

    def against(self, finished: Collection[int], known: Collection[int]) -> str:
        """What they know and a database with these trials doesn't, in words; empty where that is nothing."""
        missing = {name: len(trials.difference(finished)) for name, trials in self.finished.items()}
        missing[f"{WEIGHTS}/"] = len(self.begun.difference(known))
        return ", ".join(f"{name} of {count:,}" for name, count in missing.items() if count)


def evidence(folder: Path, total: float = inf) -> Evidence:
    """What the log, the table and the weights of a run say of its trials, whose numbers are below `total`."""
    trials_in = {LOG: _in_log(folder / LOG), TABLE: _in_table(folder / TABLE), WEIGHTS: _weighed(folder)}
    ours = {name: frozenset(trial for trial in trials if trial < total) for name, trials in trials_in.items()}
    return Evidence(finished={name: ours[name] for name in (LOG, TABLE)}, begun=ours[WEIGHTS])


def require_database(folder: Path) -> None:
    """Refuse a run whose database isn't there, or is empty, although other files tell of its trials."""
    path = folder / DATABASE
    if (folder / STORAGE).is_file() or (path.is_file() and path.stat().st_size):
        return
    if lost := evidence(folder).against((), ()):
        state = "is empty" if path.is_file() else "is missing"
        raise StorageFailed(f"{path} {state}, but other files tell of finished trials: {lost}", hint=WAY_OUT)


def lost_trials(database: object, witnesses: Evidence, finished: Collection[int], known: Collection[int]) -> str:
    """That a database is older than the files beside it, as a sentence; empty where it isn't."""
    lost = witnesses.against(finished, known)
    return f"{database} lacks trials that other files tell of: {lost}" if lost else ""


def _in_log(path: Path) -> frozenset[int]:
    if not path.is_file():  # a pipe or a device would never end
        return frozenset()
    finished: set[int] = set()
    with suppress(OSError), path.open("rb") as lines:
        for line in lines:
            if match := FINISHED.search(line):
                finished.add(int(match[1]))
            elif match := AGAIN.search(line):
                finished.discard(int(match[1]))
    return frozenset(finished)


def _in_table(path: Path) -> frozenset[int]:
    """The completed trials of a table; none where it is no table of ours."""
    if not path.is_file():
        return frozenset()
    with suppress(OSError, ValueError, csv.Error, IndexError), path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        place, outcome = header.index("trial"), header.index("outcome")
        return frozenset(int(row[place]) for row in rows if row[outcome] == Outcome.COMPLETED)
    return frozenset()


def _weighed(folder: Path) -> frozenset[int]:
    with suppress(OSError):
        owners = [owner_of(path.name) for path in (folder / WEIGHTS).iterdir() if CHECKPOINT not in path.name]
        return frozenset(owner.trial for owner in owners if owner)
    return frozenset()
