"""Halved hunts: the same trials whatever trains them, trainings that end at their threshold, no map of what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import optuna
import pandas as pd
import pytest
import torch
from optuna.trial import TrialState

from nas.analysis import edfs, top
from nas.data import DataInfo, Dataset
from nas.engines import InlineEngine, LocalEngine
from nas.engines.job import run_job
from nas.engines.messages import Result
from nas.errors import Refused
from nas.findings.principles import principles
from nas.findings.settings import settings
from nas.layers.base import Cost
from nas.page.story import failures
from nas.sampling import Plan
from nas.sampling.plan import GENERATION
from nas.space import Integer
from nas.storage.layout import WEIGHTS
from nas.storage.results import Run, open_run
from nas.study import Grid, SuccessiveHalving, larger
from nas.study.record import Outcome, Record
from nas.study.table import TIMES, table
from nas.training.loop import train
from tests.sampling.test_optuna_samplers import INPUTS
from tests.toys.runs import execute, in_optuna
from tests.toys.spaces import HUNT, QUICK, toy_job

FOUR = msgspec.structs.replace(QUICK, epochs=4, train_size=100)
HALVED = replace(HUNT, samples=20, recipe=FOUR, halving=SuccessiveHalving(reduction_factor=3))
AGAINST_COST = replace(HALVED, name="both", sampler="nsga2", objectives=("error", "multiply_adds"))
RANDOM = replace(HALVED, name="baseline", sampler="random", rules=(larger("width"),))


def timeless(records: Sequence[Record]) -> pd.DataFrame:
    """The table and the errors after each epoch, without the columns that may differ between two runs."""
    curves = [str([(epoch.loss, epoch.error) for epoch in record.curve]) for record in records]
    return table(records).drop(columns=list(TIMES)).assign(curve=curves)


class Backwards(InlineEngine):
    """Takes four jobs at once and does the last one first."""

    @property
    def free(self) -> int:
        """Up to four."""
        return 4 - len(self._jobs)

    def wait(self, seconds: float) -> list[Result]:
        """The results of all jobs in hand, in reverse."""
        self._jobs.reverse()
        return super().wait(seconds)


@pytest.fixture(scope="module")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The halved hunt, run in this process without interruption."""
    folder = tmp_path_factory.mktemp("halved")
    execute(HALVED, folder)
    return open_run(folder)


