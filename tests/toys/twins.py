"""torchvision's networks as a measure of ours: what torch counts on them, and their weights in our modules."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.layers import Shape
from nas.training.modules import build
from spaces import NETWORKS
from spaces.network import Network

WEIGHTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


def named(name: str) -> Network:
    """Our published network of this name."""
    return next(network for network in NETWORKS if network.name == name)


def parameters(theirs: nn.Module) -> int:
    """Trainable numbers of a module."""
    return sum(p.numel() for p in theirs.parameters())


def multiply_adds(theirs: nn.Module, inputs: Shape) -> int:
    """Half of the operations that torch counts on a module on the meta device."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs.eval()(torch.empty(1, *inputs, device="meta"))
    operations = counter.get_total_flops()
    assert operations % 2 == 0
    return operations // 2


def answers(ours: Network, theirs: nn.Module, inputs: Shape) -> tuple[torch.Tensor, torch.Tensor]:
    """What both give for the same two images once ours has, in order, the weights and statistics of theirs.

    Scales are made random and statistics those of the images, so that a norm left out or with another epsilon shows,
    and the answers differ from image to image.
    """
    generator = torch.Generator().manual_seed(0)
    mine = build(ours.architecture.network(inputs, ours.classes), inputs)
    images = torch.randn(2, *inputs, generator=generator)
    with torch.no_grad():
        for norm in theirs.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.weight.uniform_(0.5, 1.5, generator=generator)
                norm.bias.uniform_(-0.5, 0.5, generator=generator)
                norm.momentum = None  # the mean over all batches, which are one
        theirs.train()(images)
        for own, their in zip(_weighted(mine), _weighted(theirs), strict=True):
            own.load_state_dict(their.state_dict())
        return mine.eval()(images), theirs.eval()(images)


def _weighted(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, WEIGHTED)]
