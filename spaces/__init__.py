"""The families: one file each, their spaces to sample and their published networks, listed by hand."""

from spaces import anynet, regnet
from spaces.network import Network

ALL = (*anynet.ALL, *regnet.ALL)
"""Every space."""
NETWORKS = (*regnet.NETWORKS,)
"""Every published network."""

__all__ = ["ALL", "NETWORKS", "Network", "anynet", "regnet"]
