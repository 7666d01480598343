"""A step of training as a CUDA graph: launched as a whole, because small networks wait for launches, not for kernels.

A step that always works on the same tensors can be recorded once and replayed. Its first calls run as usual, which
lets libraries choose their kernels and allocate; they are steps of the training like all others. Every thread that
trains has a lane of its own (`aside`): a stream, for one that records must not be the default one and nobody else may
use it, and the memory of its graphs, one after another.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from weakref import WeakSet

import torch
from torch import Tensor

from nas.training.peak_memory import is_out_of_memory

logger = logging.getLogger(__name__)

WARM_UP = 2
"""Calls before the recording; at least 1, for the optimiser makes its buffers in the first step."""
QUEUED = 32
"""Replays from one mark to the next; at most two marks are waited behind. A queue that is full, at about a thousand
launches, would block whoever launches next, under a lock that all lanes need."""
RECORDING = threading.Lock()
"""Held while one thread of this process records or ends a graph: torch keeps the graphs of all in one set."""
SPOILT = threading.Event()
"""Set where a recording couldn't be ended: torch believes for ever that it goes on, and memory isn't recovered."""


class Lane:
    """What one thread trains on: its stream, and memory that only its graphs use."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self.graphs: WeakSet[torch.cuda.CUDAGraph] = WeakSet()
        """Those alive."""
        self.read: list[Tensor] = []
        """By what runs beside: nobody may have their memory before `join`."""
        self._anchor: torch.cuda.CUDAGraph | None = None
        self._side: torch.cuda.Stream | None = None

    def pool(self) -> tuple[int, int]:
        """Kept from graph to graph; a pool of each graph's own would stay with the process, for nobody's use.

        torch records into a pool again only while a graph refers to it, on the device and on the host, so one that does
        next to nothing is kept. To be asked for under `RECORDING`, on this stream.
        """
        if self._anchor is None:
            nothing = torch.zeros(1, device=self._device).add_(1)
            self._anchor = captured(lambda: nothing.add_(1))
        pool: tuple[int, int] = self._anchor.pool()
        return pool

    @property
    def side(self) -> torch.cuda.Stream:
        """A second stream, for what the first needn't wait for."""
        if self._side is None:
            self._side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        return self._side

    def give_back(self) -> None:
        """Let the memory go, if no graph needs it."""
        if not self.graphs and not SPOILT.is_set():  # torch believes that it is in use
            self._anchor = None


class _Lanes(threading.local):
    """The lanes of this thread by card; they end with it."""

    def __init__(self) -> None:
        self.of: dict[int, Lane] = {}


_LANES = _Lanes()
_ALIVE: WeakSet[Lane] = WeakSet()


def lane(device: torch.device) -> Lane:
    """This thread's lane on a card; kept, because torch keeps freed memory apart for each stream."""
    card = torch.cuda.current_device() if device.index is None else device.index
    if card not in _LANES.of:
        with RECORDING:
            _LANES.of[card] = Lane(torch.device("cuda", card))
            _ALIVE.add(_LANES.of[card])
    return _LANES.of[card]


def give_back() -> None:
    """Let go of the memory of all lanes that have no graph; `empty_cache` alone would leave it with them."""
    with RECORDING:
        for each in list(_ALIVE):
            each.give_back()


@contextmanager
def aside(device: torch.device) -> Iterator[None]:
    """On a CUDA device, work on a stream of this thread's own, backward passes in this thread, too."""
    if device.type != "cuda":
        yield
        return
    outside, own = torch.cuda.current_stream(device), lane(device).stream
    own.wait_stream(outside)
    with torch.cuda.stream(own), torch.autograd.set_multithreading_enabled(False):
        yield
    outside.wait_stream(own)


@contextmanager
def beside(*read: Tensor) -> Iterator[None]:
    """On a CUDA device, compute what reads these beside this thread's own stream, which waits in `join`."""
    if read[0].device.type != "cuda":
        yield
        return
    here, own = torch.cuda.current_stream(read[0].device), lane(read[0].device)
    own.read += read
    own.side.wait_stream(here)
    with torch.cuda.stream(own.side):
        yield


