"""A study as data: everything that decides its trials, functions by name, as a run keeps it and compares it.

A field that is added later has as its default what held before there was one, so that older runs are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any, Never

import msgspec

from nas.errors import Refused
from nas.layers import Layer, identity
from nas.space import Chain, Dimension, Fact, Point, Space, Value, sentence
from nas.study.catalog import OF_FILES
from nas.study.halving import SuccessiveHalving
from nas.study.limits import Limits
from nas.study.looks import Looks, Schedule
from nas.study.objectives import ERROR, Objective
from nas.study.recipe import Recipe
from nas.study.rules import Rule
from nas.study.strata import Strata
from nas.study.study import UNTIL_TIME_IS_UP, Grid, Study

MAY_DIFFER = ("samples", "rules", "question")
"""Fields that a later command may change: they change no trial."""
KEPT = ("name", "question", "samples", "recipe", "vary", "limits", "seed", "repeats", "max_trial_seconds", "strata")
"""Fields that a study without code has from the stored one."""
CHAIN = re.compile(r"Chain\(group='(\w+)', relation='([\w ]+)'\)")
"""How a chain is stored among the tests of a space's requirements."""


class StoredRequirement(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement of a space."""

    sentence: str
    """What it demands."""
    test: str
    """Its function, by name."""


class StoredSpace(msgspec.Struct, frozen=True, kw_only=True):
    """A space without its code."""

    name: str
    """Its name in the study."""
    dimensions: dict[str, Dimension]
    """As in `Space`."""
    shared: dict[str, tuple[str, ...]]
    """As in `Space`."""
    decode: str
    """The function that makes its networks, by name."""
    requirements: tuple[StoredRequirement, ...]
    """What its points fulfil."""
    source: str
    """Where it comes from."""


class StoredStudy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A study without its code; fields are those of `Study`."""

    name: str
    question: str
    spaces: tuple[StoredSpace, ...]
    samples: int
    recipe: Recipe
    vary: dict[str, Dimension]
    grid: dict[str, tuple[Value, ...]] = {}
    limits: Limits
    sampler: str
    """One of `SAMPLERS`, or what stands in its place in an audit or a final."""
    strata: Strata | None = None
    seed: int
    repeats: int
    max_trial_seconds: float = 3600.0
    objectives: tuple[Objective, ...] = ERROR
    halving: SuccessiveHalving | None = None
    rules: tuple[Rule, ...] = ()
    looks: Looks | None = None

    @property
    def open_ended(self) -> bool:
        """Whether only time ends it."""
        return self.samples >= UNTIL_TIME_IS_UP

    @property
    def each(self) -> int:
        """Trials that one network of each space amounts to: arms times repeats."""
        return len(self.spaces) * prod(map(len, self.grid.values())) * self.repeats

    @property
    def schedule(self) -> Schedule | None:
        """The looks that are planned; None without any."""
        return Schedule(ends=self.looks.ends(self.samples), each=self.each) if self.looks else None

    @property
    def sampled(self) -> tuple[str, ...]:
        """Names of all that was sampled or crossed, each once: columns of the table."""
        own = [name for space in self.spaces for name in space.dimensions]
        return tuple(dict.fromkeys([*own, *self.vary, *self.grid]))

    def dimensions_of(self, space: str = "") -> dict[str, Dimension]:
        """Dimensions of one space, of which an arm is one, too, or those that all spaces have alike; refused for none.

        What is sampled with the networks isn't among them.
        """
        named = [entry for entry in self.spaces if not space or f"{space} ".startswith(f"{entry.name} ")]
        if not named:
            raise Refused(
                f"the study has no space {space!r}", hint=f"it has {', '.join(entry.name for entry in self.spaces)}"
            )
        if space:
            named = [max(named, key=lambda entry: len(entry.name))]
        first, *others = (entry.dimensions for entry in named)
        return {name: own for name, own in first.items() if all(other.get(name) == own for other in others)}

    def settings_for(self, study: Study) -> Study:
        """The study with the recipe, limits, sampler and so on that were really requested."""
        return replace(
            study,
            recipe=self.recipe,
            limits=self.limits,
            objectives=self.objectives,
            halving=self.halving,
            samples=self.samples,
            seed=self.seed,
            sampler=self.sampler,  # type: ignore[arg-type]  # `Study` refuses the mark of an audit
            max_trial_seconds=self.max_trial_seconds,
        )


def stored(study: Study) -> StoredStudy:
    """A study without its code; refused where a value is of another kind than its field, so that it is read again."""
    plain = StoredStudy(
        name=study.name,
        question=study.question,
        spaces=tuple(map(_space, study.spaces)),
        samples=study.samples,
        recipe=study.recipe,
        vary=dict(study.vary),
        grid=dict(study.grid.values),
        limits=study.limits,
        sampler=study.sampler,
        strata=study.strata,
        seed=study.seed,
        repeats=study.repeats,
        max_trial_seconds=study.max_trial_seconds,
        objectives=study.objectives,
        halving=study.halving,
        rules=study.rules,
        looks=study.looks,
    )
    try:
        return msgspec.convert(msgspec.to_builtins(plain), StoredStudy)
    except msgspec.ValidationError as error:
        raise Refused(f"study {study.name!r} is invalid: {error}") from None


def without_code(study: StoredStudy) -> Study:
    """A stored study whose spaces draw the points they did, before requirements that are code, and make no network."""
    fields = {name: getattr(study, name) for name in KEPT}
    return Study(**fields, spaces=tuple(map(_drawn, study.spaces)), grid=Grid(values=study.grid), rules=(), looks=None)


def changes(old: StoredStudy, new: StoredStudy) -> list[str]:
    """What sets two studies apart, one line each."""
    if old.name != new.name:
        return [f"study: {old.name!r} is stored, this is {new.name!r}"]
    before, after = (msgspec.json.decode(msgspec.json.encode(study)) for study in (old, new))
    names = sorted(before.keys() - set(MAY_DIFFER))
    return [line for name in names for line in _compare(name, before[name], after[name])]


def qualified(function: Callable[..., Any]) -> str:
    """The full name of a function, with the arguments that are bound to it."""
    if isinstance(function, Fact):
        return f"{function.sentence}, of {qualified(function.decode)}"  # its own repr would hold places in memory
    if isinstance(function, partial):
        bound = [*map(_named, function.args), *(f"{k}={_named(v)}" for k, v in function.keywords.items())]
        return f"{qualified(function.func)}({', '.join(bound)})"
    if hasattr(function, "__qualname__"):
        return f"{function.__module__.removeprefix(OF_FILES)}:{function.__qualname__}"
    return repr(function)


def _named(value: Any) -> str:
    """A bound argument; functions by name, because their place in memory changes."""
    if isinstance(value, Layer):
        return identity(value)  # its repr is but a line
    return qualified(value) if callable(value) else repr(value)


def _space(space: Space) -> StoredSpace:
    return StoredSpace(
        name=space.name,
        dimensions=dict(space.dimensions),
        shared={name: tuple(members) for name, members in space.shared.items()},
        decode=qualified(space.decode),
        requirements=tuple(StoredRequirement(sentence=sentence(r), test=qualified(r)) for r in space.requirements),
        source=space.source,
    )


def _drawn(space: StoredSpace) -> Space:
    """A stored space as far as it is data: its dimensions and their chains."""
    chains = [found.groups() for requirement in space.requirements if (found := CHAIN.fullmatch(requirement.test))]
    return Space(
        name=space.name,
        dimensions=space.dimensions,
        decode=_unknown,
        requirements=tuple(msgspec.convert({"group": g, "relation": r}, Chain) for g, r in chains),
        source=space.source,
        shared=space.shared,
    )


def _unknown(point: Point) -> Never:
    """Stands for the decoder of a space whose code isn't loaded."""
    raise Refused("the code of a stored space isn't loaded, so its points make no network")


def _compare(name: str, old: Any, new: Any) -> list[str]:
    """Lines for the innermost entries that differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [line for key in sorted({*old, *new}) for line in _compare(f"{name}.{key}", old.get(key), new.get(key))]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for i, (a, b) in pairs for line in _compare(f"{name}[{i}]", a, b)]
    if isinstance(old, str) and isinstance(new, str) and old.replace(OF_FILES, "") == new.replace(OF_FILES, ""):
        return []  # an older run stored whether a module was imported or read from its file
    return [] if old == new else [f"{name}: {_short(old)} is stored, this is {_short(new)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
