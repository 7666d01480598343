"""Which columns of a table rules are about: not the error under another name, nor ids, unless they are asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import nas
from nas.errors import Refused


def table(n: int = 60) -> pd.DataFrame:
    """A setting beside what is no setting: results by name and by order, ids, seeds and numbers of rows."""
    generator = np.random.default_rng(0)
    error = generator.random(n)
    return pd.DataFrame(
        {
            "depth": generator.integers(1, 30, n),
            "loss_weight": generator.random(n),
            "error": error,
            "top5": generator.random(n),
            "val_loss": generator.random(n),
            "merit": -np.log(error),
            "id": generator.permutation(n),
            "init_seed": generator.integers(0, 2**31, n),
            "n": range(n),
        }
    )


RESULTS, ROWS = ("'top5', 'val_loss', 'merit'", "'id', 'init_seed', 'n'")
NOTE = "left out unless --columns names them: "


def test_rules_are_about_settings() -> None:
    """By default the verdicts, the plan and discovery are about settings alone, and one note names the others."""
    found = nas.principles(table())
    assert [verdict.name for verdict in found.verdicts] == ["depth", "loss_weight"]
    notes = [note for note in found.notes if note.startswith(NOTE)]
    assert notes == [f"{NOTE}{RESULTS}, the error or another result of the training; {ROWS}, numbers of rows or seeds"]
    planned = nas.plan(table())
    assert [need.name for need in planned.needs] == ["depth", "loss_weight"]
    assert notes[0] in planned.notes
    discovered = nas.discover(table())
    assert notes[0] in discovered.notes
    asked = nas.discover(table(), columns=["depth", "loss_weight"])
    assert asked.discovery.tried == discovered.discovery.tried


def test_columns_of_one_order_are_tested_once() -> None:
    """A column that orders the rows as one before it is left out and named with that, unless it is asked for."""
    frame = table().assign(blocks=lambda rows: 2 * rows["depth"] + 1)
    found = nas.principles(frame)
    assert [verdict.name for verdict in found.verdicts] == ["depth", "loss_weight"]
    assert any("'blocks', ordered as 'depth' is" in note for note in found.notes)
    asked = nas.principles(frame, columns=["depth", "blocks"])
    assert [verdict.name for verdict in asked.verdicts] == ["depth", "blocks"]


def test_what_is_asked_for_is_taken() -> None:
    """A column that is named is tested, whatever it is, with a note of what it is."""
    found = nas.principles(table(), columns=["merit", "id", "depth"])
    assert [verdict.name for verdict in found.verdicts] == ["merit", "id", "depth"]
    assert any(note.startswith("taken as requested: 'merit', the error") and "'id'" in note for note in found.notes)
    assert not any("taken as" in note for note in nas.principles(table(), columns=["depth"]).notes)
    assert any("taken as requested: 'merit'" in note for note in nas.discover(table(), columns=["merit"]).notes)


def test_a_table_of_results_alone_is_refused() -> None:
    """Where nothing else is left the refusal names what was left out, and how to ask for it."""
    with pytest.raises(Refused, match="no column") as refused:
        nas.principles(table()[["error", "merit", "id"]])
    assert f"{NOTE}'merit'" in str(refused.value.hint)


def test_few_rows_correlate_by_chance() -> None:
    """Of few rows an order like that of the errors is no sign."""
    frame = pd.DataFrame({"depth": [1, 2, 4], "error": [0.3, 0.2, 0.1]})
    assert [verdict.name for verdict in nas.principles(frame).verdicts] == ["depth"]
