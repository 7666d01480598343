"""Simulations -> results, on several processes, and results as a table that is the same on every run."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import process_time

from tests.simulation.simulation import Simulation

COLUMNS = ("name", "claim", "n", "simulations", "count", "rate", "claimed", "limit", "holds")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one simulation came to."""

    simulation: Simulation
    """The claim."""
    studies: int
    """Simulated studies; at least 1."""
    count: int
    """Those that count."""
    seconds: float
    """Time of processors."""

    @property
    def holds(self) -> bool:
        """Whether the count agrees with the claim."""
        return self.simulation.holds(self.count, self.studies)

    @property
    def row(self) -> tuple[str, ...]:
        """As a line of the table, without the time, which no two runs share."""
        one = self.simulation
        sign = "<=" if one.kind == "at most" else ">="
        return (
            one.name,
            one.claim,
            one.n,
            str(self.studies),
            str(self.count),
            f"{self.count / self.studies:.3f}",
            f"{sign} {one.rate:g}",
            f"{sign} {one.limit(self.studies)}",
            "yes" if self.holds else "NO",
        )


def results(simulations: Sequence[Simulation], studies: int, workers: int, seed: int = 0) -> Iterator[Result]:
    """All results in order, each as soon as it and those before it are there."""
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        asked = [(one, one.studies(studies)) for one in simulations]
        parts: list[list[Future[tuple[int, float]]]] = [
            [pool.submit(timed, one, place, size, seed) for place, size in enumerate(one.portions(n))]
            for one, n in asked
        ]
        for (one, n), futures in zip(asked, parts, strict=True):
            counts = [future.result() for future in futures]
            count, seconds = sum(count for count, _ in counts), sum(seconds for _, seconds in counts)
            yield Result(simulation=one, studies=n, count=count, seconds=seconds)


def timed(simulation: Simulation, place: int, studies: int, seed: int) -> tuple[int, float]:
    """The count of a portion, and the time of the processor that it took."""
    begin = process_time()
    return simulation.portion(place, studies, seed), process_time() - begin


def write(found: Iterable[Result], path: Path) -> None:
    """The table as a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(result.row for result in found)


def line(result: Result) -> str:
    """A result for people: count, limit, and whether the claim holds."""
    name, _, _, studies, count, rate, _, limit, holds = result.row
    return f"{name:<62} {count:>5} of {studies:<5} {rate}  {limit:<7} {holds:<4}{result.seconds:8.1f} s"
