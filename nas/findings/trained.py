"""Trained networks of a table as points of their spaces: which of them can be searched together, and what each cost."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import Refused
from nas.findings.columns.table_files import read
from nas.findings.results import Results, read_results, results
from nas.findings.tables import checked
from nas.findings.wording.numbers import shortened
from nas.sampling.trained import TrainedNetwork
from nas.space import Dimension, Point, Real, Space, Value
from nas.storage.results import Run, open_run
from nas.study import Study, catalog
from nas.study.record import Outcome
from nas.study.stored import without_code
from nas.study.table import ASKED

if TYPE_CHECKING:
    import pandas as pd

MOST_NAMED = 12
"""Most names in a message."""
LARGEST_COST = 1e24
"""More multiply-adds, or seconds, than any table of trainings has."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainedTable:
    """A table of trained networks whose spaces are known."""

    name: str
    """For people."""
    frame: pd.DataFrame
    """A row a trial, with a column `run`."""
    studies: Mapping[str, Study]
    """Name of each run -> its study, with or without the code of its spaces; none where it isn't known."""
    images: Mapping[str, int]
    """Name of each run -> training images of its data set."""

    def space(self, run: str, name: str) -> Space:
        """A space of a run, with what was sampled of the recipe among its dimensions; refused where it isn't known."""
        study = self.studies.get(run)
        arms = study.arms if study else catalog.spaces()
        found = next((arm for arm in arms if arm.name == name), None)
        if found is None:
            raise Refused(
                f"{self.name}: the dimensions of space {name!r} aren't known",
                hint="name the study that the table is of: --study NAME",
            )
        return replace(found, dimensions=study.joint(found)) if study else found

    def population(self, run: str) -> str:
        """What networks have in common that are searched together: recipe, limits, and what varied."""
        study = self.studies.get(run)
        return repr((study.recipe, study.limits, study.vary)) if study else ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choosable:
    """The networks that are searched together."""

    frame: pd.DataFrame
    """Their rows."""
    arms: tuple[tuple[Space, tuple[TrainedNetwork, ...]], ...]
    """Each space with its networks, whose `row` is a place in the frame."""
    costs: Mapping[str, Sequence[float]]
    """Compute of each row, by what it is counted in; what the table doesn't tell is missing."""


def table_of(table: Run | Results | str | Path, study: Study | None = None) -> TrainedTable:
    """A published table by name, a run or its folder, or a file of a table, whose study is `study`."""
    if isinstance(table, str | Path) and Path(table).is_dir():
        table = open_run(table)
    elif isinstance(table, str | Path) and str(table) in catalog.results():
        table = results(str(table))
    elif isinstance(table, str | Path):
        return _of_file(Path(table), study)
    if study is not None:
        raise Refused("a study is named for files of tables only, for a run knows its own")
    return _of_results(table) if isinstance(table, Results) else _of_run(table)


def choosable(table: TrainedTable, spaces: Sequence[str] = (), run: str = "") -> Choosable:
    """The largest set of networks of one recipe and limits: of these spaces, of this run, else of any single space.

    A table of a single run is searched in all of its spaces. Each network counts once, pruned trainings not at all.
    """
    frame = _named(_named(table.frame, "run", [run] if run else []), "space", spaces)
    frame = frame[frame["outcome"] != Outcome.PRUNED]
    if "repeat" in frame:
        frame = frame[frame["repeat"] == 0]
    if frame.empty:
        raise Refused(f"{table.name} has no first training of a network that wasn't pruned")
    together = spaces or run or frame["run"].nunique() == 1
    groups = frame["run"].map(table.population) + ("" if together else frame["space"])
    frame = frame[groups == groups.value_counts(sort=True).index[0]]
    if "architecture" in frame:
        frame = frame.drop_duplicates(["space", "architecture"])
    frame = frame.reset_index(drop=True)
    return Choosable(frame=frame, arms=tuple(_arms(table, frame)), costs=_costs(table, frame))


def point_of(dimensions: Mapping[str, Dimension], row: Mapping[Hashable, Any], name: str) -> Point:
    """The point of a row of a table; refused where a cell is missing, or is no value of its dimension."""
    point: dict[str, Value] = {}
    for dimension, own in dimensions.items():
        if own.when is None or own.when.holds(point):
            point[dimension] = _value(own, row.get(dimension), f"{name}: {dimension}")
    return point


def _of_results(table: Results) -> TrainedTable:
    return TrainedTable(
        name=table.data,
        frame=table.table(),
        studies={name: without_code(run.study) for name, run in table.runs.items()},
        images={name: run.images for name, run in table.runs.items()},
    )


