"""torchvision's networks for tests: without memory for their weights, or with weights and statistics of chance."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models

SETTINGS: dict[str, dict[str, bool]] = {"googlenet": {"aux_logits": False, "init_weights": False}}
"""Ours has no auxiliary heads."""


def on_meta(name: str) -> nn.Module:
    """torchvision's network in evaluation mode, with shapes only; but RegNet's arithmetic of widths needs numbers."""
    widths = models.regnet.BlockParams.from_init_params

    def on_cpu(*args: object, **settings: object) -> object:
        with torch.device("cpu"):
            return widths(*args, **settings)

    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        patch.setattr(models.regnet.BlockParams, "from_init_params", on_cpu)
        network: nn.Module = models.get_model(name, **SETTINGS.get(name, {}))
    return network.eval()


def of_chance(name: str, seed: int = 0) -> nn.Module:
    """torchvision's network in evaluation mode; no scale, shift or statistic of a norm is what it begins with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = models.get_model(name, **SETTINGS.get(name, {}))
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                for values in (part.weight, part.running_var):
                    nn.init.uniform_(values, 0.5, 1.5)
                for values in (part.bias, part.running_mean):
                    nn.init.normal_(values, std=0.1)
    return network.eval()
