"""Optuna's samplers around the filter: they propose, it decides, so that nothing outside is ever trained.

A sampler works on the unit cube that `Distribution` maps to points: distributions and order are met there by
construction, and only costs are left to rejection. It sees a study of its own in memory, fed in the order of trial
numbers, so its proposals depend on seed and results alone; a resumed run asks again from the start and gets the same.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from math import log
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, NSGAIISampler, QMCSampler, TPESampler
from optuna.study import StudyDirection

from nas.sampling.filter import Filter, Network, Stopped, collection_paused
from nas.sampling.quiet import quiet
from nas.sampling.rejection import (
    COORDINATE_STREAM,
    MOST_DRAWS,
    Proposal,
    draw,
    empty,
    generator,
    tell_missed,
    timed_out_of,
)
from nas.space import Choice, Point, Space, Value
from nas.space.distribution import Distribution
from nas.study.objectives import ERROR, Objective, price
from nas.study.study import SamplerName

PROPOSALS: dict[SamplerName, int] = {"quasirandom": MOST_DRAWS, "tpe": 64, "gp": 8, "nsga2": 64, "cmaes": 64}
"""Proposals before a random point inside takes the place of an adaptive sampler's.

Fewer for `gp`: each costs a third of a second, and they hardly differ before new results are in.
"""
STARTUP = 10
POPULATION = 32
WORST = 1.0
"""What a sampler is told of a failure: the largest error of a classifier, and that of predicting the mean."""
WORST_COST = log(2.0**62)
"""The same for a second objective, so that no failure is good for being cheap."""
LEAST_COST = 1e-3
"""What a smaller cost counts as: a microsecond."""
CONTINUOUS: tuple[SamplerName, ...] = ("quasirandom", "cmaes")
"""Samplers that know no categories: they see a choice as a part of the unit interval."""


class CubeSearch(ABC):
    """One of Optuna's samplers on the unit cube of a space; what a proposal becomes is settled by `_propose`."""

    def __init__(self, space: Space, name: SamplerName, seed: int, *, against_cost: bool = False) -> None:
        self._name, self._seed, self._against_cost = name, seed, against_cost
        self._distribution = Distribution(space)
        self._axes = _axes(self._distribution, space, name)
        self._sampler = _Filtered(_sampler(name, seed), self._axes, self._propose)
        with quiet():
            directions = [StudyDirection.MINIMIZE] * (2 if against_cost else 1)
            self._study = optuna.create_study(sampler=self._sampler, directions=directions)
        self._trials: dict[int, tuple[optuna.Trial, float]] = {}
        self._number = 0

    def tell(self, number: int, error: float | None) -> None:
        """What became of a trial; None is a failure, which is as bad as predicting worse than the mean.

        Against a cost it is told with the logarithm of that, a failure with one above all others.
        """
        trial, cost = self._trials.pop(number)
        value = WORST if error is None else min(error, WORST)
        self._study.tell(trial, [value, WORST_COST if error is None else cost] if self._against_cost else value)

    @abstractmethod
    def _propose(self, inner: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Coordinates of what is taken for the sampler's next proposal, or for a later one, which `inner` returns."""

    def _ask(self, number: int) -> optuna.Trial:
        """Have the sampler propose for the trial of this number."""
        self._number = number
        with _one_thread() if self._name == "gp" else nullcontext():
            return self._study.ask(self._axes)

    def _keep(self, trial: optuna.Trial, cost: float) -> None:
        """Remember a trial until its result is told."""
        self._trials[self._number] = trial, log(max(cost, LEAST_COST))

    def _point(self, coordinates: Mapping[str, Any]) -> dict[str, Value]:
        """The point at the sampler's coordinates."""
        row = np.array([[self._unit(name, coordinates[name]) for name in self._distribution.names]])
        return self._distribution.points(row)[0]

    def _complete(self, proposed: Mapping[str, Any], attempt: int) -> dict[str, Any]:
        """The proposal with uniform coordinates wherever the sampler left a gap (it does so before it has results)."""
        missing = [name for name in self._distribution.names if name not in proposed]
        if not missing:
            return dict(proposed)
        uniform = generator(self._seed, self._number, attempt, COORDINATE_STREAM).random(len(missing))
        drawn = {name: self._from_unit(name, float(u)) for name, u in zip(missing, uniform, strict=True)}
        return {**proposed, **drawn}

    def _coordinates(self, point: Point) -> dict[str, Any]:
        """Where a point lies in the sampler's cube; the middle for what isn't active."""
        own = self._distribution.coordinates(point)
        return {name: self._from_unit(name, own.get(name, 0.5)) for name in self._distribution.names}

    def _unit(self, name: str, value: Any) -> float:
        axis = self._axes[name]
        if isinstance(axis, CategoricalDistribution):
            return (axis.choices.index(value) + 0.5) / len(axis.choices)
        return float(value)

    def _from_unit(self, name: str, u: float) -> Any:
        axis = self._axes[name]
        if isinstance(axis, CategoricalDistribution):
            count = len(axis.choices)
            return axis.choices[min(int(u * count), count - 1)]
        return u


class Searcher(CubeSearch):
    """One space searched by one of Optuna's samplers, inside a filter."""

    def __init__(
        self, filter_: Filter, name: SamplerName, seed: int, objectives: tuple[Objective, ...] = ERROR
    ) -> None:
        super().__init__(filter_.space, name, seed, against_cost=objectives != ERROR)
        self._filter, self._objectives = filter_, objectives
        self._proposal: Proposal | None = None

    def ask(self, number: int) -> Proposal:
        """The next point of this space, for the trial of this number."""
        trial = self._ask(number)
        if self._proposal is None:
            raise RuntimeError("the sampler was asked but not called")
        self._keep(trial, price(self._proposal.network, self._objectives))
        return self._proposal

    def _propose(self, inner: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Coordinates of the first proposal that passes the filter, else of a random point inside."""
        reasons: Counter[str] = Counter()
        timed: list[Point] = []
        most = PROPOSALS[self._name]
        with collection_paused():
            for attempt in range(most):
                coordinates = self._complete(inner(), attempt)
                point = self._point(coordinates)
                try:
                    verdict = self._filter.accept(point)
                except Stopped:
                    tell_missed(self._filter, timed)
                    raise
                if isinstance(verdict, Network):
                    self._proposal = Proposal(point=point, network=verdict, draws=attempt + 1)
                    return coordinates
                reasons.update(verdict)
                if timed_out_of(verdict):
                    timed.append(point)
        if self._name == "quasirandom":
            raise empty(self._filter, reasons, most)
        proposal = draw(self._filter, self._distribution, self._seed, self._number)
        self._proposal = Proposal(
            point=proposal.point, network=proposal.network, draws=most + proposal.draws, fallback=True
        )
        return self._coordinates(proposal.point)


class _Filtered(BaseSampler):
    """An Optuna sampler whose joint draws pass through a filter."""

    def __init__(self, inner: BaseSampler, axes: dict[str, BaseDistribution], propose: Any) -> None:
        self._inner, self._axes, self._propose = inner, axes, propose

    def infer_relative_search_space(self, study: optuna.Study, trial: Any) -> dict[str, BaseDistribution]:
        """All dimensions, from the first trial on."""
        return self._axes

    def sample_relative(
        self, study: optuna.Study, trial: Any, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """One accepted joint draw."""
        accepted: dict[str, Any] = self._propose(partial(self._inner.sample_relative, study, trial, search_space))
        return accepted

    def sample_independent(self, study: optuna.Study, trial: Any, param_name: str, param_distribution: Any) -> Any:
        """Never needed, for a joint draw leaves nothing out."""
        raise RuntimeError(f"{param_name} was left out of a joint draw")

    def before_trial(self, study: optuna.Study, trial: Any) -> None:
        """As the inner sampler does."""
        self._inner.before_trial(study, trial)

    def after_trial(self, study: optuna.Study, trial: Any, state: Any, values: Any) -> None:
        """As the inner sampler does."""
        self._inner.after_trial(study, trial, state, values)


def _axes(distribution: Distribution, space: Space, name: SamplerName) -> dict[str, BaseDistribution]:
    """Choices as categories where the sampler knows them, unless in a chain, where a coordinate is no option's own.

    Optuna asks no sampler where nothing is left to choose, so a space of one point has a line that means nothing.
    """
    stretched = set(distribution.names) if name in CONTINUOUS else distribution.chained
    unit = FloatDistribution(0.0, 1.0)
    axes: dict[str, BaseDistribution] = {
        dimension: CategoricalDistribution(d.options) if isinstance(d, Choice) and dimension not in stretched else unit
        for dimension, d in space.dimensions.items()
    }
    return dict.fromkeys(axes, unit) if all(axis.single() for axis in axes.values()) else axes


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: so a small Gaussian process is faster, and the same whatever the process is set to."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _sampler(name: SamplerName, seed: int) -> BaseSampler:
    seed %= 2**32  # what Optuna's samplers take
    match name:
        case "quasirandom":
            with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
                return QMCSampler(qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False)
        case "tpe":
            return TPESampler(seed=seed, n_startup_trials=STARTUP)
        case "gp":
            return GPSampler(seed=seed, n_startup_trials=STARTUP, warn_independent_sampling=False)
        case "nsga2":
            return NSGAIISampler(seed=seed, population_size=POPULATION)
        case "cmaes":
            return CmaEsSampler(seed=seed, n_startup_trials=STARTUP, warn_independent_sampling=False)
        case "random":
            raise ValueError("random points need no sampler that learns")
