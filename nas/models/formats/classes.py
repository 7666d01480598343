"""The classes of a network as Python text: its blocks, then itself."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from nas.errors import Refused
from nas.models.formats.definitions import Definition, Shapes
from nas.models.formats.layout import Call, Code, Keyword, Loop, docstring, flat, lines, signature
from nas.models.formats.names import name_of, sentence
from nas.models.formats.own_classes import is_torchs, with_parts
from nas.models.formats.parts import Block, Leaf, Part, Row, leaves_of
from nas.training.names import attribute, unique

FUNCTIONS: Mapping[type[nn.Module], str] = {
    nn.ReLU: "torch.relu({})",
    nn.Sigmoid: "torch.sigmoid({})",
    nn.Tanh: "torch.tanh({})",
}
"""What a single activation behind a block is written as."""
LONG = 3
"""Equal parts from which on they are written as a loop."""


@dataclass(frozen=True)
class Writer:
    """Parts of a network as calls, given what stands for each of their slots."""

    shapes: Shapes

    def code(self, part: Part, symbols: Sequence[str]) -> Call:
        """The call that makes a part."""
        match part:
            case Leaf():
                return _leaf_call(part, symbols)
            case Row(name="") if self.shapes.has(part):
                return self._own(part, symbols)
            case Row():
                return self.row(part, symbols)
            case Block():
                return self._own(part, symbols)

    def row(self, row: Row, symbols: Sequence[str]) -> Call:
        """A row written out; one part is itself, none the identity."""
        if len(row.items) == 1:
            return self.code(row.items[0], symbols)
        return Call("nn.Sequential", _looped(self.codes(row, symbols))) if row.items else Call("nn.Identity")

    def codes(self, row: Row, symbols: Sequence[str]) -> list[Call]:
        """Its parts, one by one."""
        calls, start = [], 0
        for item in row.items:
            end = start + len(self.shapes.slots(item))
            calls.append(self.code(item, symbols[start:end]))
            start = end
        return calls

    def _own(self, part: Row | Block, symbols: Sequence[str]) -> Call:
        """The call of a class of the file."""
        definition = self.shapes.of(part)
        arguments: list[Code] = []
        for parameter in definition.parameters:
            symbol = symbols[parameter.slot]
            if parameter.default is None:
                arguments.append(symbol)
            elif symbol != str(parameter.default):
                arguments.append(Keyword(parameter.name, symbol))
        return Call(definition.name, tuple(arguments))

    def definition(self, definition: Definition) -> list[str]:
        """A class, as lines."""
        example, parameters = definition.example, definition.parameters
        typed = [f"{p.name}: int" + (f" = {p.default}" if p.default is not None else "") for p in parameters]
        about = sentence(example, any(p.name == "kernel" for p in parameters))
        base = "nn.Sequential" if isinstance(example, Row) else "nn.Module"
        text = [f"class {definition.name}({base}):", *docstring(about, 4), ""]
        text += signature("__init__", ["self", *typed], "None", 4)
        if isinstance(example, Row):
            call = Call("super().__init__", _looped(self.codes(example, definition.symbols)))
            return [*text, *lines(call, 8)]
        return [*text, f"{' ' * 8}super().__init__()", *self._attributes(example, definition), "", *_forward(example)]

    def _attributes(self, block: Block, definition: Definition) -> Iterator[str]:
        pieces: dict[str, tuple[Row, Sequence[str]]] = {}
        start = 0
        branches = {f"branch_{n}": row for n, row in enumerate(block.branches)}
        for name, row in {"before": block.before, **branches, "shortcut": block.shortcut, "after": block.after}.items():
            end = start + len(self.shapes.slots(row))
            pieces[name] = (row, definition.symbols[start:end])
            start = end
        if block.before.items:
            yield from lines(self.row(*pieces["before"]), 8, "self.before = ")
        if block.kind == "concatenation":
            calls = tuple(self.row(*pieces[name]) for name in branches)
            yield from lines(Call("nn.ModuleList", (Call("", calls, "[]"),)), 8, "self.branches = ")
        else:
            yield from lines(self.row(*pieces["branch_0"]), 8, "self.branch = ")
        if block.shortcut.items:
            call, indent = self.row(*pieces["shortcut"]), 8
            if definition.condition:
                yield f"{' ' * 8}self.shortcut: nn.Module = nn.Identity()"
                yield f"{' ' * 8}if {definition.condition}:"
                indent = 12
            yield from lines(call, indent, "self.shortcut = ")
        if block.after.items and not _function(block.after):
            yield from lines(self.row(*pieces["after"]), 8, "self.after = ")

    def network(self, whole: Row) -> list[str]:
        """The class `Net`."""
        text = ["class Net(nn.Module):", *docstring("The whole network.", 4), ""]
        text += [*signature("__init__", ["self"], "None", 4), f"{' ' * 8}super().__init__()"]
        attributes = _attributes_of(whole)
        for name, part in attributes.items():
            symbols = [str(slot.value) for slot in self.shapes.slots(part)]
            text += lines(self.row(part, symbols), 8, f"self.{name} = ")
        text += ["", *signature("forward", ["self", "x: Tensor"], "Tensor", 4)]
        text += docstring("Scores, from normalized inputs.", 8)
        return [*text, *(f"{' ' * 8}x = self.{name}(x)" for name in attributes), f"{' ' * 8}return x"]

    def tensors(self, whole: Row) -> Iterator[str]:
        """Names of all tensors of `Net`, in the order of the layers."""
        for name, part in _attributes_of(whole).items():
            yield from self._tensors(part, name)

    def _tensors(self, part: Part, path: str) -> Iterator[str]:
        match part:
            case Leaf():
                yield from (f"{path}.{name}" for name in part.tensors)
            case Row():
                inline = len(part.items) == 1 and not (part.name == "" and self.shapes.has(part))
                for number, item in enumerate(part.items):
                    yield from self._tensors(item, path if inline else f"{path}.{number}")
            case Block():
                numbers = [f".{n}" for n in range(len(part.branches))]
                branches = [f"branches{n}" for n in numbers] if part.kind == "concatenation" else ["branch"]
                rows = {"before": part.before, **dict(zip(branches, part.branches, strict=True))}
                for name, row in (rows | {"shortcut": part.shortcut, "after": part.after}).items():
                    yield from self._tensors(row, f"{path}.{name}")


def own_modules(whole: Row) -> list[type[nn.Module]]:
    """Classes that aren't torch's, those first that others use; they are written out with their source."""
    found = {leaf.module: None for leaf in leaves_of(whole) if not is_torchs(leaf.module)}
    ordered = {inner: None for module in sorted(found, key=lambda m: m.__name__) for inner in with_parts(module)}
    names = Counter(module.__name__ for module in ordered)
    if twice := [name for name in names if names[name] > 1 or name == "Net"]:
        raise Refused(f"no source can be written of this network: another class is called {twice[0]}, too")
    return list(ordered)


def _attributes_of(whole: Row) -> dict[str, Row]:
    """The parts of a network by the names of `Net`'s attributes; neighbours without a name are one part."""
    parts: dict[str, Row] = {}
    nameless: list[Part] = []
    for item in (*whole.items, Row(name="end")):
        if not (isinstance(item, Row) and item.name):
            nameless.append(item)
            continue
        if nameless:
            parts[unique(name_of(nameless), parts, "_")] = Row(tuple(nameless))
            nameless = []
        parts[unique(attribute(item.name), parts, "_")] = Row(item.items)
    parts.popitem()
    return parts


