"""How people call the blocks, branches and parts of a network, and what they say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from nas.models.formats.parts import Block, Leaf, Part, Row
from nas.training.modules import SqueezeExcite

WORDS: Mapping[type[nn.Module], str] = {
    nn.BatchNorm1d: "norm",
    nn.BatchNorm2d: "norm",
    nn.Linear: "linear layer",
    nn.ReLU: "ReLU",
    nn.MaxPool2d: "max pool",
    nn.AvgPool2d: "average pool",
}
"""Layers in docstrings; others go by their class."""


def kernel_of(part: Part) -> int:
    """Edge of the largest convolution in a part; 1 for a linear layer, 0 without either."""
    if isinstance(part, Leaf):
        if issubclass(part.module, nn.Linear):
            return 1
        is_convolution = issubclass(part.module, nn.Conv2d)
        return next((s.value or 0 for s in part.slots if s.role == "kernel_size"), 0) if is_convolution else 0
    items = part.items if isinstance(part, Row) else part.branches
    return max(map(kernel_of, items), default=0)


def label(branch: Row) -> str:
    """How people call a branch: by its largest kernel, or by its pool."""
    if any(isinstance(item, Leaf) and item.module.__module__.endswith("pooling") for item in branch.items):
        return "pool"
    return f"{(kernel := kernel_of(branch))}x{kernel}"


def _leaves(part: Part) -> Iterator[Leaf]:
    match part:
        case Leaf():
            yield part
        case Row():
            for item in part.items:
                yield from _leaves(item)
        case Block():
            for row in part.branches:
                yield from _leaves(row)


def class_name(part: Row | Block) -> str:
    """The word of the papers for a block."""
    leaves = [leaf for row in (part.branches if isinstance(part, Block) else (part,)) for leaf in _leaves(row)]
    kernels = [kernel_of(leaf) for leaf in leaves if issubclass(leaf.module, nn.Conv2d)]
    linear = any(issubclass(leaf.module, nn.Linear) for leaf in leaves)
    if isinstance(part, Row):
        if any(leaf.module.__module__.endswith("pooling") for leaf in leaves):
            return "Transition"
        return "MLPLayer" if linear else "ConvolutionUnit" if len(kernels) == 1 else "ConvolutionBlock"
    if part.kind != "residual":
        return {"concatenation": "Inception", "dense": "DenseLayer"}[part.kind]
    if any(isinstance(item, Block) for item in part.branches[0].items):
        return "ResidualInception"
    order = _order(part, leaves)
    gate = "SqueezeExcite" if any(issubclass(leaf.module, SqueezeExcite) for leaf in leaves) else ""
    bottleneck = len(kernels) == 3 and kernels[0] == kernels[2] == 1
    shape = "Bottleneck" if bottleneck else "MLP" if linear else "Block"
    return f"{order or ('' if bottleneck else 'Residual')}{gate}{shape}"


def _order(block: Block, leaves: Sequence[Leaf]) -> str:
    """Whether norm and activation come before the layers with weights, and what is then special about a block."""
    if block.before.items:
        return "ProjectedPreActivation"
    if block.after.items or not leaves:
        return ""
    return "PreActivation" if "Norm" in leaves[0].module.__name__ else "Opening"


def name_of(parts: Sequence[Part]) -> str:
    """What a part without a name is called, from what it is made of."""
    if not all(isinstance(part, Leaf) for part in parts):
        return "body"
    words = [_word(part) for part in parts if isinstance(part, Leaf)]
    return next((name for name in ("pool", "norm", "dropout", "flatten") if name in words[0].lower()), "layers")


def sentence(part: Row | Block, kernels_differ: bool) -> str:
    """What a class computes."""
    if isinstance(part, Row):
        words = _list(part)
        if kernels_differ:
            words = re.sub(r"\d+x\d+ ", "", words, count=1)
        return f"{_capital(words)}."
    before = f"{_list(part.before)}; then " if part.before.items else ""
    after = f", then {_list(part.after)}" if part.after.items else ""
    branches = [_list(row) for row in part.branches]
    match part.kind:
        case "residual":
            shortcut = "the input or its projection" if part.shortcut.items else "the input"
            text = f"{branches[0]}; added to {shortcut}"
        case "concatenation":
            return "\n".join([f"Branches side by side, their channels joined{after}.", "", *branches])
        case _:
            text = f"{branches[0]}; joined to the input"
    return f"{_capital(before + text)}{after}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _list(row: Row) -> str:
    words = [_word(item) if isinstance(item, Leaf) else _inner(item) for item in row.items]
    return ", ".join(words) or "nothing"


def _inner(item: Row | Block) -> str:
    if isinstance(item, Row):
        return _list(item)
    return "joined branches" if item.kind == "concatenation" else f"{item.kind} block"


def _word(leaf: Leaf) -> str:
    if issubclass(leaf.module, nn.Conv2d):
        kernel = next(slot.value for slot in leaf.slots if slot.role == "kernel_size")
        return f"{kernel}x{kernel} convolution"
    if leaf.module in WORDS:
        return WORDS[leaf.module]
    return "norm" if "Norm" in leaf.module.__name__ else leaf.module.__name__
