"""A published network: an architecture with a name and the input that it was made for."""

from __future__ import annotations

from dataclasses import dataclass

from nas.layers import Shape
from nas.space import Architecture


@dataclass(frozen=True, kw_only=True)
class Network:
    """A named point of a family."""

    name: str
    """torchvision's name where it has one."""
    architecture: Architecture
    """What to build."""
    inputs: Shape
    """Published input: channels, height, width."""
    classes: int
    """Published number of outputs."""
    source: str
    """Where the numbers come from."""
