"""Where the head of a network begins, and which of its layers makes the classes: found in the layer tree.

The head is the part that is named so or, if it comes earlier, the part with the last convolution or linear layer, which
makes the classes: before it are the features. That layer can be given another width.
"""

from __future__ import annotations

from collections.abc import Sequence as Many

from msgspec.structs import replace

from nas.errors import Refused
from nas.layers import (
    Concatenation,
    Convolution,
    DenseConcatenation,
    Layer,
    Linear,
    Repetition,
    Residual,
    Sequence,
    Shape,
    output_shape,
    shape_text,
)
from nas.layers.base import LARGEST
from nas.training.names import KINDS

HEAD = "head"
"""What families call the part that pools and classifies."""
Path = tuple[int, ...]
"""Positions from the outermost sequence down to a layer."""


def head_start(layer: Layer) -> int:
    """Position of the first part of the head in the outermost sequence; 0 where the network is no sequence."""
    if not isinstance(layer, Sequence):
        return 0
    named = [place for place, part in enumerate(layer.layers) if isinstance(part, Sequence) and part.name == HEAD]
    return min(*named[:1], *classifier(layer)[:1], len(layer.layers))


def with_width(layer: Layer, width: int, inputs: Shape) -> Layer:
    """The network with another number of outputs: its last convolution or linear layer has that width."""
    try:
        changed = _changed(layer, classifier(layer), width)
    except ValueError as error:
        raise Refused(f"this network can't have {width} classes: {error}") from None
    if output_shape(changed, inputs) != (width,):
        shape = shape_text(output_shape(changed, inputs))
        raise Refused(f"this network can't have {width} classes: its last layer with weights would make {shape}")
    return changed


def class_names(count: int, names: Many[str] = ()) -> tuple[str, ...]:
    """Names of so many classes, numbers where none are given."""
    if type(count) is not int or not 1 <= count <= LARGEST:
        raise Refused(
            f"num_classes must be a whole number from 1 to {LARGEST:,}, got {count!r}",
            hint="model.forward_features gives what comes before the classes",
        )
    if not isinstance(names, list | tuple) or (names and not len(names) == len(set(map(str, names))) == count):
        raise Refused(f"classes must be {count} different names, got {names!r:.200}")
    if odd := next((name for name in map(str, names) if not _is_text(name)), None):
        raise Refused(f"names of classes are texts that files can hold, got {odd!r:.80}")
    return tuple(map(str, names or range(count)))


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def classifier(layer: Layer) -> Path:
    """The way to the last convolution or linear layer; refused where it stands in a branch."""
    path = _last(layer)
    if path is None:
        raise Refused("this network has no convolution or linear layer that makes its classes")
    return path


def _last(layer: Layer) -> Path | None:
    match layer:
        case Convolution() | Linear():
            return ()
        case Sequence():
            ways = ((place, _last(part)) for place, part in reversed(list(enumerate(layer.layers))))
            return next(((place, *way) for place, way in ways if way is not None), None)
        case Repetition():
            way = _last(layer.layer)
            return None if way is None else (layer.times - 1, *way)
        case Residual() | Concatenation() | DenseConcatenation():
            raise Refused(f"the last weights of this network are in a {layer.title}: no one layer is the last")
        case _:
            return None


def _changed(layer: Layer, path: Path, width: int) -> Layer:
    """The layer at the end of a way with another width; a repetition on the way is written out."""
    if isinstance(layer, Convolution | Linear):
        return replace(layer, width=width)
    place, *rest = path
    parts = (layer.layer,) * layer.times if isinstance(layer, Repetition) else getattr(layer, "layers", ())
    inner = _changed(parts[place], tuple(rest), width)
    name = layer.name if isinstance(layer, Sequence) else KINDS[Repetition]  # its parts keep their names
    return Sequence(name=name, layers=(*parts[:place], inner, *parts[place + 1 :]))
