"""Anybody's JSON -> the rows of a table: records, columns, or the records of "On Network Design Spaces" (NDS).

A file holds a list of records, a mapping name -> record, whose names become the column `name`, a mapping name -> list
of records, each list a space, or a mapping column -> list of cells; a `.jsonl` one record a line. What lies inside of a
record becomes columns: a mapping gives one for each entry, named after it (`net.depth` where two are called so), a list
of cells one for each place (`ds` gives `ds_1`, `ds_2`), a long list, such as the errors of all epochs, its last value
(`test_ep_top1_last`), and any other list its text.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import Refused
from nas.findings.wording.numbers import short

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
FORM = (
    'a .json is a list of records [{"error": 0.1, "depth": 3}, ...], a mapping name -> record or name -> such a list, '
    "or a mapping column -> list of cells; a .jsonl has a record on each line"
)
LARGEST = 2**29
"""Most bytes of a file, unpacked."""
SMALL, MOST_PACKED = 2**24, 50
"""Bytes up to which a packed file may unpack whatever its size, and how often its own size beyond: tables take 20."""
DEEPEST = 8
"""Most mappings within one another in a record."""
MOST_PARTS = 32
"""Cells of a list up to which each is a column; a longer one is the course of a training."""
MOST_COLUMNS = 4_096
SPACE, NAME = "space", "name"
NDS_NAMES = {"params": "parameters", "flops": "multiply_adds"}
"""What NDS calls what is counted here: its flops are multiply-adds."""
NDS = ("net", *NDS_NAMES)
"""Entries by which records are those of NDS."""

Place = tuple[str, ...]
"""Keys from a record down to a cell."""


def read(path: Path) -> pd.DataFrame:
    """The records of a file as rows, the names of several lists in the column `space`; refused where there are none."""
    import pandas as pd

    records = list(_records(path))
    rows = [dict(_cells((), record, f"{path}: record {number}")) for number, (_, record) in enumerate(records, 1)]
    if not any(rows):
        raise Refused(f"{path} has no rows", hint=FORM)
    columns = _columns(rows, path)
    cells = {name: [_at(row.get(place), part) for row in rows] for name, (place, part) in columns.items()}
    for name, column in cells.items():
        _require_finite(name, column, path)
    frame = pd.DataFrame(cells)
    if all(name in records[0][1] for name in NDS) and not set(NDS_NAMES.values()) & set(frame):
        frame = frame.rename(columns=NDS_NAMES)
    names = [name for name, _ in records]
    return frame.assign(**{SPACE: names}) if any(names) and SPACE not in frame else frame


def _records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record of a file with the name of its list, empty where there is one list."""
    text = _text(path)
    if ".jsonl" in path.name:
        lines = [line for line in text.splitlines() if line.strip()]
        yield from _listed("", [_decoded(line, f"{path}, line {n}") for n, line in enumerate(lines, 1)], path)
        return
    data = _decoded(text, str(path))
    if isinstance(data, list):
        yield from _listed("", data, path)
    elif isinstance(data, dict) and data and all(isinstance(value, dict) for value in data.values()):
        yield from _listed("", _named(data), path)
    elif isinstance(data, dict) and data and all(isinstance(value, list) for value in data.values()):
        if any(isinstance(cell, dict) for value in data.values() for cell in value[:1]):
            for name, records in data.items():
                yield from _listed(name, records, path)
        else:
            yield from _listed("", _transposed(data, path), path)
    else:
        raise Refused(f"{path} holds no table", hint=FORM)


def _text(path: Path) -> str:
    """The file as text, of a bounded size."""
    try:
        most = largest(path)
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) <= most:
            return data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise Refused(f"{path} can't be read as JSON: {error}", hint=FORM) from None
    raise too_large(path, most)


def largest(path: Path) -> int:
    """Most bytes of a file, unpacked: a small packed one may not become a large one."""
    packed = path.name.endswith(".gz")
    return min(LARGEST, max(SMALL, MOST_PACKED * path.stat().st_size)) if packed else LARGEST


