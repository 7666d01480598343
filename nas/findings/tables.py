"""Anybody's tables -> rows that analysis and page take: read, checked, and put under one another.

A table needs one row a network and a column of errors. What isn't known is refused, not guessed: a row without an error
counts as a failure only where a column `outcome` says so. A few texts in a column of numbers are missing values, and
said.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import Refused
from nas.files import digest
from nas.findings.columns.errors import ERROR as ERROR
from nas.findings.columns.errors import PERCENTAGES, UNITLESS, column_of, error_column, errors_of, guess_of
from nas.findings.columns.networks import one_row_each
from nas.findings.columns.numbers import with_numbers
from nas.findings.columns.table_files import ENDINGS
from nas.findings.columns.table_files import read as read
from nas.study.record import Outcome
from nas.study.strata import stratum
from nas.study.table import GUESS, drawn_columns

if TYPE_CHECKING:
    import pandas as pd

SPACE = "space"
OURS = ("trial", "space", "architecture", "outcome", ERROR)
"""Columns by which a table is one of ours, whose errors are shares."""
TEXTS = ("trial", "space", "architecture", "outcome", "stratum", "sampler", "message")
"""Columns of ours that are names or texts, whatever they look like."""
NUMBERS = ("parameters", "multiply_adds", "activations", "memory", "seconds", "images_per_second")
"""Columns that are numbers; one of these names that holds texts is renamed."""
PRUNED = Outcome.PRUNED
"""An outcome that may come with an error, that of its last epoch."""
OUTCOMES = tuple(Outcome)
MEANT = {
    "min_test_top1": "These are test errors of each network's best epoch on the test set: too low, and no validation "
    "errors; test_ep_top1_last has those of the last epoch"
}
"""What is known of columns of errors by their names."""
STRATUM = "stratum"
"""Column of the strata of a study; what isn't named like one of these is a column of the file."""
RENAMED = "{} of the file"
DRAWN: dict[str, str | int | bool] = {"sampler": "random", "repeat": 0, "warm_started": False}
"""What is taken for the rows of a file that doesn't have a column which others have: as for a single such file."""
FIRST = ("trial", "space", "outcome", ERROR)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tables:
    """Several tables as one."""

    frame: pd.DataFrame
    """`trial`, `space`, `outcome`, `error` (a share of 1, NaN for a failure), then whatever the files hold."""
    origins: dict[str, str]
    """Name of each file -> its rows, its column of errors, its hash."""
    percent: bool
    """Whether the errors of all files are percentages, so that a difference of them is meant in points."""
    unitless: bool = False
    """Whether errors of a file are no shares, as losses are, and are taken as they are."""
    guess: float | None = None
    """Error of guessing as a share of 1, from which on a network has failed to learn; None where it isn't known."""
    drawn: tuple[str, ...] | None = None
    """Columns that were drawn, as tables of ours say; None where it isn't known."""
    measured: tuple[str, ...] = ()
    """Columns of numbers that differ between trainings of one network, so that they were measured, not chosen."""


def tables(
    paths: Sequence[Path],
    error: str | None = None,
    *,
    accuracy: bool = False,
    guess: float | None = None,
    space: str | None = None,
    cost: str | None = None,
) -> Tables:
    """The rows of these files, each group named by its column `space`, or by its file where there is none.

    `error` is the column of errors, or of accuracies where `accuracy` says so, `guess` the error of guessing, `space`
    one whose values are taken for spaces, `cost` one that holds multiply-adds.
    A space that two files name is kept apart.
    """
    import pandas as pd

    if len({path.resolve() for path in paths}) < len(paths):
        raise Refused(f"a table is given twice: {', '.join(map(str, paths))}")
    names = _names(paths)
    named = {SPACE: space, "multiply_adds": cost}
    how = _Errors(column=error_column(error, accuracy), accuracy=accuracy, guess=guess)
    parts = [_of_file(path, name, named, how) for path, name in zip(paths, names, strict=True)]
    columns = {column for part in parts for column in part.frame}
    frames = [
        frame.assign(**{column: value for column, value in DRAWN.items() if column in columns - set(frame)})
        for frame in _apart([part.frame for part in parts], names)
    ]
    return Tables(
        frame=_ordered(pd.concat(frames, ignore_index=True)),
        origins={name: part.origin for name, part in zip(names, parts, strict=True)},
        percent=all(part.unit == PERCENTAGES for part in parts),
        unitless=any(part.unit == UNITLESS for part in parts),
        guess=max((part.guess for part in parts if part.guess is not None), default=None),
        drawn=_drawn([part.drawn for part in parts]),
        measured=tuple(dict.fromkeys(chain.from_iterable(part.measured for part in parts))),
    )


