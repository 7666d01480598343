"""Changes that reach new lines of `nas` are changed again: for JSON, whose entries are checked one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import CodeType, FrameType
from typing import Any

from tests.fuzz.mutations import changed_bytes, changed_tree

ROOT = str(Path(__file__).parents[2] / "nas")
LARGEST = 100_000
"""Bytes of a file that is changed again."""
Place = tuple[CodeType, int]
"""A line of code."""


class Guide:
    """The files so far that reached a step from one line to another which none before did."""

    def __init__(self, original: bytes, seed: int) -> None:
        self.pool, self.seen = [original], set[tuple[Place | None, Place]]()
        self._random, self._steps = Random(seed), set[tuple[Place | None, Place]]()  # noqa: S311
        self._last: Place | None = None

    def content(self) -> bytes:
        """The next file: one of those, changed."""
        parent = self._random.choice(self.pool if self._random.random() < 0.7 else self.pool[:1])
        change = changed_tree if self._random.random() < 0.7 else changed_bytes
        return change(parent, self._random)

    @contextmanager
    def watching(self, data: bytes) -> Iterator[None]:
        """Note which steps the code takes with a file; it is kept if one of them is new."""
        self._steps, self._last = set(), None
        sys.settrace(self._entered)
        try:
            yield
        finally:
            sys.settrace(None)
            if not self._steps <= self.seen and len(data) <= LARGEST:
                self.pool.append(data)
            self.seen |= self._steps

    def _entered(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._stepped if frame.f_code.co_filename.startswith(ROOT) else None

    def _stepped(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            place = (frame.f_code, frame.f_lineno)
            self._steps.add((self._last, place))
            self._last = place
        return self._stepped
