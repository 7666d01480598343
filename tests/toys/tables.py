"""Spaces of networks for vectors that train in milliseconds, studies of them, and tables to train them on."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.layers import Activation, Layer, Linear, Repetition, Shape
from nas.layers import Sequence as Row
from nas.space import Integer, Point, Space, Value
from nas.study import Recipe, Study


@dataclass(frozen=True, kw_only=True)
class Perceptron:
    """Hidden layers of one width; with none, a linear model."""

    width: int
    depth: int

    def network(self, inputs: Shape, classes: int) -> Layer:
        """The layer tree."""
        hidden = Row(layers=(Linear(width=self.width), Activation()))
        middle = (Repetition(layer=hidden, times=self.depth),) if self.depth else ()
        return Row(layers=(*middle, Linear(width=classes)))

    def facts(self) -> Mapping[str, Value]:
        """None."""
        return {}


def decode(point: Point) -> Perceptron:
    """A network of the space `perceptron`."""
    return Perceptron(width=int(point["width"]), depth=1)


PERCEPTRON = Space(name="perceptron", dimensions={"width": Integer(low=2, high=64)}, decode=decode)
LEARNING = Recipe(
    data="diabetes",
    precision="float32",
    epochs=20,
    batch_size=32,
    learning_rate=0.02,
    initialisation="xavier",
)
STUDY = Study(name="table", question="Do perceptrons predict?", spaces=(PERCEPTRON,), samples=4, recipe=LEARNING)
LINEAR = Perceptron(width=1, depth=0)


def write_csv(path: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    """Columns as a file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def houses(rows: int = 120) -> dict[str, list[object]]:
    """Houses whose price depends on area, street and garage; every tenth has no known area, some no garage."""
    random = np.random.default_rng(5)
    area = random.uniform(50, 250, rows)
    street = random.choice(["gravel", "paved"], rows)
    garage = random.choice(["NA", "attached", "detached"], rows)
    price = 1000 * area + 40_000 * (street == "paved") + 25_000 * (garage != "NA") + random.normal(0, 5000, rows)
    return {
        "Id": list(range(1, rows + 1)),
        "area": ["" if row % 10 == 0 else f"{value:.1f}" for row, value in enumerate(area)],
        "street": street.tolist(),
        "garage": garage.tolist(),
        "price": price.round(2).tolist(),
    }
