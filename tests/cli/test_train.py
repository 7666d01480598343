"""The verb that trains one network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import nas

Say = Callable[..., tuple[int, str, str]]
SHORT = ("--data", "digits", "--epochs", "2", "--train-size", "200", "--batch-size", "50", "--learning-rate", "0.05")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are made where the test is."""
    monkeypatch.chdir(tmp_path)


def test_a_network_is_trained_and_watched(say: Say, tmp_path: Path) -> None:
    """A line each epoch, then where the network and its curve lie; it can be loaded and verified."""
    code, out, err = say("train", "lenet_bn", *SHORT, "--set", "flip=true")
    assert code == 0
    assert [line.split(":")[0] for line in err.splitlines() if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert "trained/lenet_bn" in out
    assert nas.load("trained/lenet_bn").document.recipe.flip
    page = (tmp_path / "trained/lenet_bn/curve.html").read_text()
    assert "plotly" in page
    assert "lenet_bn on digits: validation error" in page
    assert say("verify", "trained/lenet_bn")[0] == 0
    again = say("train", "lenet_bn", *SHORT, "--set", "flip=true")
    assert (again[0], again[1], again[2]) == (0, out, "")
    code, _, err = say("train", "lenet_bn", *SHORT)
    assert code != 0
    assert "trained/lenet_bn holds another training: flip True, not False" in err


def test_curves_of_networks_lie_over_one_another(say: Say, tmp_path: Path) -> None:
    """`nas report` of folders that hold one network each is a page of their curves, by the folders."""
    for name in ("lenet", "lenet_bn"):
        assert say("train", name, *SHORT)[0] == 0
    assert say("report", "trained/lenet", "trained/lenet_bn", "-o", "both.html")[:2] == (0, "both.html\n")
    page = (tmp_path / "both.html").read_text()
    for name in ("lenet", "lenet_bn"):
        assert rf"trained\u002f{name}, validation" in page


def test_batch_sizes_are_compared(say: Say, tmp_path: Path) -> None:
    """A row each with speed, errors and memory, a page of all curves, and a folder each; again nothing is trained."""
    words = ("train", "lenet_bn", *SHORT, "--batch-sizes", "20,100")
    code, out, err = say(*words)
    assert (code, err.count("epoch 2/2")) == (0, 2)
    rows = [line.split() for line in out.splitlines() if line.strip()[:1].isdigit()]
    assert [row[0] for row in rows] == ["20", "100"]
    assert all("MiB" in row for row in rows)
    models = {size: nas.load(f"trained/lenet_bn-batches/batch-{size}") for size in (20, 100)}
    assert all(model.document.recipe.batch_size == size for size, model in models.items())
    page = (tmp_path / "trained/lenet_bn-batches/curve.html").read_text()
    assert "batches of 20, validation" in page
    assert say(*words)[2].count("epoch") == 0
    code, _, err = say(*words, "-o", "trained/lenet_bn-batches/batch-20")
    assert (code, "batch-20 holds a network of its own" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give a network, or --run and --trial"),
        (("lenet_bn", "--trial", "3"), "give a network, or --run and --trial"),
        (("lenet_bn", "--set", "flop=true"), "--set knows no field 'flop'"),
        (("lenet_bn", "--set", "flip"), "--set takes FIELD=VALUE, got 'flip'"),
        (("lenet_bn", "--set", "flip=maybe"), "--set flip takes true or false, got 'maybe'"),
        (("lenet_bn", "--set", "optimzer=adam"), "did you mean optimizer?"),
        (("nowhere/lenet_bn",), "there is no file nowhere/lenet_bn/architecture.json"),
        (("lenet_bn", "--epochs", "0"), "epochs must be at least 1"),
        (("lenet_bm",), "did you mean"),
        (("lenet_bn", "--batch-sizes", "32,x"), "--batch-sizes takes different numbers"),
        (("lenet_bn", "--batch-sizes", "32,32"), "--batch-sizes takes different numbers"),
        (("lenet_bn", "--batch-sizes", "32,0"), "--batch-sizes takes different numbers, from 1"),
        (("lenet_bn", "--batch-sizes", "\N{SUPERSCRIPT TWO}"), "--batch-sizes takes different numbers"),
        (("lenet_bn", "-o", "."), ". names no new folder"),
    ],
)
def test_what_does_not_fit_is_said(say: Say, words: tuple[str, ...], said: str) -> None:
    """In a line or two with a way out, before anything is trained."""
    code, _, err = say("train", *words, "--data", "digits")
    assert code != 0
    assert said in err


@pytest.mark.slow
def test_a_study_takes_settings_too(say: Say) -> None:
    """`nas run --set` changes the recipe of a study, which is kept with the run; a wrong one is refused."""
    words = ("run", "quickstart", "--samples", "1", "--epochs", "1", "--train-size", "100", "--workers", "1", "-o", "r")
    code, _, err = say(
        *words, "--set", "optimizer=adamw", "--set", "schedule=one_cycle", "--set", "learning_rate=0.002"
    )
    assert code == 0, err
    recipe = nas.open("r").manifest.study.recipe
    assert (recipe.optimizer, recipe.schedule, recipe.learning_rate) == ("adamw", "one_cycle", 0.002)
    code, _, err = say("run", "quickstart", "--set", "schedule=zigzag")
    assert code != 0
    assert "--set schedule takes cosine or constant or step or one_cycle, got 'zigzag'" in err


def test_another_norm_is_trained(say: Say) -> None:
    """`--norm` replaces each norm of a network and its name says so; what can't be is refused with a way out."""
    code, out, _ = say("train", "lenet_bn", *SHORT, "--norm", "group:2")
    assert (code, "trained/lenet_bn-group2" in out) == (0, True)
    assert b'"kind":"group","groups":2' in nas.layers.to_json(nas.load("trained/lenet_bn-group2").document.layers)
    assert say("verify", "trained/lenet_bn-group2")[0] == 0
    for name, norm, message in (
        ("lenet_bn", "group:4", "4 groups don't divide 6 channels evenly"),
        ("lenet_bn", "instance", "Normalisation instance needs an image"),
        ("lenet_bn", "batchnorm", "there is no norm 'batchnorm'"),
        ("lenet", "layer", "this network has no norm that another could replace"),
    ):
        code, _, err = say("train", name, *SHORT, "--norm", norm)
        assert (code != 0, message in err, "->" in err) == (True, True, True)
