"""The table of all published trials on Fashion-MNIST, made from the records of each study, or of runs' folders.

Older records are `studies/results/NAME.csv.gz`, without the recipes of their runs: `SOURCES` has those, and every row
is checked against them. What its study draws, with which seed, is what the row says, and so is what its network costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from nas.findings.results import AFTER, ALL_COLUMNS, BEFORE, Published, PublishedRun, described, fidelity_name
from nas.findings.trained import point_of
from nas.layers import Shape, identity
from nas.layers.serialization import to_json
from nas.sampling import Filter
from nas.sampling.filter import Network
from nas.sampling.plan import training_seed
from nas.sampling.repetitions import AUDIT, repeat_seed
from nas.storage.results import Run, open_run, required_study
from nas.storage.study_json import versions_in_words
from nas.study import Study, catalog, search, table
from nas.study.stored import stored, without_code
from nas.study.table import COLUMNS
from studies import anynet_discovery, anynet_ladder, blocks, nin_mixing, norm_placement, violations

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "studies" / "results"
DATA = "fashion-mnist"
TABLE = FOLDER / f"{DATA}.csv.gz"
SHAPE, CLASSES, IMAGES, VALIDATION = (1, 28, 28), 10, 50_000, 10_000
"""Of Fashion-MNIST as this program splits it."""


def run_as(study: Study, samples: int, fidelity: str = "", **changes: float) -> Study:
    """A study as it was run: with so many networks a space, in float32, at another fidelity where one is named."""
    recipe = study.recipe.at(fidelity, **changes) if fidelity else study.recipe
    return replace(study, samples=samples, recipe=msgspec.structs.replace(recipe, precision="float32"))


SOURCES: Mapping[str, Study] = {
    "anynet_discovery": run_as(anynet_discovery.STUDY, 128),
    "anynet_discovery_refined": run_as(anynet_discovery.REFINED, 48),
    "anynet_ladder": run_as(anynet_ladder.STUDY, 40, "short"),
    "anynet_ladder_4_epochs": run_as(anynet_ladder.STUDY, 40, "short", epochs=4),
    "blocks": run_as(blocks.STUDY, 16),
    "nin_mixing": run_as(nin_mixing.STUDY, 16),
    "norm_placement": run_as(norm_placement.STUDY, 24),
    "violations": run_as(violations.STUDY, 16, "tiny"),
}
"""Older records by the name of their file -> the study as it was run."""


AUDITED: Mapping[str, tuple[str, int, int]] = {
    "anynet_ladder_8_epochs": ("long", 8, 0),
    "anynet_ladder_other_seed": ("again_1", 2, 1),
}
"""Runs of the ladder's audit -> its column of errors, epochs, and which repetition of the network it is."""
UNTOLD = ("train_error", "gap", "peak_memory", "seconds", "images_per_second")
"""What the audit's records don't tell."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The records of one run."""

    study: Study
    """As it was run."""
    frame: pd.DataFrame
    """Its table, with `device`, `versions` and `curve`."""
    about: PublishedRun
    """What is said of it."""
    shape: Shape = SHAPE
    """Of an image."""
    repeat: int = 0
    """Which repetition an audit made of the networks; 0 for trainings with the seeds of their trials."""


def of_table(name: str) -> Part:
    """Older records."""
    path = FOLDER / f"{name}.csv.gz"
    about = PublishedRun(
        source=str(path.relative_to(ROOT)), study=stored(SOURCES[name]), images=IMAGES, validation=VALIDATION
    )
    frame = pd.read_csv(path, low_memory=False).assign(device="cpu", versions=None, curve=None)
    return Part(study=SOURCES[name], frame=frame, about=about)


def of_audit(name: str) -> Part:
    """Networks of the ladder as its audit trained them: longer with the seed of the run, or with another one."""
    path, (column, epochs, repeat) = FOLDER / "anynet_ladder_audit.csv", AUDITED[name]
    ladder, audit = of_table("anynet_ladder"), pd.read_csv(path)
    rows = ladder.frame.set_index("trial").loc[audit["trial"]].reset_index()
    if not (rows["architecture"].eq(audit["architecture"]).all() and rows["error"].eq(audit["short"]).all()):
        raise SystemExit(f"{path} isn't of the networks in anynet_ladder.csv.gz")
    frame = rows.assign(**dict.fromkeys(UNTOLD), error=audit[column], epochs=epochs, sampler=AUDIT, repeat=repeat)
    if repeat:
        frame["seed"] = [repeat_seed(ladder.study.seed, trial, repeat) for trial in frame["trial"]]
    study = run_as(anynet_ladder.STUDY, 4, "short", epochs=epochs)
    about = msgspec.structs.replace(ladder.about, source=str(path.relative_to(ROOT)), study=stored(study))
    return Part(study=study, frame=frame, about=about, repeat=repeat)


def older() -> dict[str, Part]:
    """All records that lie in files of their own, by the name of their run."""
    return {name: of_table(name) for name in SOURCES} | {name: of_audit(name) for name in AUDITED}


