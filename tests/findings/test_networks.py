"""Rows of one network in anybody's table: which are, what becomes of their errors, and what is said of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nas
from nas.errors import Refused
from nas.findings.columns.names import is_of_training, is_result
from nas.findings.tables import checked, tables


def rows(networks: int = 30, seeds: int = 3, **more: Any) -> pd.DataFrame:
    """Each network under several seeds, a row each: of the first the errors are 0.10, 0.12, 0.14."""
    generator = np.random.default_rng(0)
    own = pd.DataFrame({"depth": generator.integers(1, 9, networks), "rate": generator.random(networks)})
    frame = own.loc[own.index.repeat(seeds)].reset_index(drop=True)
    place = np.arange(len(frame))
    return frame.assign(error=0.1 + 0.01 * (place // seeds) + 0.02 * (place % seeds), **more)


def test_seeds_as_rows_are_one_network() -> None:
    """Rows that are equal in all columns but the error become one with the mean, and how many is said."""
    found = checked(rows())
    assert len(found.frame) == 30
    assert found.frame["error"].iloc[0] == pytest.approx(0.12)
    assert found.frame["trial"].tolist() == list(range(30))
    said = "90 rows are trainings of 30 networks, for they are equal in all columns but the error"
    assert said in found.origins["the table"]
    assert said in nas.principles(rows()).notes[0]
    assert nas.principles(rows()).verdicts[0].n_first == 30
    discovered = nas.discover(rows()).discovery
    assert discovered.n_explored + discovered.n_confirming == 30


def test_what_differs_between_trainings_is_passed_over() -> None:
    """Seeds, times, losses, ids and numbers of rows don't make another network; measured numbers are averaged."""
    n = 90
    luck = np.random.default_rng(1).random(n)
    frame = rows(
        seed=np.arange(n) % 3, train_seconds=luck, val_loss=luck, run_id=[f"r{i}" for i in range(n)], n=range(n)
    )
    found = checked(frame)
    assert len(found.frame) == 30
    assert found.frame["val_loss"].iloc[0] == pytest.approx(luck[:3].mean())
    assert "all columns but the error, 'seed', 'train_seconds', 'val_loss', 'run_id'" in found.origins["the table"]


@pytest.mark.parametrize("name", ["random_state", "cv_fold", "repeat_id", "run_id", "randomState"])
def test_seeds_have_many_names(name: str) -> None:
    """What numbers the trainings of a network is no dimension of it, however it is called."""
    assert len(checked(rows(**{name: np.arange(90) % 3})).frame) == 30


def test_a_row_for_each_epoch_is_refused() -> None:
    """A table of learning curves is no table of networks; where each network has one row, `epoch` is a setting."""
    with pytest.raises(Refused, match="a row for each epoch: its 90 rows are 30 networks"):
        checked(rows(epoch=np.arange(90) % 3))
    assert len(checked(rows(seeds=1, epoch=np.arange(30) % 3)).frame) == 30


def test_the_order_of_rows_and_spaces_and_gaps_dont_matter() -> None:
    """Shuffled rows are grouped; networks of two spaces stay apart; a dimension that a network lacks is no gap."""
    frame = rows(space=["A", "B", "B"] * 30, depth_4=[math.nan if i % 2 else 2.0 for i in range(30) for _ in range(3)])
    found = checked(frame.sample(frac=1.0, random_state=0)).frame
    assert sorted(found["space"]) == ["A"] * 30 + ["B"] * 30
    assert found["depth_4"].isna().sum() == 30


def test_failures_among_trainings() -> None:
    """A failed training enters the mean as the worst error of the table, a network of failures alone is a failure."""
    frame = rows().assign(outcome="completed")
    frame.loc[[0, 3, 4, 5], "error"] = math.nan
    frame.loc[[0, 3, 4, 5], "outcome"] = "diverged"
    found = checked(frame)
    worst = frame["error"].max()
    assert found.frame["error"].iloc[0] == pytest.approx((worst + 0.12 + 0.14) / 3)
    assert math.isnan(found.frame["error"].iloc[1])
    assert found.frame["outcome"].tolist()[:3] == ["completed", "diverged", "completed"]
    assert "of 4 failed trainings each enters it as guessing or the worst error" in found.origins["the table"]


def test_a_column_of_architectures_decides(tmp_path: Path) -> None:
    """Rows of one architecture are one network whatever else differs; without a name a row is a network of its own."""
    names = [f"net{i // 3}" for i in range(90)]
    names[0] = ""
    frame = rows(architecture=names, temperature=np.random.default_rng(2).random(90))
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = tables([tmp_path / "t.csv"])
    assert len(found.frame) == 31
    assert "90 rows are trainings of 31 networks, for they are equal in the column 'architecture'" in found.origins["t"]


def test_kinds_of_architectures_are_no_networks() -> None:
    """A column `architecture` of a few values whose rows differ otherwise holds kinds, and no row is lost."""
    generator = np.random.default_rng(3)
    frame = pd.DataFrame({"error": generator.random(60), "rate": generator.random(60), "architecture": ["a", "b"] * 30})
    assert len(checked(frame).frame) == 60


@pytest.mark.parametrize(
    "columns",
    [
        {"wide": [0, 1] * 40},
        {"width": [8 * (i % 7) for i in range(80)]},
        {"seed": range(80)},
        {"index": range(80), "time": range(80)},
        {"width": [math.nan, 1.0] * 20 + list(range(40))},
    ],
)
def test_columns_that_tell_no_networks_apart_merge_none(columns: dict[str, Any]) -> None:
    """Few values, gaps, and columns of seeds and times alone say nothing of which rows are of one network."""
    frame = pd.DataFrame({"error": np.linspace(0.1, 0.5, 80), **columns})
    assert len(checked(frame).frame) == 80


def test_few_columns_are_told() -> None:
    """Where equal rows may be networks that few columns describe alike, that is said and each row counts."""
    found = checked(pd.DataFrame({"error": np.linspace(0.1, 0.5, 80), "wide": [0, 1] * 40}))
    assert (
        "2 different rows, too few to tell networks apart, so each of the 80 is taken as one"
        in found.origins["the table"]
    )


def test_repeats_of_our_own_tables_stay_rows() -> None:
    """A table of a run says itself which row repeats which, so its rows stay what they are in the run."""
    ours = {"trial": range(90), "space": "s", "architecture": "a", "outcome": "completed", "repeat": 0}
    assert len(checked(rows(**ours)).frame) == 90


@pytest.mark.parametrize(
    "name", ["val_acc", "valAcc", "top-1", "top1_err", "test_loss_last", "acc@1", "error", "nll", "accuracy std"]
)
def test_names_of_results(name: str) -> None:
    """Errors, accuracies and losses are known by their names, however written."""
    assert is_result(name)
    assert is_of_training(name)


@pytest.mark.parametrize(
    "name", ["depth", "loss_weight", "accumulation", "topology", "macc", "repeats", "learning_rate"]
)
def test_names_of_settings(name: str) -> None:
    """What a network or its recipe is isn't taken for what its training showed."""
    assert not is_of_training(name)
