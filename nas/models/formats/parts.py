"""A layer tree as what a person would write of it: rows of torch's layers, and blocks where paths part and meet."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from nas import layers
from nas.errors import Refused, code_of_others
from nas.layers import Layer, Shape
from nas.training.modules import PartialNorm, SqueezeExcite, build

Kind = Literal["residual", "concatenation", "dense"]
OWN: Mapping[type[nn.Module], Callable[[Any], Mapping[str, object]]] = {
    PartialNorm: lambda m: {"width": m.running_mean.numel(), "affine": m.weight is not None},
    SqueezeExcite: lambda m: {"channels": m.narrow.in_channels, "width": m.narrow.out_channels},
}
"""Arguments that aren't attributes of the same name, by module of ours."""
IN = ("in_channels", "in_features", "num_features", "num_channels", "channels")
OUT = ("out_channels", "out_features", "width")
"""Arguments that are channels or features of what comes in, or of what goes out."""
UNWRITTEN = ("device", "dtype", "inplace")
"""Arguments that say nothing about a trained network."""


class Argument(NamedTuple):
    """One argument of a layer."""

    name: str
    value: object
    keyword: bool
    """Whether it is written with its name."""
    default: object
    """What needn't be written."""
    free: bool
    """Whether layers of one shape may differ in it."""


class Slot(NamedTuple):
    """A number in which layers of one shape may differ."""

    value: int | None
    """None in a shortcut that this block lacks and others have."""
    role: str
    """Name of the argument."""
    hint: str = ""
    """How people call it where it stands."""


@dataclass(frozen=True)
class Leaf:
    """A call of a layer's class."""

    module: type[nn.Module]
    arguments: tuple[Argument, ...] = ()
    tensors: tuple[str, ...] = ()
    """Names of its weights and statistics."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Its free numbers."""
        return tuple(Slot(int(str(a.value)), a.name) for a in self.arguments if a.free)


