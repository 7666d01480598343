"""Which rows of a table count for what: the unbiased ones for distributions, all of them for leaders."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from nas.analysis.distribution import Edf, edf
from nas.errors import Refused
from nas.record import Outcome

if TYPE_CHECKING:
    import pandas as pd


def unbiased(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that may enter a distribution: random draws, each trained for the first time.

    A table without the columns `sampler` and `repeat` wasn't written by a study and is taken as it is; an empty one
    stays empty. Refused if the table has rows but none of them may enter.
    """
    random, first = _is(frame, "sampler", "random"), _is(frame, "repeat", 0)
    if len(frame) and not (random & first).any():
        raise Refused(
            f"none of the {len(frame)} trials may enter a distribution: {_reasons(frame, random, first)}",
            hint='map the space with sampler="random": an EDF describes independent random draws, nothing else',
        )
    return frame[random & first]


def edfs(frame: pd.DataFrame, *, guess: float) -> tuple[Edf, ...]:
    """One EDF a space, in the order of their first appearance, of the unbiased rows; a failure counts as the worst."""
    rows = unbiased(_having(frame, "space", "error"))
    groups = rows.groupby("space", sort=False, dropna=False)["error"]
    return tuple(edf(errors.astype(float), name=str(space), guess=guess) for space, errors in groups)


def leaders(frame: pd.DataFrame, top: int = 10) -> pd.DataFrame:
    """The best completed trials by error, then multiply-adds, then trial; of an architecture only its first."""
    rows = _ordered(_completed(frame), "error", "multiply_adds", "trial")
    if "architecture" in rows:
        rows = rows.drop_duplicates("architecture")
    return rows.head(top).reset_index(drop=True)


def pareto(frame: pd.DataFrame, cost: str = "multiply_adds") -> pd.DataFrame:
    """The completed trials that aren't dominated in error and cost, ascending in cost.

    Of trials equal in both the one with the lowest number stays; trials whose cost isn't known are left out.
    """
    rows = _completed(_having(frame, cost)).dropna(subset=[cost])
    rows = _ordered(rows, cost, "error", "trial")
    best_before = rows["error"].astype(float).cummin().shift(fill_value=np.inf)
    return rows[rows["error"] < best_before].reset_index(drop=True)


def _is(frame: pd.DataFrame, column: str, value: object) -> pd.Series[bool]:
    """Whether each row has the value in the column; always, where there is no such column."""
    import pandas as pd

    return frame[column] == value if column in frame else pd.Series(True, index=frame.index, dtype=bool)


def _reasons(frame: pd.DataFrame, random: pd.Series[bool], first: pd.Series[bool]) -> str:
    """How many rows are out for which reason."""
    names = [str(name) for name in frame.loc[~random, "sampler"]] if not random.all() else []
    counts = [f"{count} from sampler {name!r}" for name, count in Counter(names).items()]
    repeats = int((random & ~first).sum())
    return ", ".join([*counts, f"{repeats} repeated trainings of a network"] if repeats else counts)


def _having(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table, refused if it lacks a column."""
    missing = [column for column in columns if column not in frame]
    if missing:
        raise Refused(f"the table has no column {missing[0]!r}", hint=f"it has {', '.join(map(str, frame.columns))}")
    return frame


def _completed(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that ended with an error to rank by."""
    errors = _having(frame, "error")["error"].astype(float)
    return frame[np.isfinite(errors) & _is(frame, "outcome", str(Outcome.COMPLETED))]


def _ordered(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The rows ascending by those of the columns that the table has; ties keep their order."""
    return frame.sort_values([column for column in columns if column in frame], kind="stable")
