"""What the benchmark leaves: every single pair with the facts of the machine, and the table made of them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import geometric_mean, median

import msgspec

from nas.study.recipe import Precision
from tests.benchmarks import roofline
from tests.benchmarks.bandwidth import Bandwidth
from tests.benchmarks.book import Speed
from tests.benchmarks.machine import Machine
from tests.benchmarks.networks import sample
from tests.benchmarks.others import TOLERABLE
from tests.benchmarks.ours import Batch, Memory
from tests.benchmarks.peak import Peak
from tests.benchmarks.roofline import Bound
from tests.benchmarks.shares import Shares

TRAINING_OPERATIONS = 3 * 2
"""Floating-point operations of a training step for each multiply-add: forward and twice that backward, 2 each."""
HEADINGS = (
    "network",
    "multiply-adds",
    "images",
    "book images/s",
    "ours images/s",
    "ratio [least-most]",
    "book networks/h",
    "ours networks/h",
    "ratio [least-most]",
    "others",
    "of peak",
    "of roofline",
    "outside kernels",
    "anonymous MiB",
    "RSS MiB",
    "PSS MiB",
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How it was measured."""

    data: str
    """Name of the data set."""
    batch_size: int
    """Images a step, on both sides."""
    workers: int
    """Processes of ours, one thread each."""
    pairs: int
    """Measurements of either side, alternating, each side first in turn."""
    images: int
    """Training images of the one epoch; 0 means so many that the book's loop takes `seconds`."""
    seconds: float
    """Aimed at for one epoch of the book's loop."""
    evaluated: bool = True
    """Whether the book's loop evaluates after its epoch; if not, only images a second can be compared."""
    precision: Precision
    """Of our arithmetic; the book's is float32."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Either side measured once, one right after the other."""

    book: Speed
    ours: Batch
    others: float
    """Share of all cores that other programs had meanwhile."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """All measurements of one network."""

    name: str
    identity: str
    multiply_adds: int
    resolution: int
    images: int
    """Training images of an epoch."""
    validation: int
    """Images of the evaluation, which only networks an hour count."""
    pairs: tuple[Pair, ...]
    memory: Memory
    shares: Shares
    bounds: tuple[Bound, ...]
    """The least time of one step by kind of layer, by the rates of all workers together (see `roofline.py`)."""

    def images_per_second(self) -> float:
        """Ours, the median of the pairs."""
        return median(pair.ours.images_per_second for pair in self.pairs)

    def speed_ratios(self) -> list[float]:
        """Our images a second over the book's, of each pair."""
        return [pair.ours.images_per_second / pair.book.images_per_second for pair in self.pairs]

    def network_ratios(self) -> list[float]:
        """Our networks an hour over the book's, of each pair."""
        return [hourly(pair.ours) * pair.book.seconds / 3600 for pair in self.pairs]

    def others(self) -> float:
        """The most of the cores that other programs had during a pair."""
        return max(pair.others for pair in self.pairs)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    machine: Machine
    settings: Settings
    peak: Peak
    bandwidth: Bandwidth
    lines: tuple[Line, ...] = ()


def hourly(batch: Batch) -> float:
    """Networks an hour."""
    return 3600 * batch.networks / batch.seconds


def text(report: Report) -> str:
    """The table with what it needs to be read."""
    facts, settings = report.machine, report.settings
    heading = (
        f"{facts.processor} ({facts.instruction_set}), {facts.cores} cores, torch {facts.torch}, "
        f"commit {facts.commit}, {facts.date}, load before {facts.load[0]:.2f}\n"
        f"{settings.data}, one epoch, batch {settings.batch_size}, medians of {settings.pairs} alternating pairs\n"
        f"book: DataLoader of 4 processes, float32, all cores; images/s from the first batch delivered\n"
        f"ours: {settings.workers} workers of one thread, {settings.precision}, images/s summed over them\n"
        f"networks/h: loading, training and evaluation, without process start-up; a short epoch of `images` images\n"
        f"peak: {report.peak.rate / 1e9:,.0f} GFLOP/s, {report.peak.kind} in {report.peak.precision} "
        f"on {report.peak.processes} processes\n"
        f"bandwidth: {report.bandwidth.rate / 1e9:,.1f} GB/s, {report.bandwidth.kind} "
        f"on {report.bandwidth.processes} processes\n"
        f"roofline: operations over peak or bytes without caches over bandwidth, whichever is more, kind by kind\n"
    )
    rows = [HEADINGS, *(cells(line, report.peak, settings) for line in report.lines)]
    return "\n".join([heading, *aligned(rows), *summary(report.lines), *warning(report.lines)]) + "\n"


