"""Names of a module's parts, which are the keys of its weights: `stage_1.block_2.residual.branch.conv_1.weight`."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Container, Iterable, Sequence

from torch import nn

from nas import layers
from nas.layers import Layer

KINDS: dict[type[Layer], str] = {
    layers.Convolution: "conv",
    layers.Normalisation: "norm",
    layers.Pooling: "pool",
    layers.AdaptivePooling: "pool",
    layers.SqueezeExcite: "squeeze_excite",
    layers.Sequence: "block",
    layers.Repetition: "blocks",
    layers.DenseConcatenation: "dense",
}
"""What people call layers; others go by their own name."""
TAKEN = nn.Sequential()
"""Its attributes are no names of parts."""


def names_of(row: Sequence[Layer]) -> list[str]:
    """A name for each layer of a row: its own, or its kind, with a number where there are several."""
    plain = [_name(layer) for layer in row]
    counts, numbers = Counter(plain), Counter[str]()
    names: dict[str, None] = {}
    for name in plain:
        numbers[name] += 1
        names[unique(f"{name}_{numbers[name]}" if counts[name] > 1 else name, names, "_")] = None
    return [*names]


def by_position(module: nn.Module, name: str) -> str:
    """The name that a tensor has where the parts of rows are numbered from 0: in files before rows had names."""
    places: list[str] = []
    *path, tensor = name.split(".")
    for part in path:
        children = list(module._modules)
        places.append(str(children.index(part)) if isinstance(module, nn.Sequential) else part)
        module = module.get_submodule(part)
    return ".".join([*places, tensor])


def at_position(module: nn.Module, places: Iterable[int]) -> str:
    """The name of the part that is reached by these positions, counted from 0, from row to row."""
    names: list[str] = []
    for place in places:
        name, module = list(module.named_children())[place]
        names.append(name)
    return ".".join(names)


def attribute(name: str) -> str:
    """A text as the name of a part of a module."""
    plain = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_")
    free = plain.isidentifier() and not keyword.iskeyword(plain) and not hasattr(TAKEN, plain)
    return plain if free else f"part_{plain}"


def unique(name: str, taken: Container[str], mark: str = "") -> str:
    """The name, with a number if it is taken."""
    number, chosen = 2, name
    while chosen in taken:
        chosen, number = f"{name}{mark}{number}", number + 1
    return chosen


def _name(layer: Layer) -> str:
    if isinstance(layer, layers.Sequence) and layer.name:
        return attribute(layer.name)
    if isinstance(layer, layers.Custom):
        return attribute(layer.kind)
    if isinstance(layer, layers.Activation):
        return layer.function
    return KINDS.get(type(layer), type(layer).__name__.lower())
