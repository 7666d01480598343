"""How well a measured latency repeats: `python -m tests.benchmarks.latency [--busy 2]`.

The 24 networks of the sample are measured twice, all once before any is measured again. With `--busy` so many
processes multiply matrices meanwhile, as trainings of a run do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import log
from statistics import median
from time import monotonic

from nas.models.latency import Latency, latency
from tests.benchmarks.networks import Subject, sample

BATCHES = (1, 128)
BUSY = "import torch; torch.set_num_threads(1); x = torch.rand(512, 512)\nwhile True: x @ x"


def main(words: Sequence[str] | None = None) -> None:
    """Print a line for each batch size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=0, help="processes that compute meanwhile")
    parser.add_argument("--networks", type=int, default=24, help="so many of the sample")
    given = parser.parse_args(words)
    with busy(given.busy):
        for batch in BATCHES:
            print(line(sample()[: given.networks], batch))  # noqa: T201


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many processes that compute."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def line(subjects: Sequence[Subject], batch: int) -> str:
    """By how much two measurements of the same network differ, and what one takes."""
    began = monotonic()
    first, second = (measured(subjects, batch) for _ in range(2))
    seconds = (monotonic() - began) / (2 * len(subjects))
    pairs = zip(first, second, strict=True)
    apart = sorted(abs(log(a.milliseconds / b.milliseconds)) for a, b in pairs)
    times = [each.milliseconds for each in first]
    return (
        f"batch {batch}: {min(times):.2f} to {max(times):.2f} ms; two measurements differ by {median(apart):.1%} in "
        f"the median, {apart[int(0.9 * len(apart))]:.1%} in nine of ten networks, {apart[-1]:.1%} at most; "
        f"{seconds:.2f} s each"
    )


def measured(subjects: Sequence[Subject], batch: int) -> list[Latency]:
    """Each network once."""
    return [latency(each.layer, (1, each.resolution, each.resolution), batch) for each in subjects]


if __name__ == "__main__":
    main()
