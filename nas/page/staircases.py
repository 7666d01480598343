"""The widths of networks along their depth, as numbers from the layer tree; the page's script draws them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from nas.layers import (
    Concatenation,
    Convolution,
    DenseConcatenation,
    Layer,
    Repetition,
    Residual,
    Shape,
    rows,
)
from nas.layers import Sequence as LayerSequence

COMBINATORS = (Concatenation, DenseConcatenation, Repetition, Residual, LayerSequence)


@dataclass(frozen=True, kw_only=True)
class Stair:
    """Equal blocks in a row."""

    part: str
    """Name of the part of the network; empty where parts have none."""
    width: int
    """Output channels of each block (features, in a network without images)."""
    blocks: int
    """How many."""
    edge: int
    """Height of their output in pixels; 0 where it is no picture."""


def stairs(network: Layer, inputs: Shape) -> tuple[Stair, ...]:
    """Widths by named parts (stem, stages); without such parts by convolutions, without those by linear layers."""
    return _merged(_parts(network, inputs)) or _merged(_layers(network, inputs))


def stairs_payload(networks: Mapping[int, Sequence[Stair]], places: Mapping[int, int]) -> dict[str, Any]:
    """Names of parts, and row of the table -> place of the part, width, blocks and edge of each stair in turn."""
    parts = list(dict.fromkeys(stair.part for steps in networks.values() for stair in steps))
    rows = {
        places[trial]: [number for s in steps for number in (parts.index(s.part), s.width, s.blocks, s.edge)]
        for trial, steps in networks.items()
        if trial in places
    }
    return {"parts": parts, "rows": rows}


def _parts(network: Layer, inputs: Shape) -> Iterator[Stair]:
    if not isinstance(network, LayerSequence):
        return
    for part in network.layers:
        if isinstance(part, LayerSequence) and part.name and len(part.trace(inputs)[0]) > 1:
            yield from _part(part, inputs)
        inputs = part.trace(inputs)[0]


def _part(part: LayerSequence, inputs: Shape) -> Iterator[Stair]:
    """Its combinators are blocks; in a part of plain layers each convolution is one."""
    kinds = COMBINATORS if any(isinstance(layer, COMBINATORS) for layer in part.layers) else (Convolution,)
    for layer in part.layers:
        block, times = (layer.layer, layer.times) if isinstance(layer, Repetition) else (layer, 1)
        for _ in range(times):
            inputs = block.trace(inputs)[0]
            if isinstance(layer, kinds):
                yield Stair(part=part.name, width=inputs[0], blocks=1, edge=_edge(inputs))


def _layers(network: Layer, inputs: Shape) -> Iterator[Stair]:
    """Convolutions; in a network without any, the linear layers but the last, which holds the classes."""
    table = rows(network, inputs)
    drawn = [row for row in table if row.kind == "Convolution"] or [row for row in table if row.kind == "Linear"][:-1]
    for row in drawn:
        yield Stair(part=row.part, width=row.output[0], blocks=row.times, edge=_edge(row.output))


def _merged(steps: Iterable[Stair]) -> tuple[Stair, ...]:
    """Neighbours of one part, width and edge as one."""
    groups = groupby(steps, key=lambda stair: (stair.part, stair.width, stair.edge))
    return tuple(
        Stair(part=part, width=width, blocks=sum(stair.blocks for stair in same), edge=edge)
        for (part, width, edge), same in groups
    )


def _edge(shape: Shape) -> int:
    return shape[1] if len(shape) == 3 else 0
