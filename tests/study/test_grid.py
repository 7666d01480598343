"""A study with a grid: an arm for every space and combination, drawn, trained, limited and resumed like a space."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

import nas
from nas.engines import Engine, InlineEngine, LocalEngine
from nas.errors import EmptyWindow, Refused
from nas.findings.settings import settings
from nas.layers import identity
from nas.models.weights import read_document
from nas.sampling import Filter, Plan, draw, measure
from nas.space import Choice, Integer, Real, Space, When, rising
from nas.space.distribution import Distribution
from nas.storage.layout import WEIGHTS
from nas.study import Grid, Limits
from nas.study.record import Record
from nas.study.stored import changes, stored
from nas.study.study import SAMPLERS, SamplerName
from nas.study.table import TIMES, table
from studies import quickstart
from tests.toys.runs import forged, older
from tests.toys.spaces import CROSSED, QUICK, RICH, STUDY, TINY, decode_tiny

INPUTS = (1, 16, 16)
NAMES = [
    "rich function=relu learning_rate=0.01",
    "rich function=relu learning_rate=0.1",
    "rich function=tanh learning_rate=0.01",
    "rich function=tanh learning_rate=0.1",
]


def timeless(records: tuple[Record, ...]) -> pd.DataFrame:
    """The table without the columns that may differ between two runs of one study."""
    return table(records).drop(columns=list(TIMES))


def records(folder: Path, samples: int, engine: Engine | None = None) -> tuple[Record, ...]:
    """The crossed study with so many networks an arm."""
    return nas.run(replace(CROSSED, samples=samples), out=folder, engine=engine or InlineEngine()).records


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> nas.Run:
    """The crossed study, run to its end; tests don't write to it."""
    return nas.run(CROSSED, out=tmp_path_factory.mktemp("grid") / "run", engine=InlineEngine())


def test_arms_are_all_combinations_in_one_order() -> None:
    """The space's own dimensions come first, then the recipe's fields; the last changes fastest; names say all."""
    assert [arm.name for arm in CROSSED.arms] == NAMES
    assert [arm.dimensions["learning_rate"] for arm in CROSSED.arms] == [
        Choice(options=(0.01,)),
        Choice(options=(0.1,)),
    ] * 2
    assert {arm.dimensions["width"] for arm in CROSSED.arms} == {RICH.dimensions["width"]}
    other_order = replace(CROSSED, grid=Grid(values=dict(reversed(CROSSED.grid.values.items()))))
    assert [arm.name for arm in other_order.arms] == NAMES


def test_trials_go_round_the_arms() -> None:
    """With two spaces and three rates there are six arms: trial t belongs to arm t mod 6, a repetition to its own."""
    study = replace(STUDY, samples=2, repeats=2, grid=Grid(values={"learning_rate": (1e-5, 0.5, 1)}))
    assert study.total == 2 * (2 * 3) * 2
    assert [study.space_of(trial).name for trial in range(7)] == [
        "tiny learning_rate=1e-05",
        "tiny learning_rate=0.5",
        "tiny learning_rate=1",
        "rich learning_rate=1e-05",
        "rich learning_rate=0.5",
        "rich learning_rate=1",
        "tiny learning_rate=1e-05",
    ]
    assert [study.repeat_of(trial) for trial in range(24)] == [*[0] * 6, *[1] * 6] * 2
    assert [study.first_of(trial) for trial in (0, 5, 6, 11, 12, 23)] == [0, 5, 0, 5, 12, 17]
    assert study.recipe_of({"width": 3, "learning_rate": 1}) == msgspec.structs.replace(QUICK, learning_rate=1.0)


def test_without_a_grid_nothing_changes() -> None:
    """The arms are the spaces themselves, and each trial is the draw that it was before there were grids."""
    study = quickstart.STUDY
    assert all(arm is space for arm, space in zip(study.arms, study.spaces, strict=True))
    plan = Plan(study, INPUTS, 10)
    for trial in range(6):
        space = study.spaces[trial % 3]
        filter_ = Filter(space=space, limits=study.limits, inputs=INPUTS, classes=10)
        drawn = draw(filter_, Distribution(space), study.seed, trial)
        assert plan.propose(trial).point == drawn.point
    assert {name: prints[:2] for name, prints in plan.fingerprint().items()} == {
        "AnyNetX_A_3": ("a4235ed0c146f8bb", "3dc397b59a4264a8"),
        "AnyNetX_E_3": ("c0b1e7efa0e70323", "faf52ccb90064504"),
        "RegNetX_3": ("65b34f91f95cf96f", "2f1ddaa655a998b1"),
    }


