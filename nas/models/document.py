"""Everything that comes with the weights of one trained network, so that it comes back without study and family."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import msgspec

from nas.data import Column, DataInfo
from nas.errors import Refused
from nas.layers import Layer, Shape, output_shape, shape_text
from nas.layers.serialization import LARGEST_JSON, identity
from nas.study import Recipe

SCHEMA_VERSION = 1
LARGEST_INPUT = 2**26
"""Most elements of one image."""


class _Stamp(msgspec.Struct):
    """The one entry that every version has; what else there is, is left unread."""

    schema_version: int = SCHEMA_VERSION


class HeldOut(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the held-out test split says of a finalist; errors are as in `Document`."""

    error: float
    """Of these weights, those of the first seed: fixed before the test split was read."""
    mean: float
    """Of the trainings with all seeds."""
    deviation: float | None
    """Standard deviation over seeds; None for a single one."""
    low: float
    """Lower end of the 95 % interval of the mean, over images and, with several, seeds."""
    high: float
    """Its upper end."""
    images: int
    """Images or rows of the test split."""
    seeds: int
    """Trainings that were completed and tested."""
    readings: int
    """How often the test split had been read for networks of the run, this time included."""
    search: str = ""
    """Command of the run that it was chosen from, or its study as `nas run` takes it; empty where neither is known."""
    searched: int = 0
    """Trainings of that run."""
    search_hours: float = 0.0
    """Time of all of them, each on one core or card."""
    command: str = ""
    """Command that tested it; empty where it isn't known."""
    hours: float = 0.0
    """Time of its trainings with all seeds, each on one core or card."""


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network, what it was trained on, and how well it did."""

    schema_version: int = SCHEMA_VERSION
    """Of this description."""
    layers: Layer
    """The network."""
    inputs: Shape
    """Channels, height, width of one image; features of a row."""
    classes: tuple[str, ...]
    """Name of each output; none where it is a number."""
    mean: tuple[float, ...]
    """Mean of each channel, pixels in [0, 1], or of each feature."""
    std: tuple[float, ...]
    """Standard deviation of each channel, pixels in [0, 1], or of each feature."""
    architecture: str
    """Identity of the network."""
    data: str = ""
    """Name or path of the data set; empty, as all that follows of a training, where these weights weren't measured."""
    data_key: str = ""
    """Identity of its content, split and resolution."""
    recipe: Recipe | None = None
    """How it was trained."""
    seed: int = 0
    """Of initial weights, order of data and augmentation."""
    error: float | None = None
    """Validation error of these weights: share of wrong images, or root mean squared error over the target's standard
    deviation; evaluated in float32 or as the recipe says, one thread. Where no image validated, of the first 2,000
    training images."""
    validation: int = 0
    """Images or rows that validated; 0 where all trained, so that the error is a training error."""
    trainings: int = 1
    """Of this network in its run, with a seed each."""
    mean_error: float | None = None
    """Mean validation error of all of them, by which it was chosen; None for a single one."""
    epochs: int = 0
    """Passes over the training images or rows."""
    name: str = ""
    """What it was called when it was trained by itself: a published name, or where it was found."""
    device: str = ""
    """Where it was trained and evaluated."""
    torch: str = ""
    """Version that trained it."""
    origin: str = ""
    """What a network began as whose error isn't known, in words: it is untrained, or was changed after its training."""
    study: str = ""
    """Name of the study."""
    space: str = ""
    """Name of the space."""
    trial: int = 0
    """Number of the trial in its run."""
    target: str = ""
    """Column that is predicted; empty for images."""
    target_mean: float = 0.0
    """Mean of the target over the training rows: what an output of 0 means."""
    target_std: float = 1.0
    """Standard deviation of the same: what an output of 1 adds to it."""
    columns: tuple[Column, ...] = ()
    """How the cells of a table become features."""
    test: HeldOut | None = None
    """What the test split says of a finalist; None for a network that it wasn't read for."""


def title(document: Document) -> str:
    """Its name, or its identity where it has none."""
    return document.name or document.architecture


def error_text(document: Document) -> str:
    """The error that says most, with its kind: of a tested network that of the test split; empty for one without."""
    if document.error is None:
        return ""
    if document.test:
        return f"test error {document.test.error:.4f}"
    return f"{'validation' if document.validation else 'training'} error {document.error:.4f}"


STRUCTURE = (
    *("layers", "inputs", "classes", "mean", "std"),
    *("target", "target_mean", "target_std", "columns"),
)
"""Fields that stay true whatever happens to the weights."""


