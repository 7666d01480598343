"""Which weights a run keeps: those of the networks that are best by the mean of their trainings, as it ranks them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from nas.layers.base import Cost
from nas.runner.best import BestNetworks
from nas.storage.layout import weights_name
from nas.storage.results import open_run
from nas.study.record import Epoch, Origin, Outcome, Record
from tests.toys.runs import execute
from tests.toys.spaces import REPEATED, TINY


def training(trial: int, network: int, error: float | None) -> Record:
    """A training of a network; one without an error diverged."""
    return Record(
        trial=trial,
        space="tiny",
        architecture=f"{network:016x}",
        point={"width": network},
        facts={},
        cost=Cost(parameters=1, multiply_adds=1),
        origin=Origin(sampler="random", draws=1),
        seed=trial,
        outcome=Outcome.DIVERGED if error is None else Outcome.COMPLETED,
        curve=() if error is None else (Epoch(number=1, loss=1.0, error=error, seconds=1.0),),
        weights="" if error is None else "kept",
    )


def left(folder: Path, leaders: BestNetworks, records: list[Record]) -> set[int]:
    """Trials whose weights are there after these records."""
    for record in records:
        path = folder / weights_name(record.architecture, record.trial)
        if record.weights:
            path.touch()
        leaders.add(record)
    leaders.remove_strays()
    return {r.trial for r in records if (folder / weights_name(r.architecture, r.trial)).is_file()}


def test_a_lucky_seed_keeps_no_weights(tmp_path: Path) -> None:
    """Of three networks the one with the least error falls out: its mean is the worst."""
    records = [training(0, 1, 0.05), training(1, 2, 0.20), training(2, 3, 0.21)]
    records += [training(3, 1, 0.60), training(4, 2, 0.20), training(5, 3, 0.21)]
    leaders = BestNetworks(tmp_path, ["tiny"], 2, repeats=2)
    assert left(tmp_path, leaders, records) == {1, 2, 4, 5}


def test_a_failed_training_counts(tmp_path: Path) -> None:
    """A network with a failure has the error of guessing in its mean, and its other weights fall out."""
    records = [training(0, 1, 0.1), training(1, 2, 0.3), training(2, 1, None), training(3, 2, 0.3)]
    assert left(tmp_path, BestNetworks(tmp_path, ["tiny"], 1, repeats=2, guess=0.9), records) == {1, 3}


def test_unfinished_networks_keep_theirs(tmp_path: Path) -> None:
    """What isn't ranked yet is neither removed nor refused: a later training may lift it."""
    leaders = BestNetworks(tmp_path, ["tiny"], 1, repeats=2)
    assert left(tmp_path, leaders, [training(0, 1, 0.1), training(1, 1, 0.1), training(2, 2, 0.5)]) == {0, 1, 2}
    assert leaders.threshold("tiny") > 1


@pytest.mark.parametrize("repeats", [1, 2])
def test_every_leader_of_a_run_has_its_weights(repeats: int, tmp_path: Path) -> None:
    """The ten best networks of a space can be exported without a training, whatever their single errors."""
    study = replace(REPEATED, spaces=(TINY,), samples=18, repeats=repeats)
    execute(replace(study, recipe=msgspec.structs.replace(study.recipe, epochs=1)), tmp_path)
    run = open_run(tmp_path)
    assert len(run.best) > 10
    assert all(run.weights(record) for record in run.best[:10])
    assert not any(run.weights(record) for record in run.best[10:])
