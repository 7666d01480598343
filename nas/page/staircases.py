"""The widths of a network along its depth: numbers from the layer tree, and their picture as bars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor, log2

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
WIDE, HIGH = 240.0, 104.0
"""Size of a picture, in its own units."""
LEFT, TOP, BOTTOM = 30.0, 6.0, 16.0
"""Margins for the marks of the axes."""


@dataclass(frozen=True, kw_only=True)
class Stair:
    """Equal blocks in a row."""

    part: str
    """Name of the part of the network; empty where parts have none."""
    width: int
    """Output channels of each block (features, in a network without images)."""
    blocks: int
    """How many."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The axes that the pictures of several networks share."""

    low: int
    """Power of two at the foot."""
    high: int
    """Power of two at the top."""
    blocks: int
    """Of the deepest network."""


@dataclass(frozen=True, kw_only=True)
class PartBars:
    """The bars of one part."""

    label: str
    """What they are, in words."""
    path: str
    """Outline, as the `d` of an SVG path."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The widths of one network as bars on a logarithmic scale."""

    bars: tuple[PartBars, ...]
    """In the order of the data."""
    marks: tuple[tuple[float, str], ...]
    """Height and text of the marks of the width axis."""
    blocks: int
    """Of this network."""
    end: float
    """Where the last bar ends, from the left."""


def stairs(network: Layer, inputs: Shape) -> tuple[Stair, ...]:
    """Widths by named parts (stem, stages); without such parts by convolutions, without those by linear layers."""
    return _merged(_parts(network, inputs)) or _merged(_layers(network, inputs))


def scale(networks: Iterable[Sequence[Stair]]) -> Scale:
    """Axes that hold all networks."""
    drawn = [stair for stair in networks if stair]
    widths = [stair.width for each in drawn for stair in each]
    low = max(0, floor(log2(min(widths, default=1))) - 1)
    return Scale(
        low=low,
        high=max(low + 1, ceil(log2(max(widths, default=2)))),
        blocks=max((_blocks(each) for each in drawn), default=1),
    )


def picture(steps: Sequence[Stair], axes: Scale) -> Picture:
    """Bars for every block, one outline a part."""
    column = (WIDE - LEFT) / axes.blocks
    bars, position = [], 0
    for step in steps:
        path = "".join(_bar(LEFT + column * (position + i), column, step.width, axes) for i in range(step.blocks))
        bars.append(PartBars(label=_label(step), path=path))
        position += step.blocks
    return Picture(bars=tuple(bars), marks=_marks(axes), blocks=position, end=LEFT + column * position)


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
                yield Stair(part=part.name, width=inputs[0], blocks=1)


def _layers(network: Layer, inputs: Shape) -> Iterator[Stair]:
    """Convolutions; in a network without any, the linear layers but the last, which holds the classes."""
    table = rows(network, inputs)
    drawn = [row for row in table if row.kind == "Convolution"] or [row for row in table if row.kind == "Linear"][:-1]
    for row in drawn:
        yield Stair(part=row.part, width=row.output[0], blocks=row.times)


def _merged(steps: Iterable[Stair]) -> tuple[Stair, ...]:
    """Neighbours of one part and one width as one."""
    groups = groupby(steps, key=lambda stair: (stair.part, stair.width))
    return tuple(Stair(part=part, width=width, blocks=_blocks(same)) for (part, width), same in groups)


def _blocks(steps: Iterable[Stair]) -> int:
    return sum(stair.blocks for stair in steps)


def _label(step: Stair) -> str:
    blocks = "1 block" if step.blocks == 1 else f"{step.blocks} blocks"
    return f"{step.part or 'layers'}: {blocks} of {step.width} channels"


def _bar(left: float, column: float, width: int, axes: Scale) -> str:
    gap = 1.0 if column >= 3 else 0.0  # thin bars would be all gap
    top = _height(log2(width), axes)
    return f"M{left:.1f} {HIGH - BOTTOM:.1f}V{top:.1f}H{left + column - gap:.1f}V{HIGH - BOTTOM:.1f}Z"


def _height(power: float, axes: Scale) -> float:
    return TOP + (HIGH - TOP - BOTTOM) * (axes.high - power) / (axes.high - axes.low)


def _marks(axes: Scale) -> tuple[tuple[float, str], ...]:
    step = ceil((axes.high - axes.low) / 4)
    return tuple((_height(power, axes), str(2**power)) for power in range(axes.high, axes.low - 1, -step))
