"""`nas discover` and `nas.discover`: from a run to a smaller space that runs at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

import nas
from nas.analysis.discovery.narrowing import facts_of, refined
from nas.engines.inline import InlineEngine
from nas.errors import Refused
from nas.findings.discovery import Discovered, discovered
from nas.findings.study_source import study_file
from nas.space import Fact, Integer
from nas.storage.results import Run
from nas.study import Part, catalog
from nas.study.stored import stored
from spaces import anynet
from tests.analysis.test_narrowing import discovery, found
from tests.storage.test_study_json import OWN_SPACE
from tests.toys.spaces import HUNT, RICH, STUDY, TINY

WIDE = replace(STUDY, name="wide", spaces=(TINY,), samples=80)
"""Narrow networks are worse beyond doubt, and the fact `pooled` says the same as the width."""
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of tiny networks, started from a program."""
    return nas.run(WIDE, out=tmp_path_factory.mktemp("wide") / "run", engine=InlineEngine(), device="cpu")


@pytest.fixture(scope="module")
def seen(run: Run) -> Discovered:
    """What it shows."""
    return discovered(run, study=WIDE)


def test_a_run_shows_its_rule_and_writes_a_study_that_runs(seen: Discovered, tmp_path: Path) -> None:
    """Wide networks are found to be better; the file draws the whole space and the smaller one, and trains both."""
    helpful = seen.discovery.helpful
    assert any(one.name.startswith(("width >=", "pooled >=")) for one in helpful)
    assert seen.discovery.n_explored + seen.discovery.n_confirming == 80
    assert seen.smaller
    file = tmp_path / "wider.py"
    seen.write(file)
    study = replace(catalog.study(str(file)), samples=3)
    assert [space.name for space in study.spaces] == ["tiny", "tiny, refined"]
    assert study.seed != WIDE.seed
    again = nas.run(study, out=tmp_path / "again", engine=InlineEngine(), device="cpu")
    table = again.table()
    smaller = table[table["space"] == "tiny, refined"]
    for one in helpful:
        assert isinstance(one.condition, Part)
        assert smaller[one.condition.column].min() >= (one.condition.low or 0)
    with pytest.raises(Refused, match="exists already"):
        seen.write(file)
    with pytest.raises(Refused, match=r"a \.py file"):
        seen.write(tmp_path / "wider.txt")


def test_the_same_run_shows_the_same(run: Run, seen: Discovered) -> None:
    """Nothing of a discovery is left to chance: asked again it is equal, and so is its table."""
    again = discovered(run, study=WIDE)
    assert again.discovery == seen.discovery
    assert again.table().equals(seen.table())
    assert again.study_file() == seen.study_file()


def test_a_program_must_pass_its_study(run: Run) -> None:
    """Rules are found without the study; a smaller space isn't, and that is said with the way out."""
    alone = discovered(run)
    assert alone.discovery.found
    assert alone.smaller == ()
    with pytest.raises(Refused, match="isn't known") as refusal:
        alone.study_file()
    assert "study=" in (refusal.value.hint or "")


@pytest.mark.slow
def test_rules_are_looked_for_in_one_space(tmp_path: Path) -> None:
    """Of several spaces one is named, dimensions that don't exist are refused, and so is what a search has chosen."""
    two = nas.run(STUDY, out=tmp_path / "two", engine=InlineEngine(), device="cpu")
    with pytest.raises(Refused, match="in one space, there are tiny, rich"):
        discovered(two)
    with pytest.raises(Refused, match="no networks of space 'poor'"):
        discovered(two, space="poor")
    with pytest.raises(Refused, match="no dimension or attribute 'height'"):
        discovered(two, space="rich", columns=["height"])
    few = discovered(two, space="rich", study=STUDY)
    assert (few.discovery.found, few.smaller) == ((), ())
    assert any("n = 4" in note for note in few.notes)
    hunt = nas.run(replace(HUNT, samples=2), out=tmp_path / "hunt", engine=InlineEngine(), device="cpu")
    with pytest.raises(Refused, match="no random sample"):
        discovered(hunt)


def test_another_study_than_the_runs_is_refused(run: Run) -> None:
    """Findings aren't applied to a space that was edited since, and what the command line gave is the new study's."""
    edited = replace(WIDE, spaces=(WIDE.spaces[0].restrict(width=Integer(low=2, high=60)),))
    with pytest.raises(Refused, match=r"isn't what it was when it was run:\n  spaces\[0\]"):
        discovered(run, study=edited)
    with pytest.raises(Refused, match="'wide' is stored, this is"):
        discovered(run, study=STUDY)


