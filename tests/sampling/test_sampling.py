"""Random points within hard limits: reproducible, unbiased, honest about what the limits do."""

from __future__ import annotations

import gc
import json
import math
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import optuna
import pytest
import torch
from scipy import stats

from nas.layers import cost, identity
from nas.sampling import Filter, Network, Plan, Proposal, draw, measure, training_seed
from nas.sampling.filter import stated
from nas.space import Choice, Dimension, Real, Space
from nas.space.distribution import Distribution
from nas.study import Limits, Recipe, Study
from spaces import ALL, anynet, regnet
from tests.toys.spaces import RICH, TINY

INPUTS = (1, 28, 28)
WINDOW = Limits(multiply_adds=(3_000_000, 6_000_000))
LADDER = Study(
    name="ladder",
    question="?",
    spaces=(anynet.X3[0], anynet.X3[4], regnet.X3),
    samples=4,
    recipe=Recipe(),
    limits=WINDOW,
    seed=7,
)
LIKELY = 1e-3
COUNT = 200
BY_NAME = {space.name: space for space in ALL}


def filtered(space: Space, limits: Limits = WINDOW) -> Filter:
    """At 28x28."""
    return Filter(space=space, limits=limits, inputs=INPUTS, classes=10)


@cache
def sample(name: str) -> list[Proposal]:
    """Random networks of a space inside the window."""
    which = filtered(BY_NAME[name])
    distribution = Distribution(which.space)
    return [draw(which, distribution, 0, number) for number in range(COUNT)]


def written(plan: Plan, trials: list[int]) -> dict[str, list[object]]:
    """Point and identity of some trials, asked in this order."""
    found = {}
    for trial in trials:
        proposal = plan.propose(trial)
        found[str(trial)] = [dict(proposal.point), identity(proposal.network.layer), proposal.draws]
    return found


def test_facts_are_what_a_record_can_hold() -> None:
    """Numbers of NumPy are stored as Python's own; what couldn't be read again is refused where it is stated."""
    known = stated({"depth": np.int64(3), "ratio": np.float32(0.5), "tied": np.True_, "stem": "conv"})
    assert known == {"depth": 3, "ratio": 0.5, "tied": True, "stem": "conv"}
    assert [type(value) for value in known.values()] == [int, float, bool, str]
    for value in (None, math.nan, math.inf, (1, 2), b"x"):
        with pytest.raises(ValueError, match="an attribute is a name with a finite number"):
            stated({"ratio": value})


@pytest.mark.slow
def test_trial_number_decides() -> None:
    """Asked forwards, backwards or in another process, a trial has the same network."""
    trials = list(range(LADDER.total))
    forwards = written(Plan(LADDER, INPUTS, 10), trials)
    assert written(Plan(LADDER, INPUTS, 10), trials[::-1]) == forwards
    code = (
        "import json; from tests.sampling.test_sampling import *;"
        f"print(json.dumps(written(Plan(LADDER, INPUTS, 10), {trials[::3]})))"
    )
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert json.loads(fresh) == {str(t): forwards[str(t)] for t in trials[::3]}
    others = written(Plan(replace(LADDER, seed=8), INPUTS, 10), trials)
    assert not {str(v) for v in others.values()} & {str(v) for v in forwards.values()}
    assert len({str(v) for v in forwards.values()}) == len(trials)


def test_trials_take_turns() -> None:
    """Trial t belongs to space t mod S, and more samples leave the earlier trials as they were."""
    plan, longer = (Plan(replace(LADDER, samples=n), INPUTS, 10) for n in (2, 4))
    assert plan.horizon == 6
    for trial in range(plan.horizon):
        proposal = plan.propose(trial)
        assert list(proposal.point) == list(LADDER.spaces[trial % 3].dimensions)
        assert longer.propose(trial).point == proposal.point
    with pytest.raises(ValueError, match="trial 6"):
        plan.propose(6)


def test_repetitions_share_a_network_and_nothing_else() -> None:
    """Repeated trainings have one network but seeds of their own."""
    study = replace(LADDER, samples=2, repeats=3)
    plan = Plan(study, INPUTS, 10)
    for trial in range(study.total):
        leader = study.first_of(trial)
        assert plan.propose(trial).point == plan.propose(leader).point
        assert study.space_of(trial) == study.space_of(leader)
    seeds = {training_seed(0, trial) for trial in range(1000)} | {training_seed(1, trial) for trial in range(1000)}
    assert len(seeds) == 2000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_random_state_is_the_callers() -> None:
    """Drawing and measuring touch no global random state and leave garbage collection as it was."""
    states: Callable[[], list[object]] = lambda: [  # noqa: E731
        str(np.random.get_state()),
        torch.get_rng_state().tolist(),
        random.getstate(),
        gc.isenabled(),
        optuna.logging.get_verbosity(),
    ]
    before = states()
    plan = Plan(replace(LADDER, spaces=(TINY, anynet.X3[4]), limits=Limits(parameters=(0, 10**6))), INPUTS, 10)
    plan.propose(1)
    plan.windows()
    plan.fingerprint()
    assert states() == before


