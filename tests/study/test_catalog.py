"""Names to objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import NasError, Refused
from nas.study import Study, catalog, search

STUDY_FILE = """
from nas.study import Limits, Recipe, Study
from spaces import anynet

STUDY = Study(name="mine", question="?", spaces=(anynet.X3[0],), samples=2, recipe=Recipe(data="digits"))
OTHER = Study(name="other", question="?", spaces=(anynet.X3[1],), samples=2, recipe=Recipe(data="digits"))
"""


def test_every_study_of_ours_is_found_by_its_name_and_bears_it() -> None:
    """The name of a study's file is the study's own name."""
    assert catalog.studies()
    for name in catalog.studies():
        found = catalog.study(name)
        assert isinstance(found, Study)
        assert found.name == name
        assert found.question.endswith("?")


def test_a_file_of_the_user_is_a_study(tmp_path: Path) -> None:
    """A path of a Python file gives its STUDY, also from a folder with a space in its name."""
    folder = tmp_path / "my studies"
    folder.mkdir()
    (folder / "mine.py").write_text(STUDY_FILE)
    assert catalog.study(str(folder / "mine.py")).name == "mine"


def test_a_module_and_a_name_are_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`module:NAME` imports from the current folder and takes that very name."""
    (tmp_path / "module_of_mine.py").write_text(STUDY_FILE)
    monkeypatch.chdir(tmp_path)
    assert catalog.study("module_of_mine:OTHER").name == "other"


def test_a_file_may_hold_several_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mine.py:NAME` is that study of a file, in this folder or another."""
    (tmp_path / "mine.py").write_text(STUDY_FILE)
    assert catalog.study(f"{tmp_path}/mine.py:OTHER").name == "other"
    monkeypatch.chdir(tmp_path)
    assert catalog.study("mine.py:OTHER").name == "other"
    assert catalog.reference("mine.py:OTHER") == f"{tmp_path}/mine.py:OTHER"
    assert search.named(f"{tmp_path}/mine.py:OTHER") == catalog.study("mine.py:OTHER")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet_8:", "'resnet_8:' is neither FILE.py:NAME nor module:NAME"),
        (":NAME", "':NAME' is neither"),
        ("a:b:c", "'a:b:c' is neither"),
        ("mine.py:", "'mine.py:' is neither"),
        ("mine.py:a b", "'mine.py:a b' is neither"),
        ("nothing_of_the_kind:NAME", "there is no module nothing_of_the_kind"),
        ("studies.nothing_of_the_kind:NAME", "there is no module studies.nothing_of_the_kind"),
        ("nothing_of_the_kind.py:NAME", "there is no file nothing_of_the_kind.py"),
        ("studies.winners:NOTHING", "studies.winners has no NOTHING"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_with_a_way_out(name: str, said: str) -> None:
    """What should be FILE.py:NAME or module:NAME is refused for its form, or for the part that isn't there."""
    with pytest.raises(Refused) as caught:
        catalog.space(name)
    assert said in str(caught.value)
    assert "`nas spaces` lists spaces" in caught.value.hint


def test_a_file_may_import_its_neighbours(tmp_path: Path) -> None:
    """A study file sees the modules that lie beside it."""
    (tmp_path / "neighbour_of_mine.py").write_text(STUDY_FILE)
    (tmp_path / "mine.py").write_text("from neighbour_of_mine import STUDY\n")
    assert catalog.study(str(tmp_path / "mine.py")).name == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("STUDY = 3", "not a study"),
        ("", "holds no STUDY"),
        ("1/0", "ZeroDivisionError: division by zero (broken.py, line 1)"),
        ("\nimport nothing_of_the_kind", "line 2"),
        ("def (", "SyntaxError"),
        ("raise SystemExit(7)", "SystemExit: 7 (broken.py, line 1)"),
        ("import sys; sys.exit()", "SystemExit (broken.py, line 1)"),
    ],
)
def test_a_broken_study_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """What a study file raises is told with its kind and line, never as a traceback."""
    (tmp_path / "broken.py").write_text(text)
    with pytest.raises(Refused, match=r"broken\.py") as caught:
        catalog.study(str(tmp_path / "broken.py"))
    assert said in str(caught.value)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """A misspelt study, space or network names what was probably meant."""
    with pytest.raises(Refused, match="quickstart"):
        catalog.study("quickstrat")
    with pytest.raises(Refused, match="AnyNetX_A"):
        catalog.space_or_network("AnyNetXA")
    with pytest.raises(Refused, match="regnet_x_400mf"):
        catalog.network("regnetx_400mf")
    with pytest.raises(Refused, match="no_such_module"):
        catalog.study("no_such_module:STUDY")
    with pytest.raises(Refused, match="no file"):
        catalog.study("no/such/file.py")


def test_names_of_networks_and_spaces_are_distinct() -> None:
    """No two spaces or networks bear the same name."""
    found = [item.name for item in (*catalog.spaces(), *catalog.networks())]
    assert len(set(found)) == len(found)


def test_study_files_of_before_still_run(tmp_path: Path) -> None:
    """A file that imports limits and recipes from the modules they used to be in is read as ever."""
    lines = [
        "from nas.cost import Limits",
        "from nas.recipe import Recipe",
        "from tests.toys.spaces import STUDY as OLD",
    ]
    lines += ["from dataclasses import replace", "STUDY = replace(OLD, recipe=Recipe(data='digits'), limits=Limits())"]
    (tmp_path / "old.py").write_text("\n".join(lines))
    assert catalog.study(str(tmp_path / "old.py")).recipe.data == "digits"


def test_a_study_with_a_former_name_is_answered_with_the_new_one(tmp_path: Path) -> None:
    """A file of a user that imports what was renamed is told what it is called now."""
    (tmp_path / "older.py").write_text("from nas.study import Halving\n")
    with pytest.raises(NasError, match="called SuccessiveHalving"):
        catalog.study(str(tmp_path / "older.py"))
