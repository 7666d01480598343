"""The families: one file each, their spaces to sample and their published networks.

A new family is a file with `ALL` and `NETWORKS`, and its name in the list here.
"""

from importlib import import_module

from nas.space import Space
from spaces.network import Network

FAMILIES = (
    "lenet",
    "alexnet",
    "vgg",
    "nin",
    "googlenet",
    "resnet",
    "resnext",
    "densenet",
    "mlp",
    "anynet",
    "regnet",
    "vionet",
)
"""Every family: a module of this package."""

_MODULES = tuple(import_module(f"spaces.{name}") for name in FAMILIES)
ALL: tuple[Space, ...] = tuple(space for module in _MODULES for space in module.ALL)
"""Every space."""
NETWORKS: tuple[Network, ...] = tuple(network for module in _MODULES for network in module.NETWORKS)
"""Every published network."""

__all__ = ["ALL", "FAMILIES", "NETWORKS", "Network"]
