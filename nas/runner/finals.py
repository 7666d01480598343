"""The function behind `nas final`: finalists of a run trained anew on all training images, then tested, once.

The final is a run in the folder `final` of the run that it belongs to, with its own study, database, lock and log: it
is interrupted, resumed and extended like every run. Which networks are finalists is stored before any is trained.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from math import ceil, inf
from pathlib import Path
from shlex import quote
from typing import Any, get_args

import msgspec

from nas import data
from nas.errors import Refused
from nas.findings.finals import Final, open_final
from nas.findings.wording.numbers import spoken
from nas.runner.agreement import check_study
from nas.runner.display import looking_on
from nas.runner.retraining import manifest_of, opened, original_study, task_of, train_missing
from nas.runner.signals import outliving_its_terminal
from nas.runner.task import EngineChoice, Observer, Task, deadline_of, site_of
from nas.runner.unsealing import is_read, read_test, require_unread
from nas.sampling.finals import TOP, Finalists, Finals, FrontCost, Selection, arm_of, finals_study
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.finals import chosen
from nas.storage.layout import LOG
from nas.storage.location import address_of
from nas.storage.lock import require_free
from nas.storage.log import logged
from nas.storage.results import Run
from nas.storage.study_json import Manifest
from nas.study import Limits, Recipe, Study
from nas.study.recipe import FIDELITIES
from nas.study.record import FINAL, Record
from nas.study.search import Behind
from nas.study.study import FIELDS
from nas.training import devices

logger = logging.getLogger(__name__)

SEEDS = 3
"""Trainings of each finalist unless said otherwise."""
EPOCHS = int(FIDELITIES["long"].changes["epochs"])
"""Of each training unless said otherwise; more where the run's were longer."""
FIXED = ("data", "target", "validation_size", "resolution")
"""Fields of a recipe that a final takes from its run: the networks were chosen on these images."""


class Requested(msgspec.Struct, frozen=True, kw_only=True):
    """What a final trains."""

    finalists: Finalists
    """Which networks."""
    recipe: Recipe
    """How, but for their own fields."""
    own: tuple[str, ...]
    """Fields of the recipe in which the run's networks differ and that stay as they are."""
    seeds: int
    """How often each."""

    @property
    def total(self) -> int:
        """Trainings of all finalists."""
        return self.seeds * len(self.finalists.trials)


@outliving_its_terminal()
def final(
    source: Run | Path | str,
    *,
    top: int | None = None,
    pareto: FrontCost | None = None,
    limits: Limits | None = None,
    seeds: int | None = None,
    fidelity: str | None = None,
    changes: Mapping[str, Any] | None = None,
    again: bool = False,
    study: Behind | None = None,
    workers: int | None = None,
    device: str = "auto",
    engine: EngineChoice = None,
    ray_address: str = "",
    observer: Observer | None = None,
    quiet: bool = False,
    max_seconds: float = inf,
) -> Final:
    """Train the best networks of a run anew on all training images, then read the test split once.

    Finalists are the `top` networks (default 3) by validation error inside `limits`, or all of the front of error
    against `pareto`, a cost. Each is trained with so many `seeds` (default 3), to its last epoch, by the recipe of its
    trial on all training images, those that validated included, for 30 epochs unless a `fidelity` or `changes` of
    fields of the recipe say otherwise. A final that was begun is resumed, and more seeds extend it. Only when all
    trainings are over the test split is read; a second reading is refused unless `again`. `study`, of a search its
    space, as a value or a name, is needed where the run was started from a program or a file. Raises Refused for a run
    that still works or has nothing completed, and as `nas.run` does.
    """
    run, folder = opened(source, FINAL)
    requested = _requested(run, folder, _selection(top, pareto, limits), seeds, _recipe(run, fidelity, changes or {}))
    if not is_read(folder, requested.total):
        require_free(folder)  # who reads the test split now has stored nothing yet
    require_unread(run, folder, requested.total, again=again)
    place = devices.device("auto" if engine == "ray" else device)  # the test split is read here
    looks, deadline, storage = looking_on(observer, quiet), deadline_of(max_seconds), address_of(run.folder)
    site = partial(site_of, folder, workers, device, engine, ray_address, looks, deadline, storage)
    train_missing(folder, requested.total, partial(_task, run, requested, study, folder), site)
    records = read_records(folder)
    if len(records) == requested.total and not is_read(folder, requested.total):
        with logged(folder / LOG):
            read_test(run, folder, requested.recipe, records, place, again=again)
    return open_final(run)


def seeds_of(folder: Path, asked: int | None) -> int:
    """Trainings that each finalist of a run has or will have: what is asked for, but a final never shrinks."""
    begun = study_json.begun(folder / FINAL)
    return asked or SEEDS if begun is None else max(asked or 0, begun.study.samples)


def _selection(top: int | None, pareto: FrontCost | None, limits: Limits | None) -> Selection | None:
    """How finalists are chosen; None where nothing is said of it."""
    if top is None and pareto is None and limits is None:
        return None
    if top is not None and pareto is not None:
        raise Refused("give top or pareto, not both", hint="--pareto takes the whole front, --top the best so many")
    if top is not None and top < 1:
        raise Refused(f"top must be at least 1, got {top}", hint=f"--top {TOP} is usual")
    if pareto not in (None, *get_args(FrontCost)):
        raise Refused(f"pareto must be one of {', '.join(get_args(FrontCost))}, got {pareto!r}")
    count = 0 if pareto else TOP if top is None else top
    return Selection(top=count, pareto=pareto or "", limits=limits or Limits())


