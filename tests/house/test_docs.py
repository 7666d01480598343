"""Every code block of README, CONTRIBUTING and docs is run, page by page, as it stands but for shorter trainings."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import typer

import nas
from nas.cli.app import app
from nas.data import source_path
from nas.engines import InlineEngine
from nas.study import catalog
from spaces import ALL

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
DEFINED = re.compile(r"^def (test_\w+)\(", re.MULTILINE)
NOT_RUN = ("pip install", ".ci/run")
"""Commands that make the environment in which this test runs."""
SHORTER = {
    "--samples 8 --epochs 1 --train-size 2000 --out ladder": (
        "--samples 2 --epochs 1 --train-size 100 --set validation_size=500 --out ladder"
    ),
    "samples=40,": "samples=2,",
    'Recipe(data="fashion-mnist").at("tiny")': 'Recipe(data="fashion-mnist").at("tiny", train_size=100)',
    "--latency-ms ..20 --minutes 20 -o small": "--latency-ms ..2000 --samples 1 --epochs 1 -o small",
    "--multiply-adds 5e6..8e6 --minutes 20": "--multiply-adds 5e6..8e6 --samples 1 --epochs 1 --train-size 100",
    "nas run quickstart\n": "nas run quickstart --samples 4 --epochs 2 --train-size 600\n",
    "nas audit runs/quickstart --networks 6": "nas audit runs/quickstart --networks 4",
    "nas run quickstart --out": "nas run quickstart --samples 2 --epochs 1 --train-size 100 --out",
    "--sampler tpe --samples 12": "--sampler tpe --samples 3 --epochs 1 --train-size 100",
    "nas run quickstart --samples 12": "nas run quickstart --samples 3 --epochs 1 --train-size 100",
    "nas replay fashion-mnist -o": "nas replay fashion-mnist --seeds 3 -o",
    "nas run search.py": "nas run search.py --samples 3 --train-size 100",
    "nas run smaller.py": "nas run smaller.py --samples 1 --train-size 100",
    "nas run dense_mlp_regression": "nas run dense_mlp_regression --epochs 1",
    "nas final ladder ": "nas final ladder --top 1 --seeds 1 --epochs 1 --set train_size=100 ",
    "nas final chosen --top 2": "nas final chosen --top 2 --epochs 1 --set train_size=100",
    "nas train lenet_bn --epochs 10": "nas train lenet_bn --epochs 1 --train-size 100",
    "--trial 3 --epochs 30": "--trial 3 --epochs 1 --train-size 100",
    "--samples 64 --multiply-adds": "--samples 24 --multiply-adds",
    "--latency-ms ..0.5 --parameters ..60000 --samples 16": "--latency-ms ..500 --parameters ..60000 --samples 2",
    "--fidelity tiny --epochs 6 --train-size 0": "--fidelity tiny --epochs 1 --train-size 100",
    "nas final found --top 2 --epochs 20": "nas final found --top 1 --seeds 1 --epochs 1",
    "nas final plain --epochs 20": "nas final plain --seeds 1 --epochs 1",
}
"""What takes minutes -> the same with less to train."""
FILES = ("my_study", "search", "rates", "plain", "norms", "layer_scale")
"""Modules that pages have their readers write."""
NEED_FASHION = {"README.md", "rules.md"}
LONGEST = 40
"""Lines that a family may take."""
PARAMETERS = 9 * 32 + 5 * 9 * 32 * 32 + 6 * 2 * 32 + 32 * 10 + 10
"""Of six convolutions of 32 channels, their norms, and the linear layer."""
CONTRACT = "test_every_point_is_a_network or test_facts_are_columns or 1x28x28-Plain or published_networks_fit"


class Block(NamedTuple):
    """A code block."""

    language: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    """The code blocks of a page, in their order, with less to train."""
    for language, text in BLOCK.findall(page.read_text()):
        for long, short in SHORTER.items():
            text = text.replace(long, short)
        yield Block(language, text)


def fashion_is_there() -> bool:
    """Whether Fashion-MNIST needn't be downloaded."""
    return any(Path(source_path("fashion-mnist")).rglob("train-images*"))


def test_every_promise_has_its_test() -> None:
    """The tests that `docs/reliability.md` names exist."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "reliability.md").read_text()))
    there = {name for file in (ROOT / "tests").rglob("test_*.py") for name in DEFINED.findall(file.read_text())}
    assert named
    assert named <= there, named - there


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands exit with 0 and Python runs, one after another in one folder, with nothing but what the page says."""
    if page.name in NEED_FASHION and not fashion_is_there():
        pytest.skip("Fashion-MNIST isn't there")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("nas.runner.task.local_engine", lambda count, device, log: InlineEngine())
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "results").symlink_to(ROOT / "studies" / "results")
    for module in FILES:
        monkeypatch.delitem(sys.modules, module, raising=False)
    names: dict[str, Any] = {"images": torch.zeros(2, 1, 28, 28, dtype=torch.uint8)}
    for block in blocks(page):
        if block.language == "python":
            run_python(block.text, names, tmp_path)
        elif block.language == "sh":
            run_commands(block.text)
        else:
            assert block.language in ("", "text"), f"{page.name} has a block of {block.language}, which nobody runs"


def run_python(text: str, names: dict[str, Any], folder: Path) -> None:
    """Run a block, or write it to the file that its first line names."""
    if file := re.match(r"# (\w+\.py)\n", text):
        (folder / file[1]).write_text(text)
    exec(compile(text, "a block", "exec"), names)  # noqa: S102


