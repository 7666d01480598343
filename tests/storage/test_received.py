"""A run's folder from somebody else: nothing in it is executed, nothing outside of it is touched, no name steers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas
from nas.engines import InlineEngine
from nas.errors import NasError, Refused
from nas.storage.layout import DATABASE, LOCK, LOG, STUDY, WEIGHTS
from tests.toys.runs import forged, rerecorded
from tests.toys.spaces import STUDY as TOY

SMALL = replace(TOY, samples=1)
KEPT = replace(TOY, samples=18, spaces=TOY.spaces[:1], recipe=TOY.recipe)
"""More networks than weights are kept of, though some are drawn twice."""
Say = Callable[..., tuple[int, str, str]]
EVIL = """
from pathlib import Path
Path({mark!r}).touch()
from tests.toys.spaces import STUDY
"""


def start(folder: Path, study: nas.Study = SMALL) -> nas.Run:
    """A run of tiny networks, or what a command that is repeated makes of it."""
    return nas.run(study, out=folder, engine=InlineEngine())


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A run whose networks need code, `evil.py` in the current folder, and the file that this leaves if it is run."""
    folder, mark = tmp_path / "run", tmp_path / "ran"
    start(folder, replace(TOY, samples=4))
    for weights in (folder / WEIGHTS).iterdir():
        weights.unlink()
    (tmp_path / "evil.py").write_text(EVIL.format(mark=str(mark)))
    monkeypatch.chdir(tmp_path)
    return folder, mark


@pytest.mark.parametrize("how", ["file", "module"])
def test_code_that_a_folder_names_runs_only_if_the_command_names_it(
    tmp_path: Path, trap: tuple[Path, Path], say: Say, how: str
) -> None:
    """Export, audit and discovery import neither a file nor a module that study.json states; `--study` does."""
    folder, mark = trap
    reference = str(tmp_path / "evil.py") if how == "file" else "evil:STUDY"
    forged(folder, lambda content: content.update(reference=reference))
    for words in (("export", folder, "-o", tmp_path / "best"), ("audit", folder, "--networks", 4)):
        code, _, message = say(*words)
        assert code == 2
        assert f"--study {reference}" in message
    code, out, _ = say("discover", folder, "--within", "rich")
    assert code == 0
    assert f"--study {reference}" in out
    assert not mark.exists()
    assert say("export", folder, "-o", tmp_path / "best", "--study", reference)[0] == 0
    assert mark.exists()


@pytest.mark.parametrize("name", ["evil.py:SPACE", "evil:SPACE"])
def test_code_that_a_space_is_called_after_is_not_run(
    tmp_path: Path, trap: tuple[Path, Path], say: Say, name: str
) -> None:
    """A search states names of spaces: they are looked up among ours, and one that is a place is imported nowhere."""
    folder, mark = trap

    def called(content: dict[str, Any]) -> None:
        content["reference"] = "nas search"
        content["study"]["spaces"][0]["name"] = name

    forged(folder, called)
    verbs = (
        ("export", folder, "-o", tmp_path / "best"),
        ("final", folder, "--top", 1),
        ("describe", folder, "--trial", 1),
        ("train", "--run", folder, "--trial", 1),
    )
    for words in verbs:
        code, _, message = say(*words)
        assert (code, f"searched '{name}', which is no space of ours here" in message) == (2, True), message
    for words in (("report", folder), ("discover", folder, "--within", "rich")):
        assert say(*words)[0] == 0
    assert not mark.exists()


@pytest.mark.slow
def test_a_study_of_ours_is_found_by_its_name(tmp_path: Path, say: Say) -> None:
    """What comes with this program resolves by itself: weights that weren't kept are trained again."""
    options = ("--samples", 1, "--epochs", 1, "--train-size", 100, "--out", tmp_path / "run")
    assert say("run", "quickstart", *options)[0] == 0
    for weights in (tmp_path / "run" / WEIGHTS).iterdir():
        weights.unlink()
    assert say("export", tmp_path / "run", "-o", tmp_path / "best")[0] == 0


@pytest.mark.parametrize("target", ["../../thesis.txt", "/thesis.txt", "thesis.txt"])
def test_a_path_in_a_record_is_neither_deleted_nor_read(tmp_path: Path, target: str) -> None:
    """Whatever file records name as weights, only those of their own architecture and number are taken."""
    folder = tmp_path / "run"
    start(folder, KEPT)
    place = tmp_path / "thesis.txt" if target != "thesis.txt" else folder / WEIGHTS / target
    place.write_text("precious")
    named = target if target != "/thesis.txt" else str(place)
    rerecorded(folder, lambda record: record.update(weights=named))
    run = start(folder, KEPT)
    assert place.read_text() == "precious"
    assert all(found.parent == folder / WEIGHTS for r in run.records if (found := run.weights(r)))


