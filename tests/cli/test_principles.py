"""`nas principles` as a user types it: tables, sentences, JSON, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import nas
import studies
from nas.engines.inline import InlineEngine
from nas.study import against, larger
from tests.toys.spaces import STUDY

RULED = replace(
    STUDY,
    name="ruled",
    samples=8,
    rules=(against("rich", "tiny", "Rich networks are better.", "R against T"), larger("width")),
)
KEYS = {"name", "statement", "effect", "low", "high", "p_value", "p_adjusted", "verdict", "n"}
"""Which other programs rely on."""
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(say: Say) -> Say:
    """Runs `nas principles`: exit code, output, messages."""
    return lambda *words: say("principles", *words)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that declares two rules."""
    place = tmp_path_factory.mktemp("cli") / "run"
    nas.run(RULED, out=place, engine=InlineEngine(), device="cpu")
    return place


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 200 rows in percent: `depth` lowers the error, `luck` and `width` say nothing, `kind` is a text."""
    generator = np.random.default_rng(3)
    depth, luck = generator.integers(2, 30, 200), generator.random(200)
    errors = 40 - 0.4 * depth + generator.normal(0, 2, 200)
    rows = [
        f"{e:.3f},{d},{x:.4f},{'' if i % 10 == 0 else i % 7},{'ab'[i % 2]}"
        for i, (e, d, x) in enumerate(zip(errors, depth, luck, strict=True))
    ]
    path = tmp_path_factory.mktemp("tables") / "results.csv"
    path.write_text("\n".join(["top1 err,depth,luck,width,kind", *rows]) + "\n")
    return path


def read(text: str) -> dict[str, Any]:
    """The one JSON object of an output."""
    found = json.loads(text)
    assert found["schema_version"] == 1
    return dict(found)


def test_a_run_prints_table_and_sentences(say: Say, folder: Path) -> None:
    """Verdicts with effect, interval, p, n, failures; fidelity above, how to read it below; exit 0."""
    code, out, err = say(folder)
    assert (code, err) == (0, "")
    assert out.startswith("ruled\n  in short ")
    assert "\n  trained   200 images of digits, epochs 2, batches of 50\n" in out
    assert "corrected by Holm for 2 rules together" in out[out.index("\nhow to read it\n") :]
    assert "half a robust standard deviation" in out
    assert "p, Holm" in out
    lines = [line for line in out.splitlines() if line.startswith(("R against T", "width"))]
    assert len(lines) == 4
    assert "8 + 8" in lines[0]
    assert ": Rich networks are better." in out


def test_json_has_the_keys_that_programs_rely_on(say: Say, folder: Path) -> None:
    """One entry a rule with scalar n and one of four verdicts, and where it comes from."""
    code, out, _ = say(folder, "--json")
    found = read(out)
    assert code == 0
    assert [entry["name"] for entry in found["principles"]] == ["R against T", "width"]
    for entry in found["principles"]:
        assert set(entry) >= KEYS
        assert entry["n"] == 16
        assert entry["verdict"] in ("helps", "hurts", "equivalent", "undecided")
        assert entry["low"] <= entry["effect"] <= entry["high"]
    assert found["sources"][0]["trained"].startswith("200 images")


def test_a_table_of_anybody(say: Say, csv: Path) -> None:
    """Columns of a CSV: scipy's rho beside that with others held fixed, Holm over all, missing cells left out."""
    code, out, _ = say("--table", csv, "--error", "top1 err", "--columns", "depth,luck,width", "--json")
    assert code == 0
    depth, luck, width = read(out)["principles"]
    values = np.genfromtxt(csv, delimiter=",", skip_header=1, usecols=(0, 1, 2, 3))
    for entry, column in ((depth, 1), (luck, 2), (width, 3)):
        has = ~np.isnan(values[:, column])
        expected = stats.spearmanr(values[has, column], values[has, 0])
        assert entry["plain"] == pytest.approx(expected.statistic)
        assert entry["p_value"] == pytest.approx(expected.pvalue, rel=2, abs=1e-12)
    assert depth["verdict"] == "helps"
    assert depth["p_adjusted"] == pytest.approx(3 * depth["p_value"])
    assert (depth["n"], width["n"]) == (200, 180)
    assert "20 networks have no value of width" in width["warnings"]
    assert luck["verdict"] in ("equivalent", "undecided")


