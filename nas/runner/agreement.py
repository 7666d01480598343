"""What a command and its folder agree on before any training: one arithmetic, a study that fits the data, no other run.

Study, folder --fixed, check_study, agreed--> Frozen; what a later command may change is stored by `restate`.
"""

from __future__ import annotations

import logging
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from nas.data import DataInfo
from nas.errors import Refused
from nas.sampling import Plan
from nas.storage.layout import STUDY
from nas.storage.study_json import (
    MAY_DIFFER,
    Frozen,
    computed_with,
    freeze,
    read_frozen,
    require_agreement,
    require_same_cap,
    write_frozen,
)
from nas.study import Study
from nas.study.catalog import release
from nas.study.table import ASKED, COLUMNS
from nas.training import devices

logger = logging.getLogger(__name__)

ONLY_IMAGES = ("resolution", "flip", "crop", "erase", "label_smoothing")
"""Fields of a recipe that mean nothing for a table."""


def fixed(study: Study, folder: Path, device: str) -> Study:
    """The study with one arithmetic for all trials: the run's where it is begun, else what suits the device."""
    if study.recipe.precision != "auto":
        return study
    begun = (folder / STUDY).is_file()
    precision = read_frozen(folder).study["recipe"]["precision"] if begun else devices.precision(device)
    if precision == "bfloat16" != devices.precision(device):
        logger.warning("%s computes in bfloat16, which this device has to emulate: that is slow", folder)
    return replace(study, recipe=msgspec.structs.replace(study.recipe, precision=precision))


def check_study(study: Study, info: DataInfo) -> None:
    """Refuse a training size that the data set doesn't have, and dimensions that would hide columns of the table."""
    for space in study.arms:
        if hidden := sorted(COLUMNS.keys() & study.joint(space).keys() - {ASKED}):
            raise Refused(
                f"{space.name}: a dimension can't be called {hidden[0]!r}, the table has a column of that name"
            )
    if info.task == "regression":
        require_plain(study, info)
    for size in map(int, study.extremes("train_size")):
        if size and not info.smallest <= size <= info.train:
            raise Refused(
                f"train_size must be {info.smallest} to {info.train:,} for {info.name}, got {size:,}",
                hint=f"--train-size 0 takes all {info.noun}",
            )


def require_plain(study: Study, info: DataInfo) -> None:
    """Refuse what only images or classes can have."""
    for name in ONLY_IMAGES:
        if any(study.extremes(name)):
            raise Refused(
                f"{name} is for images with classes, {info.name} is a table",
                hint=f"take --data with images, or leave {name} out of the recipe; "
                "a fidelity sets it, too: --epochs and --train-size don't",
            )


def agreed(study: Study, folder: Path, plan: Plan, info: DataInfo, reference: str) -> Frozen:
    """What the folder's run is asked: as stored if the study agrees with it, but for what may change.

    That is the larger number of samples, and the rules of the study.
    """
    begun = (folder / STUDY).is_file()
    windows = () if begun else plan.windows()  # first of all: where nothing is left, this says why
    fresh = Frozen(
        study=freeze(study),
        fingerprint=dict(plan.fingerprint()),
        data=msgspec.structs.replace(info, folder=""),  # the run can be moved, the cache isn't part of it
        windows=windows,
        versions=versions(),
        reference=reference,
    )
    if not begun:
        return fresh
    stored = read_frozen(folder)
    require_agreement(folder, stored, fresh)
    require_same_cap(stored, study)
    if study.samples < stored.study["samples"]:
        logger.warning(
            "%s asks for %d samples of each space already; a run never shrinks", folder, stored.study["samples"]
        )
    samples = max(stored.study["samples"], study.samples)
    return msgspec.structs.replace(stored, study={**stored.study, "samples": samples, "rules": fresh.study["rules"]})


def restate(folder: Path, frozen: Frozen, over: int) -> None:
    """Store what a later command may change; rules that change are told together with the trials that were over."""
    stored = read_frozen(folder)
    if frozen.study["rules"] != stored.study["rules"]:
        logger.info("%s: other rules than before, stated after %d trials were over", folder, over)
        frozen = msgspec.structs.replace(frozen, rules_after=over)
    if any(frozen.study[name] != stored.study[name] for name in MAY_DIFFER):
        write_frozen(folder, frozen)


def note_versions(folder: Path, over: int) -> None:
    """Where trainings go on with other versions than the last command's, say and store it."""
    stored, now = read_frozen(folder), versions()
    if changed := changed_versions(stored):
        logger.warning("%s: %s; errors may differ in their last digits", folder, changed)
        if over:
            write_frozen(folder, msgspec.structs.replace(stored, versions_since={**stored.versions_since, over: now}))
        else:
            write_frozen(folder, msgspec.structs.replace(stored, versions=now, versions_since={}))


def changed_versions(frozen: Frozen) -> str:
    """`torch 2.15.0, until now 2.14.1`; empty where all that the run knows is as for its last command."""
    old, new = computed_with(frozen), versions()
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
