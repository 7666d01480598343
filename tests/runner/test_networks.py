"""One network trained by itself: which it is, where it goes, and that it survives being killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

import nas
from nas.data import Dataset
from nas.errors import ImpossibleShape, Refused, StorageFailed
from nas.models import exports
from nas.runner.networks import network_named, network_of
from nas.study import Recipe
from nas.study.record import Epoch
from nas.training.loop import train
from tests.toys.runs import execute
from tests.toys.spaces import STUDY

WATCHED = ("validation", "training")
RECIPE = Recipe(data="digits", epochs=2, train_size=200, batch_size=50, learning_rate=0.05, precision="float32")


def numbers(curve: tuple[Epoch, ...]) -> list[tuple[float, float]]:
    """What doesn't depend on the clock."""
    return [(epoch.loss, epoch.error) for epoch in curve]


def test_a_published_network_is_trained_by_name(tmp_path: Path) -> None:
    """It comes back with its curve, from its folder, too, and its figure shows each epoch."""
    told: list[Epoch] = []
    model = nas.train("lenet_bn", RECIPE, out=tmp_path / "lenet", on_epoch=told.append)
    assert tuple(told) == model.curve
    assert list(model.history.index) == [1, 2]
    assert model.history.error.iloc[-1] == model.document.error
    assert nas.load(tmp_path / "lenet").curve == model.curve
    lines = {(line.name, line.yaxis): list(line.y) for line in model.figure().data}
    assert lines == {
        ("validation", "y"): [100 * epoch.error for epoch in told],
        ("training", "y"): [100 * (epoch.train_error or 0) for epoch in told],
        ("validation", "y2"): [epoch.validation_loss for epoch in told],
        ("training", "y2"): [epoch.loss for epoch in told],
    }
    names = {line.name for line in model.figure(again=model).data}
    assert names == {f"{name}, {what}" for name in ("lenet_bn", "again") for what in WATCHED}
    assert "trained by itself on digits" in (tmp_path / "lenet" / "card.md").read_text()
    assert not list(tmp_path.glob(".*"))


def test_who_watches_changes_nothing(digits_data: Dataset) -> None:
    """A watched training has the numbers of one that isn't, and more: its last training error is the one of the end."""
    layer = network_named("lenet_bn").layers(digits_data.info)
    plain, watched = (
        train(layer, RECIPE, digits_data, 3, torch.device("cpu"), watched=watched) for watched in (False, True)
    )
    assert numbers(plain.curve) == numbers(watched.curve)
    assert watched.curve[-1].train_error == watched.train_error == plain.train_error
    assert {epoch.validation_loss for epoch in plain.curve} == {None}
    network = watched.module.eval()
    images = digits_data.validation.images.float().div(255).sub(digits_data.info.mean[0]).div(digits_data.info.std[0])
    with torch.inference_mode():
        loss = torch.nn.functional.cross_entropy(network(images), digits_data.validation.labels).item()
    assert watched.curve[-1].validation_loss == pytest.approx(loss, rel=1e-5)


def test_the_same_seed_is_the_same_network() -> None:
    """Two trainings of one seed have one curve, another seed another one; nothing is written without a folder."""
    first, same, other = (nas.train("lenet_bn", RECIPE, seed=seed).history.loss for seed in (1, 1, 2))
    assert first.equals(same)
    assert not first.equals(other)


def test_a_saved_network_is_trained_again(tmp_path: Path) -> None:
    """An exported folder or its description names the network, which must fit the data."""
    curve = nas.train("lenet_bn", RECIPE, out=tmp_path / "lenet").curve
    for name in (tmp_path / "lenet", tmp_path / "lenet" / "architecture.json"):
        assert network_named(name).name == "lenet"
        assert numbers(nas.train(name, RECIPE).curve) == numbers(curve)
    with pytest.raises(Refused, match="inputs of 1x16x16 and 10 outputs"):
        nas.train(tmp_path / "lenet", Recipe(data="digits", resolution=28, epochs=1))


