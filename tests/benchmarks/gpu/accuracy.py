"""Seconds to a test accuracy: cold processes that train one network each and look at the held-out images once.

The network and its recipe are given (`--network`, `--recipe`), chosen on validation data before; nothing here chooses.
To find how fast 94 % is reached, give longer or shorter recipes and read the mean with its interval: a training is
never ended because of what the test images say. `python -m tests.benchmarks.gpu.accuracy` is one such process.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from statistics import mean

import msgspec
import torch

from nas import data
from nas.study import Recipe
from nas.training.cuda_graphs import aside
from nas.training.devices import one_thread
from nas.training.evaluation import evaluate
from nas.training.loop import on_device, train
from nas.training.precision import computing, settled
from tests.benchmarks.gpu.children import lines_of
from tests.benchmarks.gpu.exactness import interval
from tests.benchmarks.gpu.rows import BUDGET, Clock, OutOfTime, Part, Row
from tests.benchmarks.gpu.session import Session, subject


def part(session: Session) -> Part:
    """A row for each seed; other networks and recipes are other rows."""
    recipe = asked(session)
    said = " ".join([session.network, *(f"{field}={value}" for field, value in session.changes.items())])
    rows = {f"{said}, seed {seed}": partial(cold, session, recipe, seed) for seed in range(session.scale.cold)}
    return Part(name="accuracy", seconds=session.expected(180, quick=12), rows=rows, conclusion=means)


def asked(session: Session) -> Recipe:
    """The recipe as the command line changes it."""
    scale = session.scale
    base = Recipe(data=scale.data, train_size=scale.train_size, epochs=scale.epochs, flip=True)
    return msgspec.convert({**msgspec.to_builtins(base), **session.changes}, Recipe)


def cold(session: Session, recipe: Recipe, seed: int, clock: Clock, before: Row) -> Row:
    """One process: seconds from its start until the weights stand, and until the test accuracy is known."""
    question = json.dumps([session.device, session.network, msgspec.to_builtins(recipe), seed, time.time()])
    lines, reason = lines_of(["-m", "tests.benchmarks.gpu.accuracy", question], clock)
    if reason == BUDGET:
        raise OutOfTime(reason)
    if reason or not lines:
        raise RuntimeError(f"no accuracy: {reason or 'it said nothing'}")
    return dict(json.loads(lines[-1]))


def reached(device: torch.device, network: str, recipe: Recipe, seed: int, begun: float) -> Row:
    """Train, then evaluate the held-out test images once; `begun` is when the process was started."""
    chosen, recipe = subject(network), settled(recipe, device)
    resolution = recipe.resolution or chosen.resolution
    dataset = data.load(data.prepare(recipe.data, resolution), recipe.train_size)
    with one_thread(), aside(device):
        trained = train(chosen.layer, recipe, dataset, seed, device)
        seconds = time.time() - begun
        test = on_device(data.unseal(recipe.data, resolution), device)
        error = evaluate(computing(trained.module, recipe, device), test, dataset.info, recipe)
    return {
        "accuracy": 1 - error,
        "validation_accuracy": 1 - trained.curve[-1].error if trained.curve else None,
        "seconds": seconds,
        "seconds_with_test": time.time() - begun,
        "training_seconds": trained.seconds,
        "network": network,
    }


def means(rows: dict[str, Row]) -> list[str]:
    """Mean and interval over the seeds of each network and recipe."""
    lines = []
    for name in dict.fromkeys(key.rpartition(", seed ")[0] for key in rows):
        found = [row for key, row in rows.items() if key.rpartition(", seed ")[0] == name]
        parts = [f"{key} {_told([row[key] for row in found])}" for key in ("accuracy", "seconds")]
        lines.append(f"{name}: {', '.join(parts)}, n = {len(found)} cold processes")
    return lines


def _told(values: list[float]) -> str:
    ends = interval(values)
    return f"{mean(values):.4g}" + (f" (95 % {ends[0]:.4g} to {ends[1]:.4g})" if ends else "")


def main() -> None:
    """Answer the question of the command line."""
    device, network, recipe, seed, begun = json.loads(sys.argv[1])
    row = reached(torch.device(device), network, msgspec.convert(recipe, Recipe), seed, begun)
    sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
