"""A number as target, end to end: loss and error as NumPy has them, equal everywhere, and what is refused."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch

import nas
from nas.data import Dataset
from nas.data.readers.csv_file import csv_source
from nas.data.readers.diabetes import diabetes_source
from nas.data.tables import encoding_of
from nas.engines import Engine, InlineEngine, LocalEngine
from nas.errors import EmptyWindow, NasError, Refused
from nas.models.card import card
from nas.models.exports import verify
from nas.models.model import Model
from nas.page.contents import write_report
from nas.runner.best import BestNetworks
from nas.space import Choice
from nas.storage import study_json
from nas.study import Recipe, Study
from nas.study.record import Outcome, rank
from nas.study.table import TIMES, table
from nas.training.augmentation import draw
from nas.training.loop import Trained, initial, train
from nas.training.losses import error_of, loss_of, nothing_wrong, wrong
from tests.toys import runs
from tests.toys.runs import forged
from tests.toys.spaces import STUDY as ON_IMAGES
from tests.toys.tables import LEARNING, LINEAR, PERCEPTRON, STUDY, Perceptron, houses, write_csv

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def diabetes(own_cache: Path) -> Dataset:
    """The embedded table, all training rows."""
    return nas.data.load(nas.data.prepare("diabetes"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> nas.Run:
    """A run on a table of houses with texts and missing cells."""
    folder = tmp_path_factory.mktemp("houses")
    path = write_csv(folder / "houses.csv", houses())
    study = replace(STUDY, recipe=msgspec.structs.replace(LEARNING, data=str(path), target="price"))
    return nas.run(study, out=folder / "run", engine=InlineEngine())


@pytest.fixture(scope="module")
def exported(finished: nas.Run) -> Path:
    """The best network of it."""
    nas.export(finished, finished.ranked(1), finished.folder.parent / "best")
    return finished.folder.parent / "best"


def trained(data: Dataset, **changes: object) -> Trained:
    """A linear model, trained for long enough."""
    recipe = msgspec.structs.replace(LEARNING, epochs=100, learning_rate=0.05, weight_decay=0.0, **changes)
    return train(LINEAR.network(data.info.shape, data.info.outputs), recipe, data, 3, CPU)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_linear_model_reaches_least_squares(diabetes: Dataset, precision: str) -> None:
    """Trained by gradient descent it has the training loss and the validation error of NumPy's lstsq, up to 2 %."""
    rows, held = diabetes.train, diabetes.validation

    def design(features: torch.Tensor) -> np.ndarray:
        return np.column_stack([features.numpy(), np.ones(len(features))])

    weights, *_ = np.linalg.lstsq(design(rows.images), rows.labels.numpy(), rcond=None)
    expected = np.sqrt(np.mean((design(held.images) @ weights - held.labels.numpy()) ** 2))
    loss = np.mean((design(rows.images) @ weights - rows.labels.numpy()) ** 2)
    assert 0.65 < expected < 0.75  # the literature's R squared is about one half: sqrt(1 / 2) = 0.71
    result = trained(diabetes, precision=precision)
    assert result.curve[-1].error == pytest.approx(expected, rel=0.02)
    assert result.curve[-1].loss == pytest.approx(loss, rel=0.05)
    assert all(parameter.dtype == torch.float32 for parameter in result.module.parameters())


def test_predicting_the_mean_has_an_error_of_one(diabetes: Dataset) -> None:
    """An output of 0 is the mean of the training rows: on them its error is 1, on others about 1."""
    for split, tolerance in ((diabetes.train, 1e-5), (diabetes.validation, 0.05)):
        total = nothing_wrong(split.labels) + wrong(torch.zeros(len(split.labels), 1), split.labels)
        assert error_of(total, len(split.labels)) == pytest.approx(1, abs=tolerance)


