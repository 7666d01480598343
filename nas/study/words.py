"""The settings of a study in words, with or without the code of its spaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import asdict

from nas.space import Value
from nas.study.halving import SuccessiveHalving
from nas.study.limits import Limits
from nas.study.objectives import Objective
from nas.study.recipe import Recipe
from nas.study.strata import Strata, in_words


def how_many(samples: int, *, open_ended: bool, crossed: bool) -> str:
    """How many networks are trained."""
    arm = "space at each combination" if crossed else "space"
    if open_ended:
        return f"as many networks of each {arm} as there was time for"
    return f"{samples} network{'s' * (samples != 1)} of each {arm}"


def sampling(sampler: str, seed: int, objectives: tuple[Objective, ...], halving: SuccessiveHalving | None) -> str:
    """How networks are chosen, and which trainings end early."""
    words = f"{sampler}, seed {seed}"
    if len(objectives) > 1:
        words += f", for {' and '.join(objectives)}".replace("_", "-")
    return f"{words}, {halving.words}" if halving else words


def matching(strata: Strata | None, limits: Limits) -> str:
    """How the cost of arms is matched: `10 strata of multiply_adds between 3 and 6 M`; empty if it isn't."""
    return in_words(strata.count, strata.cost, *getattr(limits, strata.cost)) if strata else ""


def crossing(grid: Mapping[str, Sequence[Value]]) -> str:
    """What is crossed; empty without a grid."""
    return "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in grid.items())


def changed(recipe: Recipe) -> str:
    """The fields of a recipe that aren't the default's, the data aside."""
    default = asdict(Recipe())
    fields = [f"{name} {value}" for name, value in asdict(recipe).items() if name != "data" and value != default[name]]
    return ", ".join([*fields, "all else as in Recipe()"])


def training(recipe: Recipe) -> str:
    """Every field of a recipe but the data."""
    return ", ".join(f"{name} {value}" for name, value in asdict(recipe).items() if name != "data")
