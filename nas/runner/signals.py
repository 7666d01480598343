"""Signals as flags that a loop looks at: the first Ctrl-C drains; a second one and SIGTERM stop now."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

logger = logging.getLogger(__name__)

CAUGHT = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Catches these signals inside a `with` block; outside the main thread it catches nothing."""

    def __init__(self) -> None:
        self.signal = 0
        """The first signal that came; 0 while none has."""
        self.now = False
        """Whether to stop without waiting for what runs."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Take over the signals."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in CAUGHT}
        return self

    def __exit__(self, *exception: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.now = self.now or bool(self.signal) or number != signal.SIGINT
        self.signal = self.signal or number


@contextmanager
def outliving_its_terminal() -> Iterator[None]:
    """Work on where the terminal is closed or the connection lost: SIGHUP is noted in the log, and nothing else."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(hangup)
    if before is not signal.SIG_IGN:
        signal.signal(hangup, lambda number, frame: logger.info("the terminal was closed; the command goes on"))
    try:
        yield
    finally:
        signal.signal(hangup, before)
