"""A card that isn't there: what torch has for graphs, pools, streams and events, written down instead of done."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

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
        self.number = 0
        """Of the card that is current."""
        self.streams = 0
        """Made so far; the first one of a device is 0."""
        self.current = Stream(self, 0)
        """On which things happen."""

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Have the code under test meet it."""
        for name in ("Stream", "MemPool", "CUDAGraph", "Event", "stream", "current_stream"):
            patch.setattr(torch.cuda, name, getattr(self, f"_{name.lower()}" if name != "stream" else "_on"))
        patch.setattr(torch.cuda, "current_device", lambda: self.number)
        patch.setattr(cuda_graphs, "_LANES", cuda_graphs._Lanes())
        cuda_graphs.SPOILT.clear()

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

    def _mempool(self) -> Pool:
        self.log.append(("pool",))
        return Pool(self.count("pool"))

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


class Pool:
    """Memory of graphs."""

    def __init__(self, number: int) -> None:
        self.id = (number, 0)


class Graph:
    """Notes what is done with it, and under which circumstances."""

    def __init__(self, card: Card) -> None:
        self._log, self._card = card.log, card

    def register_generator_state(self, generator: torch.Generator) -> None:
        """Before the recording."""
        self._log.append(("generator", generator))

    def capture_begin(self, pool: tuple[int, int], capture_error_mode: str) -> None:
        """A recording begins."""
        self._log.append(("begin", pool, capture_error_mode, gc.isenabled(), cuda_graphs.RECORDING.locked()))

    def capture_end(self) -> None:
        """It ends, or can't."""
        self._log.append(("end",))
        if self._card.unending:
            raise RuntimeError("operation failed due to a previous error during capture")

    def replay(self) -> None:
        """All of it."""
        self._log.append(("replay",))

    def reset(self) -> None:
        """Its end."""
        self._log.append(("reset", cuda_graphs.RECORDING.locked()))


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
