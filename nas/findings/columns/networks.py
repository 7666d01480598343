"""Rows of one network -> one row: trainings of a network under several seeds are one network, not several.

Rows are of one network where `architecture` says so, else where they are equal in all columns but those that differ
between trainings of one network: errors and losses, seeds, times, numbers of rows, and what else was measured.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from nas.errors import Refused
from nas.findings.columns.measured import measured_columns
from nas.findings.columns.names import EPOCHS, is_id, is_of_training, is_repeat, is_seed
from nas.findings.wording.numbers import shortened
from nas.study.record import Outcome

if TYPE_CHECKING:
    import pandas as pd

ARCHITECTURE = "architecture"
NAMED = ["space", ARCHITECTURE]
"""What rows of one network share where there is a column of their names."""
FIXED = ("error", "outcome")
"""What rows of one network never need to share."""
FEW_NETWORKS, MANY_TRAININGS = 20, 10
"""Fewer different rows than this, each more than so often, are settings of few values, not networks."""
LEAST_COUNTED = 10
"""Rows from which on numbers that count up, or are ordered like the errors, are no coincidence."""
MOST_NAMED = 6
"""Most columns named in a message."""


def one_row_each(frame: pd.DataFrame, guess: float | None = None) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """The table with one row a network, its errors averaged, what is said of that, and which columns were measured.

    Nothing is said where all rows differ. A failed training enters the mean of its network as guessing, at least as the
    worst error of the table; a network has failed where all of its trainings have.
    """
    columns = [str(name) for name in frame if name not in FIXED]
    key = _key(frame, columns)
    _require_no_epochs(frame, key)
    measured = () if key == NAMED else measured_columns(frame, key)
    key = [name for name in key if name not in measured]
    network = _numbered(frame, key)
    if network.is_unique:
        return frame, "", ()
    if key != NAMED and not _are_trainings(frame, key, network):
        said = (
            f". Its columns have {network.nunique():,} different rows, too few to tell networks apart, so each of the "
            f"{len(frame):,} is taken as one; if rows repeat networks, n is too large"
        )
        return frame, said + _measured_in_words(measured), measured
    differing = [name for name in columns if frame.groupby(network)[name].nunique().max() > 1]
    ready = _averaged(frame.astype(dict.fromkeys(measured, float)), network, differing, guess)
    return ready, _in_words(frame, network, key, differing) + _measured_in_words(measured), measured


def is_row_name(cells: pd.Series[Any], name: str) -> bool:
    """Whether a column names or counts the rows: an id that differs in all of them, or whole numbers from 0 or 1 up."""
    from pandas.api.types import is_numeric_dtype

    if len(cells) < LEAST_COUNTED or not cells.is_unique:
        return False
    counts = is_numeric_dtype(cells) and cells.iloc[0] in (0, 1) and (cells.diff()[1:] == 1).all()
    return is_id(name) or bool(counts)


def _key(frame: pd.DataFrame, columns: list[str]) -> list[str]:
    """Columns that rows of one network share: its name, or else all that don't differ between trainings.

    A column `architecture` of a few values, whose rows differ in others, holds kinds of networks and no names.
    """
    own = [name for name in columns if not is_of_training(name) and not is_row_name(frame[name], name)]
    if ARCHITECTURE not in frame:
        return own
    kinds = frame[own].drop_duplicates()[ARCHITECTURE].duplicated().any()
    return own if kinds and frame[ARCHITECTURE].nunique() < FEW_NETWORKS else NAMED


def _require_no_epochs(frame: pd.DataFrame, key: list[str]) -> None:
    """Refuse a table with a row for each epoch, in which every network comes several times without being repeated."""
    for name in [name for name in key if name.lower() in EPOCHS]:
        rest = [other for other in key if other != name]
        network = _numbered(frame, rest)
        if frame.groupby(network)[name].nunique().min() > 1 and _are_trainings(frame, rest, network):
            raise Refused(
                f"the table has a row for each {name}: its {len(frame):,} rows are {network.nunique():,} networks",
                hint=f"keep one row of each network, that of its last {name}",
            )


def _numbered(frame: pd.DataFrame, key: list[str]) -> pd.Series[int]:
    """The number of each row's network.

    Rows that may only look alike, for a cell is missing, are networks of their own; so are rows without the name of an
    architecture, and all rows where no column but the space tells networks apart.
    """
    import pandas as pd

    rows = pd.Series(range(len(frame)), frame.index)
    keys = frame[[name for name in key if frame[name].notna().any()]]
    if set(keys) <= {"space"}:
        return rows
    alike = keys.groupby(list(keys), sort=False, dropna=False).ngroup()
    sizes = alike.map(alike.value_counts())
    gaps = keys.isna().any(axis=1)
    alone = gaps if key == NAMED else gaps & (sizes > sizes[~gaps].max())
    keys = keys.assign(**{"": rows.where(alone, -1)})
    return keys.groupby(list(keys), sort=False, dropna=False).ngroup()


def _are_trainings(frame: pd.DataFrame, key: list[str], network: pd.Series[int]) -> bool:
    """Whether equal rows are trainings of one network, and not networks that too few columns describe alike.

    Seeds that come again say so, as many combinations of values as rows, or equally many rows of each of many networks.
    """
    rows, sizes = len(frame), network.value_counts()
    if len(sizes) < FEW_NETWORKS and rows > MANY_TRAININGS * len(sizes):
        return False
    seeded = any(is_seed(str(name)) and 1 < frame[name].nunique() <= rows / 2 for name in frame)
    combinations = prod(rows if _has_fractions(frame[name]) else frame[name].nunique() for name in key)
    return seeded or combinations >= rows or (len(sizes) >= FEW_NETWORKS and sizes.nunique() == 1)


def _has_fractions(cells: pd.Series[Any]) -> bool:
    """Whether a column holds many numbers that aren't whole, which no two networks share by chance."""
    from pandas.api.types import is_float_dtype

    return is_float_dtype(cells) and cells.nunique() >= FEW_NETWORKS and bool((cells.dropna() % 1 != 0).any())


