"""What a whole network costs, where its cost lies, and the smallest image that it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod

import msgspec

from nas.cost import Cost
from nas.errors import ImpossibleShape
from nas.layers.base import Shape
from nas.layers.combinators import Layer
from nas.layers.table import FLOAT_BYTES, Bytes, Row, cost, output_shape, rows

CONVOLUTIONS = ("Convolution", "SqueezeExcite")
"""Kinds of rows that are convolutions: squeeze-excite is two of 1x1."""
LINEAR = ("Linear",)


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """Parts of one cost; together at most 1, the rest belongs to norms; all 0 where there is no such cost."""

    convolutions: float
    """Of convolutions, those of squeeze-excite included; in [0, 1]."""
    linear: float
    """Of linear layers; in [0, 1]."""


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """Where a network's cost lies."""

    parameters: Share
    """Of the trainable numbers."""
    multiply_adds: Share
    """Of the multiply-adds."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A network on one input."""

    cost: Cost
    """In total."""
    bytes: Bytes
    """In total; for inference the most that is alive at once."""
    shares: Shares
    """Where the cost lies."""
    layers: list[Row]
    """The layer table, which adds up to the total."""


class Smallest(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest square image that a network takes, found by trying."""

    shape: Shape
    """Channels, height and width; every edge from here to `tried` works."""
    tried: int
    """Largest edge that was tried, in pixels."""
    reason: str
    """Why an edge of one pixel less is impossible; empty where the smallest is 1."""


def summary(layer: Layer, inputs: Shape) -> Summary:
    """Table, totals and shares; raises ImpossibleShape where the network can't take the input."""
    total, table = cost(layer, inputs), rows(layer, inputs)
    peak = max((row.bytes.inference for row in table), default=FLOAT_BYTES * prod(inputs))
    kept = sum(row.bytes.training for row in table)
    weights = sum(row.bytes.parameters for row in table)
    return Summary(
        cost=total,
        bytes=Bytes(parameters=weights, inference=peak, training=kept),
        shares=shares(table),
        layers=table,
    )


def shares(table: Iterable[Row]) -> Shares:
    """Parts of convolutions and of linear layers."""
    rows_ = tuple(table)
    return Shares(parameters=_share(rows_, "parameters"), multiply_adds=_share(rows_, "multiply_adds"))


def smallest_input(network: Callable[[Shape], Layer], channels: int, tried: int) -> Smallest | None:
    """The smallest edge such that it and all up to `tried` work; None where `tried` itself doesn't.

    `network` gives the layer tree for an input, since some networks depend on it.
    """
    reason, edge = "", tried
    while edge and not reason:
        reason = _impossible(network, (channels, edge, edge))
        edge -= not reason
    shape = (channels, edge + 1, edge + 1)
    return Smallest(shape=shape, tried=tried, reason=reason) if edge < tried else None


def _impossible(network: Callable[[Shape], Layer], shape: Shape) -> str:
    """Why a network can't take an input; empty where it can."""
    try:
        output_shape(network(shape), shape)
    except ImpossibleShape as impossible:
        return str(impossible)
    return ""


def _share(table: tuple[Row, ...], name: str) -> Share:
    total = sum(getattr(row.cost, name) for row in table) or 1
    convolutions, linear = (
        sum(getattr(row.cost, name) for row in table if row.kind in kinds) / total for kinds in (CONVOLUTIONS, LINEAR)
    )
    return Share(convolutions=convolutions, linear=linear)
