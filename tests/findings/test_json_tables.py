"""Tables in JSON: what becomes rows and columns, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nas.errors import Refused
from nas.findings.columns import json_tables
from nas.findings.principles import principles
from nas.findings.tables import tables

NET = {"ds": [1, 2, 3], "ws": [16, 32, 64], "gws": [8, 8, 16], "bms": [1.0, 2.0, 2.0], "block_type": "res_block"}


def file(folder: Path, content: Any, name: str = "t.json") -> Path:
    """A file with this content, packed where its name says so; texts as they are."""
    text = content if isinstance(content, str) else json.dumps(content)
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def trained(number: int, **changes: Any) -> dict[str, Any]:
    """A record as those of NDS are."""
    curve = [50.0 - epoch / 10 for epoch in range(100)]
    record = {
        "job_id": number,
        "net": NET | {"ds": [1, 2, number]},
        "optim": {"base_lr": 0.1, "wd": 5e-4, "max_ep": 100},
        "params": 1_000_000 + number,
        "flops": 50_000_000 + number,
        "min_test_top1": 8.5 + number,
        "test_ep_top1": [*curve, 9.5 + number],
        "train_ep_loss": [*curve, float("nan")],
        "prec_time": {"train_fw_bw": 0.05},
    }
    return record | changes


def test_records_of_nds_become_rows(tmp_path: Path) -> None:
    """Nets are flattened, lists numbered, curves end in their last value, and counts bear our names."""
    frame = json_tables.read(file(tmp_path, [trained(1), trained(2)]))
    assert frame["ds_3"].tolist() == [1, 2]
    assert frame["ws_2"].tolist() == [32, 32]
    assert frame["bms_1"].tolist() == [1.0, 1.0]
    assert frame["base_lr"].tolist() == [0.1, 0.1]
    assert frame["parameters"].tolist() == [1_000_001, 1_000_002]
    assert frame["multiply_adds"].tolist() == [50_000_001, 50_000_002]
    assert frame["test_ep_top1_last"].tolist() == [10.5, 11.5]
    assert frame["train_ep_loss_last"].isna().all()
    assert frame["train_fw_bw"].tolist() == [0.05, 0.05]
    assert "net" not in frame
    assert "test_ep_top1" not in frame


def test_their_errors_are_percentages_of_the_best_test_epoch(tmp_path: Path) -> None:
    """They are read as shares, and what they are is said beside the file's name."""
    found = tables([file(tmp_path, [trained(1), trained(2)], "DARTS.json")], "min_test_top1")
    assert found.frame["error"].tolist() == [0.095, 0.105]
    assert found.frame["space"].tolist() == ["DARTS", "DARTS"]
    assert "test errors of each network's best epoch" in found.origins["DARTS"]


def test_named_records_are_rows(tmp_path: Path) -> None:
    """A mapping name -> record is a row each with its name; names of digits stay texts, and no two rows are merged."""
    records = {
        f"{i:08d}": {"test_acc": [90.0, 91.0 + i / 100], "mean_acc": 90.5 + i / 200, "flops": i * 7 % 13}
        for i in range(40)
    }
    path = file(tmp_path, records)
    frame = json_tables.read(path)
    assert frame.columns.tolist() == ["name", "test_acc_1", "test_acc_2", "mean_acc", "flops"]
    assert frame["name"].tolist() == list(records)
    found = tables([path], "mean_acc", accuracy=True)
    assert len(found.frame) == 40
    assert found.frame["error"].iloc[0] == pytest.approx(0.095)
    assert [verdict.name for verdict in principles(found).verdicts] == ["flops"]
    taken = json_tables.read(file(tmp_path, {"a": {"name": "x", "error": 0.1}, "b": {"name": "y", "error": 0.2}}))
    assert taken.columns.tolist() == ["key", "name", "error"]


def test_columns_of_numbered_cells_are_columns(tmp_path: Path) -> None:
    """What pandas writes by default, column -> number of the row -> cell, is read as it was."""
    frame = pd.DataFrame({"error": [0.1, 0.2, 0.3], "depth": [3, 2, 1]})
    assert json_tables.read(file(tmp_path, frame.to_json())).to_dict("list") == frame.to_dict("list")