def test_a_written_study_lies_beside_what_it_imports(seen: Discovered, tmp_path: Path) -> None:
    """A space from a file of the user is imported from there, which only works in the same folder and by a name."""
    for stem, said in (("own_space", "imports own_space.py, so it has to lie beside it"), ("own-space", "rename it")):
        file = tmp_path / f"{stem}.py"
        file.write_text(OWN_SPACE)
        study = catalog.study(str(file))
        known = replace(seen, study=replace(study, spaces=(study.spaces[0].named("tiny"),)))
        with pytest.raises(Refused) as refusal:
            known.write(tmp_path / "elsewhere" / "smaller.py")
        assert said in f"{refusal.value} {refusal.value.hint}"
        if stem == "own_space":
            known.write(tmp_path / "smaller.py")
            assert "own_space" in (tmp_path / "smaller.py").read_text()


def test_only_asked_columns_are_looked_at(run: Run) -> None:
    """With columns named, every candidate is about one of them."""
    seen = discovered(run, columns=["pooled"], study=WIDE)
    assert seen.discovery.found
    assert all("pooled" in one.name for one in seen.discovery.found)
    assert seen.smaller[0].startswith("pooled is at least")


def test_a_bound_on_a_fact_is_a_rule_of_the_space(tmp_path: Path) -> None:
    """What architectures state of themselves bounds a space: its points obey, its size isn't known, a study says it."""
    space = anynet.X3.a
    assert facts_of(space) == {"blocks"}
    deep = refined(space, [found(Part(column="blocks", low=12.0, high=20.0))])
    assert deep.requirements == (Fact(name="blocks", decode=space.decode, low=12.0, high=20.0),)
    assert deep.name == "AnyNetX_A_3, refined"
    assert deep.size() is None
    assert [space.name for space in (space.bound("blocks", low=12),)] == ["AnyNetX_A_3, blocks is at least 12"]
    point = {name: dimension.values[0] for name, dimension in space.dimensions.items()}  # type: ignore[union-attr]
    assert not deep.allows(point)  # three blocks
    assert deep.allows({**point, "depth_1": 11})
    written = study_file(WIDE, RICH, discovery(Part(column="pooled", low=100.0)))
    (tmp_path / "deep.py").write_text(written)
    study = catalog.study(str(tmp_path / "deep.py"))
    assert 'SPACE.bound("pooled", low=100.0)' in written.replace("\n    ", "")
    assert "0x" not in msgspec.json.encode(stored(study)).decode()
    with pytest.raises(ValueError, match="bounded from at least one side"):
        space.bound("blocks")


def test_a_table_is_looked_at_with_the_dimensions_it_shows() -> None:
    """Of anybody's table columns are dimensions; percentages take delta in points, and no study can be written."""
    generator = np.random.default_rng(0)
    depth, luck = generator.integers(1, 9, 200), generator.random(200)
    frame = pd.DataFrame({"depth": depth, "luck": luck, "top1_err": 30.0 - 2 * depth + generator.normal(0, 2, 200)})
    seen = nas.discover(frame, error="top1_err", delta=1.0)
    assert any(one.name.startswith("depth >=") for one in seen.discovery.helpful)
    assert not any(one.name.startswith("luck") for one in seen.discovery.helpful)
    assert all(one.verdict.delta == pytest.approx(0.01) for one in seen.discovery.found)
    assert "depth" in seen._repr_html_()
    with pytest.raises(Refused, match="isn't known"):
        seen.study_file()
    with pytest.raises(Refused, match="no column of the table varies"):
        nas.discover(pd.DataFrame({"error": [0.1, 0.2], "kind": ["a", "a"]}))


def test_the_command_line_says_it_all(run: Run, say: Say, tmp_path: Path) -> None:
    """Head, table, sentences and the next command for people; one object for programs; other options are refused."""
    file = tmp_path / "toy_wide.py"
    file.write_text("from tests.findings.test_discovery import WIDE as STUDY\n")
    code, out, _ = say("discover", run.folder, "--study", file, "-o", tmp_path / "next.py")
    assert code == 0
    assert f"candidates scored on {discovered(run).discovery.n_explored} networks" in out
    assert "tiny, refined:" in out
    assert f"nas run {tmp_path / 'next.py'}" in out
    assert catalog.study(str(tmp_path / "next.py")).name == "wide_refined"
    code, out, _ = say("discover", run.folder, "--json")
    told = json.loads(out)
    assert (code, told["schema_version"], told["file"]) == (0, 1, None)
    assert {"name", "score", "verdict", "n", "p_adjusted"} <= set(told["principles"][0])
    nothing = tmp_path / "nothing.py"
    code, out, _ = say("discover", run.folder, "--study", file, "--delta", 9, "-o", nothing, "--json")
    assert (code, json.loads(out)["file"] is None) == (0, not nothing.exists())
    few = tmp_path / "few.csv"
    few.write_text("error,depth\n" + "".join(f"0.{i},{i}\n" for i in range(1, 9)))
    code, out, _ = say("discover", "--table", few)
    assert (code, "No rule splits so few networks" in out) == (0, True)
    code, _, err = say("discover", run.folder, run.folder)
    assert (code, "discover takes one place" in err) == (2, True)
    code, _, err = say("discover", run.folder / "records.csv")
    assert (code, "--table" in err) == (2, True)
