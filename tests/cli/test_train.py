"""The verb that trains one network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import nas
from nas.errors import Refused

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


EXPLODES = ("mlp_256_128_100", "--data", "digits", "--train-size", "300", "--epochs", "10")
"""A network that learns by small rates and diverges by those of `RATE` in some epoch after the first."""
RATE = ("--set", "warmup=0.95", "--learning-rate", "30")


def test_a_training_that_diverges_shows_how_far_it_came(say: Say, tmp_path: Path) -> None:
    """Its epochs are on a page, nothing is left that the next training into that folder would stumble over."""
    code, _, err = say("train", *EXPLODES, *RATE, "--batch-size", "50", "-o", "net")
    assert (code, "this training diverged in epoch" in err) == (1, True)
    page = (tmp_path / "net-curve.html").read_text()
    assert "<title>mlp_256_128_100 on digits: diverged after" in page
    assert [path.name for path in tmp_path.iterdir()] == ["net-curve.html"]


def test_a_batch_size_that_diverges_is_a_row_of_the_comparison(say: Say, tmp_path: Path) -> None:
    """The others are trained and shown; where none is left the command fails as a single training does."""
    code, out, _ = say("train", *EXPLODES, *RATE, "--learning-rate", "8", "--batch-sizes", "20,300", "-o", "sizes")
    assert (code, "batches of 20 diverged in epoch" in out) == (0, True)
    assert [line.split()[0] for line in out.splitlines() if line[:1].isdigit()] == ["300"]
    assert (tmp_path / "sizes/curve.html").is_file()
    code, _, err = say("train", *EXPLODES, *RATE, "--batch-sizes", "50", "-o", "none")
    assert (code, "this training diverged in epoch" in err) == (1, True)


def test_another_recipe_keeps_the_epochs_of_an_interrupted_training(say: Say, tmp_path: Path) -> None:
    """They are refused to be given up; the training's own call goes on with them."""
    recipe = nas.Recipe(data="digits", epochs=3, train_size=200, batch_size=50)

    def stop(epoch: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nas.train("lenet_bn", recipe, out="net", on_epoch=stop)
    with pytest.raises(Refused, match="another training into net was interrupted after 1 epoch") as refused:
        nas.train("lenet_bn", msgspec.structs.replace(recipe, learning_rate=0.05), out="net")
    assert ".net.checkpoint" in refused.value.hint
    told = []
    nas.train("lenet_bn", recipe, out="net", on_epoch=told.append)
    assert [epoch.number for epoch in told] == [1, 2, 3]


def test_what_torch_refuses_is_said_in_words(say: Say) -> None:
    """A batch of one image has no statistics for a norm: a line and a way out; errors of who looks on are theirs."""
    code, _, err = say("train", "lenet_bn", *SHORT, "--batch-size", "1")
    assert (code, "Traceback" in err) == (1, False)
    assert "the training of lenet_bn failed: Expected more than 1 value per channel" in err
    assert "--batch-size 2" in err

    def fail(epoch: object) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        nas.train("lenet", nas.Recipe(data="digits", epochs=1, train_size=200), on_epoch=fail)


def test_curves_of_tables_have_their_units(say: Say, tmp_path: Path) -> None:
    """On the pages of one training, of several sizes and of several folders; beside classes they are refused."""
    words = ("--data", "diabetes", "--epochs", "1", "--learning-rate", "0.01")
    assert say("train", "dense_mlp", *words, "--batch-sizes", "50,100", "-o", "sizes")[0] == 0
    assert say("report", "sizes/batch-50", "sizes/batch-100", "-o", "both.html")[0] == 0
    for page in ("sizes/curve.html", "both.html"):
        assert "RMSE" in (tmp_path / page).read_text()
    assert say("train", "lenet", *SHORT, "-o", "classes")[0] == 0
    code, _, err = say("report", "classes", "sizes/batch-50", "-o", "no.html")
    assert (code, "have no axis in common" in err) == (2, True)
    code, _, err = say("report", "classes", "--error", "foo")
    assert (code, "--error is for tables" in err) == (2, True)


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
