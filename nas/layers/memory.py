"""Which tensors are alive while a network runs on one input: the memory that inference takes.

The layers run in the order of the torch module, the shortcut of a residual before its branch. Each makes a new tensor;
a tensor lives until the last layer that reads it has run; nothing works in place. Flatten, dropout and a normalisation
of kind `none` hand on the tensor that they get.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from nas.layers.base import Shape
from nas.layers.combinators import Layer, Repetition, Sequence
from nas.layers.leaves import Dropout, Flatten, Normalisation, SqueezeExcite


class Moment(NamedTuple):
    """Where in a network a layer runs, and what is alive beside its own input and output."""

    part: tuple[str, ...] = ()
    """The named parts around it, outermost first."""
    times: int = 1
    """How often it stands here."""
    beside: int = 0
    """Elements of tensors that wait for a layer behind it."""
    kept: bool = False
    """Whether a layer behind it reads its input again."""

    def within(self, name: str) -> Moment:
        """Inside a part; a part without a name is none."""
        return self._replace(part=(*self.part, name)) if name else self

    def repeated(self, times: int) -> Moment:
        """Inside a repetition."""
        return self._replace(times=self.times * times)

    def besides(self, elements: int) -> Moment:
        """With another tensor that waits."""
        return self._replace(beside=self.beside + elements)

    def keeping(self, again: bool = True) -> Moment:
        """Where its input may be read again."""
        return self._replace(kept=self.kept or again)

    def after(self, layer: Layer, inputs: Shape) -> Moment:
        """Behind a layer: if the input of that is kept, it now waits."""
        return self if is_alias(layer) else self._replace(beside=self.beside + self.held(inputs), kept=False)

    def held(self, inputs: Shape) -> int:
        """Elements of the input, if it is kept."""
        return prod(inputs) if self.kept else 0


def is_alias(layer: Layer) -> bool:
    """Whether it hands on the tensor that it gets."""
    match layer:
        case Sequence():
            return all(map(is_alias, layer.layers))
        case Repetition():
            return is_alias(layer.layer)
        case Normalisation():
            return layer.kind == "none"
        case _:
            return isinstance(layer, Flatten | Dropout)


def made(layer: Layer, inputs: Shape) -> int:
    """Elements of the tensor that comes out; none where it is the one that went in."""
    return 0 if is_alias(layer) else prod(layer.trace(inputs)[0])


def working(layer: Layer, inputs: Shape) -> int:
    """Elements of the input of a single layer and of all that is alive with it while it runs."""
    read = prod(inputs)
    if not isinstance(layer, SqueezeExcite):
        return read + made(layer, inputs)
    channels, width = inputs[0], layer.width  # mean, narrow, ReLU, widen, sigmoid, product; the input waits
    return read + max(2 * channels, channels + width, 2 * width, channels + read)
