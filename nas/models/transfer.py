"""Weights of a network in another one that differs in a few layers: for other classes, or for other channels.

Layers that stay keep their very modules, so that optimizers and hooks keep hold of them; those that differ are new.
The first layer is adapted to other channels as timm does it: its weights are summed for one channel, else repeated in
turn and scaled, so that a grey image in every channel gives the same output as before.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from nas.errors import Refused
from nas.layers import Shape, shape_text
from nas.training.modules import initialize

SEEDS = 2**63
"""What seeds lie below."""
Settle = Callable[[nn.Module, nn.Module], None]
"""Sets the weights of a new layer, given it and the old one."""


def with_new_layers(network: nn.Module, target: nn.Module, settle: Settle, always: str | None = None) -> nn.Module:
    """A network whose layers have the shapes of a target's: those that differ are the target's own, once settled.

    The layer of the name `always` is new even where its shape stays.
    """
    old = dict(network.named_modules())
    for name, layer in target.named_modules():
        if name not in old:
            raise changed(name)
        if name != always and _shapes(layer) == _shapes(old[name]):
            continue
        like = next(old[name].parameters(recurse=False), torch.empty(0))
        settle(layer, old[name])
        layer.to(device=like.device, dtype=like.dtype).train(old[name].training)
        if name:
            network.set_submodule(name, layer)
        else:
            network = layer
    return network


def changed(part: str) -> Refused:
    """The error for a network whose modules somebody else changed, with a part that its document doesn't have so."""
    return Refused(
        f"the network isn't the one of its document any more: {part!r} is missing, extra or of another shape",
        hint="model.reset_classifier(CLASSES) puts another last layer in place; model.compile() compiles in place",
    )


def fresh(seed: int) -> Settle:
    """Random weights, as before a training: linear layers N(0, 0.01), convolutions He's, biases 0."""
    generator = seeded(seed)
    return lambda layer, old: initialize(layer, generator)


def seeded(seed: int) -> torch.Generator:
    """A generator that begins with a seed."""
    require_seed(seed)
    return torch.Generator().manual_seed(seed)


def require_seed(seed: int) -> None:
    """Refuse what is no seed."""
    if type(seed) is not int or not 0 <= seed < SEEDS:
        raise Refused(f"seed must be a whole number from 0 to 2**63 - 1, got {seed!r}")


def adapted(before: Shape, after: Shape) -> Settle:
    """The weights of a first layer for images of other channels; refused where others than it would change."""

    def settle(layer: nn.Module, old: nn.Module) -> None:
        if not isinstance(layer, nn.Conv2d | nn.Linear) or not isinstance(old, nn.Conv2d | nn.Linear):
            raise _unfit(before, after)
        weight = channels_changed(old.weight.detach(), before[0], after[0])
        if weight is None or weight.shape != layer.weight.shape:
            raise _unfit(before, after)
        layer.load_state_dict(old.state_dict() | {"weight": weight})

    return settle


def channels_changed(weight: Tensor, before: int, after: int) -> Tensor | None:
    """Weights (outputs, before x ..., ...) for other channels; None where they don't begin with these channels."""
    if weight.shape[1] % before:
        return None
    planes = weight.reshape(len(weight), before, -1, *weight.shape[2:])  # (outputs, before, pixels, ...)
    if after == 1:
        return planes.sum(1)
    order = torch.arange(after, device=weight.device) % before
    return (planes[:, order] * (before / after)).flatten(1, 2)


def statistics_changed(values: tuple[float, ...], after: int) -> tuple[float, ...]:
    """Means or deviations for other channels: their average for one, else in turn."""
    if after == 1:
        return (sum(values) / len(values),)
    return tuple(values[place % len(values)] for place in range(after))


def _unfit(before: Shape, after: Shape) -> Refused:
    return Refused(
        f"weights for {shape_text(before)} don't fit a network for {shape_text(after)}",
        hint="pretrained=False builds it with random weights; or resize the images, which predict does by itself",
    )


def _shapes(layer: nn.Module) -> list[torch.Size]:
    """Of the weights and statistics of one layer, those of its parts aside."""
    return [tensor.shape for tensor in (*layer.parameters(recurse=False), *layer.buffers(recurse=False))]
