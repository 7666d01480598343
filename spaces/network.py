"""A published network: an architecture with a name and the input that it was made for."""

from __future__ import annotations

from dataclasses import dataclass

from nas.layers import Shape, shape_text, summary
from nas.space import Architecture, Choice, Space


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

    @property
    def space(self) -> Space:
        """The space that holds it alone, so that studies and searches train it as they train others."""
        return Space(
            name=self.name,
            dimensions={"network": Choice(options=(self.name,))},
            decode=lambda _: self.architecture,
            source=self.source,
        )

    def __repr__(self) -> str:
        ports = f"{shape_text(self.inputs)} -> {self.classes:,}"
        return f"<Network {self.name!r}: {type(self.architecture).__name__}, {ports}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the layer table at the published input."""
        layer = self.architecture.network(self.inputs, self.classes)
        return summary(layer, self.inputs).html(f"{self.name} at {shape_text(self.inputs)}")
