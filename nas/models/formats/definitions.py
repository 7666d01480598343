"""Blocks of one shape as one class: the numbers in which they differ are its parameters, others stand in its body."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nas.models.formats.names import class_name, kernel_of, label
from nas.models.formats.parameters import Column, Parameter, unified
from nas.models.formats.parts import OUT, Block, Leaf, Part, Row, Slot, key_of, leaves_of
from nas.training.names import unique

Key = tuple[Hashable, ...]
CONDITIONS: tuple[tuple[str, Callable[[Mapping[str, int]], bool]], ...] = (
    ("stride != 1 or inputs != {out}", lambda n: n["stride"] != 1 or n["inputs"] != n["out"]),
    ("inputs != {out}", lambda n: n["inputs"] != n["out"]),
    ("stride != 1", lambda n: n["stride"] != 1),
)
"""When a block has a shortcut of its own, as people write it; the first that holds of all blocks."""


@dataclass(frozen=True)
class Definition:
    """A class, made from all its blocks."""

    name: str
    example: Row | Block
    """One of the blocks, with a shortcut if any has."""
    parameters: tuple[Parameter, ...]
    symbols: tuple[str, ...]
    """What is written for each slot."""
    condition: str = ""
    """When there is the shortcut; empty: always."""


class Unwritable(Exception):
    """Blocks that can't be one class."""


class Shapes:
    """The shapes of a network's blocks, and the class of each."""

    def __init__(self, network: Row) -> None:
        self._apart: set[Key] = set()
        """Shapes whose blocks are written apart, by their shortcuts."""
        self._taken = {leaf.module.__name__ for leaf in leaves_of(network)}
        """Names of classes that blocks can't have."""
        self._shortcuts: dict[Key, Row] = {}
        self.definitions: dict[Key, Definition] = {}
        """In the order in which they are to be written: the inner ones first."""
        while True:
            try:
                self._define(list(_blocks(network)))
                return
            except Unwritable as unwritable:
                self._apart.add(unwritable.args[0])

    def of(self, part: Row | Block) -> Definition:
        """The class of a block, or of a repeated row."""
        return self.definitions[self._key(part)]

    def has(self, part: Row | Block) -> bool:
        """Whether it is written as a class."""
        return self._key(part) in self.definitions

    def slots(self, part: Part, hint: str = "") -> tuple[Slot, ...]:
        """All free numbers, in the order of the layers; a hint names what goes out of a layer."""
        match part:
            case Leaf():
                slots = part.slots
            case Row():
                slots = _joined(map(self.slots, part.items))
            case Block():
                rows = [self.slots(part.before), *self._branches(part), self._shortcut(part), self.slots(part.after)]
                slots = _joined(rows)
        return tuple(s._replace(hint=hint) if s.role in OUT else s for s in slots) if hint else slots

    def _branches(self, block: Block) -> Iterator[tuple[Slot, ...]]:
        """Of each branch; beside others it has the widths of its label, the last of which leaves it."""
        for row in block.branches:
            last = max((i for i, item in enumerate(row.items) if kernel_of(item)), default=0)
            hints = [f"{'width' if i == last else 'reduced'}_{label(row)}" for i in range(len(row.items))]
            if len(block.branches) == 1:
                hints = [""] * len(row.items)
            yield _joined(map(self.slots, row.items, hints))

    def _shortcut(self, block: Block) -> tuple[Slot, ...]:
        """Of a shortcut; an absent one has those of others, without numbers."""
        key = key_of(block)
        if block.shortcut.items or key in self._apart:
            return self.slots(block.shortcut)
        return tuple(slot._replace(value=None) for slot in self.slots(self._shortcuts.get(key, Row())))

    def _key(self, part: Row | Block) -> Key:
        key = key_of(part)
        return (*key, key_of(part.shortcut)) if isinstance(part, Block) and key in self._apart else key

    def _define(self, blocks: Sequence[Row | Block]) -> None:
        self._shortcuts.clear()
        for block in blocks:
            if not isinstance(block, Block) or not block.shortcut.items or (key := key_of(block)) in self._apart:
                continue
            if key_of(self._shortcuts.setdefault(key, block.shortcut)) != key_of(block.shortcut):
                raise Unwritable(key)
        groups: dict[Key, list[Row | Block]] = {}
        for block in blocks:
            groups.setdefault(self._key(block), []).append(block)
        self.definitions.clear()
        for key, group in groups.items():
            taken = {"Net", *self._taken, *(definition.name for definition in self.definitions.values())}
            self.definitions[key] = self._definition(group, taken)

    def _definition(self, group: Sequence[Row | Block], taken: set[str]) -> Definition:
        rows = dict.fromkeys(self.slots(block) for block in group)
        example = max(group, key=lambda block: isinstance(block, Block) and bool(block.shortcut.items))
        slots = self.slots(example)
        columns = [tuple(row[i].value for row in rows) for i in range(len(slots))]
        parameters, symbols = unified(slots, columns)
        condition = ""
        if isinstance(example, Block) and any(not b.shortcut.items for b in group if isinstance(b, Block)):
            ends = len(self.slots(example.after)) + len(self.slots(example.shortcut))
            condition = self._condition(example, parameters, symbols, columns, ends) if example.shortcut.items else ""
        apart = isinstance(example, Block) and bool(example.shortcut.items) and key_of(example) in self._apart
        name = f"{'Projected' if apart else ''}{class_name(example)}"
        return Definition(unique(name, taken), example, parameters, symbols, condition)

    def _condition(
        self,
        example: Block,
        parameters: Sequence[Parameter],
        symbols: Sequence[str],
        columns: Sequence[Column],
        ends: int,
    ) -> str:
        """When a block has the shortcut; Unwritable where that can't be said by its parameters."""
        shortcut = columns[len(columns) - ends :]
        present = [any(column[i] is not None for column in shortcut) for i in range(len(columns[0]))]
        slots = self.slots(example)
        outs = [i for i, slot in enumerate(slots[: len(slots) - ends]) if slot.role in OUT]
        known = {p.name: columns[p.slot] for p in parameters}
        if any(column[i] is None for column in known.values() for i in range(len(present))) or not outs:
            raise Unwritable(key_of(example))
        known["out"] = columns[outs[-1]]
        for text, holds in CONDITIONS:
            if all(name in known for name in ("stride", "inputs") if name in text):
                blocks = [{name: column[i] or 0 for name, column in known.items()} for i in range(len(present))]
                if [holds(block) for block in blocks] == present:
                    return text.format(out=symbols[outs[-1]])
        raise Unwritable(key_of(example))


def _joined(parts: Iterable[tuple[Slot, ...]]) -> tuple[Slot, ...]:
    return tuple(slot for slots in parts for slot in slots)


def _blocks(part: Part) -> Iterator[Row | Block]:
    """All blocks and repeated rows, the inner ones first."""
    match part:
        case Row():
            for item in part.items:
                yield from _blocks(item)
                if isinstance(item, Row) and not item.name:
                    yield item
        case Block():
            for row in (part.before, *part.branches, part.shortcut, part.after):
                yield from _blocks(row)
            yield part
