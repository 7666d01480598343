"""Anybody's tables: what is read, what is refused, and what several become."""

from __future__ import annotations

import gzip
import importlib.util
import math
from pathlib import Path

import pandas as pd
import pytest

from nas.errors import Refused
from nas.findings.tables import checked, read, tables
from nas.layers.base import Cost
from nas.study.record import Epoch, Origin, Outcome, Record
from nas.study.table import table, write


def file(folder: Path, text: str, name: str = "t.csv") -> Path:
    """A table as text."""
    path = folder / name
    path.write_text(text)
    return path


def record(trial: int, **changes: object) -> Record:
    """A trial of a run."""
    known: dict[str, object] = {
        "trial": trial,
        "space": "s",
        "architecture": f"{trial:016x}",
        "point": {"width": 8 + trial},
        "facts": {},
        "cost": Cost(parameters=1, multiply_adds=2, activations=3, memory=4),
        "origin": Origin(sampler="random", draws=5),
        "seed": 2**62,
        "outcome": Outcome.COMPLETED,
        "curve": (Epoch(number=1, loss=2.0, error=0.5, seconds=1.0),),
    }
    return Record(**(known | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_our_own_table_comes_back(tmp_path: Path, ending: str) -> None:
    """What `nas table` writes is read in every form, failures as failures, errors as they are."""
    if ending == "parquet" and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow isn't installed")
    failed = record(1, outcome=Outcome.DIVERGED, curve=(), message="nan")
    write(table([record(0), failed]), tmp_path / f"t.{ending}")
    found = tables([tmp_path / f"t.{ending}"]).frame
    assert list(found["trial"]) == [0, 1]
    assert list(found["space"]) == ["s", "s"]
    assert list(found["outcome"]) == ["completed", "diverged"]
    assert found["error"][0] == 0.5
    assert math.isnan(found["error"][1])
    assert found["width"].tolist() == [8, 9]


def test_a_foreign_table_is_a_random_sample_of_one_space(tmp_path: Path) -> None:
    """Without `space` and `trial` the file names the space and rows are numbered; errors above 1 are percentages."""
    found = tables([file(tmp_path, "w,top1_err\n8,34.5\n16,1.5\n", "search.csv")], "top1_err")
    assert found.frame.to_dict("list") == {
        "trial": [0, 1],
        "space": ["search", "search"],
        "outcome": ["completed", "completed"],
        "error": [0.345, 0.015],
        "w": [8, 16],
    }
    assert "'top1_err' (percentages), no column `sampler`, so taken as a random sample" in found.origins["search"]


def test_errors_up_to_one_are_shares(tmp_path: Path) -> None:
    """Where no error is above 1 they are taken as they are, and that is said."""
    found = tables([file(tmp_path, "error\n1.0\n0.25\n")])
    assert found.frame["error"].tolist() == [1.0, 0.25]
    assert "shares of 1" in found.origins["t"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "can't be read as a table"),
        ("error,width\n", "has no rows"),
        ("err,width\n0.1,8\n", "no column 'error'; it has err, width"),
        ("error,width\n0.1,8\n,9\n", "1 of 2 rows have no error"),
        ("error,width\n0.1,8\ninf,9\n", "1 of 2 rows have no error"),
        ("error,width\n0.1,8\nbad,9\n", "row 2 has 'bad' in 'error'"),
        ("error,width\n0.1,8\n-0.5,9\n", "row 2 has '-0.5'"),
        ("error,outcome\n0.1,fine\n", "row 1 has outcome 'fine'"),
        ("error,outcome\n0.1,completed\n,completed\n", "what was completed has an error, row 2"),
        ("error,outcome\n0.1,completed\n,\n", "what was completed has an error, row 2"),
        ("error,outcome\n0.1,diverged\n", "what failed has no error, row 1"),
        ('error,width\n"0.1,8\n', "can't be read as a table"),
    ],
)
def test_what_isnt_known_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """No rows, no errors, texts, impossible numbers, and outcomes that contradict errors, each with its place."""
    with pytest.raises(Refused) as refused:
        tables([file(tmp_path, text)])
    assert said in str(refused.value)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    """Missing files, other endings, broken archives and binary rubbish."""
    (tmp_path / "t.xlsx").write_text("x")
    (tmp_path / "rubbish.csv").write_bytes(bytes(range(256)) * 9)
    whole = gzip.compress(b"error\n0.1\n" * 999)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.csv.gz").write_bytes(whole[:20] + b"\xff\xff\xff" + whole[23:])
    (tmp_path / "twice.csv").write_text("error\n0.1\n")
    with pytest.raises(Refused, match="there is no file"):
        read(tmp_path / "none.csv")
    with pytest.raises(Refused, match=r"a \.csv, \.csv\.gz, \.parquet or \.json, not 't\.xlsx'"):
        read(tmp_path / "t.xlsx")
    for name in ("rubbish.csv", "cut.csv.gz", "flipped.csv.gz"):
        with pytest.raises(Refused, match="can't be read as a table"):
            read(tmp_path / name)
    with pytest.raises(Refused, match="given twice"):
        tables([tmp_path / "twice.csv", tmp_path / "." / "twice.csv"])


