"""A search without a study file: spaces, hard limits, and as many networks as there is time for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack, cast

from nas.errors import Refused
from nas.space import Space
from nas.study import catalog
from nas.study.catalog import space
from nas.study.limits import Limits
from nas.study.objectives import Objective
from nas.study.recipe import Recipe
from nas.study.stored import StoredStudy
from nas.study.study import UNTIL_TIME_IS_UP, SamplerName, Study

REFERENCE = "nas search"
"""What a run states in place of the name of its study."""


Behind = Study | Space | Sequence[Space] | str
"""What is behind a run: its study or, of a search, its spaces; or their name, as `named` takes it."""


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


def named(text: str) -> Study | tuple[Space, ...]:
    """The study that is behind a run, as `nas run` names it, or its spaces, as `nas search` does, by commas."""
    whole = Path(text.rpartition(":")[0]).is_file() or Path(text).is_file()
    names = [text] if whole else [part.strip() for part in text.split(",")]
    if len(names) > 1:
        return spaces_of(names)
    found = catalog.study_or_space(text)
    return found if isinstance(found, Study) else (found,)


def name_of(names: Sequence[str]) -> str:
    """The name of a search, which is that of its folder: without blanks and what shells read."""
    return "-".join(["search", *(re.sub(r"[^\w.-]+", "_", name) for name in names)])


def unknown_spaces(stored: StoredStudy) -> list[str]:
    """Names of the spaces of a search that aren't ours, or aren't here."""
    ours = catalog.items_of_ours()
    return [entry.name for entry in stored.spaces if entry.name not in ours]


def found_again(stored: StoredStudy, spaces: Sequence[Space] = ()) -> Study:
    """The study of a search that a run keeps; its spaces are those of these with their names, else ours.

    No name that is stored is imported. Raises Refused for a space that the search doesn't have.
    """
    own, names = {space.name: space for space in spaces}, [entry.name for entry in stored.spaces]
    if foreign := sorted(own.keys() - set(names)):
        raise Refused(f"{stored.name} has no space {foreign[0]!r}", hint=f"it has {', '.join(names)}")
    if missing := [name for name in unknown_spaces(stored) if name not in own]:
        raise Refused(f"{stored.name} has a space {missing[0]!r}, too, which is none of ours", hint="name that as well")
    return study_of(
        [own.get(name) or catalog.space_of_ours(name) for name in names],
        stored.recipe,
        stored.limits,
        sampler=cast(SamplerName, stored.sampler),
        objectives=stored.objectives,
        samples=stored.samples,
        seed=stored.seed,
        name=stored.name,
    )
