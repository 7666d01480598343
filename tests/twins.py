"""torchvision's networks as a measure of ours: what torch counts on them, and their weights in our modules."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas.layers import Shape
from nas.modules import build
from spaces import NETWORKS
from spaces.network import Network

WEIGHTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


def named(name: str) -> Network:
    """Our published network of this name."""
    return next(network for network in NETWORKS if network.name == name)


def counted(theirs: nn.Module, inputs: Shape) -> tuple[int, int]:
    """Parameters and multiply-adds (half of the operations that torch counts) of a module on the meta device."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs.eval()(torch.empty(1, *inputs, device="meta"))
    operations = counter.get_total_flops()
    assert operations % 2 == 0
    return sum(p.numel() for p in theirs.parameters()), operations // 2


def answers(ours: Network, theirs: nn.Module, inputs: Shape) -> tuple[torch.Tensor, torch.Tensor]:
    """What both give for the same images once ours has, in order, the weights and statistics of theirs.

    Statistics and scales are made random first: a norm that is left out or has another epsilon would show.
    """
    generator = torch.Generator().manual_seed(0)
    mine = build(ours.architecture.network(inputs, ours.classes), inputs)
    pairs = zip(_weighted(mine), _weighted(theirs), strict=True)
    images = torch.randn(2, *inputs, generator=generator)
    with torch.no_grad():
        for own, their in pairs:
            if isinstance(their, nn.BatchNorm2d):
                assert isinstance(own, nn.BatchNorm2d)
                their.running_mean.uniform_(-0.1, 0.1, generator=generator)  # type: ignore[union-attr]
                their.running_var.uniform_(0.01, 0.1, generator=generator)  # type: ignore[union-attr]
                their.weight.uniform_(0.2, 0.4, generator=generator)
            own.load_state_dict(their.state_dict())
        return mine.eval()(images), theirs.eval()(images)


def _weighted(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, WEIGHTED)]
