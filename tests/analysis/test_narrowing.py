"""From findings to a smaller space, and to a study as source that tests it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pandas as pd
import pytest

import nas
from nas.analysis import Discovery, Found, Tied, discover, inferred_dimensions, refined
from nas.analysis.discovery.candidates import Condition
from nas.analysis.discovery.narrowing import once_more, refined_name
from nas.engines.inline import InlineEngine
from nas.errors import Refused
from nas.findings.study_source import study_file
from nas.space import Choice, Integer, Ratio, Real, Space, rising
from nas.space.distribution import Distribution
from nas.study import Limits, Part, Strata, Study, catalog
from nas.study.stored import stored
from spaces import anynet, regnet
from tests.toys.spaces import CROSSED, RICH, STUDY, VARIED, decode_tiny

A = anynet.X3.a
USERS = '''
"""A study of the user."""
from functools import partial
from nas.study import Recipe
from nas.space import Integer, Space
from nas.study import Study
from tests.toys.spaces import Tiny

def decode(point, factor):
    return Tiny(width=factor * int(point["width"]))

def is_even(point):
    """the width is even"""
    return point["width"] % 2 == 0

MINE = Space(name="mine", dimensions={"width": Integer(low=2, high=64)}, decode=partial(decode, factor=2))
STUDY = Study(name="mine", question="?", spaces=(MINE, MINE.require(is_even).named("even")), samples=2,
              recipe=Recipe(data="digits", train_size=100, epochs=1, batch_size=50))
'''


def sampled(space: Space, n: int = 600) -> pd.DataFrame:
    """Draws from a space of three stages in which rising widths help and deep first stages hurt."""
    points = Distribution(space).points(np.random.default_rng(1).random((n, len(space.dimensions))))
    frame = pd.DataFrame(points).assign(trial=range(n))
    rises = (frame["width_1"] <= frame["width_2"]) & (frame["width_2"] <= frame["width_3"])
    noise = np.random.default_rng(2).normal(0.2, 0.03, n)
    return frame.assign(error=noise - 0.03 * rises + 0.03 * (frame["depth_1"] > 8))


LADDER = discover(sampled(A), A.dimensions)


def found(condition: Condition, verdict: Literal["helps", "hurts", "equivalent", "undecided"] = "helps") -> Found:
    """A finding of that kind."""
    told = msgspec.structs.replace(LADDER.found[0].verdict, verdict=verdict)
    return msgspec.structs.replace(LADDER.found[0], name="it", condition=condition, verdict=told)


def discovery(*conditions: Condition) -> Discovery:
    """Findings that all help."""
    return msgspec.structs.replace(LADDER, found=tuple(found(condition) for condition in conditions))


def written(text: str, folder: Path, name: str = "refined.py") -> Study:
    """The study of a source."""
    (folder / name).write_text(text, encoding="utf-8")
    return catalog.study(str(folder / name))


def test_the_ladder_is_found_and_climbed() -> None:
    """What is found in AnyNet A is a space with a shared bottleneck and rising widths, of known size, drawn at once."""
    smaller = refined(A, LADDER.found)
    assert smaller.name == "AnyNetX_A_3, refined"
    assert rising("width") in smaller.requirements
    assert {"bottleneck", "width_1"} <= set(smaller.dimensions)
    assert "bottleneck_1" not in smaller.dimensions
    assert smaller.size() is not None
    for point in Distribution(smaller).points(np.random.default_rng(0).random((50, len(smaller.dimensions)))):
        assert point["width_1"] <= point["width_2"] <= point["width_3"]
        assert smaller.architecture(point) == A.decode(smaller.expand(point))


def test_each_finding_is_one_change() -> None:
    """Bounds and options restrict, orders and ratios are required, tied groups shared; whole multiples stay whole."""
    changes = (
        Part(column="width_1", low=20.0),
        Part(column="width_1", high=250.0),
        Part(column="bottleneck_2", low=2.0),
    )
    smaller = refined(A, [found(change) for change in (*changes, Ratio(group="depth", position=2, low=1.5))])
    old = A.dimensions["width_1"]
    assert smaller.dimensions["width_1"] == msgspec.structs.replace(old, low=24, high=248)
    assert smaller.dimensions["bottleneck_2"] == Choice(options=(2, 4))
    assert smaller.requirements == (Ratio(group="depth", position=2, low=1.5),)
    texts = refined(RICH, [found(Part(column="function", values=("relu", "silu")))])
    assert texts.dimensions["function"] == Choice(options=("relu", "silu"))
    line = refined(regnet.X3, [found(Part(column="multiplier", high=2.5))])
    assert line.dimensions["multiplier"] == Real(low=1.5, high=2.5)


def test_rounds_are_counted() -> None:
    """A space that is refined again has a number, and so has its study."""
    names_of_rounds = ["A"]
    for _ in range(3):
        names_of_rounds.append(refined_name(A.named(names_of_rounds[-1])))
    assert names_of_rounds == ["A", "A, refined", "A, refined 2", "A, refined 3"]
    assert once_more("ladder_refined_2", "_refined", "_") == "ladder_refined_3"
    assert once_more("so refined_x", "_refined", "_") == "so refined_x_refined"


def test_a_bound_on_a_member_bounds_what_it_shares() -> None:
    """Where a group is shared, a bound on one of its members holds for the dimension that stands for all."""
    smaller = refined(A, [found(Tied(group="depth"), "equivalent"), found(Part(column="depth_2", high=8.0))])
    assert smaller.dimensions["depth"] == msgspec.structs.replace(A.dimensions["depth_1"], high=8)


def test_what_was_not_confirmed_changes_nothing() -> None:
    """Harmful, undecided and equivalent findings leave the space as it is; dimensions it lacks are refused."""
    for verdict in ("hurts", "undecided", "equivalent"):
        assert refined(A, [found(Part(column="depth_1", high=8.0), verdict)]) is A  # type: ignore[arg-type]
    with pytest.raises(Refused, match="no dimension 'height'"):
        refined(A, [found(Part(column="height", low=1.0))])
    with pytest.raises(Refused, match="nothing is left of depth_1"):
        refined(A, [found(Part(column="depth_1", low=9.0)), found(Part(column="depth_1", high=8.0))])


def test_a_ratio_is_a_requirement() -> None:
    """A ratio holds with its ends, for points without a stage, and only of dimensions that the space has."""
    ratio = Ratio(group="width", position=2, low=0.5, high=2.0)
    assert ratio.sentence == "width_2 is at least 0.5 and at most 2 times width_1"
    assert [ratio({"width_1": 10, "width_2": second}) for second in (4, 5, 20, 21)] == [False, True, True, False]
    assert ratio({"width_1": 10})
    with pytest.raises(Refused, match="no dimension 'height_1'"):
        A.require(Ratio(group="height", position=2, low=1.0))
    assert anynet.X3.b.require(Ratio(group="bottleneck", position=2, low=1.0)).requirements
    with pytest.raises(ValueError, match="a position from 2 on and a bound"):
        Ratio(group="width", position=1, low=1.0)


def test_the_written_study_is_the_space_that_was_meant(tmp_path: Path) -> None:
    """The source names the family's space, writes counted rules as such, and gives equal spaces and recipe."""
    ladder = catalog.study("anynet_ladder")
    text = study_file(ladder, A, LADDER)
    assert "from spaces import anynet\n" in text
    assert "SPACE = anynet.X3.a\n" in text
    assert '.require(rising("width"))' in text
    study = written(text, tmp_path)
    assert study.spaces == (A, refined(A, LADDER.found))
    assert (study.recipe, study.limits, study.samples) == (ladder.recipe, ladder.limits, ladder.samples)
    assert study.seed != ladder.seed
    assert study.rules[0].contrast == nas.study.Spaces(first="AnyNetX_A_3, refined", reference="AnyNetX_A_3")
    assert all(line.startswith(("nas.", "spaces")) for line in imported(text))
    with pytest.raises(Refused, match="nothing was found that makes AnyNetX_A_3 smaller"):
        study_file(ladder, A, discovery())


