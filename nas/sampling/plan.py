"""Which network each trial of a study trains: a function of study seed and trial number, in hunts also of results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from nas.layers import Shape, identity
from nas.sampling.gate import Gate
from nas.sampling.maps import Proposal, draw, measure
from nas.sampling.strata import gates, place_of, shares
from nas.space.law import Law
from nas.study import Study
from nas.window import Window

if TYPE_CHECKING:
    from nas.sampling.hunts import Hunter

GENERATION = 8
"""Trials of each arm that a hunt asks for before it is told their results."""
FINGERPRINTED = 16
TRAINING_STREAM = 4


class Plan:
    """The trials of a study, one after another."""

    def __init__(self, study: Study, inputs: Shape, classes: int) -> None:
        self.study = study
        self._gates = [
            Gate(
                space=replace(space, dimensions=study.joint(space)),
                limits=study.limits,
                inputs=inputs,
                classes=classes,
            )
            for space in study.arms
        ]
        self._laws = [Law(gate.space) for gate in self._gates]
        self._strata = [gates(gate, study.strata) for gate in self._gates] if study.strata else []
        self._hunters: list[Hunter] = []
        self._asked: list[Proposal] = []
        self._told = 0
        self._waiting: dict[int, float | None] = {}
        if study.sampler != "random":
            from nas.sampling.hunts import Hunter

            self._hunters = [Hunter(g, study.sampler, training_seed(study.seed, i)) for i, g in enumerate(self._gates)]

    def windows(self) -> tuple[Window, ...]:
        """What the limits do to each arm; EmptyWindow where nothing is left of one."""
        return tuple(self._window(gate, index) for index, gate in enumerate(self._gates))

    def fingerprint(self) -> Mapping[str, tuple[str, ...]]:
        """Identities of the first random networks of each arm: equal only if code and settings draw the same."""
        count = len(self._gates)
        return {
            gate.space.name: tuple(
                identity(self._draw(index, k, k * count + index).network.layer) for k in range(FINGERPRINTED)
            )
            for index, gate in enumerate(self._gates)
        }

    @property
    def horizon(self) -> int:
        """Trials below this number can be proposed now; a hunt waits for the results of its generation."""
        if self.study.sampler in ("random", "quasirandom"):
            return self.study.total
        generation = GENERATION * len(self._gates)
        return min(self.study.total, (self._told // generation + 1) * generation)

    def propose(self, trial: int) -> Proposal:
        """The network of a trial below the horizon."""
        if trial >= self.horizon:
            raise ValueError(f"trial {trial} depends on results that are still missing; {self.horizon=}")
        if not self._hunters:
            leader = self.study.leader_of(trial)
            index = trial % len(self._gates)
            return self._draw(index, leader // len(self._gates) // self.study.repeats, leader)
        while len(self._asked) <= trial:  # a sampler must be asked in the order of trials
            number = len(self._asked)
            self._asked.append(self._hunters[number % len(self._gates)].ask(number))
        return self._asked[trial]

    def _draw(self, index: int, network: int, number: int) -> Proposal:
        """The random point of a trial's number, which draws an arm's network of another number, in its stratum."""
        law, seed, strata = self._laws[index], self.study.seed, self.study.strata
        if strata is None:
            return draw(self._gates[index], law, seed, number)
        place = place_of(strata, seed, network)
        found = draw(self._strata[index][place], law, seed, number)
        return replace(found, stratum=strata.labels(self.study.limits)[place])

    def _window(self, gate: Gate, index: int) -> Window:
        """What the limits do to an arm, and how much of it lies in each stratum."""
        window, strata = measure(gate, self.study.seed, index), self.study.strata
        if strata is None:
            return window
        return msgspec.structs.replace(window, strata=shares(gate, strata, self.study.seed, index))

    def tell(self, trial: int, error: float | None) -> None:
        """The result of a trial; samplers hear of it when its generation is complete, in the order of trials."""
        if not self._hunters or self.study.sampler == "quasirandom":
            return
        self._waiting[trial] = error
        generation = GENERATION * len(self._gates)
        while all(t in self._waiting for t in range(self._told, self._told + generation)):
            self.propose(self._told + generation - 1)  # all are asked before any is told, as in a run without a break
            for number in range(self._told, self._told + generation):
                self._hunters[number % len(self._gates)].tell(number, self._waiting.pop(number))
            self._told += generation


def training_seed(seed: int, trial: int) -> int:
    """Seed of a trial's initial weights, order of data and augmentation; below 2^63."""
    state = np.random.SeedSequence((seed, trial, TRAINING_STREAM)).generate_state(1, np.uint64)
    return int(state[0]) >> 1