def of_run(folder: Path, study: str = "") -> Part:
    """The trials of a run's folder, finished or not; `study` names its study where the run doesn't."""
    run = open_run(folder)
    info = run.manifest.data
    if info.name != DATA:
        raise SystemExit(f"{folder} was trained on {info.name}, not on {DATA}")
    about = PublishedRun(
        source=folder.resolve().name,
        study=run.manifest.study,
        images=info.train,
        validation=info.validation,
        versions=dict(run.manifest.versions),
    )
    frame = run.table().assign(
        device=[record.device for record in run.records],
        versions=versions_in_words(run.manifest),
        curve=[msgspec.json.encode(record.curve).decode() for record in run.records],
    )
    return Part(study=_study_of(run, study), frame=frame, about=about, shape=info.shape)


def rows(name: str, part: Part) -> pd.DataFrame:
    """The records of a run in the columns of the table, each with its network."""
    networks = list(_networks(part))
    recipes = [part.study.recipe_of(point) for point, _ in networks]
    own = part.frame.drop(columns=[n for n in (*AFTER, *BEFORE) if n in part.frame and n not in COLUMNS])
    before = {
        "run": name,
        "study": part.study.name,
        "fidelity": [fidelity_name(recipe) for recipe in recipes],
    }
    after = {
        "train_size": [recipe.train_size or part.about.images for recipe in recipes],
        "batch_size": [recipe.batch_size for recipe in recipes],
        "learning_rate": [recipe.learning_rate for recipe in recipes],
        "recipe": [msgspec.json.encode(recipe).decode() for recipe in recipes],
        **{column: part.frame[column] for column in ("device", "versions", "curve")},
        "network": [to_json(network.layer).decode() for _, network in networks],
    }
    return own.assign(**before, **after)


def build(parts: Mapping[str, Part], kept: pd.DataFrame | None = None) -> pd.DataFrame:
    """One table of all parts, behind rows that are kept as they are."""
    frames = [*([] if kept is None else [kept]), *(rows(name, part) for name, part in parts.items())]
    frame = pd.concat([each.dropna(axis=1, how="all") for each in frames], ignore_index=True)
    rest = [column for column in frame if column not in ALL_COLUMNS]
    frame = frame.reindex(columns=[*ALL_COLUMNS, *rest])
    return frame.astype({name: "Int64" for name in frame if _whole(frame[name])})


def add(folder: Path, name: str = "", study: str = "") -> pd.DataFrame:
    """The table with the trials of a run's folder, in place of those that bear its name; written."""
    name = name or folder.resolve().name
    if name in SOURCES or name in AUDITED:
        raise SystemExit(f"{name} is made from a file in studies/results; give another --name")
    part, before = of_run(folder, study), described(TABLE)
    frame = pd.read_csv(TABLE, low_memory=False)
    frame = build({name: part}, frame[frame["run"] != name])
    write(frame, {**before.runs, name: part.about})
    return frame


def remake() -> pd.DataFrame:
    """The table with all older records made anew; written. Runs that were added stay as they are."""
    parts = older()
    frame, about = build(parts), {name: part.about for name, part in parts.items()}
    if TABLE.exists():
        added, before = pd.read_csv(TABLE, low_memory=False), described(TABLE)
        if not (added := added[~added["run"].isin(parts)]).empty:
            frame = build({}, pd.concat([frame, added], ignore_index=True))
            about |= {name: run for name, run in before.runs.items() if name not in parts}
    write(frame, about)
    return frame


def write(frame: pd.DataFrame, runs: Mapping[str, PublishedRun]) -> None:
    """The table and what is said of it."""
    table.write(frame, TABLE)
    about = Published(data=DATA, columns=dict(ALL_COLUMNS), runs=dict(runs))
    TABLE.with_name(f"{DATA}.json").write_bytes(msgspec.json.format(msgspec.json.encode(about), indent=1) + b"\n")


def _study_of(run: Run, name: str) -> Study:
    """The study of a run with the code of its spaces: by the name given, by its own, or by those of its spaces."""
    ours = {space.name: space for space in catalog.spaces()}
    own = run.manifest.study
    if not name and all(space.name in ours for space in own.spaces):
        return replace(without_code(own), spaces=tuple(ours[space.name] for space in own.spaces))
    return required_study(run, search.named(name) if name else None)


def _networks(part: Part) -> Iterator[tuple[Mapping[str, Any], Network]]:
    """The point and the network of each row, which is what the row says of it."""
    study = part.study
    filters = [
        Filter(space=replace(arm, dimensions=study.joint(arm)), limits=study.limits, inputs=part.shape, classes=CLASSES)
        for arm in study.arms
    ]
    for row in part.frame.to_dict("records"):
        trial = int(row["trial"])
        filter_ = filters[trial % len(filters)]
        point = point_of(filter_.space.dimensions, row, f"trial {trial}")
        network = filter_.judge(point)
        if not isinstance(network, Network) or identity(network.layer) != row["architecture"]:
            raise SystemExit(f"trial {trial} of {study.name} is another network now")
        said = row["space"], row["seed"], *(row[name] for name in network.cost.__struct_fields__)
        usual, again = training_seed(study.seed, trial), repeat_seed(study.seed, trial, part.repeat)
        counted = filter_.space.name, again if part.repeat else usual, *msgspec.structs.astuple(network.cost)
        if said != counted:
            raise SystemExit(f"trial {trial} of {study.name} says {said}, counted are {counted}")
        yield point, network


def _whole(column: pd.Series[Any]) -> bool:
    """Whether a column holds whole numbers and gaps only."""
    numbers = column.dropna()
    return pd.api.types.is_float_dtype(numbers) and len(numbers) > 0 and bool((numbers % 1 == 0).all())
