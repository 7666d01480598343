"""Signals as flags that a loop looks at: the first Ctrl-C drains, the second and SIGTERM stop now."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupts:
    """Catches SIGINT and SIGTERM inside a `with` block; outside the main thread it catches nothing."""

    def __init__(self) -> None:
        self.signal = 0
        """The first signal that came; 0 while none has."""
        self.now = False
        """Whether to stop without waiting for what runs."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        """Take over both signals."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exception: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.now = self.now or bool(self.signal) or number == signal.SIGTERM
        self.signal = self.signal or number
