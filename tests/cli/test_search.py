"""The verb that searches without a study file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import nas
from nas.cli.options import limits_of
from nas.engines import InlineEngine
from nas.errors import Refused
from nas.runner.agreement import fitted
from nas.study import Limits, Recipe
from nas.study.search import name_of
from spaces.mlp import ALL

Say = Callable[..., tuple[int, str, str]]
SHORT = ("--data", "digits", "--epochs", "1", "--train-size", "100", "--workers", "1")
QUICK = Recipe(data="digits", epochs=1, train_size=100)
SPACE = """
from spaces.mlp import ALL

SMALL = ALL[1].named("small ones")
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are made where the test is, and trainings run in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nas.runner.task.local_engine", lambda count, device, log: InlineEngine())


def test_a_space_is_searched_and_searched_on(say: Say) -> None:
    """One command: networks inside the limits, in a folder named after the space; once more, with more of them."""
    words = ("search", "--space", "MLP_2", "--parameters", "..40000", *SHORT)
    code, out, err = say(*words, "--samples", "2")
    assert code == 0, err
    assert "Which networks of MLP_2 err least on digits?" in out
    assert "nas export runs/search-MLP_2 --rank 1" in out
    first = nas.open("runs/search-MLP_2")
    assert (first.manifest.study.sampler, first.manifest.study.limits) == ("tpe", Limits(parameters=(0, 40_000)))
    assert all(record.cost.parameters <= 40_000 for record in first.records)
    code, _, err = say(*words, "--samples", "4")
    assert code == 0, err
    assert nas.open("runs/search-MLP_2").records[:2] == first.records
    code, _, err = say("search", "--space", "MLP_2", "--parameters", "..50000", *SHORT, "--samples", "2")
    assert (code, "limits.parameters" in err) == (2, True)


def test_a_published_network_is_a_space_of_one(say: Say) -> None:
    """It is trained as often as is said, beside others and finished as they are, without a study file."""
    spaces = ("--space", "lenet_bn", "--space", "MLP_2")
    code, _, err = say("search", *spaces, *SHORT, "--samples", "2", "-o", "beside")
    assert code == 0, err
    run = nas.open("beside")
    assert [len({r.architecture for r in run.records if r.space == name}) for name in ("lenet_bn", "MLP_2")] == [1, 2]
    plain = nas.create_model("lenet_bn", num_classes=10, in_chans=1, input_size=run.manifest.data.shape[1])
    assert run.records[0].cost.parameters == sum(weight.numel() for weight in plain.parameters())
    code, out, err = say("final", "beside", "--top", "1", "--seeds", "1", "--epochs", "1", "--workers", "1")
    assert (code, "test error" in out) == (0, True), err


@pytest.mark.slow
def test_time_ends_it(say: Say) -> None:
    """Nothing counts towards a number that nobody wanted: neither the search, nor its status, nor its page."""
    code, out, err = say("search", "--space", "MLP_2", *SHORT, "--sampler", "random", "--minutes", "0.05", "-o", "map")
    assert code == 0, err
    assert "How are the errors of MLP_2 distributed on digits?" in out
    trials = len(nas.open("map").records)
    assert f"stopped after 3 s; {trials} trials are finished and kept" in err
    assert "1000000" not in out + err + say("status", "map")[1]
    assert f"search-MLP_2: stopped, {trials} trials\n" in say("status", "map")[1]
    state = json.loads(say("status", "map", "--json")[1])
    assert (state["total"], state["seconds_left"], state["done"]) == (None, None, trials)
    assert "1000000" not in Path("map/run.log").read_text()
    page = Path("map/report.html").read_text()
    assert "as many networks of each space as there was time for" in page
    assert "1000000 networks" not in page


def test_its_networks_are_exported_without_a_study(say: Say) -> None:
    """The run says that it is a search, from which its spaces are found again, also where weights weren't kept."""
    assert say("search", "--space", "MLP_2", "--space", "MLP_3", *SHORT, "--samples", "1", "-o", "two")[0] == 0
    for path in Path("two/weights").iterdir():
        path.unlink()
    code, _, err = say("export", "two", "--rank", "1", "-o", "best")
    assert code == 0, err
    assert nas.load("best").document.study == "search-MLP_2-MLP_3"


def test_spaces_of_the_user_are_searched(say: Say, tmp_path: Path) -> None:
    """From a file or a module; the run says from which, and their code is run only where a command names it."""
    (tmp_path / "my_space.py").write_text(SPACE)
    code, out, err = say("search", "--space", "my_space.py:SMALL", *SHORT, "--samples", "1")
    assert code == 0, err
    assert f"next   nas final runs/search-small_ones --study {tmp_path}/my_space.py:SMALL (the best" in out
    run = nas.open("runs/search-small_ones")
    assert (run.manifest.reference, run.records[0].space) == (f"{tmp_path}/my_space.py:SMALL", "small ones")
    final = ("final", "runs/search-small_ones", "--top", "1", "--seeds", "1", "--epochs", "1", "--workers", "1")
    code, _, err = say(*final)
    assert code == 2
    assert f"if you trust it: --study {tmp_path}/my_space.py:SMALL" in err
    code, out, err = say(*final, "--study", "my_space.py:SMALL")
    assert code == 0, err
    assert "small ones" in out


