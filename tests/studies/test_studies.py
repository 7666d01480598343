"""One contract for every study that comes with the tool: it says what it asks, and it runs."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
import studies
from nas import data
from nas.engines.inline import InlineEngine
from nas.findings.wording.rules import signed
from nas.sampling import Plan
from nas.storage.results import Run
from nas.study import Rule, Study, against, catalog
from spaces import ALL

SAYS = ("Source:", "What would count as an answer:", "Expected time:")
OTHERS = (
    "studies.anynet_discovery:REFINED",
    "studies.families:STUDY_10M",
    "studies.families:STUDY_30M",
    "studies.perfect_mlp:STUDY_4X",
    "studies.perfect_mlp:STUDY_16X",
    "studies.winners:STUDY_100K",
    "studies.winners:STUDY_300K",
)
"""Further forms of some studies."""
RESULTS = Path(studies.__path__[0]) / "results"
PAGES = Path(__file__).parents[2]
EVERY = pytest.mark.parametrize("name", catalog.studies())


def small(name: str) -> Study:
    """A study at two networks an arm, one epoch, without rungs, and 256 images, on embedded data in place of others."""
    study = catalog.study(name)
    recipe = msgspec.structs.replace(study.recipe, epochs=1, train_size=256)
    if recipe.data == "fashion-mnist":
        crossed = "resolution" in study.grid.values
        recipe = msgspec.structs.replace(recipe, data="digits", resolution=0 if crossed else 28)
    return replace(study, samples=2, recipe=recipe, halving=None)


def whole(run: Run, study: Study) -> None:
    """Every trial has a row that ended in one of the expected ways, with what was drawn in it."""
    table = run.table()
    assert len(table) == study.total == 2 * len(study.arms)
    assert set(table["outcome"]) <= {"completed", "diverged"}
    assert (table["space"].value_counts() == 2).all()
    completed = table[table["outcome"] == "completed"]
    assert len(completed) >= len(table) // 2
    assert completed[["error", "train_error", "gap", "peak_memory", "images_per_second"]].notna().all().all()
    for arm in study.arms:
        rows = table[table["space"] == arm.name]
        always = [name for name, dimension in study.joint(arm).items() if dimension.when is None]
        assert rows[always].notna().all().all()


@EVERY
def test_a_study_says_what_it_asks(name: str) -> None:
    """Its docstring begins with the question and states source, what would count as an answer and the expected time."""
    text = importlib.import_module(f"studies.{name}").__doc__ or ""
    assert text.split("\n")[0].endswith(("?", "."))
    assert all(part in text for part in SAYS)
    assert catalog.study(name).name == name


@pytest.mark.slow
@EVERY
def test_a_study_runs_in_a_small_form(name: str, tmp_path: Path) -> None:
    """Two networks of every arm are trained, with table, verdicts on its rules and page, whatever the study crosses."""
    study = small(name)
    run = nas.run(study, out=tmp_path / name, engine=InlineEngine(), device="cpu")
    whole(run, study)
    if study.rules:
        found = nas.principles(run).verdicts
        assert [verdict.name for verdict in found] == [rule.name for rule in study.rules]
    assert (tmp_path / name / "report.html").stat().st_size > 1_000_000


@pytest.mark.slow
def test_a_study_runs_in_workers(tmp_path: Path) -> None:
    """A study with a grid and conditional dimensions gives the same table from two processes as from this one."""
    study = small("vgg_head")
    inline = nas.run(study, out=tmp_path / "inline", engine=InlineEngine(), device="cpu")
    workers = nas.run(study, out=tmp_path / "workers", workers=2, device="cpu")
    whole(workers, study)
    columns = ["trial", "space", "architecture", "error", "train_error", "seed"]
    assert inline.table()[columns].equals(workers.table()[columns])


@pytest.mark.parametrize("name", [*catalog.studies(), *OTHERS])
def test_every_arm_has_networks_in_its_window(name: str) -> None:
    """At the size of its own images a study finds networks inside its limits for every arm."""
    study = catalog.study(name)
    inputs, classes = ((10,), 1) if study.recipe.data == "diabetes" else ((1, 28, 28), 10)
    plan = Plan(study, inputs, classes)
    for trial in range(len(study.arms)):
        assert not study.limits.violations(plan.propose(trial).network.cost)


def published(table: str, rules: tuple[Rule, ...]) -> list[str]:
    """Effect and interval of each rule on stored records, in points: `-1.15 (-1.79 to -0.52)`."""
    found = nas.principles(pd.read_csv(RESULTS / table), rules=rules).verdicts
    return ["{} ({} to {})".format(*(signed(value, alone=False) for value in (v.effect, v.low, v.high))) for v in found]


@pytest.mark.parametrize("table", ["anynet_ladder.csv.gz", "anynet_ladder_4_epochs.csv.gz"])
def test_the_published_effects_of_the_ladder_are_those_of_its_records(table: str) -> None:
    """The docstring has all effects and intervals as the statistics of today give them, and the pages no others."""
    effects = published(table, catalog.study("anynet_ladder").rules)
    text = (importlib.import_module("studies.anynet_ladder").__doc__ or "") + (PAGES / "docs/results.md").read_text()
    assert [effect for effect in effects if effect not in text] == []
    if "4_epochs" not in table:
        readme = (PAGES / "README.md").read_text()
        wanted = [effect.replace(" (", " points, ").rstrip(")") for effect in effects]
        assert [effect for effect in wanted if effect not in readme] == []


@pytest.mark.parametrize(
    ("table", "rules", "places"),
    [
        ("violations.csv.gz", ("rising widths", "no wide middle"), ("studies/violations.py", "docs/results.md")),
        (
            "anynet_discovery_refined.csv.gz",
            (against("AnyNetX_A_3, refined", "AnyNetX_A_3", "It is better."),),
            ("studies/anynet_discovery.py", "docs/results.md"),
        ),
    ],
)
def test_other_published_effects_are_those_of_the_records(
    table: str, rules: tuple[str | Rule, ...], places: tuple[str, ...]
) -> None:
    """Their intervals, to one or two digits and with either sign, stand where the answers are told."""
    known = {rule.name: rule for rule in catalog.study("violations").rules}
    found = nas.principles(
        pd.read_csv(RESULTS / table), rules=[known[rule] if isinstance(rule, str) else rule for rule in rules]
    ).verdicts
    for place in places:
        text = (PAGES / place).read_text()
        for verdict in found:
            low, high = sorted(abs(100 * end) for end in (verdict.low, verdict.high))
            forms = [f"{low:.{d}f} to {high:.{d}f}" for d in (1, 2)] + [f"-{high:.1f} to -{low:.1f}"]
            assert any(form in text for form in forms), (place, verdict.name, forms)


def test_every_family_has_a_study() -> None:
    """Each family is asked about: some study draws from it."""
    asked = {space.decode for name in catalog.studies() for space in catalog.study(name).spaces}
    modules = {getattr(decode, "func", decode).__module__ for decode in asked}
    assert modules >= {getattr(space.decode, "func", space.decode).__module__ for space in ALL}


def test_digits_take_every_short_form() -> None:
    """The embedded digits have the 256 training images that the short form needs."""
    assert data.prepare("digits").train >= 256