@pytest.fixture(scope="module")
def against_cost(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The hunt for error against cost."""
    folder = tmp_path_factory.mktemp("both")
    execute(AGAINST_COST, folder)
    return open_run(folder)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Random points, halved."""
    folder = tmp_path_factory.mktemp("baseline")
    execute(RANDOM, folder)
    return open_run(folder)


@pytest.mark.slow
def test_a_halved_hunt_does_not_depend_on_workers_or_interruption(halved: Run, tmp_path: Path) -> None:
    """Trials, curves and who is pruned are the same with two workers, and where the run is begun in the midst again."""
    expected = timeless(halved.records)
    assert 4 < halved.outcomes[Outcome.PRUNED] < 12
    for samples in (3, 11):
        execute(replace(HALVED, samples=samples), tmp_path)
    pd.testing.assert_frame_equal(timeless(execute(HALVED, tmp_path, LocalEngine(2))), expected)


def test_two_objectives_do_not_depend_on_workers_or_interruption(against_cost: Run, tmp_path: Path) -> None:
    """The same holds for error against cost, with results that come in another order within a generation."""
    expected = timeless(against_cost.records)
    assert against_cost.outcomes[Outcome.PRUNED]
    execute(replace(AGAINST_COST, samples=13), tmp_path, Backwards())
    pd.testing.assert_frame_equal(timeless(execute(AGAINST_COST, tmp_path, Backwards())), expected)


@pytest.mark.parametrize("which", ["halved", "against_cost", "baseline"])
def test_who_is_pruned_follows_from_earlier_generations(which: str, request: pytest.FixtureRequest) -> None:
    """By the records alone: a training passes a rung only if its error isn't above the threshold of what was before."""
    run: Run = request.getfixturevalue(which)
    against = run.manifest.study.objectives == ("error", "multiply_adds")
    for record in run.records:
        before = run.records[: record.trial // GENERATION * GENERATION]
        ended = None
        for rung in (1, 3):
            arrived = [
                (r.curve[rung - 1].error, r.cost.multiply_adds * against) for r in before if len(r.curve) >= rung
            ]
            if len(arrived) >= 6 and not passes(record.curve[rung - 1].error, record.cost, arrived, against=against):
                ended = rung
                break
        assert len(record.curve) == (ended or 4)
        assert (record.outcome is Outcome.PRUNED) == (ended is not None)


def passes(error: float, cost: Cost, arrived: list[tuple[float, float]], *, against: bool) -> bool:
    """Whether fewer than a third of the others have a lower rank by domination."""
    points = [*arrived, (error, float(cost.multiply_adds * against))]
    ranks = dict.fromkeys(points, 0)
    for _ in points:
        for e, c in ranks:
            worse = [ranks[p] + 1 for p in ranks if p != (e, c) and p[0] <= e and p[1] <= c]
            ranks[e, c] = max(worse, default=0)
    return sum(ranks[point] < ranks[points[-1]] for point in points) < -(-len(arrived) // 3)


def test_a_pruned_trial_is_no_failure_and_no_result(halved: Run) -> None:
    """It keeps its curve and the words of its threshold, has no error, no weights and no place among the leaders."""
    pruned = [record for record in halved.records if record.outcome is Outcome.PRUNED]
    for record in pruned:
        assert record.error is record.train_error is None
        assert record.last_error == record.curve[-1].error
        assert record.message.startswith(f"error {record.last_error:.4f} after epoch {len(record.curve)}, above 0.")
        assert not record.weights
        assert record.images_per_second > 0
    assert not {record.trial for record in pruned} & {record.trial for record in halved.best}
    frame = halved.table()
    assert not set(top(frame, 24)["trial"]) & {record.trial for record in pruned}
    assert frame.loc[frame["outcome"] == "pruned", "error"].isna().all()
    assert failures(frame) == f"{len(pruned)} pruned, no failure"
    assert len(list((halved.folder / WEIGHTS).iterdir())) == min(10, halved.outcomes[Outcome.COMPLETED])


@pytest.mark.parametrize("which", ["halved", "against_cost"])
def test_optuna_reads_a_halved_run(which: str, request: pytest.FixtureRequest) -> None:
    """Pruned trials are Optuna's PRUNED with their last error, and two objectives are its two values."""
    run: Run = request.getfixturevalue(which)
    study = optuna.load_study(study_name=None, storage=in_optuna(run.folder))
    both = which == "against_cost"
    for trial, record in zip(study.trials, run.records, strict=True):
        assert trial.state is (TrialState.PRUNED if record.outcome is Outcome.PRUNED else TrialState.COMPLETE)
        assert trial.values == [record.last_error, record.cost.multiply_adds][: 1 + both]
    if both:
        assert {trial.number for trial in study.best_trials} == {record.trial for record in run.pareto_front}
    else:
        assert study.best_trial.number == run.best[0].trial


def test_what_is_halved_is_no_map(baseline: Run) -> None:
    """Random points whose trainings were halved enter no distribution and no verdict, not even those that completed."""
    frame = baseline.table()
    with pytest.raises(Refused, match="trials were pruned, by errors, so the rest is no random sample"):
        edfs(frame, guess=0.9)
    with pytest.raises(Refused, match="none of the 9 trials may enter a distribution: 9 from sampler 'random with"):
        edfs(frame[frame["outcome"] == "completed"].head(9), guess=0.9)
    with pytest.raises(Refused, match="uses successive halving"):
        principles(baseline)
    assert not any(record.origin.unbiased for record in baseline.records)
    assert settings(baseline)["sampler"] == "random, seed 0, halving by 3 from epoch 1"


def test_random_points_stay_those_of_the_map() -> None:
    """Halving decides how long random networks are trained, not which; a generation waits for the one before."""
    plan, map_ = (Plan(replace(RANDOM, halving=halving), INPUTS, 10) for halving in (RANDOM.halving, None))
    assert (plan.horizon, map_.horizon) == (GENERATION, 20)
    assert plan.thresholds(0) == map_.thresholds(0) == {}
    for trial in range(GENERATION):
        assert plan.propose(trial).point == map_.propose(trial).point
        plan.tell(trial, 0.5, [0.8, 0.7, 0.1 * trial, 0.5])
    assert plan.thresholds(GENERATION) == {1: 0.8, 3: pytest.approx(0.2)}
    with pytest.raises(ValueError, match="trial 3 is finished"):
        plan.thresholds(3)


def test_arms_are_judged_apart() -> None:
    """Each combination of a grid has its own thresholds, at the rungs of its own number of epochs."""
    study = replace(RANDOM, samples=16, rules=(), grid=Grid(values={"epochs": (2, 4)}))
    plan = Plan(study, INPUTS, 10)
    for trial in range(2 * GENERATION):
        plan.propose(trial)
        plan.tell(trial, 0.5, [0.2, 0.2] if trial % 2 == 0 else [0.6, 0.6, 0.4, 0.4])
    assert [plan.thresholds(2 * GENERATION + arm) for arm in (0, 1)] == [{1: 0.2}, {1: 0.6, 3: 0.4}]


def test_a_pruned_training_is_the_beginning_of_the_whole(digits: DataInfo, digits_data: Dataset) -> None:
    """Up to the threshold that it misses losses and errors are, bit for bit, those of the training without any."""
    job = toy_job(digits)
    device = torch.device("cpu")
    whole = train(job.layer, FOUR, digits_data, 3, device)
    short = train(job.layer, FOUR, digits_data, 3, device, thresholds={1: 1.0, 3: whole.curve[2].error - 1e-9})
    assert [(e.loss, e.error) for e in short.curve] == [(e.loss, e.error) for e in whole.curve[:3]]
    assert (short.pruned, short.diverged, short.train_error) == (True, False, None)
    same = train(job.layer, FOUR, digits_data, 3, device, thresholds={3: whole.curve[2].error, 4: 0.0})
    assert (same.pruned, len(same.curve)) == (False, 4)


def test_bars_reach_the_worker(digits: DataInfo) -> None:
    """A job as a worker reads it holds the thresholds to the last digit, and its training ends as PRUNED in words."""
    job = msgspec.structs.replace(toy_job(digits), recipe=FOUR, thresholds={1: 0.1 + 0.2, 3: 0.0})
    read = msgspec.json.decode(msgspec.json.encode(job), type=type(job))
    assert read.thresholds == job.thresholds
    result = run_job(msgspec.structs.replace(read, thresholds={3: 0.0}))
    assert (result.outcome, len(result.curve)) == (Outcome.PRUNED, 3)
    assert result.message == f"error {result.curve[-1].error:.4f} after epoch 3, above 0.0000"


REFUSALS = [
    ({"sampler": "quasirandom"}, "not supported with sampler 'quasirandom'"),
    ({"sampler": "random", "repeats": 3}, "not supported with repeats=3"),
    (
        {"recipe": QUICK, "halving": SuccessiveHalving(min_epochs=2)},
        "halving by 3 from epoch 2 judges nothing: the last epoch of a training is 2",
    ),
    ({"grid": Grid(values={"epochs": (1, 4)})}, "the last epoch of a training is 1"),
    ({"vary": {"epochs": Integer(low=4, high=8)}}, "where epochs vary they differ there, too"),
    ({"halving": 3}, "halving must be a SuccessiveHalving or None, got 3"),
    ({"objectives": ("multiply_adds",)}, r"objectives are \('error',\) or \('error', 'multiply_adds'\) or .*, got"),
    ({"objectives": ("error", "multiply_adds"), "sampler": "gp"}, "sampler 'gp' searches for the error alone"),
    (
        {"objectives": ("error", "multiply_adds"), "sampler": "random", "halving": None},
        "sampler 'random' has no objective, so two of them change nothing",
    ),
]


@pytest.mark.parametrize(("changes", "said"), REFUSALS, ids=[said[:30] for _, said in REFUSALS])
def test_studies_that_cannot_be_halved_or_hunted_so_are_refused(changes: dict[str, object], said: str) -> None:
    """Maps, trainings without a rung, epochs that vary and samplers without a second objective are refused."""
    with pytest.raises(Refused, match=said):
        replace(HALVED, **changes)