def join(device: torch.device) -> None:
    """Wait on this thread's stream for all that was computed beside it."""
    if device.type == "cuda" and (own := lane(device)).read:
        torch.cuda.current_stream(device).wait_stream(own.side)
        own.read = []


class Replayed:
    """A step that is recorded on a CUDA device, and called as it is everywhere else.

    The step is given with each call instead of being kept: it is a method of who keeps us, and in a circle of
    references the graph's memory would stay until Python looks for circles.
    """

    def __init__(self, device: torch.device, *, graph: bool = True, generators: Sequence[torch.Generator] = ()) -> None:
        """`generators` are those that the step draws from, on its device."""
        self._calls_before = WARM_UP
        self._record = graph and device.type == "cuda"
        self._device, self._generators = device, generators
        self._graph: torch.cuda.CUDAGraph | None = None
        self._replays = 0
        self._marks: deque[torch.cuda.Event] = deque()

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
            self._keep_queue_short()

    def close(self) -> None:
        """End the graph: its lane's memory is free for the next one."""
        if self._graph is not None:
            with RECORDING:
                self._graph.reset()
                self._graph = None

    def _keep_queue_short(self) -> None:
        self._replays += 1
        if self._replays % QUEUED == 0:
            self._marks.append(mark())
            if len(self._marks) > 2:
                self._marks.popleft().synchronize()

    def _recorded(self, step: Callable[[], None]) -> torch.cuda.CUDAGraph | None:
        """The graph of a step, or None where the step can't be recorded; recording doesn't execute it."""
        try:
            return record(step, lane(self._device), self._generators)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            logger.warning("this network can't be recorded, its steps are launched one by one: %s", error)
            self._record = False
            for generator in self._generators:
                _restart(generator)
            return None


def record(step: Callable[[], None], lane: Lane, generators: Sequence[torch.Generator] = ()) -> torch.cuda.CUDAGraph:
    """The graph of a step on the current stream, in its lane's memory; raises what the step raised.

    `torch.cuda.graph` would first wait for all streams of the device and give all unused memory back, so every
    training that begins would stop those beside it. Python looks for no circles meanwhile: a graph that it found and
    ended would be an illegal call.
    """
    with RECORDING, _no_collector():
        graph = captured(step, lane.pool(), generators)
        lane.graphs.add(graph)
    return graph


def captured(
    step: Callable[[], object], pool: tuple[int, int] | None = None, generators: Sequence[torch.Generator] = ()
) -> torch.cuda.CUDAGraph:
    """What a step launches on this stream, in a pool of memory or one of its own; raises what the step raised."""
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    try:
        graph.capture_begin(pool, capture_error_mode="thread_local")  # type: ignore[arg-type]  # others may allocate
        step()
    except BaseException:
        with suppress(RuntimeError):  # what was said before is the cause
            _end(graph)
        raise
    _end(graph)
    return graph


def _end(graph: torch.cuda.CUDAGraph) -> None:
    try:
        graph.capture_end()
    except RuntimeError:
        SPOILT.set()
        raise


def _restart(generator: torch.Generator) -> None:
    """Let a generator begin anew after a failed recording, in which torch believes it to be for ever."""
    if generator.device.type == "cuda":
        generator.graphsafe_set_state(torch.Generator(generator.device).manual_seed(generator.initial_seed()))


@contextmanager
def _no_collector() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def mark() -> torch.cuda.Event:
    """A place in the current stream that a thread can sleep for; without `blocking` it would keep a core busy."""
    event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]  # `torch.Event` ignores the flag
    event.record()
    return event


def awaited(value: Tensor) -> float:
    """The number in a tensor, once it is computed; the thread sleeps until then."""
    if value.device.type == "cuda":
        mark().synchronize()
    return value.item()
