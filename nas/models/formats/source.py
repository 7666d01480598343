"""A trained network as one readable file of plain torch, which imports nothing of ours, and its weights beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from safetensors.torch import save
from torch import Tensor

from nas.layers import Layer, Shape, identity, shape_text
from nas.models import card
from nas.models.document import Document
from nas.models.formats.classes import Writer, own_modules
from nas.models.formats.definitions import Shapes
from nas.models.formats.layout import constant, docstring, lines, literal
from nas.models.formats.own_classes import source_of
from nas.models.formats.parts import Row, parts_of
from nas.study import Recipe

IMPORTS = """from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load as tensors_of
from torch import Tensor, nn
"""
WIDEST = 18
"""Columns of the names of facts."""

IMAGES = '''def preprocess(images: Tensor) -> Tensor:
    """Images as the network was trained on them, in float32.

    Takes uint8 pixels or floats in [0, 1], (batch, channels, height, width).
    """
    if images.dim() != 4 or images.shape[1] != INPUTS[0]:
        shape = f"(batch, {INPUTS[0]}, height, width)"
        raise ValueError(f"images must be {shape}, got {tuple(images.shape)}")
    pixels = images.float() if images.is_floating_point() else images.float() / 255
    if pixels.shape[2:] != INPUTS[1:]:
        pixels = nn.functional.interpolate(
            pixels, INPUTS[1:], mode="bilinear", antialias=True
        )
    mean = torch.tensor(MEAN, device=pixels.device).view(1, -1, 1, 1)
    std = torch.tensor(STD, device=pixels.device).view(1, -1, 1, 1)
    return (pixels - mean) / std
'''
ROWS = '''def preprocess(features: Tensor) -> Tensor:
    """Rows as the network was trained on them, in float32.

    Takes (batch, features) in the order of FEATURES; NaN where a number is missing.
    """
    mean, std = (torch.tensor(n, device=features.device).double() for n in (MEAN, STD))
    return ((features.double() - mean) / std).nan_to_num(0.0).float()
'''
LOAD = '''def load(weights: Path = WEIGHTS) -> Net:
    """The network with its weights, in evaluation mode; a damaged file is refused."""
    data = weights.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ValueError(f"{weights} is damaged: its SHA-256 isn't {SHA256}")
    network = Net()
    network.load_state_dict(tensors_of(data))
    return network.eval()
'''
WRONG = '''@torch.inference_mode()
def evaluate(network: Net, images: Tensor, labels: Tensor) -> float:
    """Share of the images that the network gets wrong{arithmetic}."""
    {network}wrong = 0
    for some, right in zip(images.split(BATCH), labels.split(BATCH)):
        wrong += int((network(preprocess(some){type}).argmax(1) != right).sum())
    return wrong / len(labels)
'''
ROOT_MEAN_SQUARE = '''def predict(network: Net, features: Tensor) -> Tensor:
    """The target of each row, in its own unit."""
    outputs = network(preprocess(features){type}).squeeze(1)
    return outputs.double() * TARGET_STD + TARGET_MEAN


@torch.inference_mode()
def evaluate(network: Net, features: Tensor, targets: Tensor) -> float:
    """Root mean squared error over the target's deviation{arithmetic}."""
    {network}parts = features.split(BATCH)
    errors = torch.cat([predict(network, part) for part in parts]) - targets
    return float(errors.div(TARGET_STD).square().mean().sqrt())
'''
BFLOAT16 = '''def rounded(network: Net) -> Net:
    """The network as its error was measured: all weights but those of norms in bfloat16."""
    network = deepcopy(network)
    for part in network.modules():
        if "Norm" not in type(part).__name__:
            for parameter in part.parameters(recurse=False):
                parameter.data = parameter.data.bfloat16()
    return network
