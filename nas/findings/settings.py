"""The settings of a run in words: how its networks were trained, sampled and limited."""

from __future__ import annotations

from msgspec.structs import replace

from nas.findings.wording.numbers import plural
from nas.space import Choice
from nas.storage.results import Run
from nas.storage.study_json import versions_in_words
from nas.study.recipe import FIDELITIES
from nas.study.stored import StoredStudy
from nas.study.study import FIELDS
from nas.study.words import crossing, how_many, matching, sampling, training


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
    many = how_many(study.samples, open_ended=study.open_ended, crossed=bool(study.grid))
    limits = ["{} {:,} to {:,}".format(name, *getattr(study.limits, name)) for name in study.limits.bounded]
    return {
        "data": f"{info.name}, {info.train:,} training and {info.validation:,} validation {info.noun}"
        + (f", target {info.target}: mean {info.target_mean:.4g}, std {info.target_std:.4g}" if info.target else ""),
        "spaces": ", ".join(space.name for space in study.spaces),
        **({"crossed": crossing(study.grid)} if study.grid else {}),
        "samples": f"{many}, {plural(study.repeats, 'training')} each",
        **_interim_looks(run),
        "limits": "; ".join(limits) or "none",
        **({"matched": strata} if (strata := matched_cost(study)) else {}),
        "sampler": sampling(study.sampler, study.seed, study.objectives, study.halving),
        "time": f"a training times out after {study.max_trial_seconds:g} s",
        "recipe": training(study.recipe),
        "devices": ", ".join(sorted({record.device for record in run.records if record.device})) or "none yet",
        "versions": versions_in_words(run.manifest),
    }


def matched_cost(study: StoredStudy) -> str:
    """How a study matches the cost of its arms; empty if not."""
    return matching(study.strata, study.limits)


def _interim_looks(run: Run) -> dict[str, str]:
    """The settings' entry for interim looks, if there are any."""
    looks = run.manifest.standing({record.trial for record in run.records})
    apart = "only verdicts on rules are corrected for them, distributions and comparisons of spaces aren't"
    return {"interim looks": f"{looks.words}; {apart}"} if looks else {}
