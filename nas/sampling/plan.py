"""Which network each trial of a study trains: a function of seed and trial number, in searches also of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.errors import Refused
from nas.layers import Shape, identity
from nas.sampling.filter import Filter, Network, Stopwatch
from nas.sampling.halving import Thresholds
from nas.sampling.rejection import Proposal, draw, measure
from nas.sampling.strata import filters, place_of, shares
from nas.sampling.window import Window
from nas.space import Choice, Value
from nas.space.distribution import Distribution
from nas.study import Study
from nas.study.objectives import ERROR, price
from nas.study.record import Record

if TYPE_CHECKING:
    from nas.sampling.optuna_samplers import Searcher

GENERATION = 8
"""Trials of each arm that a search asks for before it is told their results."""
FINGERPRINTED = 16
LOOKED_AT = 64
"""Random networks of an arm whose facts are taken to be all that its networks state."""
AS_IT_WAS = "resume it with the code that it was begun with, or give another folder with --out"
TRAINING_STREAM = 4


class Plan:
    """The trials of a study, one after another."""

    def __init__(self, study: Study, inputs: Shape, classes: int, stopwatch: Stopwatch | None = None) -> None:
        """`stopwatch` measures latency where the study has a limit on it or makes it small; proposals need it then."""
        self.study = study
        self.stopped: Callable[[], bool] = lambda: False
        """Whether no latency is to be measured any more: `propose` then raises Stopped where one is needed."""
        self._filters = [
            Filter(
                space=replace(space, dimensions=study.joint(space)),
                limits=study.limits,
                inputs=inputs,
                classes=classes,
                stopwatch=stopwatch if study.is_timed else None,
                stopped=lambda: self.stopped(),
            )
            for space in study.arms
        ]
        self._distributions = [Distribution(filter_.space) for filter_ in self._filters]
        self._strata = [filters(filter_, study.strata) for filter_ in self._filters] if study.strata else []
        self._searchers: list[Searcher] = []
        self._asked: list[Proposal] = []
        self._told = 0
        self._waiting: dict[int, tuple[float | None, Sequence[float]]] = {}
        self._thresholds = _thresholds(study)
        if study.sampler != "random":
            from nas.sampling.optuna_samplers import Searcher

            seeds = [training_seed(study.seed, index) for index in range(len(self._filters))]
            self._searchers = [
                Searcher(filter_, study.sampler, seed, study.objectives)
                for filter_, seed in zip(self._filters, seeds, strict=True)
            ]

    def windows(self) -> tuple[Window, ...]:
        """What the limits do to each arm; EmptyWindow where nothing is left of one."""
        return tuple(self._window(filter_, index) for index, filter_ in enumerate(self._filters))

    def fingerprint(self) -> Mapping[str, tuple[str, ...]]:
        """Identities of the first random networks of each arm, untimed: equal only if code and settings are."""
        count = len(self._filters)
        return {
            filter_.space.name: tuple(
                identity(self._draw(index, k, k * count + index, timed=False).network.layer)
                for k in range(FINGERPRINTED)
            )
            for index, filter_ in enumerate(self._filters)
        }

    def facts_of(self, arm: str) -> dict[str, set[Value]]:
        """What random networks of an arm state of themselves beside their dimensions, with values as they were seen."""
        index = [filter_.space.name for filter_ in self._filters].index(arm)
        facts: dict[str, set[Value]] = {}
        for k in range(LOOKED_AT):
            drawn = self._draw(index, k, k * len(self._filters) + index, timed=False)
            for name, value in drawn.network.facts.items():
                facts.setdefault(name, set()).add(value)
        return facts

    @property
    def horizon(self) -> int:
        """Trials below this number can be proposed now; a search waits for the results of its generation."""
        if not self._learns:
            return self.study.total
        return min(self.study.total, self._told + self._generation)

    def propose(self, trial: int) -> Proposal:
        """The network of a trial below the horizon; where latency matters it is measured now."""
        if trial >= self.horizon:
            raise ValueError(f"trial {trial} depends on results that are still missing; {self.horizon=}")
        if self.study.is_timed and self._filters[0].stopwatch is None:
            raise ValueError("the study has a limit on latency or makes it small, and nothing to measure it with")
        if not self._searchers:
            first = self.study.first_of(trial)
            index = trial % len(self._filters)
            return self._draw(index, first // len(self._filters) // self.study.repeats, first)
        while len(self._asked) <= trial:  # a sampler must be asked in the order of trials
            number = len(self._asked)
            self._asked.append(self._searchers[number % len(self._filters)].ask(number))
        return self._asked[trial]

    def _draw(self, index: int, network: int, number: int, *, timed: bool = True) -> Proposal:
        """The random point of a trial's number, which draws an arm's network of another number, in its stratum."""
        distribution, seed, strata = self._distributions[index], self.study.seed, self.study.strata
        place = place_of(strata, seed, network) if strata else 0
        filter_ = self._strata[index][place] if strata else self._filters[index]
        proposal = draw(filter_ if timed else replace(filter_, stopwatch=None), distribution, seed, number)
        if strata is None:
            return proposal
        return replace(proposal, stratum=strata.labels(self.study.limits)[place])

    def _window(self, filter_: Filter, index: int) -> Window:
        """What the limits do to an arm, and how much of it lies in each stratum."""
        window, strata = measure(filter_, self.study.seed, index), self.study.strata
        if strata is None:
            return window
        return msgspec.structs.replace(window, strata=shares(filter_, strata, self.study.seed, index))

    def thresholds(self, trial: int) -> Mapping[int, float]:
        """Epoch -> error at which a trial ends early, by the results of all generations before its own; often empty."""
        if not self._thresholds:
            return {}
        proposal = self.propose(trial)
        if trial < self._told:
            raise ValueError(f"trial {trial} is finished, its thresholds have risen or fallen since; {self._told=}")
        return self._thresholds[trial % len(self._filters)].at(price(proposal.network, self.study.objectives))

    def tell(self, trial: int, error: float | None, errors: Sequence[float] = ()) -> None:
        """The result of a trial: the error that samplers go by, None for a failure, and those after each epoch.

        It is heard of when its generation is complete, in the order of trials.
        """
        if not self._learns:
            return
        self._waiting[trial] = error, errors
        while all(t in self._waiting for t in range(self._told, self._told + self._generation)):
            last = self._told + self._generation
            self.propose(last - 1)  # all are asked before any is told, as in a run without a break
            for number in range(self._told, last):
                self._hear(number, *self._waiting.pop(number))
            self._told = last

    def network_of(self, record: Record, arm: int | None = None) -> Network:
        """The network of a trial, of its number's arm unless one is given; refused where that is another one now."""
        network = self._filters[record.trial % len(self._filters) if arm is None else arm].judge(record.point)
        if not isinstance(network, Network) or identity(network.layer) != record.architecture:
            changed = f"the code of {record.space} has changed: trial {record.trial} would be another network now"
            raise Refused(changed, hint=AS_IT_WAS)
        return replace(network, latency_ms=record.latency_ms, latency_128_ms=record.latency_128_ms)

    def require_same(self, record: Record) -> None:
        """Refuse a trial whose point stands for another network now, or whose network says other things of itself."""
        network = self.network_of(record)
        if network.facts != record.facts:
            names = sorted({*network.facts, *record.facts})
            name = next(name for name in names if network.facts.get(name) != record.facts.get(name))
            was, now = (facts.get(name, "not there") for facts in (record.facts, network.facts))
            changed = f"the code of {record.space} has changed: {name!r} of trial {record.trial}"
            raise Refused(f"{changed} was {was}, it is {now} now", hint=AS_IT_WAS)

    @property
    def searches(self) -> bool:
        """Whether an Optuna sampler proposes the networks."""
        return bool(self._searchers)

    @property
    def _learns(self) -> bool:
        """Whether trials depend on the results of others."""
        return self.study.sampler not in ("random", "quasirandom") or bool(self._thresholds)

    @property
    def _generation(self) -> int:
        """Trials that are proposed together."""
        return GENERATION * len(self._filters)

    def _hear(self, trial: int, error: float | None, errors: Sequence[float]) -> None:
        arm = trial % len(self._filters)
        if self._searchers:
            self._searchers[arm].tell(trial, error)
        if self._thresholds:
            cost = price(self.propose(trial).network, self.study.objectives)
            self._thresholds[arm].add(errors, cost, failed=error is None)


def _thresholds(study: Study) -> list[Thresholds]:
    """One for each arm, whose trainings have a length of their own; none where trainings aren't halved."""
    if study.halving is None:
        return []
    against_cost = study.objectives != ERROR
    crossed = [arm.dimensions["epochs"] for arm in study.arms if "epochs" in study.grid.values]
    epochs = [int(each.options[0]) for each in crossed if isinstance(each, Choice)]
    lengths = epochs or [study.recipe.epochs] * len(study.arms)
    return [Thresholds(study.halving, length, against_cost=against_cost) for length in lengths]


def training_seed(seed: int, trial: int) -> int:
    """Seed of a trial's initial weights, order of data and augmentation; below 2^63."""
    state = np.random.SeedSequence((seed, trial, TRAINING_STREAM)).generate_state(1, np.uint64)
    return int(state[0]) >> 1