def _averaged(frame: pd.DataFrame, network: pd.Series[int], differing: list[str], guess: float | None) -> pd.DataFrame:
    """The first row of each network with means in place of what was measured several times."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    worst = frame["error"].max() if guess is None else max(guess, frame["error"].max())
    failed = frame["error"].isna()
    means = frame["error"].fillna(worst).groupby(network).transform("mean")
    all_failed = failed.groupby(network).transform("all")
    ready = frame.assign(error=means.mask(all_failed), outcome=_outcomes(frame, network, all_failed))
    for name in differing:
        if is_numeric_dtype(frame[name]) and not is_bool_dtype(frame[name]) and not is_id(name):
            ready[name] = frame.groupby(network)[name].transform("mean")
    once = ready[~network.duplicated()].reset_index(drop=True)
    return once.drop(columns=[name for name in differing if is_repeat(name) or is_row_name(frame[name], name)])


def _outcomes(frame: pd.DataFrame, network: pd.Series[int], all_failed: pd.Series[bool]) -> pd.Series[str]:
    """How the trainings of each network ended: pruned where one was, completed where one was, else as the first."""
    pruned = (frame["outcome"] == Outcome.PRUNED).groupby(network).transform("any")
    ended = frame["outcome"].where(all_failed, str(Outcome.COMPLETED))
    return ended.mask(pruned, str(Outcome.PRUNED))


def _in_words(frame: pd.DataFrame, network: pd.Series[int], key: list[str], differing: list[str]) -> str:
    """How many rows became how many networks, and why."""
    but = shortened(["the error", *map(repr, differing)], MOST_NAMED)
    same = f"the column {ARCHITECTURE!r}" if key == NAMED else f"all columns but {but}"
    text = (
        f". {len(frame):,} rows are trainings of {network.nunique():,} networks, for they are equal in {same}: "
        "each network counts once, with the mean of its errors"
    )
    failed = int((frame["error"].isna() & (frame["outcome"] != Outcome.PRUNED)).sum())
    return text + (
        f"; of {failed:,} failed trainings each enters it as guessing or the worst error of the table, and a network "
        "of which all failed is a failure"
        if failed
        else ""
    )


def _measured_in_words(measured: tuple[str, ...]) -> str:
    """Which columns were taken as measured, and what to do where that is wrong."""
    if not measured:
        return ""
    names = shortened([*map(repr, measured)], MOST_NAMED)
    were, them = ("was", "it") if len(measured) == 1 else ("were", "them")
    return (
        f". {names} {were} taken as measured in the training, for without {them} rows repeat, one a seed; if "
        f"you chose {them}, leave the column of seeds out of the table"
    )
