"""The filter before every training: a point passes only if it obeys all requirements and limits at its input.

Costs are counted, latency is measured: `judge` does the one, `accept` then the other, for points that are left.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nas.errors import ImpossibleShape, Refused, code_of_others
from nas.layers import Layer, Shape, cost
from nas.layers.base import Cost
from nas.space import Architecture, Point, Space, Value, sentence
from nas.study import Limits
from nas.study.table import COLUMNS

Stopwatch = Callable[[Layer, Shape, int], float]
"""Milliseconds of a network at an input for a batch of so many; the same whenever it is asked the same."""
BATCH = 128
"""The larger batch that networks are timed with."""


class Stopped(Exception):
    """Nothing more is to be measured: time is up, or somebody wants the command to end."""


NO_SHAPE = "impossible at this input"
NO_VECTOR = "made for images"


@dataclass(frozen=True, kw_only=True)
class Network:
    """A point that passed: what it decodes to, drawn and counted."""

    architecture: Architecture
    """What the point stands for."""
    facts: dict[str, Value]
    """What it says of itself."""
    layer: Layer
    """Its layer tree."""
    cost: Cost
    """At `inputs`."""
    inputs: Shape
    """Shape of one input."""
    latency_ms: float | None = None
    """Measured for one image; None where the study doesn't need it."""
    latency_128_ms: float | None = None
    """The same for a batch of 128."""


def stated(facts: Mapping[str, Any]) -> dict[str, Value]:
    """Facts as they can be stored and read again; numbers of NumPy become Python's, all else is a ValueError."""
    attributes = {name: value.item() if isinstance(value, np.generic) else value for name, value in facts.items()}
    for name, value in attributes.items():
        finite = type(value) in (bool, int, str) or (type(value) is float and math.isfinite(value))
        if not (isinstance(name, str) and finite):
            raise ValueError(f"an attribute is a name with a finite number, text or bool, got {name!r}: {value!r}")
    return attributes


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One space under the limits of a study."""

    space: Space
    """With the recipe's sampled fields among its dimensions."""
    limits: Limits
    """Hard limits on costs."""
    inputs: Shape
    """Shape of one input, unless the point says otherwise by a `resolution`."""
    classes: int
    """Outputs of the network."""
    stopwatch: Stopwatch | None = None
    """What measures latency; None where the study doesn't need it."""
    stopped: Callable[[], bool] = lambda: False
    """Whether nothing more is to be measured."""

    def accept(self, point: Point) -> Network | tuple[str, ...]:
        """The network of a point, timed if need be, or why it is refused; Stopped where it isn't to be timed."""
        network = self.judge(point)
        if self.stopwatch is None or not isinstance(network, Network):
            return network
        if self.stopped():
            raise Stopped
        latency = self.stopwatch(network.layer, network.inputs, 1)
        if broken := self.limits.violated_by(latency):
            return broken
        batch = self.stopwatch(network.layer, network.inputs, BATCH)
        return replace(network, latency_ms=latency, latency_128_ms=batch)

    def judge(self, point: Point) -> Network | tuple[str, ...]:
        """The network of a point, or why it is refused by what is counted; code that fails is Refused with its line."""
        with code_of_others(
            f"the code of space {self.space.name!r} fails",
            hint=lambda: f"it was given the point {dict(self.space.expand(point))}",
        ):
            return self._judge(point)

    def _judge(self, point: Point) -> Network | tuple[str, ...]:
        """Requirements are tested before anything is drawn."""
        written = self.space.expand(point)
        for requirement in self.space.requirements:
            if not requirement(written):
                return (sentence(requirement),)
        architecture = self.space.decode(written)
        inputs = self._inputs(point)
        try:
            layer = architecture.network(inputs, self.classes)
            price = cost(layer, inputs)
        except ImpossibleShape:
            return (NO_SHAPE if len(inputs) == 3 else NO_VECTOR,)
        if broken := self.limits.violations(price):
            return broken
        facts = stated(architecture.facts())
        self._require_own_names(facts, point)
        return Network(architecture=architecture, facts=facts, layer=layer, cost=price, inputs=inputs)

    def _require_own_names(self, facts: Mapping[str, Value], point: Point) -> None:
        """Refuse an attribute that would stand in the table for something else."""
        for name, value in facts.items():
            if name in COLUMNS or point.get(name, value) != value:
                what = "a column of the table" if name in COLUMNS else "a dimension, of another value,"
                raise Refused(
                    f"{self.space.name}: an attribute can't be called {name!r}, {what} has that name",
                    hint="rename it in `facts` of the architecture",
                )

    def why_impossible(self, point: Point) -> str:
        """Why a point is no network at its input, in the words of its layer; empty if it is one."""
        inputs = self._inputs(point)
        try:
            cost(self.space.architecture(point).network(inputs, self.classes), inputs)
        except ImpossibleShape as impossible:
            return str(impossible)
        return ""

    def _inputs(self, point: Point) -> Shape:
        edge = int(point.get("resolution", 0))
        return (self.inputs[0], edge, edge) if edge else self.inputs


@contextmanager
def collection_paused() -> Iterator[None]:
    """No garbage collection inside: trees have no cycles, and collecting took most of the time of drawing them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
