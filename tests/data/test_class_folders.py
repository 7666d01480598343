"""What a folder of own images is told about: files that can't be used, pictures that occur twice, the wrong folder."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nas.data
from nas.errors import Missing, Once, Refused
from tests.data.test_own import write_images, write_npz, write_splits

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))


def spoil(folder: Path) -> None:
    """Two files each that are empty, no image and cut, one that is too deep, one in a format that isn't read."""
    for number in (0, 1):
        (folder / f"cat/{number}.png").write_bytes(b"")
        (folder / f"cat/{number + 2}.png").write_bytes(b"no image")
        cut = folder / f"dog/{number}.png"
        cut.write_bytes(cut.read_bytes()[:-40])
    Image.fromarray(np.full((8, 12), 40_000, dtype=np.uint16)).save(folder / "dog/2.png")
    (folder / "dog/x.heic").write_bytes(b"x")


def test_all_files_that_cannot_be_used_are_told_at_once(tmp_path: Path, say: Say) -> None:
    """Empty, cut, deep and other files are one refusal with their number, each with its reason, by every reader."""
    folder = write_images(tmp_path / "pets")
    spoil(folder)
    for read in (nas.data.contents, nas.data.prepare, nas.data.unseal, nas.data.verify):
        with pytest.raises(Missing, match=r"8 of the 21 images of .*pets can't be used") as refused:
            read(str(folder))
    lines = str(refused.value).splitlines()[1:]
    reasons = ["it is empty"] * 2 + ["it is none of PNG"] * 2 + ["truncated"] * 2 + ["must have 8 bits", "none of PNG"]
    names = ["cat/0.png", "cat/1.png", "cat/2.png", "cat/3.png", "dog/0.png", "dog/1.png", "dog/2.png", "dog/x.heic"]
    for line, name, reason in zip(lines, names, reasons, strict=True):
        assert line.startswith(f"  {name}: ")
        assert reason in line
    code, _, message = say("data", folder)
    assert code == 69
    assert "replace each of them, or remove it" in message


def test_cut_files_are_told_at_once(tmp_path: Path) -> None:
    """Files whose beginning is intact are told at once, too; a single one keeps its own words."""
    folder = write_images(tmp_path / "pets")
    for number in range(3):
        file = folder / f"cat/{number}.png"
        file.write_bytes(file.read_bytes()[:-40])
    for read in (nas.data.contents, nas.data.prepare, nas.data.verify):
        with pytest.raises(
            Missing, match=r"3 of the 20 images of .*\n  cat/0\.png: .*\n  cat/1\.png: .*\n  cat/2\.png"
        ):
            read(str(folder))
    for number in range(2):
        (folder / f"cat/{number}.png").unlink()
    with pytest.raises(Missing, match=r"cat/2\.png can't be read as an image"):
        nas.data.prepare(str(folder))


def test_of_many_files_ten_are_named_and_all_by_verify(tmp_path: Path, say: Say) -> None:
    """Of more than ten files ten are named, with the command that names all; removing these makes the folder whole."""
    folder = write_images(tmp_path / "my pets", count=20)
    bad = [folder / f"dog/{number}.png" for number in range(14)]
    for file in bad:
        file.write_bytes(b"")
    code, _, message = say("data", folder)
    assert code == 69
    assert message.count("it is empty") == 10
    assert "14 of the 40 images" in message
    assert "  and 4 more\n" in message
    assert f"nas data '{folder}' --verify names all of them" in message
    named = say("data", folder, "--verify")[2]
    assert all(f"dog/{file.name}: " in named for file in bad)
    for file in bad:
        file.unlink()
    assert say("data", folder)[0] == 0


def test_pictures_in_two_classes_are_counted_and_named(
    tmp_path: Path, say: Say, caplog: pytest.LogCaptureFixture
) -> None:
    """The same picture under two labels is said in words, in JSON, on the page and at preparation, with its files."""
    folder = write_images(tmp_path / "pets")
    shutil.copy(folder / "cat/4.png", folder / "dog/dup.png")
    shutil.copy(folder / "cat/5.png", folder / "dog/5.png")
    told = "cat/4.png and dog/dup.png are the same picture in two classes"
    out = say("data", folder, "-o", tmp_path / "page.html")[1]
    assert "in two classes: 2 pictures have two labels" in out
    assert told in out
    assert told in (tmp_path / "page.html").read_text()
    found = json.loads(say("data", folder, "--json")[1])
    assert found["two_classes"] == 2
    assert sorted(found["two_classes_files"]) == [["cat/4.png", "dog/dup.png"], ["cat/5.png", "dog/5.png"]]
    caplog.clear()
    nas.data.prepare(str(folder))
    assert "are the same picture in two classes, and so are 1 more pairs" in caplog.text


