"""Networks as folders of plain files: exported, trained again where needed, verified, and found out when damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch

import nas
from nas.engines import InlineEngine
from nas.errors import Missing, NasError, Refused, StorageFailed
from nas.files import digest
from nas.models import exports
from nas.models.card import card, recipe_text
from nas.models.document import decode
from nas.models.folder import ARCHITECTURE, CARD, SUMS, WEIGHTS
from nas.storage.results import Run, open_run
from nas.study import Recipe
from nas.study.record import Outcome
from tests.toys.spaces import RICH, TINY, VARIED, decode_other

REFERENCE = "tests.toys.spaces:VARIED"
ASKED = replace(VARIED, samples=2, seed=3)
"""Not as in the file: the seed comes from the command line."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, known by its reference."""
    folder = tmp_path_factory.mktemp("handover") / "run"
    return nas.run(ASKED, out=folder, engine=InlineEngine(), reference=REFERENCE)


@pytest.fixture(scope="module")
def exported(run: Run) -> Path:
    """The best network, exported; tests don't write to it."""
    folder = run.folder.parent / "best"
    nas.export(run, run.ranked(1), folder)
    return folder


@pytest.fixture
def copied(exported: Path, tmp_path: Path) -> Path:
    """A copy of it that may be damaged."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


@pytest.fixture
def without_weights(run: Run, tmp_path: Path) -> Run:
    """A copy of the run that has lost its weights."""
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    shutil.rmtree(folder / "weights")
    return nas.open(folder)


def test_an_export_is_four_plain_files(exported: Path, run: Run) -> None:
    """The folder holds description, weights, card and hashes as `sha256sum -c` reads them, and nothing else."""
    assert {path.name for path in exported.iterdir()} == {ARCHITECTURE, WEIGHTS, CARD, SUMS}
    lines = (exported / SUMS).read_text().splitlines()
    assert lines == [f"{digest(exported / name)}  {name}" for name in (ARCHITECTURE, WEIGHTS, CARD)]
    assert not list(exported.parent.glob(".best*"))


def test_a_kept_network_is_handed_over_as_it_was(exported: Path, run: Run) -> None:
    """The exported network's document names its trial, space, study, seed and the error in its record."""
    best, document = run.ranked(1), nas.load(exported).document
    assert (document.trial, document.space, document.study) == (best.trial, best.space, "varied")
    assert (document.error, document.seed, document.architecture) == (best.error, best.seed, best.architecture)
    assert document.recipe.learning_rate == best.point["learning_rate"]
    card = (exported / CARD).read_text()
    assert f"found as trial {best.trial} of study varied, space {best.space}" in card
    assert f"| parameters | {best.cost.parameters:,} |" in card


def test_a_network_without_weights_is_trained_again(without_weights: Run, run: Run, tmp_path: Path) -> None:
    """Given its study, a trial whose weights weren't kept comes back equal to the byte."""
    record = run.records[1]
    nas.export(run, record, tmp_path / "kept")
    model = nas.export(without_weights, record, tmp_path / "again", study=VARIED)
    assert model.document.error == record.error
    assert digest(tmp_path / "again" / WEIGHTS) == digest(tmp_path / "kept" / WEIGHTS)
    assert (tmp_path / "again" / ARCHITECTURE).read_bytes() == (tmp_path / "kept" / ARCHITECTURE).read_bytes()


def test_training_again_needs_the_study(without_weights: Run, tmp_path: Path) -> None:
    """A run from a program has no reference: without its study the export is refused, with it the error is equal."""
    anonymous = replace(without_weights, manifest=msgspec.structs.replace(without_weights.manifest, reference=""))
    record = anonymous.records[0]
    with pytest.raises(Refused, match=r"run from a program, so its study isn't known") as refused:
        nas.export(anonymous, record, tmp_path / "out")
    assert "pass study=" in refused.value.hint
    assert nas.export(anonymous, record, tmp_path / "out", study=VARIED).document.error == record.error


