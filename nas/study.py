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
from nas.space import Choice, Dimension, Point, Space

SamplerName = Literal["random", "quasirandom", "tpe", "gp", "nsga2", "cmaes"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)


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
            if name not in Recipe.__struct_fields__ or name in ("data", "target"):
                raise Refused(f"study {self.name!r} varies {name!r}, which is no field of the recipe that can vary")
            if clash := [space.name for space in self.spaces if name in space.dimensions]:
                raise Refused(f"study {self.name!r} varies {name!r}, which is a dimension of {clash[0]}, too")
            for value in dimension.options if isinstance(dimension, Choice) else (dimension.low, dimension.high):
                self.varied({name: value})


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
