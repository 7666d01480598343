"""Names that somebody may have meant, and paths in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.errors import path_text
from nas.errors.suggestions import near
from nas.study import Recipe, catalog

FIELDS = Recipe.__struct_fields__


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("erasing", ["random_erasing", "erase"]),
        ("smoothing", ["label_smoothing"]),
        ("decay", ["weight_decay"]),
        ("size", ["train_size", "validation_size"]),
        ("learning rate", ["learning_rate"]),
        ("optimzer", ["optimizer"]),
        ("averging", ["averaging"]),
        ("epoch", ["epochs"]),
        ("frobnicate", []),
        ("", []),
    ],
)
def test_a_field_is_found_by_its_words_and_its_letters(name: str, meant: list[str]) -> None:
    """A name that contains the words goes before one that only has similar letters; typing errors are still mended."""
    assert near(name, FIELDS, 2) == meant


def test_studies_are_found_by_a_word() -> None:
    """A word of a name is enough, and no more names come than are wanted."""
    assert near("ladder", catalog.studies(), 3) == ["anynet_ladder"]
    assert set(near("norm", catalog.studies(), 3)) == {"norm_placement", "dropout_or_norm", "norm_learning_rate"}
    assert len(near("norm", catalog.studies())) == 1


def test_paths_with_blanks_are_quoted() -> None:
    """`no folder` isn't read as words of the sentence; other paths stay as they are."""
    assert path_text(Path("no folder")) == "'no folder'"
    assert path_text(Path("runs/ladder")) == "runs/ladder"