def test_conditions_and_order_hold_in_an_arm() -> None:
    """A crossed value of a dimension that isn't active doesn't appear; a chain with a fixed member stays in order."""
    ladder = {f"width_{i}": Integer(low=1, high=4) for i in (1, 2, 3)}
    when = When(dimension="kind", values=("b",))
    space = Space(
        name="s",
        dimensions={"kind": Choice(options=("a", "b")), "rate": Real(low=0, high=1, when=when), **ladder},
        decode=decode_tiny,
        requirements=(rising("width"),),
    )
    grid = Grid(values={"rate": (0, 0.5), "width_2": (3,), "kind": ("a", "b")})
    arms = replace(STUDY, spaces=(space,), grid=grid).arms
    points = {arm.name: Distribution(arm).points(_uniform(len(arm.dimensions))) for arm in arms}
    assert [name.removesuffix(" width_2=3") for name in points] == [
        "s kind=a rate=0",
        "s kind=a rate=0.5",
        "s kind=b rate=0",
        "s kind=b rate=0.5",
    ]
    for name, drawn in points.items():
        rates = {point.get("rate") for point in drawn}
        assert rates == ({None} if "kind=a" in name else {0.5} if "rate=0.5" in name else {0.0})
        assert all(point["width_1"] <= point["width_2"] == 3 <= point["width_3"] for point in drawn)
        assert {point["width_1"] for point in drawn} == {1, 2, 3}
        assert {point["width_3"] for point in drawn} == {3, 4}
    assert isinstance(points["s kind=b rate=0 width_2=3"][0]["rate"], float)


def test_a_shared_dimension_can_be_crossed() -> None:
    """One value for a whole group is written out for each of its members, as the decoder sees it."""
    space = Space(
        name="s",
        dimensions={f"width_{i}": Integer(low=1, high=4) for i in (1, 2)},
        decode=decode_tiny,
    ).share("width")
    (arm,) = replace(STUDY, spaces=(space.named("s"),), grid=Grid(values={"width": (2,)})).arms
    assert arm.expand(Distribution(arm).points(_uniform(1))[0]) == {"width_1": 2, "width_2": 2}


