"""A step of training as a CUDA graph: launched as a whole, because small networks wait for launches, not for kernels.

A step that always works on the same tensors can be recorded once and replayed. Its first calls run as usual, which
lets libraries choose their kernels and allocate; they are steps of the training like all others. A stream that records
must not be the default one, and nobody else may use it: every thread that trains has its own (`aside`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch

logger = logging.getLogger(__name__)

WARM_UP = 3
"""Calls before the recording; at least 1, for the optimiser makes its buffers in the first step."""
STREAMS = 32
"""That torch has on a device; more threads would share one."""
RECORDING = threading.Lock()
"""Held while one thread of this process records: only one may."""


class Replayed:
    """A step that is recorded on a CUDA device, and called as it is everywhere else.

    The step is given with each call instead of being kept: it is a method of who keeps us, and in a circle of
    references the graph's memory would stay until Python looks for circles.
    """

    def __init__(self, device: torch.device, *, graph: bool = True) -> None:
        self._calls_before = WARM_UP
        self._record = graph and device.type == "cuda"
        self._graph: torch.cuda.CUDAGraph | None = None

    @property
    def recorded(self) -> bool:
        """Whether steps are replayed from now on."""
        return self._graph is not None

    def __call__(self, step: Callable[[], None]) -> None:
        """One step; always the same."""
        if self._record and self._graph is None:
            if self._calls_before == 0:
                self._graph = self._recorded(step)
            self._calls_before -= 1
        if self._graph is None:
            step()
        else:
            self._graph.replay()

    def _recorded(self, step: Callable[[], None]) -> torch.cuda.CUDAGraph | None:
        """The graph of a step, or None where the step can't be recorded; recording doesn't execute it."""
        try:
            return record(step)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            logger.warning("this network can't be recorded, its steps are launched one by one: %s", error)
            self._record = False
            return None


def record(step: Callable[[], None]) -> torch.cuda.CUDAGraph:
    """The graph of a step on the current stream.

    `torch.cuda.graph` would first wait for all streams of the device and give all unused memory back, so every
    training that begins would stop those beside it.
    """
    graph = torch.cuda.CUDAGraph()
    with RECORDING:
        graph.capture_begin(capture_error_mode="thread_local")  # other threads may copy, wait and allocate meanwhile
        try:
            step()
        finally:
            graph.capture_end()
    return graph


@contextmanager
def aside(device: torch.device) -> Iterator[None]:
    """On a CUDA device, work on a stream of this thread's own, backward passes in this thread, too."""
    if device.type != "cuda":
        yield
        return
    outside, own = torch.cuda.current_stream(device), _stream(device, threading.get_ident())
    own.wait_stream(outside)
    with torch.cuda.stream(own), torch.autograd.set_multithreading_enabled(False):
        yield
    outside.wait_stream(own)


@lru_cache(maxsize=STREAMS)
def _stream(device: torch.device, thread: int) -> torch.cuda.Stream:
    """Kept, because torch keeps freed memory apart for each stream."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