def test_named_lists_are_spaces(tmp_path: Path) -> None:
    """A mapping name -> list of records is one table of several spaces."""
    frame = json_tables.read(file(tmp_path, {"top": [trained(1)], "mid": [trained(2), trained(3)]}))
    assert frame["space"].tolist() == ["top", "mid", "mid"]


@pytest.mark.parametrize("name", ["t.json", "t.json.gz", "t.jsonl", "t.jsonl.gz"])
def test_records_are_read_in_every_form(tmp_path: Path, name: str) -> None:
    """A list, or a record a line, packed or not; a key that some records lack is an empty cell."""
    records = [{"error": 0.25, "depth": 3}, {"error": 0.5}]
    text = "\n".join(map(json.dumps, records)) + "\n" if "jsonl" in name else records
    found = tables([file(tmp_path, text, name)]).frame
    assert found["error"].tolist() == [0.25, 0.5]
    assert found["depth"].isna().tolist() == [False, True]
    assert found["space"].tolist() == ["t", "t"]


def test_columns_of_cells_are_a_table(tmp_path: Path) -> None:
    """A mapping column -> list of cells is read as rows."""
    frame = json_tables.read(file(tmp_path, {"error": [0.1, 0.2], "kind": ["a", None]}))
    assert frame["error"].tolist() == [0.1, 0.2]
    assert frame["kind"].tolist()[0] == "a"


def test_names_that_clash_keep_their_paths(tmp_path: Path) -> None:
    """Two entries called alike are told apart by where they lie; the outermost keeps its name."""
    frame = json_tables.read(file(tmp_path, [{"depth": 1, "net": {"depth": 2, "kind": [["conv", 0]]}}]))
    assert set(frame) == {"depth", "net.depth", "kind"}
    assert frame["kind"][0] == '[["conv", 0]]'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"error": 0.1, "error": 0.2}]', "has the key 'error' twice"),
        ('[{"error": 0.1, "width": NaN}]', "record 1 has nan in 'width'"),
        ('[{"error": 1e999}]', "record 1 has inf in 'error'"),
        ('{"error": [0.1, 0.2], "width": [1]}', "aren't equally long, 'error' has 2, 'width' has 1"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('[{"a": ' * 10 + "1" + "}]" * 10, "has no column 'error'"),
        ('[{"a": ' + '{"a": ' * 9 + "1" + "}" * 10 + "]", "record 1 is nested more than 8 deep"),
        ("3", "holds no table"),
        ('{"a": {"b": 1}, "c": 2}', "holds no table"),
        ('{"a": {"b": 1}}', "has no column 'error'; it has name, b"),
        ('{"a": {}}', "has no column 'error'"),
        ("{}", "holds no table"),
        ("[]", "has no rows"),
        ("[{}]", "has no rows"),
        ("[1, 2]", "record 1 is 1, not a mapping"),
        ('{"top": [{"error": 0.1}, 7]}', "record 2 of 'top' is 7, not a mapping"),
        ('[{"error": 0.1', "can't be read as JSON"),
        ('[{"a_1": 1, "a": [2]}]', "two columns of one name, 'a_1'"),
        ("[" + "9" * 5000 + "]", "can't be read as JSON"),
        ('[{"error": null}]', "1 of 1 rows have no error"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Keys that stand twice, numbers that JSON doesn't have, unequal columns, depth without end, and no records."""
    with pytest.raises(Refused) as refused:
        tables([file(tmp_path, text)])
    assert said in str(refused.value)


def test_a_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    """Half of an archive is no table."""
    packed = file(tmp_path, [{"error": 0.1}], "whole.json.gz")
    broken = tmp_path / "cut.json.gz"
    broken.write_bytes(packed.read_bytes()[:20])
    with pytest.raises(Refused, match="can't be read as JSON"):
        json_tables.read(broken)


def test_size_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that unpacks to more than is read, or to too many columns, is refused before it fills the memory."""
    packed = file(tmp_path, " " * 100_000 + "[]", "bomb.json.gz")
    monkeypatch.setattr(json_tables, "LARGEST", 1_000)
    with pytest.raises(Refused, match="is larger than 1,000 bytes"):
        json_tables.read(packed)
    wide = file(tmp_path, [{f"c{i}": i for i in range(50)}])
    monkeypatch.setattr(json_tables, "MOST_COLUMNS", 40)
    with pytest.raises(Refused, match="would have 50 columns, at most 40"):
        json_tables.read(wide)
