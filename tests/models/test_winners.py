"""The networks that come with this program: their files, their cards, and their test errors to the last image."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import nas
from nas import data
from nas.layers import cost
from nas.models.folder import check_hashes, winners, winners_folder
from nas.training.devices import one_thread

LARGEST = 6_000_000
"""Bytes of all of them together."""
NAMES = tuple(winners())
RAW = Path(os.environ.get("NAS_DATA_DIR", "nowhere")) / "FashionMNIST/raw"
MEASURE = Path(__file__).parents[2] / "docs/exports.md"
FAST = "fashion-15k"
"""The one with the fewest multiply-adds; the others are measured with `-m long`."""
MEASURED = tuple(name if name == FAST else pytest.param(name, marks=pytest.mark.long) for name in NAMES)
needs_images = pytest.mark.skipif(not RAW.is_dir(), reason="there are no images of Fashion-MNIST")


def test_they_are_small() -> None:
    """All winners together stay below six megabytes."""
    assert NAMES
    assert sum(file.stat().st_size for file in winners_folder().rglob("*") if file.is_file()) < LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_a_winner_says_how_good_it_is_and_how_it_was_found(name: str) -> None:
    """Each was tested with three seeds or more; its name has its size, its card its history and a second reading."""
    check_hashes(winners()[name])
    model = nas.create_model(name, pretrained=True)
    document, card = model.document, (winners()[name] / "card.md").read_text()
    thousands = cost(document.layers, document.inputs).parameters / 1000
    assert name == f"fashion-{thousands:.0f}k"
    test = document.test
    assert test is not None
    assert test.seeds >= 3
    assert (test.readings == 1) == ("no choice depended on the test images" in card)
    assert (test.readings == 1) == ("--again" not in test.command)
    assert test.low < test.mean < test.high
    assert f"test error {test.error:.4f}" in repr(model)
    assert "validation error" not in repr(model)
    assert test.command.startswith("nas final ")
    assert test.command in card.replace("\\", "")
    assert test.searched > 0
    assert f"{test.searched} trainings, {test.search_hours:.1f} hours" in card


@needs_images
@pytest.mark.parametrize("name", MEASURED)
def test_a_winner_errs_on_the_images_that_its_card_says(name: str) -> None:
    """The packaged weights have the test error of their document, to the last image."""
    model, split = nas.create_model(name, pretrained=True), data.unseal("fashion-mnist")
    with one_thread(), torch.inference_mode():
        scores = torch.cat([model(model.preprocess(images)) for images in split.images.split(500)])
    assert float((scores.argmax(1) != split.labels).double().mean()) == recorded_error(model)


@pytest.mark.slow
@needs_images
@pytest.mark.parametrize("name", MEASURED)
def test_its_source_errs_on_the_same_number_elsewhere(name: str, tmp_path: Path) -> None:
    """The exported source and the script of `docs/exports.md` give the card's test error in a process of their own."""
    model = nas.create_model(name, pretrained=True)
    nas.save(model, tmp_path / "net.py")
    (tmp_path / "measure.py").write_text(MEASURE.read_text().partition("```text\n")[2].partition("```")[0])
    command = [sys.executable, "measure.py", RAW]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told.stdout == f"test error {recorded_error(model)}\n"


def recorded_error(model: nas.Model) -> float:
    """The test error in its document."""
    assert model.document.test is not None
    return model.document.test.error


def test_a_winner_is_known_by_name_to_every_verb(
    say: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`describe` and `export` take it as they take a folder; a folder of that name comes first."""
    monkeypatch.chdir(tmp_path)
    assert "15,186" in say("describe", FAST)[1]
    assert say("export", FAST, "-o", "copy")[0] == 0
    assert nas.load("copy").document.architecture == nas.create_model(FAST, pretrained=True).document.architecture
    (tmp_path / FAST).mkdir()
    assert say("export", FAST, "-o", "other")[0] == 2
