"""Which short training ranks networks as a long one does, for the least time?

    python -m tests.benchmarks.fidelity run RECORDS.jsonl      about an hour on two idle cores; resumes
    python -m tests.benchmarks.fidelity show RECORDS.jsonl     the table, from whatever is there

The fixed sample of 24 networks is trained by every candidate recipe and by a reference four times as long as `short`.
For each candidate: Kendall's tau-b with the reference over the networks, with an interval, the regret of its first
choice (how much worse that network is in the reference than the reference's best) and the seconds of processor time
that a network costs, training and evaluation.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from nas.analysis import agreement
from nas.engines.process import KEPT_MEMORY, SINGLE_THREAD
from nas.study import Recipe
from tests.benchmarks import networks

BASE = Recipe(
    data="fashion-mnist", batch_size=32, learning_rate=0.05, zero_residual=True, flip=True, precision="float32"
)
REFERENCE = "reference"


def variant(**changes: object) -> Recipe:
    """The common recipe with changes."""
    return msgspec.convert(msgspec.to_builtins(BASE) | changes, Recipe)


GLANCE, SHORT = {"train_size": 6_000, "epochs": 1}, {"train_size": 7_500, "epochs": 2}
CANDIDATES: dict[str, Recipe] = {
    "glance": variant(**GLANCE),
    REFERENCE: variant(train_size=15_000, epochs=4),
    "short": variant(**SHORT),
    "short, no zero start": variant(**SHORT, zero_residual=False),
    "short, batch 64, rate 0.1": variant(**SHORT, batch_size=64, learning_rate=0.1),
    "glance, batch 16, rate 0.03": variant(**GLANCE, batch_size=16, learning_rate=0.03),
    "glance, batch 64, rate 0.1": variant(**GLANCE, batch_size=64, learning_rate=0.1),
    "glance, no zero start": variant(**GLANCE, zero_residual=False),
    "short, rate 0.15": variant(**SHORT, learning_rate=0.15),
    "short, warm-up 0.3": variant(**SHORT, warmup=0.3),
}
"""In the order in which they are trained."""
SEED = 1
FEWER = 2_500
"""Validation images of the cheaper evaluation that is recorded beside the whole one."""


def main() -> None:
    """Run or show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "show"))
    parser.add_argument("records", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if options.command == "run":
        run(options.records, options.workers)
    print(show(read(options.records)).to_string(index=False))  # noqa: T201


def run(path: Path, workers: int) -> None:
    """Train what isn't there yet, one line a training."""
    done = {(line["recipe"], line["network"]) for line in read(path)}
    count = len(networks.sample())
    todo = [(name, number) for name in CANDIDATES for number in range(count) if (name, number) not in done]
    os.environ.update(KEPT_MEMORY | SINGLE_THREAD)  # before the processes start: their allocator reads it then
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool, path.open("a") as file:
        for future in as_completed([pool.submit(trained, name, number) for name, number in todo]):
            file.write(json.dumps(future.result()) + "\n")
            file.flush()


def trained(name: str, number: int) -> dict[str, Any]:
    """One training: its errors and its processor time, which doesn't depend on what else the machine does."""
    import torch

    from nas import data
    from nas.data import Split
    from nas.training.evaluation import evaluate
    from nas.training.loop import train
    from nas.training.precision import computing

    torch.set_num_threads(1)
    recipe, subject = CANDIDATES[name], networks.sample()[number]
    info = data.prepare(recipe.data)
    dataset = data.load(info, recipe.train_size)
    begun, cpu = time.process_time(), torch.device("cpu")
    result = train(subject.layer, recipe, dataset, SEED, cpu)
    seconds = time.process_time() - begun
    some = Split(dataset.validation.images[:FEWER], dataset.validation.labels[:FEWER])
    ready = computing(result.module, recipe, cpu)
    return {
        "recipe": name,
        "network": number,
        "name": subject.name,
        "seconds": seconds,
        "images": recipe.train_size * recipe.epochs,
        "errors": [epoch.error for epoch in result.curve],
        "error": 1.0 if result.diverged else result.curve[-1].error,
        "error_of_fewer": 1.0 if result.diverged else evaluate(ready, some, info, recipe),
    }


def read(path: Path) -> list[dict[str, Any]]:
    """Trainings that are done."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def show(records: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a candidate, by its agreement with the reference."""
    errors = pd.DataFrame(records).pivot_table(index="network", columns="recipe", values="error")
    seconds = pd.DataFrame(records).groupby("recipe")["seconds"].mean()
    if REFERENCE not in errors:
        return pd.DataFrame()
    rows = []
    for name in errors.columns:
        both = errors[[name, REFERENCE]].dropna() if name != REFERENCE else errors[[REFERENCE, REFERENCE]].dropna()
        candidate, reference = both.iloc[:, 0].to_numpy(), both.iloc[:, 1].to_numpy()
        known = agreement(candidate, reference)
        tau, regret = known.tau.coefficient, known.regret
        rows.append(
            {
                "recipe": name,
                "networks": len(both),
                "tau": tau.estimate,
                "low": tau.low,
                "high": tau.high,
                "regret": regret.estimate,
                "regret, high": regret.high,
                "mean error": candidate.mean(),
                "deviation": candidate.std(ddof=1),
                "seconds": seconds[name],
            }
        )
    return pd.DataFrame(rows).sort_values("seconds").round(4)


if __name__ == "__main__":
    main()
