"""What a command and its folder agree on before any training: one arithmetic, a study that fits the data, no other run.

Study, Site --agreed--> Task; what a later command may change is stored when its training begins.
"""

from __future__ import annotations

import logging
import platform
import shlex
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version

import msgspec

from nas import data
from nas.data import DataInfo
from nas.errors import Refused, typed
from nas.runner.latencies import Latencies
from nas.runner.task import Site, Task
from nas.sampling import Plan
from nas.sampling.testable import require_testable
from nas.storage import study_json
from nas.storage.layout import LATENCIES
from nas.storage.study_json import Manifest, require_agreement, require_same_cap
from nas.study import Recipe, Study
from nas.study.catalog import release
from nas.study.record import Outcome
from nas.study.stored import MAY_DIFFER, StoredStudy, stored
from nas.study.table import ASKED, COLUMNS
from nas.training import devices

logger = logging.getLogger(__name__)

UNRELATED = ("random", "quasirandom")
"""Samplers whose points don't depend on how others ended."""
ONLY_IMAGES = ("resolution", "flip", "crop", "erase", "random_erasing", "rotation", "mixup", "label_smoothing")
"""Fields of a recipe that mean nothing for a table."""


def agreed(study: Study, site: Site, reference: str = "", retry: Collection[str] = ()) -> Task:
    """A study as the run in the folder trains it: as stored if they agree, but for what may change.

    That is the larger number of samples, and the rules of the study. `reference` is how the study is found again by
    `nas.study.search.named`; trials with an outcome of `retry` are begun again. Raises Refused for a folder of another
    study.
    """
    again = tried_again(study, retry)
    begun = study_json.begun(site.folder)
    requested = study = with_precision(study, begun, site)
    if begun is not None and begun.study.name == requested.name:
        study = replace(requested, samples=max(begun.study.samples, requested.samples))
    info = data.prepare_for(study.recipe)
    check_study(study, info)
    plan = Plan(study, info.shape, info.outputs, Latencies(site.folder / LATENCIES))
    windows = plan.windows() if begun is None else ()  # first of all: where nothing is left, this says why
    if begun is None or begun.study.rules != study.rules:
        require_testable(study, plan)
    manifest = Manifest(
        study=stored(study),
        fingerprint=dict(plan.fingerprint()),
        data=msgspec.structs.replace(info, folder=""),  # the run can be moved, the cache isn't part of it
        windows=windows,
        versions=versions(),
        reference=reference,
        command=shlex.join(typed()),
    )
    if begun is not None:
        require_agreement(site.folder, begun, manifest)
        require_same_cap(begun, requested)
        if requested.samples < study.samples:
            logger.warning(
                "%s asks for %d samples of each space already; a run never shrinks", site.folder, study.samples
            )
        manifest = msgspec.structs.replace(begun, study=with_changes(begun, manifest))
    return Task(study=study, plan=plan, manifest=manifest, info=info, retry=again)


def tried_again(study: Study, retry: Collection[str]) -> frozenset[Outcome]:
    """Outcomes by name; refused where they aren't failures, or where later trials were chosen by them."""
    failures = [outcome.value for outcome in Outcome if outcome.is_failure]
    if unknown := [name for name in retry if name not in failures]:
        raise Refused(f"{unknown[0]!r} is no failure that is tried again", hint=f"there are {', '.join(failures)}")
    if retry and (study.sampler not in UNRELATED or study.halving or study.looks):
        raise Refused(
            "what was chosen later depends on these failures, so that they can't be tried again",
            hint="leave out --retry, or begin anew in another folder with --out",
        )
    return frozenset(map(Outcome, retry))


def with_precision(study: Study, begun: Manifest | None, site: Site) -> Study:
    """The study with one arithmetic for all trials: the run's where it is begun, else what suits the device."""
    if study.recipe.precision != "auto":
        return study
    usual = site.precision or devices.precision(site.device.kind, site.device.cards)
    precision = begun.study.recipe.precision if begun else usual
    if precision == "bfloat16" != usual:
        logger.warning("%s computes in bfloat16, which this device has to emulate: that is slow", site.folder)
    return replace(study, recipe=msgspec.structs.replace(study.recipe, precision=precision))


