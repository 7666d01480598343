"""One network trained and watched: a published one by name, an exported folder or its description, a trial of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from shlex import quote

import msgspec
import torch
from msgspec.structs import asdict

from nas import data
from nas.data import DataInfo
from nas.errors import ImpossibleShape, NasError, Refused, StorageFailed, code_of_others, path_text
from nas.layers import Layer, Normalisation, Shape, display, norm_named, output_shape, shape_text, with_norm
from nas.models import exports
from nas.models.document import Document
from nas.models.folder import ARCHITECTURE, checkpoint_of, exported, require_new
from nas.models.formats.writing import require_folder
from nas.models.model import Model, described, load
from nas.models.transfer import require_seed
from nas.runner.agreement import require_plain
from nas.runner.display import watcher
from nas.runner.winners import found_again
from nas.storage.layout import STUDY
from nas.storage.lock import alone
from nas.storage.results import Run
from nas.study import Recipe, catalog
from nas.study.record import Epoch
from nas.study.search import Behind
from nas.training import devices
from nas.training.checkpoint import Checkpoint, identity_of
from nas.training.devices import Device
from nas.training.peak_memory import is_out_of_memory
from nas.training.precision import settled_on


def unwatched(epoch: Epoch) -> None:
    """Nobody looks on."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that can be trained."""

    name: str
    """For people and folders."""
    layers: Callable[[DataInfo], Layer] = field(repr=False)
    """Its layer tree for prepared data; Refused where it doesn't fit these."""


def network_named(name: str | PathLike[str]) -> Network:
    """The network of a published name, of a winner, of an exported folder, or of a file `architecture.json`."""
    path = Path(name)
    file = path if path.suffix == ".json" else exported(path) / ARCHITECTURE
    if path.suffix == ".json" or file.is_file():
        document = described(file)
        return Network(name=file.resolve().parent.name, layers=lambda info: _fitting(document, info))
    if (path / STUDY).is_file():
        raise Refused(f"{path} is the folder of a run", hint=f"nas train --run {quote(str(path))} --trial NUMBER")
    if len(path.parts) > 1:
        raise Refused(
            f"there is no file {path_text(file)}", hint="a network is a published name, an exported folder, or a .json"
        )
    architecture = catalog.network(str(name)).architecture
    return Network(name=str(name), layers=lambda info: _built(str(name), architecture.network, info))


def normed(network: Network, norm: str) -> Network:
    """The network with another norm throughout, as `layer` or `group:8`; Refused for one without norms."""
    other = norm_named(norm)
    name = f"{network.name}-{norm.replace(':', '')}"
    return Network(name=name, layers=lambda info: _normed(name, network.layers(info), other, info))


def network_of(run: Run, trial: int, study: Behind | None = None) -> tuple[Network, Recipe]:
    """The network of a trial, and the recipe that it was trained with.

    `study`, of a search its space, is needed where the run was started from a program, or from a file, whose code isn't
    run unasked. Raises Refused without it, for a trial that isn't finished, and for one of a final or an audit.
    """
    architecture, recipe = found_again(run, run.record(trial), study)
    name = f"{run.manifest.study.name}-{trial}"
    return Network(name=name, layers=lambda info: _built(name, architecture.network, info)), recipe