def _leaf_call(leaf: Leaf, symbols: Sequence[str]) -> Call:
    """The call of a layer's class; arguments that are as by default are left out."""
    left = iter(symbols)
    arguments: list[Code] = []
    for argument in leaf.arguments:
        text = next(left) if argument.free else repr(argument.value)
        if argument.keyword and text != repr(argument.default):
            arguments.append(Keyword(argument.name, text))
        elif not argument.keyword:
            arguments.append(text)
    name = leaf.module.__name__
    return Call(f"nn.{name}" if is_torchs(leaf.module) else name, tuple(arguments))


def _looped(calls: Sequence[Call]) -> tuple[Code, ...]:
    """Equal neighbours, and those whose numbers rise evenly, as loops."""
    codes: list[Code] = []
    position = 0
    while position < len(calls):
        length = _even(calls[position:])
        if length < LONG:
            codes.append(calls[position])
            position += 1
            continue
        codes.append(_loop(calls[position], calls[position + 1], length))
        position += length
    return tuple(codes)


def _even(calls: Sequence[Call]) -> int:
    """How many of the first calls a loop can write."""
    first = calls[0]
    length = 1
    for call in calls[1:]:
        expected = _loop(first, calls[1], 0)
        if flat(call) != _at(expected.call, length):
            break
        length += 1
    return length


def _loop(first: Call, second: Call, times: int) -> Loop:
    """The loop that begins with these two calls."""
    if first.name != second.name or len(first.arguments) != len(second.arguments):
        return Loop(first, times)
    arguments: list[Code] = []
    for one, two in zip(first.arguments, second.arguments, strict=True):
        rising = isinstance(one, str) and isinstance(two, str) and one.isdigit() and two.isdigit() and one != two
        arguments.append(f"{one} + {int(str(two)) - int(str(one))} * i" if rising else one)
    variable = "i" if any(isinstance(a, str) and a.endswith(" * i") for a in arguments) else "_"
    return Loop(Call(first.name, tuple(arguments)), times, variable)


def _at(call: Call, number: int) -> str:
    """The call of a loop's pass, its numbers worked out."""
    return re.sub(r"(\d+) \+ (-?\d+) \* i\b", lambda found: str(int(found[1]) + int(found[2]) * number), flat(call))


def _function(after: Row) -> str:
    """The function of a single activation; empty where there is more, or none of that name."""
    only = after.items[0] if len(after.items) == 1 else None
    return FUNCTIONS.get(only.module, "") if isinstance(only, Leaf) else ""


def _forward(block: Block) -> Iterator[str]:
    yield from signature("forward", ["self", "x: Tensor"], "Tensor", 4)
    space = " " * 8
    if block.before.items:
        yield f"{space}x = self.before(x)"
    joined = {
        "residual": f"{'self.shortcut(x)' if block.shortcut.items else 'x'} + self.branch(x)",
        "concatenation": "torch.cat([branch(x) for branch in self.branches], 1)",
        "dense": "torch.cat([x, self.branch(x)], 1)",
    }[block.kind]
    function = _function(block.after) or ("self.after({})" if block.after.items else "{}")
    yield f"{space}return {function.format(joined)}"
