"""What the cores can do at most: matrix products and dense 3x3 convolutions, one thread a process, all at once.

`python -m tests.benchmarks.peak` says `ready`, reads a Question and writes Rates.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Literal, get_args

import msgspec
import torch

from nas.study.recipe import Precision
from tests.benchmarks import child

MODULE = "tests.benchmarks.peak"
EDGES = (512, 1024, 2048)
"""Of the square matrices that are multiplied; the fastest counts."""
PLANES = ((64, 28), (128, 14), (256, 14))
"""Channels and edge of the images that are convolved, 32 at a time; the fastest counts."""
BATCH = 32
WINDOWS = 5
"""A kernel is timed in so many windows; of products the fastest counts, for what disturbs only slows down."""
Kind = Literal["torch.mm", "3x3 convolution"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure."""

    precision: Precision
    """Of all operands."""
    seconds: float
    """For each size of each kind."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Floating-point operations a second, a multiply-add counting 2."""

    product: float
    """Of `torch.mm`."""
    convolution: float
    """Of a dense 3x3 convolution in channels_last, forward."""


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The larger of the two kinds, summed over the processes."""

    rate: float
    """Floating-point operations a second."""
    kind: Kind
    """Which one it was."""
    processes: int
    """That ran at once."""
    precision: Precision
    """Of all operands."""


def peak(processes: int, precision: Precision, seconds: float) -> Peak:
    """Measure in so many processes at once."""
    rates = child.ask_at_once(MODULE, Question(precision=precision, seconds=seconds), Rates, processes)
    sums = (sum(rate.product for rate in rates), sum(rate.convolution for rate in rates))
    rate, kind = max(zip(sums, get_args(Kind), strict=True))
    return Peak(rate=rate, kind=kind, processes=processes, precision=precision)


def measure(question: Question) -> Rates:
    """On one thread of this process."""
    torch.set_num_threads(1)
    dtype = getattr(torch, question.precision)
    with torch.inference_mode():
        return Rates(
            product=max(_product(edge, dtype, question.seconds) for edge in EDGES),
            convolution=max(_convolution(*plane, dtype, question.seconds) for plane in PLANES),
        )


def _product(edge: int, dtype: torch.dtype, seconds: float) -> float:
    left, right = torch.randn(2, edge, edge).to(dtype)
    out = torch.empty_like(left)
    return 2 * edge**3 / _seconds(lambda: torch.mm(left, right, out=out), seconds)


def _convolution(channels: int, edge: int, dtype: torch.dtype, seconds: float) -> float:
    module = (
        torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(dtype).to(memory_format=torch.channels_last)
    )
    images = torch.randn(BATCH, channels, edge, edge).to(dtype, memory_format=torch.channels_last)
    return 2 * 9 * channels**2 * edge**2 * BATCH / _seconds(lambda: module(images), seconds)


def _seconds(call: Callable[[], object], seconds: float) -> float:
    """Time of one call in the fastest of some windows."""
    return min(windows(call, seconds))


def windows(call: Callable[[], object], seconds: float) -> list[float]:
    """Mean time of one call in each of some windows, which together take so many seconds."""
    call()
    times = []
    for _ in range(WINDOWS):
        begun, calls = time.perf_counter(), 0
        while (passed := time.perf_counter() - begun) < seconds / WINDOWS or not calls:
            call()
            calls += 1
        times.append(passed / calls)
    return times


def main() -> None:
    """Answer one question."""
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.flush()
    question = msgspec.json.decode(sys.stdin.buffer.readline(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(measure(question)) + b"\n")


if __name__ == "__main__":
    main()
