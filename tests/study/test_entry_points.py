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
LAYER = re.search(r"```python\n(# layer_scale\.py\n.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]
UNIT = "unit = (convolution(self.width, 3), NORM, RELU)"
SCALED = FAMILY.replace(UNIT, UNIT.replace("RELU", "LayerScale(initial=0.5).node(), RELU")).replace(
    "import msgspec\n", "import msgspec\n\nfrom their_plain.layer_scale import LayerScale\n"
)
"""The same with the layer of the docs in it."""


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
    entries += "[nas.layers]\nLayerScale = their_plain.layer_scale:LayerScale\n"
    files = {"their_plain/__init__.py": "", "their_plain/plain.py": SCALED, "their_plain/layer_scale.py": LAYER}
    install(folder, "their_plain", files, entries)
    entries = "[nas.families]\nbroken = their_broken\nregnet = their_broken\ntwice = their_twice\n"
    entries += "[nas.studies]\nbroken = their_broken:STUDY\nquickstart = their_broken:STUDY\n"
    twice = "from spaces.lenet import ALL, NETWORKS\n"
    install(folder, "their_broken", {"their_broken.py": "1 / 0\n", "their_twice.py": twice}, entries)
    return folder


@pytest.mark.slow
def test_an_installed_family_is_one_of_ours(place: Path) -> None:
    """Its spaces and networks are listed, described and trained by name, and its study is run by name."""
    code, out, _ = nas(place, "spaces")
    assert code == 0
    assert "plain_6" in out
    assert "regnet_x_400mf" in out
    assert "LayerScale" in nas(place, "describe", "plain_6")[1]
    code, out, _ = nas(place, "studies")
    assert "\nplain\n  How good are plain networks?\n" in out
    code, _, err = nas(
        place, "run", "plain", "--samples", "2", "--epochs", "1", "--train-size", "100", "--workers", "1"
    )
    assert code == 0, err
    assert (place / "runs" / "plain" / "report.html").is_file()
    code, _, err = nas(place, "export", "runs/plain", "--rank", "1", "-o", "best")
    assert code == 0, err


@pytest.mark.slow
def test_a_layer_of_a_package_is_in_its_sources_and_missed_without_it(place: Path) -> None:
    """A source of its network needs no package; the exported folder names what is missing where it isn't installed."""
    code, _, err = nas(place, "export", "best", "-o", "net.py")
    assert code == 0, err
    script = "import torch, net; print(tuple(net.load()(torch.zeros(3, *net.INPUTS)).shape))"
    alone = subprocess.run([sys.executable, "-c", script], cwd=place, capture_output=True, text=True, check=True)
    assert alone.stdout == "(3, 10)\n"
    (place / "elsewhere").mkdir()
    code, _, err = nas(place / "elsewhere", "describe", str(place / "best"))
    assert code == 69
    assert "no installed package has the layer LayerScale" in err


@pytest.mark.slow
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
