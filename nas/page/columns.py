"""The columns of a table as the page's script reads them: each once, typed, in base64.

Decimals become integers with a scale, so that a filter in the page finds the very rows that pandas finds.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas.data import Task
from nas.findings.wording.numbers import short, spoken
from nas.study.table import COLUMNS

KINDS = {
    "trial": "plain",
    "architecture": "code",
    "outcome": "outcome",
    "error": "percent",
    "train_error": "percent",
    "gap": "points",
    "seed": "plain",
    "parameters": "count",
    "multiply_adds": "count",
    "activations": "count",
    "memory": "bytes",
    "peak_memory": "bytes",
    "seconds": "seconds",
    "images_per_second": "rate",
    "repeat": "plain",
}
"""How the script writes the values of a column; all others by their type."""
EXACT = 2**53
"""From here on a JavaScript number isn't the integer that was written."""
INTEGERS = ("i1", "i2", "i4")
"""Types of integers, whose lowest value stands for none."""
SCALES = tuple(10**power for power in range(7))
"""What decimals are multiplied by to become integers."""


def column(name: str, values: pd.Series[Any], dimensions: Sequence[str], task: Task) -> dict[str, Any]:
    """A column with its name, title, kind, meaning, role and values."""
    kinds = KINDS | ({"images_per_second": "rows"} if task == "regression" else {})
    role = "dimension" if name in dimensions else "measure" if name in COLUMNS else "attribute"
    return {
        "name": name,
        "title": short(spoken(name)),
        "kind": kinds.get(name) or _kind(values),
        "note": COLUMNS.get(name, f"{name}: {'dimension' if role == 'dimension' else 'attribute of the architecture'}"),
        "role": role,
    } | (numbers(values) if is_number(values) else texts(values))


def is_number(values: pd.Series[Any]) -> bool:
    """Whether a script can compute with a column: no texts, no truth values, no integers beyond its precision."""
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return False
    return not (pd.api.types.is_integer_dtype(values) and (values.abs() > EXACT).any())


def numbers(values: pd.Series[Any]) -> dict[str, Any]:
    """Numbers in the smallest type that holds them exactly; missing and infinite ones are missing."""
    floats: NDArray[np.float64] = np.array(values.astype("Float64").to_numpy(np.float64, na_value=np.nan), np.float64)
    known = floats[np.isfinite(floats)]
    for scale in SCALES:
        whole = np.round(known * scale)
        if len(known) and np.abs(whole).max() > np.iinfo("i4").max:
            break
        if (whole / scale == known).all():
            return _integers(floats, scale)
    exact = (known.astype("f4").astype("f8") == known).all()
    floats[~np.isfinite(floats)] = np.nan
    return {"type": "f4" if exact else "f8", "data": packed(floats, "f4" if exact else "f8")}


def texts(values: pd.Series[Any]) -> dict[str, Any]:
    """Different texts, and for each row which of them; none of that where every row has its own. Empty is missing."""
    cells = values.where(values.notna(), "").map(str)
    codes, levels = pd.factorize(cells.where(cells != "", None), use_na_sentinel=True)
    if len(levels) == len(values):
        return {"levels": list(levels)}
    kind = _smallest(len(levels))
    return {"levels": list(levels), "type": kind, "data": packed(codes, kind)}


def packed(values: NDArray[Any], kind: str) -> str:
    """Numbers of a type in base64, the lowest byte first."""
    return b64encode(np.ascontiguousarray(values).astype(f"<{kind}").tobytes()).decode()


def _integers(floats: NDArray[np.float64], scale: int) -> dict[str, Any]:
    missing = ~np.isfinite(floats)
    whole = np.round(np.where(missing, 0.0, floats) * scale).astype(np.int64)
    kind = _smallest(int(np.abs(whole).max(initial=0)))
    whole[missing] = np.iinfo(kind).min
    return {"type": kind, "scale": scale, "data": packed(whole, kind)}


def _smallest(largest: int) -> str:
    return next(kind for kind in INTEGERS if largest <= np.iinfo(kind).max)


def _kind(values: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if not is_number(values):
        return "text"
    return "integer" if (values.dropna() % 1 == 0).all() else "number"
