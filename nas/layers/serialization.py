"""The layer tree as JSON and as a name: two networks that compute the same thing layer by layer have one identity."""

from __future__ import annotations

import hashlib

import msgspec

from nas.errors import Refused
from nas.layers.combinators import Combinator, Concatenation, DenseConcatenation, Layer, Repetition, Residual, Sequence
from nas.layers.custom import Custom, require_installed
from nas.layers.leaves import Dropout, Normalisation

LARGEST_JSON = 4 * 2**20
"""Bytes; a larger description is refused before it is parsed."""

_DECODER: msgspec.json.Decoder[Layer] = msgspec.json.Decoder(Layer)
Run = tuple[Layer, int]
"""A node in normal form and how often it stands in a row."""


def to_json(layer: Layer) -> bytes:
    """The tree as compact JSON; defaults are left out."""
    return msgspec.json.encode(layer)


def from_json(data: bytes | str) -> Layer:
    """The tree from JSON; unknown keys, wrong types, huge numbers and deep nesting are refused."""
    if len(data) > LARGEST_JSON:
        raise Refused(f"a network's description has {len(data):,} bytes, at most {LARGEST_JSON:,} are read")
    try:
        return _DECODER.decode(data)
    except RecursionError:
        raise Refused("a network's description is nested too deeply to be read") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Refused(f"not a network's description: {error}") from None


def require_readable(layer: Layer) -> None:
    """Refuse a network that another process can't read: of layers of other packages these must be installed."""
    match layer:
        case Custom():
            require_installed(layer.kind)
        case Combinator():
            for _, child, _ in layer.children():
                require_readable(child)


def identity(layer: Layer) -> str:
    """Sixteen hexadecimal digits: SHA-256 of the normal form's JSON."""
    return hashlib.sha256(to_json(normal(layer))).hexdigest()[:16]


def normal(layer: Layer) -> Layer:
    """The tree without accidents: sequences flat, idle layers dropped, equal neighbours as one repetition."""
    runs = _merged(_written_out(layer))
    nodes = tuple(node if times == 1 else Repetition(layer=node, times=times) for node, times in runs)
    return nodes[0] if len(nodes) == 1 else Sequence(layers=nodes)


def _written_out(layer: Layer) -> list[Run]:
    """The layer as a flat row of runs; neighbours may be equal."""
    if not isinstance(layer, Combinator):
        return [] if _is_idle(layer) else [(layer, 1)]
    match layer:
        case Sequence():
            return [run for child in layer.layers for run in _written_out(child)]
        case Repetition():
            inner = _merged(_written_out(layer.layer))
            return [(inner[0][0], inner[0][1] * layer.times)] if len(inner) == 1 else inner * layer.times
        case Residual():
            return [(Residual(branch=normal(layer.branch), shortcut=normal(layer.shortcut)), 1)]
        case Concatenation():
            return [(Concatenation(branches=tuple(normal(branch) for branch in layer.branches)), 1)]
        case DenseConcatenation():
            return [(DenseConcatenation(branch=normal(layer.branch)), 1)]
        case _:
            return [(layer, 1)]


def _is_idle(layer: Layer) -> bool:
    match layer:
        case Normalisation(kind="none") | Dropout(rate=0):
            return True
        case _:
            return False


def _merged(runs: list[Run]) -> list[Run]:
    """Neighbouring runs of equal nodes as one."""
    merged: list[Run] = []
    for node, times in runs:
        if merged and merged[-1][0] == node:
            merged[-1] = (node, merged[-1][1] + times)
        else:
            merged.append((node, times))
    return merged