def test_a_trial_of_a_run_is_trained_again(tmp_path: Path) -> None:
    """With the recipe and the seed of its trial it has the error of its trial."""
    execute(STUDY, tmp_path / "run")
    run = nas.open(tmp_path / "run")
    record = run.best[0]
    network, recipe = network_of(run, record.trial, STUDY)
    assert nas.train(network, recipe, seed=record.seed).document.error == record.error


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """A network for larger images, a name that nobody has, a folder in which something lies."""
    with pytest.raises(ImpossibleShape, match="alexnet_d2l can't take 1x16x16"):
        nas.train("alexnet_d2l", RECIPE)
    with pytest.raises(Refused, match="there is no network 'lenet_bm'; did you mean"):
        nas.train("lenet_bm", RECIPE)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(Refused, match="isn't empty"):
        nas.train("lenet_bn", RECIPE, out=tmp_path / "mine")


def test_two_trainings_into_one_folder_are_refused(tmp_path: Path) -> None:
    """The second is refused at once, the first is kept; a folder is free again when nothing came of it."""
    place, told = tmp_path / "net", []

    def second(epoch: Epoch) -> None:
        told.append(epoch)
        with pytest.raises(Refused, match="another process works on"):
            nas.train("lenet_bn", RECIPE, seed=1, out=place)

    first = nas.train("lenet_bn", RECIPE, out=place, on_epoch=second)
    assert told
    assert nas.load(place).document.seed == first.document.seed
    with pytest.raises(RuntimeError, match="stop"):
        nas.train(
            "lenet_bn", RECIPE, out=tmp_path / "none", on_epoch=lambda _: (_ for _ in ()).throw(RuntimeError("stop"))
        )
    assert not (tmp_path / "none").exists()


def test_a_place_that_cannot_be_written_is_found_before_the_training(tmp_path: Path) -> None:
    """Not a single epoch is trained for a folder that can't be made."""
    (tmp_path / "file").touch()
    told: list[Epoch] = []
    with pytest.raises(StorageFailed, match="can't be written"):
        nas.train("lenet_bn", RECIPE, out=tmp_path / "file" / "net", on_epoch=told.append)
    assert told == []


PROGRAM = """
import signal, sys, time
import nas
from nas.training import checkpoint
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background of a shell ignores
checkpoint.WORTH = 0.0
def told(epoch):
    print(epoch.number, epoch.loss, epoch.error, flush=True)
    time.sleep(float(sys.argv[2]))
recipe = nas.Recipe(data="digits", epochs=6, train_size=200, batch_size=50, learning_rate=0.05, flip=True)
print(nas.train("lenet_bn", recipe, out=sys.argv[1], on_epoch=told).document.error)
"""


def program(out: Path, pause: float) -> subprocess.Popen[str]:
    """A process that trains, and tells of each epoch."""
    words = [sys.executable, "-c", PROGRAM, str(out), str(pause)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_killed_training_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    """Killed or interrupted after its third epoch, the same call ends with the numbers of one that never stopped."""
    undisturbed, _ = program(tmp_path / "whole", 0).communicate(timeout=120)
    process = program(tmp_path / "net", 0.3)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [".net.checkpoint"]
    resumed, _ = program(tmp_path / "net", 0).communicate(timeout=120)
    assert resumed == undisturbed
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "net")]
    assert weights[0] == weights[1]


def test_every_field_of_the_recipe_leads_to_a_network_that_is_verified(tmp_path: Path) -> None:
    """Augmented, mixed, averaged, on another validation split: the export's error is equal when measured again."""
    recipe = replace(RECIPE, validation_size=150, rotation=15, random_erasing=0.25, mixup=0.2, averaging=0.95)
    model = nas.train("lenet_bn", recipe, out=tmp_path / "lenet")
    said: list[str] = []
    assert exports.verify(tmp_path / "lenet", said.append)
    assert "validation error on 150 images" in said[-1]
    assert (model.document.validation, model.document.recipe) == (150, recipe)
    assert nas.train("lenet_bn", recipe, out=tmp_path / "lenet").document == model.document


@pytest.mark.parametrize("name", ["flip", "crop", "mixup", "rotation", "random_erasing"])
def test_a_table_is_not_augmented(name: str) -> None:
    """What only images with classes can have is refused before a training on a table."""
    with pytest.raises(Refused, match=f"{name} is for images with classes, diabetes is a table"):
        nas.train("dense_mlp", replace(Recipe(data="diabetes"), **{name: 1}))
