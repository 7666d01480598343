"""To use networks, four packages are enough: proven by refusing to import all others."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest

import nas

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAME = re.compile(r"[A-Za-z0-9._-]+")
BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def names(requirements: Iterable[str]) -> set[str]:
    """Normalised names of the packages that are required on this machine, extras aside."""
    plain = [line for line in requirements if "extra ==" not in line]
    return {re.sub(r"[-_.]+", "-", found[0]).lower() for line in plain if (found := NAME.match(line))}


def closure(packages: set[str]) -> set[str]:
    """Packages with all that they require, those that are installed."""
    known, left = set[str](), set(packages)
    while left:
        name = left.pop()
        try:
            required = metadata.requires(name) or ()
        except metadata.PackageNotFoundError:
            continue
        known.add(name)
        left |= names(required) - known
    return known


def blocked() -> str:
    """Code that makes a process refuse every installed module but ours and those of the group `load`."""
    allowed = closure(names(PROJECT["dependency-groups"]["load"])) | {"nas-atlas"}
    owners = {
        module: {re.sub(r"[-_.]+", "-", owner).lower() for owner in found}
        for module, found in metadata.packages_distributions().items()
    }
    modules = {module for module, found in owners.items() if not found & allowed and module.isidentifier()}
    assert {"pandas", "PIL", "scipy", "optuna", "sklearn", "torchvision", "platformdirs"} <= modules
    return BLOCKED.format(modules=modules - {"_distutils_hack"})


def run(code: str, folder: Path) -> str:
    """What a process prints that has these four packages alone."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", blocked() + code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_group_is_a_part_of_the_dependencies() -> None:
    """What loads is required in the same versions as in all of the program, and named in the docs."""
    group = PROJECT["dependency-groups"]["load"]
    assert set(group) < set(PROJECT["project"]["dependencies"])
    (command,) = re.findall(r"pip install (.*) && pip install --no-deps", (ROOT / "docs" / "models.md").read_text())
    assert set(command.split()) == names(group)


@pytest.mark.slow
def test_networks_need_four_packages(tmp_path: Path) -> None:
    """Made, changed, saved, loaded and asked, with all else refused, a network answers as it does here."""
    code = """
import nas, numpy, torch
model = nas.create_model("lenet_bn", num_classes=3)
model.save_pretrained("saved")
model = nas.load("saved")
model.reset_classifier(2)
images = numpy.full((5, 40, 30), 7, dtype=numpy.uint8)
print(model.predict(images).probabilities.tolist(), len(nas.list_models()))
"""
    printed = run(code, tmp_path)
    model = nas.load(tmp_path / "saved")
    model.reset_classifier(2)
    import numpy as np

    answer = model.predict(np.full((5, 40, 30), 7, dtype=np.uint8)).probabilities
    assert printed.split() == f"{answer.tolist()} {len(nas.list_models())}".split()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("nas.load_torchvision", "nas.load_torchvision needs torchvision, which isn't installed"),
        ("nas.create_model('lenet').predict('image.png')", "needs Pillow, which isn't installed"),
    ],
)
def test_what_needs_more_says_so(code: str, said: str, tmp_path: Path) -> None:
    """The package that is missing is named."""
    printed = run(f"import nas\ntry:\n    {code}\nexcept Exception as error:\n    print(error)", tmp_path)
    assert said in printed
