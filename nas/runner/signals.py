"""Signals as flags that a loop looks at: the first Ctrl-C drains; a second one, SIGTERM and SIGHUP stop now."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Catches these signals inside a `with` block, but SIGHUP where the caller ignores it, as nohup does.

    Outside the main thread it catches nothing.
    """

    def __init__(self) -> None:
        self.signal = 0
        """The first signal that came; 0 while none has."""
        self.now = False
        """Whether to stop without waiting for what runs."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Take over the signals."""
        if threading.current_thread() is threading.main_thread():
            ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            heard = [number for number in CAUGHT if not (ignored and number == signal.SIGHUP)]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(self, *exception: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.now = self.now or bool(self.signal) or number != signal.SIGINT
        self.signal = self.signal or number
