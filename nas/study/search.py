"""A search without a study file: spaces, hard limits, and as many networks as there is time for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypedDict, Unpack, cast

from nas.errors import Refused
from nas.space import Space
from nas.study import catalog
from nas.study.catalog import space, space_or_network
from nas.study.limits import Limits
from nas.study.objectives import Objective
from nas.study.recipe import Recipe
from nas.study.stored import StoredStudy
from nas.study.study import UNTIL_TIME_IS_UP, SamplerName, Study

REFERENCE = "nas search"
"""What a run states in place of the name of its study."""


class Choices(TypedDict, total=False):
    """Fields of the study that a search may choose, as `nas.study.Study` describes them."""

    sampler: SamplerName
    objectives: tuple[Objective, ...]
    samples: int
    seed: int
    name: str


def study_of(spaces: Sequence[Space], recipe: Recipe, limits: Limits, **choices: Unpack[Choices]) -> Study:
    """The study of a search: by `tpe`, without end unless it is told how many samples."""
    names = [each.name for each in spaces]
    chosen: Choices = {"sampler": "tpe", "samples": UNTIL_TIME_IS_UP, "name": name_of(names), **choices}
    sample = chosen["sampler"] in ("random", "quasirandom")
    what = "How are the errors of {} distributed on {}?" if sample else "Which networks of {} err least on {}?"
    return Study(
        question=what.format(" and ".join(names), recipe.data),
        spaces=tuple(spaces),
        recipe=recipe,
        limits=limits,
        **chosen,
    )


def spaces_of(spaces: Sequence[str | Space]) -> tuple[Space, ...]:
    """The spaces, those that are named by a name of ours, a file or a module, too; refused where there is none."""
    if not spaces:
        raise Refused("a search takes at least one space", hint="`nas spaces` lists spaces")
    return tuple(space(each) if isinstance(each, str) else each for each in spaces)


def reference_of(spaces: Sequence[str | Space]) -> str:
    """What a run states of a search of these spaces: `REFERENCE` if all are ours, else how `named` finds it again.

    Nothing if one of them is a value.
    """
    names = [each for each in spaces if isinstance(each, str)]
    if len(names) < len(spaces):
        return ""
    return ",".join(map(catalog.reference, names)) if any(":" in name for name in names) else REFERENCE


def named(name: str) -> Study:
    """The study that `--study` names: one of ours, a file's, a module's or, of `nas search`, its spaces, by commas."""
    names = name.split(",")
    if all(map(catalog.is_space, names)):
        return study_of(spaces_of(names), Recipe(), Limits())
    return catalog.study(name)


def name_of(names: Sequence[str]) -> str:
    """The name of a search, which is that of its folder: without blanks and what shells read."""
    return "-".join(["search", *(re.sub(r"[^\w.-]+", "_", name) for name in names)])


def found_again(stored: StoredStudy, spaces: Sequence[Space] = ()) -> Study:
    """The study of a search that a run keeps; its spaces are these, or ours that are here by their names now."""
    return study_of(
        spaces or [space_or_network(entry.name) for entry in stored.spaces],
        stored.recipe,
        stored.limits,
        sampler=cast(SamplerName, stored.sampler),
        objectives=stored.objectives,
        samples=stored.samples,
        seed=stored.seed,
        name=stored.name,
    )
