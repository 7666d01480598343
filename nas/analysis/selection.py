"""Tables of trials read: their columns as numbers, and the rows that an estimate may use.

Unbiased rows count for distributions, all of them for the best.
Rows are one sample only if they were drawn alike, from the same strata of cost or from none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.analysis.statistics.edf import Edf, edf
from nas.analysis.statistics.interval import Floats, of_trainings
from nas.errors import Refused
from nas.study.objectives import nondominated_ranks
from nas.study.record import Outcome
from nas.study.strata import matched, parsed
from nas.study.table import COLUMNS, DRAWN, GUESS

if TYPE_CHECKING:
    import pandas as pd
    from pandas.core.groupby import SeriesGroupBy


COST = "multiply_adds"
"""The cost at which columns are compared, where a table has it."""
BETTER = 0.98
"""Share of the error of guessing below which a network has learned anything; one that always says the same has 1."""
FEW_TEXTS = 20
"""Most texts of a column that is held fixed."""
Coded = tuple[str, str]
"""The name of a column that is held fixed and, where that holds texts, the text of which this one tells the rows."""


def having(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table, refused if it lacks a column."""
    missing = [column for column in columns if column not in frame]
    if missing:
        raise Refused(f"the table has no column {missing[0]!r}", hint=f"it has {', '.join(map(str, frame.columns))}")
    return frame


def numbers(frame: pd.DataFrame, column: str) -> Floats:
    """A column as floats, NaN where a cell is empty; refused where a cell isn't a number."""
    import pandas as pd

    cells = having(frame, column)[column]
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    if (values.isna() & cells.notna()).any():
        wrong = cells[values.isna() & cells.notna()].iloc[0]
        raise Refused(f"column {column!r} must hold numbers, got {wrong!r}")
    return np.array(values, dtype=np.float64)


def errors_of(frame: pd.DataFrame) -> Floats:
    """The column `error`, infinity for a failure; refused where it holds minus infinity or no error at all."""
    errors = numbers(frame, "error")
    if np.isneginf(errors).any():
        raise Refused("an error of minus infinity can't be ranked")
    errors = np.where(np.isnan(errors), np.inf, errors)
    if not np.isfinite(errors).any():
        raise Refused(f"none of the {len(errors)} rows has an error")
    return errors


def learned(errors: Floats, guess: float | None) -> Floats:
    """The errors, infinity for those that aren't better than guessing: such a network has failed to learn."""
    return errors if guess is None else np.where(errors < BETTER * guess, errors, np.inf)


def held_columns(frame: pd.DataFrame, column: str, others: Sequence[str]) -> dict[Coded, Floats]:
    """What is held fixed while a column is asked about: the other ones, the cost, and the space."""
    names = [*others, *([COST] if COST in frame else []), *(["space"] if "space" in frame else [])]
    held: dict[Coded, Floats] = {}
    for name in names:
        if name != column:
            held |= _coded(frame, name)
    return held


def _coded(frame: pd.DataFrame, name: str) -> dict[Coded, Floats]:
    """A column as numbers: itself, or where it holds texts one for each but the first of a few."""
    from pandas.api.types import is_numeric_dtype

    if is_numeric_dtype(frame[name]):
        return {(name, ""): np.array(frame[name], dtype=np.float64)}
    texts = frame[name].astype(str)
    found = list(texts.unique())[1:] if texts.nunique() <= FEW_TEXTS else []
    return {(name, text): np.array(texts == text, dtype=np.float64) for text in found}


def guess_of(errors: Floats, guess: float | None) -> float:
    """The error at which a failure enters means: the given one, else the worst that was seen."""
    return guess if guess is not None else float(errors[np.isfinite(errors)].max())


def scored(errors: Floats, guess: float | None) -> Floats:
    """The errors as they enter means, failures as guessing."""
    return np.where(np.isfinite(errors), errors, guess_of(errors, guess))


