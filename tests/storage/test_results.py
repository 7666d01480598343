"""A run as its user holds it: the best networks, the Pareto front, what a notebook and what a program gets."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.engines import InlineEngine
from nas.errors import Refused
from nas.findings.settings import settings
from nas.layers.base import Cost
from nas.space import Point
from nas.storage.results import Run, csv
from nas.study import Limits, SuccessiveHalving
from nas.study.record import Outcome, Record
from nas.study.stored import stored
from tests.toys.spaces import STUDY as TOY
from tests.toys.spaces import TINY, VARIED, Tiny, decode_tiny


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run of two networks in each of two spaces."""
    folder = tmp_path_factory.mktemp("results") / "run"
    return nas.run(replace(VARIED, samples=2), out=str(folder), engine=InlineEngine())


def made(run: Run, *records: Record) -> Run:
    """The run with other records."""
    return replace(run, records=records)


def like(record: Record, trial: int, error: float, multiply_adds: int, architecture: str) -> Record:
    """The record with another number, error, cost and network."""
    curve = (msgspec.structs.replace(record.curve[-1], error=error),)
    cost = Cost(multiply_adds=multiply_adds)
    return msgspec.structs.replace(record, trial=trial, curve=curve, cost=cost, architecture=architecture)


def test_a_run_is_found_again(run: Run) -> None:
    """`nas.open` gives what `nas.run` gave; table and page lie beside the records, and the table is the run's."""
    again = nas.open(run.folder)
    assert again.records == run.records
    assert again.manifest == run.manifest
    assert again.total == 4
    assert again.outcomes == {Outcome.COMPLETED: 4}
    assert (run.folder / "records.csv").read_text() == csv(run)
    assert (run.folder / "report.html").stat().st_size > 1_000_000
    read = pd.read_csv(run.folder / "records.csv")
    assert list(read["error"]) == list(run.table()["error"])


def test_the_best_are_the_completed_networks_best_first(run: Run) -> None:
    """Each network stands once, at the mean of its trainings; failures don't lead; ranks are counted from 1."""
    first = run.records[0]
    failed = msgspec.structs.replace(first, trial=9, outcome=Outcome.DIVERGED, architecture="x")
    several = made(run, like(first, 0, 0.4, 5, "a"), like(first, 1, 0.2, 5, "b"), like(first, 2, 0.1, 5, "a"), failed)
    assert [record.trial for record in several.best] == [1, 2]
    assert several.ranked(2).trial == 2
    assert [several.mean_error(record) for record in several.best] == [0.2, 0.25]
    assert [record.trial for record in several.trainings(several.ranked(2))] == [0, 2]
    for wrong in (0, 3, -1):
        with pytest.raises(Refused, match=rf"rank must be between 1 and 2 \(completed networks\), got {wrong}"):
            several.ranked(wrong)


@pytest.mark.parametrize("worst", [0.3, 0.95])
def test_a_failed_training_counts_as_no_better_than_guessing(run: Run, worst: float) -> None:
    """In the mean of a network's trainings a failure is the larger of guessing (about 0.9) and its worst error."""
    done = [like(run.records[0], trial, error, 5, "a") for trial, error in enumerate((0.1, worst))]
    lost = msgspec.structs.replace(done[0], trial=2, outcome=Outcome.DIVERGED)
    guess = run.manifest.data.guess
    assert 0.85 < guess < 0.95
    assert made(run, *done, lost).mean_error(done[0]) == pytest.approx((0.1 + worst + max(guess, worst)) / 3)


def test_the_front_holds_what_nobody_beats_in_both(run: Run) -> None:
    """The front is what a comparison of all pairs leaves: nobody has less of both error and multiply-adds."""
    first = run.records[0]
    costs = [(0.5, 1), (0.4, 2), (0.6, 2), (0.4, 3), (0.1, 9), (0.2, 8), (0.3, 8)]
    several = made(run, *(like(first, i, e, m, str(i)) for i, (e, m) in enumerate(costs)))
    beaten = [i for i, a in enumerate(costs) if any(b != a and b[0] <= a[0] and b[1] <= a[1] for b in costs)]
    assert sorted(record.trial for record in several.pareto_front) == [i for i in range(7) if i not in beaten]
    assert [record.cost.multiply_adds for record in several.pareto_front] == [1, 2, 8, 9]


def test_a_trial_that_is_not_there_is_refused(run: Run) -> None:
    """Asking for a trial that isn't over names how many are."""
    assert run.record(3).trial == 3
    with pytest.raises(Refused, match="trial 4 isn't finished or doesn't exist; 4 of 4 trials are finished"):
        run.record(4)


