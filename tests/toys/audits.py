"""A map in which the order of two spaces turns with the length of training: one learns at once, the other lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from nas.engines import Engine
from nas.layers import Activation, AdaptivePooling, Flatten, Layer, Linear, Normalisation, Sequence, Shape
from nas.space import Integer, Point, Space, Value
from nas.storage.results import Run, open_run
from nas.study import Study, against, larger
from tests.toys.runs import execute
from tests.toys.spaces import QUICK

WIDTH = Integer(low=18, high=80)


@dataclass(frozen=True, kw_only=True)
class Hasty:
    """A linear layer over four means of an image: it knows all it ever will after an epoch or two."""

    def network(self, inputs: Shape, classes: int) -> Layer:
        """The layer tree."""
        return Sequence(layers=(AdaptivePooling(size=2), Flatten(), Normalisation(), Linear(width=classes)))

    def facts(self) -> Mapping[str, Value]:
        """None."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Lasting:
    """Sigmoids over all pixels: guessing at first, good in the end."""

    width: int

    def network(self, inputs: Shape, classes: int) -> Layer:
        """The layer tree."""
        hidden = Linear(width=self.width), Activation(function="sigmoid")
        return Sequence(layers=(Flatten(), *hidden, Linear(width=classes)))

    def facts(self) -> Mapping[str, Value]:
        """None."""
        return {}


def decode_hasty(point: Point) -> Hasty:
    """The one network of the space `hasty`, whatever its width."""
    return Hasty()


def decode_lasting(point: Point) -> Lasting:
    """A network of the space `lasting`."""
    return Lasting(width=int(point["width"]))


def decode_wider(point: Point) -> Lasting:
    """Other networks from the same points: code that was changed after the map."""
    return Lasting(width=int(point["width"]) + 1)


HASTY = Space(name="hasty", dimensions={"width": WIDTH}, decode=decode_hasty)
LASTING = Space(name="lasting", dimensions={"width": WIDTH}, decode=decode_lasting)
LONGER = 8
"""Times the epochs of the map after which the order has turned."""
STUDY = Study(
    name="turning",
    question="Which of two spaces is better?",
    spaces=(HASTY, LASTING),
    samples=8,
    recipe=msgspec.structs.replace(QUICK, learning_rate=0.2),
    rules=(against("lasting", "hasty", "Networks that last are better."), larger("width", space="lasting")),
)
CHANGED = replace(STUDY, spaces=(HASTY, replace(LASTING, decode=decode_wider)))


def mapped(study: Study, folder: Path, engine: Engine | None = None, reference: str = "") -> Run:
    """A finished run of a study, in this process unless told otherwise."""
    execute(study, folder, engine, reference=reference)
    return open_run(folder)
