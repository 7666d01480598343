"""Adaptive samplers behind the gate: hard limits, results in the order of trials, memories that are true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import optuna
import pytest
import torch
from scipy.stats import qmc

from nas.errors import EmptyWindow
from nas.layers import Flatten, Layer, Linear, Sequence, Shape, identity
from nas.sampling import Plan, Proposal
from nas.sampling.optuna_samplers import PROPOSALS
from nas.sampling.plan import GENERATION
from nas.space import Choice, Dimension, Integer, Point, Real, Space, Value
from nas.space.distribution import Distribution
from nas.study import Limits, Recipe, Study
from nas.study.study import SAMPLERS, SamplerName
from spaces import anynet, regnet

INPUTS = (1, 28, 28)
WINDOW = Limits(multiply_adds=(3_000_000, 6_000_000))
HUNTING: tuple[SamplerName, ...] = ("tpe", "gp", "nsga2", "cmaes")
QUICK: tuple[SamplerName, ...] = ("tpe", "nsga2", "cmaes")
"""Those that propose within milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A linear network that remembers its point."""

    point: Point

    def network(self, inputs: Shape, classes: int) -> Layer:
        """As wide as the point says."""
        return Sequence(layers=(Flatten(), Linear(width=int(self.point.get("width", 1))), Linear(width=classes)))

    def facts(self) -> Mapping[str, Value]:
        """None."""
        return {}


def plain(point: Point) -> Plain:
    """Decodes any point."""
    return Plain(point=point)


def toy(**dimensions: Dimension) -> Space:
    """A space of plain networks."""
    return Space(name="toy", dimensions=dimensions, decode=plain)


def study(sampler: SamplerName, *spaces: Space, samples: int = 24, limits: Limits = WINDOW) -> Study:
    """A hunt."""
    recipe = Recipe()
    return Study(
        name="hunt", question="?", spaces=spaces, samples=samples, recipe=recipe, limits=limits, sampler=sampler
    )


def shallow(proposal: Proposal) -> float:
    """A made-up error that falls with depth and with multiply-adds."""
    blocks = int(proposal.network.architecture.facts()["blocks"])
    return 0.1 + 0.4 * math.exp(-blocks / 10) + 0.4 * math.exp(-proposal.network.cost.multiply_adds / 4e6)


def hunted(which: Study, order: Random | None = None) -> list[Proposal]:
    """All trials of a hunt, each generation's results told in the order of trials or shuffled."""
    plan = Plan(which, INPUTS, 10)
    found: list[Proposal] = []
    while len(found) < which.total:
        generation = list(range(len(found), plan.horizon))
        found += [plan.propose(trial) for trial in generation]
        if order:
            order.shuffle(generation)
        for trial in generation:
            plan.tell(trial, None if trial % 7 == 3 else shallow(found[trial]))
    return found


def same(some: list[Proposal], others: list[Proposal]) -> bool:
    """Whether two hunts trained the same networks at the same points."""
    pairs = list(zip(some, others, strict=True))
    return all(a.point == b.point and identity(a.network.layer) == identity(b.network.layer) for a, b in pairs)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_sampler_leaves_the_window(sampler: SamplerName) -> None:
    """Whatever proposes, every network of both spaces lies inside all limits, and says how it was found."""
    which = study(sampler, anynet.X3[4], regnet.X3, samples=24 if sampler != "gp" else 17)
    for trial, proposal in enumerate(hunted(which)):
        assert WINDOW.violations(proposal.network.cost) == ()
        assert which.space_of(trial).allows(proposal.point)
        assert proposal.draws >= 1
        if sampler in ("random", "quasirandom"):
            assert not proposal.fallback
        elif not proposal.fallback:
            assert proposal.draws <= PROPOSALS[sampler]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_space_of_one_point_is_drawn_again_and_again(sampler: SamplerName) -> None:
    """Nothing is left to choose there, whatever the dimensions are."""
    one = toy(kind=Choice(options=("plain",)), width=Choice(options=(3,)))
    for space in (one, toy(kind=Choice(options=("plain",)), width=Integer(low=3, high=3))):
        plan = Plan(study(sampler, space, samples=12, limits=Limits()), INPUTS, 10)
        for trial in range(12):
            assert plan.propose(trial).point == {"kind": "plain", "width": 3}
            plan.tell(trial, 0.5)


@pytest.mark.parametrize("sampler", QUICK)
def test_order_within_a_generation_is_no_matter(sampler: SamplerName) -> None:
    """However the results of a generation arrive, and when it is replayed, the proposals are the same."""
    which = study(sampler, anynet.X3[0], anynet.X3[4], samples=24)
    first = hunted(which)
    assert same(first, hunted(which, Random(1)))  # noqa: S311
    assert not same(first, hunted(replace(which, seed=1)))


def test_gaussian_processes_replay() -> None:
    """The same holds for `gp`, on however many threads the process works."""
    which = study("gp", toy(a=Real(low=0, high=1), b=Real(low=0, high=1)), samples=18, limits=Limits())
    points = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        plan = Plan(which, INPUTS, 10)
        for trial in range(which.total):
            plan.tell(trial, error_of(plan.propose(trial).point))
        points.append([plan.propose(trial).point for trial in range(which.total)])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert points[0] == points[1]