def test_a_table_is_named_with_all_its_columns_by_default(say: Say, csv: Path) -> None:
    """Without --columns all columns with numbers are asked; the unit that the errors had, and the hash, are told."""
    code, out, _ = say("--table", csv, "--error", "top1 err")
    assert code == 0
    rows = [
        line for line in out.splitlines() if "[" in line and "," in line and ":" not in line and "rule " not in line
    ]
    assert [line.split()[0] for line in rows] == ["depth", "luck", "width"]
    assert "(percentages)" in out
    assert "SHA-256" in out


def test_delta_is_in_the_unit_of_the_errors(say: Say, folder: Path) -> None:
    """A huge delta makes a rule with two samples one without a difference that matters; too huge a one is refused."""
    errors = pd.read_csv(folder / "records.csv")["error"]
    largest = round(0.99 * float(errors.max() - errors.min()), 6)
    _, out, _ = say(folder, "--delta", str(largest), "--json")
    entry = read(out)["principles"][0]
    assert (entry["verdict"], entry["delta"], entry["within_delta"]) == ("equivalent", largest, True)
    for delta in ("0", "0.9"):
        assert say(folder, "--delta", delta)[0] == 2


def test_a_study_lends_its_rules(say: Say, folder: Path, tmp_path: Path) -> None:
    """--study takes rules for the records of a run as a table, and for a folder, where they are no prediction."""
    mine = tmp_path / "mine.py"
    mine.write_text(f"from {__name__} import RULED as STUDY\n")
    code, out, _ = say("--table", folder / "records.csv", "--study", mine, "--json")
    assert code == 0
    ours = read(say(folder, "--json")[1])["principles"]
    assert [e["effect"] for e in read(out)["principles"]] == pytest.approx([e["effect"] for e in ours])
    assert "no prediction" in say(folder, "--study", mine)[1]
    code, _, message = say(folder, "--study", "quickstart")
    assert (code, "no rows of space 'AnyNetX_E_3'" in message) == (2, True)


def test_several_runs_stand_side_by_side(say: Say, folder: Path, tmp_path: Path) -> None:
    """Two runs have a part each and a table of their verdicts on rules of one name."""
    other = tmp_path / "other"
    nas.run(replace(RULED, name="again", seed=1), out=other, engine=InlineEngine(), device="cpu")
    code, out, _ = say(folder, other)
    assert code == 0
    assert "side by side" in out
    assert "of 2 rules have the same verdict everywhere" in out
    assert [e["run"] for e in read(say(folder, other, "--json")[1])["principles"]] == ["ruled"] * 2 + ["again"] * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no folder nowhere"),
        (("FILE",), "nas principles --table"),
        (("--table", "FILE"), "--error COLUMN"),
        (("--table", "FILE", "--error", "top1 err", "--columns", "depth", "--against", "A,B"), "not both"),
        (("--table", "FILE", "--error", "top1 err", "--against", "A"), "the names of two spaces"),
        (("--table", "FILE", "--error", "top1 err", "--against", "A,B"), "no rows of space 'A'"),
        (("DIR", "--against", "rich,tiny", "--study", "quickstart"), "no --study"),
        (("--table", "FILE", "--error", "top1 err", "--columns", ""), "at least one"),
        (("DIR", "--error", "width"), "--error belongs to tables"),
        (("DIR", "--columns", "message"), "1 different text;"),
        (("DIR", "--study", "families"), "declares no rules"),
        (("DIR", "--study", "quickstrat"), "did you mean quickstart"),
    ],
)
def test_what_is_refused(say: Say, folder: Path, csv: Path, words: tuple[str, ...], said: str) -> None:
    """Each wrong word or value exits 2, says what is wrong and what to do."""
    places = {"FILE": csv, "DIR": folder}
    code, out, message = say(*(places.get(word, word) for word in words))
    assert (code, out) == (2, "")
    assert said in message, message