def test_pruned_rows_may_have_errors(tmp_path: Path) -> None:
    """Who was pruned had an error, or not; either is kept as it is."""
    found = tables([file(tmp_path, "error,outcome\n0.5,PRUNED\n,pruned\n0.25,completed\n")]).frame
    assert found["outcome"].tolist() == ["pruned", "pruned", "completed"]
    assert found["error"].isna().tolist() == [False, True, False]


def test_several_tables_are_one(tmp_path: Path) -> None:
    """Rows lie under one another, numbered anew; a space that two files name bears the file's name in both."""
    first = file(tmp_path, "error,space,trial\n0.1,A,0\n0.2,B,1\n", "one.csv")
    second = file(tmp_path, "error,space,trial,sampler\n10,A,0,tpe\n20,,1,random\n", "two.csv")
    found = tables([first, second]).frame
    assert found["trial"].tolist() == [0, 1, 2, 3]
    assert found["trial of the file"].tolist() == [0, 1, 0, 1]
    assert found["space"].tolist() == ["A (one)", "B", "A (two)", "two"]
    assert found["error"].tolist() == [0.1, 0.2, 0.1, 0.2]
    assert found["sampler"].tolist() == [
        "random",
        "random",
        "tpe",
        "random",
    ]  # a file that says nothing stays what it was


