"""All trials that were ever published of a data set as one table, with what each of their runs was asked.

A `.csv.gz` with a row a trial, which any program reads, and beside it a `.json`: what the columns mean, and of each run
its study (recipe, limits, spaces with their dimensions) as a run's own `study.json` has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nas.errors import Refused
from nas.files import read_json
from nas.findings.columns.table_files import read
from nas.findings.wording.numbers import percent
from nas.layers import Layer, identity
from nas.layers.display import html_table
from nas.layers.serialization import from_json
from nas.study import Recipe, catalog
from nas.study.recipe import FIDELITIES
from nas.study.stored import StoredStudy
from nas.study.table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

BEFORE = {
    "run": "name of the run: with `trial` it names a row, and it is a key of `runs` in the `.json`",
    "study": "name of the study that was run",
    "fidelity": "the recipe by name: a named fidelity, and the fields in which it differs from that",
}
AFTER = {
    "train_size": "training images of an epoch",
    "batch_size": "images of a step",
    "learning_rate": "peak of the schedule",
    "recipe": "JSON: all fields of the recipe, as `nas.Recipe` documents them",
    "device": "where it was trained",
    "versions": "of python and the libraries that decide numbers; empty where they weren't stored",
    "curve": "JSON: after each epoch its number, mean training loss, validation error and seconds; empty where it "
    "wasn't stored",
    "network": "JSON: the layer tree; its `type`s and fields are those of `nas/layers/leaves.py` and `combinators.py`",
}
ALL_COLUMNS: Mapping[str, str] = {**BEFORE, **COLUMNS, **AFTER}
"""Columns of the table with their meaning; dimensions and attributes of the networks follow."""
SAME = ("data", "target", "precision", "evaluation_batch_size")
"""Fields of a recipe that its name says nothing of."""
SHOWN = 10


class PublishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was asked, and where its rows are from."""

    source: str
    """File or folder that the rows were read from."""
    study: StoredStudy
    """All fields of the study, as `study.json` has them."""
    images: int
    """Training images that the data set has."""
    validation: int
    """Validation images that errors are measured on."""
    versions: dict[str, str] = {}
    """Of python and the libraries; empty where they weren't stored."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The `.json` beside a table."""

    data: str
    """Name of the data set."""
    columns: dict[str, str]
    """Column -> its meaning."""
    runs: dict[str, PublishedRun]
    """Name of each run -> what it was asked."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """The trials of a data set, read once."""

    path: Path
    """The `.csv.gz`; the `.json` lies beside it."""
    data: str
    """Name of the data set."""
    runs: Mapping[str, PublishedRun] = field(repr=False)
    """Name of each run -> what it was asked."""
    frame: pd.DataFrame = field(repr=False)
    """As it lies in the file."""

    def table(self) -> pd.DataFrame:
        """One row a trial; columns as `ALL_COLUMNS`, then dimensions and attributes. A copy of your own."""
        return self.frame.copy()

    def network(self, run: str, trial: int) -> Layer:
        """The layer tree of a trial; refused where it isn't the network of the row's architecture id."""
        rows = self.frame[(self.frame["run"] == run) & (self.frame["trial"] == trial)]
        if rows.empty:
            raise Refused(f"there is no trial {trial} of a run {run!r}", hint=f"runs: {', '.join(self.runs)}")
        layer, architecture = from_json(rows["network"].iloc[0]), rows["architecture"].iloc[0]
        if identity(layer) != architecture:
            raise Refused(f"the network of trial {trial} of {run} isn't {architecture}", hint="install nas-atlas again")
        return layer

    def summary(self) -> pd.DataFrame:
        """One row for each run, space and fidelity: trials and their least error."""
        groups = self.frame.groupby(["run", "fidelity", "space"], sort=False)
        return groups.agg(trials=("trial", "size"), least_error=("error", "min")).reset_index()

    def _repr_html_(self) -> str:
        """What a notebook shows: the summary."""
        rows = self.summary()
        cells = [[*map(str, row[:4]), percent(row[4])] for row in rows.itertuples(index=False)]
        return html_table(rows.columns, cells, f"{len(self.frame):,} trials on {self.data}")


def results(name: str = "fashion-mnist") -> Results:
    """All published trials on a data set; refused where there are none. Nothing is downloaded or trained."""
    return read_results(catalog.results_of(name))


@cache
def read_results(path: Path) -> Results:
    """A table and the `.json` beside it."""
    published = described(path)
    return Results(path=path, data=published.data, runs=published.runs, frame=read(path))


def described(path: Path) -> Published:
    """The `.json` beside a table."""
    beside = path.with_name(f"{path.name.removesuffix('.csv.gz')}.json")
    try:
        return read_json(beside, Published)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused(f"{beside} doesn't describe a table: {error}", hint="install nas-atlas again") from None


def fidelity_name(recipe: Recipe) -> str:
    """A recipe as `short`, or `short, epochs=4`: the named fidelity that it is nearest to, and what is different."""
    names = {name: _differences(recipe, Recipe().at(name)) for name in FIDELITIES}
    nearest = min(names, key=lambda name: len(names[name]))
    return ", ".join([nearest, *names[nearest]])


def _differences(recipe: Recipe, named: Recipe) -> list[str]:
    """Fields of a recipe that aren't those of another one, as texts."""
    own, others = msgspec.structs.asdict(recipe), msgspec.structs.asdict(named)
    return [f"{name}={value}" for name, value in own.items() if name not in SAME and value != others[name]]
