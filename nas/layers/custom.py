"""Layers of other packages: a definition gives a kind its settings, shape, cost and module; a node names both.

A description of a network only names the kind, so reading one runs no code but that of packages which are installed
and name the kind as an entry point of `nas.layers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from math import prod
from typing import TYPE_CHECKING

import msgspec

from nas.errors import ImpossibleShape, Missing, code_of_others
from nas.layers.base import Node, Shape, Trace, label, shape_text

if TYPE_CHECKING:
    from torch import nn

Setting = bool | int | float | str
GROUP = "nas.layers"
"""Entry points: name of a kind -> its definition."""
NAME = re.compile(r"[A-Za-z]\w{0,63}", re.ASCII)


class LayerDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of layer, called as its class is; base class of those of other packages, whose fields are its settings.

    A setting is a bool, a number or a text.
    """

    def shape(self, inputs: Shape) -> Shape:
        """Output shape for an input's; raises ImpossibleShape where the layer can't take it. By default the same."""
        return inputs

    def parameters(self, inputs: Shape) -> int:
        """Trainable numbers; by default none. A module that has others is refused."""
        return 0

    def multiply_adds(self, inputs: Shape) -> int:
        """Multiply-adds in convolutions and linear layers for one input, biases excluded; by default none."""
        return 0

    def activations(self, inputs: Shape) -> int:
        """Outputs of its convolutions and linear layers for one input, in elements; by default none."""
        return 0

    def elements(self, inputs: Shape) -> int:
        """Numbers that training keeps of one input: outputs of all steps; by default those of the layer."""
        return prod(self.shape(inputs))

    def module(self, inputs: Shape) -> nn.Module:
        """The torch module for a batch of inputs of this shape.

        Convolutions, linear layers and norms of torch's in it get their first weights as the recipe says. If it has
        other tensors, all in its `state_dict`, its method `initialize(generator)` sets them.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method `module`")

    def describe(self) -> str:
        """The settings in a few words, for tables."""
        return ", ".join(f"{name} {getattr(self, name)}" for name in self.__struct_fields__)

    def node(self) -> Custom:
        """This layer as a node of a network."""
        return Custom(kind=type(self).__name__, settings=_settings(self))


class Custom(Node, frozen=True, kw_only=True):
    """A layer of another package, by its kind: see `LayerDefinition`, whose `node()` makes it."""

    kind: str
    """Name of the kind: of a class that this program has imported, or of an entry point of `nas.layers`."""
    settings: dict[str, Setting] = msgspec.field(default_factory=dict)
    """Settings that aren't as by default."""

    def __post_init__(self) -> None:
        kind = _kind(self.kind)
        try:
            definition = msgspec.convert(self.settings, kind)
        except msgspec.ValidationError as error:
            raise ValueError(f"settings of the layer {self.kind}: {error}") from None
        msgspec.structs.force_setattr(self, "settings", _settings(definition))
        self.__dict__["definition"] = definition

    def __hash__(self) -> int:
        return hash((self.kind, tuple(self.settings.items())))

    @property
    def definition(self) -> LayerDefinition:
        """The kind with these settings."""
        own: LayerDefinition = self.__dict__["definition"]
        return own

    @property
    def title(self) -> str:
        """The kind."""
        return self.kind

    def trace(self, inputs: Shape) -> Trace:
        """What the definition says."""
        own = self.definition
        with code_of_others(f"{self.kind} can't tell its cost for {shape_text(inputs)}"):
            shape = own.shape(inputs)
            counts = own.parameters(inputs), own.multiply_adds(inputs), own.activations(inputs), own.elements(inputs)
            if len(shape) not in (1, 3) or min(shape) < 1:
                raise ImpossibleShape(f"{label(self)} has no output for {shape_text(inputs)}, got {shape}")
        return (shape, *counts)

    def describe(self) -> str:
        """What the definition says."""
        return self.definition.describe()


def require_installed(kind: str) -> None:
    """Refuse a kind that other processes, which haven't imported what this one has, wouldn't find."""
    if kind not in _installed():
        way = f'{kind} = "their_package.file:{kind}" below [project.entry-points."{GROUP}"] of its pyproject.toml'
        raise Missing(f"no installed package names the layer {kind}, so workers can't find it", hint=way)


def _settings(definition: LayerDefinition) -> dict[str, Setting]:
    """Those that aren't as by default, in the order of the fields, so that equal layers have one JSON."""
    fields = msgspec.structs.fields(definition)
    values = {field.name: getattr(definition, field.name) for field in fields}
    return {field.name: values[field.name] for field in fields if values[field.name] != field.default}


def _kind(name: str) -> type[LayerDefinition]:
    """The definition of a kind: the latest that was defined in this process, else of an installed package."""
    imported = [kind for kind in _below(LayerDefinition) if kind.__name__ == name]
    return imported[-1] if imported else _loaded(name)


def _below(kind: type[LayerDefinition]) -> Iterator[type[LayerDefinition]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from _below(inner)


@cache
def _loaded(name: str) -> type[LayerDefinition]:
    if not NAME.fullmatch(name):
        raise ValueError(f"the kind of a layer is a name, got {name!r:.80}")
    entry = _installed().get(name)
    if entry is None:
        way = f"install the package that has it: it names {name} as an entry point of {GROUP}"
        raise Missing(f"no installed package has the layer {name}", hint=way)
    with code_of_others(f"the layer {name} of {entry.value} can't be imported"):
        kind = entry.load()
        if not (isinstance(kind, type) and issubclass(kind, LayerDefinition) and kind.__name__ == name):
            raise TypeError(f"an entry point of {GROUP} leads to a LayerDefinition of its own name, got {kind!r}")
    return kind


@cache
def _installed() -> dict[str, EntryPoint]:
    """What other distributions add, by name."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}
