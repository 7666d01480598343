"""Images that decide: sides, their order, what is said of two networks and of seeds, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import nas
from nas.engines import InlineEngine
from nas.errors import Missing, Refused
from nas.findings.images import NEARLY
from nas.findings.same_images import first_two, repeated
from nas.page.images import page
from tests.toys import spaces, tables
from tests.toys.runs import execute

Wrong = dict[int, list[int]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> nas.Run:
    """Six networks of two spaces, each trained twice."""
    folder = tmp_path_factory.mktemp("images") / "run"
    execute(spaces.REPEATED, folder)
    return nas.open(folder)


def test_counts_are_sums_over_trainings(run: nas.Run) -> None:
    """Of two spaces each image has the number of trainings that get it wrong, of each side and of the run."""
    found = nas.images(run, "tiny", "rich")
    sides = [[r.trial for r in run.records if r.space == space] for space in ("tiny", "rich")]
    assert [list(found.first.trials), list(found.second.trials)] == sides
    for counts, trials in zip(found.counts, [*sides, sides[0] + sides[1]], strict=True):
        assert counts.tolist() == sum(run.wrong_images[trial].astype(int) for trial in trials).tolist()
    assert found.trainings == 12
    assert found.pair is None


def test_the_clearest_come_first(run: nas.Run) -> None:
    """Images fall from the largest difference of shares to the smallest, ties by how few others get them wrong."""
    found = nas.images(run, "tiny", "rich")
    difference = (found.counts[0] - found.counts[1]) / 6
    order = [(-difference[place], found.counts[2][place], place) for place in found.first_wrong]
    assert order == sorted(order)
    assert len(found.first_wrong) == (difference > 0).sum()
    assert len(found.second_wrong) == (difference < 0).sum()
    assert set(found.hardest) == set(np.flatnonzero(found.counts[2] >= NEARLY * 12))


def test_the_best_two_networks_are_compared(run: nas.Run) -> None:
    """Without sides they are ranks 1 and 2, whose difference is that of their records, with all seeds beside it."""
    found = nas.images(run)
    first, second = run.best[:2]
    assert (found.first.trials, found.second.trials) == ((first.trial,), (second.trial,))
    assert found.pair is not None
    assert (found.pair.first, found.pair.second) == (first.error, second.error)
    assert (found.pair.only_first, found.pair.only_second) == (len(found.first_wrong), len(found.second_wrong))
    assert found.over_seeds is not None
    assert found.over_seeds.seeds == (2, 2)
    assert any("flatters the first" in note for note in found.notes)
    assert not any("flatters" in note for note in nas.images(run, first.trial, second.trial).notes)


def test_two_trainings_of_one_network_have_no_seeds_to_compare(run: nas.Run) -> None:
    """Trainings of the same network are compared as trainings, not over seeds."""
    twins = [r.trial for r in run.records if r.architecture == run.best[0].architecture]
    assert nas.images(run, twins[0], twins[1]).over_seeds is None


def test_parts_are_of_repeated_networks(run: nas.Run) -> None:
    """Six networks with two trainings each tell what seeds and images add; a run without repeats says nothing of it."""
    found = nas.images(run)
    assert found.parts is not None
    assert (found.parts.networks, found.parts.trainings, found.parts.n) == (6, 12, 359)
    errors = np.array([flags.mean(1) for flags in repeated(run).values()])
    assert found.parts.repeated.estimate == pytest.approx(np.sqrt(errors.var(axis=1, ddof=1).mean()))
    assert "seeds" in dict(found.head)


def test_an_audit_tells_seeds_from_images(tmp_path: Path) -> None:
    """Trainings of an audit as long as the run's count beside those of the run, and its head says what they add."""
    execute(spaces.STUDY, tmp_path)
    assert nas.images(tmp_path).parts is None
    audit = nas.audit(tmp_path, study=spaces.STUDY, engine=InlineEngine(), device="cpu", networks=4, seeds=2, longer=2)
    assert audit.parts is not None
    assert (audit.parts.networks, audit.parts.trainings) == (4, 12)
    assert "images and seeds" in dict(audit.head)
    assert nas.images(tmp_path).parts == audit.parts