def test_an_architecture_that_is_a_path_is_refused(tmp_path: Path) -> None:
    """A record whose architecture leads out of the folder names no weights."""
    (tmp_path / "secret-0.safetensors").touch()
    start(tmp_path / "run")
    rerecorded(tmp_path / "run", lambda record: record.update(architecture="../../secret"))
    run = nas.open(tmp_path / "run")
    with pytest.raises(Refused, match="sixteen hexadecimal digits"):
        run.weights(run.records[0])
    nas.report((run,), tmp_path / "page.html")  # one picture less, and still a page


def test_weights_that_are_not_of_this_run_stay(tmp_path: Path) -> None:
    """Files of the user among the weights, those of other runs, and unknown partial files outlive a resumed run."""
    folder = tmp_path / "run"
    run = start(folder, KEPT)
    assert len(run.best) > 10  # networks of the space, of which ten keep their weights
    loser = run.best[-1]
    mine = [
        "model.safetensors",
        "notes.partial",
        "0123456789abcdef-3.safetensors",  # another network than trial 3 trained
        f"{loser.architecture}-900.safetensors",
        f"{loser.architecture}-{loser.trial}.safetensors.txt",
    ]
    stray = [
        f"{loser.architecture}-{loser.trial}.safetensors",
        f".{loser.architecture}-{loser.trial}.safetensors.0123abcd.partial",
    ]
    (folder / LOG).unlink()
    for name in (*mine, *stray):
        (folder / WEIGHTS / name).write_text("mine")
    (folder / WEIGHTS / f"{loser.architecture}-900.safetensors").unlink()  # it would speak of a lost trial
    start(folder, KEPT)
    left = {path.name for path in (folder / WEIGHTS).iterdir()}
    assert left >= {*mine} - {f"{loser.architecture}-900.safetensors"}
    assert not left & {*stray}


@pytest.mark.parametrize("name", [WEIGHTS, DATABASE, LOG, LOCK, STUDY, f"{DATABASE}-wal"])
def test_links_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    """A run whose files are links writes through none of them, and says which it is."""
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    start(folder)
    place = folder / name
    if place.exists():
        place.rename(elsewhere)
    else:
        elsewhere.write_text("mine")
    before = elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir())
    place.symlink_to(elsewhere)
    with pytest.raises(NasError, match=name):
        start(folder, replace(SMALL, samples=2))
    assert (elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir())) == before


def test_temporary_names_cannot_be_planted(tmp_path: Path) -> None:
    """A page, a table and an export are written to new files of unforeseeable names, and replace a link by a file."""
    mine = tmp_path / "thesis.txt"
    mine.write_text("precious")
    run = start(tmp_path / "run")
    for name in (f".page.html.{os.getpid()}.partial", "page.html", "table.csv"):
        (tmp_path / name).symlink_to(mine)
    nas.report((run,), tmp_path / "page.html")
    nas.export(run, run.ranked(1), tmp_path / "best")
    from nas.study.table import write

    write(run.table(), tmp_path / "table.csv")
    assert mine.read_text() == "precious"
    assert not (tmp_path / "page.html").is_symlink()
    assert not [path for path in tmp_path.rglob("*.partial") if not path.is_symlink()]


@pytest.mark.parametrize("mask", [0o027, 0o077])
def test_what_is_written_obeys_the_umask(tmp_path: Path, mask: int) -> None:
    """An export and a page have the rights that the user gives new folders and files."""
    run = start(tmp_path / "run")
    before = os.umask(mask)
    try:
        nas.export(run, run.ranked(1), tmp_path / "best")
        nas.report((run,), tmp_path / "page.html")
    finally:
        os.umask(before)
    assert (tmp_path / "best").stat().st_mode & 0o777 == 0o777 & ~mask
    files = [tmp_path / "page.html", *(tmp_path / "best").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o666 & ~mask}


STEERING = "tiny\x1b]0;owned\x07\x9b2J\u202egnp"
"""Sets a terminal's title, clears it, and turns the direction of writing."""


def test_names_steer_no_terminal(tmp_path: Path, say: Say) -> None:
    """Control codes and marks of direction in received names are written out by every verb, in JSON, log and table."""
    space = replace(TOY.spaces[0], name=STEERING)
    folder = tmp_path / "run"
    start(folder, replace(SMALL, spaces=(space,), question=STEERING))
    told = [say(verb, folder, *options) for verb in ("status", "best") for options in ((), ("--json",))]
    told += [say("table", folder), say("export", folder, "-o", tmp_path / "best"), say("nonsense" + STEERING)]
    for _, out, err in told:
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*out, *err}
    assert "tiny\\u001b]0;owned\\u0007\\u009b2J\\u202egnp" in told[0][1]
    assert json.loads(told[3][1])["best"][0]["space"] == STEERING
    assert "\x1b" not in (folder / LOG).read_text()
    assert "\x1b" not in (folder / "records.csv").read_text()