def test_a_study_named_beside_columns_says_what_is_held_fixed(say: Say) -> None:
    """Its rules, if it has any, aren't tested; the columns that it draws are held fixed, asked about or not."""
    table = ("--table", Path(studies.__path__[0]) / "results" / "anynet_discovery.csv.gz", "--columns", "depth_1")
    alone, beside = (
        read(say(*table, *named, "--json")[1])["principles"][0] for named in ((), ("--study", "anynet_discovery"))
    )
    assert alone["given"] == ["multiply_adds"]
    assert {"depth_2", "width_1", "group_width_3"} <= set(beside["given"])
    assert beside["verdict"] == "helps"
    assert beside["effect"] < alone["effect"] < 0.0


def test_names_of_spaces_with_commas_are_listed_in_the_quotes_that_they_take(say: Say) -> None:
    """The hint of a space that isn't there can be copied: a name with a comma stands in quotes."""
    table = ("--table", Path(studies.__path__[0]) / "results" / "anynet_discovery_refined.csv.gz")
    message = say(*table, "--against", "A,B")[2]
    assert 'it has AnyNetX_A_3, "AnyNetX_A_3, refined"' in message
    code, out, _ = say(*table, "--against", '"AnyNetX_A_3, refined",AnyNetX_A_3')
    assert code == 0
    assert "1 of 1 rule decided; helps" in out


def test_accuracies_are_taken_with_their_option(say: Say, csv: Path, tmp_path: Path) -> None:
    """Accuracies give the verdicts of their errors with --accuracy, and are refused without; a loss has no unit."""
    head, *rows = csv.read_text().splitlines()
    cells = [row.split(",", 1) for row in rows]
    table = tmp_path / "acc.csv"
    table.write_text("\n".join([head.replace("top1 err", "val_acc"), *(f"{100 - float(e):.3f},{r}" for e, r in cells)]))
    code, _, message = say("--table", table, "--error", "val_acc")
    assert (code, "--accuracy" in message) == (2, True)
    asked = ("--columns", "depth,luck", "--json")
    accuracies = read(say("--table", table, "--error", "val_acc", "--accuracy", *asked)[1])["principles"]
    errors = read(say("--table", csv, "--error", "top1 err", *asked)[1])["principles"]
    assert [row["verdict"] for row in accuracies] == [row["verdict"] for row in errors]
    assert accuracies[0]["effect"] == pytest.approx(errors[0]["effect"])
    losses = tmp_path / "loss.csv"
    losses.write_text(csv.read_text().replace("top1 err", "val_loss"))
    out = say("--table", losses, "--error", "val_loss", "--columns", "depth")[1]
    assert "percentages" not in out
    assert "none: the errors are taken as they are" in " ".join(out.split())
    assert say(tmp_path, "--accuracy")[0] == 2


def test_texts_and_spaces_are_asked_about(say: Say, folder: Path, csv: Path) -> None:
    """Values of a text against one another, and two spaces of a table or run, as scipy and Holm have them."""
    file = ("--table", csv, "--error", "top1 err")
    (rule,) = read(say(*file, "--columns", "kind", "--json")[1])["principles"]
    assert (rule["name"], rule["n"]) == ("kind a against b", 200)
    both = read(say(*file, "--columns", "kind,depth", "--json")[1])["principles"]
    assert [row["name"] for row in both] == ["kind a against b", "depth"]
    assert both[0]["p_adjusted"] >= rule["p_adjusted"]
    (spaces,) = read(say(*file, "--space", "kind", "--against", "a,b", "--json")[1])["principles"]
    assert spaces["name"] == "a against b"
    assert spaces["p_value"] == pytest.approx(rule["p_value"])
    code, out, _ = say(folder, "--against", "tiny,rich")
    assert (code, "tiny against rich" in out) == (0, True)
