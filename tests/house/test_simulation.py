"""The simulations themselves: a small part of each claim, the committed table, and shortcuts that change no count."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.simulation.laws import COARSE, FAILING, FINE, GAMMA, SMOOTH, Law
from tests.simulation.simulation import AT_ONCE, Simulation, covers, errs, finds, never
from tests.simulation.suite import ALL, named
from tests.simulation.table import COLUMNS, Result, line, write

TABLE = Path(__file__).parents[1] / "simulation" / "results.csv"
SMALL = tuple(one for one in ALL if one.small)


@pytest.mark.slow
@pytest.mark.parametrize("simulation", SMALL, ids=lambda one: one.name)
def test_a_few_studies_agree_with_each_claim(simulation: Simulation) -> None:
    """The count of a few studies keeps to the binomial limit of its claim."""
    assert simulation.holds(simulation.run(simulation.small), simulation.small)


def counted(studies: int, generator: np.random.Generator) -> int:
    """Studies whose one random number is below a half."""
    return int((generator.random(studies) < 0.5).sum())


def test_limits_are_the_99_percent_quantiles() -> None:
    """Of 1,000 at most 67 are false, at least 933 are covered and 770 found; of 100 at most 11 are false."""
    false, covered, found = (make("x", "X.", "1", counted) for make in (errs, covers, finds))
    assert [one.limit(1000) for one in (false, covered, found)] == [67, 933, 770]
    assert (false.limit(100), never("x", "X.", "1", counted).limit(1000)) == (11, 0)
    assert false.holds(67, 1000)
    assert not false.holds(68, 1000)
    assert covered.holds(933, 1000)
    assert not covered.holds(932, 1000)


def test_counts_follow_from_the_seed_alone() -> None:
    """The same studies give the same count, whatever ran before; the first portion is the same however many follow."""
    one = errs("x", "X.", "1", counted)
    assert one.run(250) == one.run(250) == sum(one.portion(place, size) for place, size in enumerate((100, 100, 50)))
    assert one.run(AT_ONCE) == one.portion(0, AT_ONCE)
    counts = [one.run(1000), one.run(1000, seed=1), replace(one, name="y").run(1000)]
    assert len(set(counts)) == 3


@pytest.mark.parametrize("law", [SMOOTH, GAMMA, FINE, COARSE, FAILING], ids=lambda law: law.name)
def test_laws_are_what_their_samples_show(law: Law) -> None:
    """Probabilities, mean, quantile, expected best and P(better) are those of 400,000 draws."""
    generator = np.random.default_rng(0)
    errors, others = law.draw(generator, 100_000, 4), law.moved(0.02).draw(generator, 400_000)
    scores = np.where(np.isinf(errors), law.guess, errors)
    for at in (0.2, 0.26, 0.3, 0.34):
        assert law.below(np.array(at)) == pytest.approx((errors < at - 1e-9).mean(), abs=0.004)
        assert law.up_to(np.array(at)) == pytest.approx((errors < at + 1e-9).mean(), abs=0.004) or not law.unit
    assert law.mean == pytest.approx(scores.mean(), abs=0.002)
    assert law.best_of(4) == pytest.approx(scores.min(axis=1).mean(), abs=0.001)
    assert law.quantile(0.1) == pytest.approx(np.quantile(errors, 0.1, method="inverted_cdf"), abs=0.0006)
    flat = errors.ravel()
    wins = ((flat < others - 1e-9).mean() + (flat < others + 1e-9).mean()) / 2.0
    lost = np.isinf(flat) & np.isinf(others)
    assert law.beats(law.moved(0.02)) == pytest.approx(wins + lost.mean() / 2.0, abs=0.004)


def test_names_are_unique_and_choose() -> None:
    """Every claim has its own name, and names are asked for by how they begin."""
    assert len({one.name for one in ALL}) == len(ALL)
    assert {one.name.split(",")[0] for one in named("null;band")} == {"null", "band"}
    assert named("") == ALL
    assert named("nothing of the kind") == ()


def test_the_committed_table_is_that_of_these_claims() -> None:
    """It has every claim in order, with the limit of its number of studies; all hold, and the docs count them."""
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [one.name for one in ALL]
    for row, one in zip(rows, ALL, strict=True):
        result = Result(simulation=one, studies=int(row["simulations"]), count=int(row["count"]), seconds=0.0)
        assert tuple(row.values()) == result.row
        assert result.holds, one.name
    assert f"checks {len(ALL)} such claims" in (TABLE.parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def test_a_broken_claim_is_told(tmp_path: Path) -> None:
    """A count beyond the limit says NO in the table and on the screen; the time isn't in the table."""
    false = Result(simulation=errs("x", "X.", "20", counted), studies=100, count=12, seconds=3.21)
    write([false, replace(false, count=11)], tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert tuple(head) == COLUMNS
    assert [(row[4], row[7], row[8]) for row in rows] == [("12", "<= 11", "NO"), ("11", "<= 11", "yes")]
    assert "NO" in line(false)
    assert "3.2 s" in line(false)
    assert "3.2" not in (tmp_path / "t.csv").read_text()