def test_layers_come_from_the_weights(run: Run) -> None:
    """The layer tree of a trial whose weights are kept is that of its point; without the file it is None."""
    record = run.records[1]
    drawn = TOY.spaces[1].architecture(record.point).network((1, 16, 16), 10)
    assert run.layer(record) == drawn
    assert run.layer(msgspec.structs.replace(record, trial=77)) is None
    assert run.layer(msgspec.structs.replace(record, weights="")) is None


def test_a_notebook_shows_text_not_markup(run: Run) -> None:
    """Names of studies and spaces appear in a notebook as text, whatever signs they hold."""
    evil = "<script>alert(1)</script>"
    records = tuple(msgspec.structs.replace(record, space=evil) for record in run.records)
    manifest = msgspec.structs.replace(run.manifest, study=msgspec.structs.replace(run.manifest.study, name=evil))
    shown = Run(folder=run.folder, manifest=manifest, records=records)._repr_html_()
    assert evil not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 1 + len(run.best)
    assert "4 of 4 trials (4 completed)" in shown


def test_a_run_without_a_result_can_be_shown(run: Run) -> None:
    """Before the first trial is over a run has no best network, an empty table, and still something to show."""
    empty = made(run)
    assert empty.best == ()
    assert empty.pareto_front == ()
    assert "0 of 4 trials" in empty._repr_html_()
    assert len(empty.table()) == 0


def test_sampled_columns_are_named_once(run: Run) -> None:
    """The dimensions of a run are those of all spaces and of the recipe, each once."""
    assert run.manifest.study.sampled == ("width", "function", "learning_rate")


def test_settings_name_what_was_asked(run: Run) -> None:
    """The page's settings name data with counts, samples, limits, sampler and seed, devices and versions."""
    said = settings(run)
    info = run.manifest.data
    assert said["data"] == f"digits, {info.train:,} training and {info.validation:,} validation images"
    assert said["samples"] == "2 networks of each space, 1 training each"
    assert (said["limits"], said["sampler"], said["spaces"]) == ("none", "random, seed 0", "tiny, rich")
    assert "torch" in said["versions"]
    assert "batch_size 50" in said["recipe"]


def test_stored_settings_replace_those_of_the_code() -> None:
    """A run asked for with another seed, length and size is trained again as it was asked for, not as coded."""
    recipe = msgspec.structs.replace(VARIED.recipe, epochs=7)
    limits, halving = Limits(parameters=(0, 40_000)), SuccessiveHalving(reduction_factor=3)
    asked = replace(VARIED, seed=5, samples=9, recipe=recipe, sampler="tpe", limits=limits, halving=halving)
    assert stored(asked).settings_for(VARIED) == asked


def test_messages_go_to_the_runs_log(tmp_path: Path) -> None:
    """While a run is open our messages are written to its log, and no handler stays behind."""
    before = list(logging.getLogger("nas").handlers)
    study = replace(VARIED, samples=1)

    def observe(snapshot: object, record: Record | None) -> None:
        if record is not None:
            logging.getLogger("nas.test").warning("trial %d is over", record.trial)

    nas.run(study, out=tmp_path / "run", engine=InlineEngine(), observer=observe)
    logged = (tmp_path / "run" / "run.log").read_text()
    assert "WARNING trial 0 is over" in logged
    assert "WARNING trial 1 is over" in logged
    assert logging.getLogger("nas").handlers == before


def warn_and_decode(point: Point) -> Tiny:
    """A network, and a message for the log."""
    logging.getLogger("nas.test").warning("decoding")
    return decode_tiny(point)


def test_a_refused_folder_gets_no_log(tmp_path: Path) -> None:
    """Nothing is written into a folder that isn't a run's, not even what is said before it is looked at."""
    (tmp_path / "thesis.tex").touch()
    study = replace(VARIED, samples=1, spaces=(replace(TINY, decode=warn_and_decode),))
    with pytest.raises(Refused, match=r"it holds thesis\.tex"):
        nas.run(study, out=tmp_path, engine=InlineEngine())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_that_lost_its_study_is_told_the_way_out(run: Run, tmp_path: Path) -> None:
    """Where only the database is left a new run in the same folder would be refused, so none is proposed there."""
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    (folder / "study.json").unlink()
    with pytest.raises(Refused, match=r"has no study\.json with a study\.db") as refused:
        nas.open(folder)
    assert refused.value.hint.startswith("put study.json back")