def error_of(point: Point) -> float:
    """Least where every coordinate is 0.8."""
    return float(np.mean([(float(value) - 0.8) ** 2 for value in point.values()]))


@pytest.mark.parametrize("sampler", HUNTING)
def test_hunts_learn(sampler: SamplerName) -> None:
    """After some generations proposals are much better than the random ones of the beginning."""
    samples = {"tpe": 48, "gp": 24, "nsga2": 160, "cmaes": 120}[sampler]
    cube = toy(**{name: Real(low=0, high=1) for name in "abcdef"})
    plan = Plan(study(sampler, cube, samples=samples, limits=Limits()), INPUTS, 10)
    errors = []
    for trial in range(samples):
        errors.append(error_of(plan.propose(trial).point))
        plan.tell(trial, errors[-1])
    assert np.mean(errors[-8:]) < 0.6 * np.mean(errors[:8])


def test_hunts_wait_for_their_generation() -> None:
    """A hunt proposes one generation of each space and then waits until all its results are told."""
    which = study("tpe", anynet.X3[0], anynet.X3[4], samples=12)
    plan = Plan(which, INPUTS, 10)
    block = 2 * GENERATION
    assert plan.horizon == block
    with pytest.raises(ValueError, match="depends on results that are still missing"):
        plan.propose(block)
    for trial in reversed(range(1, block)):
        plan.tell(trial, 0.5)
        assert plan.horizon == block
    plan.tell(0, None)
    assert plan.horizon == which.total == 24
    assert plan.propose(23).network.cost.multiply_adds >= 3_000_000


def test_results_may_be_told_before_their_trial_is_asked() -> None:
    """A resumed run tells stored results at once and goes on as the first run did."""
    which = study("tpe", anynet.X3[0], samples=32)
    first = hunted(which)
    plan = Plan(which, INPUTS, 10)
    for trial in (*range(8, 16), *range(8)):
        plan.tell(trial, None if trial % 7 == 3 else shallow(first[trial]))
    assert plan.horizon == 24
    assert [plan.propose(trial).point for trial in range(24)] == [proposal.point for proposal in first[:24]]


def test_quasirandom_covers_evenly() -> None:
    """Quasi-random points are the same each time and cover the cube more evenly than random ones."""
    cube = toy(a=Real(low=0, high=1), b=Real(low=1, high=9, log=True), c=Real(low=-1, high=1))
    distribution = Distribution(cube)
    spread = {}
    for sampler in ("random", "quasirandom"):
        which = study(sampler, cube, samples=64, limits=Limits())
        plan, again = Plan(which, INPUTS, 10), Plan(which, INPUTS, 10)
        assert plan.horizon == 64
        points = [plan.propose(trial).point for trial in range(64)]
        assert points == [again.propose(trial).point for trial in reversed(range(64))][::-1]
        spread[sampler] = qmc.discrepancy(
            np.array([list(distribution.coordinates(point).values()) for point in points])
        )
    assert spread["quasirandom"] < spread["random"] / 4


def test_quasirandom_window_can_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quasi-random search of an empty window ends with the same explanation as a random one."""
    monkeypatch.setitem(PROPOSALS, "quasirandom", 100)
    plan = Plan(study("quasirandom", toy(width=Integer(low=1, high=9)), limits=Limits(parameters=(0, 1))), INPUTS, 10)
    with pytest.raises(EmptyWindow, match=r"toy: none of 100 random networks .*at most 1 parameters\)"):
        plan.propose(0)


@pytest.mark.parametrize("verbosity", [optuna.logging.INFO, optuna.logging.ERROR])
def test_optunas_settings_are_the_callers(verbosity: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A hunt changes neither Optuna's verbosity nor any global random state, and writes nothing."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(verbosity)
    states = torch.get_rng_state().tolist(), str(np.random.get_state())
    try:
        for sampler in ("quasirandom", *QUICK, "gp"):
            plan = Plan(study(sampler, toy(a=Real(low=0, high=1), b=Real(low=0, high=1)), limits=Limits()), INPUTS, 10)
            for trial in range(17):
                point = plan.propose(trial).point
                plan.tell(trial, error_of(point))
        assert optuna.logging.get_verbosity() == verbosity
    finally:
        optuna.logging.set_verbosity(before)
    assert (torch.get_rng_state().tolist(), str(np.random.get_state())) == states
    assert capsys.readouterr() == ("", "")


def test_varied_recipe_fields_are_hunted() -> None:
    """Sampled fields of the recipe are dimensions of the hunt as well."""
    vary: dict[str, Dimension] = {"learning_rate": Real(low=1e-3, high=1, log=True)}
    plan = Plan(replace(study("tpe", anynet.X3[0]), vary=vary), INPUTS, 10)
    rates = {float(plan.propose(trial).point["learning_rate"]) for trial in range(8)}
    assert len(rates) == 8
    assert all(1e-3 <= rate <= 1 for rate in rates)