def train(
    network: Network | str | PathLike[str],
    recipe: Recipe | None = None,
    *,
    seed: int = 0,
    device: str = "auto",
    out: str | PathLike[str] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Model:
    """Train one network from scratch; the model knows its curve (`history`, `figure`), which a notebook sees grow.

    `network` is a published name, an exported folder, a file `architecture.json`, or what `network_of` says of a trial;
    `normed` gives one another norm.
    With a folder as `out` it is exported there, and a training that is interrupted, or killed, goes on after its last
    whole epoch when the same call is made again, on a CPU to the same numbers; one that is over is loaded. `on_epoch`
    is told of each epoch. Raises Refused for what doesn't fit, Missing without data or device, NasError where the loss
    explodes, StorageFailed where a disk refuses.
    """
    require_seed(seed)
    chosen = network if isinstance(network, Network) else network_named(network)
    place, folder = devices.device(device), None if out is None else Path(out)
    if folder is not None:
        require_folder(folder)
    recipe = settled_on(recipe or Recipe(), place.kind)
    info = data.prepare_for(recipe)
    on_epoch = on_epoch or watcher(chosen.name, recipe.epochs, table=bool(info.target)) or unwatched
    if info.task == "regression":
        require_plain(lambda name: [getattr(recipe, name)], info)
    layer = chosen.layers(info)
    if folder is None:
        return _trained(chosen.name, layer, recipe, seed, info, place, on_epoch)
    if done := _held(folder, layer, recipe, seed, info):
        return done
    require_new(folder)
    with _reserved(folder):
        checkpoint = checkpoint_of(folder)
        _require_own(checkpoint, folder, identity_of(layer, recipe, info, seed, torch.device(place.kind)))
        try:
            model = _trained(chosen.name, layer, recipe, seed, info, place, on_epoch, checkpoint)
        except exports.Diverged:
            checkpoint.unlink(missing_ok=True)  # it would diverge again
            raise
        exports.write(model, folder)
        checkpoint.unlink(missing_ok=True)
    return model


def _require_own(checkpoint: Path, folder: Path, training: str) -> None:
    """Refuse a folder for which another training was interrupted: its epochs would be lost."""
    if epochs := Checkpoint(path=checkpoint, training=training).epochs_of_another():
        raise Refused(
            f"another training into {folder} was interrupted after {display.plural(epochs, 'epoch')}: "
            "another network, recipe, seed or data",
            hint=f"its own command goes on; choose another folder (-o), or remove {checkpoint} to give it up",
        )


def _held(folder: Path, layer: Layer, recipe: Recipe, seed: int, info: DataInfo) -> Model | None:
    """The network of a folder, if it is this very training's; Refused where another network lies there."""
    try:
        model = load(folder)
    except NasError:
        return None
    there = model.document
    if differences := _differences(there, layer, recipe, seed, info):
        hint = "choose another folder (-o), or train it as it was to see its result"
        raise Refused(f"{folder} holds another training: {', '.join(differences)}", hint=hint)
    return model


def _differences(there: Document, layer: Layer, recipe: Recipe, seed: int, info: DataInfo) -> list[str]:
    """In what a stored training differs from one that is asked for, in words."""
    said = [] if there.layers == layer else ["another network"]
    old, new = ({} if each is None else asdict(each) for each in (there.recipe, recipe))
    pairs = {name: (old.get(name), new[name]) for name in new} | {"seed": (there.seed, seed)}
    said += [f"{name} {before}, not {now}" for name, (before, now) in pairs.items() if before != now]
    return said or ([] if there.data_key == info.key else [f"data {there.data_key}, not {info.key}"])


@contextmanager
def _reserved(folder: Path) -> Iterator[None]:
    """Keep a new folder for what is being trained, empty; refused before hours of training where it can't be made.

    Refused, too, where another process trains into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(f"{folder} can't be written: {error.strerror}") from None
    with alone(folder):
        require_new(folder)  # another process may just have been through
        try:
            yield
        finally:
            with suppress(OSError):
                folder.rmdir()  # nothing came of it


def _trained(
    name: str,
    layer: Layer,
    recipe: Recipe,
    seed: int,
    info: DataInfo,
    place: Device,
    on_epoch: Callable[[Epoch], None],
    checkpoint: Path | None = None,
) -> Model:
    told: list[Exception] = []

    def tell(epoch: Epoch) -> None:
        try:
            on_epoch(epoch)
        except Exception as error:
            told.append(error)
            raise

    devices.announce(place)
    try:
        with devices.first_card(place):
            model = exports.trained(layer, recipe, seed, info, place.kind, tell, checkpoint, watched=True)
    except NasError:
        raise
    except Exception as error:  # torch raises classes of its own
        if error in told:  # it is whose who looks on
            raise
        raise _failed(name, error) from error
    model.document = msgspec.structs.replace(model.document, name=name)
    return model


def _failed(name: str, error: Exception) -> NasError:
    """What torch says of a training that it can't do, in words."""
    if is_out_of_memory(error):
        way = "a smaller --batch-size, or --set checkpointing=true, needs less"
        return NasError(f"the training of {name} needs more memory than there is: {error}", hint=way)
    way = "--batch-size 2, or more, for one" if "more than 1 value per channel" in str(error) else ""
    return NasError(f"the training of {name} failed: {error}", hint=way)


def _built(name: str, build: Callable[[Shape, int], Layer], info: DataInfo) -> Layer:
    """A network that is made for any input, for this one."""
    try:
        with code_of_others(f"the code of {name} fails"):
            layer = build(info.shape, info.outputs)
            output_shape(layer, info.shape)
    except ImpossibleShape as impossible:
        hint = f"nas describe {name} tells the smallest input; --resolution resizes images"
        raise ImpossibleShape(f"{name} can't take {shape_text(info.shape)}: {impossible}", hint=hint) from None
    return layer


def _normed(name: str, layer: Layer, norm: Normalisation, info: DataInfo) -> Layer:
    try:
        changed = with_norm(layer, norm)
        output_shape(changed, info.shape)
    except ImpossibleShape as impossible:
        hint = "another norm, or another number of groups: --norm group:2"
        raise ImpossibleShape(f"{name} can't be: {impossible}", hint=hint) from None
    return changed


def _fitting(document: Document, info: DataInfo) -> Layer:
    """A network that was saved, if the data have its inputs and outputs."""
    outputs = 1 if document.target else len(document.classes)
    if (document.inputs, outputs) != (info.shape, info.outputs):
        theirs, ours = _ports(document.inputs, outputs), _ports(info.shape, info.outputs)
        raise Refused(f"this network has {theirs}, {info.name} needs {ours}")
    return document.layers


def _ports(inputs: Shape, outputs: int) -> str:
    return f"inputs of {shape_text(inputs)} and {outputs} outputs"
