"""A card that isn't there: what torch has for graphs, pools, streams and events, written down instead of done."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import pytest
import torch

from nas.training import cuda_graphs


class Card:
    """Stands for a GPU; put in place of torch's by `install`."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []
        """What was called, in its order."""
        self.unending = False
        """Whether recordings can't be ended, as after an illegal call."""
        self.pools = 0
        """Made so far."""
        self.graphs: WeakSet[Graph] = WeakSet()
        """That refer to a pool."""
        self.number = 0
        """Of the card that is current."""
        self.streams = 0
        """Made so far; the first one of a device is 0."""
        self.current = Stream(self, 0)
        """On which things happen."""

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Have the code under test meet it."""
        for name in ("Stream", "CUDAGraph", "Event", "stream", "current_stream"):
            patch.setattr(torch.cuda, name, getattr(self, f"_{name.lower()}" if name != "stream" else "_on"))
        patch.setattr(torch.cuda, "current_device", lambda: self.number)
        patch.setattr(torch, "zeros", lambda *size, device=None: self.zeros(*size))
        patch.setattr(cuda_graphs, "_LANES", cuda_graphs._Lanes())
        cuda_graphs.SPOILT.clear()

    zeros = staticmethod(torch.zeros)
    """On the CPU, whatever the device."""

    def count(self, name: str) -> int:
        """Calls of a kind."""
        return sum(call[0] == name for call in self.log)

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """What calls of a kind were given."""
        return [call[1:] for call in self.log if call[0] == name]

    def _stream(self, device: torch.device) -> Stream:
        self.streams += 1
        return Stream(self, self.streams)

    def _current_stream(self, device: torch.device) -> Stream:
        return self.current

    @contextmanager
    def _on(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    def _cudagraph(self) -> Graph:
        return Graph(self)

    def _event(self, *, blocking: bool = False) -> Event:
        return Event(self, blocking)


class Stream:
    """Notes what it waits for."""

    def __init__(self, card: Card, number: int) -> None:
        self._card, self.number = card, number

    def wait_stream(self, other: Stream) -> None:
        """For all that was launched there so far."""
        self._card.log.append(("wait", self.number, other.number))


class Graph:
    """Notes what is done with it, and under which circumstances."""

    def __init__(self, card: Card) -> None:
        self._log, self._card, self._pool = card.log, card, (0, 0)

    def register_generator_state(self, generator: torch.Generator) -> None:
        """Before the recording."""
        self._log.append(("generator", generator))

    def capture_begin(self, pool: tuple[int, int] | None, capture_error_mode: str) -> None:
        """A recording begins; in a pool that some graph refers to, or in a new one."""
        if pool is None:
            self._card.pools += 1
            self._log.append(("pool",))
        elif pool not in [graph._pool for graph in self._card.graphs]:
            raise RuntimeError("use_count > 0 INTERNAL ASSERT FAILED")
        else:
            self._log.append(("begin", pool, capture_error_mode, gc.isenabled(), cuda_graphs.RECORDING.locked()))
        self._pool = pool or (self._card.pools, 0)
        self._card.graphs.add(self)

    def pool(self) -> tuple[int, int]:
        """Its pool."""
        return self._pool

    def capture_end(self) -> None:
        """It ends, or can't."""
        self._log.append(("end",))
        if self._card.unending and self._card.count("begin"):
            raise RuntimeError("operation failed due to a previous error during capture")

    def replay(self) -> None:
        """All of it."""
        self._log.append(("replay",))

    def reset(self) -> None:
        """Its end."""
        self._log.append(("reset", cuda_graphs.RECORDING.locked()))
        self._card.graphs.discard(self)


class Event:
    """A place in a stream."""

    def __init__(self, card: Card, blocking: bool) -> None:
        self._log, self._blocking = card.log, blocking

    def record(self) -> None:
        """Now."""
        self._log.append(("mark", self._blocking))

    def synchronize(self) -> None:
        """Sleep until then."""
        self._log.append(("sleep", self._log.count(("mark", True))))


def refusal(error: BaseException) -> Callable[[], None]:
    """A step that raises something when it is recorded, and not before."""
    calls: list[int] = []

    def step() -> None:
        calls.append(1)
        if len(calls) == cuda_graphs.WARM_UP + 1:
            raise error

    return step
