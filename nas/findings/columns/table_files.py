"""Files of tables as they lie there: CSV, parquet and JSON, read without running anything that they hold."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import Refused, path_text
from nas.files import really, require_one_mark, separator, with_point
from nas.findings.columns import json_tables

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".csv.gz", ".parquet", *json_tables.ENDINGS)
MOST_COLUMNS = 20_000
"""Of a CSV: each is looked at several times."""
PIECE = 2**20
"""Bytes that are unpacked at once."""
FORM = "a table is a .csv, .csv.gz, .parquet or .json with the names of its columns and a row for each network"


def read(path: Path) -> pd.DataFrame:
    """A file as it is; refused where it holds no table with rows and columns."""
    import pandas as pd

    if not path.is_file():
        if path.exists() and not path.is_dir():
            raise Refused(f"{path_text(path)} is no file", hint=FORM)
        raise Refused(f"there is no file {path_text(path)}", hint="without --table a run's folder is meant")
    if not path.name.endswith(ENDINGS):
        raise Refused(f"a table is a .csv, .csv.gz, .parquet or .json, not {path.name!r}", hint=FORM)
    if path.name.endswith(json_tables.ENDINGS):
        return json_tables.read(path).rename(columns=str)
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else _csv(path)
    except Refused:  # a ValueError, too
        raise
    except ImportError:
        raise Refused("parquet needs pyarrow", hint='pip install "nas-atlas[parquet]", or write a .csv') from None
    except (OSError, EOFError, ValueError, zlib.error) as error:  # those of pandas and pyarrow are ValueErrors
        raise Refused(f"{path} can't be read as a table: {str(error).splitlines()[0]}", hint=FORM) from None
    frame = frame.rename(columns=str)
    if not len(frame) or not len(frame.columns):
        raise Refused(f"{path} has no rows", hint=FORM)
    if not frame.columns.is_unique:
        raise Refused(f"{path} has two columns of one name")
    return frame


def _csv(path: Path) -> pd.DataFrame:
    """A CSV; refused where a name stands twice, which pandas would change, or where a row has cells without a name."""
    import pandas as pd

    if (kind := really(path)) and path.suffix == ".csv":
        raise Refused(f"{path} is {kind}, no .csv", hint=FORM)
    _require_bounded(path)
    names = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0].dropna()
    between = separator(str(names.iloc[0])) if len(names) == 1 else ","
    if between != ",":
        require_one_mark(path)
        names = pd.read_csv(path, header=None, nrows=1, dtype=str, sep=between).iloc[0].dropna()
    if len(names) > MOST_COLUMNS:
        raise Refused(f"{path} has {len(names):,} columns, at most {MOST_COLUMNS:,} are read", hint=FORM)
    frame = pd.read_csv(path, low_memory=False, sep=between)
    if not names.is_unique:
        raise Refused(f"{path} has two columns of one name, {names[names.duplicated()].iloc[0]!r}")
    if not isinstance(frame.index, pd.RangeIndex):
        raise Refused(f"{path}: rows have more cells than the {len(names)} columns have names", hint=FORM)
    return frame if between == "," else frame.apply(_with_points)


def _require_bounded(path: Path) -> None:
    """Refuse a small packed file that becomes a large one."""
    if path.suffix != ".gz":
        return
    most = left = json_tables.largest(path)
    with gzip.open(path) as file:
        while chunk := file.read(PIECE):
            left -= len(chunk)
            if left < 0:
                raise json_tables.too_large(path, most)


def _with_points(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column whose numbers may have decimal commas; numbers, if all of its cells are some."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column):
        return column
    cells = column.map(with_point, na_action="ignore")
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers if numbers.notna().equals(cells.notna()) else cells
