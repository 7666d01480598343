"""A step of training as a CUDA graph: launched as a whole, because small networks wait for launches, not for kernels.

A step that always works on the same tensors can be recorded once and replayed. Its first calls run as usual, which
lets libraries choose their kernels and allocate; they are steps of the training like all others.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import torch

logger = logging.getLogger(__name__)

WARM_UP = 3
"""Calls before the recording."""
RECORDING = threading.Lock()
"""Held while one thread of this process records: only one may."""


class Replayed:
    """A step that is recorded on a CUDA device, and called as it is everywhere else."""

    def __init__(self, step: Callable[[], None], device: torch.device, *, graph: bool = True) -> None:
        self._step, self._device = step, device
        self._calls_before = WARM_UP
        self._record = graph and device.type == "cuda"
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """One step."""
        if self._record and self._graph is None:
            if self._calls_before == 0:
                self._graph = self._recorded()
            self._calls_before -= 1
        if self._graph is None:
            self._step()
        else:
            self._graph.replay()

    def _recorded(self) -> torch.cuda.CUDAGraph | None:
        """The graph of a step, or None where the step can't be recorded; recording doesn't execute it."""
        graph = torch.cuda.CUDAGraph()
        try:
            with RECORDING:
                torch.cuda.current_stream(self._device).synchronize()
                with torch.cuda.graph(
                    graph, stream=torch.cuda.current_stream(self._device), capture_error_mode="thread_local"
                ):
                    self._step()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            logger.warning("this network can't be recorded, its steps are launched one by one: %s", error)
            self._record = False
            return None
        return graph
