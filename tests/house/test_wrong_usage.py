"""Wrong usage from Python: each public function and value says what is wrong, with which value, and what would do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nas.errors import NasError, Refused
from nas.storage.results import Run, open_run
from tests.toys.runs import execute
from tests.toys.spaces import RICH, STUDY, TINY

nas: Any = import_module("nas")
study: Any = import_module("nas.study")
space: Any = import_module("nas.space")
rich: Any = RICH
NAN = float("nan")
FEW = pd.DataFrame({"error": [0.1, 0.2, 0.3], "width": [1, 2, 3]})


def changed(**fields: Any) -> Any:
    """The toy study with other fields."""
    return replace(STUDY, **fields)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Run:
    """A run of two networks."""
    folder = tmp_path_factory.mktemp("wrong") / "run"
    execute(replace(STUDY, samples=1), folder)
    return open_run(folder)


Wrong = Callable[[Any], Any]
FUNCTIONS: list[tuple[Wrong, str, str]] = [
    (lambda run: nas.run("quickstrat"), "there is no study 'quickstrat'; did you mean quickstart", "my_study.py"),
    (lambda run: nas.run(TINY), "study must be a Study or a text, got <Space 'tiny'", "nas.Study"),
    (lambda run: nas.run(), "nas.run needs study", "nas.Study"),
    (lambda run: nas.run(STUDY, "folder"), "at most 1 without a name, got 2: 'folder'", "nas.run(study, out=..."),
    (lambda run: nas.run(STUDY, worker=2), "takes no 'worker'; did you mean workers?", "it takes study, out, workers"),
    (lambda run: nas.run(STUDY, workers="2"), "workers must be a whole number or None, got '2'", "workers=2"),
    (lambda run: nas.run(STUDY, out=3), "out must be a path, a text or None, got 3", ""),
    (lambda run: nas.run(STUDY, device=0), "device must be a text, got 0", ""),
    (lambda run: nas.run(STUDY, device="gpu"), "there is no device 'gpu'", "auto, cpu, cuda"),
    (lambda run: nas.run(STUDY, max_seconds=NAN), "max_seconds must be a number that isn't negative, got nan", ""),
    (lambda run: nas.run(STUDY, retry="crashed"), "must be a list of texts, got 'crashed'", "retry=['crashed']"),
    (lambda run: nas.run(STUDY, engine="slurm"), "there is no engine 'slurm'", "engines: local, ray"),
    (lambda run: nas.run(STUDY, ray_address="auto"), "'auto' is the address of a Ray cluster", "--engine ray"),
    (lambda run: nas.run(STUDY, observer="print"), "observer must be a function or None, got 'print'", ""),
    (lambda run: nas.search("VGG"), "a search ends after minutes or samples", "minutes=20"),
    (lambda run: nas.search(["VGG"], minutes=1), "spaces must be a text or a Space, got ['VGG']", "spaces.vgg.ALL[0]"),
    (lambda run: nas.search("VGG", minutes="1"), "minutes must be a number, got '1'", "minutes=1.0"),
    (lambda run: nas.search("VGG", minutes=1, recipe="short"), "a Recipe or None, got 'short'", "Recipe().at('short')"),
    (lambda run: nas.search("VGG", minutes=1, limits=(0, 9)), "a Limits or None, got (0, 9)", "Limits(parameters="),
    (
        lambda run: nas.search("VGG", minutes=1, data="digits"),
        "nas.search takes no 'data'",
        "recipe=nas.Recipe(data='digits')",
    ),
    (lambda run: nas.search("VGG", minutes=1, sampler="bayes"), "sampler must be 'random', ", ""),
    (lambda run: nas.train("lenet5"), "there is no network 'lenet5'; did you mean lenet", "nas spaces"),
    (lambda run: nas.train(None), "network must be a Network, a text or a path, got None", ""),
    (lambda run: nas.train("lenet", epochs=3), "nas.train takes no 'epochs'", "recipe=nas.Recipe(epochs=3)"),
    (lambda run: nas.train("lenet", {"epochs": 1}), "recipe must be a Recipe or None, got {'epochs': 1}", "Recipe("),
    (lambda run: nas.train("lenet", seed=-1), "seed must be a whole number from 0 to 2**63 - 1, got -1", ""),
    (lambda run: nas.train("lenet", study.Recipe(data="digitz")), "did you mean digits", "diabetes"),
    (lambda run: nas.final(run, top=2.5), "top must be a whole number or None, got 2.5", ""),
    (lambda run: nas.final(run, pareto="flops"), "pareto must be 'multiply_adds', ", ""),
    (lambda run: nas.final(run, limits={}), "limits must be a Limits or None, got {}", "Limits("),
    (lambda run: nas.final(None), "source must be a Run, a path or a text, got None", "nas.open(FOLDER)"),
    (lambda run: nas.audit(run, networks="4"), "networks must be a whole number or None, got '4'", "networks=4"),
    (lambda run: nas.principles("run"), "a run or a table is taken, got 'run'", "nas.open('run')"),
    (lambda run: nas.principles(run, columns="width"), "a list of texts or None, got 'width'", "columns=['width']"),
    (lambda run: nas.principles(run, columns=["width"], delta="1"), "delta must be a number or None, got '1'", "=1"),
    (lambda run: nas.principles(FEW, columns=["widht"]), "the table has no column 'widht'", "width"),
    (lambda run: nas.plan(run, columns=["width"], power="0.8"), "power must be a number, got '0.8'", "power=0.8"),
    (lambda run: nas.discover(run, space="other"), "no networks of space 'other', there are tiny, rich", "SPACE"),
    (lambda run: nas.results("cifar10"), "there is no table of results 'cifar10'; there are fashion-mnist", ""),
    (lambda run: nas.results(3), "name must be a text, got 3", ""),
    (lambda run: nas.load(None), "folder must be a text or a path, got None", ""),
    (lambda run: nas.load("nowhere"), "there is no folder nowhere", "nas export"),
    (lambda run: nas.load(run.folder), "is no exported network", "nas export /"),
    (lambda run: nas.create_model("lenet", classes=10), "takes no 'classes'; did you mean num_classes?", "it takes"),
    (lambda run: nas.create_model("lenet", num_classes="10"), "num_classes must be a whole number", "num_classes=10"),
    (lambda run: nas.create_model("lenet", num_classes=0), "num_classes must be a whole number from 1", "forward_"),
    (lambda run: nas.create_model("lenet", pretrained="yes"), "pretrained must be True or False, got 'yes'", ""),
    (lambda run: nas.create_model("lenet").figure(3), "Model.figure takes names with all of its values, got 1: 3", ""),
    (lambda run: nas.open(run), "folder must be a path or a text, got <Run", ""),
    (lambda run: nas.export(run, 1, "best"), "record must be a Record, got 1", "run.ranked(1)"),
    (lambda run: nas.export(run, run.ranked(1)), "nas.export needs folder", "folder=a path or a text"),
    (lambda run: run.ranked("1"), "position must be a whole number, got '1'", "position=1"),
    (lambda run: run.ranked(0), "rank must be between 1 and 2 (completed networks), got 0", ""),
    (lambda run: run.record(99), "trial 99 isn't finished or doesn't exist; 2 of 2", ""),
    (lambda run: nas.network_of("run", 1), "run must be a Run, got 'run'", "nas.open(FOLDER)"),
    (lambda run: nas.save(run, "m.pt2"), "model must be a Model, got <Run", "nas.load(FOLDER)"),
    (lambda run: nas.report(run, "page.html"), "runs must be a list of Runs, got <Run", "runs=["),
    (lambda run: nas.report([run], "page.html", cost="flops"), "cost is said of tables, and none is given", "table_"),
    (lambda run: nas.compare(["a", "b"]), "runs must be a list of Runs, got ['a', 'b']", "nas.open"),
    (lambda run: nas.replay(samplers="tpe"), "samplers must be a list of", "samplers=['tpe']"),
]
VALUES: list[tuple[Wrong, str, str]] = [
    (lambda _: space.Integer(1, 5), "takes names with all of its values, got 2: 1", "Integer(low=..., high=..."),
    (lambda _: space.Integer(low=1), "Integer needs high", "high=a whole number"),
    (lambda _: space.Integer(low="1", high=5), "low must be a whole number, got '1'", "low=1"),
    (lambda _: space.Integer(low=1, high=2.5), "high must be a whole number, got 2.5", ""),
    (lambda _: space.Integer(low=1, high=NAN), "high must be a whole number, got nan", ""),
    (lambda _: space.Integer(low=5, high=1), "low must not exceed high, and be positive if log, got low=5, high=1", ""),
    (lambda _: space.Integer(low=1, high=5, step=2), "Integer takes no 'step'", "it takes low, high, unit"),
    (lambda _: space.Integer(low=1, high=5, log="yes"), "log must be True or False, got 'yes'", ""),
    (lambda _: space.Real(low=None, high=1), "low must be a number, got None", ""),
    (lambda _: space.Real(low=0, high=1, log=True), "low must be positive if log, got low=0", ""),
    (
        lambda _: space.Choice(options="abc"),
        "options must be a tuple of True or False, numbers or texts",
        "options=['abc']",
    ),
    (
        lambda _: space.Choice(options=(1, NAN)),
        "options must be finite numbers, texts, True or False, got",
        "",
    ),
    (lambda _: space.Choice(choices=(1, 2)), "Choice takes no 'choices'", "it takes options"),
    (
        lambda _: space.Space(name="x", dimensions={"a": 3}, decode=print),
        "dimensions must be a dict of texts to Integers, Reals or Choices, got",
        "Integer(low=",
    ),
    (lambda _: space.Space(name="x", dimensions=TINY.dimensions, decode=None), "decode must be a function, got", ""),
    (lambda _: rich.restrict(width=(1, 2)), "width must be an Integer, a Real or a Choice, got (1, 2)", "Integer(low="),
    (lambda _: rich.restrict(widht=space.Integer(low=2, high=4)), "no dimension 'widht'", ""),
    (lambda _: rich.fix(width=1000), "width can't be 1000, it has 2 to 64", ""),
    (lambda _: rich.require("width > 3"), "requirement must be a function, got 'width > 3'", ""),
    (lambda _: study.Recipe(epoch=3), "Recipe takes no 'epoch'; did you mean epochs?", "it takes data"),
    (lambda _: study.Recipe(epochs="3"), "epochs must be a whole number, got '3'", "epochs=3"),
    (lambda _: study.Recipe(learning_rate="0.1"), "learning_rate must be a number, got '0.1'", "learning_rate=0.1"),
    (lambda _: study.Recipe(learning_rate=NAN), "learning_rate must be positive, got nan", ""),
    (lambda _: study.Recipe(optimizer="adam"), "got 'adam'; did you mean 'adamw'?", ""),
    (lambda _: study.Recipe(flip=1), "flip must be True or False, got 1", ""),
    (lambda _: study.Recipe(data=np.zeros((2, 28, 28))), "data must be a text, got array", ""),
    (lambda _: study.Recipe().at("quick"), "there is no fidelity 'quick'", "tiny, short, standard, long"),
    (lambda _: study.Recipe().at("tiny", epoch=3), "Recipe takes no 'epoch'; did you mean epochs?", "it takes data"),
    (lambda _: study.Limits(parameters=1000), "parameters must be a tuple of 2 numbers, got 1000", ""),
    (lambda _: study.Limits(parameters=(1000, 0)), "0 <= low <= high, got low=1,000, high=0", ""),
    (lambda _: study.Limits(params=(0, 9)), "Limits takes no 'params'; did you mean parameters?", "it takes"),
    (lambda _: study.Grid(values={"epochs": 3}), "values must be a dict of texts to a tuple of", ""),
    (lambda _: study.larger(3), "column must be a text, got 3", ""),
    (lambda _: changed(spaces=TINY), "spaces must be a tuple of Spaces, got <Space", "spaces=["),
    (lambda _: changed(spaces=("VGG",)), "spaces must be a tuple of Spaces, got ('VGG',)", "spaces.vgg"),
    (lambda _: changed(samples=2.5), "samples must be a whole number, got 2.5", ""),
    (lambda _: changed(recipe="short"), "recipe must be a Recipe, got 'short'", "Recipe().at('short')"),
    (lambda _: changed(vary={"learning_rate": (0.1, 1)}), "vary must be a dict of texts to", "Real(low=0.1"),
    (lambda _: changed(limits=None), "limits must be a Limits, got None", "Limits(parameters="),
    (lambda _: changed(rules=("width",)), "rules must be a tuple of Rules, got ('width',)", "larger("),
    (lambda _: changed(max_trial_seconds="60"), "max_trial_seconds must be a number, got '60'", "=60.0"),
]


@pytest.mark.parametrize(("wrong", "said", "way"), [*FUNCTIONS, *VALUES], ids=range(len(FUNCTIONS) + len(VALUES)))
def test_wrong_usage_is_refused_in_words(
    wrong: Wrong, said: str, way: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of ours in one line, with the argument and the value, a way out where the rule isn't one; no file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NasError) as refused:
        wrong(run)
    message, hint = str(refused.value), refused.value.hint
    assert said in message, message
    assert way in hint, hint
    assert len(message.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_what_means_the_same_is_taken() -> None:
    """Lists for tuples, numbers of numpy, paths for texts and texts for paths mean what they say."""
    assert nas.Choice(options=[1, 2]) == nas.Choice(options=(1, 2))
    assert nas.Integer(low=np.int64(1), high=np.int32(5)) == nas.Integer(low=1, high=5)
    assert type(nas.Recipe(epochs=np.int64(3)).epochs) is int
    assert nas.Recipe(data=Path("images")).data == "images"
    assert nas.Limits(parameters=[0, np.int64(9)]) == nas.Limits(parameters=(0, 9))
    assert changed(spaces=[TINY], samples=np.int64(4)) == changed(spaces=(TINY,))
    assert nas.Grid(values={"epochs": [1, 2]}) == nas.Grid(values={"epochs": (1, 2)})


def test_checks_leave_what_they_check() -> None:
    """A function that is checked is the same each time, with its name, its text and its parameters."""
    from inspect import signature

    assert nas.run is nas.run
    assert nas.open.__doc__ == open_run.__doc__
    assert list(signature(nas.open).parameters) == ["folder"]
    assert list(signature(nas.Recipe).parameters)[:2] == ["data", "target"]
    with pytest.raises(Refused, match=r"nas\.open needs folder"):
        nas.open()