def spoiled_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Columns that hold more numbers than texts, which keep them from being columns of numbers -> the first text."""
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    spoiled = {}
    for name in frame.columns:
        if name in COLUMNS or is_numeric_dtype(frame[name]):
            continue
        cells = frame[name].dropna()
        texts = cells[pd.to_numeric(cells, errors="coerce").isna()]
        if 0 < len(texts) < len(cells) / 2:
            spoiled[str(name)] = str(texts.iloc[0])
    return spoiled


def numeric_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """Dimensions and facts that hold numbers, more than one of them: what a principle can be about."""
    from pandas.api.types import is_numeric_dtype

    return tuple(
        str(name)
        for name in frame.columns
        if name not in COLUMNS and is_numeric_dtype(frame[name]) and frame[name].nunique() > 1
    )


ONE_SPACE = "table"
"""Name of the space of a table that names none."""
COLUMN = "stratum"
OWN = "own error"
"""Column in which the error of a training stands beside the mean of its network."""


def unbiased(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that may enter a distribution: random draws, each trained for the first time, from fresh weights.

    A table without the columns that say so wasn't written by a study and is taken as it is; an empty one stays empty.
    Refused if the table has rows but none of them may enter, or if trainings were pruned: who was pruned depended on
    the errors, so what is left isn't a random sample.
    """
    if (count := int(pruned(frame).sum())) > 0:
        raise Refused(
            f"{count} of the {len(frame)} trials were pruned, by errors, so the rest is no random sample",
            hint="sample the space without pruning: an EDF describes independent random draws, nothing else",
        )
    rows = frame[may_enter(frame)]
    if len(frame) and not len(rows):
        raise Refused(
            f"none of the {len(frame)} trials may enter a distribution: {left_out(frame)}",
            hint='sample the space with sampler="random": an EDF describes independent random draws, nothing else',
        )
    return rows


def edfs(frame: pd.DataFrame, *, guess: float | None) -> tuple[Edf, ...]:
    """One EDF a space, in the order of their first appearance, of the unbiased rows.

    A failure counts as the worst, and so does a network that is no better than guessing; where the error of guessing
    isn't known (None), a failure enters means as the highest error that was seen.
    """
    rows = unbiased(having(frame, "space", "error"))
    errors = np.asarray(rows["error"].astype(float).fillna(np.inf), dtype=np.float64)
    rows = rows.assign(error=learned(errors, guess))
    names, reasons = names_of(frame), left_out(frame)
    outside = {name: left_out(frame[names == name]) for name in dict.fromkeys(names)} if reasons else {}
    seen = errors[np.isfinite(errors)].max(initial=0.0) or 1.0
    return tuple(
        edf(
            group["error"],
            name=str(space),
            guess=float(seen) if guess is None else guess,
            left_out=outside.get(str(space), ""),
            strata=strata_of(group),
        )
        for space, group in rows.groupby("space", sort=False, dropna=False)
    )


def names_of(frame: pd.DataFrame) -> NDArray[np.str_]:
    """The space of each row; a table without that column is one space."""
    if "space" not in frame:
        return np.full(len(frame), ONE_SPACE)
    return np.array([str(name) for name in frame["space"]], dtype=np.str_)


def top(frame: pd.DataFrame, k: int = 10) -> pd.DataFrame:
    """The best completed trials by error, then multiply-adds, then trial; of an architecture only its first.

    The error of a network with several trainings is their mean; its row is that of the best of them.
    """
    rows = _ordered(_completed(frame), "error", "multiply_adds", "trial")
    if "architecture" in rows:
        rows = rows.assign(error=_mean_errors(frame)[rows.index], **{OWN: rows["error"]})
        rows = _ordered(rows, "error", OWN, "multiply_adds", "trial").drop_duplicates("architecture").drop(columns=OWN)
    return rows.head(k).reset_index(drop=True)


def networks_of(frame: pd.DataFrame, images: int, of: pd.DataFrame | None = None) -> pd.DataFrame:
    """For each row of its network: `mean` error, `half` of its interval over images and seeds, number of `trainings`.

    `half` is empty where nothing tells. `of` are rows whose networks are enough.
    """
    if of is not None and "architecture" in frame:
        frame = frame[frame["architecture"].isin(of["architecture"])]
    networks = _by_network(frame)
    found = frame[[]].assign(mean=networks.transform("mean"), trainings=networks.transform("count"))
    intervals = map(of_trainings, found["mean"], networks.transform("var"), found["trainings"], repeat(images))
    return found.assign(half=[float("nan") if each is None else each.half for each in intervals])


def several(frame: pd.DataFrame) -> bool:
    """Whether a network has several trainings."""
    if "architecture" not in frame or frame["architecture"].is_unique:
        return False
    return bool((_by_network(frame).transform("count") > 1).any())


def _mean_errors(frame: pd.DataFrame) -> pd.Series[float]:
    """For each row the mean error of all trainings of its network."""
    import pandas as pd

    return pd.Series(_by_network(frame).transform("mean"), index=frame.index)