def _recipe(run: Run, fidelity: str | None, changes: Mapping[str, Any]) -> tuple[Recipe, tuple[str, ...]] | None:
    """The recipe of a final, and fields that its networks keep; None where nothing is said of it."""
    if fidelity is None and not changes:
        return None
    if fixed := [name for name in FIXED if name in changes]:
        raise Refused(f"{fixed[0]} is the run's: its networks were chosen on these {run.manifest.data.noun}")
    base = _longer(run)
    if fidelity is not None:
        base = msgspec.structs.replace(base.at(fidelity), train_size=0)
    try:
        recipe = msgspec.convert(msgspec.to_builtins(base) | dict(changes), Recipe)
    except (msgspec.ValidationError, ValueError) as error:
        raise Refused(f"the recipe of the final is invalid: {error}") from None
    if recipe.precision == "auto":
        recipe = msgspec.structs.replace(recipe, precision=run.manifest.study.recipe.precision)
    return recipe, tuple(name for name in _own(run) if name not in changes)


def _longer(run: Run) -> Recipe:
    """The run's recipe on all images, for at least 30 epochs."""
    recipe = run.manifest.study.recipe
    tried = (int(record.point.get("epochs", 0)) for record in run.records)
    return msgspec.structs.replace(recipe, train_size=0, epochs=max(EPOCHS, recipe.epochs, *tried))


def _own(run: Run) -> tuple[str, ...]:
    """Fields of the recipe in which networks of the run differ, but for its length and its images."""
    study = run.manifest.study
    return tuple(name for name in (*study.vary, *study.grid) if name in FIELDS and name not in ("epochs", "train_size"))


def _requested(
    run: Run,
    folder: Path,
    selection: Selection | None,
    seeds: int | None,
    recipe: tuple[Recipe, tuple[str, ...]] | None,
) -> Requested:
    """What was asked for, else what the final was begun with, else the defaults; refused where they don't fit."""
    if seeds is not None and seeds < 1:
        raise Refused(f"seeds must be at least 1, got {seeds}", hint=f"--seeds {SEEDS} is usual")
    begun = study_json.begun(folder)
    if begun is None:
        trained, own = recipe or (_longer(run), _own(run))
        finalists = chosen(run, selection or Selection())
        return Requested(finalists=finalists, recipe=trained, own=own, seeds=seeds_of(run.folder, seeds))
    if begun.finalists is None:
        raise Refused(f"{folder} is the folder of another run", hint="move it away, then run nas final anew")
    stored = Requested(
        finalists=begun.finalists, recipe=begun.study.recipe, own=tuple(begun.study.vary), seeds=begun.study.samples
    )
    _require_begun(folder, stored, selection, recipe)
    if seeds is not None and seeds < stored.seeds:
        logger.warning("%s has %d seeds already; a final never shrinks", folder, stored.seeds)
    return msgspec.structs.replace(stored, seeds=seeds_of(run.folder, seeds))


def _require_begun(
    folder: Path, begun: Requested, selection: Selection | None, recipe: tuple[Recipe, tuple[str, ...]] | None
) -> None:
    """Refuse other finalists or another recipe than a final was begun with."""
    hint = (
        f"repeat it so; for another final move {quote(str(folder))} away: the log of readings of the test split stays, "
        "so that it needs --again"
    )
    if selection is not None and selection.among(begun.finalists.of) != begun.finalists.selection:
        raise Refused(
            f"{folder} was begun with {_in_words(begun.finalists.selection)}, this asks for {_in_words(selection)}",
            hint=hint,
        )
    if recipe is not None and recipe != (begun.recipe, begun.own):
        old, new = (msgspec.structs.asdict(each) for each in (begun.recipe, recipe[0]))
        names = [name for name in new if new[name] != old[name]]
        fields = [f"{name} {old[name]}, not {new[name]}" for name in names] or ["other fields of each network's own"]
        raise Refused(f"{folder} was begun with {', '.join(fields)}", hint=hint)


def _in_words(selection: Selection) -> str:
    """`the best 3`, `the front of error against parameters with at most 60,000 parameters`."""
    what = f"the best {selection.top}"
    if selection.pareto:
        what = f"the front of error against {spoken(selection.pareto)}"
    limits = selection.limits.words
    return f"{what} with {limits}" if limits else what


def _task(run: Run, requested: Requested, study: Behind | None, folder: Path) -> Task:
    """What a final trains."""
    original = original_study(run, study)
    records = [run.record(trial) for trial in requested.finalists.trials]
    again = finals_study(original, records, requested.recipe, requested.own, requested.seeds)
    info = data.prepare_for(again.recipe).all_training
    check_study(again, info)
    patience = {record.trial: _patience(original, again, run.manifest, record) for record in records}
    plan = Finals(again, info.shape, info.outputs, patience, *records)
    fingerprint = {arm_of(record.trial): (record.architecture,) for record in records}
    manifest = msgspec.structs.replace(manifest_of(run, again, FINAL, fingerprint, info), finalists=requested.finalists)
    return task_of(folder, again, plan, info, manifest, kept=requested.seeds)


def _patience(original: Study, again: Study, manifest: Manifest, record: Record) -> int:
    """How many times as long as the run's a training of a finalist may take."""
    before, after, info = original.recipe_of(record.point), again.recipe, manifest.data
    steps = (before.train_size or info.train) * before.epochs
    return max(1, ceil((after.train_size or info.train + info.validation) * after.epochs / steps))
