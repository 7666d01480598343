"""What a network says of images, and evaluation for as long as it says it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """The classes of some images, with their probabilities."""

    classes: tuple[str, ...]
    """Name of each class, in the order of the probabilities."""
    probabilities: Tensor
    """Softmax of the scores; (images, classes) of float32, on the CPU."""

    @property
    def indices(self) -> Tensor:
        """Number of the most probable class of each image; (images,)."""
        return self.probabilities.argmax(1)

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of the most probable class of each image."""
        return tuple(self.classes[index] for index in self.indices.tolist())

    def __len__(self) -> int:
        return len(self.probabilities)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """A module in evaluation mode, then each part in the mode that it had."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