def test_numbers_for_programs_and_notebooks(run: nas.Run) -> None:
    """The table has a row an image with its class; notebooks show the numbers; sentences are those of the head."""
    found = nas.images(run)
    table = found.table()
    assert list(table.columns) == ["image", "label", "first", "second", "wrong"]
    assert len(table) == 359
    assert set(table["label"]) == set("0123456789")
    assert found.sentences() == tuple(text for _, text in found.head)
    assert "wrong in nearly all" in found._repr_html_()
    assert max(len(images) for _, images in found.groups(3)) <= 3


@pytest.mark.parametrize(
    ("sides", "reason"),
    [
        (("tiny", None), "first and second go together"),
        ((None, 3), "first and second go together"),
        (("tiny", "tiny"), "first and second must differ, got tiny twice"),
        ((3, "3"), "first and second must differ, got 3 twice"),
        (("tiny", "none"), "'none' is neither a space of the run nor the number of a trial"),
        (("tiny", "²"), "'²' is neither a space"),
        ((0, 99), "trial 99 isn't finished or doesn't exist"),
        ((0, -1), "trial -1 isn't finished or doesn't exist"),
    ],
)
def test_sides_that_are_none_are_refused(run: nas.Run, sides: tuple[Any, Any], reason: str) -> None:
    """One side alone, the same twice, and what the run doesn't have are refused by name."""
    with pytest.raises(Refused, match=reason):
        nas.images(run, *sides)


def changed(run: nas.Run, **changes: Any) -> nas.Run:
    """A run with other records."""
    return replace(run, records=tuple(msgspec.structs.replace(r, **changes) for r in run.records))


def test_runs_without_wrong_images_are_refused(run: nas.Run, tmp_path: Path) -> None:
    """A run that predicts a number, one without a completed network, and one of an older version say why."""
    execute(replace(tables.STUDY, samples=1), tmp_path / "table")
    with pytest.raises(Refused, match="predicts a number, so that no image is right or wrong"):
        nas.images(tmp_path / "table")
    assert first_two(nas.open(tmp_path / "table")) == ""
    with pytest.raises(Refused, match="no network has been completed yet"):
        nas.images(changed(run, outcome=nas.Outcome.FAILED))
    old = replace(run)
    old.__dict__["wrong_images"] = {}
    with pytest.raises(Refused, match="an older version trained it"):
        nas.images(old)


def test_a_network_without_wrong_images_is_named(run: nas.Run) -> None:
    """Where some trainings lack them they aren't chosen, a note counts them, and naming one is refused."""
    some = replace(run)
    best = run.best[0].trial
    some.__dict__["wrong_images"] = {trial: wrong for trial, wrong in run.wrong_images.items() if trial != best}
    found = nas.images(some)
    assert found.first.trials == (run.best[1].trial,)
    assert any("1 completed trial of the run hold" in note for note in found.notes)
    with pytest.raises(Refused, match=f"trial {best} can't be compared: its wrong images weren't kept"):
        nas.images(some, best, 0 if best else 1)


def test_without_the_data_numbers_stay(run: nas.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the data isn't at hand, or is another one now, labels are empty, a note says so and the page is refused."""

    def gone(*_: object) -> None:
        raise Missing("digits are gone")

    for prepared, reason in ((gone, "digits are gone"), (other_data(run), "isn't the data set any more")):
        monkeypatch.setattr("nas.data.prepare_for", prepared)
        found = nas.images(run)
        assert (found.info, set(found.labels)) == (None, {""})
        assert reason in found.notes[-1]
        with pytest.raises(Refused, match=reason):
            page(found)


def other_data(run: nas.Run) -> Callable[..., Any]:
    """Another data set of the same name."""
    return lambda *_: msgspec.structs.replace(run.manifest.data, key="another")


def test_the_first_two_are_told_apart_or_not(run: nas.Run) -> None:
    """The sentence has the interval of the paired difference, over seeds where both networks have several trainings."""
    assert "on these images and seeds: " in first_two(run)
    assert "paired on 359 images, Student p" in first_two(run)
    once = replace(run, records=tuple(record for record in run.records if not record.origin.repeat))
    assert "paired on 359 images, McNemar p" in first_two(once)


def test_damaged_bits_are_said(run: nas.Run) -> None:
    """Networks whose wrong images aren't what was stored can't be compared, which costs nothing else."""
    once = replace(run, records=tuple(record for record in run.records if not record.origin.repeat))
    assert first_two(replace(once, records=once.records[:1])) == ""
    other = changed(once, curve=(msgspec.structs.replace(once.records[0].curve[-1], error=0.5),))
    assert "ranks 1 and 2 can't be compared" in first_two(other)