def _of_run(run: Run) -> TrainedTable:
    if not run.records:
        raise Refused(f"{run.folder} has no finished trial")
    name = run.folder.name
    return TrainedTable(
        name=str(run.folder),
        frame=run.table().assign(run=name),
        studies={name: without_code(run.manifest.study)},
        images={name: run.manifest.data.train},
    )


def _of_file(path: Path, study: Study | None) -> TrainedTable:
    """A file of a table; one with a `.json` beside it is read as a published one."""
    if not path.exists():
        known = ", ".join(catalog.results())
        raise Refused(
            f"there is no table {str(path)!r}", hint=f"published: {known}; a run's folder or a file works, too"
        )
    if path.name.endswith(".csv.gz") and path.with_name(f"{path.name[:-7]}.json").is_file() and study is None:
        return _of_results(read_results(path))
    frame = checked(read(path), name=str(path)).frame
    return TrainedTable(
        name=str(path), frame=frame.assign(run=path.name), studies={path.name: study} if study else {}, images={}
    )


def _named(frame: pd.DataFrame, column: str, names: Sequence[str]) -> pd.DataFrame:
    """The rows with these names; all without any, refused where there is no such name."""
    known = list(dict.fromkeys(frame[column]))
    if missing := [name for name in names if name not in known]:
        raise Refused(f"the table has no {column} {missing[0]!r}", hint=f"{column}s: {shortened(known, MOST_NAMED)}")
    return frame[frame[column].isin(names)] if names else frame


def _arms(table: TrainedTable, frame: pd.DataFrame) -> Sequence[tuple[Space, tuple[TrainedNetwork, ...]]]:
    """Each space of the rows with its networks."""
    sizes = frame["multiply_adds"].fillna(0).astype(int) if "multiply_adds" in frame else [0] * len(frame)
    rows = frame.assign(multiply_adds=sizes).to_dict("records")
    arms = []
    for name in dict.fromkeys(frame["space"]):
        places = [place for place, row in enumerate(rows) if row["space"] == name]
        space = table.space(rows[places[0]]["run"], name)
        own = (_trained(space, place, rows[place]) for place in places)
        arms.append((space, tuple(own)))
    return arms


def _trained(space: Space, place: int, row: Mapping[Hashable, Any]) -> TrainedNetwork:
    error = float(row["error"])
    return TrainedNetwork(
        row=place,
        point=point_of(space.dimensions, row, f"trial {row['trial']} of {row['run']}"),
        error=None if math.isnan(error) else error,
        multiply_adds=row["multiply_adds"],
    )


def _costs(table: TrainedTable, frame: pd.DataFrame) -> Mapping[str, Sequence[float]]:
    """Compute of each row: a training that failed is charged with an epoch at least; images count where known.

    Costs of which one is negative or beyond all computing aren't told.
    """
    costs: dict[str, Sequence[float]] = {"trials": [1.0] * len(frame)}
    if "seconds" in frame and frame["seconds"].notna().all():
        costs["seconds"] = frame["seconds"].tolist()
    if ASKED in frame and frame[ASKED].notna().all():
        costs["epochs"] = frame[ASKED].clip(lower=1).astype(float).tolist()
    if "multiply_adds" in frame and frame["multiply_adds"].notna().all():
        images = [_images(table, run) for run in frame["run"]]
        epochs = costs.get("epochs", costs["trials"])
        sizes = frame["multiply_adds"].astype(float)
        costs["multiply_adds"] = [s * i * e for s, i, e in zip(sizes, images, epochs, strict=True)]
    return {name: each for name, each in costs.items() if min(each) >= 0 and max(each) < LARGEST_COST}


def _images(table: TrainedTable, run: str) -> float:
    """Training images of an epoch; 1 where the table doesn't tell."""
    study = table.studies.get(run)
    return float((study.recipe.train_size if study else 0) or table.images.get(run, 1))


def _value(dimension: Dimension, cell: Any, place: str) -> Value:
    """A cell as the dimension writes it."""
    if cell is None or cell != cell:
        raise Refused(f"{place} is missing", hint="every network needs the values of all dimensions of its space")
    if isinstance(dimension, Real):
        value: Value | None = float(cell)
    else:
        value = next((own for own in dimension.values if own == cell or str(own) == str(cell)), None)
    if value is None or not dimension.contains(value):
        raise Refused(f"{place} can't be {cell!r}", hint="--study names the study of a table")
    return value