def test_training_again_refuses_what_would_be_another_network(without_weights: Run, tmp_path: Path) -> None:
    """Changed code, a vanished space and a failed trial are refused by name, and nothing is written."""
    record = without_weights.records[0]
    changed = replace(VARIED, spaces=(replace(TINY, decode=decode_other), RICH))
    with pytest.raises(Refused, match="the code of tiny has changed: trial 0 would be another network now"):
        nas.export(without_weights, record, tmp_path / "out", study=changed)
    with pytest.raises(Refused, match="has no space 'tiny' any more"):
        nas.export(without_weights, record, tmp_path / "out", study=replace(VARIED, spaces=(RICH,)))
    with pytest.raises(Refused, match="differ in learning_rate, of which this study knows nothing"):
        nas.export(without_weights, record, tmp_path / "out", study=(TINY, RICH))
    with pytest.raises(Refused, match="has a space 'rich', too, which is none of ours"):
        nas.export(without_weights, record, tmp_path / "out", study=TINY)
    failed = msgspec.structs.replace(record, outcome=Outcome.DIVERGED, weights="")
    with pytest.raises(Refused, match="trial 0 has no weights: the loss exploded"):
        nas.export(without_weights, failed, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_are_no_markup(exported: Path) -> None:
    """Names of data, study and space, and classes, are shown by Markdown and by a notebook as they are, on one line."""
    names = {"data": "a*b_c_|<b>\nd", "study": "[x](y)", "space": "`z`", "device": "x & <y>", "torch": "$1~"}
    model = nas.load(exported)
    odd = msgspec.structs.replace(model.document, classes=("<i>", *model.classes[1:]), **names)
    rows = dict(line.strip("| ").split(" | ", 1) for line in card(odd).splitlines()[7:] if line[:2] == "| ")
    assert rows["data"].startswith(r"a\*b_c\_\|\<b\> d (digits-")
    assert rows["classes"].startswith(r"10: \<i\>, 1, ")
    assert rows["trained with"] == r"torch \$1\~ on x \& \<y\>"
    assert r"of study \[x\](y), space \`z\`." in card(odd)
    model.document = odd
    shown = model._repr_html_()
    assert "10: &lt;i&gt;, 1, 2" in shown
    assert "a*b_c_|&lt;b&gt; d (digits-" in shown
    assert "<tr><td>validation error</td>" in shown


def test_a_notebook_shows_a_network_in_short(exported: Path) -> None:
    """Long lists of classes are cut, and weights that were changed claim no error."""
    model = nas.load(exported)
    model.reset_classifier(1000)
    shown = model._repr_html_()
    assert "1000: 0, 1, 2" in shown
    assert len(shown) < 1500
    assert "error" not in shown


def test_damaged_weights_of_a_run_are_refused(run: Run, tmp_path: Path) -> None:
    """A weights file of the run that isn't the one in the record is refused by name and not handed over."""
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    damaged = nas.open(folder)
    path = damaged.weights(damaged.records[0])
    assert path is not None
    flip(path)
    with pytest.raises(Refused, match=rf"{path.name} is damaged"):
        nas.export(damaged, damaged.records[0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_without_a_name_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder one stands in, or the root, can't be put in place whole, and holds no network: both are said."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place in (".", "", "/"):
        with pytest.raises(Refused, match="names no new folder"):
            nas.export(run, run.ranked(1), place)
        with pytest.raises(Refused, match="is no exported network"):
            nas.load(place)


def test_a_taken_folder_is_refused_before_a_training(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where weights weren't kept nothing is trained for a folder that holds another network or something else."""
    again = open_run(shutil.copytree(run.folder, tmp_path / "again"))
    shutil.rmtree(again.folder / "weights")
    nas.export(run, run.ranked(2), tmp_path / "other")
    monkeypatch.setattr("nas.models.exports.trained", lambda *_: pytest.fail("it was trained"))
    with pytest.raises(Refused, match="exists and isn't empty"):
        nas.export(again, again.ranked(1), tmp_path / "other")


def test_exporting_twice_is_fine_and_others_are_not_overwritten(copied: Path, run: Run, tmp_path: Path) -> None:
    """The same network again changes nothing; a folder with another network or anything else in it is refused."""
    before = {path: path.read_bytes() for path in copied.iterdir()}
    nas.export(run, run.ranked(1), copied)
    with pytest.raises(Refused, match="exists and isn't empty"):
        nas.export(run, run.ranked(2), copied)
    assert {path: path.read_bytes() for path in copied.iterdir()} == before
    (tmp_path / "file").touch()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").touch()
    flip(copied / WEIGHTS)
    for folder in (tmp_path / "file", tmp_path / "foreign", copied):
        with pytest.raises(Refused, match="exists and isn't empty"):
            nas.export(run, run.ranked(1), folder)
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["thesis.tex"]
    (tmp_path / "empty").mkdir()
    nas.export(run, run.ranked(1), tmp_path / "empty")
    with pytest.raises(StorageFailed, match=r"file/below can't be written"):
        nas.export(run, run.ranked(1), tmp_path / "file" / "below")


def test_verify_evaluates_again(exported: Path) -> None:
    """An untouched export has whole hashes and, on the same data, exactly the recorded error."""
    said: list[str] = []
    assert exports.verify(exported, said.append)
    assert said[0] == f"hashes of {exported} are intact"
    assert said[1].endswith(": equal")


def test_verify_finds_a_wrong_claim(copied: Path) -> None:
    """An error that these weights don't have is called different, although the hashes fit."""
    claim(copied, lambda text: text.replace('"error": 0.', '"error": 0.0'))
    said: list[str] = []
    assert not exports.verify(copied, said.append)
    assert said[1].endswith("DIFFERENT")


def test_verify_needs_the_same_data(copied: Path) -> None:
    """An error measured on other data isn't compared: the two identities are named."""
    document = nas.load(copied).document
    claim(copied, lambda text: text.replace(document.data_key, "digits-16-000000000000"))
    with pytest.raises(NasError, match=f"another data set .*{document.data_key}, not digits-16-000000000000"):
        exports.verify(copied, lambda line: None)


@pytest.mark.parametrize("name", [ARCHITECTURE, WEIGHTS, CARD])
def test_a_flipped_bit_is_found(copied: Path, name: str) -> None:
    """One changed bit in any file of an export is found before the file is used, and the file is named."""
    flip(copied / name)
    with pytest.raises(Missing, match=rf"{name} is damaged: its SHA-256 isn't the one in SHA256SUMS"):
        nas.load(copied)
    with pytest.raises(Missing, match=rf"{name} is damaged"):
        exports.verify(copied, lambda line: None)


def test_a_flipped_bit_in_the_hashes_is_found(copied: Path) -> None:
    """One changed bit at any place of the list of hashes is an error."""
    whole = (copied / SUMS).read_bytes()
    for position in range(0, len(whole), 7):
        (copied / SUMS).write_bytes(whole)
        flip(copied / SUMS, position)
        with pytest.raises(NasError):
            nas.load(copied)


def flip(path: Path, position: int = -20) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def claim(folder: Path, change: Callable[[str], str]) -> None:
    """Change the description and list its new hash."""
    text = (folder / ARCHITECTURE).read_text()
    assert change(text) != text
    (folder / ARCHITECTURE).write_text(change(text))
    rest = [line for line in (folder / SUMS).read_text().splitlines() if ARCHITECTURE not in line]
    (folder / SUMS).write_text("\n".join([f"{digest(folder / ARCHITECTURE)}  {ARCHITECTURE}", *rest]))


def test_class_names_stay_in_their_cell(exported: Path) -> None:
    """A bar or a line break in the name of a class doesn't break the card's table."""
    document = decode((exported / ARCHITECTURE).read_bytes())
    odd = msgspec.structs.replace(document, classes=("cat|dog", "bird\nfish", *document.classes[2:]))
    (line,) = [line for line in card(odd).splitlines() if line.startswith("| classes |")]
    assert line.startswith(r"| classes | 10: cat\|dog, bird fish, 2, ")
    assert line.endswith(" |")


def test_a_card_tells_a_recipe_by_what_it_does() -> None:
    """Fields that are off are left out, and so is `nesterov` where there is no momentum of SGD."""
    text = recipe_text(Recipe(data="digits", momentum=0.0, warmup=0.0, crop=2, flip=True))
    assert "crop 2" in text
    assert ", flip," in f"{text},"
    assert not any(name in text for name in ("momentum", "nesterov", "warmup", "digits", "rotation"))
    assert "nesterov" not in recipe_text(Recipe(optimizer="adamw"))
    assert "momentum 0.9, nesterov" in recipe_text(Recipe())


def test_a_network_is_saved_again_over_itself_only(tmp_path: Path) -> None:
    """Weights that changed after the first writing are refused in its place, as another network is, not left out."""
    model = nas.create_model("lenet_bn")
    nas.save(model, tmp_path / "net")
    nas.save(model, tmp_path / "net")
    before = (tmp_path / "net" / WEIGHTS).read_bytes()
    with torch.no_grad():
        next(model.network.parameters()).mul_(1.1)
    with pytest.raises(Refused, match="exists and isn't empty"):
        nas.save(model, tmp_path / "net")
    assert (tmp_path / "net" / WEIGHTS).read_bytes() == before


@pytest.mark.parametrize("name", ["net", "net.py", "net.pt2"])
def test_a_network_with_a_part_that_its_description_lacks_is_saved_in_no_format(tmp_path: Path, name: str) -> None:
    """A layer put in by hand is refused with the way that keeps the description true, before anything is written."""
    model = nas.create_model("lenet_bn")
    model.network.set_submodule("head.linear_3", torch.nn.Linear(84, 4))
    with pytest.raises(Refused, match="isn't the one of its document any more") as refused:
        nas.save(model, tmp_path / name)
    assert "reset_classifier" in refused.value.hint
    assert not list(tmp_path.iterdir())
