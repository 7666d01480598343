"""A search without a study file: spaces of ours by name, hard limits, and as many networks as there is time for."""

from __future__ import annotations

from collections.abc import Sequence

from nas.errors import Refused
from nas.space import Space
from nas.study.catalog import space_or_network
from nas.study.limits import Limits
from nas.study.objectives import ERROR, Objective
from nas.study.recipe import Recipe
from nas.study.stored import StoredStudy
from nas.study.study import SamplerName, Study

REFERENCE = "nas search"
"""What a run states in place of the name of its study."""
MOST = 10_000
"""Networks of each space after which a search ends whatever time is left."""


def search(
    spaces: Sequence[str],
    recipe: Recipe,
    *,
    limits: Limits | None = None,
    sampler: SamplerName = "tpe",
    objectives: tuple[Objective, ...] = ERROR,
    samples: int = MOST,
    seed: int = 0,
    name: str = "",
) -> Study:
    """The study of a search; refused for a space that isn't there."""
    names = " and ".join(spaces)
    does = "err how" if sampler in ("random", "quasirandom") else "err least"
    return Study(
        name=name or f"search {' '.join(spaces)}",
        question=f"Which networks of {names} {does} on {recipe.data}?",
        spaces=tuple(map(_space, spaces)),
        samples=samples,
        recipe=recipe,
        limits=limits or Limits(),
        sampler=sampler,
        objectives=objectives,
        seed=seed,
    )


def found_again(stored: StoredStudy) -> Study:
    """The study of a search that a run keeps; its spaces are those that are here by these names now."""
    return search(
        [space.name for space in stored.spaces],
        stored.recipe,
        limits=stored.limits,
        sampler=stored.sampler,  # type: ignore[arg-type]  # `Study` refuses others
        objectives=stored.objectives,
        samples=stored.samples,
        seed=stored.seed,
        name=stored.name,
    )


def _space(name: str) -> Space:
    space = space_or_network(name)
    if not isinstance(space, Space):
        raise Refused(f"{name} is a network, not a space of networks", hint="`nas spaces` lists spaces")
    return space