def test_pictures_in_two_classes_of_an_array_are_named_by_their_place(tmp_path: Path) -> None:
    """Of arrays, too, test images among them; copies within one class and split say nothing."""
    images = np.random.default_rng(1).integers(0, 256, (30, 8, 8), dtype=np.uint8)
    images[7] = images[3]
    tested = {"test_images": images[[9, 9]], "test_labels": np.array([1, 0])}
    held = nas.data.contents(str(write_npz(tmp_path / "a.npz", images=images, **tested)))
    pairs = sorted(held.two_classes_files)
    assert (held.two_classes, pairs) == (2, [("images[3]", "images[7]"), ("images[9]", "test_images[0]")])
    assert held.doubled_files[-2:] == [("test_images[0]", "images[9]"), ("test_images[1]", "images[9]")]


def test_files_in_two_splits_are_named(tmp_path: Path, say: Say) -> None:
    """Each file of a later split stands beside the same one of an earlier split; of many some are named."""
    folder = write_splits(tmp_path / "pets", train=10, test=10)
    for number in range(8):
        shutil.copy(folder / f"train/cat/{number}.png", folder / f"test/cat/{number}.png")
    out = say("data", folder)[1]
    assert "in two splits: " in out
    assert out.count("are the same picture\n") == 5
    assert "test/cat/0.png and train/cat/0.png are the same picture\n" in out
    found = json.loads(say("data", folder, "--json")[1])
    assert ["test/cat/7.png", "train/cat/7.png"] in found["doubled_files"]
    assert found["two_classes"] == 0


def test_grey_images_and_folders_left_out_are_told(tmp_path: Path, say: Say) -> None:
    """Grey images among coloured ones are counted, folders that are no classes named, sizes that differ are words."""
    folder = write_images(tmp_path / "pets", "RGB")
    Image.new("L", (20, 20), 7).save(folder / "cat/0.png")
    (folder / "__MACOSX").mkdir()
    out = say("data", folder)[1]
    assert "20 images of any size, 3 channels each\n" in out
    assert "grey: 1 of 20 images are grey; they are made RGB" in out
    assert "folders left out: __MACOSX\n" in out
    found = json.loads(say("data", folder, "--json")[1])
    assert (found["grey"], found["ignored"], found["shape"]) == (1, ["__MACOSX"], [3, None, None])
    out = say("data", write_images(tmp_path / "plain"))[1]
    assert "grey:" not in out
    assert "folders left" not in out


def test_a_command_says_each_notice_once(tmp_path: Path) -> None:
    """A command that reads the folder several times says each notice of its data once."""
    folder = write_images(tmp_path / "pets", "RGB")
    (folder / "notes.txt").touch()
    Image.new("RGBA", (12, 8)).save(folder / "cat/0.png")
    command = [sys.executable, "-m", "nas", "data", str(folder), "-o", str(tmp_path / "page.html")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    assert said.count("files that are no images of a class") == 1
    assert said.count("see-through parts, as cat/0.png") == 1


def test_lines_that_are_no_notices_of_data_may_come_again() -> None:
    """What a run says of its trials is never held back."""
    once = Once()
    told = [(name, text) for name in ("nas.data.x", "nas.runner") for text in ("a", "a", "b")]
    shown = [(n, t) for n, t in told if once.filter(logging.LogRecord(n, 30, "", 0, t, None, None))]
    assert shown == [("nas.data.x", "a"), ("nas.data.x", "b"), *told[3:]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("pets/cat", r"pets/cat must hold .*got 0: it holds 10 images itself; did you mean \./pets\?"),
        ("split/train/cat", r"it holds 10 images itself; did you mean \./split\?"),
        (".", r"class 'best' of \. has 0 images, fewer than 5; did you mean \./pets\?"),
        ("above", r"at least 2 classes, got 1; did you mean above/pets\?"),
        ("around", r"one set of images that is split\? Did you mean around/split\?"),
    ],
)
def test_a_folder_above_or_below_names_the_one_that_is_meant(
    given: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One level too deep or too high, the refusal says what lies there and which folder looks like data."""
    monkeypatch.chdir(tmp_path)
    write_images(Path("pets"))
    write_splits(Path("split"), train=10, test=3)
    write_images(Path("above/pets"))
    write_splits(Path("around/split"), train=10, test=3)
    for other in ("above", "around", "split"):
        if given == ".":
            shutil.rmtree(other)
    Path("best").mkdir()
    with pytest.raises(Refused, match=said):
        nas.data.prepare(given)


def test_a_folder_of_loose_images_suggests_no_other_folder(tmp_path: Path) -> None:
    """Where no folder around it looks like data, a folder of loose images says how classes lie."""
    folder = write_images(tmp_path / "pets") / "cat"
    shutil.rmtree(tmp_path / "pets/dog")
    with pytest.raises(Refused, match="it holds 10 images itself") as refused:
        nas.data.prepare(str(folder))
    assert "did you mean" not in str(refused.value)
    assert "a folder of images for each class" in refused.value.hint
