"""The settings of a run in words: how its networks were trained, sampled and limited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import asdict, replace

from nas.space import Choice, Value
from nas.storage.results import Run
from nas.storage.study_json import versions_in_words
from nas.study.recipe import FIDELITIES
from nas.study.stored import StoredStudy
from nas.study.strata import in_words
from nas.study.study import FIELDS


def fidelity(run: Run) -> str:
    """How the networks were trained: data, images, epochs, batch, and what varies; a name where it has one."""
    study, info = run.manifest.study, run.manifest.data
    recipe = study.recipe
    own = {name: _values(study, name) for name in ("train_size", "epochs", "batch_size")}
    images = own["train_size"] if recipe.train_size or "train_size" in study.grid else f"all {info.train:,}"
    named = [name for name, length in FIDELITIES.items() if recipe == replace(recipe, **length.changes)]
    others = [name for name in (*study.vary, *study.grid) if name not in own and name in FIELDS]
    return (
        (f"{named[0]}: " if named else "")
        + f"{images} {info.noun} of {info.name}, epochs {own['epochs']}, batches of {own['batch_size']}"
        + (f"; differing between networks: {', '.join(others)}" if others else "")
    )


def _values(study: StoredStudy, name: str) -> str:
    """What a field of the recipe is in a study: its value, its crossed values, or its range."""
    if name in study.grid:
        return ", ".join(f"{value:,}" for value in study.grid[name])
    if name in study.vary:
        dimension = study.vary[name]
        if isinstance(dimension, Choice):
            return ", ".join(map(str, dimension.options))
        return f"{dimension.low:,} to {dimension.high:,}"
    return f"{getattr(study.recipe, name):,}"


def settings(run: Run) -> dict[str, str]:
    """The settings of a run, name and text."""
    study, info = run.manifest.study, run.manifest.data
    arm = "space at each combination" if study.grid else "space"
    limits = ["{} {:,} to {:,}".format(name, *getattr(study.limits, name)) for name in study.limits.bounded]
    return {
        "data": f"{info.name}, {info.train:,} training and {info.validation:,} validation {info.noun}"
        + (f", target {info.target}: mean {info.target_mean:.4g}, std {info.target_std:.4g}" if info.target else ""),
        "spaces": ", ".join(space.name for space in study.spaces),
        **_crossed(study.grid),
        "samples": f"{_many(study, arm)}, {study.repeats} training(s) each",
        **_interim_looks(run),
        "limits": "; ".join(limits) or "none",
        **({"matched": strata} if (strata := matched_cost(study)) else {}),
        "sampler": _sampler(study),
        "time": f"a training times out after {study.max_trial_seconds:g} s",
        "recipe": ", ".join(f"{name} {value}" for name, value in asdict(study.recipe).items() if name != "data"),
        "devices": ", ".join(sorted({record.device for record in run.records if record.device})) or "none yet",
        "versions": versions_in_words(run.manifest),
    }


def _many(study: StoredStudy, arm: str) -> str:
    """How many networks are trained."""
    if study.open_ended:
        return f"as many networks of each {arm} as there was time for"
    return f"{study.samples} networks of each {arm}"


def matched_cost(study: StoredStudy) -> str:
    """How a study matches the cost of its arms: `10 strata of multiply_adds between 3 and 6 M`; empty if not."""
    if study.strata is None:
        return ""
    cost = study.strata.cost
    return in_words(study.strata.count, cost, *getattr(study.limits, cost))


def _sampler(study: StoredStudy) -> str:
    """How networks are chosen, and which trainings end early."""
    words = f"{study.sampler}, seed {study.seed}"
    if len(study.objectives) > 1:
        words += f", for {' and '.join(study.objectives)}".replace("_", "-")
    return f"{words}, {study.halving.words}" if study.halving else words


def _interim_looks(run: Run) -> dict[str, str]:
    """The settings' entry for interim looks, if there are any."""
    looks = run.manifest.standing({record.trial for record in run.records})
    apart = "only verdicts on rules are corrected for them, distributions and comparisons of spaces aren't"
    return {"interim looks": f"{looks.words}; {apart}"} if looks else {}


def _crossed(grid: Mapping[str, Sequence[Value]]) -> dict[str, str]:
    """The settings' entry for a grid, if there is one."""
    crossed = [f"{name} {', '.join(map(str, values))}" for name, values in grid.items()]
    return {"crossed": "; ".join(crossed)} if crossed else {}
