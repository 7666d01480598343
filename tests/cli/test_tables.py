"""The verbs on tables: data, run, best, export, verify, describe."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toys.tables import houses, write_csv

ROOT = Path(__file__).parents[2]


def nas(*words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run([sys.executable, "-m", "nas", *words], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of houses."""
    return write_csv(tmp_path_factory.mktemp("tables") / "houses.csv", houses())


@pytest.mark.slow
def test_data_tells_what_a_table_holds(table: Path) -> None:
    """The embedded table, a file with a target, and a file without one, whose columns are listed."""
    assert "442 rows of 10 columns, 10 features" in nas("data", "diabetes").stdout
    verified = nas("data", "diabetes", "--verify").stdout
    assert "442 rows of 10 columns intact, 10 features; target 'progression'" in verified
    said = nas("data", str(table), "--target", "price")
    assert "120 rows of 3 columns, 6 features" in said.stdout
    assert "target: price: mean " in said.stdout
    assert "'Id' only numbers the rows and is left out" in said.stderr
    refused = nas("data", str(table))
    assert refused.returncode == 2
    assert "It has Id, area, street, garage, price" in refused.stderr
    assert "--target NAME" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.long
def test_from_a_file_to_a_verified_network(table: Path, tmp_path: Path) -> None:
    """Run with data and target of the command line, repeated, exported and verified."""
    asked = ("run", "tests.toys.tables:STUDY", "--data", str(table), "--target", "price", "--samples", "2")
    asked += ("--out", str(tmp_path / "run"), "--workers", "1")
    for _ in range(2):
        done = nas(*asked)
        assert done.returncode == 0, done.stderr
        assert "errors: root mean squared error in percent of the standard deviation of 'price'" in done.stdout
    best = json.loads(nas("best", str(tmp_path / "run"), "--json").stdout)["best"]
    assert 0 < best[0]["error"] < 1
    assert nas("export", str(tmp_path / "run"), "-o", str(tmp_path / "best")).returncode == 0
    verified = nas("verify", str(tmp_path / "best"))
    assert verified.returncode == 0
    assert verified.stdout.strip().endswith("equal")
    described = json.loads(nas("describe", str(tmp_path / "best"), "--json").stdout)
    assert described["inputs"] == [6]
    other = nas(*asked[:5], "area", *asked[6:])
    assert other.returncode == 2


@pytest.mark.slow
def test_lengths_for_images_are_refused(tmp_path: Path) -> None:
    """A fidelity flips images, so it is refused with what to say instead."""
    said = nas("run", "tests.toys.tables:STUDY", "--fidelity", "long", "--out", str(tmp_path / "other"))
    assert said.returncode == 2
    assert "flip is for images with classes, diabetes is a table" in said.stderr
    assert "--epochs" in said.stderr
