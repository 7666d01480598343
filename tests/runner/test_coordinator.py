"""From a study to its records: the same trials whatever runs them, failures as outcomes, the ten best kept."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import nas
from nas.engines import InlineEngine, LocalEngine
from nas.engines.messages import Job, Result
from nas.errors import Refused
from nas.files import digest
from nas.models.weights import read_document
from nas.runner.agreement import versions
from nas.runner.progress import Snapshot
from nas.sampling import plan
from nas.space import Integer
from nas.storage import study_json
from nas.storage.database import read_records
from nas.storage.layout import WEIGHTS
from nas.storage.results import open_run
from nas.storage.store import opened
from nas.storage.study_json import versions_in_words
from nas.study import Limits, Study, larger
from nas.study.record import Outcome, Record
from nas.study.table import TIMES, table
from tests.toys.runs import execute
from tests.toys.spaces import FRAGILE, HUNT, QUICK, REPEATED, VARIED
from tests.toys.spaces import STUDY as TOY


def timeless(records: list[Record]) -> pd.DataFrame:
    """The table without the columns that may differ between two runs of one study."""
    return table(records).drop(columns=list(TIMES))


class Unlucky(InlineEngine):
    """Loses the worker of one trial, as often as it is told."""

    def __init__(self, trial: int, times: int) -> None:
        super().__init__()
        self._trial, self._times = trial, times

    def wait(self, seconds: float) -> list[Result]:
        """Answer the unlucky trial with CRASHED, the others with their training."""
        job: Job | None = self._jobs[0] if self._jobs else None
        if job is None or job.trial != self._trial or job.attempt > self._times:
            return super().wait(seconds)
        self._jobs = []
        return [Result(trial=job.trial, attempt=job.attempt, outcome=Outcome.CRASHED, message="killed")]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The table of the toy study, run in this process without interruption."""
    return timeless(execute(TOY, tmp_path_factory.mktemp("expected")))