def _drawn(each: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """What was drawn in any of some tables; None where one doesn't say."""
    known = [names for names in each if names is not None]
    return tuple(dict.fromkeys(chain.from_iterable(known))) if len(known) == len(each) else None


def checked(
    frame: pd.DataFrame,
    error: str | None = None,
    name: str = "the table",
    *,
    accuracy: bool = False,
    guess: float | None = None,
) -> Tables:
    """A table that is in memory already, with the same checks; `name` is what messages call it."""
    named = frame.rename(columns=str)
    if not named.columns.is_unique:
        raise Refused(f"{name} has two columns of one name")
    how = _Errors(column=error_column(error, accuracy), accuracy=accuracy, guess=guess)
    read, spoken = _numbers(named, how.column)
    part = _checked(read, name, name, how)
    return Tables(
        frame=_ordered(part.frame),
        origins={name: f"{part.origin}{spoken}{part.repeated}"},
        percent=part.unit == PERCENTAGES,
        unitless=part.unit == UNITLESS,
        guess=part.guess,
        drawn=part.drawn,
        measured=part.measured,
    )


@dataclass(frozen=True, kw_only=True)
class _Errors:
    """How the errors of tables are to be read."""

    column: str
    accuracy: bool
    guess: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """One table, checked."""

    frame: pd.DataFrame
    origin: str
    unit: str
    guess: float | None
    repeated: str
    """What is said of several rows of a network."""
    measured: tuple[str, ...]
    """Columns that differ between trainings of one network."""
    drawn: tuple[str, ...] | None
    """Columns that were drawn; None where it isn't known."""


def _of_file(path: Path, name: str, named: Mapping[str, str | None], how: _Errors) -> _Part:
    """The rows of one file, checked, and where they come from."""
    frame, spoken = _numbers(read(path), how.column, named[SPACE])
    part = _checked(_called(frame, named, str(path)), name, str(path), how)
    drawn = "" if "sampler" in frame else "no column `sampler`, so taken as a random sample, "
    meant = f". {MEANT[how.column]}" if how.column in MEANT else ""
    return replace(part, origin=f"{part.origin}, {drawn}SHA-256 {digest(path)}{spoken}{part.repeated}{meant}")


def _from(column: str, unit: str, accuracy: bool) -> str:
    """Where the errors are from."""
    if not accuracy:
        return f"errors from the column {column!r} ({unit})"
    return f"errors from the column {column!r} ({unit}): {'100' if unit == PERCENTAGES else '1'} - x of accuracies x"


def _numbers(frame: pd.DataFrame, errors: str, space: str | None = None) -> tuple[pd.DataFrame, str]:
    """The table with numbers for texts that are numbers, and what is said of them; choices of ours may be both."""
    return (frame, "") if set(OURS) <= set(frame.columns) else with_numbers(frame, {*TEXTS, str(space)}, errors)


def _called(frame: pd.DataFrame, named: Mapping[str, str | None], place: str) -> pd.DataFrame:
    """The table with our names for columns that are said to be ours; a number that names a space bears its column's."""
    from pandas.api.types import is_numeric_dtype

    for ours, column in named.items():
        if column is None:
            continue
        cells = column_of(frame, column, place, f"--{'space' if ours == SPACE else 'cost'}")
        if ours == SPACE and is_numeric_dtype(cells):
            cells = cells.map(lambda value, name=column: f"{name} {value:g}", na_action="ignore")
        elif ours != SPACE and not is_numeric_dtype(cells):
            raise Refused(f"{place}: a cost is a number, {column!r} holds {str(cells.dropna().iloc[0])!r}")
        if ours in frame and ours != column:
            frame = frame.rename(columns={ours: RENAMED.format(ours)})
        frame = frame.assign(**{ours: cells})
    return frame


def _checked(frame: pd.DataFrame, name: str, place: str, how: _Errors) -> _Part:
    """One row a network, with errors and outcomes that agree; a table of ours says itself which row repeats which."""
    ours = set(OURS) <= set(frame.columns)
    errors, unit = errors_of(frame, how.column, place, accuracy=how.accuracy, ours=ours)
    guess = guess_of(frame, how.guess, unit, ours)
    rest = _plain(frame.drop(columns=[how.column, *([GUESS] if ours and GUESS in frame else [])]), name)
    ready, repeated = rest.assign(error=errors, outcome=_outcomes(frame, errors, place)), ""
    measured: tuple[str, ...] = ()
    if not (ours and "repeat" in frame):
        ready, repeated, measured = one_row_each(ready, guess)
    origin = f"{len(frame):,} rows, {_from(how.column, unit, how.accuracy)}"
    drawn = drawn_columns(frame)
    return _Part(frame=ready, origin=origin, unit=unit, guess=guess, repeated=repeated, measured=measured, drawn=drawn)


def _apart(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> list[pd.DataFrame]:
    """The frames with the file's name behind each space that several of them hold."""
    holders = Counter(space for frame in frames for space in set(frame["space"]))
    parted = []
    for frame, name in zip(frames, names, strict=True):
        own = {space: f"{space} ({name})" if holders[space] > 1 else space for space in set(frame["space"])}
        parted.append(frame.assign(space=frame["space"].map(own)))
    return parted


def _outcomes(frame: pd.DataFrame, errors: pd.Series[float], place: str) -> pd.Series[str]:
    """How each row ended; refused where that contradicts its error, or where nothing tells why it has none."""
    import pandas as pd

    if "outcome" not in frame:
        if errors.isna().any():
            raise Refused(
                f"{place}: {int(errors.isna().sum())} of {len(frame)} rows have no error, and nothing says why",
                hint=f"add a column `outcome` ({', '.join(OUTCOMES)}), or leave these rows out",
            )
        return pd.Series(str(Outcome.COMPLETED), index=frame.index)
    outcomes = frame["outcome"].astype(object).where(frame["outcome"].notna(), str(Outcome.COMPLETED))
    outcomes = outcomes.map(lambda outcome: str(outcome).strip().lower())
    completed, failed = outcomes == Outcome.COMPLETED, ~outcomes.isin([Outcome.COMPLETED, PRUNED])
    for wrong, rule in (
        (~outcomes.isin(OUTCOMES), f"an outcome is one of {', '.join(OUTCOMES)}"),
        (completed & errors.isna(), "what was completed has an error"),
        (failed & errors.notna(), "what failed has no error"),
    ):
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            case = f"row {row + 1} has outcome {frame['outcome'].iloc[row]!r} and error {errors.iloc[row]:g}"
            raise Refused(f"{place}: {rule}, {case}")
    return outcomes


def _plain(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The other columns as numbers and texts under names that don't mean something else here."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    taken = [c for c in frame if c == ERROR or (c in NUMBERS and not is_numeric_dtype(frame[c]))]
    taken += [c for c in frame if c == STRATUM and not all(stratum(str(cell)) for cell in frame[c].dropna())]
    ready = frame.rename(columns={column: RENAMED.format(column) for column in taken})
    for column in ready:
        if not is_numeric_dtype(ready[column]):
            ready[column] = ready[column].map(str, na_action="ignore")
        elif not is_bool_dtype(ready[column]):
            ready[column] = ready[column].where(ready[column].abs() < math.inf)
    spaces = ready["space"].astype(object).where(ready["space"].notna(), name) if "space" in ready else name
    return ready.assign(space=spaces).astype({"space": str})


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """With one whole number a row as `trial` and a name for each network, what every table has before the rest."""
    from pandas.api.types import is_integer_dtype

    if not ("trial" in frame and is_integer_dtype(frame["trial"]) and frame["trial"].is_unique):
        frame = frame.rename(columns={"trial": RENAMED.format("trial")}).assign(trial=range(len(frame)))
    if "architecture" in frame:  # of rows with one name only the best is ranked: having none isn't a name
        names = frame["architecture"].astype(object)
        frame = frame.assign(architecture=names.where(names.notna(), frame["trial"].map("trial {}".format)))
    return frame[[*FIRST, *(column for column in frame if column not in FIRST)]]


def _names(paths: Sequence[Path]) -> list[str]:
    """The files' names without their endings, or their paths where two bear one name."""
    short = [path.name.removesuffix(next((e for e in ENDINGS if path.name.endswith(e)), "")) for path in paths]
    return short if len(set(short)) == len(short) else [str(path) for path in paths]