def run_commands(text: str) -> None:
    """Run each line: ours in this process, modules of the tests only as far as that they take these options."""
    for line in text.splitlines():
        for command in line.split(" && "):
            words = shlex.split(command, comments=True)
            if not words or command.startswith(NOT_RUN):
                continue
            if words[0] == "nas":
                app(words[1:], standalone_mode=False)
            elif words[:2] == ["python", "-m"]:
                source = importlib.util.find_spec(words[2])
                assert source is not None
                assert source.origin is not None
                code = Path(source.origin).read_text()
                assert all(f'"{word}"' in code for word in words[3:] if word.startswith("--")), command
            elif words[0] != "pytest":
                subprocess.run(words, check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_sentences_have_these_options(page: Path) -> None:
    """A command between code marks, which no block runs, names a verb and options that it has."""
    verbs = typer.main.get_group(app).commands
    for command in re.findall(r"`nas ([a-z][^`]*)`", BLOCK.sub("", page.read_text())):
        verb, *words = shlex.split(command)
        known = {option for parameter in verbs[verb].params for option in parameter.opts}
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert options <= known | {"--help"}, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_in_sentences_are_there(page: Path) -> None:
    """What a page calls `nas.something` is a name or a module of the package."""
    for marked in re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text())):
        for name in re.findall(r"(?<![\w./-])nas\.([a-z]\w*)", marked):
            assert hasattr(nas, name) or importlib.util.find_spec(f"nas.{name}"), f"{page.name}: nas.{name}"


def test_names_for_who_comes_from_other_tools_are_there() -> None:
    """Dimensions, fields of a recipe, samplers and methods that the page for others names exist."""
    text = (ROOT / "docs" / "coming_from.md").read_text()
    spaces = {space.name: space for space in ALL}
    for space, names in (
        ("RegNetX", "depth initial_width slope multiplier group_width bottleneck"),
        ("AnyNetX_A", "depth_1 width_1 bottleneck_1 group_width_1"),
    ):
        assert {*names.split()} <= {*spaces[space].dimensions}
        assert all(f"`{name}`" in text for name in names.split())
    ours = "\n".join(row.split("|")[2] for row in text.splitlines() if row.startswith("| "))
    fields = re.findall(r"`(?:--set )?(\w+)=[\w.]+`", ours)
    assert "mixup" in fields
    assert {*fields} <= {*nas.Recipe.__struct_fields__}
    assert all(hasattr(nas.Run, name) for name in re.findall(r"`run\.(\w+)", text))
    assert all(hasattr(nas.Model, name) for name in re.findall(r"`model\.(\w+)", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """A page that another one names is there, and so are files in code marks that begin with a folder of ours."""
    text = page.read_text()
    for target in LINK.findall(text):
        assert (page.parent / target).exists(), target
    for path in re.findall(r"`((?:nas|spaces|studies|tests|docs)/[\w/.]+\.\w+)`", text):
        assert (ROOT / path).exists() or "NAME" in path, path


def test_what_is_made_shorter_is_there() -> None:
    """A command that nobody shows any more isn't looked for, so that a new one doesn't train for minutes unseen."""
    text = "".join(page.read_text() for page in PAGES)
    assert [long for long in SHORTER if long not in text] == []


def test_the_readme_can_be_read_at_once() -> None:
    """It has at most 150 lines; the rest stands in docs, and each page of it is linked."""
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    assert {page.name for page in (ROOT / "docs").glob("*.md")} == set(re.findall(r"\(docs/(\w+\.md)\)", text))


@pytest.fixture
def family() -> str:
    """The code of the family that the docs show."""
    return next(block.text for block in blocks(ROOT / "docs" / "families.md") if block.text.startswith("# plain.py"))


def test_the_family_is_short(family: str) -> None:
    """A family with its space, a published network and a study takes fewer than 40 lines."""
    assert len(family.splitlines()) < LONGEST


def test_the_family_runs_as_a_file_of_the_user(family: str, tmp_path: Path) -> None:
    """The study in it trains networks of all their depths and widths."""
    (tmp_path / "plain.py").write_text(family)
    study = catalog.study(str(tmp_path / "plain.py"))
    run = nas.run(replace(study, samples=3), out=tmp_path / "run", engine=InlineEngine(), device="cpu")
    assert list(run.table()["outcome"]) == ["completed"] * 3
    assert (run.table()["layers"] == run.table()["depth"] + 1).all()


@pytest.mark.slow
def test_one_line_makes_the_family_ours(family: str, tmp_path: Path) -> None:
    """With its file in `spaces` and its name in the list, `nas` lists and describes it, and it keeps the contract."""
    for package in ("nas", "spaces", "studies", "tests"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "results"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "spaces" / "plain.py").write_text(family)
    listed = tmp_path / "spaces" / "__init__.py"
    listed.write_text(listed.read_text().replace('    "regnet",\n', '    "regnet",\n    "plain",\n'))
    told = said(tmp_path, "-m", "nas", "spaces")
    assert "Plain" in told
    assert "plain_6" in told
    assert f"{PARAMETERS:,}" in said(tmp_path, "-m", "nas", "describe", "plain_6")
    contract = f"(Plain or plain_6) and ({CONTRACT})"
    said(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/spaces/test_spaces.py", "-k", contract)


def said(folder: Path, *words: str) -> str:
    """What Python prints in a folder that has its own copy of the packages."""
    environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run([sys.executable, *words], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