@pytest.mark.long
def test_two_worker_processes_give_the_same_table(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Two workers, whose trainings end in any order, give the table of one process in every column but the times."""
    pd.testing.assert_frame_equal(timeless(execute(TOY, tmp_path, LocalEngine(2))), expected)


def test_more_samples_extend_a_run(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Half of a study, extended to the whole, equals the whole; a smaller number afterwards changes nothing."""
    half = execute(replace(TOY, samples=2), tmp_path)
    assert len(half) == 4
    whole = execute(TOY, tmp_path)
    assert whole[:4] == half
    pd.testing.assert_frame_equal(timeless(whole), expected)
    assert execute(replace(TOY, samples=1), tmp_path) == whole
    assert study_json.read(tmp_path).study.samples == 4


def test_rules_may_be_stated_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A run resumes under a study with other rules and keeps its trials; how many were finished is said and stored."""
    begun = execute(replace(TOY, samples=1), tmp_path)
    assert study_json.read(tmp_path).study.rules == ()
    ruled = replace(TOY, samples=2, rules=(larger("width"),))
    assert execute(ruled, tmp_path)[:2] == begun
    stored = study_json.read(tmp_path)
    assert (stored.study.rules, stored.rules_after) == (ruled.rules, 2)
    assert "other rules than before, stated after 2 finished trials" in caplog.text
    execute(ruled, tmp_path)
    assert study_json.read(tmp_path).rules_after == 2
    execute(replace(ruled, rules=(larger("width"), larger("pooled"))), tmp_path)
    assert study_json.read(tmp_path).rules_after == 4


def test_a_run_that_goes_on_with_other_versions_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Libraries that changed between two commands are logged and stored, once, with the trials before them."""
    execute(replace(TOY, samples=1), tmp_path)
    assert study_json.read(tmp_path).versions_since == {}
    newer = versions() | {"torch": "99.0"}
    monkeypatch.setattr("nas.runner.agreement.versions", lambda: newer)
    execute(replace(TOY, samples=1), tmp_path)  # over already: nothing is computed with them
    assert study_json.read(tmp_path).versions_since == {}
    execute(replace(TOY, samples=2), tmp_path)
    execute(replace(TOY, samples=3), tmp_path)
    stored = study_json.read(tmp_path)
    assert stored.versions_since == {2: newer}
    back = msgspec.structs.replace(stored, versions_since={2: newer, 3: newer, 4: stored.versions})
    assert versions_in_words(back).endswith(f"; after 2 trials torch 99.0; after 4 trials torch {versions()['torch']}")
    assert versions_in_words(stored).endswith("; after 2 trials torch 99.0")
    assert sum("torch 99.0, until now" in message for message in caplog.messages) == 1


def test_a_hunt_whose_sampler_has_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler that proposes other networks than it did would learn from errors that aren't theirs."""
    begun = execute(replace(HUNT, samples=10), tmp_path)
    seeds = plan.training_seed
    monkeypatch.setattr(plan, "training_seed", lambda seed, index: seeds(seed + 1, index))
    with pytest.raises(Refused, match="another network for trial 0 than when it was trained"):
        execute(HUNT, tmp_path)
    assert execute(replace(HUNT, samples=10), tmp_path) == begun  # nothing is left to train, so nothing is asked
    monkeypatch.undo()
    assert execute(HUNT, tmp_path)[:10] == begun


@pytest.mark.slow
def test_a_hunt_does_not_depend_on_workers_or_interruption(tmp_path: Path) -> None:
    """An adaptive sampler's trials are the same with one process, with two workers, and begun in the midst again."""
    one = timeless(execute(HUNT, tmp_path / "one"))
    pd.testing.assert_frame_equal(timeless(execute(HUNT, tmp_path / "two", LocalEngine(2))), one)
    execute(replace(HUNT, samples=11), tmp_path / "again")
    pd.testing.assert_frame_equal(timeless(execute(HUNT, tmp_path / "again")), one)
    assert set(one["sampler"]) == {"tpe"}


def test_a_crash_is_tried_again_with_the_same_seed(tmp_path: Path, expected: pd.DataFrame) -> None:
    """A trial whose worker dies twice is completed at the third attempt, with the numbers of an undisturbed run."""
    records = execute(TOY, tmp_path, Unlucky(trial=3, times=2))
    assert [record.attempts for record in records] == [1, 1, 1, 3, 1, 1, 1, 1]
    pd.testing.assert_frame_equal(timeless(records), expected)


def test_three_crashes_are_an_outcome(tmp_path: Path, expected: pd.DataFrame) -> None:
    """A trial whose worker dies three times ends as CRASHED with what was said, and all others go on as ever."""
    records = execute(TOY, tmp_path, Unlucky(trial=3, times=3))
    assert (records[3].outcome, records[3].attempts, records[3].message) == (Outcome.CRASHED, 3, "killed")
    pd.testing.assert_frame_equal(timeless(records).drop(3), expected.drop(3), check_dtype=False)


def test_failures_are_trained_again_on_request(tmp_path: Path, expected: pd.DataFrame) -> None:
    """`retry` begins crashed trials again, and the table is that of a run without a crash; unasked they stay."""
    folder = tmp_path / "run"
    nas.run(TOY, out=folder, engine=Unlucky(trial=3, times=3))
    assert nas.run(TOY, out=folder, engine=InlineEngine()).record(3).outcome is Outcome.CRASHED
    assert nas.run(TOY, out=folder, engine=InlineEngine(), retry=("timed_out",)).record(3).outcome is Outcome.CRASHED
    mended = nas.run(TOY, out=folder, engine=InlineEngine(), retry=("crashed", "timed_out"))
    pd.testing.assert_frame_equal(timeless(mended.records), expected, check_dtype=False)
    assert "trial 3 is tried again: it was crashed" in (folder / "run.log").read_text()


@pytest.mark.slow
def test_a_trial_that_is_tried_again_may_be_interrupted(tmp_path: Path) -> None:
    """Between its failure and its second training a trial is missing from the database, and no file calls it lost."""
    folder = tmp_path / "run"
    nas.run(TOY, out=folder, engine=Unlucky(trial=3, times=3))
    with opened(folder, study_json.read(folder), {Outcome.CRASHED}) as store:
        assert 3 not in store.over
    assert nas.open(folder).lost == ""
    assert nas.run(TOY, out=folder, engine=InlineEngine()).record(3).outcome is Outcome.COMPLETED


@pytest.mark.parametrize(
    ("study", "retry", "said"),
    [
        (TOY, "completed", "'completed' is no failure that is tried again"),
        (TOY, "crash", "'crash' is no failure"),
        (replace(TOY, sampler="tpe", rules=()), "crashed", "what was chosen later depends on these failures"),
    ],
)
def test_what_can_not_be_tried_again_is_refused(tmp_path: Path, study: Study, retry: str, said: str) -> None:
    """Outcomes that are no failures, and failures that a search has learned from, are refused at once."""
    with pytest.raises(Refused, match=said):
        nas.run(study, out=tmp_path / "run", engine=InlineEngine(), retry=(retry,))
    assert not (tmp_path / "run" / "study.db").exists()


def test_a_study_without_a_success_comes_to_its_end(tmp_path: Path) -> None:
    """Where every training raises, each trial is a record with its reason, no weights are kept, nothing is repeated."""
    study = Study(
        name="hopeless",
        question="?",
        spaces=(FRAGILE,),
        samples=3,
        recipe=msgspec.structs.replace(QUICK, batch_size=1),
    )
    records = execute(study, tmp_path)
    assert [record.outcome for record in records] == [Outcome.FAILED] * 3
    assert all("Expected more than 1 value per channel" in record.message for record in records)
    assert not list((tmp_path / WEIGHTS).iterdir())
    assert execute(study, tmp_path) == records


@pytest.mark.slow
def test_the_ten_best_of_each_space_are_kept(tmp_path: Path) -> None:
    """The networks of a space that a run ranks first, ten at most, have their weights, whole and described."""
    wide = {"width": Integer(low=2, high=300)}  # none is drawn twice
    spaces = tuple(replace(space, dimensions={**space.dimensions, **wide}) for space in TOY.spaces)
    execute(replace(TOY, spaces=spaces, samples=12), tmp_path)
    run = open_run(tmp_path)
    assert len(run.best) == len(run.records)
    best = defaultdict(list)
    for record in run.best:
        best[record.space].append(record)
    kept = [training for ranked in best.values() for record in ranked[:10] for training in run.trainings(record)]
    found = {path.name for path in (tmp_path / WEIGHTS).iterdir()}
    assert found == {f"{record.architecture}-{record.trial}.safetensors" for record in kept}
    for record in kept:
        path = tmp_path / WEIGHTS / record.weights
        assert digest(path) == record.weights_sha256
        document = read_document(path)
        assert (document.architecture, document.error, document.seed) == (
            record.architecture,
            record.error,
            record.seed,
        )


class Late(InlineEngine):
    """Trains and keeps the weights, but answers that it was too late."""

    def wait(self, seconds: float) -> list[Result]:
        """The answers of overdue workers."""
        return [msgspec.structs.replace(r, outcome=Outcome.TIMED_OUT, curve=()) for r in super().wait(seconds)]


def test_weights_of_failures_do_not_stay(tmp_path: Path) -> None:
    """A worker that was ended after it had written its weights leaves none in the run."""
    records = execute(replace(TOY, samples=1), tmp_path, Late())
    assert [record.outcome for record in records] == [Outcome.TIMED_OUT] * 2
    assert not list((tmp_path / WEIGHTS).iterdir())


def test_strays_are_removed_and_strangers_stay(tmp_path: Path) -> None:
    """Halves of this run's weights, left by killed processes, vanish; what somebody else put there stays."""
    execute(replace(TOY, samples=1), tmp_path)
    kept = {path.name for path in (tmp_path / WEIGHTS).iterdir()}
    others = {
        "0123456789abcdef-7.safetensors",
        "0123456789abcdef-0.safetensors",
        ".x.safetensors.12.partial",
        "notes.txt",
    }
    for name in (*others, *(f".{name}.12.partial" for name in kept)):
        (tmp_path / WEIGHTS / name).touch()
    (tmp_path / WEIGHTS / "folder").mkdir()
    execute(replace(TOY, samples=1), tmp_path)
    assert {path.name for path in (tmp_path / WEIGHTS).iterdir()} == kept | others | {"folder"}


def test_every_network_is_trained_as_often_as_asked(tmp_path: Path) -> None:
    """With two repeats each network is trained twice with different seeds, and the second is no unbiased sample."""
    records = execute(REPEATED, tmp_path)
    assert [record.origin.repeat for record in records] == [0, 0, 1, 1] * 3
    for trial in (0, 1, 4, 5, 8, 9):
        first, second = records[trial], records[trial + 2]
        assert (first.space, first.point, first.architecture) == (second.space, second.point, second.architecture)
        assert first.seed != second.seed
        assert [epoch.loss for epoch in first.curve] != [epoch.loss for epoch in second.curve]
        assert first.origin.unbiased
        assert not second.origin.unbiased


def test_varied_fields_decide_the_training(tmp_path: Path) -> None:
    """A sampled learning rate is a column of the table, is used in the training, and is drawn anew for each trial."""
    records = execute(VARIED, tmp_path)
    rates = table(records)["learning_rate"]
    assert rates.between(1e-3, 1.0).all()
    assert rates.nunique() == 8
    for record in records:
        used = read_document(tmp_path / WEIGHTS / record.weights).recipe
        assert used == msgspec.structs.replace(QUICK, learning_rate=record.point["learning_rate"])


def test_limits_hold_for_every_trial(tmp_path: Path) -> None:
    """No network outside the window is trained."""
    records = execute(replace(TOY, limits=Limits(parameters=(2_000, 5_000))), tmp_path / "run")
    assert all(2_000 <= record.cost.parameters <= 5_000 for record in records)


def test_observers_hear_of_every_record(tmp_path: Path) -> None:
    """Each record is told once, after it was stored, with counts that include it; a finished run tells its state."""
    heard: list[tuple[Snapshot, Record]] = []

    def observe(snapshot: Snapshot, record: Record | None) -> None:
        if record is not None:
            assert record in read_records(tmp_path)
            heard.append((snapshot, record))

    execute(TOY, tmp_path, observer=observe)
    assert [record.trial for _, record in heard] == list(range(8))
    assert [snapshot.done for snapshot, _ in heard] == list(range(1, 9))
    states: list[Snapshot] = []
    execute(TOY, tmp_path, observer=lambda snapshot, record: states.append(snapshot))
    assert [state.done for state in states] == [8]
