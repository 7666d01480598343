"""Records as a table: one row a trial, documented columns, and nothing in it that a spreadsheet would run."""

from __future__ import annotations

import builtins
import gzip
import importlib.util
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

from nas.errors import Refused, StorageFailed
from nas.layers.base import Cost
from nas.study.record import Epoch, Origin, Outcome, Record
from nas.study.table import COLUMNS, TIMES, harmless, table, write


def record(trial: int, **changes: Any) -> Record:
    """A completed trial with some fields changed."""
    plain = Record(
        trial=trial,
        space="s",
        architecture="0123456789abcdef",
        point={"width": 8},
        facts={},
        cost=Cost(parameters=1, multiply_adds=2, activations=3, memory=4),
        origin=Origin(sampler="random", draws=5, repeat=1),
        seed=2**62,
        outcome=Outcome.COMPLETED,
        curve=(
            Epoch(number=1, loss=2.0, error=0.5, seconds=1.0),
            Epoch(number=2, loss=1.0, error=0.25, seconds=1.0),
        ),
        train_error=0.125,
        peak_memory=5,
        seconds=2.0,
        images_per_second=100.0,
    )
    return msgspec.structs.replace(plain, **changes)


FAILURE: dict[str, Any] = {
    "outcome": Outcome.CRASHED,
    "curve": (),
    "train_error": None,
    "peak_memory": None,
    "message": "killed",
}


def test_each_trial_is_a_row_of_documented_columns() -> None:
    """Rows stand in the order of trials; the documented columns come first, dimensions and facts follow."""
    frame = table([record(1, point={"width": 16}, facts={"depth": 3}), record(0)])
    assert list(frame.columns) == [*COLUMNS, "width", "depth"]
    assert list(frame["trial"]) == [0, 1]
    first = frame.iloc[0]
    expected = {
        "space": "s",
        "outcome": "completed",
        "error": 0.25,
        "train_error": 0.125,
        "gap": 0.125,
        "seed": 2**62,
        "epochs": 2,
        "parameters": 1,
        "multiply_adds": 2,
        "activations": 3,
        "memory": 4,
        "peak_memory": 5,
        "seconds": 2.0,
        "images_per_second": 100.0,
        "sampler": "random",
        "draws": 5,
        "repeat": 1,
        "attempts": 1,
        "message": "",
    }
    assert {name: first[name] for name in expected} == expected
    assert not first["fallback"]
    assert set(TIMES) < set(COLUMNS)
    assert all(COLUMNS.values())


def test_integers_stay_integers_where_a_space_lacks_the_dimension() -> None:
    """A whole-numbered dimension that another space doesn't have leaves a gap, not a column of floats."""
    frame = table([record(0), record(1, point={"depth": 2})])
    assert str(frame["width"].dtype) == "Int64"
    assert list(frame["width"].isna()) == [False, True]
    assert frame["width"][0] == 8
    assert frame.to_csv(index=False).splitlines()[1].endswith(",8,")


def test_other_values_keep_their_type() -> None:
    """Real dimensions are floats, texts are texts, and a choice of both stays what each was."""
    frame = table([record(0, point={"rate": 0.5, "kind": "a", "any": 1}), record(1, point={"rate": 1.5, "any": "x"})])
    assert frame["rate"].dtype == float
    assert list(frame["any"]) == [1, "x"]
    assert frame["kind"][0] == "a"


@pytest.mark.parametrize("others", [[], [record(0)]], ids=["alone", "beside a success"])
def test_failures_have_no_error(others: list[Record]) -> None:
    """A failure's error is NaN in a column of floats, also where every trial has failed."""
    frame = table([*others, record(1, **FAILURE)])
    assert frame["error"].dtype == float
    assert frame[["error", "train_error", "gap", "peak_memory"]].isna().iloc[-1].all()
    assert str(frame["peak_memory"].dtype) == "Int64"
    assert frame["outcome"].iloc[-1] == "crashed"


def test_records_from_before_a_column_have_it_empty() -> None:
    """A record that was stored without training error and memory is read, and its cells are empty."""
    older = msgspec.to_builtins(record(0))
    del older["train_error"], older["peak_memory"]
    row = table([msgspec.json.decode(msgspec.json.encode(older), type=Record)]).iloc[0]
    assert row["error"] == 0.25
    assert row[["train_error", "gap", "peak_memory"]].isna().all()


def test_switches_stay_true_or_false() -> None:
    """A dimension of truth values isn't a column of 0 and 1."""
    frame = table([record(0, point={"flip": False}), record(1, point={"flip": True})])
    assert list(frame["flip"]) == [False, True]
    assert frame["flip"].dtype == bool


def test_no_records_are_a_table_without_rows() -> None:
    """Before the first trial the table has all documented columns and no row."""
    assert list(table([]).columns) == list(COLUMNS)
    assert len(table([])) == 0


EVIL = ("=HYPERLINK(1)", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", "\uff20SUM(A1)")


@pytest.mark.parametrize("text", EVIL)
def test_formulas_become_text(text: str) -> None:
    """A text or a column's name that a spreadsheet would run gets an apostrophe; numbers and other texts stay."""
    frame = harmless(table([record(0, message=text, point={text: -3, "kind": "a=b"})]))
    written = "'" + text.replace("\r", "\\u000d")
    assert frame["message"][0] == written
    assert list(frame.columns)[-2:] == [written, "kind"]
    assert frame[written][0] == -3
    assert frame["kind"][0] == "a=b"


def test_csv_comes_back_equal(tmp_path: Path) -> None:
    """What is written as .csv or .csv.gz is read back by pandas with the same numbers, NaN for a failure."""
    frame = table([record(0), record(1, **FAILURE)])
    write(frame, tmp_path / "t.csv")
    write(frame, tmp_path / "t.csv.gz")
    text = (tmp_path / "t.csv").read_bytes()
    assert gzip.decompress((tmp_path / "t.csv.gz").read_bytes()) == text
    assert b"\r" not in text
    read = pd.read_csv(tmp_path / "t.csv")
    assert list(read.columns) == list(frame.columns)
    for name in ("trial", "error", "seed", "multiply_adds", "width"):
        assert read[name].astype(float).equals(frame[name].astype(float)), name


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow isn't installed")
def test_parquet_comes_back_equal(tmp_path: Path) -> None:
    """What is written as .parquet is read back equal, types included."""
    frame = table([record(0), record(1, **FAILURE)])
    write(frame, tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), frame, check_dtype=False)


def test_parquet_without_pyarrow_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyarrow can't be imported, .parquet is refused and the hint says what to install."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] in ("pyarrow", "fastparquet"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Refused, match="parquet needs pyarrow") as refused:
        write(table([record(0)]), tmp_path / "t.parquet")
    assert 'pip install "nas-atlas[parquet]"' in refused.value.hint


def test_other_endings_and_missing_folders_are_refused(tmp_path: Path) -> None:
    """An unknown ending is refused with those there are, and a folder that can't be written is named."""
    with pytest.raises(Refused, match=r"written as .csv, .csv.gz or .parquet, not 't.xlsx'"):
        write(table([record(0)]), tmp_path / "t.xlsx")
    with pytest.raises(StorageFailed, match=r"missing/t.csv can't be written"):
        write(table([record(0)]), tmp_path / "missing" / "t.csv")
