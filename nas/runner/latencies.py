"""TimedNetwork latencies of a run: each network is timed once, and what was said is said again whenever it is proposed.

Which networks a limit on latency accepts depends on these numbers, so they are kept in the run's folder, each on the
disk before anything depends on it. A resumed or extended run reads them, and so proposes the networks that it did.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import msgspec

from nas.errors import Refused, StorageFailed
from nas.files import append, parsed
from nas.layers import Layer, Shape, identity
from nas.training import devices

logger = logging.getLogger(__name__)

TOLD = 20
"""Measurements after which the log says how many there were, and how long they took."""


class TimedNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file."""

    architecture: str
    """Identity of the network."""
    inputs: Shape
    """Shape of one image."""
    batch: int
    """How many at once."""
    milliseconds: float
    """For the batch."""
    spread: float
    """How well the fastest rounds agree, as `nas.models.latency.Latency` says."""
    machine: str
    """Processor, with the version of torch."""


class Latencies:
    """A stopwatch that remembers; the file is read, and the machine looked at, when it is first asked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, Shape, int], float] | None = None
        self._machine, self._count, self._seconds = "", 0, 0.0

    def __call__(self, layer: Layer, inputs: Shape, batch: int) -> float:
        """Milliseconds of a network for a batch: as the run knows them, else measured now and kept."""
        if self._known is None:
            self._known = self._read()
        key = (identity(layer), inputs, batch)
        if key not in self._known:
            self._known[key] = self._measured(layer, inputs, batch)
        return self._known[key]

    def _measured(self, layer: Layer, inputs: Shape, batch: int) -> float:
        from nas.models.latency import latency  # torch takes seconds, and few runs need it here

        began = time.monotonic()
        result = latency(layer, inputs, batch)
        self._count, self._seconds = self._count + 1, self._seconds + time.monotonic() - began
        if self._count % TOLD == 0:
            logger.info("%s: %d latencies measured in %.0f s", self._path.parent, self._count, self._seconds)
        milliseconds = round(result.milliseconds, 4)
        line = TimedNetwork(
            architecture=identity(layer),
            inputs=inputs,
            batch=batch,
            milliseconds=milliseconds,
            spread=round(result.spread, 4),
            machine=self._machine,
        )
        self._keep(msgspec.json.encode(line) + b"\n")
        return milliseconds

    def _keep(self, line: bytes) -> None:
        try:
            append(self._path, line)
        except OSError as error:
            raise StorageFailed(f"{self._path} can't be written: {error.strerror or error}") from None

    def _read(self) -> dict[tuple[str, Shape, int], float]:
        """What the file holds; a line that a killed command has left half written is cut off."""
        self._machine = machine()
        if self._path.exists() and not self._path.is_file():
            raise StorageFailed(f"{self._path} can't be read: it is no file")
        try:
            data = self._path.read_bytes() if self._path.exists() else b""
            whole = data[: data.rfind(b"\n") + 1]
            if whole != data:
                os.truncate(self._path, len(whole))
            lines = [parsed(line, TimedNetwork) for line in whole.splitlines()]
        except OSError as error:
            raise StorageFailed(f"{self._path} can't be read: {error.strerror or error}") from None
        except msgspec.MsgspecError as error:
            hint = "restore it from a copy, or start a new run"
            raise Refused(f"{self._path} is damaged: {error}", hint=hint) from None
        if others := {line.machine for line in lines} - {self._machine}:
            logger.warning(
                "latencies of this run were measured on %s; further ones are on %s", ", ".join(others), self._machine
            )
        return {(line.architecture, line.inputs, line.batch): line.milliseconds for line in lines}


def machine() -> str:
    """Where latencies are measured: the processor and the version of torch."""
    import torch

    return f"{devices.device_name('cpu')}, torch {torch.__version__}"