def test_spaces_of_the_user_are_found_beside_ours(say: Say, tmp_path: Path) -> None:
    """A search in several spaces is named by all of them, and a network whose weights weren't kept is trained again."""
    (tmp_path / "my_space.py").write_text(SPACE)
    words = ("--space", "MLP_3", "--space", "my_space:SMALL", *SHORT, "--parameters", "..90000", "--samples", "1")
    assert say("search", *words, "-o", "two")[0] == 0
    assert nas.open("two").manifest.reference == "MLP_3,my_space:SMALL"
    for path in Path("two/weights").iterdir():
        path.unlink()
    code, _, err = say("export", "two", "--trial", "1", "--study", "MLP_3,my_space:SMALL", "-o", "second")
    assert code == 0, err
    assert nas.load("second").document.space == "small ones"
    code, _, err = say("export", "two", "--trial", "1", "--study", "my_space.py:SMALL", "-o", "third")
    assert code == 0, err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_space:OTHER", "my_space:OTHER holds no OTHER"),
        ("my_space.py:OTHER", "my_space.py:OTHER holds no OTHER"),
        ("MLP_3, my_space.py:OTHER", "my_space.py has no OTHER"),
        ("no_space.py:SMALL", "there is no file no_space.py"),
        ("MLP_2", "search-small_ones has no space 'MLP_2'"),
        ("quickstart", "isn't what it was when it was run"),
    ],
)
def test_a_space_that_is_not_the_searched_one_is_said(say: Say, tmp_path: Path, name: str, said: str) -> None:
    """What is wrong with the name, in two lines; nothing is begun."""
    (tmp_path / "my_space.py").write_text(SPACE)
    assert say("search", "--space", "my_space.py:SMALL", *SHORT, "--samples", "1", "-o", "run")[0] == 0
    code, _, err = say("final", "run", "--top", "1", "--workers", "1", "--study", name)
    assert (code, said in " ".join(err.split())) == (2, True), err
    assert not (tmp_path / "run" / "final" / "study.json").exists()


def test_a_path_with_a_comma_is_one_space(say: Say, tmp_path: Path) -> None:
    """The command that the end of a search prints works, whatever the folder is called and the search is named."""
    (tmp_path / "a, b").mkdir()
    (tmp_path / "a, b" / "my_space.py").write_text(SPACE)
    nas.search("a, b/my_space.py:SMALL", recipe=QUICK, samples=1, name="mine", out="run")
    reference = nas.open("run").manifest.reference
    code, _, err = say("final", "run", "--top", "1", "--seeds", "1", "--epochs", "1", "--study", reference)
    assert code == 0, err
    assert len(nas.final("run", top=1, seeds=2, changes={"epochs": 1}, study=reference, again=True).records) == 2


