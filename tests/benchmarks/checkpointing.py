"""What activation checkpointing saves and costs: memory and time of a step with it, as a share of those without.

    python -m tests.benchmarks.checkpointing resnet_20 densenet_d2l [--shape 1x32x32] [--device cpu] [--batch 256]

Each training runs in a process of its own; memory is the most that torch has allocated at once. On a CPU it uses one
thread, whose time is measured, and its process may hold more than that, for freed memory isn't given back at once.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from itertools import accumulate

import msgspec
import torch

from nas.data import DataInfo, Split
from nas.study import Recipe, catalog
from nas.training.cuda_graphs import aside
from nas.training.loop import Training, initial
from tests.benchmarks import child

MODULE = "tests.benchmarks.checkpointing"


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What to train."""

    network: str
    """A published name."""
    inputs: tuple[int, int, int]
    """Channels, height, width."""
    checkpointing: bool
    """With it or without."""
    device: str
    """`cpu` or `cuda`."""
    batch: int
    """Images a step."""
    steps: int
    """Timed, after the first."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What it took."""

    bytes: int
    """Most that was allocated at once in a step; on a CPU beside what was there before it."""
    held: int
    """Most that the process held of the device's memory, on a CPU beyond what it held before the first step."""
    counted: int
    """As a training tells it."""
    seconds: float
    """Of one step."""


def measure(question: Question) -> Answer:
    """In this process."""
    device = torch.device(question.device)
    recipe = Recipe(
        epochs=5 + question.steps, batch_size=question.batch, checkpointing=question.checkpointing, precision="float32"
    )
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (question.batch, *question.inputs), dtype=torch.uint8, generator=generator)
    split = Split(images.to(device), (torch.arange(question.batch) % 10).to(device))
    layer = catalog.network(question.network).architecture.network(question.inputs, 10)
    with aside(device):
        module = initial(layer, question.inputs, recipe, generator)
        training = Training(module, split, _info(question), recipe, device)
        before = 0 if device.type == "cuda" else _held()
        for _ in range(4 if device.type == "cuda" else 1):
            training.epoch(generator)
        clock = time.perf_counter if device.type == "cuda" else time.thread_time
        begun = clock()
        for _ in range(question.steps):
            training.epoch(generator)
        seconds = (clock() - begun) / question.steps
        held = torch.cuda.max_memory_reserved() if device.type == "cuda" else _held() - before
        allocated = training.footprint.bytes or 0 if device.type == "cuda" else _allocated(training, generator)
        return Answer(bytes=allocated, held=held, counted=training.footprint.bytes or 0, seconds=seconds)


def _allocated(training: Training, generator: torch.Generator) -> int:
    """By torch's profiler, in one more step."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        training.epoch(generator)
    results = profiler.profiler.kineto_results.events()  # type: ignore[union-attr]
    changes = sorted((event.start_ns(), event.nbytes()) for event in results if event.name() == "[memory]")
    return max(accumulate(change for _, change in changes))


def _held() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _info(question: Question) -> DataInfo:
    """Images of noise."""
    grey = (0.5,) * question.inputs[0]
    classes, count = tuple(map(str, range(10))), question.batch
    return DataInfo(
        name="noise", key="", shape=question.inputs, classes=classes, train=count, validation=0, mean=grey, std=grey,
        folder="", sha256={},
    )  # fmt: skip


def main() -> None:
    """A line for each network; without networks, the answer to one question."""
    if len(sys.argv) == 1:
        question = msgspec.json.decode(sys.stdin.readline(), type=Question)
        sys.stdout.buffer.write(msgspec.json.encode(measure(question)) + b"\n")
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--shape", default="1x32x32")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=4)
    given = parser.parse_args()
    channels, height, width = map(int, given.shape.split("x"))
    for network in given.networks:
        plain, again = (
            child.ask(
                MODULE,
                Question(
                    network=network,
                    inputs=(channels, height, width),
                    checkpointing=checkpointing,
                    device=given.device,
                    batch=given.batch,
                    steps=given.steps,
                ),
                Answer,
                child.one_thread(),
            )
            for checkpointing in (False, True)
        )
        sys.stdout.write(
            f"{network} at {given.shape}, batches of {given.batch} on {given.device}: "
            f"{plain.bytes / 2**20:,.0f} MiB, {plain.seconds:.2f} s a step; with checkpointing "
            f"{again.bytes / plain.bytes:.2f} of the memory (counted {again.counted / plain.counted:.2f}, held "
            f"{again.held / plain.held:.2f}) in "
            f"{again.seconds / plain.seconds:.2f} times the time\n"
        )


if __name__ == "__main__":
    main()
