"""What the page's script gets: the table, curves and layers of a run as JSON that can't leave its element."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from nas.data import Task
from nas.findings.wording.numbers import short, spoken
from nas.layers import Layer, Shape, rows, shape_text
from nas.study.record import SENTENCES, Epoch
from nas.study.table import COLUMNS

KINDS = {
    "trial": "plain",
    "architecture": "code",
    "outcome": "outcome",
    "error": "percent",
    "train_error": "percent",
    "gap": "percent",
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
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
LONGEST_HOVER = 8


def json_text(value: object) -> str:
    """JSON that stays data inside HTML: ASCII, without `<`, `>`, `&`, and without numbers that JSON doesn't have."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"), default=np.ndarray.tolist)
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text


def table_payload(frame: pd.DataFrame, dimensions: Sequence[str], task: Task = "classification") -> dict[str, Any]:
    """Columns with their kind and meaning, rows of plain values, and the columns that describe an architecture."""
    names = [str(name) for name in frame.columns]
    columns = [_column(name, frame[name], dimensions, task) for name in names]
    cells = [[cell(value) for value in frame[name].tolist()] for name in names]
    attributes = [i for i, name in enumerate(names) if name not in COLUMNS and name not in dimensions]
    own = [i for i, name in enumerate(names) if name in dimensions]
    return {
        "columns": columns,
        "rows": list(zip(*cells, strict=True)),
        "hover": (attributes or own)[:LONGEST_HOVER],
        "outcomes": {str(outcome): sentence for outcome, sentence in SENTENCES.items()},
    }


def curves_payload(curves: Mapping[int, Sequence[Epoch]], places: Mapping[int, int]) -> dict[int, list[list[Any]]]:
    """Row of the table -> epoch, loss, error, seconds of every epoch."""
    return {
        places[trial]: [[e.number, cell(e.loss), cell(e.error), cell(e.seconds)] for e in epochs]
        for trial, epochs in curves.items()
        if trial in places
    }


def layers_payload(
    networks: Mapping[int, Layer], inputs: Shape, places: Mapping[int, int]
) -> dict[int, list[list[Any]]]:
    """Row of the table -> the layer table of its network."""
    return {places[trial]: _layers(network, inputs) for trial, network in networks.items() if trial in places}


def figure_payload(figure: go.Figure) -> dict[str, Any]:
    """A figure as the script draws it; arrays stay arrays, since plotly's own way would hide numbers in base64."""
    return {"data": [trace.to_plotly_json() for trace in figure.data], "layout": figure.layout.to_plotly_json()}


def cell(value: object) -> object:
    """A value as JSON can hold it: None for what is missing or infinite, text for integers too large for a script."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value) if abs(int(value)) <= EXACT else str(int(value))
    if isinstance(value, Real):
        return float(value) if isfinite(value) else None
    return None if pd.isna(value) is True else str(value)  # type: ignore[call-overload]


def _column(name: str, values: pd.Series[Any], dimensions: Sequence[str], task: Task) -> dict[str, str]:
    kinds = KINDS | ({"images_per_second": "rows"} if task == "regression" else {})
    role = "dimension" if name in dimensions else "attribute of the architecture"
    return {
        "name": name,
        "title": short(spoken(name)),
        "kind": kinds.get(name) or _kind(values),
        "note": COLUMNS.get(name, f"{name}: {role}"),
    }


def _kind(values: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if not pd.api.types.is_numeric_dtype(values):
        return "text"
    return "integer" if (values.dropna() % 1 == 0).all() else "number"


def _layers(network: Layer, inputs: Shape) -> list[list[Any]]:
    return [
        [r.part, r.kind, r.settings, r.times, shape_text(r.output), r.cost.parameters, r.cost.multiply_adds]
        for r in rows(network, inputs)
    ]
