"""A run as a storage of Optuna's in memory, for its dashboard: read anew at every look, and never written."""

from __future__ import annotations

import threading
from collections.abc import Container
from copy import deepcopy as copied
from pathlib import Path

from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from nas.sampling.quiet import quiet
from nas.storage import study_json
from nas.storage.database import intact, read_rows
from nas.storage.location import backend_of
from nas.storage.optuna_mirror import frozen, study_of
from nas.study.stored import StoredStudy


class RunStorage(InMemoryStorage):
    """The trials of a run, also those that wait and run, under their own numbers."""

    def __init__(self, folder: Path, study: StoredStudy) -> None:
        super().__init__()
        self._backend, self._stored = backend_of(folder), study
        self._finished: dict[int, FrozenTrial] = {}
        self._looking = threading.Lock()
        with quiet():
            study_of(self, study)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """All trials as they are now."""
        with self._looking:
            trials = self._now()
        chosen = [trial for trial in trials if states is None or trial.state in states]
        return copied(chosen) if deepcopy else chosen

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial by its number; KeyError where there is none."""
        trials = {trial.number: trial for trial in self.get_all_trials(0, deepcopy=False)}
        return copied(trials[trial_id])

    def _now(self) -> list[FrozenTrial]:
        trials = []
        for row in read_rows(self._backend.folder):
            trial = self._finished.get(row.number)
            if trial is None:
                trial = frozen(self._stored, row, intact(self._backend, row) if row.over else None)
            if trial.state.is_finished():
                self._finished[row.number] = trial
            trials.append(trial)
        return trials


def view(folder: Path) -> RunStorage:
    """The run in a folder."""
    return RunStorage(folder, study_json.read(folder).study)