def cells(line: Line, peak: Peak, settings: Settings) -> tuple[str, ...]:
    """One row of the table; without evaluation on the book's side nothing is said of networks an hour."""
    ours, memory, evaluated = line.images_per_second(), line.memory, settings.evaluated
    return (
        line.name,
        f"{line.multiply_adds:,}",
        f"{line.images:,}",
        f"{median(pair.book.images_per_second for pair in line.pairs):,.0f}",
        f"{ours:,.0f}",
        spread(line.speed_ratios()),
        f"{median(3600 / pair.book.seconds for pair in line.pairs):,.0f}" if evaluated else "",
        f"{median(hourly(pair.ours) for pair in line.pairs):,.0f}",
        spread(line.network_ratios()) if evaluated else "",
        f"{line.others():.0%}",
        f"{ours * TRAINING_OPERATIONS * line.multiply_adds / peak.rate:.0%}",
        f"{roofline.seconds(line.bounds) * ours / settings.batch_size:.0%}",
        f"{line.shares.outside:.0%}",
        f"{memory.anonymous:,.0f}",
        f"{memory.resident:,.0f}",
        f"{memory.proportional:,.0f}",
    )


def summary(lines: Sequence[Line]) -> list[str]:
    """Geometric mean and smallest of the ratios over the sample, as far as it was measured."""
    names = {subject.name for subject in sample()}
    ratios = [(median(line.speed_ratios()), line.name) for line in lines if line.name in names]
    if not ratios:
        return []
    mean = geometric_mean([ratio for ratio, _ in ratios])
    least, name = min(ratios)
    return ["", f"{len(ratios)} of {len(names)} in the sample: geometric mean {mean:.2f}, least {least:.2f} ({name})"]


def warning(lines: Sequence[Line]) -> list[str]:
    """That ratios can't be trusted, where other programs were busy, too."""
    most = max((line.others() for line in lines), default=0.0)
    if most <= TOLERABLE:
        return []
    return ["", f"NOT VALID: other programs took up to {most:.0%} of the cores; measure again on an idle machine"]


def split_text(lines: Sequence[Line]) -> str:
    """Where our time goes, for each network."""
    if not lines:
        return ""
    groups = tuple(lines[0].shares.split)
    rows = [(line.name, *(f"{line.shares.split[group]:.0%}" for group in groups)) for line in lines]
    return "\n".join(
        [
            "",
            "shares of the wall time of our training, one thread, under the profiler",
            *aligned([("network", *groups), *rows]),
        ]
    )


def roofline_text(report: Report) -> str:
    """Where to push: what each kind of layer must do, the bound of that, and the time that it takes."""
    lines = [
        "",
        "roofline of one step on all workers: operations over peak or bytes without caches over bandwidth, the larger;",
        "our time is one worker's under the profiler; reached: the bound over ours, above 100% where caches help",
    ]
    for line in report.lines:
        step = report.settings.batch_size / line.images_per_second()
        rows = roofline.rows(line.bounds, line.shares.split, step)
        lines += ["", *aligned([(line.name, *roofline.HEADINGS), *rows])]
    return "\n".join(lines)


def spread(ratios: Sequence[float]) -> str:
    """Median, least and most."""
    return f"{median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]"


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of equal width: the first column to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        right = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *right]))
    return lines