def unmeasured(document: Document, origin: str = "", **changes: Any) -> Document:
    """The document of other weights, or of a changed network: nothing of the training is claimed any more."""
    kept = {name: getattr(document, name) for name in STRUCTURE} | changes
    before = document.origin or f"network {document.architecture}, trained on {document.data}"
    changed = Document(**kept, architecture=identity(kept["layers"]), origin=origin or before)
    require_sound(changed)
    return changed


def encode(document: Document) -> bytes:
    """The document as JSON for people and programs."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def decode(data: bytes | str) -> Document:
    """The document from JSON; whatever doesn't fit is refused in bounded time and memory."""
    if len(data) > LARGEST_JSON:
        raise Refused(f"a network's description has {len(data):,} bytes, at most {LARGEST_JSON:,} are read")
    try:
        version = msgspec.json.decode(data, type=_Stamp).schema_version
        document = msgspec.json.decode(data, type=Document) if version == SCHEMA_VERSION else None
    except RecursionError:
        raise Refused("a network's description is nested too deeply to be read") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused(f"not a network's description: {error}") from None
    if document is None:
        raise Refused(f"the description has schema version {version}, this program reads {SCHEMA_VERSION}; update it")
    require_sound(document)
    return document


def decode_file(path: Path, data: bytes | str) -> Document:
    """The same of what a file holds, which is named where it is refused."""
    try:
        return decode(data)
    except Refused as error:
        hint = error.hint or "nas export and nas train write descriptions of networks"
        raise type(error)(f"{path}: {error}", hint=hint) from None


def require_sound(document: Document) -> None:
    """Refuse inputs that no image has, shapes that can't be, and numbers that don't belong to this network."""
    inputs, channels = document.inputs, document.inputs[0] if document.inputs else 0
    if document.target:
        _require_table(document)
    elif len(inputs) != 3 or min(inputs) < 1 or prod(inputs) > LARGEST_INPUT:
        raise Refused(f"inputs must be channels, height and width of an image, got {shape_text(inputs)}")
    outputs = 1 if document.target else len(document.classes)
    if output_shape(document.layers, inputs) != (outputs,):
        shape = shape_text(output_shape(document.layers, inputs))
        raise Refused(f"the network has {shape} outputs for {'a number' if document.target else f'{outputs} classes'}")
    if document.architecture != (own := identity(document.layers)):
        raise Refused(f"the description is of network {document.architecture:.40}, its layers are those of {own}")
    if len(set(document.classes)) < len(document.classes):
        raise Refused("two classes have one name")
    _require_claims(document)
    if not len(document.mean) == len(document.std) == channels or min(document.std) <= 0:
        raise Refused(
            f"mean and std must be given for {channels} {'features' if document.target else 'channels'}, std above 0"
        )


def _require_claims(document: Document) -> None:
    """Refuse errors and counts that no training has."""
    test = document.test
    errors = (document.error, document.mean_error, *((test.error, test.mean) if test else ()))
    tested = (test.images, test.seeds, test.readings, test.searched) if test else ()
    counts = (document.validation, document.trainings, document.epochs, document.trial, *tested)
    most = float("inf") if document.target else 1.0
    if not all(error is None or 0 <= error <= most for error in errors) or min(counts) < 0:
        raise Refused("an error is a share from 0 to 1, of a number at least 0, and counts are at least 0")


def _require_table(document: Document) -> None:
    """Refuse a network for a number whose inputs aren't the features of its columns."""
    features = sum(len(column.features) for column in document.columns)
    if document.inputs != (features,) or not features:
        raise Refused(f"inputs must be the {features} features of the columns, got {shape_text(document.inputs)}")
    if document.classes or not document.target_std > 0:
        raise Refused("a number as target has no classes, and a standard deviation above 0")


def describe(
    layer: Layer, info: DataInfo, recipe: Recipe, seed: int, error: float, device: str, torch: str, architecture: str
) -> Document:
    """The document of a training that has ended; its study, space and trial are filled in later."""
    return Document(
        layers=layer,
        inputs=info.shape,
        classes=info.classes,
        mean=info.mean,
        std=info.std,
        architecture=architecture,
        data=info.name,
        data_key=info.key,
        recipe=recipe,
        seed=seed,
        error=error,
        validation=info.validation,
        epochs=recipe.epochs,
        device=device,
        torch=torch,
        target=info.target,
        target_mean=info.target_mean,
        target_std=info.target_std,
        columns=info.columns,
    )
