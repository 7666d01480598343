"""Every published network that torchvision has as well: its parameters and multiply-adds, counted by torch itself."""

from __future__ import annotations

import re

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from nas.layers import cost
from spaces import NETWORKS
from tests.torchvisions import on_meta

OURS = {network.name: network for network in NETWORKS}
FAMILIES = r"alexnet|vgg\d+(_bn)?|googlenet|resnet\d+|wide_resnet50_2|resnext\w+|densenet\d+|regnet_\w+"
"""Names of torchvision's networks of families that are ours, too."""
EXPECTED = (
    "regnet_x_16gf",
    "regnet_x_1_6gf",
    "regnet_x_32gf",
    "regnet_x_3_2gf",
    "regnet_x_400mf",
    "regnet_x_800mf",
    "regnet_x_8gf",
    "regnet_y_128gf",
    "regnet_y_16gf",
    "regnet_y_1_6gf",
    "regnet_y_32gf",
    "regnet_y_3_2gf",
    "regnet_y_400mf",
    "regnet_y_800mf",
    "regnet_y_8gf",
)
"""Networks that are compared."""
BOTH = sorted(name for name in models.list_models(module=models) if name in OURS)


def test_no_network_is_left_out() -> None:
    """Those that are compared are all that bear a name of torchvision's, and none of other families."""
    assert tuple(BOTH) == EXPECTED
    assert all(re.fullmatch(FAMILIES, name) for name in BOTH)


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
