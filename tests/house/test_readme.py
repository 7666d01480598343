"""The README's family is run as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import nas
from nas.engines.inline import InlineEngine
from nas.study import catalog

ROOT = Path(__file__).parents[2]
LONGEST = 40
"""Lines that a family may take."""
PARAMETERS = 9 * 32 + 5 * 9 * 32 * 32 + 6 * 2 * 32 + 32 * 10 + 10
"""Of six convolutions of 32 channels, their norms, and the linear layer."""
CONTRACT = "test_every_point_is_a_network or test_facts_are_columns or 1x28x28-Plain or published_networks_fit"


@pytest.fixture
def family() -> str:
    """The code of the family that the README shows."""
    text = (ROOT / "README.md").read_text().split("## A family of your own")[1]
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


def test_the_family_is_short(family: str) -> None:
    """A family with its space, a published network and a study takes fewer than 40 lines."""
    assert len(family.splitlines()) < LONGEST


def test_the_family_runs_as_a_file_of_the_user(family: str, tmp_path: Path) -> None:
    """The study in it trains networks of all their depths and widths."""
    (tmp_path / "plain.py").write_text(family)
    study = catalog.study(str(tmp_path / "plain.py"))
    run = nas.run(replace(study, samples=3), out=tmp_path / "run", engine=InlineEngine(), device="cpu")
    assert list(run.table()["outcome"]) == ["completed"] * 3
    assert (run.table()["layers"] == run.table()["depth"] + 1).all()


def test_one_line_makes_the_family_ours(family: str, tmp_path: Path) -> None:
    """With its file in `spaces` and its name in the list, `nas` lists and describes it, and it keeps the contract."""
    for package in ("nas", "spaces", "studies", "tests"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "results"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "spaces" / "plain.py").write_text(family)
    listed = tmp_path / "spaces" / "__init__.py"
    listed.write_text(listed.read_text().replace('    "regnet",\n', '    "regnet",\n    "plain",\n'))
    told = said(tmp_path, "-m", "nas", "spaces")
    assert "Plain" in told
    assert "plain_6" in told
    assert f"{PARAMETERS:,}" in said(tmp_path, "-m", "nas", "describe", "plain_6")
    contract = f"(Plain or plain_6) and ({CONTRACT})"
    said(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/spaces/test_spaces.py", "-k", contract)


def said(folder: Path, *words: str) -> str:
    """What Python prints in a folder that has its own copy of the packages."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
