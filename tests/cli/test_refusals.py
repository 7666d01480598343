"""Bad input: a few lines with a way out, the right exit code, nothing half-written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nas.cli import main
from nas.errors import EmptyWindow
from nas.sampling import Filter
from nas.sampling.rejection import measure
from nas.study import Limits
from spaces import alexnet, anynet

STUDY = """
from nas.study import Grid, Limits, Recipe, Study
from spaces import anynet, regnet

STUDY = Study(name="mine", question="?", spaces=({spaces},), samples=2, recipe=Recipe(data="digits"{recipe}), {more})
"""


def study_file(folder: Path, *, spaces: str = "anynet.X3[0]", recipe: str = "", more: str = "") -> str:
    """A study file of a user with some settings."""
    path = folder / "mine.py"
    path.write_text(STUDY.format(spaces=spaces, recipe=recipe, more=more))
    return str(path)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and message of a command that must fail without a traceback."""
    before, sys.argv = sys.argv, ["nas", *map(str, words)]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = before
    message = capsys.readouterr().err
    assert "Traceback" not in message
    assert 0 < len(message.strip().splitlines()) <= 12
    return int(ended.value.code or 0), message


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "quickstrat"), 2, "did you mean quickstart"),
        (("run", "nowhere/mine.py"), 2, "there is no file"),
        (("run", "no_such_module:STUDY"), 2, "no_such_module"),
        (("run", "quickstart", "--sampler", "randon"), 2, "did you mean 'random'"),
        (("run", "quickstart", "--device", "tpu"), 2, "auto, cpu, cuda"),
        (("run", "quickstart", "--samples", "0"), 2, "samples must be at least 1"),
        (("run", "quickstart", "--epochs", "0"), 2, "epochs must be at least 1"),
        (("run", "quickstart", "--train-size", "3"), 2, "train_size must be 10 to 1,079"),
        (("run", "quickstart", "--train-size", "5000"), 2, "train_size must be 10 to 1,079"),
        (("run", "quickstart", "--seed", "-1"), 2, "seed must not be negative"),
        (("run", "quickstart", "--workers", "0"), 2, "workers must be at least 1"),
        (("run", "quickstart", "--data", "digit"), 2, "digits"),
        (("run", "quickstart", "--fidelity", "quick"), 2, "tiny, short, standard, long"),
        (("run", "quickstart", "--fidelity", "glance"), 2, "the fidelity 'glance' is called 'tiny' now"),
        (("run", "quickstart", "--fidelity", "tiny", "--train-size", "6000"), 2, "--train-size 0"),
        (("run", "quickstart", "--fidelity", "tiny", "--set", "train_size=6000"), 2, "--train-size 0"),
        (("run", "quickstart", "--max-seconds", "nan"), 2, "greater than or equal to"),
        (("run", "quickstart", "--max-trial-seconds", "0"), 2, "max_trial_seconds must be a positive number"),
        (("run", "quickstart", "--max-trial-seconds", "nan"), 2, "max_trial_seconds must be a positive number"),
        (("spaces", "AnyNetX"), 2, "did you mean AnyNetX_"),
        (("describe", "regnet_x_400"), 2, "regnet_x_400mf"),
        (("describe", "regnet_x_400mf", "--shape", "1x0x28"), 2, "1x28x28"),
        (("describe", "regnet_x_400mf", "--shape", "784"), 2, "needs an image"),
        (("describe", "nowhere.json"), 2, "no file"),
        (("describe", "lenet", "nonsense", "alexnet"), 2, "no network 'nonsense'; there are alexnet, "),
        (("describe", "nonsense"), 2, " more\n"),
        (("describe", "VGG"), 2, "VGG is a space of networks, not a network\n  -> nas spaces VGG"),
        (("describe", "lenet", "--shape", "10"), 2, "its published input is 1x28x28"),
        (("describe", "lenet", "--classes", "0"), 2, "greater than or equal to 1"),
        (("describe", "alexnet", "--shape", "1x28x28"), 2, "the smallest square input of alexnet is 1x63x63"),
        (("spaces", "lenet"), 2, "nas describe lenet"),
        (("spaces", "a/b"), 2, "no space or network 'a/b'"),
        (("run", "."), 2, "no study '.'"),
        (("run", "/"), 2, "/ is a folder\n  -> a study is a name of ours, FILE.py, FILE.py:NAME or module:NAME"),
        (("run", "quickstart", "--data", "diabetes"), 2, "a space of networks for images"),
        (("run", "blocks", "--data", "diabetes"), 2, "take --data with images"),
        (("status", "nowhere"), 2, "no folder nowhere"),
        (("data", "digit"), 2, "digits"),
        (("data", "--fetch"), 2, "need the name of a data set"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_wrong_words_are_refused(
    words: tuple[str, ...],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each wrong name or value gives its exit code, says what is wrong, and writes nothing."""
    monkeypatch.chdir(tmp_path)
    given, message = refused(capsys, *words)
    assert (given, said in message) == (code, True), message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("verb", ["status", "table", "principles", "report", "best", "export", "verify"])
def test_a_folder_that_is_no_run_is_refused(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb that takes a folder says that this one isn't what it needs."""
    more = ("-o", str(tmp_path / "out")) if verb == "export" else ()
    code, message = refused(capsys, verb, str(tmp_path), *more)
    assert code == 2
    assert "is not the folder of a run" in message or "no exported network" in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("status", "r/study.db"), "nas status r"),
        (("best", "r/study.json", "--top", "1"), "nas best r --top 1"),
        (("export", "r/study.db", "-o", "x"), "nas export r -o x"),
        (("verify", "e/model.safetensors"), "nas verify e"),
        (("table", "study.db"), "nas table ."),
    ],
)
def test_a_file_of_a_folder_leads_to_the_folder(
    words: tuple[str, ...],
    instead: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In place of a run or an export one of its files is refused, with the same command for the folder around it."""
    for file in ("r/study.db", "r/study.json", "e/model.safetensors", "e/SHA256SUMS", "study.db"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/usr/bin/nas", *words])
    code, message = refused(capsys, *words)
    assert code == 2
    assert "is a file" in message
    assert instead in message


def test_cuda_without_a_gpu_is_missing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Asking for a GPU that isn't there exits 69 and names the processor as the way out."""
    from nas.training import devices

    if not devices.why_no_cuda():
        pytest.skip("this machine has a GPU")
    code, message = refused(capsys, "run", "quickstart", "--device", "cuda", "--out", str(tmp_path / "r"))
    assert code == 69
    assert "--device cpu" in message


def test_missing_data_is_told_with_the_ways_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its files a study on Fashion-MNIST exits 69 at once and names three ways out."""
    monkeypatch.setenv("NAS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    code, message = refused(capsys, "run", "anynet_ladder", "--out", str(tmp_path / "r"))
    assert code == 69
    assert all(way in message for way in ("--fetch", "NAS_DATA_DIR", "digits"))
    assert not (tmp_path / "r").exists()


def test_limits_upside_down_are_refused_where_they_are_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A window whose low end is above its high end names both."""
    study = study_file(tmp_path, more="limits=Limits(parameters=(10, 5))")
    code, message = refused(capsys, "run", study, "--out", str(tmp_path / "r"))
    assert code == 2
    assert "low=10, high=5" in message


def test_a_study_that_varies_what_cant_vary_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Only fields of the recipe can be sampled beside the architecture."""
    from_spaces = "vary={'batch': anynet.DEPTH}"
    code, message = refused(capsys, "run", study_file(tmp_path, more=from_spaces), "--out", str(tmp_path / "r"))
    assert code == 2
    assert "'batch'" in message


@pytest.mark.parametrize("option", [("--train-size", "200"), ("--fidelity", "tiny")])
def test_an_option_does_not_override_the_grid(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What the study compares can't be set by an option, and the message says which values it compares."""
    study = study_file(tmp_path, more="grid=Grid(values={'train_size': (100, 300)})")
    code, message = refused(capsys, "run", study, *option, "--out", str(tmp_path / "r"))
    assert code == 2
    assert "sets train_size, of which study 'mine' compares several values: 100, 300" in message
    assert not (tmp_path / "r").exists()


def test_the_same_space_twice_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Spaces of a study need names of their own."""
    study = study_file(tmp_path, spaces="anynet.X3[0], anynet.X3[0]")
    assert refused(capsys, "run", study)[0] == 2


def test_a_name_that_the_system_refuses_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What the system says of a file comes in a line with the exit code of a disk that fails, not as a traceback."""
    code, message = refused(capsys, "status", "r" * 300)
    assert code == 74
    assert message.strip().endswith("File name too long")
    assert "Traceback" not in message


def test_an_out_folder_with_other_things_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A run never mixes with files that aren't its own."""
    (tmp_path / "letter.txt").write_text("dear")
    code, message = refused(capsys, "run", "quickstart", "--out", str(tmp_path))
    assert code == 2
    assert "letter.txt" in message
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


CODE = """
from nas.layers import Convolution, Flatten, Linear, Sequence
from nas.study import Recipe
from nas.space import Integer, Space
from nas.study import Study


class Net:
    def network(self, inputs, classes):
        return {layer}

    def facts(self):
        return {facts}


def decode(point):
    return {decoded}


def rule(point):
    \"\"\"A rule.\"\"\"
    return {allowed}


SPACE = Space(name="mine", dimensions={{"width": Integer(low=2, high=9)}}, decode=decode, requirements=(rule,))
STUDY = Study(name="mine", question="?", spaces=(SPACE,), samples=1, recipe=Recipe(data="digits"))
"""
FLAT = {"layer": "Sequence(layers=(Flatten(), Linear(width=classes)))"}
FINE = {"facts": "{}", "layer": "Linear(width=classes)", "decoded": "Net()", "allowed": "True"}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"decoded": "point['depth']"}, "the code of space 'mine' fails: KeyError: 'depth' (mine.py, line 17)"),
        ({"decoded": "None"}, "AttributeError: 'NoneType' object has no attribute 'network'"),
        ({"decoded": "exit()"}, "the code of space 'mine' fails: SystemExit"),
        ({"decoded": "__import__('sys').exit()"}, "the code of space 'mine' fails: SystemExit (mine.py, line 17)"),
        ({"allowed": "exit(3)"}, "SystemExit: 3 (mine.py, line 22)"),
        ({"layer": "exit('no')"}, "SystemExit: no (mine.py, line 10)"),
        ({"allowed": "1 / 0"}, "ZeroDivisionError: division by zero (mine.py, line 22)"),
        ({"layer": "Convolution(width=2, groups=3)"}, "groups must be between 1 and 2, got 3 (mine.py, line 10)"),
        ({"facts": "{'ratio': None}"} | FLAT, "with a finite number, text or bool, got 'ratio': None"),
        ({"facts": "{'ratio': float('nan')}"} | FLAT, "with a finite number, text or bool, got 'ratio': nan"),
        ({"facts": "[][0]"} | FLAT, "IndexError: list index out of range (mine.py, line 13)"),
        ({"layer": "Sequence()"}, "mine: a network must end in 10 outputs, got 1x16x16"),
        ({"layer": "Sequence(layers=(Flatten(), Linear(width=classes + 1)))"}, "must end in 10 outputs, got 11"),
    ],
)
def test_faults_in_the_code_of_a_space_are_told(
    part: dict[str, str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What a rule, a decoder or an architecture of a user raises is told with its line, before anything is written."""
    (tmp_path / "mine.py").write_text(CODE.format(**FINE | part))
    code, message = refused(capsys, "run", str(tmp_path / "mine.py"), "--out", str(tmp_path / "r"))
    assert (code, said in message) == (2, True), message
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("spaces", "more", "said"),
    [
        ("anynet.X3[0]", "grid=Grid(values={'stem': ('x',)})", "crosses 'stem'"),
        ("anynet.X3[0]", "grid=Grid(values={'depth_1': (99,)})", "its depth_1 has 1 to 16, log-uniform"),
        ("anynet.X3[0]", "grid=Grid(values={'data': ('digits', 'mnist')})", "once with each data set"),
        ("anynet.X3[0]", "grid={'depth_1': (1,)}", "-> Grid(values="),
        ("anynet.X3[0].fix(depth=1), anynet.X3[0].fix(depth=2)", "", 'give each another: SPACE.named("...")'),
        ("anynet.X3[0].fix(depht=1)", "", "has no dimension 'depht' or depht_1; it has depth_1"),
        ("anynet.X3[0].fix(depth=['a'])", "", "a text, got ['a'] (mine.py, line 5)"),
        ("anynet.X3[0].named('a/b')", "", "a name without a slash, got 'a/b'"),
        ("anynet.X3[0]", "max_trial_seconds='3'", "max_trial_seconds must be a number, got '3' (mine.py, line 5)"),
        ("anynet.X3[0]", "seed='3'", "seed must be a whole number, got '3'"),
    ],
)
def test_faults_of_a_study_are_told(
    spaces: str, more: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A value that isn't in its dimension, a name that isn't one: said in words and with the way out."""
    code, message = refused(capsys, "run", study_file(tmp_path, spaces=spaces, more=more), "--out", str(tmp_path / "r"))
    assert (code, said in message) == (2, True), message
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("content", [b"\xff\x00binary", b"", b"error,width\n", b"error\nwide\n"])
def test_tables_that_are_none_are_refused(content: bytes, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Something that isn't a table, or without rows or numbers, is refused with what would be one."""
    (tmp_path / "t.csv").write_bytes(content)
    code, message = refused(capsys, "report", "--table", str(tmp_path / "t.csv"))
    assert code == 2
    assert "a table is a .csv" in message or "--error COLUMN" in message
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_run_without_a_network_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A run that was stopped before its first network names no next step that can't be done."""
    sys_argv = ["nas", "run", "quickstart", "--samples", "1", "--max-seconds", "0", "--out", str(tmp_path / "r")]
    before, sys.argv = sys.argv, sys_argv
    try:
        with pytest.raises(SystemExit):
            main()
    finally:
        sys.argv = before
    said = capsys.readouterr().out
    assert "no network has been completed" in said
    assert "nas export" not in said
    code, message = refused(capsys, "export", str(tmp_path / "r"), "-o", str(tmp_path / "best"))
    assert code == 2
    assert "no network has been completed yet\n  -> nas status" in message


def test_a_rule_that_excludes_everything_is_told_with_its_words() -> None:
    """Without limits the hint speaks of rules, and a shape that can't be is told in the words of its layer."""
    never = anynet.X3[0].require(lambda point: False)
    filter_ = Filter(space=never, limits=Limits(), inputs=(1, 8, 8), classes=10)
    with pytest.raises(EmptyWindow, match=r"<lambda> \(100.00%\)") as caught:
        measure(filter_, 0, 0, most=200)
    assert caught.value.hint == "change the rule that refuses most, or the input size"
    large = alexnet.ALL[0].fix(stem_stride=4)
    with pytest.raises(EmptyWindow, match=r"impossible at this input \(100.00%\), such as: .* doesn't fit into"):
        measure(Filter(space=large, limits=Limits(), inputs=(1, 8, 8), classes=10), 0, 0, most=200)


def test_an_empty_window_says_which_limit_rules_out_what(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The shares of every limit are told after few draws, and nothing was written."""
    study = study_file(tmp_path, more="limits=Limits(multiply_adds=(10, 20))")
    code, message = refused(capsys, "run", study, "--out", str(tmp_path / "r"))
    assert code == 2
    assert "none of 1,000 random networks" in message
    assert "multiply_adds above (100.00%)" in message
    assert not (tmp_path / "r").exists()
