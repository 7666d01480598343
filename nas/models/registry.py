"""Networks by name, for programs that use them: published ones, and winners that come with this program.

A winner is an exported folder in `nas/models/winners`, with its weights; published networks come with random ones.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import NamedTuple

import torch

from nas.errors import Refused
from nas.errors.suggestions import near
from nas.layers import Shape, identity
from nas.layers.base import LARGEST
from nas.models.document import Document, require_sound, unmeasured
from nas.models.folder import ARCHITECTURE, check_hashes, winners
from nas.models.heads import class_names, with_width
from nas.models.model import Model, described, load
from nas.models.transfer import adapted, seeded, statistics_changed, with_new_layers
from nas.study import catalog
from nas.training.modules import build, initialize

UNTRAINED = 0.5
"""Mean and standard deviation of each channel where no data gave them: pixels of [0, 1] become [-1, 1]."""


def list_models(pattern: str = "*", *, pretrained: bool = False) -> list[str]:
    """Names that `create_model` takes, sorted, those that match a pattern as of file names: `resnet*`, `fashion-*`.

    With `pretrained` only those whose weights come with this program.
    """
    if not isinstance(pattern, str):
        raise Refused(f"a pattern is a text such as 'resnet*', got {pattern!r:.80}")
    published = [] if pretrained else [network.name for network in catalog.networks()]
    return sorted(name for name in {*winners(), *published} if fnmatchcase(name, pattern))


def create_model(
    name: str,
    pretrained: bool = False,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    input_size: int | None = None,
    seed: int = 0,
) -> Model:
    """The network of a name that `list_models` lists, in evaluation mode as after `nas.load`.

    `pretrained` brings the weights that come with this program, else they are random, from `seed`: convolutions He's,
    linear layers N(0, 0.01). Other `num_classes` than the network has make its last layer new, from `seed`; other
    `in_chans` adapt the first layer (`nas.models.transfer`); `input_size` is height and width of an image in pixels,
    None what the network was made for. Raises Refused for what doesn't exist or fit.
    """
    ports = _Ports(num_classes, in_chans, input_size)
    ports.require_sound()
    folder = winners().get(str(name))
    if folder is None:
        return _random(_published(name, pretrained, ports), seed)
    check_hashes(folder)
    document = described(folder / ARCHITECTURE)
    if document.target and ports != _Ports():
        raise Refused(f"{name} predicts {document.target} from a table: it has no classes, channels or size to change")
    if pretrained:
        return _trained(load(folder), ports, seed)
    document = unmeasured(document, f"{name} with random weights")
    return _random(_for_images(_for_classes(document, ports), ports), seed)


class _Ports(NamedTuple):
    """What a network takes and says where it differs from what it was made for, else None."""

    classes: int | None = None
    channels: int | None = None
    size: int | None = None

    def require_sound(self) -> None:
        """Refuse what is no number of classes, channels or pixels."""
        class_names(1 if self.classes is None else self.classes)
        for option, value in (("in_chans", self.channels), ("input_size", self.size)):
            if value is not None and (type(value) is not int or not 1 <= value <= LARGEST):
                raise Refused(f"{option} must be a whole number from 1 to {LARGEST:,}, got {value!r}")

    def inputs(self, made_for: Shape) -> Shape:
        """Channels, height and width of an image."""
        channels, height, width = made_for
        return (self.channels or channels, self.size or height, self.size or width)


def _published(name: str, pretrained: bool, ports: _Ports) -> Document:
    """The document of a published network, of its published size unless another is given."""
    if name not in list_models():
        raise _unknown(str(name))
    if pretrained:
        raise _without_weights(name)
    network = catalog.network(name)
    inputs, classes = ports.inputs(network.inputs), ports.classes or network.classes
    layers = network.architecture.network(inputs, classes)
    document = Document(
        layers=layers,
        inputs=inputs,
        classes=class_names(classes),
        mean=(UNTRAINED,) * inputs[0],
        std=(UNTRAINED,) * inputs[0],
        architecture=identity(layers),
        origin=f"the published network {name} with random weights",
    )
    require_sound(document)
    return document


def _for_classes(document: Document, ports: _Ports) -> Document:
    """The document of an untrained network for other classes, if other ones are requested."""
    if ports.classes in (None, len(document.classes)):
        return document
    classes = class_names(ports.classes or 0)
    return unmeasured(document, layers=with_width(document.layers, len(classes), document.inputs), classes=classes)


def _for_images(document: Document, ports: _Ports) -> Document:
    """The document of a network for other images, if other ones are requested; nothing of a training is claimed."""
    if ports.channels is ports.size is None:
        return document
    inputs = ports.inputs(document.inputs)
    mean, std = (statistics_changed(values, inputs[0]) for values in (document.mean, document.std))
    return unmeasured(document, inputs=inputs, mean=mean, std=std)


def _random(document: Document, seed: int) -> Model:
    model = Model(document)
    initialize(model.network, seeded(seed))
    return model.eval().to(memory_format=torch.channels_last)


def _trained(model: Model, ports: _Ports, seed: int) -> Model:
    """A network with weights, its last and first layers changed where that is requested."""
    if ports == _Ports():
        return model
    before = model.document.inputs
    if ports.classes not in (None, len(model.classes)):
        model.reset_classifier(ports.classes or 0, seed=seed)
    if ports.inputs(before) != before:
        document = _for_images(model.document, ports)
        target = build(document.layers, document.inputs)
        model.network = with_new_layers(model.network, target, adapted(before, document.inputs))
        model.forget(document)
    return model.eval().to(memory_format=torch.channels_last)


def _unknown(name: str) -> Refused:
    close = near(name, list_models(), 3)
    guess = f"; did you mean {' or '.join(close)}?" if close else ""
    return Refused(
        f"there is no network {name!r:.80}{guess}", hint="nas.list_models() lists all; nas.load takes folders"
    )


def _without_weights(name: str) -> Refused:
    there = ", ".join(winners()) or "none"
    return Refused(
        f"no weights of {name} come with this program; networks with weights: {there}",
        hint=f"pretrained=False, or nas.load_torchvision({name!r}, weights=...) where torchvision has them",
    )
