"""From a trial to its exported network: the kept weights, or the training once more."""

from __future__ import annotations

import logging
from pathlib import Path
from shlex import quote

import msgspec

from nas import data
from nas.data import DataInfo
from nas.errors import NasError, Refused, code_of_others
from nas.layers import identity
from nas.models import exports
from nas.models.folder import require_new
from nas.models.formats import writing
from nas.models.model import Model, load, restore
from nas.models.weights import read_document
from nas.space.space import Architecture
from nas.storage.results import Run, require_intact, required_study
from nas.study import Recipe
from nas.study.record import Outcome, Record
from nas.study.search import Behind
from nas.training import devices
from nas.training.devices import Device

logger = logging.getLogger(__name__)


def export(
    run: Run,
    record: Record,
    folder: Path | str,
    *,
    study: Behind | None = None,
    device: str = "auto",
    format: str | None = None,  # noqa: A002 -- as on the command line
) -> Model:
    """Export a network as a folder of plain files; one whose weights weren't kept is trained again from its number.

    `record` is one of `run.best`, or `run.record(trial)`. `folder` may be a file in another `format`, which its ending
    tells: `source` (.py), `onnx` (.onnx), `torch-export` (.pt2). Of several cards the first one trains. `study`, of a
    search its space, is needed for it where the run was started from a program, or from a file, whose code isn't run
    unasked. Raises Refused for a failed trial, a place that holds something else, or a network that isn't that of the
    record any more.
    """
    writing.require_possible(Path(folder), format)
    path = run.weights(record)
    if path:
        require_intact(path, record)
        model = restore(read_document(path), path)
    else:
        if writing.format_of(Path(folder), format) == "folder":
            _require_for(Path(folder), record)
        model = _trained_again(run, record, study, devices.device(device))
    named = exports.named(model.document, study=run.manifest.study.name, space=record.space, trial=record.trial)
    if (trainings := len(run.trainings(record))) > 1:
        named = msgspec.structs.replace(named, trainings=trainings, mean_error=run.mean_error(record))
    model.document = named
    writing.save(model, Path(folder), format)
    return model


def _trained_again(run: Run, record: Record, study: Behind | None, device: Device) -> Model:
    """The network of a trial, trained as it was."""
    if record.outcome is not Outcome.COMPLETED:
        raise Refused(f"trial {record.trial} has no weights: {record.outcome.sentence}")
    architecture, recipe = found_again(run, record, study)
    info = _data(recipe, run.manifest.data)
    with code_of_others(f"the code of {record.space} fails"):
        layer = architecture.network(info.shape, info.outputs)
    if identity(layer) != record.architecture:
        raise Refused(f"the code of {record.space} has changed: trial {record.trial} would be another network now")
    logger.info("training trial %d again: its weights weren't kept", record.trial)
    devices.announce(device)
    with devices.first_card(device):
        model = exports.trained(layer, recipe, record.seed, info, device.kind)
    if model.document.error != record.error:
        logger.warning("trial %d had error %s, now %s", record.trial, record.error, model.document.error)
    return model


def _require_for(folder: Path, record: Record) -> None:
    """Refuse a folder that holds another network, before one is trained for it."""
    try:
        same = load(folder).document.architecture == record.architecture
    except NasError:
        same = False
    if not same:
        require_new(folder)


def found_again(run: Run, record: Record, study: Behind | None) -> tuple[Architecture, Recipe]:
    """The architecture of a trial, and the recipe that it was trained with; Refused in a final and in an audit."""
    require_first(run, record)
    study = required_study(run, study)
    space = next((arm for arm in study.arms if arm.name == record.space), None)
    if space is None:
        raise Refused(f"the study has no space {record.space!r} any more")
    if unknown := sorted(run.manifest.study.vary.keys() - study.vary.keys()):
        names = ", ".join(unknown)
        raise Refused(f"the trainings of {run.folder} differ in {names}, of which this study knows nothing")
    with code_of_others(f"the code of {record.space} fails"):
        return space.architecture(record.point), study.recipe_of(record.point)


def require_first(run: Run, record: Record) -> None:
    """Refuse a training of a network that is another run's: its study and its number are there."""
    if record.origin.again is not None:
        place, trial = run.folder.parent, record.origin.again
        raise Refused(
            f"trial {record.trial} of {run.folder} is a training of trial {trial} of {place}, whose network it has",
            hint=f"name that one: --trial {trial} of {quote(str(place))}",
        )


def _data(recipe: Recipe, stored: DataInfo) -> DataInfo:
    info = data.prepare_for(recipe)
    if info.name == stored.name and info.shape == stored.shape and info.key != stored.key:
        raise NasError(f"{info.name} isn't the data that the run was trained on: {info.key}, not {stored.key}")
    return info