def test_the_loss_of_a_step_is_the_mean_squared_error(diabetes: Dataset) -> None:
    """One epoch of one step on all rows: the loss is that of the initial weights, computed by NumPy."""
    recipe = msgspec.structs.replace(LEARNING, epochs=1, batch_size=1000)
    layer = Perceptron(width=8, depth=1).network((10,), 1)
    module = initial(layer, (10,), recipe, torch.Generator().manual_seed(3))
    with torch.inference_mode():
        outputs = module(diabetes.train.images).numpy()[:, 0]
    expected = np.mean((outputs - diabetes.train.labels.numpy()) ** 2)
    assert train(layer, recipe, diabetes, 3, CPU).curve[0].loss == pytest.approx(expected, rel=1e-5)


def test_classes_keep_their_loss_and_error() -> None:
    """Integer labels mean classes: cross-entropy of uniform scores is ln 4, and the error a share."""
    outputs, labels = torch.zeros(8, 4), torch.arange(8) % 4
    assert loss_of(outputs, labels, Recipe()).item() == pytest.approx(math.log(4))
    assert error_of(nothing_wrong(labels) + wrong(outputs, labels), 8) == 0.75


def test_a_table_draws_the_same_order_as_images() -> None:
    """Nothing is drawn for augmentation, and the order depends on count and seed only."""
    draws = draw(LEARNING, 266, torch.Generator().manual_seed(0))
    assert draws.order.shape == (8, 32)
    assert [len(part) for part in (draws.mirrored, draws.offsets, draws.places)] == [0, 0, 0]


def test_a_huge_learning_rate_diverges(diabetes: Dataset) -> None:
    """Squared errors that explode end the training as diverged, with finite numbers only."""
    layer = Perceptron(width=32, depth=2).network((10,), 1)
    result = train(layer, msgspec.structs.replace(LEARNING, learning_rate=1e6, warmup=0.0), diabetes, 3, CPU)
    assert result.diverged
    assert all(math.isfinite(epoch.loss) and math.isfinite(epoch.error) for epoch in result.curve)


def test_predictions_have_the_recorded_error(exported: Path, finished: nas.Run) -> None:
    """RMSE over standard deviation, both by NumPy, of the exported network's predictions is the recorded error."""
    model, frame = nas.load(exported), pd.DataFrame(houses())
    found = encoding_of(csv_source(finished.folder.parent / "houses.csv", "price").read())
    std = frame["price"].iloc[found.train].std(ddof=0)
    held = frame.iloc[found.validation]
    predicted = model.predict(held.to_dict("list")).numpy()
    rmse = np.sqrt(np.mean((predicted - held["price"].to_numpy()) ** 2))
    assert model.metrics["error"] == finished.ranked(1).error == pytest.approx(rmse / std, rel=1e-5)
    assert model.metrics["rmse"] == pytest.approx(rmse, rel=1e-5)
    assert model.metrics["validation_rows"] == len(held) == 24
    assert rmse / std < 0.5


def test_preprocessing_gives_the_prepared_rows(exported: Path, finished: nas.Run) -> None:
    """To the bit, so that the same network says the same of a row wherever it comes from."""
    model, path = nas.load(exported), str(finished.folder.parent / "houses.csv")
    found = encoding_of(csv_source(Path(path), "price").read())
    cells = pd.read_csv(path, dtype=str, keep_default_na=False).iloc[found.validation].to_dict("list")
    prepared = nas.data.load(nas.data.prepare(path, target="price")).validation.images
    assert torch.equal(model.preprocess(model.encode(cells)), prepared)


