"""Every published network that torchvision has as well: its parameters and multiply-adds, counted by torch itself."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from nas.layers import cost
from spaces import FAMILIES, NETWORKS
from tests.toys.torchvisions import on_meta

OURS = {network.name: network for network in NETWORKS}
EXPECTED = {
    "alexnet": ("alexnet",),
    "densenet": ("densenet121", "densenet161", "densenet169", "densenet201"),
    "googlenet": ("googlenet",),
    "regnet": (
        *(f"regnet_x_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")),
        *(f"regnet_y_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")),
    ),
    "resnet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "wide_resnet50_2"),
    "resnext": ("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    "vgg": tuple(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
}
"""Networks that are compared, by the family that they must be in."""
BOTH = sorted(name for name in models.list_models(module=models) if name in OURS)


def test_no_network_is_left_out() -> None:
    """Those that are compared are all that torchvision has of our families under their names."""
    expected = [name for family in FAMILIES for name in EXPECTED.get(family, ())]
    assert sorted(expected) == BOTH
    theirs = {name for name in models.list_models(module=models) if name.startswith(tuple({*FAMILIES} & {*EXPECTED}))}
    assert theirs <= set(expected)


@pytest.mark.parametrize("name", BOTH)
def test_counts_are_torchvisions(name: str) -> None:
    """At the published input there are as many parameters, and half as many multiply-adds as torch counts operations.

    Where torchvision rounds widths otherwise than the paper, ours of its name differs, and the twin is equal.
    """
    theirs = on_meta(name)
    ours = OURS.get(f"{name}_torchvision", OURS[name])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs(torch.empty(1, *ours.inputs, device="meta"))
    found = cost(ours.architecture.network(ours.inputs, ours.classes), ours.inputs)
    assert found.parameters == sum(p.numel() for p in theirs.parameters())
    assert 2 * found.multiply_adds == counter.get_total_flops()
    if ours is not OURS[name]:
        paper = OURS[name]
        assert cost(paper.architecture.network(paper.inputs, paper.classes), paper.inputs) != found