def test_equal_names_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    """Two files of one name are named by their paths."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        file(tmp_path / folder, "error\n0.5\n")
    found = tables([tmp_path / "a" / "t.csv", tmp_path / "b" / "t.csv"])
    assert found.frame["space"].tolist() == [str(tmp_path / f / "t.csv") for f in ("a", "b")]
    assert len(found.origins) == 2


def test_names_that_mean_something_here_are_kept_apart(tmp_path: Path) -> None:
    """Texts under the name of a cost, another column `error`, infinite numbers and missing identities are no trap."""
    text = "error,wrong,parameters,width,architecture\nx,0.5,5M,inf,\ny,0.25,6M,8,\n,0.75,6M,9,q\n"
    found = tables([file(tmp_path, text)], "wrong").frame
    assert found["error"].tolist() == [0.5, 0.25, 0.75]
    assert found["parameters of the file"].tolist() == ["5M", "6M", "6M"]
    assert found["error of the file"].tolist()[:2] == ["x", "y"]
    assert found["width"].isna().tolist() == [True, False, False]
    assert found["architecture"].tolist() == ["trial 0", "trial 1", "q"]
    assert "parameters" not in found
    assert isinstance(found, pd.DataFrame)


TWO_UNITS = (
    *("0.05\n0.07\n6.5\n7\n", "5\n90\n0.06\n", "0.93\n92.5\n88\n", "0.0625\n0.5\n30\n"),
    *("0.02\n0.03\n0.9\n1.7\n3\n", "0.05\n0.07\n0.9\n1.5\n30\n", "0.1\n0.2\n" * 20 + "99.99\n"),
)


@pytest.mark.parametrize("errors", TWO_UNITS)
def test_errors_in_two_units_are_refused(tmp_path: Path, errors: str) -> None:
    """Shares of 1 among percentages are refused with a row of each, not taken for hundredths of a percent."""
    with pytest.raises(Refused, match=r"errors in two units\? In 'error' row \d+ has 0"):
        tables([file(tmp_path, f"error\n{errors}")])


@pytest.mark.parametrize("errors", ["0.4\n0.9\n1.1\n2\n", "0.5\n0.8\n1.5\n60\n", "0\n5\n60\n", "0.4\n0.9\n2\n60\n"])
def test_small_percentages_are_percentages(tmp_path: Path, errors: str) -> None:
    """Errors of a few tenths of a percent beside others that follow closely are no shares."""
    assert "percentages" in tables([file(tmp_path, f"error\n{errors}")]).origins["t"]


def test_a_few_texts_in_a_column_of_numbers_are_missing(tmp_path: Path) -> None:
    """Page, principles and --cost read the same numbers from such a column, and what is missing is named."""
    rows = "\n".join(f"0.{i},{'?!' if i == 12 else i},{'n.a.' if i == 13 else 10 * i}" for i in range(10, 40))
    found = tables([file(tmp_path, f"error,depth,flops\n{rows}\n")], cost="flops")
    assert found.frame["depth"].isna().sum() == found.frame["multiply_adds"].isna().sum() == 1
    assert "1 of 30 cells of column 'depth' are no numbers ('?!') and count as missing" in found.origins["t"]
    assert "('n.a.')" in found.origins["t"]


def test_frames_with_any_index_are_refused_by_their_rows() -> None:
    """The row of a wrong error is counted, whatever names the rows of a frame bear."""
    frame = pd.DataFrame({"error": [0.05] * 5 + [6.5] * 5, "c": range(10)}, index=list("abcdefghij"))
    with pytest.raises(Refused, match=r"row 1 has 0\.05, row 6 has 6\.5"):
        checked(frame)
    with pytest.raises(Refused, match="two columns of one name"):
        checked(pd.DataFrame([[1, 2, 0.5]], columns=[1, "1", "error"]))


@pytest.mark.parametrize("cell", ["skip", "x"])
def test_what_is_no_gap_stays(cell: str) -> None:
    """Choices of our own tables, switches, columns with one number, and huge numbers are no columns with gaps."""
    errors = {"error": [0.1 + i / 100 for i in range(20)]}
    ours = {"trial": range(20), "space": "s", "architecture": "a", "outcome": "completed"}
    mixed = [cell if i == 3 else 3 + i % 3 for i in range(20)]
    assert checked(pd.DataFrame({**errors, **ours, "kernel": mixed})).frame["kernel"].notna().all()
    assert (
        checked(pd.DataFrame({**errors, "flag": [cell if i == 3 else 0 for i in range(20)]}))
        .frame["flag"]
        .notna()
        .all()
    )
    skips = [cell if i % 7 == 0 else 3 + 2 * (i % 4) for i in range(20)]
    assert checked(pd.DataFrame({**errors, "kernel": skips})).frame["kernel"].notna().all()
    huge = [10**400 if i == 3 else cell for i in range(20)]
    assert checked(pd.DataFrame({**errors, "huge": huge})).frame["huge"].notna().all()


ACCURACIES = "depth,val_acc\n1,{}\n2,{}\n3,{}\n"


@pytest.mark.parametrize(
    "name", ["val_acc", "accuracy", "top1", "top-1", "Top5", "testAcc", "score", "AUC", "mean_acc"]
)
def test_accuracies_as_errors_are_refused(tmp_path: Path, name: str) -> None:
    """What is named like an accuracy would turn all verdicts round, so it isn't an error; the way out is named."""
    with pytest.raises(Refused, match="more is better") as refused:
        tables([file(tmp_path, f"depth,{name}\n1,0.9\n2,0.8\n")], name)
    assert "--accuracy" in str(refused.value.hint)
    assert tables([file(tmp_path, f"depth,{name}_err\n1,0.9\n2,0.8\n")], f"{name}_err").frame["error"].max() == 0.9


@pytest.mark.parametrize(("values", "unit"), [((0.9, 0.75, 1.0), "shares of 1"), ((90, 75, 100), "percentages")])
def test_accuracies_become_errors(tmp_path: Path, values: tuple[float, ...], unit: str) -> None:
    """1 - x of shares, 100 - x of percentages, the same in files and frames, and that is said."""
    path = file(tmp_path, ACCURACIES.format(*values))
    for found in (tables([path], "val_acc", accuracy=True), checked(read(path), "val_acc", accuracy=True)):
        assert found.frame["error"].tolist() == pytest.approx([0.1, 0.25, 0.0])
        assert f"({unit}): {100 if unit == 'percentages' else 1} - x of accuracies x" in next(
            iter(found.origins.values())
        )
        assert found.percent == (unit == "percentages")


