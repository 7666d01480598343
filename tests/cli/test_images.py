"""`nas images` as a user types it: tables, JSON, a page of pictures, and the line below `nas best`."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nas
from nas import data
from nas.cli import main
from nas.page.images import png_uri
from tests.toys import spaces
from tests.toys.runs import execute

Say = Callable[..., tuple[int, str, str]]
URI = re.compile(r'src="data:image/png;base64,([^"]+)" alt="validation image (\d+), (\d)"')


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs a command: exit code, output, messages."""

    def said(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nas", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        spoken = capsys.readouterr()
        assert "Traceback" not in spoken.err
        return int(ended.value.code or 0), spoken.out, spoken.err

    return said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two spaces, each network trained twice."""
    place = tmp_path_factory.mktemp("images") / "run"
    execute(spaces.REPEATED, place)
    return place


def test_the_best_two_are_shown(say: Say, folder: Path) -> None:
    """Sides, their paired difference and what seeds add, then a table for each kind of images."""
    code, out, _ = say("images", folder, "--top", 2)
    assert code == 0
    assert out.startswith("repeated\n")
    for name in ("first", "second", "hardest", "paired", "over seeds", "seeds", "note"):
        assert re.search(rf"^  {name} ", out, re.MULTILINE)
    assert out.count("image  label  wrong in first") == 3
    assert "McNemar p" in out


def test_spaces_by_name(say: Say, folder: Path) -> None:
    """Two spaces are compared by how many of their trainings are wrong."""
    _, out, _ = say("images", folder, "--first", "tiny", "--second", "rich")
    assert "tiny gets wrong more often than rich" in out
    assert " of 6 " in out
    assert "McNemar" not in out


def test_json_for_programs(say: Say, folder: Path) -> None:
    """One object with both sides, images of each kind, the pair and the parts."""
    _, out, _ = say("images", folder, "--json", "--top", 3)
    found = json.loads(out)
    run = nas.open(folder)
    assert found["first"]["trials"] == [run.best[0].trial]
    assert (found["n"], found["trainings"]) == (359, 12)
    assert len(found["first_wrong"]) <= 3
    assert found["paired"]["first"] == run.best[0].error
    assert found["images_and_seeds"]["networks"] == 6
    for image in found["first_wrong"]:
        assert run.wrong_images[run.best[0].trial][image["image"]]
        assert not run.wrong_images[run.best[1].trial][image["image"]]


def test_a_page_shows_the_pictures(say: Say, folder: Path, tmp_path: Path) -> None:
    """Each picture is the validation image of its place, with its label; the file asks no host for anything."""
    code, _, err = say("images", folder, "-o", tmp_path / "images.html", "--top", 4)
    assert (code, err.strip()) == (0, str(tmp_path / "images.html"))
    text = (tmp_path / "images.html").read_text()
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
    assert "not what an image was taken for" in text
    validation = data.load(data.prepare_for(spaces.QUICK)).validation
    pictures = URI.findall(text)
    assert pictures
    for code64, place, label in pictures:
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(code64))))
        assert (pixels == validation.images[int(place), 0].numpy()).all()
        assert int(label) == validation.labels[int(place)]


def test_colours_and_other_channels() -> None:
    """Three channels are a coloured picture; of any other number the first is shown in grey."""
    pixels = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)

    def read(uri: str) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))

    assert (read(png_uri(pixels[:3])) == pixels[:3].transpose(1, 2, 0)).all()
    assert (read(png_uri(pixels)) == pixels[0]).all()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--first", "tiny"), "first and second go together"),
        (("--first", "tiny", "--second", "x"), "'x' is neither a space of the run nor the number of a trial"),
        (("-o", "nowhere/images.html"), "nowhere"),
    ],
)
def test_refusals(say: Say, folder: Path, words: tuple[str, ...], reason: str) -> None:
    """What can't be shown or written is refused in a line or two."""
    code, _, err = say("images", folder, *words)
    assert code > 0
    assert reason in err


def test_best_says_whether_the_first_two_differ(say: Say, folder: Path) -> None:
    """Below the table stands the paired difference of ranks 1 and 2; a Pareto front has no such line."""
    _, out, _ = say("best", folder)
    assert "paired on 359 images" in out
    assert "paired on" not in say("best", folder, "--by", "pareto")[1]
