"""docs/api.md is what the docstrings of the public names say, for each of them."""

from __future__ import annotations

import re

import pytest

import nas
from nas.study.table import COLUMNS
from tests import reference


@pytest.fixture(scope="module")
def page() -> str:
    """The page as the docstrings have it."""
    return reference.page()


def test_the_page_is_up_to_date(page: str) -> None:
    """Who changes a public docstring, signature or field writes the page anew: `python -m tests.reference`."""
    assert reference.PAGE.read_text() == page


def test_every_public_name_has_an_entry_with_words(page: str) -> None:
    """No name is left out, and each function, type and field is described."""
    entries = dict(re.findall(r"^### `([\w.]+)`\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE))
    assert {f"nas.{name}" for name in nas.__all__} <= entries.keys()
    for name, text in entries.items():
        assert re.search(r"^[A-Z].*\.", text, re.MULTILINE), name
        bare = [line for line in re.findall(r"^- `[^`]*`$", text, re.MULTILINE) if name != "nas.Outcome"]
        assert not bare, (name, bare)
    assert set(re.findall(r"^- `(\w+)`: ", page[page.index("## Columns of tables") :], re.MULTILINE)) == {*COLUMNS}


def test_defaults_are_those_that_hold(page: str) -> None:
    """A constant as a default stands there by its value, and so does what a field makes."""
    assert "    samplers: Sequence[SamplerName] = ('random', 'tpe', 'nsga2'),\n" in page
    assert "- `reduction_factor: int = 3`: " in page
    assert "- `limits: Limits = Limits()`: " in page