def test_accuracies_are_checked(tmp_path: Path) -> None:
    """Numbers beyond 100, two units and a column named as an error are no accuracies; `accuracy` is the usual name."""
    with pytest.raises(Refused, match="goes up to 250"):
        tables([file(tmp_path, ACCURACIES.format(90, 80, 250))], "val_acc", accuracy=True)
    with pytest.raises(Refused, match="two units"):
        tables([file(tmp_path, ACCURACIES.format(0.93, 92.5, 88))], "val_acc", accuracy=True)
    with pytest.raises(Refused, match="is called an error"):
        tables([file(tmp_path, "top1_err\n0.1\n")], "top1_err", accuracy=True)
    assert checked(pd.DataFrame({"accuracy": [0.9, 0.8]}), accuracy=True).frame["error"].tolist() == pytest.approx(
        [0.1, 0.2]
    )


@pytest.mark.parametrize("text", ["val_loss\n2.4\n0.3\n", "val_loss\n0.4\n0.3\n", "y\n250\n90\n"])
def test_losses_have_no_unit(tmp_path: Path, text: str) -> None:
    """A loss, and what goes beyond percentages, is taken as it is and never called a share or a percentage."""
    found = tables([file(tmp_path, text)], text.split()[0])
    assert found.frame["error"].tolist() == [float(cell) for cell in text.split()[1:]]
    assert "(no unit, taken as they are)" in found.origins["t"]
    assert found.unitless
    assert not found.percent


@pytest.mark.parametrize(
    "text",
    ["depth;width;error\n1;2,5;0,25\n2;;0,5\n", "depth;width;error\n1;2.5;0.25\n2;;0.5\n"],
    ids=["decimal commas", "decimal points"],
)
def test_semicolons_separate_columns(tmp_path: Path, text: str) -> None:
    """A CSV with semicolons, and commas or points in its numbers, is the same table as one with commas."""
    plain = read(file(tmp_path, "depth,width,error\n1,2.5,0.25\n2,,0.5\n"))
    pd.testing.assert_frame_equal(read(file(tmp_path, text)), plain)


def test_two_decimal_marks_are_asked_about(tmp_path: Path) -> None:
    """Where a CSV with semicolons has `0,5` and `4.830`, nobody knows which are thousands."""
    with pytest.raises(Refused, match=r"has the numbers 0,5 and 4\.830: which mark begins the decimals\?"):
        read(file(tmp_path, "params;error\n4.830;0,5\n"))


@pytest.mark.slow
def test_more_columns_than_anybody_has_are_refused(tmp_path: Path) -> None:
    """A table of 60,000 columns is refused by its first line."""
    names = ",".join(f"c{place}" for place in range(60_000))
    with pytest.raises(Refused, match="has 60,000 columns, at most 20,000 are read"):
        read(file(tmp_path, f"{names}\n{','.join(['1'] * 60_000)}\n"))


def test_commas_between_thousands_are_read(tmp_path: Path) -> None:
    """A few such cells, a column of them, errors and costs are numbers, each named; other commas and mixtures stay."""
    rows = "\n".join(
        f'0.{i},"{"1,014.45" if i == 12 else i}","{i},500","0,{i}0",{"M" if i % 2 else "?"}{i},"1,0{i}"'
        for i in range(10, 40)
    )
    path = file(tmp_path, f"error,params,flops,decimal,mixed,millis\n{rows}\n")
    found = tables([path], cost="flops")
    assert found.frame["params"].tolist()[2:4] == [1014.45, 13.0]
    assert found.frame["multiply_adds"].tolist()[:2] == [10_500, 11_500]
    assert found.frame["millis"].iloc[0] == 1010
    assert found.frame["decimal"].iloc[0] == "0,100"
    said = found.origins["t"]
    assert "1 of 30 cells of column 'params' have commas between thousands ('1,014.45')" in said
    assert "30 of 30 cells of column 'flops'" in said
    errors = checked(pd.DataFrame({"loss": ["1,014.5", "900.5"], "depth": [1, 2]}), "loss")
    assert errors.frame["error"].tolist() == [1014.5, 900.5]


def test_columns_mostly_of_texts_beside_commas_are_named() -> None:
    """Where too many cells are texts the column stays texts, and that is said."""
    cells = ["1,014.45", "many", "few", "some"] * 10
    found = checked(pd.DataFrame({"error": [i / 100 for i in range(40)], "params": cells}))
    assert found.frame["params"].tolist() == cells
    assert "Column 'params' holds too many texts beside numbers such as '1,014.45'" in found.origins["the table"]
