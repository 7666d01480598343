"""The table of published trials: what it says is what networks, studies and older records say."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.errors import Refused
from nas.findings.results import ALL_COLUMNS, Results, fidelity_name
from nas.layers import cost, identity
from nas.layers.serialization import from_json
from nas.study import Recipe, catalog
from nas.study.stored import stored, without_code
from nas.study.study import FIELDS
from studies import anynet_ladder, quickstart
from tests.results import build
from tests.toys.runs import execute


@pytest.fixture(scope="module")
def published() -> Results:
    """What everybody gets."""
    return nas.results("fashion-mnist")


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells with one kind of gap, recipes as values: a field that is new has its default in older rows."""
    recipes = [msgspec.json.decode(text, type=Recipe) for text in frame["recipe"]]
    return frame.assign(recipe=recipes).astype(object).where(frame.notna(), None)


def test_every_network_is_the_one_that_its_row_names(published: Results) -> None:
    """Architecture id and all costs of a row are those of the layer tree in it, counted anew."""
    table = published.table()
    assert len(table) > 1000
    for row in table.to_dict("records"):
        layer = from_json(row["network"])
        assert identity(layer) == row["architecture"]
        assert msgspec.structs.asdict(cost(layer, build.SHAPE)).items() <= row.items()


@pytest.mark.slow
def test_older_rows_are_made_from_the_records_of_each_study(published: Results) -> None:
    """Made anew from the files in `studies/results`, with networks, seeds and costs checked, the rows are the same."""
    parts = build.older()
    fresh = build.build(parts)
    stored_rows = published.frame[published.frame["run"].isin(parts)].reset_index(drop=True)
    known = [name for name in stored_rows if name in fresh]
    assert stored_rows.drop(columns=known).isna().all().all()
    pd.testing.assert_frame_equal(comparable(stored_rows[known]), comparable(fresh[known]), check_dtype=False)


def test_a_row_has_a_name_and_a_recipe(published: Results) -> None:
    """Run and trial name a row, every run is described, every column explained; recipes are those of runs and grids."""
    table = published.table()
    assert not table.duplicated(["run", "trial"]).any()
    assert set(table["run"]) == set(published.runs)
    assert list(table.columns[: len(ALL_COLUMNS)]) == list(ALL_COLUMNS)
    for name, run in published.runs.items():
        rows = table[table["run"] == name]
        crossed = {field: getattr(run.study.recipe, field) for field in run.study.grid if field in FIELDS}
        for fidelity, text in set(zip(rows["fidelity"], rows["recipe"], strict=True)):
            recipe = msgspec.json.decode(text, type=Recipe)
            assert fidelity == fidelity_name(recipe)
            assert msgspec.structs.replace(recipe, **crossed) == run.study.recipe


def test_the_table_needs_nothing_of_this_program() -> None:
    """Pandas and json alone read networks as trees of nodes with a type, and the meaning of each column."""
    path = catalog.results_of("fashion-mnist")
    table = pd.read_csv(path, low_memory=False)
    network = json.loads(table["network"][0])
    about = json.loads(path.with_name("fashion-mnist.json").read_text())
    assert network["type"]
    assert set(about["columns"]) <= set(table)
    assert about["runs"]["blocks"]["study"]["recipe"]["train_size"] == 7_500


def test_a_network_comes_back_by_run_and_trial(published: Results) -> None:
    """The layer tree of a trial has its architecture id; a trial that isn't there is refused with the runs."""
    row = published.table().query("run == 'blocks' and trial == 3").iloc[0]
    assert identity(published.network("blocks", 3)) == row["architecture"]
    with pytest.raises(Refused, match="no trial 3 of a run 'cubes'"):
        published.network("cubes", 3)


def test_a_network_that_is_another_one_is_refused(published: Results) -> None:
    """A row whose tree was changed isn't believed."""
    frame = published.table().assign(network=published.frame["network"].iloc[0])
    with pytest.raises(Refused, match="isn't"):
        replace(published, frame=frame).network("blocks", 3)


def test_an_unknown_table_is_refused_with_those_there_are() -> None:
    """A data set without a table is answered by the names of those with one."""
    with pytest.raises(Refused, match=r"no table of results 'mnist'.*fashion-mnist"):
        nas.results("mnist")


def test_a_fidelity_is_named_after_the_nearest() -> None:
    """A recipe's name is that of the named fidelity with the fewest differences, and these."""
    assert fidelity_name(Recipe().at("short")) == "short"
    assert fidelity_name(Recipe(initialisation="xavier").at("short", epochs=4)) == (
        "short, epochs=4, initialisation=xavier"
    )


def test_a_stored_study_draws_from_the_same_distributions() -> None:
    """Without code, spaces keep their dimensions and the order of their widths, which is met by construction."""
    study = anynet_ladder.STUDY
    plain = without_code(msgspec.json.decode(msgspec.json.encode(stored(study)), type=type(stored(study))))
    for ours, theirs in zip(study.arms, plain.arms, strict=True):
        assert (ours.name, ours.dimensions, ours.chains()) == (theirs.name, theirs.dimensions, theirs.chains())
    with pytest.raises(Refused, match="isn't loaded"):
        plain.arms[0].decode({})


@pytest.mark.slow
def test_a_run_is_added_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its trials come with curve, device and versions; added again, they take the place of the first."""
    table = tmp_path / "fashion-mnist.csv.gz"
    for ending in (".csv.gz", ".json"):
        shutil.copy(build.FOLDER / f"fashion-mnist{ending}", tmp_path)
    monkeypatch.setattr(build, "TABLE", table)
    study = replace(quickstart.STUDY, samples=2, rules=())
    recipe = msgspec.structs.replace(study.recipe, epochs=2, train_size=64)
    execute(replace(study, recipe=recipe), tmp_path / "own")
    with pytest.raises(SystemExit, match="digits"):
        build.add(tmp_path / "own")
    monkeypatch.setattr(build, "DATA", "digits")
    before = len(pd.read_csv(table, low_memory=False))
    for _ in range(2):
        rows = build.add(tmp_path / "own").query("run == 'own'")
    assert len(pd.read_csv(table, low_memory=False)) == before + 6
    assert rows["device"].notna().all()
    assert rows["versions"].str.contains("torch").all()
    curves = rows["curve"].map(json.loads)
    assert [curve[-1]["error"] for curve in curves] == rows["error"].tolist()
