"""A step that can be replayed: a CUDA graph, on a CPU a stand-in that calls it; all that we use of `cuda_graphs`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Protocol

import torch

from nas.training.cuda_graphs import WARM_UP, aside, lane, record
from tests.benchmarks.gpu.session import synchronize

__all__ = ["Called", "Replayable", "aside", "replayable", "seconds_of"]
REPEATS = 3
"""Measurements of which the median counts."""


class Replayable(Protocol):
    """What can be launched again and again."""

    def replay(self) -> None:
        """Once more."""


@dataclass(frozen=True)
class Called:
    """Stands for a graph where there are none."""

    step: Callable[[], object]

    def replay(self) -> None:
        """Call the step."""
        self.step()


def replayable(step: Callable[[], object], device: torch.device, calls: int = 1) -> Replayable:
    """So many calls of a step as one graph, after a few that aren't; to be called within `aside`."""

    def all_calls() -> None:
        for _ in range(calls):
            step()

    for _ in range(WARM_UP if device.type == "cuda" else 1):
        step()
    return record(all_calls, lane(device)) if device.type == "cuda" else Called(all_calls)


def seconds_of(graph: Replayable, replays: int, device: torch.device) -> float:
    """Seconds of one replay: the median of a few measurements, each of many replays."""
    graph.replay()
    found = []
    for _ in range(REPEATS):
        synchronize(device)
        begun = time.perf_counter()
        for _ in range(replays):
            graph.replay()
        synchronize(device)
        found.append((time.perf_counter() - begun) / replays)
    return median(found)