def fitted(recipe: Recipe) -> Recipe:
    """The recipe of a fidelity on all images where the data have fewer than that takes."""
    if not recipe.train_size or recipe.train_size <= (info := data.prepare_for(recipe)).train:
        return recipe
    logger.warning(
        "%s has %d training %s, fewer than the %d of this fidelity: all of them train",
        *(info.name, info.train, info.noun, recipe.train_size),
    )
    return msgspec.structs.replace(recipe, train_size=0)


def check_study(study: Study, info: DataInfo) -> None:
    """Refuse a training size that the data set doesn't have, and dimensions that would hide columns of the table."""
    for space in study.arms:
        if hidden := sorted(COLUMNS.keys() & study.joint(space).keys() - {ASKED}):
            raise Refused(
                f"{space.name}: a dimension can't be called {hidden[0]!r}, the table has a column of that name"
            )
    if info.task == "regression":
        require_plain(study.extremes, info)
    for size in map(int, study.extremes("train_size")):
        if size and not info.smallest <= size <= info.train:
            raise Refused(
                f"train_size must be {info.smallest} to {info.train:,} for {info.name}, got {size:,}",
                hint=f"--train-size 0 takes all {info.noun}; in Python train_size=0",
            )


def require_plain(values_of: Callable[[str], Iterable[object]], info: DataInfo) -> None:
    """Refuse what only images or classes can have, by the values that a field of the recipe takes."""
    for name in ONLY_IMAGES:
        if any(values_of(name)):
            raise Refused(
                f"{name} is for images with classes, {info.name} is a table",
                hint=f"take --data with images, or leave {name} out of the recipe; "
                "a fidelity sets it, too: --epochs and --train-size don't",
            )


def with_changes(begun: Manifest, requested: Manifest) -> StoredStudy:
    """The study of a run with what a later command may change."""
    return msgspec.structs.replace(begun.study, **{name: getattr(requested.study, name) for name in MAY_DIFFER})


def restated(stored: Manifest, requested: Manifest, over: int) -> Manifest:
    """What is stored once a command begins after so many finished trials: since when rules are, and whether it grew."""
    after = stored.rules_after
    if over and requested.study.rules != stored.study.rules:
        logger.warning("other rules than before, stated after %d finished trials: they are no prediction", over)
        after = over
    study, extended = with_changes(stored, requested), stored.extended
    if not extended and study.samples > stored.study.samples and over >= stored.total:
        extended = stored.study.samples
    return msgspec.structs.replace(stored, study=study, rules_after=after, extended=extended)


def with_versions(manifest: Manifest, over: int) -> Manifest:
    """The same with the versions that compute from now on, where they are others than the last command's."""
    now = versions()
    changed = changed_versions(manifest)
    if not changed:
        return manifest
    logger.warning("%s; errors may differ in their last digits", changed)
    if not over:
        return msgspec.structs.replace(manifest, versions=now, versions_since={})
    return msgspec.structs.replace(manifest, versions_since={**manifest.versions_since, over: now})


def changed_versions(manifest: Manifest) -> str:
    """`torch 2.15.0, until now 2.14.1`; empty where all that the run knows is as for its last command."""
    old, new = manifest.computed_with, versions()
    if old:
        old = {**old, "numba": old.get("numba", "none")}  # runs from before it was used don't name it
    return ", ".join(f"{name} {new[name]}, until now {before}" for name, before in old.items() if new[name] != before)


def versions() -> dict[str, str]:
    """Of everything that decides numbers."""
    libraries = {name: version(name) for name in ("torch", "numpy", "scipy", "optuna", "cmaes")}
    return {"python": platform.python_version(), "nas": release(), **libraries, "numba": _numba()}


def _numba() -> str:
    """Its version, `none` where it can't be had: networks then train by torch's operators alone."""
    try:
        return version("numba")
    except PackageNotFoundError:
        return "none"
