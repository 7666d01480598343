"""An engine that answers at once, with nothing trained."""

from __future__ import annotations

from collections.abc import Callable

from nas.engines import InlineEngine
from nas.engines.messages import Result
from tests.toys.sleepers import made_up


class Answering(InlineEngine):
    """Before its answer of this number, counted from 0, something happens."""

    def __init__(self, at: int = -1, act: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self._at, self._act, self._count = at, act, 0

    def wait(self, seconds: float) -> list[Result]:
        """One answer."""
        if self._count == self._at:
            self._act()
        self._count += 1
        jobs, self._jobs = self._jobs, []
        return [made_up(job) for job in jobs]