def _by_network(frame: pd.DataFrame) -> SeriesGroupBy[float, Any]:
    """The errors of all trainings of each network; a failure counts as guessing, or as the worst.

    Where networks have no identity each row is one.
    """
    import pandas as pd

    keys = [pd.Series(np.arange(len(frame)), index=frame.index)]
    if "architecture" in frame:
        keys = [frame[name] for name in ("space", "architecture", *frame.attrs.get(DRAWN, ())) if name in frame]
    errors = frame["error"].astype(float).where(~pruned(frame))
    worst = errors.groupby(keys, dropna=False).transform("max").clip(lower=frame.attrs.get(GUESS))
    counted = errors.fillna(worst).where(~pruned(frame)) if "outcome" in frame else errors
    return counted.groupby(keys, dropna=False)


def pareto(frame: pd.DataFrame, cost: str = "multiply_adds") -> pd.DataFrame:
    """The completed trials that aren't dominated in error and cost, ascending in cost.

    Of trials equal in both the one with the lowest number stays; trials whose cost isn't known are left out.
    """
    rows = _ordered(_completed(having(frame, cost)).dropna(subset=[cost]), cost, "error", "trial")
    rows = rows.drop_duplicates([cost, "error"])
    ranks = nondominated_ranks(list(zip(rows["error"].astype(float), rows[cost], strict=True)))
    return rows.iloc[np.flatnonzero(np.array(ranks) == 0)].reset_index(drop=True)


def _is(frame: pd.DataFrame, column: str, value: object) -> pd.Series[bool]:
    """Whether each row has the value in the column; always, where there is no such column."""
    import pandas as pd

    return frame[column] == value if column in frame else pd.Series(True, index=frame.index, dtype=bool)


def pruned(frame: pd.DataFrame) -> pd.Series[bool]:
    """Whether each training was given up because of its errors; never, where no column says so."""
    import pandas as pd

    flags = pd.Series(False, index=frame.index, dtype=bool)
    if "pruned" in frame:
        flags |= frame["pruned"] == True  # noqa: E712 - elementwise, and an empty cell isn't pruned
    for column in ("outcome", "state"):
        if column in frame:
            flags |= frame[column].astype(str).str.lower().str.endswith("pruned")
    return flags


def may_enter(frame: pd.DataFrame) -> pd.Series[bool]:
    """Which rows are random draws, trained for the first time, from fresh weights."""
    return _is(frame, "sampler", "random") & _is(frame, "repeat", 0) & _is(frame, "warm_started", False)


def left_out(frame: pd.DataFrame) -> str:
    """How many rows may not enter a distribution, for which reasons, each row once; empty where all may."""
    random, first = _is(frame, "sampler", "random"), _is(frame, "repeat", 0)
    names = [str(name) for name in frame.loc[~random, "sampler"]] if not random.all() else []
    counts = [f"{count} from sampler {name!r}" for name, count in Counter(names).items()]
    if repeats := int((random & ~first).sum()):
        counts.append(f"{repeats} repeated trainings of a network")
    if warm := int((random & first & ~_is(frame, "warm_started", False)).sum()):
        counts.append(f"{warm} warm-started")
    return ", ".join(counts)


def _completed(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that ended with an error to rank by."""
    errors = having(frame, "error")["error"].astype(float)
    return frame[np.isfinite(errors) & _is(frame, "outcome", str(Outcome.COMPLETED))]


def _ordered(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The rows ascending by those of the columns that the table has; ties keep their order."""
    return frame.sort_values([column for column in columns if column in frame], kind="stable")


def strata_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """The name of each row's stratum; none at all where no row has one; refused where they mix designs."""
    if COLUMN not in rows or rows[COLUMN].isna().all():
        return ()
    require_one_design(rows)
    return tuple(map(str, rows[COLUMN]))


def require_one_design(rows: pd.DataFrame) -> None:
    """Refuse to take rows as one sample that come from different strata, or some from strata and some not."""
    if COLUMN not in rows:
        return
    cells = rows[COLUMN]
    labels = {str(label) for label in cells.dropna().unique()}
    strata = set(parsed(labels))
    mixed = bool(labels) and bool(cells.isna().any())
    several = len({(each.cost, each.count) for each in strata}) > 1 or len({e.place for e in strata}) < len(strata)
    if not mixed and not several:
        return
    designs = [*matched(labels), *(["no strata"] if mixed else [])]
    raise Refused(
        f"networks drawn from {' and from '.join(designs)} are no one sample, so they aren't taken together",
        hint="ask about one run or table at a time, or name the space in the rule",
    )


def designs(rows: pd.DataFrame) -> tuple[str, ...]:
    """The strata that rows come from, in words, each design once."""
    return matched([str(label) for label in rows[COLUMN].dropna().unique()]) if COLUMN in rows else ()
