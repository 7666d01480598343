"""Images a second and networks an hour of our trainer, against the loop that the book writes, on this machine.

    python -m tests.benchmarks.throughput [--networks book|sample|all|NAME,...] [--pairs 5] [--json FILE] [--profile]
    python -m tests.benchmarks.throughput --scaling      one worker against all of them

Both sides train the same network on the same images for one epoch at the same batch size. The book's loop has the
machine to itself in a fresh process with torch's own number of threads; ours runs in all workers at once. The sides
alternate in pairs, each first in turn. The machine must be idle otherwise: the book's threads wait for one another, so
that any other load slows its loop far more than ours; what other programs took is told with each pair.
Our workers and the book's process take some steps before the clock starts. How much of the machine is left is told
against its peak and its roofline (`roofline.py`), which `--profile` splits by kind of layer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import get_args

import msgspec

from nas.data import DataInfo, prepare
from nas.engines import LocalEngine
from nas.engines.messages import Job
from nas.layers import identity
from nas.study import Recipe
from nas.study.recipe import Precision
from nas.training.devices import cores, precision
from tests.benchmarks import book, ours, report, roofline, shares
from tests.benchmarks.bandwidth import bandwidth
from tests.benchmarks.child import Listener, all_cores, ask, one_thread
from tests.benchmarks.machine import machine
from tests.benchmarks.networks import Subject, sample
from tests.benchmarks.networks import book as book_networks
from tests.benchmarks.others import Moment
from tests.benchmarks.peak import peak
from tests.benchmarks.report import Line, Pair, Report, Settings

LEARNING_RATE = 0.01
"""Low enough that no network explodes within an epoch, whose speed would then say nothing."""
PROBE, WARM_UP, PROFILED = 10, 3, 4
"""Batches of the trial that chooses the number of images, of a worker's first training, and under the profiler."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One network with its data at either end of the pipeline."""

    subject: Subject
    """The network."""
    raw: DataInfo
    """Images at the size of their source, for the book's loop."""
    info: DataInfo
    """Images at the network's size, for ours."""
    settings: Settings
    """How to measure."""

    def question(self, images: int, *, evaluated: bool = True) -> book.Question:
        """For the book's loop."""
        return book.Question(
            layer=self.subject.layer,
            info=self.raw,
            resolution=self.subject.resolution,
            images=images,
            batch_size=self.settings.batch_size,
            evaluated=evaluated,
        )

    def recipe(self, images: int) -> Recipe:
        """For our trainer."""
        return Recipe(
            data=self.settings.data,
            train_size=images,
            resolution=self.subject.resolution,
            epochs=1,
            batch_size=self.settings.batch_size,
            learning_rate=LEARNING_RATE,
            precision=self.settings.precision,
        )

    def jobs(self, images: int, count: int) -> list[Job]:
        """For our workers."""
        return ours.jobs(self.subject, self.recipe(images), self.info, count)

    def batches(self, count: int) -> int:
        """Images in so many batches, as far as there are images."""
        size = self.settings.batch_size
        return min(max(1, count), self.raw.train // size) * size


def task(subject: Subject, settings: Settings) -> Task:
    """A network with its data prepared."""
    raw, info = prepare(settings.data), prepare(settings.data, subject.resolution)
    return Task(subject=subject, raw=raw, info=info, settings=settings)


def reader() -> Listener:
    """A process of its own for the book's loop."""
    return Listener("tests.benchmarks.book", all_cores())


def images_for(work: Task, loop: Listener) -> int:
    """Training images of each measurement, in whole batches."""
    size = work.settings.batch_size
    if work.settings.images:
        return work.batches(work.settings.images // size)
    trial = loop.ask(work.question(work.batches(PROBE), evaluated=False), book.Speed)
    return work.batches(max(PROBE, round(trial.images_per_second * work.settings.seconds / size)))


def measure(subject: Subject, whole: Report) -> Line:
    """All pairs of one network; the workers are fresh, so that their memory is this network's alone."""
    settings = whole.settings
    work = task(subject, settings)
    with reader() as loop, LocalEngine(settings.workers) as engine:
        images = images_for(work, loop)
        memory = ours.peak_memory(engine, work.jobs(work.batches(WARM_UP), settings.workers))
        pairs = tuple(_pair(work, engine, loop, images, number) for number in range(settings.pairs))
    todo = roofline.work(subject.layer, work.info.shape, settings.batch_size, settings.precision)
    asked = shares.Question(layer=subject.layer, info=work.info, recipe=work.recipe(work.batches(PROFILED)))
    return Line(
        name=subject.name,
        identity=identity(subject.layer),
        multiply_adds=subject.multiply_adds,
        resolution=subject.resolution,
        images=images,
        validation=work.info.validation,
        pairs=pairs,
        memory=memory,
        shares=ask("tests.benchmarks.shares", asked, shares.Shares, one_thread()),
        bounds=roofline.bounds(todo, whole.peak.rate, whole.bandwidth.rate),
    )


def _pair(work: Task, engine: LocalEngine, loop: Listener, images: int, number: int) -> Pair:
    """Both sides, the book's first in even pairs."""
    jobs, begun = work.jobs(images, work.settings.workers), Moment.now()
    question = work.question(images, evaluated=work.settings.evaluated)
    if number % 2:
        batch = ours.measure(engine, jobs)
        speed = loop.ask(question, book.Speed)
    else:
        speed = loop.ask(question, book.Speed)
        batch = ours.measure(engine, jobs)
    pair = Pair(book=speed, ours=batch, others=begun.others_since())
    speeds = f"book {speed.images_per_second:,.0f} images/s, ours {batch.images_per_second:,.0f}"
    _say(f"{work.subject.name}, pair {number + 1}: {speeds}, other programs {pair.others:.0%} of the cores")
    return pair


def compare(subjects: Sequence[Subject], settings: Settings, peak_seconds: float) -> Iterator[Report]:
    """The report after each network, so that a run that is cut off leaves what it has."""
    facts = machine()
    whole = Report(
        machine=facts,
        settings=settings,
        peak=peak(settings.workers, settings.precision, peak_seconds),
        bandwidth=bandwidth(settings.workers, peak_seconds),
    )
    for subject in subjects:
        whole = msgspec.structs.replace(whole, lines=(*whole.lines, measure(subject, whole)))
        yield whole


def scaling(subject: Subject, settings: Settings) -> str:
    """One worker against all of them, alternating."""
    work = task(subject, settings)
    with reader() as loop:
        images = images_for(work, loop)
    alone, together = [], []
    with LocalEngine(settings.workers) as engine:
        ours.answers(engine, work.jobs(work.batches(WARM_UP), settings.workers))
        for _ in range(settings.pairs):
            alone.append(ours.measure(engine, work.jobs(images, 1)).images_per_second)
            together.append(ours.measure(engine, work.jobs(images, settings.workers)).images_per_second)
    ratios = [both / one for one, both in zip(alone, together, strict=True)]
    return (
        f"{subject.name}, {images:,} images, {settings.pairs} pairs: one worker {median(alone):,.0f} images/s, "
        f"{settings.workers} workers {median(together):,.0f}, ratio [least-most] {report.spread(ratios)}\n"
    )


def subjects_named(text: str) -> tuple[Subject, ...]:
    """`book`, `sample`, `all`, or names with commas between them."""
    known: dict[str, Callable[[], tuple[Subject, ...]]] = {
        "book": book_networks,
        "sample": sample,
        "all": lambda: (*book_networks(), *sample()),
    }
    if text in known:
        return known[text]()
    by_name = {subject.name: subject for subject in known["all"]()}
    if unknown := [name for name in text.split(",") if name not in by_name]:
        raise argparse.ArgumentTypeError(
            f"no network {unknown[0]!r}; there are book, sample, all, {', '.join(by_name)}"
        )
    return tuple(by_name[name] for name in text.split(","))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tests.benchmarks.throughput", description=__doc__)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    add = partial(made.add_argument)
    add("--networks", type=subjects_named, default="book", help="book, sample, all, or names with commas")
    add("--images", type=int, default=0, help="training images of the epoch; 0 chooses by --seconds-per-run")
    add("--seconds-per-run", type=float, default=10.0, help="of the book's epoch")
    add("--pairs", type=int, default=5, help="alternating measurements of both sides")
    add("--batch", type=int, default=128, help="images a step")
    add("--workers", type=int, default=cores(), help="our processes; one a core by default")
    add("--speed-only", action="store_true", help="the book's loop doesn't evaluate; networks/h then say nothing")
    add("--precision", choices=get_args(Precision), default="auto", help="of our arithmetic")
    add(
        "--peak-seconds",
        type=float,
        default=1.0,
        help="on each of eight kernels that show the machine's peak and bandwidth",
    )
    add("--data", default="fashion-mnist", help="data set")
    add("--json", type=Path, help="file for all raw measurements")
    add("--profile", action="store_true", help="also print where our time goes, and the roofline by kind of layer")
    add("--scaling", action="store_true", help="one worker against all, on the first network, instead")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = parser().parse_args(arguments)
    settings = Settings(
        data=given.data,
        batch_size=given.batch,
        workers=given.workers,
        pairs=given.pairs,
        images=given.images,
        seconds=given.seconds_per_run,
        evaluated=not given.speed_only,
        precision=precision("cpu") if given.precision == "auto" else given.precision,
    )
    if given.scaling:
        sys.stdout.write(scaling(given.networks[0], settings))
        return
    for whole in compare(given.networks, settings, given.peak_seconds):
        if given.json:
            given.json.write_bytes(msgspec.json.format(msgspec.json.encode(whole)) + b"\n")
    sys.stdout.write(report.text(whole))
    if given.profile:
        sys.stdout.write(f"{report.split_text(whole.lines)}\n{report.roofline_text(whole)}\n")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