def test_a_fresh_process_predicts_the_same(exported: Path, finished: nas.Run, tmp_path: Path) -> None:
    """Without spaces, studies and pandas, the exported folder gives the predictions that it gives here."""
    rows = {name: values[:7] for name, values in houses().items()}
    (tmp_path / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    code = f"""
import sys
sys.modules.update(spaces=None, studies=None, optuna=None, pandas=None, sklearn=None)
import json, nas
model = nas.load({str(exported)!r})
print(model.predict(json.load(open("rows.json"))).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == nas.load(exported).predict(rows).tolist()


def test_an_export_verifies_and_explains_itself(exported: Path) -> None:
    """Its error is measured again, equal; the card names unit, target and columns, and how to predict."""
    said: list[str] = []
    assert verify(exported, said.append)
    assert "validation error on 24 rows" in said[-1]
    text = card(nas.load(exported).document)
    assert "standard deviations of the target" in text
    assert "| target | price: mean" in text
    assert "| columns | area, street, garage |" in text
    assert "model.predict(" in text
    assert "image" not in text


def test_a_trial_without_weights_is_trained_again(finished: nas.Run, tmp_path: Path) -> None:
    """The same recipe, target included, gives the same error."""
    record = finished.ranked(2)
    path = finished.weights(record)
    assert path is not None
    hidden = path.rename(tmp_path / path.name)
    study = replace(STUDY, recipe=msgspec.convert(finished.manifest.study.recipe, Recipe))
    model = nas.export(finished, record, tmp_path / "again", study=study)
    hidden.rename(path)
    assert model.document.error == record.error


def test_rows_that_do_not_fit_are_refused(exported: Path, tmp_path: Path) -> None:
    """Missing columns, features of another number, and a table for a network of images."""
    model = nas.load(exported)
    with pytest.raises(Refused, match="the table has no column 'garage'"):
        model.predict({"area": [1], "street": ["paved"]})
    with pytest.raises(Refused, match=r"features must be \(batch, 6\), got \(2, 5\)"):
        model.preprocess(torch.zeros(2, 5))
    run = nas.run(replace(ON_IMAGES, samples=1), out=tmp_path / "images", engine=InlineEngine())
    images = nas.export(run, run.ranked(1), tmp_path / "best")
    assert isinstance(images, Model)
    with pytest.raises(Refused, match="trained on images: it takes no table"):
        images.predict({"area": [1]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": [7]}, "inputs must be the 6 features of the columns, got 7"),
        ({"target_std": 0.0}, "a standard deviation above 0"),
        ({"classes": ["a"]}, "a number as target has no classes"),
        ({"std": [1.0]}, "mean and std must be given for 6 features"),
        ({"target": ""}, "inputs must be channels, height and width"),
    ],
)
def test_descriptions_that_contradict_themselves_are_refused(
    exported: Path, change: dict[str, object], said: str
) -> None:
    """A document whose parts don't belong together isn't read."""
    from nas.models.document import decode

    document = json.loads((exported / "architecture.json").read_text(encoding="utf-8"))
    with pytest.raises(Refused, match=said):
        decode(json.dumps(document | change))


def execute(study: Study, folder: Path, engine: Engine | None = None) -> pd.DataFrame:
    """Run a study; its table without times."""
    return table(runs.execute(study, folder, engine)).drop(columns=list(TIMES))


@pytest.mark.slow
def test_workers_and_resuming_change_nothing(tmp_path: Path) -> None:
    """One process, two workers, and half of it continued: the same trials with the same errors."""
    expected = execute(STUDY, tmp_path / "one")
    assert expected["error"].between(0.5, 1.0).all()
    pd.testing.assert_frame_equal(execute(STUDY, tmp_path / "two", LocalEngine(2)), expected)
    execute(replace(STUDY, samples=2), tmp_path / "half")
    pd.testing.assert_frame_equal(execute(STUDY, tmp_path / "half"), expected)


def test_another_target_is_another_study(tmp_path: Path) -> None:
    """A run goes on only with the target that it was begun with; one from before there were targets goes on, too."""
    path = write_csv(tmp_path / "houses.csv", houses())
    recipe = msgspec.structs.replace(LEARNING, epochs=1, data=str(path), target="price")
    execute(replace(STUDY, recipe=recipe), tmp_path / "run")
    with pytest.raises(Refused, match=r"recipe\.target: 'price' is stored, this is 'area'|no finite number"):
        execute(replace(STUDY, recipe=msgspec.structs.replace(recipe, target="area")), tmp_path / "run")
    images = replace(ON_IMAGES, samples=1)
    execute(images, tmp_path / "old")
    forged(tmp_path / "old", lambda stored: stored["study"]["recipe"].pop("target"))
    assert study_json.read(tmp_path / "old").study.recipe.target == ""
    assert len(execute(replace(images, samples=2), tmp_path / "old")) == 4


@pytest.mark.parametrize(
    "changes",
    [
        *({"flip": True}, {"crop": 2}, {"erase": 2}, {"random_erasing": 0.5}, {"rotation": 5.0}, {"mixup": 0.2}),
        {"label_smoothing": 0.1},
    ],
    ids=lambda c: str(*c),
)
def test_what_only_images_have_is_refused(tmp_path: Path, changes: dict[str, float]) -> None:
    """Augmentation and smoothed labels, fixed or varied, are refused by name before anything is trained."""
    (name,) = changes
    fixed = replace(STUDY, recipe=msgspec.structs.replace(LEARNING, **changes))
    varied = replace(STUDY, vary={name: Choice(options=(type(changes[name])(0), changes[name]))})
    for study in (fixed, varied):
        with pytest.raises(Refused, match=f"{name} is for images with classes, diabetes is a table"):
            execute(study, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_spaces_for_images_are_refused(tmp_path: Path) -> None:
    """Networks of convolutions can't take a row: said in a sentence, soon, and with what to do."""
    study = replace(ON_IMAGES, recipe=LEARNING)
    with pytest.raises(EmptyWindow, match="tiny is a space of networks for images; a table has 10 features") as caught:
        execute(study, tmp_path / "run")
    assert "multilayer perceptron" in caught.value.hint


def test_networks_worse_than_the_mean_still_rank_before_failures(finished: nas.Run, tmp_path: Path) -> None:
    """An error of 30 standard deviations is an error: it is worth keeping, and stands before a trial that failed."""
    good = finished.ranked(1)
    bad = msgspec.structs.replace(good, curve=(msgspec.structs.replace(good.curve[-1], error=30.0),))
    failed = msgspec.structs.replace(good, outcome=Outcome.DIVERGED)
    assert sorted((failed, bad, good), key=rank) == [good, bad, failed]
    leaders = BestNetworks(tmp_path, [good.space])
    leaders.add(bad)
    assert leaders.threshold(good.space) > 30


def test_the_page_shows_the_unit(finished: nas.Run, tmp_path: Path) -> None:
    """Axes, note and settings speak of the target's standard deviation; predicting its mean has an error of 100 %."""
    write_report((finished,), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "validation RMSE / std of the target (%)" in text
    assert "validation error (%)" not in text.partition("application/json")[2]
    assert "target price: mean" in text
    assert "predicting the mean has 100 %" in text


def test_the_search_takes_numbers_too(tmp_path: Path) -> None:
    """An adaptive sampler is told of errors above 1 as of guessing, and finds networks."""
    frame = execute(replace(STUDY, sampler="tpe", samples=10), tmp_path / "run")
    assert (frame["outcome"] == "completed").all()


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    """A run whose file has gone says so."""
    recipe = msgspec.structs.replace(LEARNING, data=str(tmp_path / "gone.csv"), target="price")
    with pytest.raises(NasError, match=r"no data set or path is called .*gone\.csv"):
        execute(replace(STUDY, recipe=recipe), tmp_path / "run")


def test_the_space_of_tests_takes_images_not() -> None:
    """Its networks need a vector; a fact that the refusals above rest on."""
    with pytest.raises(Refused, match="needs a vector"):
        PERCEPTRON.architecture({"width": 8}).network((1, 16, 16), 10).trace((1, 16, 16))


def test_the_embedded_table_needs_no_files() -> None:
    """Its source names the target and reads 442 rows."""
    table_of = diabetes_source("").read()
    assert len(table_of.targets) == 442
    assert (table_of.targets.min(), table_of.targets.max()) == (25, 346)
