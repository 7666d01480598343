"""A space of networks as a value: named dimensions, a decoder from points to architectures, requirements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count, product
from math import prod
from typing import Protocol, runtime_checkable

import msgspec

from nas.errors import Refused
from nas.errors.arguments import checked_fields, checked_method
from nas.layers import Layer, Shape, display
from nas.space.dimensions import Dimension, Point, Real, Value, in_words, single
from nas.space.requirements import Chain, Fact, Ratio, Requirement, sentence


@runtime_checkable
class Architecture(Protocol):
    """What a point decodes to: it can draw itself as a layer tree and state its attributes."""

    def network(self, inputs: Shape, classes: int) -> Layer:
        """The layer tree for this input shape and number of outputs; raises ImpossibleShape where it can't."""
        ...

    def facts(self) -> Mapping[str, Value]:
        """Columns of the table that are worth having beside the dimensions."""
        ...


@checked_fields
@dataclass(frozen=True, kw_only=True)
class Space:
    """A parametric family of networks."""

    name: str
    """Unique in a study; no slash."""
    dimensions: Mapping[str, Dimension]
    """Name -> dimension; a numbered group is called `width_1`, `width_2`, ..."""
    decode: Callable[[Point], Architecture]
    """From a point with all dimensions written out to the architecture."""
    requirements: tuple[Requirement, ...] = ()
    """Rules that every point obeys."""
    source: str = ""
    """Where the space comes from."""
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Dimension -> the dimensions that it stands for."""

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise Refused(f"a space needs a name without a slash, got {self.name!r}")
        if not self.dimensions:
            raise Refused(f"{self.name}: a space has at least one dimension, got none")
        names: set[str] = set()
        for name, dimension in self.dimensions.items():
            if dimension.when is not None and dimension.when.dimension not in names:
                raise Refused(
                    f"{self.name}: {name} depends on {dimension.when.dimension!r}, which doesn't come before it"
                )
            names.add(name)
        for requirement in self.requirements:
            if isinstance(requirement, Chain):
                self._check_chain(requirement)
            elif isinstance(requirement, Ratio):
                self._check_ratio(requirement)

    def __repr__(self) -> str:
        dimensions = f"{display.plural(len(self.dimensions), 'dimension')} ({display.names(self.dimensions)})"
        rules = display.plural(len(self.requirements), "requirement") if self.requirements else ""
        return display.line(self, self.name, dimensions, rules)

    def _repr_html_(self) -> str:
        """What a notebook shows: the number of points where it is known, the dimensions, the requirements."""
        size, title = self.size(), self.name
        rows = [(n, in_words(d), d.when.sentence if d.when else "") for n, d in self.dimensions.items()]
        table = display.first_rows(("dimension", "values", "only where"), rows)
        title += f": {size:,} points" if size is not None else ""
        return display.notebook(title, (), [self.source] * bool(self.source), table, map(sentence, self.requirements))

    @checked_method
    def named(self, name: str, source: str = "") -> Space:
        """The same space under another name."""
        return replace(self, name=name, source=source or self.source)

    @checked_method
    def share(self, group: str) -> Space:
        """One dimension in place of the numbered ones of a group; they must be equal."""
        members = self.members(group)
        if group in self.dimensions:
            raise Refused(f"{self.name} has a dimension {group!r} already, so {', '.join(members)} can't be shared")
        dimensions = [self.dimensions[m] for m in members]
        if any(d != dimensions[0] for d in dimensions):
            raise Refused(f"{self.name}: the dimensions of {group} differ, so they can't be shared")
        rest: dict[str, Dimension] = {}
        for name, dimension in self.dimensions.items():
            if name == members[0]:
                rest[group] = dimensions[0]
            elif name not in members:
                rest[name] = dimension
        return replace(self, name=f"{self.name}, one {group}", dimensions=rest, shared={**self.shared, group: members})

    @checked_method
    def restrict(self, **dimensions: Dimension) -> Space:
        """Smaller ranges, by name of a dimension or of a numbered group; conditions stay, nothing new may come in."""
        narrowed = dict(self.dimensions)
        for name, dimension in dimensions.items():
            for member in self._named(name):
                old = self.dimensions[member]
                if not dimension.within(old):
                    raise Refused(f"{self.name}: {member} can't be {in_words(dimension)}, it has {in_words(old)}")
                if dimension.when not in (None, old.when):
                    raise Refused(f"{self.name}: the condition of {member} can't change, got {dimension.when}")
                narrowed[member] = msgspec.structs.replace(dimension, when=old.when)
        return replace(self, name=f"{self.name}, restricted", dimensions=narrowed)

    @checked_method
    def fix(self, **values: Value) -> Space:
        """The points with these values, by name of a dimension or of a numbered group; conditions stay."""
        return self.restrict(**{n: single(self.dimensions[self._named(n)[0]], value) for n, value in values.items()})

    @checked_method
    def require(self, requirement: Requirement) -> Space:
        """The points that obey one more rule."""
        return replace(
            self, name=f"{self.name}, {sentence(requirement)}", requirements=(*self.requirements, requirement)
        )

    @checked_method
    def bound(self, fact: str, *, low: float | None = None, high: float | None = None) -> Space:
        """The points whose architecture states a number within these bounds, both included."""
        return self.require(Fact(name=fact, decode=self.decode, low=low, high=high))

    def members(self, group: str) -> tuple[str, ...]:
        """The numbered dimensions of a group, in order."""
        names = tuple(self._numbered(group))
        if not names:
            known = ", ".join(self.dimensions)
            raise Refused(f"{self.name} has no dimension {group!r} or {group}_1; it has {known}")
        return names

    def _named(self, name: str) -> tuple[str, ...]:
        """The dimension of a name, or those of the numbered group."""
        return (name,) if name in self.dimensions else self.members(name)

    def expand(self, point: Point) -> Point:
        """The point with shared dimensions written out, as `decode` and requirements see it."""
        written = dict(point)
        for name, members in self.shared.items():
            if name in written:
                value = written.pop(name)
                written.update(dict.fromkeys(members, value))
        return written

    def allows(self, point: Point) -> bool:
        """Whether the point obeys all requirements."""
        written = self.expand(point)
        return all(requirement(written) for requirement in self.requirements)

    def architecture(self, point: Point) -> Architecture:
        """The network that a point stands for."""
        return self.decode(self.expand(point))

    def chains(self) -> tuple[tuple[Chain, tuple[str, ...]], ...]:
        """Chains over own, unconditional, finite dimensions that no other chain uses, with those dimensions.

        They are counted and drawn exactly; all other requirements are met by rejection.
        """
        used: set[str] = set()
        chains = []
        for chain in self.requirements:
            if isinstance(chain, Chain) and (names := tuple(self._numbered(chain.group))):
                own = [self.dimensions[name] for name in names]
                if used.isdisjoint(names) and not any(isinstance(d, Real) or d.when for d in own):
                    chains.append((chain, names))
                    used.update(names)
        return tuple(chains)

    def size(self) -> int | None:
        """Exact number of points; None with a continuous dimension or where rules and conditions can't be counted.

        That is a requirement which is no chain of its own dimensions, or a condition on a dimension of a chain.
        """
        chains = self.chains()
        if any(isinstance(d, Real) for d in self.dimensions.values()) or len(chains) < len(self.requirements):
            return None
        chained = {name for _, names in chains for name in names}
        if any(d.when is not None and d.when.dimension in chained for d in self.dimensions.values()):
            return None
        ordered = prod(chain.count([self._values(name) for name in names]) for chain, names in chains)
        return ordered * self._count([name for name in self.dimensions if name not in chained])

    def unconstrained_size(self) -> int | None:
        """Number of points before requirements; None with a continuous dimension."""
        return replace(self, requirements=()).size()

    def _count(self, names: list[str]) -> int:
        """Combinations of some dimensions, each counted only where its condition holds."""
        parents = {d.when.dimension for n in names if (d := self.dimensions[n]).when is not None}
        free = prod(len(self._values(n)) for n in names if n not in parents and self.dimensions[n].when is None)
        steering = [n for n in names if n in parents]
        conditional = [n for n in names if n not in parents and self.dimensions[n].when is not None]
        total = 0
        for point in self._assignments(steering):
            total += prod(len(self._values(n)) for n in conditional if self._active(n, point))
        return free * total

    def _assignments(self, names: list[str]) -> Iterator[dict[str, Value]]:
        """Every combination of dimensions that others depend on, inactive ones left out, each once."""
        seen = set()
        for values in product(*(self._values(n) for n in names)):
            point: dict[str, Value] = {}
            for name, value in zip(names, values, strict=True):
                if self._active(name, point):
                    point[name] = value
            if (key := tuple(point.items())) not in seen:
                seen.add(key)
                yield point

    def _active(self, name: str, point: Point) -> bool:
        when = self.dimensions[name].when
        return when is None or when.holds(point)

    def _values(self, name: str) -> range | tuple[Value, ...]:
        dimension = self.dimensions[name]
        if isinstance(dimension, Real):
            raise TypeError(f"{name} is continuous")
        return dimension.values

    def _numbered(self, group: str) -> Iterator[str]:
        for number in count(1):
            if (name := f"{group}_{number}") not in self.dimensions:
                return
            yield name

    def _check_chain(self, chain: Chain) -> None:
        """Refuse a chain over dimensions that don't exist or have no order."""
        if chain.group in self.shared:
            return
        for member in self.members(chain.group):
            dimension = self.dimensions[member]
            if not isinstance(dimension, Real) and any(isinstance(v, str) for v in dimension.values):
                raise Refused(f"{self.name}: {member} holds text, so it can't be ordered")

    def _check_ratio(self, ratio: Ratio) -> None:
        """Refuse a ratio of dimensions that don't exist: every point would obey it."""
        names = {*self.dimensions, *(member for members in self.shared.values() for member in members)}
        if missing := [name for name in ratio.names if name not in names]:
            raise Refused(f"{self.name} has no dimension {missing[0]!r}, so it can't obey that {ratio.sentence}")
