"""The function behind `nas search`: spaces, limits and minutes in place of a study."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Unpack

from nas.errors import Refused
from nas.runner.launch import start
from nas.runner.task import EngineChoice
from nas.space import Space
from nas.storage.results import Run
from nas.study import Limits, Recipe
from nas.study.search import Choices, reference_of, spaces_of, study_of

FIDELITY = "short"
"""Length of the trainings unless a recipe says otherwise."""


def search(
    *spaces: str | Space,
    recipe: Recipe | None = None,
    limits: Limits | None = None,
    minutes: float = inf,
    out: Path | str | None = None,
    workers: int | None = None,
    device: str = "auto",
    storage: str | None = None,
    engine: EngineChoice = None,
    ray_address: str = "",
    quiet: bool = False,
    **choices: Unpack[Choices],
) -> Run:
    """Search spaces for the best network inside limits, as long as there is time; the same call resumes.

    Spaces are names of ours, `my_space.py:NAME`, `module:NAME`, or values. After so many `minutes` no training is
    begun; `samples` ends it after so many networks of each space, and one of the two must be given. Further choices are
    `sampler` (`tpe`; `random` makes a sample of the space), `objectives`, `seed` and `name`. The folder is
    `runs/<name>`, by default `runs/search-SPACE`; the rest is as for `nas.run`. Raises as `nas.run` does.
    """
    require_end(minutes, choices.get("samples"))
    study = study_of(spaces_of(spaces), recipe or Recipe().at(FIDELITY), limits or Limits(), **choices)
    return start(
        study,
        out=out,
        workers=workers,
        device=device,
        storage=storage,
        engine=engine,
        ray_address=ray_address,
        quiet=quiet,
        reference=reference_of(spaces),
        max_seconds=60 * minutes,
    )


def require_end(minutes: float, samples: int | None) -> None:
    """Refuse a search that nothing would end."""
    if minutes == inf and samples is None:
        raise Refused("a search ends after minutes or samples, got neither", hint="--minutes 20; in Python minutes=20")
