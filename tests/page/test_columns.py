"""Columns as the page's script gets them: exact, small, and without what a script can't hold."""

from __future__ import annotations

from base64 import b64decode
from math import inf, nan
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nas.page.columns import column, numbers, texts


def decoded(stored: dict[str, Any]) -> list[float]:
    """A numeric column as the script reads it."""
    values = np.frombuffer(b64decode(stored["data"]), f"<{stored['type']}")
    if stored["type"].startswith("f"):
        return [float(value) for value in values]
    missing = np.iinfo(stored["type"]).min
    return [nan if value == missing else int(value) / stored["scale"] for value in values]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 100], "i1"),
        ([0.1737, 0.1, nan], "i2"),
        ([5_573_392, 1], "i4"),
        ([0.5, 2.0**40], "f4"),
        ([26.101807334, 1.0], "f8"),
        ([nan, nan], "i1"),
    ],
)
def test_numbers_are_small_and_exact(values: list[float], kind: str) -> None:
    """A column takes the smallest type that gives back its very numbers, so that filters find what pandas finds."""
    stored = numbers(pd.Series(values))
    assert stored["type"] == kind
    assert decoded(stored) == pytest.approx(values, abs=0, rel=0, nan_ok=True)


def test_infinite_and_missing_numbers_are_missing() -> None:
    """NaN, infinity and pandas' own missing value are no numbers."""
    assert np.isnan(decoded(numbers(pd.Series([inf, -inf, nan])))).all()
    assert np.isnan(decoded(numbers(pd.Series([1, None], dtype="Int64")))[1])


def test_texts_are_a_dictionary_or_lines() -> None:
    """Texts that repeat are codes into their levels, -1 where empty; where each is another one they stand alone."""
    stored = texts(pd.Series(["x", "", "x", None, "=cmd()"]))
    assert stored["levels"] == ["x", "=cmd()"]
    assert np.frombuffer(b64decode(stored["data"]), "i1").tolist() == [0, -1, 0, -1, 1]
    assert texts(pd.Series(["a", "b"])) == {"levels": ["a", "b"]}


def test_what_a_script_cannot_compute_with_is_text() -> None:
    """Integers beyond a script's precision and truth values come as texts."""
    assert column("seed", pd.Series([2**60, 2**60 + 1]), (), "classification")["levels"] == [str(2**60), str(2**60 + 1)]
    stored = column("fallback", pd.Series([True, False, True]), (), "classification")
    assert (stored["kind"], stored["levels"]) == ("boolean", ["True", "False"])
