"""What an audit and a final share: a run that is over, its study found again, and the task of training it once more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote

import msgspec

from nas import data
from nas.data import DataInfo
from nas.errors import Refused
from nas.runner.agreement import versions
from nas.runner.best import KEPT
from nas.runner.task import Task
from nas.sampling import Plan
from nas.sampling.repetitions import AUDIT
from nas.storage import study_json
from nas.storage.lock import coordinator
from nas.storage.results import Run, required_study
from nas.storage.study_json import Manifest, differences, require_unchanged
from nas.study import Study
from nas.study.record import FINAL
from nas.study.stored import stored


def require_own(run: Run) -> None:
    """Refuse a run of networks that were trained once more already."""
    mark = run.manifest.study.sampler
    if mark in (AUDIT, FINAL):
        article = "an" if mark == AUDIT else "a"
        raise Refused(f"{run.folder} is {article} {mark} itself", hint=f"nas {mark} {quote(str(run.folder.parent))}")


def require_at_rest(run: Run, verb: str) -> None:
    """Refuse a run that still works."""
    if who := coordinator(run.folder):
        raise Refused(f"{who} still works on {run.folder}", hint=f"{verb} it when it is done or stopped")


def require_inside(folder: Path, what: str) -> None:
    """Refuse a folder of a run that leads out of it."""
    if folder.is_symlink():
        raise Refused(f"{folder} is a link: {what} writes in the folder of its run only", hint="remove the link")


def original_study(run: Run, study: Study | None) -> Study:
    """The study of a run, found again and with the settings it was run with; refused if it is another one now."""
    original = required_study(run, study)
    info = data.prepare_for(original.recipe)
    fresh = Manifest(
        study=stored(original),
        fingerprint=dict(Plan(original, info.shape, info.outputs).fingerprint()),
        data=info,
        windows=(),
        versions={},
    )
    hint = "its networks can't be trained again from this code; --study names another place of the old one"
    require_unchanged(run.folder, differences(run.manifest, fresh), hint)
    return original


def task_of(
    folder: Path,
    again: Study,
    plan: Plan,
    info: DataInfo,
    manifest: Manifest,
    kept: int = KEPT,
) -> Task:
    """What is trained in a folder of a run: as stored where it is begun, with more samples perhaps."""
    begun = study_json.begun(folder)
    if begun is not None:
        manifest = msgspec.structs.replace(begun, study=manifest.study)
    return Task(study=again, plan=plan, manifest=manifest, info=info, kept=kept)


def manifest_of(
    run: Run, again: Study, mark: str, fingerprint: Mapping[str, tuple[str, ...]], info: DataInfo
) -> Manifest:
    """What such a folder says that it was asked, with the mark in the place of a sampler."""
    return Manifest(
        study=msgspec.structs.replace(stored(again), sampler=mark),
        fingerprint=dict(fingerprint),
        data=msgspec.structs.replace(info, folder=""),
        windows=(),
        versions=versions(),
        reference=run.manifest.reference,
    )
