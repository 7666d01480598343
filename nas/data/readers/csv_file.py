"""A user's own table: a `.csv` in UTF-8 with names in its first line, one column of which is the target.

Columns are separated by commas; where the first line has semicolons and no comma, by these, and `1,5` is a number.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from nas.data.features import MOST_VALUES, Floats, few_texts, number, numbers, spoken_of, text, written_number
from nas.data.source import label_of
from nas.data.tables import FEWEST_ROWS, FIRST, TEXTS_ARE_MISSING, Table, TableSource
from nas.errors import Missing, Refused
from nas.errors.suggestions import near
from nas.files import digest, really, require_one_mark, separator, with_point

FORM = "a table is a .csv in UTF-8, columns separated by commas or semicolons, with their names in the first line"
EXCEL_SEPARATOR = "sep=;"
"""A line that Excel may write before the names of the columns."""
LISTED = 30
"""Names of columns that a message shows."""

log = logging.getLogger(__name__)


def csv_source(path: Path, target: str) -> TableSource:
    """The table in a file as a source."""
    with opened(path) as lines:
        names = [name.strip() for name in next(lines, [])]
        rows = [row for row in lines if row]
    return rows_source(path, target, names, rows)


def rows_source(path: Path, target: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> TableSource:
    """Rows of a file as a source, known by the hash of the file; their texts among numbers are told.

    Refused where a column has no name or that of another, the target isn't one of them, or a row has other cells.
    """
    require_names(path, names)
    require_target(path, names, target)
    for line, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise Refused(f"row {line} of {path} has {len(row)} cells for {len(names)} columns", hint=FORM)
    spoken = []
    for place, name in enumerate(names):
        column = [row[place] for row in rows]
        if name != target and (missing := few_texts(column)):
            spoken.append(spoken_of(name, column, missing))
            log.warning("%s: %s", path, spoken[-1])
        elif name != target and (shown := written_number(column)):
            hint = "remove units and commas if they are numbers"
            log.warning("%s: column %r holds texts as %r, each a category of its own; %s", path, name, shown, hint)
        if name != target and column == [row[names.index(target)] for row in rows]:
            log.warning(
                "%s: column %r is the target once more; remove it, for it says what is to be predicted", path, name
            )
    return TableSource(
        name=str(path),
        label=label_of(path),
        identity=digest(path),
        target=target,
        read=partial(read_table, path, target, names, rows),
        encoding=TEXTS_ARE_MISSING if spoken else FIRST,
    )


def require_names(path: Path, names: Sequence[str]) -> None:
    """Refuse a column without a name, and two with the same."""
    if not names:
        raise Refused(f"{path} is empty", hint=FORM)
    first: dict[str, int] = {}
    for place, name in enumerate(names, 1):
        if not name:
            hint = "name it, or remove it: pandas leaves its index out with to_csv(index=False)"
            raise Refused(f"column {place} of {path} has no name", hint=hint)
        if first.setdefault(name, place) != place:
            raise Refused(f"{path} has two columns called {name!r}", hint="rename or remove one of them")


def require_target(path: Path, names: Sequence[str], target: str) -> None:
    """Refuse a target that isn't a column, and a table that has no other."""
    shown = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    if len(names) < 2:
        raise Refused(f"{path} has one column only: {shown}", hint=FORM)
    if not target:
        hint = "name it: --target NAME on the command line, target='NAME' in a recipe"
        raise Refused(f"which column of {path} is the target? It has {shown}", hint=hint)
    if target not in names:
        close = near(target, names)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        raise Refused(f"{path} has no column {target!r}{guess}", hint=f"it has {shown}")


def read_table(path: Path, target: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """The rows as a table; columns that can't be features, and a target that isn't a number everywhere, are refused."""
    cells = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    if len(rows) < FEWEST_ROWS:
        hint = "a tenth of the rows by target needs five of them: three train, one validates, one is sealed"
        raise Refused(f"{path} has {len(rows)} rows, fewer than {FEWEST_ROWS}", hint=hint)
    targets = read_target(path, target, cells.pop(target))
    for name in [name for name, column in cells.items() if counts_rows(column)]:
        log.warning("%s: column %r only numbers the rows and is left out", path, name)
        del cells[name]
    for name, column in cells.items():
        require_feature(path, name, column)
    if not cells:
        raise Refused(f"{path} has no column beside {target!r} that says anything")
    return Table(cells=cells, targets=targets)


def read_target(path: Path, target: str, cells: Sequence[str]) -> Floats:
    """The target of every row."""
    values = np.empty(len(cells))
    for place, cell in enumerate(cells):
        where = f"the target {target!r} in row {place + 1} of {path}"
        try:
            values[place] = number(cell)
        except ValueError:
            hint = "name a column of numbers: classes are learned from images only, not from tables"
            raise Refused(f"{where} is text: {cell[:40]!r}", hint=hint) from None
        if not np.isfinite(values[place]):
            raise Refused(f"{where} is no finite number: {cell!r}", hint="remove rows whose target isn't known")
    if values.min() == values.max():
        raise Refused(f"the target {target!r} of {path} is {values[0]:g} in every row", hint="name another column")
    return values


def counts_rows(cells: Sequence[str]) -> bool:
    """Whether each row has one more than the row before, as identifiers have that a program wrote."""
    values = numbers(cells)
    return values is not None and bool((np.diff(values) == 1).all())


def require_feature(path: Path, name: str, cells: Sequence[str]) -> None:
    """Refuse a column that says nothing, or that can't become a few features."""
    values = numbers(cells, few_texts(cells))
    different = {text(cell) for cell in cells} if values is None else set(np.unique(values).tolist())
    if len(different) < 2:
        raise Refused(f"column {name!r} of {path} is the same in every row", hint="remove the column")
    if values is None and len(different) > MOST_VALUES:
        message = f"column {name!r} of {path} has {len(different):,} different texts, at most {MOST_VALUES} are encoded"
        hint = "remove it if it is an identifier or free text; if it holds numbers, remove their units and commas"
        raise Refused(message, hint=hint)
    if values is not None and np.isinf(values).any():
        row = int(np.isinf(values).argmax())
        raise Refused(f"column {name!r} of {path} is infinite in row {row + 1}", hint="leave the cell empty instead")


@contextmanager
def opened(path: Path) -> Iterator[Iterator[list[str]]]:
    """The lines of a file as lists of cells; a byte order mark, as spreadsheets write it, is skipped."""
    try:
        if kind := really(path):
            raise Refused(f"{path} is {kind}, no .csv", hint=f"export it as a .csv: {FORM}")
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if first.strip() != EXCEL_SEPARATOR:
                file.seek(0)
            rows = csv.reader(file, delimiter=(between := separator(first)))
            if between != ",":
                require_one_mark(path)
            yield rows if between == "," else ([with_point(cell) for cell in row] for row in rows)
    except UnicodeDecodeError as error:
        hint = "save it as UTF-8 (in a spreadsheet: CSV UTF-8)"
        raise Refused(f"{path} isn't UTF-8: {error.reason} at byte {error.start:,}", hint=hint) from None
    except csv.Error as error:
        raise Refused(f"{path} can't be read as a .csv: {error}", hint=FORM) from None
    except OSError as error:
        raise Missing(f"{path} can't be read: {error.strerror}") from error