@dataclass(frozen=True)
class Row:
    """Parts one after another; without parts it is the identity."""

    items: tuple[Part, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Block:
    """Where paths part and meet again, with the layers before and behind."""

    kind: Kind
    branches: tuple[Row, ...]
    shortcut: Row = Row()
    """Of residual blocks."""
    before: Row = Row()
    after: Row = Row()


Part = Leaf | Row | Block


def parts_of(layer: Layer, inputs: Shape) -> Row:
    """The whole network; rows that are written once are part of the row around them."""
    children = layer.layers if isinstance(layer, layers.Sequence) else (layer,)
    whole = Row(_items(children, inputs))
    counts = Counter(_keys_of_rows(whole))
    repeated = {key for key, times in counts.items() if times >= (2 if len(key) > 3 else 3)}
    return _spliced(whole, repeated)


def _items(children: tuple[Layer, ...], inputs: Shape) -> tuple[Part, ...]:
    items: list[Part] = []
    for child in children:
        items += _written(child, inputs)
        inputs = child.trace(inputs)[0]
    return tuple(items)


def _written(layer: Layer, inputs: Shape) -> Iterator[Part]:
    """The parts that a layer is written as."""
    match layer:
        case layers.Sequence(name=""):
            yield _block_or_row(layer.layers, inputs)
        case layers.Sequence():
            yield Row(_items(layer.layers, inputs), layer.name)
        case layers.Repetition():
            for _ in range(layer.times):
                yield from _written(layer.layer, inputs)
                inputs = layer.layer.trace(inputs)[0]
        case layers.Residual() | layers.Concatenation() | layers.DenseConcatenation():
            yield _block(layer, inputs)
        case layers.Normalisation(kind="none") | layers.Dropout(rate=0):
            return
        case _:
            yield _leaf(layer, inputs)


def _block_or_row(children: tuple[Layer, ...], inputs: Shape) -> Part:
    """A row of leaves around one block is part of that block."""
    items = _items(children, inputs)
    blocks = [position for position, item in enumerate(items) if isinstance(item, Block)]
    if len(blocks) != 1 or any(isinstance(item, Row) for item in items):
        return Row(items)
    block = items[blocks[0]]
    if not isinstance(block, Block) or block.before.items or block.after.items:
        return Row(items)
    return replace(block, before=Row(items[: blocks[0]]), after=Row(items[blocks[0] + 1 :]))


def _block(layer: Layer, inputs: Shape) -> Block:
    def row(branch: Layer) -> Row:
        items = _items((branch,), inputs)
        return items[0] if len(items) == 1 and isinstance(items[0], Row) else Row(items)

    match layer:
        case layers.Residual():
            return Block("residual", (row(layer.branch),), row(layer.shortcut))
        case layers.Concatenation():
            return Block("concatenation", tuple(map(row, layer.branches)))
        case layers.DenseConcatenation():
            return Block("dense", (row(layer.branch),))
        case _:
            raise TypeError(f"no block: {type(layer).__name__}")


@lru_cache(maxsize=2**12)
def _leaf(layer: Layer, inputs: Shape) -> Leaf:
    """Its torch module's class, and the arguments that make this one."""
    module = build(layer, inputs)
    own = OWN.get(type(module), lambda _: {})(module)
    free = type(module).__module__ != "torch.nn.modules.pooling"
    arguments = []
    for parameter in inspect.signature(type(module)).parameters.values():
        if parameter.name in UNWRITTEN or parameter.kind is parameter.VAR_KEYWORD or parameter.name == "args":
            continue
        value = own.get(parameter.name, getattr(module, parameter.name, None))
        if isinstance(value, tuple):
            value = value[0] if len(set(value)) == 1 else value
        if isinstance(parameter.default, bool):
            value = value is not None and value is not False
        default = module.kernel_size if not free and parameter.name == "stride" else parameter.default
        keyword = parameter.default is not parameter.empty or parameter.kind is parameter.KEYWORD_ONLY
        keyword &= not isinstance(module, nn.Dropout)
        slot = free and isinstance(value, int) and not isinstance(value, bool)
        arguments.append(Argument(parameter.name, value, keyword, default, slot))
    if isinstance(layer, layers.Custom):
        _require_remade(layer, module, arguments)
    return Leaf(type(module), tuple(arguments), tuple(module.state_dict()))


def _require_remade(layer: layers.Custom, module: nn.Module, arguments: Sequence[Argument]) -> None:
    """Refuse a module of another package of which the call that would be written makes another one."""
    what = type(module).__name__
    call = f"{what}({', '.join(f'{a.name}={a.value!r:.40}' for a in arguments)})"
    with code_of_others(f"no source can be written of the layer {layer.kind}: {call} fails"), torch.device("meta"):
        again = type(module)(**{argument.name: argument.value for argument in arguments})
    if _likeness(again) != _likeness(module):
        way = f"{what} keeps each argument of its __init__ as an attribute of the same name"
        raise Refused(f"no source can be written of the layer {layer.kind}: {call} makes another module", hint=way)


def _likeness(module: nn.Module) -> tuple[object, ...]:
    """What modules of the same arguments have in common: their parts, shapes of tensors, and plain attributes."""
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    return (
        repr(module),
        shapes,
        {name: v for name, v in vars(module).items() if isinstance(v, bool | int | float | str)},
    )


def leaves_of(part: Part) -> Iterator[Leaf]:
    """All calls of a part, in the order of the layers."""
    match part:
        case Leaf():
            yield part
        case Row():
            for item in part.items:
                yield from leaves_of(item)
        case Block():
            for row in (part.before, *part.branches, part.shortcut, part.after):
                yield from leaves_of(row)


def key_of(part: Part) -> tuple[Hashable, ...]:
    """What parts of one shape have in common: everything but their slots, and the shortcuts of blocks."""
    match part:
        case Leaf():
            return (part.module, *((a.name, a.value) for a in part.arguments if not a.free))
        case Row():
            return ("row", *map(key_of, part.items))
        case Block():
            return (part.kind, key_of(part.before), *map(key_of, part.branches), key_of(part.after))


def _keys_of_rows(part: Part) -> Iterator[tuple[Hashable, ...]]:
    """Of all rows without a name that stand in a row; a branch by itself is no reason to name it."""
    match part:
        case Row():
            for item in part.items:
                if isinstance(item, Row) and not item.name and len(item.items) > 1:
                    yield key_of(item)
                yield from _keys_of_rows(item)
        case Block():
            for row in (part.before, *part.branches, part.shortcut, part.after):
                yield from _keys_of_rows(row)


def _spliced(row: Row, repeated: set[tuple[Hashable, ...]]) -> Row:
    """Rows without a name that aren't repeated, as parts of the row around them."""
    items: list[Part] = []
    for item in row.items:
        match item:
            case Row(name="") if key_of(item) not in repeated:
                items += _spliced(item, repeated).items
            case Row():
                items.append(_spliced(item, repeated))
            case Block():
                branches = tuple(_branch(branch, repeated) for branch in item.branches)
                shortcut, before = _branch(item.shortcut, repeated), _spliced(item.before, repeated)
                items.append(replace(item, branches=branches, shortcut=shortcut, before=before))
            case Leaf():
                items.append(item)
    return Row(tuple(items), row.name)


def _branch(row: Row, repeated: set[tuple[Hashable, ...]]) -> Row:
    """A branch; one that is a repeated row as a whole has that as its only part."""
    spliced = _spliced(row, repeated)
    return Row((spliced,)) if key_of(row) in repeated else spliced
