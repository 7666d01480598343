"""Rows of tables -> parts that were trained alike: trainings of different recipes aren't compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nas.findings.wording.numbers import few, plural, spoken
from nas.study.record import Outcome

if TYPE_CHECKING:
    import pandas as pd

RECIPE = ("data", "epochs", "train_size", "resolution", "fidelity")
"""Columns that say how long and on what a network was trained, unless they were drawn."""
MOST = 8
"""Recipes that get a part each; more of them are a dimension."""


def by_recipe(frame: pd.DataFrame, drawn: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Recipe in words -> its rows; one part without words where all rows have the same, or nearly each its own.

    A failure that ended earlier has fewer epochs than it was to have: it is taken for the recipe of the row before it.
    """
    completed = frame[frame["outcome"] == str(Outcome.COMPLETED)]
    columns = [name for name in RECIPE if name in frame and name not in drawn and completed[name].nunique() > 1]
    if not columns:
        return {"": frame}
    words = completed[columns].apply(lambda row: ", ".join(f"{spoken(name)} {row[name]}" for name in columns), axis=1)
    recipes = words.reindex(frame.index).ffill().bfill()
    if recipes.nunique() > MOST:
        return {"": frame}
    return {str(name): rows.reset_index(drop=True) for name, rows in frame.groupby(recipes, sort=False)}


def apart_text(recipe: str, parts: dict[str, pd.DataFrame]) -> str:
    """What is said in one part of the others; empty where there is one."""
    others = {name: rows for name, rows in parts.items() if name != recipe}
    if not others:
        return ""
    networks = plural(sum(map(len, others.values())), "other network")
    return (
        f"Here are networks trained with {recipe}. {networks} of these tables, trained with {few(list(others))}, stand "
        "in parts of their own: trainings of different recipes aren't compared"
    )
