"""Finished trials as an Optuna study: equal to our records, behind them, bounded in time, and never in their way."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from nas.data import DataInfo
from nas.space import Choice, Integer, Real
from nas.storage import optuna_mirror, store
from nas.storage.database import read_records
from nas.storage.optuna_mirror import distribution
from nas.storage.store import opened
from nas.study import Study
from tests.toys import spaces
from tests.toys.runs import agreement, execute, in_optuna

TOY = spaces.STUDY


def mirrored(folder: Path, name: str = "toy") -> optuna.Study:
    """What Optuna opens."""
    return optuna.load_study(study_name=name, storage=in_optuna(folder))


def emptied(folder: Path) -> None:
    """Take the mirror's trials away."""
    optuna.delete_study(study_name="toy", storage=in_optuna(folder))


def test_optuna_reads_a_run(finished: Path) -> None:
    """`optuna.load_study` opens a run: values, states and parameters named `<space>/<dimension>` equal our records."""
    study = mirrored(finished)
    records = read_records(finished)
    assert [trial.number for trial in study.trials] == [record.trial for record in records] == list(range(8))
    for trial, record in zip(study.trials, records, strict=True):
        assert trial.value == record.error
        assert trial.params == {f"{record.space}/{name}": value for name, value in record.point.items()}
        assert msgspec.convert(trial.user_attrs["record"], type(record)) == record
        assert trial.state is TrialState.COMPLETE
        assert trial.duration is not None
    assert study.best_value == min(record.error or 1 for record in records)
    (known,) = {trial.distributions["tiny/width"] for trial in study.trials if "tiny/width" in trial.params}
    assert known == distribution(TOY.spaces[0].dimensions["width"])


@pytest.mark.parametrize("study", [spaces.VARIED, spaces.CROSSED], ids=["varied", "crossed"])
def test_fields_of_the_recipe_are_parameters_too(tmp_path: Path, study: Study) -> None:
    """What is sampled or crossed beside the networks is a parameter of each trial."""
    records = execute(study, tmp_path)
    trials = mirrored(tmp_path, study.name).trials
    assert [trial.params for trial in trials] == [
        {f"{record.space}/{name}": value for name, value in record.point.items()} for record in records
    ]


def test_objectives_have_names(tmp_path: Path, digits: DataInfo) -> None:
    """Optuna's tools call the objectives of a run by what they are, also of one without a trial."""
    study = replace(spaces.HUNT, sampler="nsga2", objectives=("error", "multiply_adds"))
    with opened(tmp_path, agreement(study, tmp_path)):
        pass
    assert mirrored(tmp_path, study.name).metric_names == ["validation error", "multiply-adds"]


def test_what_is_left_is_added_by_the_next_command(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose time for it is up leaves the rest, and adds nothing twice."""
    emptied(copied)
    monkeypatch.setattr(store, "MIRRORED", 0.0)
    execute(TOY, copied)
    assert mirrored(copied).trials == []
    monkeypatch.undo()
    for _ in range(2):
        execute(TOY, copied)
        assert [trial.user_attrs["record"]["trial"] for trial in mirrored(copied).trials] == list(range(8))


@pytest.mark.slow
def test_it_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow Optuna is, a run gives it half a percent of its time, a fifth of a second, and what its end has."""
    spent: list[float] = []
    real = optuna.Study.add_trial

    def slowly(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        began = time.process_time()
        while time.process_time() < began + 0.1:
            pass
        real(study, trial)
        spent.append(time.process_time() - began)

    monkeypatch.setattr(optuna.Study, "add_trial", slowly)
    monkeypatch.setattr(store, "MIRRORED", 0.0)
    began = time.monotonic()
    execute(replace(TOY, samples=20), tmp_path)
    took = time.monotonic() - began
    assert len(read_records(tmp_path)) == 40
    assert sum(spent[:-1]) <= optuna_mirror.FIRST + optuna_mirror.SHARE * took
    assert 2 <= len(mirrored(tmp_path).trials) == len(spent) < 40


def test_trials_of_others_are_replaced(copied: Path) -> None:
    """A study to which another program has added a trial is made anew, so that numbers stay ours; no record is lost."""
    study = mirrored(copied)
    study.tell(study.ask(), 0.0)
    assert len(execute(replace(TOY, samples=5), copied)) == 10
    assert [trial.user_attrs["record"]["trial"] for trial in mirrored(copied).trials] == list(range(10))


def test_failures_that_are_trained_again_are_not_kept(copied: Path, digits: DataInfo) -> None:
    """The study is made anew from what is finished then."""
    with opened(copied, agreement(TOY, copied), retry=[record.outcome for record in read_records(copied)][:1]):
        assert mirrored(copied).trials == []
    assert len(execute(TOY, copied)) == len(mirrored(copied).trials) == 8


def test_a_run_goes_on_where_optuna_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Tables of a later version, or calls that are gone: it is said once, and every trial is kept."""
    refusals = (
        (RDBStorage, "__init__", "The runtime optuna version is no longer compatible with the table schema"),
        (optuna.Study, "add_trial", "no such call"),
    )
    for owner, name, refusal in refusals:

        def refuse(*given: object, said: str = refusal, **named: object) -> None:
            raise RuntimeError(said)

        with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, logger="nas"):
            caplog.clear()
            patched.setattr(owner, name, refuse)
            assert len(execute(TOY, tmp_path / name)) == 8
        assert [message.count(refusal) for message in caplog.messages] == [1]
        execute(TOY, tmp_path / name)
        assert len(mirrored(tmp_path / name).trials) == 8


def test_dimensions_as_optuna_knows_them() -> None:
    """Integers, reals and choices become Optuna's distributions; a stepped logarithmic range loses its step only."""
    assert distribution(Integer(low=8, high=64, unit=8)) == IntDistribution(8, 64, step=8)
    assert distribution(Integer(low=8, high=64, unit=8, log=True)) == IntDistribution(8, 64, log=True)
    assert distribution(Real(low=0.1, high=1.0, log=True)) == FloatDistribution(0.1, 1.0, log=True)
    assert distribution(Choice(options=("a", 2))) == CategoricalDistribution(("a", 2))
