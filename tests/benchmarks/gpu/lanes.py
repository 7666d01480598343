"""Trainings side by side, in lanes and in processes: images a second once all are under way, and set-up apart."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import mean

import psutil

from nas.engines.messages import Result
from nas.study.record import Epoch
from tests.benchmarks.gpu.rows import Clock, Part, Row
from tests.benchmarks.gpu.session import Session, answered, sample
from tests.benchmarks.networks import Subject

UNSTEADY = 2
"""Epochs of a training that don't count: its first steps, and the recording of its neighbours."""
WATCH = ["nvidia-smi", "-i", "0", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "500"]
FLOPS = 6
"""Floating-point operations of a training step for each multiply-add: two forward, four backward."""


def part(session: Session) -> Part:
    """A row for each way to pack."""
    rows = {
        f"{processes} x {lanes}": partial(packed, session, processes, lanes)
        for processes, lanes in session.scale.packings
    }
    return Part(name="lanes", seconds=session.expected(240, quick=14), rows=rows, conclusion=best)


def packed(session: Session, processes: int, lanes: int, clock: Clock, before: Row) -> Row:
    """As many trainings in each lane, networks in turn, after a short one of each that isn't counted."""
    subjects = work(session, processes * lanes)
    log = session.folder / f"lanes-{processes}x{lanes}.log"
    with session.engine(processes, lanes, log) as engine:
        answered(engine, session.jobs(subjects, session.recipe(1), clock), clock)
        begun, busy = time.perf_counter(), cores_used()
        with watched(session.device) as seen:
            jobs = session.jobs(subjects, session.recipe(session.scale.packed_epochs), clock)
            results = answered(engine, jobs, clock)
        seconds, busy = time.perf_counter() - begun, cores_used() - busy
    images = session.scale.images
    row = steady([result.curve for result in results], images, processes * lanes, seconds)
    operations = FLOPS * mean(chosen.multiply_adds for chosen in subjects)
    return {
        **row,
        "flops": operations * row["images_per_second"],
        "cores": busy / seconds,
        "card_busy_percent": mean(seen) if seen else None,
        "outcomes": outcomes(results),
    }


def work(session: Session, lanes: int) -> list[Subject]:
    """Networks from all over the sample, each equally often, and equally many for each lane."""
    known, count = sample(), session.scale.packed
    chosen = known[:: len(known) // count][:count]
    return list(chosen) * (math.lcm(count, lanes) // count)


def steady(curves: Sequence[Sequence[Epoch]], images: int, lanes: int, seconds: float) -> Row:
    """Images a second of all lanes in later epochs, evaluations included, and what a network takes besides those."""
    later = [epoch.seconds for curve in curves for epoch in curve[UNSTEADY:]]
    if not later:
        raise RuntimeError(f"no training came to epoch {UNSTEADY + 1}")
    epoch = mean(later)
    trained = mean(len(curve) for curve in curves)
    return {
        "networks": len(curves),
        "images_per_second": lanes * images / epoch,
        "epoch_seconds": epoch,
        "first_epoch_seconds": mean(curve[0].seconds for curve in curves if curve),
        "set_up_seconds_a_network": lanes * seconds / len(curves) - trained * epoch,
        "seconds": seconds,
        "images_per_second_of_all": images * trained * len(curves) / seconds,
    }


def outcomes(results: Sequence[Result]) -> dict[str, int]:
    """How many trainings ended how."""
    found = [str(result.outcome) for result in results]
    return {outcome: found.count(outcome) for outcome in sorted(set(found))}


@contextmanager
def watched(device: str) -> Iterator[list[float]]:
    """How busy the card was in each half second, in percent; nothing on a CPU, or where nobody can say."""
    seen: list[float] = []
    if device != "cuda" or not shutil.which(WATCH[0]):
        yield seen
        return
    process = subprocess.Popen(WATCH, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield seen
    finally:
        process.terminate()
        seen += [float(line) for line in process.communicate()[0].split() if line.isdigit()]


def cores_used() -> float:
    """Seconds of processors that this process and the workers that it has now have used."""
    processes = [psutil.Process(), *psutil.Process().children()]
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


def best(rows: dict[str, Row]) -> list[str]:
    """The packing that trains fastest."""
    if not rows:
        return []
    top = max(rows, key=lambda key: rows[key]["images_per_second"])
    return [f"fastest: {top} with {rows[top]['images_per_second']:,.0f} images/s in the steady state"]
