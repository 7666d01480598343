"""Everything that comes with the weights of one trained network, so that it comes back without study and family."""

from __future__ import annotations

import msgspec

from nas.data import DataInfo
from nas.errors import Refused
from nas.layers import Layer, Shape, cost
from nas.layers.forms import LARGEST_JSON
from nas.recipe import Recipe

SCHEMA_VERSION = 1


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network, what it was trained on, and how well it did."""

    schema_version: int = SCHEMA_VERSION
    """Of this description."""
    layers: Layer
    """The network."""
    inputs: Shape
    """Channels, height, width of one image."""
    classes: tuple[str, ...]
    """Name of each output."""
    mean: tuple[float, ...]
    """Mean of each channel, pixels in [0, 1]."""
    std: tuple[float, ...]
    """Standard deviation of each channel, pixels in [0, 1]."""
    architecture: str
    """Identity of the network."""
    data: str
    """Name or path of the data set."""
    data_key: str
    """Identity of its content, split and resolution."""
    recipe: Recipe
    """How it was trained."""
    seed: int
    """Of initial weights, order of data and augmentation."""
    error: float
    """Validation error of these weights, as a fraction; evaluated in float32 or as the recipe says, one thread."""
    validation: int
    """Images on which the error was measured."""
    epochs: int
    """Passes over the training images."""
    device: str
    """Where it was trained and evaluated."""
    torch: str
    """Version that trained it."""
    study: str = ""
    """Name of the study."""
    space: str = ""
    """Name of the space."""
    trial: int = 0
    """Number of the trial in its run."""


def encode(document: Document) -> bytes:
    """The document as JSON for people and programs."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def decode(data: bytes | str) -> Document:
    """The document from JSON; whatever doesn't fit is refused in bounded time and memory."""
    if len(data) > LARGEST_JSON:
        raise Refused(f"a network's description has {len(data):,} bytes, at most {LARGEST_JSON:,} are read")
    try:
        document = msgspec.json.decode(data, type=Document)
    except RecursionError:
        raise Refused("a network's description is nested too deeply to be read") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused(f"not a network's description: {error}") from None
    if document.schema_version != SCHEMA_VERSION:
        version = document.schema_version
        raise Refused(f"the description has schema version {version}, this program reads {SCHEMA_VERSION}; update it")
    cost(document.layers, document.inputs)  # refuses shapes that can't be
    return document


def describe(
    layer: Layer, info: DataInfo, recipe: Recipe, seed: int, error: float, device: str, torch: str, architecture: str
) -> Document:
    """The document of a training that has ended; who asked for it is filled in later."""
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
    )