@pytest.mark.parametrize("name", ["AnyNetX_A_3", "AnyNetX_D_3", "RegNetX_3"])
def test_nothing_outside_is_proposed(name: str) -> None:
    """Every random network lies inside the limits and obeys its space, and its cost is that of its layers."""
    space = BY_NAME[name]
    for proposal in sample(name):
        network = proposal.network
        assert space.allows(proposal.point)
        assert WINDOW.violations(cost(network.layer, INPUTS)) == ()
        assert network.layer == space.architecture(proposal.point).network(INPUTS, 10)
        assert network.cost == cost(network.layer, INPUTS)


def by_hand(space: Space, source: random.Random) -> dict[str, int | float | str]:
    """A point of a space without conditions, by Python's random numbers and the words of METHOD alone."""
    point: dict[str, int | float | str] = {}
    for name, dimension in space.dimensions.items():
        if isinstance(dimension, Choice):
            point[name] = source.choice(dimension.options)
        elif isinstance(dimension, Real):
            low, high = dimension.low, dimension.high
            u = source.random()
            point[name] = low * (high / low) ** u if dimension.log else low + (high - low) * u
        elif dimension.log:
            unit = dimension.unit
            ends = math.log(dimension.low / unit - 0.5), math.log(dimension.high / unit + 0.5)
            point[name] = unit * round(math.exp(source.uniform(*ends)))
        else:
            point[name] = source.choice(dimension.values)
    return point


@pytest.mark.parametrize("name", ["AnyNetX_A_3", "AnyNetX_D_3", "RegNetX_3"])
def test_accepted_points_follow_the_law(name: str) -> None:
    """Costs inside the window are distributed as if points were drawn freely and those outside thrown away."""
    which = filtered(BY_NAME[name])
    source = random.Random(3)  # noqa: S311
    brute: list[Network] = []
    while len(brute) < COUNT:
        verdict = which.judge(by_hand(which.space, source))
        brute += [verdict] if isinstance(verdict, Network) else []
    ours = [proposal.network for proposal in sample(name)]
    columns: list[Callable[[Network], float]] = [
        lambda network: network.cost.multiply_adds,
        lambda network: network.cost.parameters,
        lambda network: network.cost.activations,
        lambda network: float(network.architecture.facts()["blocks"]),
    ]
    for column in columns:
        assert stats.ks_2samp([column(n) for n in ours], [column(n) for n in brute]).pvalue > LIKELY


def test_draws_agree_with_the_acceptance() -> None:
    """The draws that trials took and the acceptance that was measured speak of one probability."""
    window = measure(filtered(BY_NAME["AnyNetX_A_3"]), 0, 0)
    assert window.accepted == 200
    assert window.draws == window.accepted + sum(window.refused.values())
    assert window.acceptance == 200 / window.draws
    refused = [sum(p.draws - 1 for p in sample("AnyNetX_A_3")), window.draws - 200]
    assert stats.chi2_contingency([[COUNT, 200], refused]).pvalue > LIKELY


def test_recipe_fields_are_sampled_with_the_network() -> None:
    """Varied fields are part of the point and reach the recipe; a varied resolution is what limits are counted at."""
    vary: dict[str, Dimension] = {
        "learning_rate": Real(low=0.01, high=1, log=True),
        "resolution": Choice(options=(14, 28)),
    }
    limits = Limits(multiply_adds=(20_000, 40_000))
    study = Study(name="s", question="?", spaces=(TINY, RICH), samples=40, recipe=Recipe(), vary=vary, limits=limits)
    plan = Plan(study, INPUTS, 10)
    rates, resolutions = [], set()
    for trial in range(study.total):
        point, network = plan.propose(trial).point, plan.propose(trial).network
        recipe = study.varied({name: point[name] for name in vary})
        assert network.inputs == (1, recipe.resolution, recipe.resolution)
        assert limits.violations(cost(network.layer, network.inputs)) == ()
        rates.append(math.log(recipe.learning_rate))
        resolutions.add(recipe.resolution)
    assert resolutions == {14, 28}
    assert stats.kstest(rates, stats.uniform(math.log(0.01), math.log(100)).cdf).pvalue > LIKELY
