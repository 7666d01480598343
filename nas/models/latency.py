"""How long a network takes to answer where it is imported: plain torch modules in float32, one thread or one card.

On a processor the time that its thread was computing is counted, so what other programs take from the core isn't; and
the fastest calls are believed, for everything that disturbs makes calls slower (timeit says the same of its minimum).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from nas.layers import Layer, Shape
from nas.training import devices
from nas.training.modules import build

ROUND = 0.01
"""Seconds of calls, at least one, of which the fastest is the round's."""
LEAST, MOST = 5, 1.0
"""Rounds at least, and seconds after which no further one begins."""
AGREEING, WITHIN = 3, 0.02
"""So many of the fastest rounds must lie so close together, as a share of the fastest, before the end."""
WARM_UP = 3
"""Calls before any is timed."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """A measured time."""

    milliseconds: float
    """Of the fastest call, for the whole batch."""
    spread: float
    """How much slower the third of the fastest rounds is, as a share; above `WITHIN` where time was up."""
    rounds: int
    """That were measured."""


def latency(layer: Layer, inputs: Shape, batch: int = 1, device: str = "cpu") -> Latency:
    """The latency of a network in evaluation mode for a batch; less than a second or two, whatever the network.

    On a CPU on one thread, without what else runs on its core; on `cuda` with the wait for the card's answer.
    """
    module = build(layer, inputs).eval().to(device).to(memory_format=torch.channels_last)
    images = torch.rand(batch, *inputs, device=device)
    if len(inputs) == 3:
        images = images.contiguous(memory_format=torch.channels_last)
    with devices.one_thread(), torch.inference_mode():
        call = partial(module, images)
        return _repeated(call if device == "cpu" else partial(_awaited, call), _clock(device))


def _awaited(call: Callable[[], object]) -> None:
    call()
    torch.cuda.synchronize()


def _clock(device: str) -> Callable[[], float]:
    """Time of this thread alone where that counts all of the work."""
    return time.thread_time if device == "cpu" else time.perf_counter


def _repeated(call: Callable[[], object], clock: Callable[[], float]) -> Latency:
    for _ in range(WARM_UP):
        call()
    rounds: list[float] = []
    end = time.perf_counter() + MOST
    while len(rounds) < LEAST or (_spread(rounds) > WITHIN and time.perf_counter() < end):
        rounds.append(_round(call, clock))
    return Latency(milliseconds=1e3 * min(rounds), spread=_spread(rounds), rounds=len(rounds))


def _round(call: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of the fastest call of a round."""
    fastest, spent = float("inf"), 0.0
    while spent < ROUND:
        began = clock()
        call()
        seconds = clock() - began
        fastest, spent = min(fastest, seconds), spent + max(seconds, 1e-6)
    return fastest


def _spread(rounds: list[float]) -> float:
    fastest = sorted(rounds)[:AGREEING]
    return fastest[-1] / max(fastest[0], 1e-9) - 1
