"""The widths of networks along their depth, as numbers from the layer tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from nas.layers.base import Shape
from nas.layers.combinators import Concatenation, DenseConcatenation, Layer, Repetition, Residual, Sequence
from nas.layers.costs import rows
from nas.layers.leaves import Convolution

COMBINATORS = (Concatenation, DenseConcatenation, Repetition, Residual, Sequence)


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


def _parts(network: Layer, inputs: Shape) -> Iterator[Stair]:
    if not isinstance(network, Sequence):
        return
    for part in network.layers:
        if isinstance(part, Sequence) and part.name and len(part.trace(inputs)[0]) > 1:
            yield from _part(part, inputs)
        inputs = part.trace(inputs)[0]


def _part(part: Sequence, inputs: Shape) -> Iterator[Stair]:
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
