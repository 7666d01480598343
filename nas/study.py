"""A study: one question about spaces of networks, with everything that its answer depends on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Literal, get_args

import msgspec

from nas.cost import Limits
from nas.errors import Refused
from nas.recipe import Recipe
from nas.space import Choice, Dimension, Point, Space, Value

SamplerName = Literal["random", "quasirandom", "tpe", "gp", "nsga2", "cmaes"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The networks whose value of one column lies in a range or among some values; those without a value don't."""

    column: str
    """A dimension, a fact or a cost."""
    low: float | None = None
    """Smallest value, included; None for no bound."""
    high: float | None = None
    """Largest value, included; None for no bound."""
    values: tuple[Value, ...] = ()
    """Its values; empty where a range says it."""

    def __post_init__(self) -> None:
        if bool(self.values) == (self.low is not None or self.high is not None):
            raise Refused(f"a part of column {self.column!r} is given by a range or by values, one of them")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise Refused(f"low must not exceed high in column {self.column!r}, got low={self.low}, high={self.high}")


class Spaces(msgspec.Struct, frozen=True, kw_only=True, tag="spaces"):
    """Two spaces: one that obeys a rule and one that doesn't."""

    first: str
    """Name of the space that obeys."""
    reference: str
    """Name of the other one, whose errors also tell which difference matters."""

    def __post_init__(self) -> None:
        if self.first == self.reference:
            raise Refused(f"a rule compares two samples without a common network, got space {self.first!r} twice")


class Parts(msgspec.Struct, frozen=True, kw_only=True, tag="parts"):
    """Two parts of one random sample."""

    first: Part
    """The networks that obey a rule."""
    reference: Part | None = None
    """The networks they are compared with; None for all others that have a value in the column."""
    space: str = ""
    """The space that was sampled; empty for all of the table."""


class Order(msgspec.Struct, frozen=True, kw_only=True, tag="order"):
    """The order of a numeric column: a verdict speaks of larger values."""

    column: str
    """A dimension, a fact or a cost."""
    space: str = ""
    """The space that was sampled; empty for all of the table."""


Contrast = Spaces | Parts | Order


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A design rule as a statement that can be tested: a sentence, and what must differ if it is true."""

    name: str
    """Short, and its own in a study."""
    statement: str
    """The rule as a sentence."""
    contrast: Contrast
    """The samples that tell whether it holds."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is asked, of which spaces, with how many networks, trained how."""

    name: str
    """Names the default folder of its runs."""
    question: str
    """In a sentence."""
    spaces: tuple[Space, ...]
    """Trial t belongs to space t mod S, so a run is balanced at every moment."""
    samples: int
    """Networks of each space."""
    recipe: Recipe
    """How each network is trained."""
    vary: Mapping[str, Dimension] = field(default_factory=dict)
    """Fields of the recipe that are sampled together with the architecture."""
    limits: Limits = field(default_factory=Limits)
    """No network outside is ever trained."""
    sampler: SamplerName = "random"
    """`random` maps (unbiased, in it analysis trusts); `quasirandom` covers evenly; the others hunt."""
    seed: int = 0
    """With the trial number it decides architecture, initial weights and order of data."""
    repeats: int = 1
    """Trainings of each network, with different seeds."""
    max_trial_seconds: float = 3600.0
    """Wall time after which a training is given up and counts as timed out; positive."""
    rules: tuple[Rule, ...] = ()
    """What is to be tested, said before the first training; verdicts are corrected for all of them together."""

    def __post_init__(self) -> None:
        if self.name in ("", ".", "..") or "/" in self.name:
            raise Refused(f"a study's name is the name of a folder, not empty and without a slash, got {self.name!r}")
        _require_positive(samples=self.samples, repeats=self.repeats)
        if not self.spaces:
            raise Refused(f"study {self.name!r} has no space")
        names = [space.name for space in self.spaces]
        if len(set(names)) < len(names):
            raise Refused(f"study {self.name!r}: every space needs its own name, got {', '.join(names)}")
        check_sampler(self.sampler)
        if not 0 < self.max_trial_seconds < inf:
            raise Refused(f"max_trial_seconds must be a positive number of seconds, got {self.max_trial_seconds}")
        if self.seed < 0:
            raise Refused(f"seed must not be negative, got {self.seed}")
        if self.repeats > 1 and self.sampler != "random":
            raise Refused(f"repeats measure the noise of random networks; with sampler {self.sampler!r} use repeats=1")
        self._check_varied()
        self._check_rules(names)

    @property
    def total(self) -> int:
        """Trials of the whole study."""
        return self.samples * len(self.spaces) * self.repeats

    def space_of(self, trial: int) -> Space:
        """The space that a trial belongs to."""
        return self.spaces[trial % len(self.spaces)]

    def repeat_of(self, trial: int) -> int:
        """Which training of its network a trial is, counted from 0."""
        return trial // len(self.spaces) % self.repeats

    def leader_of(self, trial: int) -> int:
        """The trial that drew the network which this one trains; itself unless it is a repetition."""
        return trial - self.repeat_of(trial) * len(self.spaces)

    def joint(self, space: Space) -> Mapping[str, Dimension]:
        """Dimensions of a space and of the recipe, which are sampled together."""
        return {**space.dimensions, **self.vary}

    def varied(self, values: Mapping[str, object]) -> Recipe:
        """The recipe with the sampled values of its fields; refused where a value doesn't fit."""
        try:
            return msgspec.convert(msgspec.to_builtins(self.recipe) | dict(values), Recipe)
        except msgspec.ValidationError as error:
            raise Refused(f"the recipe of study {self.name!r} can't be so: {error}") from None

    def recipe_of(self, point: Point) -> Recipe:
        """The recipe of a trial: with the values of its point where the study varies it."""
        return self.varied({name: point[name] for name in self.vary if name in point})

    def _check_varied(self) -> None:
        for name, dimension in self.vary.items():
            if name not in Recipe.__struct_fields__ or name == "data":
                raise Refused(f"study {self.name!r} varies {name!r}, which is no field of the recipe that can vary")
            if clash := [space.name for space in self.spaces if name in space.dimensions]:
                raise Refused(f"study {self.name!r} varies {name!r}, which is a dimension of {clash[0]}, too")
            for value in dimension.options if isinstance(dimension, Choice) else (dimension.low, dimension.high):
                self.varied({name: value})

    def _check_rules(self, spaces: list[str]) -> None:
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise Refused(f"study {self.name!r}: every rule needs its own name, got {', '.join(names)}")
        for rule in self.rules:
            if unknown := sorted(spaces_of(rule) - set(spaces)):
                raise Refused(
                    f"rule {rule.name!r} of study {self.name!r} speaks of a space {unknown[0]!r}, which isn't sampled",
                    hint=f"its spaces are {', '.join(spaces)}",
                )


def spaces_of(rule: Rule) -> set[str]:
    """Names of the spaces that a rule speaks of."""
    if isinstance(rule.contrast, Spaces):
        return {rule.contrast.first, rule.contrast.reference}
    return {rule.contrast.space} - {""}


def check_sampler(name: str) -> None:
    """Refuse a sampler that doesn't exist, with the nearest that does."""
    if name not in SAMPLERS:
        near = difflib.get_close_matches(name, SAMPLERS, 1)
        guess = f"; did you mean {near[0]!r}?" if near else ""
        raise Refused(f"there is no sampler {name!r}{guess}", hint=f"samplers: {', '.join(SAMPLERS)}")


def _require_positive(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise Refused(f"{name} must be at least 1, got {count}")