@pytest.mark.slow
def test_latency_is_limited_and_searched_against(say: Say) -> None:
    """The best networks then have their milliseconds beside their errors."""
    words = ("search", "--space", "MLP_2", *SHORT, "--samples", "2", "--latency-ms", "..500", "--against", "latency")
    code, out, err = say(*words, "-o", "fast")
    assert code == 0, err
    assert "ms for 128" in out
    said = re.search(r"measured again now that the run trains nothing beside: (.*)", out)
    assert said
    assert all(0 < float(time) < 500 for time in said[1].split(", "))
    assert nas.open("fast").manifest.study.objectives == ("error", "latency_ms")
    best = json.loads(say("best", "fast", "--by", "pareto", "--json")[1])["best"]
    assert all(0 < network["latency_ms"] < 500 for network in best)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--space", "MLP_2"), "a search ends after minutes or samples"),
        (("--space", "MLP_22", "--samples", "1"), "did you mean MLP_2"),
        (("--space", "lenet_bm", "--samples", "1"), "did you mean lenet_bn"),
        (("--space", "my_space.py", "--samples", "1"), "my_space.py:NAME"),
        (("--space", "nowhere.py:S", "--samples", "1"), "there is no file nowhere.py"),
        (("--space", "spaces.mlp:M22", "--samples", "1"), "spaces.mlp has no M22"),
        (("--space", "spaces.mlp:NETWORKS", "--samples", "1"), "spaces.mlp:NETWORKS is of type tuple"),
        (("--space", "MLP_2", "--samples", "1", "--parameters", "60000"), "--parameters takes LEAST..MOST"),
        (("--space", "MLP_2", "--samples", "1", "--latency-ms", ".."), "--latency-ms ..2"),
        (("--space", "MLP_2", "--samples", "1", "--parameters", "5..1"), "limits on parameters must be"),
        (("--space", "MLP_2", "--samples", "1", "--latency-ms", "2..1"), "limits on latency_ms must be"),
        (("--space", "MLP_2", "--samples", "1", "--against", "error"), "--against takes multiply-adds or latency"),
        (("--space", "MLP_2", "--samples", "1", "--against", "latency", "--sampler", "gp"), "two objectives: tpe or"),
        (("--space", "MLP_2", "--samples", "1", "--sampler", "tpee"), "tpee"),
        (("--space", "MLP_2", "--samples", "0"), "samples must be at least 1"),
        (("--space", "MLP_2", "--space", "MLP_2", "--samples", "1"), "every space needs its own name"),
        (("--space", "MLP_2", "--samples", "1", "--fidelity", "tin"), "tin"),
        (("--space", "MLP_2", "--samples", "1", "--set", "flop=1"), "--set knows no field 'flop'"),
    ],
)
def test_what_does_not_fit_is_said(say: Say, words: tuple[str, ...], said: str) -> None:
    """In a line or two with a way out, before anything is trained."""
    code, _, err = say("search", *words, "--data", "digits")
    assert (code, Path("runs").exists()) == (2, False), err
    assert said in err


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("search", "--space", "MLP_2", "--samples", "1", "--data", "digits"),
        ("search", "--space", "MLP_2", "--samples", "1", "--data", "digits", "--fidelity", "tiny"),
        ("run", "quickstart", "--samples", "1", "--fidelity", "tiny", "--epochs", "1"),
    ],
)
def test_few_images_train_all(say: Say, words: tuple[str, ...]) -> None:
    """Where the data have fewer training images than a fidelity takes all train, which is said; again, it resumes."""
    for _ in range(2):
        code, _, err = say(*words, "-o", "small", "--workers", "1")
        assert code == 0, err
        assert nas.open("small").manifest.study.recipe.train_size == 0


def test_the_sentence_on_few_images_has_numbers(caplog: pytest.LogCaptureFixture) -> None:
    """How many there are, and how many the fidelity takes; a size of one's own is left to be refused."""
    assert fitted(Recipe(data="digits").at("short")).train_size == 0
    assert "digits has 1079 training images, fewer than the 7500 of this fidelity: all of them train" in caplog.text
    assert fitted(Recipe(data="digits", train_size=1079)).train_size == 1079


@pytest.mark.slow
def test_a_random_sample_is_to_be_explored(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a random sample of enough networks `nas discover` is named; after a search it isn't, as it is refused."""
    for least, sampler in ((1, "random"), (2, "random"), (1, "quasirandom"), (1, "tpe")):
        monkeypatch.setattr("nas.analysis.discovery.candidates.LEAST", least)
        out = say("search", "--space", "MLP_2", *SHORT, "--samples", "4", "--sampler", sampler, "-o", sampler)[1]
        assert (f"nas discover {sampler}" in out) == ((least, sampler) == (1, "random"))


def test_in_python_it_is_one_call() -> None:
    """With a space by name or as a value, and the choices of a study."""
    recipe = QUICK
    run = nas.search("MLP_2", recipe=recipe, limits=Limits(parameters=(0, 40_000)), samples=2, out="by name")
    assert (len(run.records), run.manifest.reference) == (2, "nas search")
    own = ALL[1].named("own")
    run = nas.search(own, "MLP_2", recipe=recipe, samples=1, sampler="random", seed=3, name="mine")
    assert (run.folder, run.manifest.reference, run.manifest.study.seed) == (Path("runs/mine"), "", 3)
    with pytest.raises(Refused, match="run from a program"):
        nas.final(run, top=2, seeds=1, changes={"epochs": 1})
    assert len(nas.final(run, top=2, seeds=1, changes={"epochs": 1}, study=own).records) == 2
    with pytest.raises(nas.NasError, match="after minutes or samples"):
        nas.search("MLP_2")
    with pytest.raises(nas.NasError, match="at least one space"):
        nas.search(minutes=1)


def test_its_name_is_that_of_a_folder() -> None:
    """Without blanks and slashes, whatever the spaces are called."""
    assert name_of(["MLP", "wide groups"]) == "search-MLP-wide_groups"


def test_ends_of_ranges_are_written_as_tables_print_them() -> None:
    """Thousands, millions and billions by their letters, or as Python writes numbers."""
    limits = limits_of(parameters="31.5k..2 M", multiply_adds="..1e6", memory="1G..", latency_ms="0.5..2")
    assert limits.parameters == (31_500, 2_000_000)
    assert limits.multiply_adds == (0, 1_000_000)
    assert limits.memory[0] == 10**9
    assert limits.latency_ms == (0.5, 2.0)
    for wrong in ("k..", "..1km", "..M"):
        with pytest.raises(Refused, match="--parameters takes LEAST"):
            limits_of(parameters=wrong)
