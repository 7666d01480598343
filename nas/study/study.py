"""A study: one question about spaces of networks, with everything that its answer depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from math import inf
from typing import Literal, get_args

import msgspec

from nas.errors import Refused
from nas.errors.arguments import checked_fields
from nas.errors.suggestions import near
from nas.layers import display
from nas.space import Choice, Dimension, Point, Space, Value, in_words
from nas.study.halving import SuccessiveHalving, check_halving
from nas.study.limits import LATENCY, Limits
from nas.study.looks import MOST_LOOKS, Looks
from nas.study.objectives import ERROR, Objective, check_objectives
from nas.study.recipe import Recipe
from nas.study.rules import Rule, check_rules
from nas.study.strata import Strata, check_strata
from nas.study.words import changed, crossing, how_many, matching, sampling

SamplerName = Literal["random", "quasirandom", "tpe", "gp", "nsga2", "cmaes"]
SAMPLERS: tuple[SamplerName, ...] = get_args(SamplerName)
UNTIL_TIME_IS_UP = 1_000_000
"""Samples of a study that only time ends; nothing counts towards them."""
FIELDS = tuple(name for name in Recipe.__struct_fields__ if name not in ("data", "target", "validation_size"))
"""Fields of the recipe that a study may vary or cross; a data set has classes, a shape and a validation split of its
own."""


@checked_fields
@dataclass(frozen=True, kw_only=True)
class Grid:
    """Values that are crossed in place of being sampled: each combination is a question of its own."""

    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    """Field of the recipe, or dimension of every space of the study -> its values, at least one, no two equal."""

    def __post_init__(self) -> None:
        for name, values in self.values.items():
            if not values:
                raise Refused(f"a grid has at least one value for {name!r}, got {values!r}")
            if len(set(values)) < len(values):
                raise Refused(f"a grid has each value of {name!r} once, got {values}")

    def combinations(self, names: Iterable[str]) -> Iterator[dict[str, Value]]:
        """Every combination of some of the names, the last one changing fastest; the empty one without any."""
        chosen = [name for name in names if name in self.values]
        for values in product(*(self.values[name] for name in chosen)):
            yield dict(zip(chosen, values, strict=True))


@checked_fields
@dataclass(frozen=True, kw_only=True)
class Study:
    """What is asked, of which spaces, with how many networks, trained how."""

    name: str
    """Names the default folder of its runs."""
    question: str
    """In a sentence."""
    spaces: tuple[Space, ...]
    """What networks are drawn from."""
    samples: int
    """Networks of each space, or of each arm where there is a grid."""
    recipe: Recipe
    """How each network is trained."""
    vary: Mapping[str, Dimension] = field(default_factory=dict)
    """Fields of the recipe that are sampled together with the architecture."""
    grid: Grid = field(default_factory=Grid)
    """What is crossed: a space at one combination is an arm, drawn, trained and shown as a space of its own."""
    limits: Limits = field(default_factory=Limits)
    """No network outside is ever trained."""
    sampler: SamplerName = "random"
    """`random` samples without bias, as analysis needs it; `quasirandom` covers evenly; the others search."""
    seed: int = 0
    """With the trial number it decides architecture, initial weights and order of data."""
    repeats: int = 1
    """Trainings of each network, with different seeds."""
    max_trial_seconds: float = 3600.0
    """Wall time after which a training times out; positive."""
    strata: Strata | None = None
    """Strata of cost from which each arm has equally many networks, for comparisons at equal cost; None for none."""
    objectives: tuple[Objective, ...] = ERROR
    """What a search makes small: the error, alone or against multiply-adds or latency."""
    halving: SuccessiveHalving | None = None
    """Which trainings of a search end early; None for none. What is halved is no random sample."""
    rules: tuple[Rule, ...] = ()
    """What is to be tested, best said before the first training; verdicts are corrected for all of them together."""
    looks: Looks | None = None
    """When the rules are looked at, to end once all are decided, with `samples` as the cap; None to train all."""

    def __post_init__(self) -> None:
        if self.name in ("", ".", "..") or "/" in self.name:
            raise Refused(f"a study's name is the name of a folder, not empty and without a slash, got {self.name!r}")
        _require_positive(samples=self.samples, repeats=self.repeats)
        if not self.spaces:
            raise Refused(f"study {self.name!r} has no space")
        names = [space.name for space in self.spaces]
        if len(set(names)) < len(names):
            hint = 'give each another: SPACE.named("...")'
            raise Refused(f"study {self.name!r}: every space needs its own name, got {', '.join(names)}", hint=hint)
        if not 0 < self.max_trial_seconds < inf:
            raise Refused(f"max_trial_seconds must be a positive number of seconds, got {self.max_trial_seconds}")
        if self.seed < 0:
            raise Refused(f"seed must not be negative, got {self.seed}")
        if self.repeats > 1 and self.sampler != "random":
            raise Refused(f"repeats measure the noise of random networks; with sampler {self.sampler!r} use repeats=1")
        check_strata(self.strata, self.limits, self.sampler, halved=self.halving is not None)
        check_objectives(self.objectives, self.sampler, halved=self.halving is not None)
        self._check_varied()
        self._check_grid()
        check_halving(self.halving, self.sampler, self.repeats, self.extremes("epochs"), varied="epochs" in self.vary)
        check_rules(self.rules, [arm.name for arm in self.arms])
        self._check_looks()

    def __repr__(self) -> str:
        spaces = display.names(space.name for space in self.spaces)
        return display.line(self, self.name, f"{self._many} ({spaces})", self._sampling)

    def _repr_html_(self) -> str:
        """What a notebook shows: the question and the settings."""
        rows = {
            "spaces": display.names(space.name for space in self.spaces),
            "crossed": crossing(self.grid.values),
            "varied": "; ".join(f"{name} {in_words(dimension)}" for name, dimension in self.vary.items()),
            "samples": f"{self._many}, {self.repeats} training(s) each",
            "limits": self.limits.words or "none",
            "matched": matching(self.strata, self.limits),
            "sampler": self._sampling,
            "data": self.recipe.data,
            "recipe": changed(self.recipe),
        }
        rules = (f"{rule.name}: {rule.statement}" for rule in self.rules)
        return display.notebook(self.name, (), [self.question], display.settings_table(rows), rules)

    @property
    def _many(self) -> str:
        return how_many(self.samples, open_ended=self.open_ended, crossed=bool(self.grid.values))

    @property
    def _sampling(self) -> str:
        return sampling(self.sampler, self.seed, self.objectives, self.halving)

    @cached_property
    def arms(self) -> tuple[Space, ...]:
        """The spaces at each combination of the grid; the spaces themselves without one.

        Trial t belongs to arm t mod A, so a run is balanced at every moment. An arm is a space in which every crossed
        name has a single value, named after them; crossed fields of the recipe are among its dimensions. Combinations
        follow one another in the order of the first space's dimensions, then of the recipe's fields.
        """
        names = [*self.spaces[0].dimensions, *FIELDS]
        return tuple(_arm(space, values) for space in self.spaces for values in self.grid.combinations(names))

    @property
    def open_ended(self) -> bool:
        """Whether only time ends it."""
        return self.samples >= UNTIL_TIME_IS_UP

    @property
    def is_timed(self) -> bool:
        """Whether networks are timed before they are trained: latency is limited, or made small."""
        return LATENCY in self.limits.bounded or LATENCY in self.objectives

    @property
    def total(self) -> int:
        """Trials of the whole study."""
        return self.samples * len(self.arms) * self.repeats

    def space_of(self, trial: int) -> Space:
        """The arm that a trial belongs to."""
        return self.arms[trial % len(self.arms)]

    def repeat_of(self, trial: int) -> int:
        """Which training of its network a trial is, counted from 0."""
        return trial // len(self.arms) % self.repeats

    def first_of(self, trial: int) -> int:
        """The trial that drew the network which this one trains; itself unless it is a repetition."""
        return trial - self.repeat_of(trial) * len(self.arms)

    def joint(self, space: Space) -> Mapping[str, Dimension]:
        """Dimensions of an arm and of the recipe, which are sampled together."""
        return {**space.dimensions, **self.vary}

    def varied(self, values: Mapping[str, object]) -> Recipe:
        """The recipe with the sampled values of its fields; refused where a value doesn't fit."""
        try:
            return msgspec.convert(msgspec.to_builtins(self.recipe) | dict(values), Recipe)
        except msgspec.ValidationError as error:
            raise Refused(f"the recipe of study {self.name!r} is invalid: {error}") from None

    def recipe_of(self, point: Point) -> Recipe:
        """The recipe of a trial: with the values of its point where the study varies or crosses it."""
        names = [*self.vary, *(name for name in self.grid.values if name in FIELDS)]
        return self.varied({name: point[name] for name in names if name in point})

    def extremes(self, name: str) -> tuple[Value, ...]:
        """Values of a recipe's field at which the study must be possible: all that are listed, the ends of a range."""
        if name in self.grid.values:
            return self.grid.values[name]
        if name not in self.vary:
            return (getattr(self.recipe, name),)
        dimension = self.vary[name]
        return dimension.options if isinstance(dimension, Choice) else (dimension.low, dimension.high)

    def _check_looks(self) -> None:
        """Looks need something to decide, by random draws, and not too often."""
        looks = self.looks
        if looks is None:
            return
        if not self.rules:
            raise Refused(
                f"study {self.name!r} is sampled until its rules are decided and declares none",
                hint="rules=(...) says what is to be decided; without looks all samples are trained",
            )
        if self.sampler != "random":
            raise Refused(f"rules are decided by random networks, so a study with looks can't have {self.sampler!r}")
        if (count := len(looks.ends(self.samples))) > MOST_LOOKS:
            raise Refused(
                f"study {self.name!r} looks {count} times at its rules, at most {MOST_LOOKS} are possible",
                hint=f"every={-(-(self.samples - looks.first) // (MOST_LOOKS - 1))} does",
            )

    def _check_varied(self) -> None:
        for name in self.vary:
            if name not in FIELDS:
                raise Refused(f"study {self.name!r} varies {name!r}, which is no field of the recipe that can vary")
            self._check_field(name, "varies")
            for value in self.extremes(name):
                self.varied({name: value})

    def _check_grid(self) -> None:
        for name in self.grid.values:
            if name in self.vary:
                raise Refused(f"study {self.name!r} varies and crosses {name!r}; one of the two")
            if name in FIELDS:
                self._check_field(name, "crosses")
            else:
                self._check_crossed_dimension(name)
        for values in self.grid.combinations(FIELDS):
            self.varied(values)
        if 0 in self.extremes("resolution") and self.recipe.resolution:
            raise Refused(
                f"study {self.name!r}: resolution 0 stands for images as they are, so beside others it must be the "
                f"recipe's, which is {self.recipe.resolution}"
            )
        names = [arm.name for arm in self.arms]
        if twice := [name for name in names if names.count(name) > 1]:
            raise Refused(f"study {self.name!r}: every arm needs its own name, two are {twice[0]!r}")

    def _check_field(self, name: str, does: str) -> None:
        """A recipe's field that isn't the recipe's own must not be a dimension: one column would mean two things."""
        if clash := [space.name for space in self.spaces if name in space.dimensions]:
            raise Refused(f"study {self.name!r} {does} {name!r}, which is a dimension of {clash[0]}, too")

    def _check_crossed_dimension(self, name: str) -> None:
        """What isn't a field of the recipe must be a dimension of every space, and have these values."""
        common = [n for n in self.spaces[0].dimensions if all(n in space.dimensions for space in self.spaces)]
        for space in self.spaces:
            if name not in space.dimensions:
                raise Refused(
                    f"study {self.name!r} crosses {name!r}, which is no dimension of {space.name} and no field of the "
                    f"recipe that can be crossed{_guess(name, [*common, *FIELDS])}",
                    hint="run the study once with each data set, then `nas report` both" if name == "data" else "",
                )
            dimension = space.dimensions[name]
            if outside := [value for value in self.grid.values[name] if not dimension.contains(value)]:
                raise Refused(
                    f"study {self.name!r} crosses {name!r} with {outside[0]!r}, which {space.name} doesn't have",
                    hint=f"its {name} has {in_words(dimension)}",
                )


def check_sampler(name: str) -> None:
    """Refuse a sampler that doesn't exist, with the nearest that does."""
    if name not in SAMPLERS:
        raise Refused(f"there is no sampler {name!r}{_guess(name, SAMPLERS)}", hint=f"samplers: {', '.join(SAMPLERS)}")


def _arm(space: Space, values: Mapping[str, Value]) -> Space:
    """A space at one combination; itself at the empty one."""
    if not values:
        return space
    own = {name: value for name, value in values.items() if name in space.dimensions}
    fields = {name: Choice(options=(value,)) for name, value in values.items() if name not in space.dimensions}
    narrow = space.fix(**own)
    name = " ".join([space.name, *(f"{name}={_text(value)}" for name, value in values.items())])
    return replace(narrow, name=name, dimensions={**narrow.dimensions, **fields})


def _text(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _guess(name: str, names: Iterable[str]) -> str:
    """The nearest of the known names, for the end of a message."""
    close = near(name, names)
    return f"; did you mean {close[0]!r}?" if close else ""


def _require_positive(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise Refused(f"{name} must be at least 1, got {count}")
