"""Families and studies that other distributions add, from packages that pip has installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "families.md").read_text()
FAMILY = re.search(r"```python\n(# plain\.py\n.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]
"""The example of the docs, with a study in it."""


def install(folder: Path, name: str, files: dict[str, str], entries: str) -> None:
    """Make a wheel of these files and install it with pip."""
    wheel, about = folder / f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
    files |= {
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": entries,
    }
    with ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{about}/RECORD", "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"]))
    quiet = ["--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *quiet, "--target", folder / "site", wheel], check=True)


def nas(folder: Path, *words: str) -> tuple[int, str, str]:
    """Run a command where these packages are installed: exit code, output, messages."""
    paths = os.pathsep.join([str(folder / "site"), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "nas", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the family of the docs as a package, and a broken package beside it."""
    folder = tmp_path_factory.mktemp("installed")
    entries = "[nas.families]\nplain = their_plain.plain\n[nas.studies]\nplain = their_plain.plain:STUDY\n"
    install(folder, "their_plain", {"their_plain/__init__.py": "", "their_plain/plain.py": FAMILY}, entries)
    entries = "[nas.families]\nbroken = their_broken\nregnet = their_broken\ntwice = their_twice\n"
    entries += "[nas.studies]\nbroken = their_broken:STUDY\nquickstart = their_broken:STUDY\n"
    twice = "from spaces.lenet import ALL, NETWORKS\n"
    install(folder, "their_broken", {"their_broken.py": "1 / 0\n", "their_twice.py": twice}, entries)
    return folder


def test_an_installed_family_is_one_of_ours(place: Path) -> None:
    """Its spaces and networks are listed, described and trained by name, and its study is run by name."""
    code, out, _ = nas(place, "spaces")
    assert code == 0
    assert "plain_6" in out
    assert "regnet_x_400mf" in out
    assert nas(place, "describe", "plain_6")[0] == 0
    code, out, _ = nas(place, "studies")
    assert "\nplain\n  How good are plain networks?\n" in out
    code, _, err = nas(
        place, "run", "plain", "--samples", "2", "--epochs", "1", "--train-size", "100", "--workers", "1"
    )
    assert code == 0, err
    assert (place / "runs" / "plain" / "report.html").is_file()
    assert nas(place, "export", "runs/plain", "--rank", "1", "-o", "best")[0] == 0


def test_a_broken_package_costs_a_line(place: Path) -> None:
    """What can't be loaded, or has a name of ours, is left out; a warning names it and its distribution."""
    code, out, err = nas(place, "spaces")
    assert code == 0
    assert "lenet_bn" in out
    assert "family broken of their_broken is left out: their_broken can't be imported: ZeroDivisionError" in err
    assert "family twice of their_broken is left out: its " in err
    assert "Traceback" not in err
    code, out, err = nas(place, "studies")
    assert code == 0
    assert out.count("\nquickstart\n") == 1
    assert "study broken of their_broken is left out: " in err
    code, _, err = nas(place, "run", "broken")
    assert code == 2
    assert "ZeroDivisionError" in err
