"""One network at a time, in turns: the book's loop, our steps launched one by one, our steps as a graph."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import torch

from nas import data
from nas.data import Dataset
from nas.training.devices import one_thread
from nas.training.loop import Training, initial, train
from tests.benchmarks.gpu.graphs import aside
from tests.benchmarks.gpu.rows import Clock, Part, Row
from tests.benchmarks.gpu.session import Session, subject
from tests.benchmarks.networks import Subject

if TYPE_CHECKING:
    from tests.benchmarks.book import Question

EPOCHS = 2
"""Of a whole training, evaluations included."""


def part(session: Session) -> Part:
    """A row for each pair of each network."""
    rows = {
        f"{name}, pair {pair + 1}": partial(compared, session, name)
        for name in session.scale.subjects
        for pair in range(session.scale.pairs)
    }
    return Part(name="book", seconds=session.expected(70, quick=12), rows=rows, conclusion=ratios)


def compared(session: Session, name: str, clock: Clock, before: Row) -> Row:
    """Images a second of each way, networks an hour of whole trainings, and the ratios."""
    from tests.benchmarks.book import Question  # torchvision takes seconds, and other parts load this file, too

    chosen = subject(name)
    source, dataset = data.prepare(session.scale.data), session.dataset(chosen.resolution)
    question = Question(
        layer=chosen.layer,
        info=source,
        resolution=chosen.resolution,
        images=session.scale.images,
        batch_size=session.scale.batch_size,
    )
    speed, book_seconds = book_speed(question, session.torch_device)
    ways: dict[str, Callable[[], float]] = {
        "eager": lambda: our_speed(session, chosen, dataset, graph=False),
        "graph": lambda: our_speed(session, chosen, dataset, graph=True),
        "seconds": lambda: our_seconds(session, chosen, dataset),
    }
    found = {"book": speed}
    for way, measured in ways.items():
        clock.check()
        with one_thread():
            found[way] = measured()
    our = found.pop("seconds")
    return {
        "network": name,
        "multiply_adds": chosen.multiply_adds,
        "images_per_second": found,
        "graph_to_book": found["graph"] / found["book"],
        "graph_to_eager": found["graph"] / found["eager"],
        "networks_an_hour": {"book": 3600 / book_seconds, "graph": 3600 / our},
        "networks_ratio": book_seconds / our,
    }


def book_speed(question: Question, device: torch.device) -> tuple[float, float]:
    """Images a second of the book's loop from the first batch delivered, and seconds of a whole training."""
    from tests.benchmarks import book as loop

    split = data.load(question.info, question.images)
    warm = loop.plain(question).to(device)
    loop.train_epoch(warm, loop.batches(split.train, question, shuffle=True), device, most=loop.WARM_UP)
    begun, speed = time.perf_counter(), 0.0
    module = loop.plain(question).to(device)
    for _ in range(EPOCHS):
        speed = loop.train_epoch(module, loop.batches(split.train, question, shuffle=True), device)
        loop.evaluate(module, loop.batches(split.validation, question, shuffle=False), device)
    return speed, time.perf_counter() - begun


def our_speed(session: Session, chosen: Subject, dataset: Dataset, *, graph: bool) -> float:
    """Images a second of the second epoch: libraries have chosen, the graph is recorded."""
    recipe, device = session.recipe(EPOCHS), session.torch_device
    with aside(device):
        generator = torch.Generator().manual_seed(0)
        module = initial(chosen.layer, dataset.info.shape, recipe, generator)
        with closing(Training(module, dataset.train, dataset.info, recipe, device, graph=graph)) as training:
            training.epoch(generator)
            begun = time.perf_counter()
            training.epoch(generator)
            return training.images / (time.perf_counter() - begun)


def our_seconds(session: Session, chosen: Subject, dataset: Dataset) -> float:
    """Of a whole training with all that it needs: alone, as the book's."""
    begun = time.perf_counter()
    train(chosen.layer, session.recipe(EPOCHS), dataset, 0, session.torch_device)
    return time.perf_counter() - begun


def ratios(rows: dict[str, Row]) -> list[str]:
    """Medians of the pairs of each network."""
    lines = []
    for name in dict.fromkeys(row["network"] for row in rows.values()):
        pairs = [row for row in rows.values() if row["network"] == name]
        ours, wall = (median(row[key] for row in pairs) for key in ("graph_to_book", "networks_ratio"))
        lines.append(
            f"{name}: a graph trains {ours:.2f} times as many images/s as the book's loop, {wall:.2f} times as many "
            f"networks/h in trainings of {EPOCHS} epochs, alone; medians of {len(pairs)}"
        )
    return lines
