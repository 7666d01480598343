"""What an audit and a final share: a run that is over, its study found again, and the task of training it once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from shlex import quote

import msgspec

from nas import data
from nas.data import DataInfo
from nas.errors import Refused, path_text
from nas.files import write_atomically
from nas.runner.agreement import versions
from nas.runner.best import KEPT
from nas.runner.coordinator import train
from nas.runner.task import Site, Task
from nas.sampling import Plan
from nas.sampling.repetitions import AUDIT
from nas.storage import study_json
from nas.storage.database import read_records, working_on
from nas.storage.layout import LOG, TABLE, holds_run
from nas.storage.log import logged
from nas.storage.results import Run, csv, open_run, required_study
from nas.storage.study_json import Manifest, differences, require_unchanged
from nas.study import Study
from nas.study.record import FINAL
from nas.study.search import Behind
from nas.study.stored import stored


def opened(source: Run | Path | str, mark: str) -> tuple[Run, Path]:
    """A run whose networks may be trained once more, and the folder in it of that; Refused for one that still works."""
    if not isinstance(source, Run) and Path(source).is_file():
        hint = f"nas {mark} DIR; of a table only errors are known"
        raise Refused(f"{path_text(source)} is a file: {_named(mark)} trains networks of a run", hint=hint)
    run = source if isinstance(source, Run) else open_run(source)
    _require_own(run)
    if who := working_on(run.folder):
        raise Refused(f"{who} still works on {run.folder}", hint=f"nas {mark} works when it is done or stopped")
    folder = run.folder / mark
    if folder.is_symlink():
        what = f"{folder} is a link: {_named(mark)} writes in the folder of its run only"
        raise Refused(what, hint="remove the link")
    return run, folder


def _require_own(run: Run) -> None:
    """Refuse a run of networks that were trained once more already."""
    mark = run.manifest.study.sampler
    if mark in (AUDIT, FINAL):
        raise Refused(f"{run.folder} is {_named(mark)} itself", hint=f"nas {mark} {quote(str(run.folder.parent))}")


def _named(mark: str) -> str:
    return f"{'an' if mark == AUDIT else 'a'} {mark}"


def train_missing(folder: Path, total: int, task: Callable[[], Task], site: Callable[[], Site]) -> None:
    """Train what is left of so many trainings, and write their table; where nothing is, no code or data are needed."""
    if not holds_run(folder) or len(read_records(folder)) < total:
        place = site()
        with logged(folder / LOG):
            train(task(), place)
    elif (folder / TABLE).is_file():
        return
    write_atomically(folder / TABLE, csv(open_run(folder)).encode())


def original_study(run: Run, study: Behind | None) -> Study:
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
