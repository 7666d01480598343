"""What the page's script gets of a run: columns, curves, layers and stairs as JSON that can't leave its element."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from nas.layers import Layer, Shape, rows, shape_text
from nas.layers.staircases import Stair
from nas.study.record import Epoch
from nas.study.table import COLUMNS

ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
LONGEST_HOVER = 8
FIRST = ("trial", "space", "error", "outcome")
COSTS = ("latency_ms", "multiply_adds", "parameters", "activations", "seconds")


def json_text(value: object) -> str:
    """JSON that stays data inside HTML: ASCII, without `<`, `>`, `&`, and without numbers that JSON doesn't have."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"), default=np.ndarray.tolist)
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text


def shown(frame: pd.DataFrame, dimensions: Sequence[str]) -> list[str]:
    """All columns in the order of the table: what a network is and costs first, how it was made last."""
    own = [name for name in dimensions if name in frame]
    attributes = [name for name in map(str, frame.columns) if name not in COLUMNS and name not in own]
    costs = [name for name in COSTS if name in frame and frame[name].notna().any()]
    order = (*FIRST, *own, *costs, *attributes, *map(str, frame.columns))
    return [name for name in dict.fromkeys(order) if name in frame]


def hover(frame: pd.DataFrame, dimensions: Sequence[str]) -> list[str]:
    """Columns that describe an architecture in a few words."""
    attributes = [name for name in map(str, frame.columns) if name not in COLUMNS and name not in dimensions]
    return (attributes or [name for name in dimensions if name in frame])[:LONGEST_HOVER]


def curves_payload(curves: Mapping[int, Sequence[Epoch]], places: Mapping[int, int]) -> dict[int, list[list[Any]]]:
    """Row of the table -> epoch, loss, error, seconds of every epoch."""
    return {
        places[trial]: [[e.number, _finite(e.loss), _finite(e.error), _finite(e.seconds)] for e in epochs]
        for trial, epochs in curves.items()
        if trial in places
    }


def layers_payload(
    networks: Mapping[int, Layer], inputs: Shape, places: Mapping[int, int]
) -> dict[int, list[list[Any]]]:
    """Row of the table -> the layer table of its network."""
    return {places[trial]: _layers(network, inputs) for trial, network in networks.items() if trial in places}


def stairs_payload(networks: Mapping[int, Sequence[Stair]], places: Mapping[int, int]) -> dict[str, Any]:
    """Names of parts, and row of the table -> place of the part, width, blocks and edge of each stair in turn."""
    parts = list(dict.fromkeys(stair.part for steps in networks.values() for stair in steps))
    numbers = {
        places[trial]: [number for s in steps for number in (parts.index(s.part), s.width, s.blocks, s.edge)]
        for trial, steps in networks.items()
        if trial in places
    }
    return {"parts": parts, "rows": numbers}


def _finite(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(value)


def _layers(network: Layer, inputs: Shape) -> list[list[Any]]:
    return [
        [r.part, r.kind, r.settings, r.times, shape_text(r.output), r.cost.parameters, r.cost.multiply_adds]
        for r in rows(network, inputs)
    ]