def imported(text: str) -> list[str]:
    """What a source imports from, word by word."""
    return [line.split()[1] for line in text.splitlines() if line.startswith(("from ", "import "))]


def test_spaces_without_a_name_are_written_out(tmp_path: Path) -> None:
    """A space that no module holds comes back with all that it is: shared groups, ratios, rules of other modules."""
    odd = regnet.X3.named("odd").restrict(bottleneck=Choice(options=(1, 2)))
    shared = anynet.X3.b.require(Ratio(group="width", position=2, low=0.5)).named('say "b"')
    for space in (odd, shared):
        change = Part(column="bottleneck", high=1.0)
        text = study_file(replace(STUDY, spaces=(space,)), space, discovery(change))
        written_space = written(text, tmp_path).spaces[0]
        assert stored(replace(STUDY, spaces=(written_space,))) == stored(replace(STUDY, spaces=(space,)))
    nameless = Space(name="lambda", dimensions={"width": Integer(low=2, high=8)}, decode=lambda p: decode_tiny(p))
    with pytest.raises(Refused, match="can't be written down"):
        study_file(STUDY, nameless, discovery(Part(column="width", high=4.0)))


def test_varied_fields_and_grids_go_along(tmp_path: Path) -> None:
    """A bound on a sampled field of the recipe narrows it for both spaces; what is crossed stays crossed."""
    bounds = discovery(Part(column="width", low=9.0), Part(column="learning_rate", high=0.125))
    varied = written(study_file(VARIED, RICH, bounds), tmp_path)
    assert varied.vary == {"learning_rate": Real(low=1e-3, high=0.125, log=True)}
    limited = replace(VARIED, limits=Limits(multiply_adds=(1_400, 47_200)), strata=Strata(count=4))
    assert written(study_file(limited, RICH, bounds), tmp_path).strata == Strata(count=4)
    crossed = written(study_file(CROSSED, RICH, discovery(Part(column="width", low=9.0))), tmp_path)
    assert (crossed.grid, len(crossed.arms)) == (CROSSED.grid, 8)