'''


def source(document: Document, tensors: Mapping[str, Tensor]) -> tuple[str, bytes]:
    """The text of the file, and the weights in the safetensors format under the names that its `Net` has.

    `tensors` are those of the module that we build of the same layers: the same ones in the same order.
    """
    whole = parts_of(document.layers, document.inputs)
    writer = Writer(Shapes(whole))
    weights = save(dict(zip(writer.tensors(whole), tensors.values(), strict=True)))
    rounded = document.test is None and document.recipe is not None and document.recipe.precision == "bfloat16"
    parts = [
        [
            *docstring(_facts(document), 0),
            "",
            *_imports(rounded),
            "",
            *_constants(document, hashlib.sha256(weights).hexdigest()),
        ],
        _classes(whole, writer),
        (ROWS if document.target else IMAGES).splitlines(),
        LOAD.splitlines(),
        *([BFLOAT16.splitlines()] if rounded else []),
        _evaluation(document, rounded).splitlines(),
    ]
    return "\n\n\n".join("\n".join(part) for part in parts) + "\n", weights


def network_source(layer: Layer, inputs: Shape) -> str:
    """The text of the network alone, without weights; it is made without memory for them."""
    with torch.device("meta"):
        whole = parts_of(layer, inputs)
        classes = "\n".join(_classes(whole, Writer(Shapes(whole))))
    head = f"{identity(layer)}: a network for {shape_text(inputs)} in plain torch, without its weights."
    use = f"    outputs = Net()(inputs)  # normalized, ({', '.join(('batch', *map(str, inputs)))})"
    imports = ["from __future__ import annotations", "", *(["import torch"] if "torch." in classes else [])]
    top = [*docstring(f"{head}\n\n{use}", 0), "", *imports, "from torch import Tensor, nn"]
    return "\n".join([*top, "", "", classes, ""])


def _imports(rounded: bool) -> list[str]:
    lines = IMPORTS.splitlines()
    position = lines.index("from pathlib import Path")
    return [*lines[:position], *(["from copy import deepcopy"] if rounded else []), *lines[position:]]


def _evaluation(document: Document, rounded: bool) -> str:
    """The functions that measure the error, in the arithmetic in which it was recorded."""
    text = ROOT_MEAN_SQUARE if document.target else WRONG
    if not rounded:
        return text.format(arithmetic="", network="", type="")
    kind = ".to(next(network.parameters()).dtype)" if document.target else ".bfloat16()"
    return text.format(arithmetic=", in bfloat16", network="network = rounded(network)\n    ", type=kind)


def _classes(whole: Row, writer: Writer) -> list[str]:
    """All classes."""
    text: list[str] = []
    for module in own_modules(whole):
        text += [*source_of(module).splitlines(), "", ""]
    for definition in writer.shapes.definitions.values():
        text += [*writer.definition(definition), "", ""]
    return text + writer.network(whole)


def _constants(document: Document, sha256: str) -> list[str]:
    text = [
        'WEIGHTS = Path(__file__).with_suffix(".safetensors")',
        f'SHA256 = "{sha256}"',
        *lines(constant(document.inputs), 0, "INPUTS = "),
        *lines(constant(document.mean), 0, "MEAN = "),
        *lines(constant(document.std), 0, "STD = "),
        f"BATCH = {(document.recipe or Recipe()).evaluation_batch_size}",
    ]
    if not document.target:
        return [*text, *lines(constant(document.classes), 0, "CLASSES = ")]
    features = [name for column in document.columns for name in column.features]
    text += lines(constant(features), 0, "FEATURES = ")
    text += [f"TARGET = {literal(document.target)}"]
    return [*text, f"TARGET_MEAN, TARGET_STD = {document.target_mean!r}, {document.target_std!r}"]


def _facts(document: Document) -> str:
    """The card without its Markdown."""
    facts = [f"{name + '  ':<{WIDEST}}{value}" for name, value in card.facts(document).items()]
    shape = ", ".join(("batch", *map(str, document.inputs)))
    many = len(document.classes) or 1
    given = "features" if document.target else "images"
    use = [
        "    network = load()",
        f"    outputs = network(preprocess({given}))  # ({shape}) to (batch, {many})",
    ]
    head = f"{document.architecture}: a network for {shape_text(document.inputs)} in plain torch."
    return "\n".join(
        [head, "", card.origin(document), "", *facts, "", *use, "", card.caution(document).replace("\n", " ")]
    )