def too_large(path: Path, most: int) -> Refused:
    """The error for a file that holds more."""
    unpacked = "unpack it, if it is yours: gzip -dk" if path.name.endswith(".gz") and most < LARGEST else ""
    return Refused(f"{path} is larger than {most:,} bytes, which is the most that is read of it", hint=unpacked)


def _decoded(text: str, place: str) -> Any:
    """JSON with each key once; NaN and infinity, which it doesn't have, are taken and refused where a cell is one."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise Refused(f"{place} is nested too deeply to be read", hint=FORM) from None
    except ValueError as error:
        raise Refused(f"{place} can't be read as JSON: {error}", hint=FORM) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        name = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"one record has the key {name!r} twice")
    return record


def _listed(name: str, records: Sequence[Any], path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    where = f" of {name!r}" if name else ""
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise Refused(f"{path}: record {number}{where} is {short(repr(record))}, not a mapping", hint=FORM)
        yield name, record


def _named(records: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Each record with its name; columns of numbered cells, as pandas writes a table, are turned round."""
    first = next(iter(records.values()))
    if first and all(list(cells) == [str(row) for row in range(len(first))] for cells in records.values()):
        return [{name: cells[row] for name, cells in records.items()} for row in first]
    taken = {name for record in records.values() for name in record}
    column = next(name for name in (NAME, "key", "name of the record") if name not in taken)
    return [{column: name, **record} for name, record in records.items()]


def _transposed(columns: dict[str, list[Any]], path: Path) -> list[dict[str, Any]]:
    """Columns as records; refused where they aren't equally long."""
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        differing = ", ".join(f"{name!r} has {length}" for name, length in list(lengths.items())[:4])
        raise Refused(f"{path}: the columns aren't equally long, {differing}", hint=FORM)
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _cells(place: Place, value: Any, where: str) -> Iterator[tuple[Place, Any]]:
    """Every cell below a value with the keys that lead to it; lists of cells stay together."""
    if isinstance(value, dict):
        if len(place) == DEEPEST:
            raise Refused(f"{where} is nested more than {DEEPEST} deep, at {'.'.join(place)}")
        for name, inner in value.items():
            yield from _cells((*place, name), inner, where)
    elif isinstance(value, list) and any(isinstance(cell, dict | list) for cell in value):
        yield place, json.dumps(value)
    else:
        yield place, value


def _columns(rows: Sequence[dict[Place, Any]], path: Path) -> dict[str, tuple[Place, int | None]]:
    """Name of each column, the cell that it holds, and which part of it where that is a list: -1 is the last one."""
    places = dict.fromkeys(place for row in rows for place in row)
    called = Counter(place[-1] for place in places)
    named: list[tuple[str, tuple[Place, int | None]]] = []
    for place in places:
        name = place[-1] if called[place[-1]] == 1 or len(place) == 1 else ".".join(place)
        longest = max((len(row[place]) for row in rows if isinstance(row.get(place), list)), default=None)
        if longest is None:
            named.append((name, (place, None)))
        elif longest > MOST_PARTS:
            named.append((f"{name}_last", (place, -1)))
        else:
            named += [(f"{name}_{part + 1}", (place, part)) for part in range(longest)]
    names = Counter(name for name, _ in named)
    if len(named) > MOST_COLUMNS:
        raise Refused(f"{path} would have {len(named):,} columns, at most {MOST_COLUMNS:,} are read")
    if twice := [name for name, times in names.items() if times > 1]:
        raise Refused(f"{path} has two columns of one name, {twice[0]!r}")
    return dict(named)


def _at(cell: Any, part: int | None) -> Any:
    """A cell, or one part of a list; None where there is none. The last value of a training may be no number."""
    if part is None:
        return cell
    parts = cell if isinstance(cell, list) else [cell]
    if part >= len(parts) or not parts:
        return None
    value = parts[part]
    return None if part < 0 and isinstance(value, float) and not math.isfinite(value) else value


def _require_finite(name: str, column: Sequence[Any], path: Path) -> None:
    """Refuse NaN and infinity, which some programs write and JSON doesn't have."""
    for number, cell in enumerate(column, 1):
        if isinstance(cell, float) and not math.isfinite(cell):
            raise Refused(f"{path}: record {number} has {cell} in {name!r}", hint="an empty cell is null in JSON")