def test_a_study_of_the_user_runs_refined(tmp_path: Path) -> None:
    """The source beside a user's file imports from it, with bound arguments and own rules, and runs."""
    (tmp_path / "users_own.py").write_text(USERS)
    study = catalog.study(str(tmp_path / "users_own.py"))
    frame = pd.DataFrame({"width": np.arange(2, 65).repeat(8)})
    frame["error"] = 0.3 - 0.002 * frame["width"] + np.random.default_rng(0).normal(0, 0.02, len(frame))
    for space in study.spaces:
        text = study_file(study, space, discover(frame, space.dimensions))
        again = written(text, tmp_path)
        assert "users_own" in imported(text)
        assert again.spaces[1].dimensions["width"].low > 2  # type: ignore[union-attr]
    run = nas.run(again, out=tmp_path / "run", engine=InlineEngine(), device="cpu")
    assert len(run.records) == 4


def test_dimensions_come_from_a_stored_study() -> None:
    """A stored study gives the dimensions of a space, of an arm, and what all of its spaces have in common."""
    ladder = stored(catalog.study("anynet_ladder"))
    assert ladder.dimensions_of("AnyNetX_A_3") == A.dimensions
    assert stored(STUDY).dimensions_of() == {"width": RICH.dimensions["width"]}
    assert stored(CROSSED).dimensions_of(CROSSED.arms[0].name) == RICH.dimensions
    with pytest.raises(Refused, match="no space 'B'"):
        ladder.dimensions_of("B")


def test_dimensions_of_a_foreign_table() -> None:
    """Whole numbers in their unit, other numbers, texts and flags are dimensions; constants and names aren't."""
    frame = pd.DataFrame(
        {"wide": [8.0, None, 24.0], "rate": [0.1, 0.2, 0.4], "norm": ["a", "b", "a"], "skip": [True, False, True]}
    ).assign(error=0.1, seconds=[1, 2, 3], constant=1)
    known = inferred_dimensions(frame)
    assert known == {
        "wide": Integer(low=8, high=24, unit=8),
        "rate": Real(low=0.1, high=0.4),
        "norm": Choice(options=("a", "b")),
        "skip": Choice(options=(False, True)),
    }
    with pytest.raises(Refused, match="'constant'"):
        inferred_dimensions(frame, ["constant"])
    labels = pd.DataFrame({"error": 0.1, "name": [f"n{row}" for row in range(30)]})
    assert inferred_dimensions(labels) == {}


def test_a_discovery_is_plain_data() -> None:
    """It encodes as JSON with scores, both halves' sizes, the number of candidates and the conditions."""
    known = msgspec.json.decode(msgspec.json.encode(LADDER))
    assert {"found", "tried", "n_explored", "n_confirming", "warnings"} == set(known)
    assert {"name", "statement", "condition", "score", "n_obeying", "n_others", "verdict"} == set(known["found"][0])