def _uniform(columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.random.default_rng(0).random((200, columns))


def test_each_column_is_constant_in_its_arm(run: nas.Run) -> None:
    """Four arms of two networks; what is crossed is a column of the table and the recipe of the training."""
    frame = run.table()
    assert run.total == len(frame) == 8
    assert Counter(frame["space"]) == dict.fromkeys(NAMES, 2)
    assert list(frame["space"]) == NAMES * 2
    for space, own in frame.groupby("space"):
        values = [f"{name}={own[name].iloc[0]}" for name in ("function", "learning_rate")]
        assert space == " ".join(["rich", *values])
        assert (own[["function", "learning_rate"]] == own[["function", "learning_rate"]].iloc[0]).all(axis=None)
    assert frame["architecture"].nunique() == 8
    for record in run.records:
        used = read_document(run.folder / WEIGHTS / record.weights).recipe
        assert used == msgspec.structs.replace(QUICK, learning_rate=record.point["learning_rate"])
    assert run.manifest.study.sampled == ("width", "function", "learning_rate")
    said = settings(run)
    assert said["crossed"] == "learning_rate 0.01, 0.1; function relu, tanh"
    assert said["samples"] == "2 networks of each space at each combination, 1 training each"


def test_a_crossed_study_resumes_and_extends(run: nas.Run, tmp_path: Path) -> None:
    """Half of it, extended to the whole by the same command, equals the whole; a third time nothing is trained."""
    assert len(records(tmp_path / "run", 1)) == 4
    whole = records(tmp_path / "run", 2)
    pd.testing.assert_frame_equal(timeless(whole), timeless(run.records))
    assert records(tmp_path / "run", 2) == whole


@pytest.mark.slow
def test_workers_do_not_matter(run: nas.Run, tmp_path: Path) -> None:
    """Two worker processes give the table of one process, training errors and counted memory included."""
    pd.testing.assert_frame_equal(timeless(records(tmp_path, 2, LocalEngine(2))), timeless(run.records))


def test_another_grid_is_refused_to_resume(run: nas.Run) -> None:
    """A run goes on only under its own grid; one that was stored before there were grids has none."""
    wider = Grid(values={**CROSSED.grid.values, "learning_rate": (0.01, 0.2)})
    rates = Grid(values={"learning_rate": (0.01, 0.2)})
    with pytest.raises(Refused, match=r"grid.learning_rate\[1\]: 0.1 is stored, this is 0.2"):
        nas.run(replace(CROSSED, grid=wider), out=run.folder, engine=InlineEngine())
    with pytest.raises(Refused, match=r"grid.learning_rate: \[0.01, 0.1\] is stored, this is None"):
        nas.run(replace(CROSSED, grid=Grid()), out=run.folder, engine=InlineEngine())
    old = older(STUDY, without="grid")
    assert changes(old, stored(STUDY)) == []
    assert changes(old, stored(replace(STUDY, grid=rates))) == [
        "grid.learning_rate: None is stored, this is [0.01, 0.2]"
    ]


def test_a_run_from_before_grids_is_read(run: nas.Run, tmp_path: Path) -> None:
    """A folder whose study.json has no grid counts the trials of its spaces."""
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    forged(folder, lambda content: content["study"].pop("grid"))
    older = nas.open(folder)
    assert older.total == 2
    assert older.manifest.study.sampled == ("width", "function")
    assert "crossed" not in settings(older)


def test_a_network_of_an_arm_is_trained_again(run: nas.Run, tmp_path: Path) -> None:
    """A trial whose weights weren't kept is trained again in its arm, with its rate, to the same error."""
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    shutil.rmtree(folder / WEIGHTS)
    again, record = nas.open(folder), run.record(3)
    model = nas.export(again, record, tmp_path / "out", study=CROSSED)
    assert (model.document.error, model.document.space) == (record.error, NAMES[3])
    assert model.document.recipe.learning_rate == 0.1


SIZES = Grid(values={"resolution": (8, 16), "train_size": (100, 0), "batch_size": (25,), "label_smoothing": (0.0, 0.1)})


def test_limits_hold_at_the_resolution_of_an_arm(tmp_path: Path) -> None:
    """At each resolution the network is drawn, counted, limited and trained for images of that size."""
    limits = Limits(multiply_adds=(4_000, 60_000))
    recipe = msgspec.structs.replace(QUICK, epochs=1)
    study = replace(STUDY, name="sizes", spaces=(TINY,), samples=1, recipe=recipe, grid=SIZES, limits=limits)
    done = nas.run(study, out=tmp_path / "run", engine=InlineEngine())
    assert done.total == 8
    assert dict(done.outcomes) == {"completed": 8}
    for record in done.records:
        edge = int(record.point["resolution"])
        width = int(record.point["width"])
        by_hand = width * 9 * (edge // 2) ** 2 + 16 * width * 10
        assert record.cost.multiply_adds == by_hand
        assert 4_000 <= by_hand <= 60_000
        document = read_document(done.folder / WEIGHTS / record.weights)
        assert document.inputs == (1, edge, edge)
        used = document.recipe
        assert (used.resolution, used.train_size, used.batch_size, used.label_smoothing) == tuple(
            record.point[name] for name in ("resolution", "train_size", "batch_size", "label_smoothing")
        )


def test_crossed_lengths_of_training_fill_their_column(tmp_path: Path) -> None:
    """Epochs can be crossed: the column says what was asked for, and the curve is as long."""
    study = replace(STUDY, name="long", spaces=(TINY,), samples=1, grid=Grid(values={"epochs": (1, 3)}))
    done = nas.run(study, out=tmp_path / "run", engine=InlineEngine())
    assert list(done.table()["epochs"]) == [1, 3]
    assert [len(record.curve) for record in done.records] == [1, 3]


def test_switches_can_be_crossed(tmp_path: Path) -> None:
    """A field that is true or false comes back as that from the database, and is a column of truth values."""
    study = replace(STUDY, name="switch", spaces=(TINY,), samples=1, grid=Grid(values={"flip": (False, True)}))
    done = nas.run(study, out=tmp_path / "run", engine=InlineEngine())
    assert [record.point["flip"] for record in done.records] == [False, True]
    assert [type(record.point["flip"]) for record in done.records] == [bool, bool]
    assert done.table()["flip"].dtype == bool
    assert [arm.name for arm in study.arms] == ["tiny flip=False", "tiny flip=True"]


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name not in ("random", "gp")])
def test_hunts_stay_in_their_arm(sampler: SamplerName) -> None:
    """Samplers that learn search each arm by itself and get its single values back."""
    plan = Plan(replace(CROSSED, samples=16, sampler=sampler), INPUTS, 10)
    proposals = []
    while len(proposals) < 64:
        for trial in range(len(proposals), plan.horizon):
            proposals.append(plan.propose(trial))
            plan.tell(trial, 0.5 + 0.001 * trial)
    for trial, proposal in enumerate(proposals):
        arm = CROSSED.space_of(trial)
        assert all(d.contains(proposal.point[name]) for name, d in arm.dimensions.items())
    assert len({identity(proposal.network.layer) for proposal in proposals}) > 32


