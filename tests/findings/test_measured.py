"""Columns that were measured in the training under any name: they make no networks of trainings, and are named."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nas
from nas.findings.columns.measured import measured_columns
from nas.findings.tables import Tables, checked, tables

COLUMNS = ("depth", "width", "kernel")


def trainings(networks: int = 67, seeds: int = 3, seed: int = 0) -> pd.DataFrame:
    """Networks whose columns do nothing, a row a training; small spaces draw some of them twice."""
    generator = np.random.default_rng(seed)
    own = pd.DataFrame(
        {
            "depth": generator.integers(2, 13, networks),
            "width": generator.choice([16, 32, 64, 128, 256], networks),
            "kernel": generator.choice([1, 3, 5, 7], networks),
            "error": generator.normal(0.2, 0.02, networks),
        }
    )
    frame = own.loc[own.index.repeat(seeds)].reset_index(drop=True)
    noise = generator.normal(0.0, 0.006, len(frame))
    return frame.assign(seed=np.arange(len(frame)) % seeds, error=frame["error"] + noise)


def noted(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The rows with what was measured in each training, by these names."""
    generator = np.random.default_rng(1)
    n = len(frame)
    kinds: dict[str, Any] = {
        "wall_clock": generator.uniform(100, 200, n),
        "best_epoch": generator.integers(5, 25, n),
        "gib": generator.normal(8, 1, n),
        "converged": generator.random(n) < 0.8,
        "flatness": np.where(frame["kernel"] > 3, generator.random(n), np.nan),
    }
    return frame.assign(**{name: kinds[name] for name in names})


def of_file(frame: pd.DataFrame, folder: Path) -> Tables:
    """The rows as the command line reads them."""
    frame.to_csv(folder / "t.csv", index=False)
    return tables([folder / "t.csv"])


@pytest.mark.parametrize(
    "names",
    [
        ("wall_clock",),
        ("best_epoch",),
        ("converged",),
        ("flatness",),
        ("wall_clock", "best_epoch", "gib"),
        ("wall_clock", "best_epoch", "gib", "converged", "flatness"),
    ],
)
@pytest.mark.parametrize("seeds", [2, 3])
def test_measured_columns_make_no_networks(names: tuple[str, ...], seeds: int, tmp_path: Path) -> None:
    """However many floats, whole numbers and flags are noted per training, rows stay trainings of their networks."""
    frame = trainings(seeds=seeds)
    networks = len(checked(frame).frame)
    found = of_file(noted(frame, *names), tmp_path)
    assert len(found.frame) == networks < 67
    assert found.measured == names
    assert all(repr(name) in found.origins["t"] for name in names)
    assert "taken as measured in the training" in found.origins["t"]


def test_missing_trainings_and_the_order_of_rows_dont_matter(tmp_path: Path) -> None:
    """Where a sixth of the trainings is missing and rows are shuffled, what was measured is found all the same."""
    frame = noted(trainings(), "wall_clock", "best_epoch").sample(frac=5 / 6, random_state=2)
    found = of_file(frame, tmp_path)
    assert found.measured == ("wall_clock", "best_epoch")
    assert len(found.frame) == len(frame[list(COLUMNS)].drop_duplicates())


def test_more_seeds_of_some_networks_dont_matter() -> None:
    """Networks that were trained under seven seeds more are told like the others."""
    frame = pd.concat([trainings(), trainings(networks=5, seeds=10, seed=5)], ignore_index=True)
    found = checked(noted(frame, "wall_clock"))
    assert found.measured == ("wall_clock",)
    assert len(found.frame) == len(frame[list(COLUMNS)].drop_duplicates())


def test_one_note_names_what_no_rule_is_about(tmp_path: Path) -> None:
    """By default there is no rule about what was measured, and a note says so; named, its means are tested."""
    found = of_file(noted(trainings(), "wall_clock", "best_epoch"), tmp_path)
    default = nas.principles(found)
    assert [verdict.name for verdict in default.verdicts] == list(COLUMNS)
    (note,) = [note for note in default.notes if note.startswith("left out unless --columns names them: ")]
    assert "'wall_clock', 'best_epoch', measured in the training" in note
    asked = nas.principles(found, columns=["depth", "wall_clock"])
    assert [verdict.name for verdict in asked.verdicts] == ["depth", "wall_clock"]
    assert asked.verdicts[1].n_first == len(found.frame) == default.verdicts[0].n_first
    assert any(note.startswith("taken as requested: 'wall_clock', measured in") for note in asked.notes)


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_designs_that_never_repeat_stay(seeds: int, tmp_path: Path) -> None:
    """Where each design is trained once, with seeds by turns or at random, every row stays a network of its own."""
    generator = np.random.default_rng(seeds)
    frame = pd.DataFrame({name: generator.integers(1, 9, 150) for name in COLUMNS}).assign(
        rate=generator.random(150), decay=generator.random(150), error=generator.random(150)
    )
    for own in (np.arange(150) % seeds, generator.integers(0, seeds, 150)):
        found = of_file(frame.assign(seed=own), tmp_path)
        assert (len(found.frame), found.measured) == (150, ())
        assert "trainings" not in found.origins["t"]


@pytest.mark.parametrize("turn", [0, 1])
def test_a_grid_with_seeds_by_turns_stays(turn: int) -> None:
    """Where each kernel of a grid has a seed of its own, or each in turn, kernels remain what was chosen."""
    grid = pd.DataFrame(product(range(2, 12), [16, 32, 64, 128], [1, 3, 5]), columns=list(COLUMNS))
    place = np.arange(len(grid))
    frame = grid.assign(seed=(place + turn * (place // 3)) % 3, error=np.random.default_rng(0).random(len(grid)))
    for each in (frame, noted(frame, "wall_clock")):
        found = checked(each)
        assert (len(found.frame), found.measured) == (len(grid), ())


def test_without_seeds_that_come_again_nothing_is_left_out() -> None:
    """A seed for each training, or none, says nothing of which rows repeat."""
    frame = noted(trainings(), "wall_clock")
    assert checked(frame.assign(seed=range(len(frame)))).measured == ()
    assert checked(frame.drop(columns="seed")).measured == ()


def test_a_column_more_changes_no_verdict(tmp_path: Path) -> None:
    """Of studies in which nothing matters a column more makes no rule: verdicts are the same with it and without."""
    false = 0
    for seed in range(12):
        frame = trainings(seed=seed)
        plain, more = (
            nas.principles(of_file(each, tmp_path), columns=list(COLUMNS)).table()
            for each in (frame, noted(frame, "wall_clock", "best_epoch"))
        )
        pd.testing.assert_frame_equal(plain, more)
        false += bool(more["verdict"].isin(["helps", "hurts"]).any())
    assert false <= 2


def test_many_columns_of_networks() -> None:
    """Among hundreds of columns that networks share, those that were measured are found, wherever they stand."""
    generator = np.random.default_rng(0)
    frame = trainings(networks=300)
    more = pd.DataFrame(generator.integers(0, 9, (300, 400))).rename(columns="c{}".format)
    wide = pd.concat([noted(frame, "gib", "best_epoch"), more.loc[frame.index // 3].reset_index(drop=True)], axis=1)
    assert measured_columns(wide, [name for name in wide if name not in ("seed", "error")]) == ("gib", "best_epoch")
