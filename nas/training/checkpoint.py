"""Where a training goes on after it was interrupted: all that decides its next steps, as a file after each epoch.

It has the parameters and what the optimiser and the norms keep, the states of the generators, the steps taken and the
curve so far. A training that goes on computes what one that never stopped would have computed, on a CPU to the bit. A
file of another training, or one that can't be read, is left unread.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nas.data import DataInfo
from nas.files import parsed, remove_leftovers, text_digest, write_atomically
from nas.layers import Layer
from nas.study import Recipe
from nas.study.record import Epoch

logger = logging.getLogger(__name__)

WORTH = 60.0
"""Seconds from which on a whole training is worth a checkpoint after each of its epochs."""
POSITION = "position"
"""Key of the metadata that holds how far it is."""
UNREADABLE = (SafetensorError, OSError, KeyError, msgspec.MsgspecError)
"""What is raised of a file that is no checkpoint."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a training is."""

    training: str
    """Which one: see `identity_of`."""
    curve: tuple[Epoch, ...]
    """All epochs so far."""
    seconds: float
    """Of training and evaluation."""
    training_seconds: float
    """Of training alone."""
    peak_memory: int | None = None
    """Bytes, as `nas.training.peak_memory` tells them."""
    sha256: str
    """Of all tensors, in the order of their names."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The file of one training."""

    path: Path | None
    """Where it is, in a folder that exists; None for a training that isn't kept."""
    training: str
    """Which training it is."""
    always: bool = False
    """Whether it is kept, however short it is."""

    def write(
        self,
        tensors: Mapping[str, Tensor],
        curve: Sequence[Epoch],
        *,
        seconds: float,
        training_seconds: float,
        peak_memory: int | None,
    ) -> None:
        """Replace the file. StorageFailed where the disk refuses."""
        if self.path is None:
            return
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        position = Position(
            training=self.training,
            curve=tuple(curve),
            seconds=seconds,
            training_seconds=training_seconds,
            peak_memory=peak_memory,
            sha256=digest_of(whole),
        )
        remove_leftovers(self.path)
        write_atomically(self.path, save(whole, {POSITION: msgspec.json.encode(position).decode()}))

    def read(self) -> tuple[dict[str, Tensor], Position] | None:
        """What the file holds of this training; None if there is none."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                position = _position(file)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- not a mapping
        except UNREADABLE as error:
            logger.warning("%s can't be read, the training begins anew: %s", self.path, error)
            return None
        if position.sha256 != digest_of(tensors):
            logger.warning("%s is damaged, the training begins anew", self.path)
            return None
        if position.training != self.training:
            logger.warning("%s is of another training, whose %d epochs are given up", self.path, len(position.curve))
            return None
        return tensors, position

    def epochs_of_another(self) -> int:
        """Epochs of another training that the file holds; 0 where it holds none."""
        if self.path is None or not self.path.is_file():
            return 0
        try:
            with safe_open(self.path, framework="pt") as file:
                position = _position(file)
        except UNREADABLE:
            return 0
        return 0 if position.training == self.training else len(position.curve)

    def worthwhile(self, curve: Sequence[Epoch], epochs: int) -> bool:
        """Whether there is a place, and the whole training takes so long that losing it would hurt."""
        seconds = epochs * sum(epoch.seconds for epoch in curve) / len(curve)
        return self.path is not None and (self.always or seconds >= WORTH)


def _position(file: Any) -> Position:
    """How far the training of an opened file is."""
    return parsed((file.metadata() or {})[POSITION], Position)


def digest_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors in the order of their names."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        whole.update(name.encode())
        whole.update(tensors[name].flatten().view(torch.uint8).numpy().data)
    return whole.hexdigest()


def identity_of(layer: Layer, recipe: Recipe, info: DataInfo, seed: int, device: torch.device) -> str:
    """Of a training: equal for equal network, recipe, data, seed and kind of device."""
    asked = msgspec.json.encode(recipe).decode()
    return text_digest(f"{msgspec.json.encode(layer).decode()} {asked} {info.key} {seed} {device.type}")
