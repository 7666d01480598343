"""Which images a trial got wrong: kept exactly, beside records that stay as they were, and checked when it is read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

import nas
from nas.data import Dataset
from nas.errors import StorageFailed
from nas.models.weights import load_into, read_document
from nas.storage.database import read_records
from nas.storage.layout import DATABASE
from nas.study import SuccessiveHalving
from nas.study.record import Outcome
from nas.training.evaluation import evaluation
from nas.training.modules import build
from nas.training.precision import computing
from tests.toys import spaces, tables
from tests.toys.runs import execute


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> nas.Run:
    """A finished run of eight networks."""
    folder = tmp_path_factory.mktemp("wrong") / "run"
    execute(spaces.STUDY, folder)
    return nas.open(folder)


def altered(folder: Path, statement: str, *values: object) -> None:
    """Change a database."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute(statement, values)


def test_they_are_the_recorded_errors(run: nas.Run) -> None:
    """Every completed trial has a flag for each validation image, and their share is its error to the last bit."""
    assert list(run.wrong_images) == [record.trial for record in run.records]
    for record in run.records:
        wrong = run.wrong_images[record.trial]
        assert (wrong.dtype, wrong.shape) == (np.bool_, (run.manifest.data.validation,))
        assert wrong.sum() / len(wrong) == record.error


def test_they_are_those_of_the_kept_weights(run: nas.Run, digits_data: Dataset) -> None:
    """A network with its kept weights gets exactly these images wrong."""
    record = run.best[0]
    path = run.weights(record)
    assert path is not None
    document = read_document(path)
    module = build(document.layers, document.inputs)
    load_into(module, document, path)
    module = computing(module, spaces.QUICK, torch.device("cpu"))
    wrong = evaluation(module, digits_data.validation, digits_data.info, spaces.QUICK).wrong
    assert wrong is not None
    assert (wrong.numpy() == run.wrong_images[record.trial]).all()


def test_a_bit_an_image_is_kept(run: nas.Run) -> None:
    """Beside each record lie 45 bytes for 359 images."""
    with closing(sqlite3.connect(run.folder / DATABASE)) as connection:
        assert connection.execute("SELECT DISTINCT length(wrong) FROM nas_trials").fetchall() == [(45,)]


def test_a_run_without_them_goes_on(tmp_path: Path) -> None:
    """A run of before they were kept opens and is resumed; its new trials have their wrong images."""
    execute(spaces.STUDY, tmp_path)
    altered(tmp_path, "UPDATE nas_trials SET wrong = NULL")
    assert nas.open(tmp_path).wrong_images == {}
    execute(replace(spaces.STUDY, samples=5), tmp_path)
    assert list(nas.open(tmp_path).wrong_images) == [8, 9]


@pytest.mark.parametrize("bits", [b"", b"\0" * 45, b"\xff" * 45, b"\0" * 46, 5, "x" * 45])
def test_bits_that_are_not_the_error_are_told(tmp_path: Path, bits: object) -> None:
    """Bits of another number, or of another error, are damage; records can still be read."""
    execute(spaces.STUDY, tmp_path)
    altered(tmp_path, "UPDATE nas_trials SET wrong = ? WHERE number = 3", bits)
    run = nas.open(tmp_path)
    with pytest.raises(StorageFailed, match="the wrong images of trial 3 aren't those of its error"):
        _ = run.wrong_images
    assert len(read_records(tmp_path)) == 8


def test_only_completed_trials_have_them(tmp_path: Path) -> None:
    """A pruned training has none, for its error isn't that of a whole training."""
    recipe = msgspec.structs.replace(spaces.QUICK, epochs=4, train_size=100)
    halved = replace(spaces.HUNT, recipe=recipe, halving=SuccessiveHalving(reduction_factor=3))
    execute(halved, tmp_path)
    run = nas.open(tmp_path)
    assert run.outcomes[Outcome.PRUNED]
    assert set(run.wrong_images) == {r.trial for r in run.records if r.outcome is Outcome.COMPLETED}


@pytest.mark.slow
def test_a_run_with_workers_keeps_the_same(tmp_path: Path, run: nas.Run) -> None:
    """Two worker processes send the very flags that this process has."""
    other = nas.run(spaces.STUDY, out=tmp_path / "run", workers=2, device="cpu")
    assert all((other.wrong_images[trial] == wrong).all() for trial, wrong in run.wrong_images.items())


def test_tables_of_numbers_have_none(tmp_path: Path) -> None:
    """Nothing is right or wrong where a number is predicted."""
    execute(tables.STUDY, tmp_path)
    assert nas.open(tmp_path).wrong_images == {}
