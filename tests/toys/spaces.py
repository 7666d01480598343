"""Spaces whose networks train in milliseconds on the embedded digits, and studies of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nas.data import DataInfo
from nas.engines.messages import Job
from nas.layers import (
    Activation,
    AdaptivePooling,
    Convolution,
    Flatten,
    Layer,
    Linear,
    Normalisation,
    Sequence,
    Shape,
    identity,
)
from nas.space import Choice, Integer, Point, Real, Space, Value
from nas.study import Grid, Recipe, Study


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """One convolution, pooled to 4x4, and a linear layer."""

    width: int
    function: str = "relu"

    def network(self, inputs: Shape, classes: int) -> Layer:
        """The layer tree."""
        return Sequence(
            layers=(
                Convolution(width=self.width, kernel=3, stride=2, padding=1, bias=False),
                Normalisation(),
                Activation(function=self.function),  # type: ignore[arg-type]
                AdaptivePooling(size=4),
                Flatten(),
                Linear(width=classes),
            )
        )

    def facts(self) -> Mapping[str, Value]:
        """One that isn't a dimension."""
        return {"pooled": self.width * 16}


@dataclass(frozen=True, kw_only=True)
class Fragile:
    """A network with a normalisation over single numbers: torch refuses to train it on batches of one image."""

    width: int

    def network(self, inputs: Shape, classes: int) -> Layer:
        """The layer tree."""
        return Sequence(layers=(Flatten(), Linear(width=self.width), Normalisation(), Linear(width=classes)))

    def facts(self) -> Mapping[str, Value]:
        """None."""
        return {}


def decode_tiny(point: Point) -> Tiny:
    """A network of the space `tiny`, or of `rich` with its activation."""
    return Tiny(width=int(point["width"]), function=str(point.get("function", "relu")))


def decode_other(point: Point) -> Tiny:
    """Other networks from the same points: code that was changed between two commands."""
    return Tiny(width=2 * int(point["width"]))


def decode_fragile(point: Point) -> Fragile:
    """A network of the space `fragile`."""
    return Fragile(width=int(point["width"]))


WIDTHS = Integer(low=2, high=64)
TINY = Space(name="tiny", dimensions={"width": WIDTHS}, decode=decode_tiny)
RICH = Space(
    name="rich",
    dimensions={"width": WIDTHS, "function": Choice(options=("relu", "tanh", "silu"))},
    decode=decode_tiny,
)
FRAGILE = Space(name="fragile", dimensions={"width": Integer(low=2, high=64)}, decode=decode_fragile)
QUICK = Recipe(precision="float32", data="digits", train_size=200, epochs=2, batch_size=50, learning_rate=0.05)
LASTING = Recipe(data="digits", train_size=200, epochs=20, batch_size=50, learning_rate=0.05)

STUDY = Study(name="toy", question="Do tiny networks learn digits?", spaces=(TINY, RICH), samples=4, recipe=QUICK)
HUNT = replace(STUDY, name="hunt", spaces=(RICH,), samples=20, sampler="tpe")
SLOW = replace(STUDY, name="slow", recipe=LASTING)
"""Each training takes most of a second, long enough to be interrupted."""
REPEATED = replace(STUDY, name="repeated", samples=3, repeats=2)
VARIED = replace(STUDY, name="varied", vary={"learning_rate": Real(low=1e-3, high=1.0, log=True)})
CROSSED = replace(
    STUDY,
    name="crossed",
    spaces=(RICH,),
    samples=2,
    grid=Grid(values={"learning_rate": (0.01, 0.1), "function": ("relu", "tanh")}),
)


def toy_job(info: DataInfo) -> Job:
    """A training of some ten milliseconds that ends well."""
    layer = Tiny(width=8).network(info.shape, len(info.classes))
    return Job(
        trial=0, attempt=1, layer=layer, architecture=identity(layer), recipe=QUICK, seed=11, info=info, device="cpu"
    )
