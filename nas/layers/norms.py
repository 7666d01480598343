"""One network with another norm: the same tree, each of its norms replaced."""

from __future__ import annotations

from typing import cast, get_args

from nas.errors import Refused
from nas.layers.combinators import Concatenation, DenseConcatenation, Layer, Repetition, Residual, Sequence
from nas.layers.leaves import Normalisation, NormKind


def norm_named(text: str) -> Normalisation:
    """The norm of a kind, for `group` with its number of groups: `layer`, `group:8`."""
    name, colon, groups = text.partition(":")
    kinds = get_args(NormKind)
    if name not in kinds or (colon and name != "group"):
        raise Refused(f"there is no norm {text!r}", hint=f"norms: {', '.join(kinds)}; group:8 has 8 groups")
    kind = cast(NormKind, name)
    try:
        return Normalisation(kind=kind, groups=int(groups)) if colon else Normalisation(kind=kind)
    except ValueError:
        raise Refused(f"group: takes a number of groups of at least 1, got {text!r}", hint="group:8") from None


def with_norm(layer: Layer, norm: Normalisation) -> Layer:
    """The network with this norm, all its settings included, in place of each of its own; Refused where it has none.

    Layers before a norm have no bias, and get none where the new norm is `none`.
    """
    if not _has_norm(layer):
        raise Refused("this network has no norm that another could replace", hint="lenet_bn is LeNet with norms")
    return _replaced(layer, norm)


def _has_norm(layer: Layer) -> bool:
    match layer:
        case Normalisation():
            return layer.kind != "none"
        case Sequence(layers=children) | Concatenation(branches=children):
            return any(map(_has_norm, children))
        case Residual():
            return _has_norm(layer.branch) or _has_norm(layer.shortcut)
        case Repetition(layer=inner) | DenseConcatenation(branch=inner):
            return _has_norm(inner)
        case _:
            return False


def _replaced(layer: Layer, norm: Normalisation) -> Layer:
    match layer:
        case Normalisation():
            return layer if layer.kind == "none" else norm
        case Sequence():
            return Sequence(layers=tuple(_replaced(child, norm) for child in layer.layers), name=layer.name)
        case Repetition():
            return Repetition(layer=_replaced(layer.layer, norm), times=layer.times)
        case Residual():
            return Residual(branch=_replaced(layer.branch, norm), shortcut=_replaced(layer.shortcut, norm))
        case Concatenation():
            return Concatenation(branches=tuple(_replaced(branch, norm) for branch in layer.branches))
        case DenseConcatenation():
            return DenseConcatenation(branch=_replaced(layer.branch, norm))
        case _:
            return layer