def test_an_empty_window_names_its_arm() -> None:
    """Where the limits leave nothing of one arm, that arm's name is in the message, and the others have a window."""
    limits = Limits(multiply_adds=(1, 64 * 9 * 16 + 64 * 160))
    small = replace(TINY, dimensions={"width": Integer(low=60, high=64)})
    study = replace(STUDY, spaces=(small,), limits=limits, grid=Grid(values={"resolution": (8, 16)}))
    low, high = (Filter(space=arm, limits=limits, inputs=INPUTS, classes=10) for arm in study.arms)
    assert measure(low, 0, 0, most=100).acceptance == 1
    with pytest.raises(EmptyWindow, match="tiny resolution=16: none of 100 random networks"):
        measure(high, 0, 1, most=100)


OTHER = Space(name="other", dimensions={"depth": Integer(low=1, high=2), **TINY.dimensions}, decode=decode_tiny)
WRONG = [
    ({"learning_rat": (0.1,)}, "did you mean 'learning_rate'"),
    ({"widht": (4,)}, "crosses 'widht', which is no dimension of rich and no field .* did you mean 'width'"),
    ({"depth": (1, 2)}, "crosses 'depth', which is no dimension of rich"),
    ({"data": ("digits",)}, "crosses 'data', which is no dimension of rich and no field of the recipe that can be"),
    ({"width": (4, 100)}, "crosses 'width' with 100, which rich doesn't have"),
    ({"width": ("4",)}, "crosses 'width' with '4', which rich doesn't have"),
    ({"batch_size": (32, 0)}, "batch_size must be at least 1, got 0"),
    ({"batch_size": (1.5,)}, "batch_size"),
    ({"learning_rate": (0.1, 0.10000001)}, "every arm needs its own name, two are 'rich learning_rate=0.1'"),
]


@pytest.mark.parametrize(("values", "said"), WRONG, ids=["-".join(values) for values, _ in WRONG])
def test_impossible_grids_are_refused(values: dict[str, tuple[int | float | str, ...]], said: str) -> None:
    """What can't be crossed is refused where the study is made, with the offending name or value."""
    with pytest.raises(Refused, match=said):
        replace(STUDY, spaces=(RICH, OTHER), grid=Grid(values=values))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((), r"at least one value for 'width', got \(\)"),
        ("relu", "values must be a dict of texts to a tuple of .*, got {'width': 'relu'}"),
        ((4, 8, 4), r"each value of 'width' once, got \(4, 8, 4\)"),
        ((4, None), r"numbers or texts, got {'width': \(4, None\)}"),
    ],
)
def test_a_grid_is_a_list_of_distinct_values(values: object, said: str) -> None:
    """No value, a text in place of a tuple, a value twice and what is no value are refused by the grid itself."""
    with pytest.raises(Refused, match=said):
        Grid(values={"width": values})  # type: ignore[dict-item]


def test_a_name_means_one_thing() -> None:
    """A name can't be varied and crossed, nor crossed as a field of the recipe where a space has it as a dimension."""
    grid = Grid(values={"learning_rate": (0.1,)})
    with pytest.raises(Refused, match="varies and crosses 'learning_rate'"):
        replace(STUDY, vary={"learning_rate": Real(low=0.1, high=1)}, grid=grid)
    space = replace(TINY, dimensions={**TINY.dimensions, "learning_rate": Real(low=0.1, high=1)})
    with pytest.raises(Refused, match="crosses 'learning_rate', which is a dimension of tiny, too"):
        replace(STUDY, spaces=(space,), grid=grid)


def test_resolution_0_is_the_recipes_own() -> None:
    """Images as they are can be one of several resolutions only where the recipe leaves images as they are."""
    grid = Grid(values={"resolution": (0, 8)})
    assert len(replace(STUDY, grid=grid).arms) == 4
    with pytest.raises(Refused, match="beside others it must be the recipe's, which is 16"):
        replace(STUDY, grid=grid, recipe=msgspec.structs.replace(QUICK, resolution=16))


@pytest.mark.parametrize("how", ["grid", "vary"])
def test_every_training_size_is_checked_first(how: str, tmp_path: Path) -> None:
    """A training size that the data set doesn't have is refused before the folder is made, wherever it is listed."""
    sizes = (100, 5_000)
    given = Grid(values={"train_size": sizes}) if how == "grid" else {"train_size": Choice(options=sizes)}
    with pytest.raises(Refused, match="train_size must be 10 to 1,079 for digits, got 5,000"):
        nas.run(replace(STUDY, **{how: given}), out=tmp_path / "run", engine=InlineEngine())  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()
