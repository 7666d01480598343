"""From a finished run to the study and plan of its final: chosen networks trained anew, each with several seeds.

A finalist is a space of its own, `trial N`, so trial t of a final trains finalist t mod K with seed t // K.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np

from nas.layers import Shape
from nas.sampling.plan import Plan
from nas.sampling.rejection import Again, Proposal
from nas.sampling.repetitions import uncrossed
from nas.space import Choice, Value
from nas.study import Grid, Limits, Recipe, Study
from nas.study.objectives import ERROR
from nas.study.record import FINAL, Record

FINAL_STREAM = 7
TOP = 3
"""Finalists unless said otherwise."""

FrontCost = Literal["multiply_adds", "parameters", "latency_ms"]
"""What the error is weighed against on a Pareto front of finalists."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which completed networks of a run become finalists; by validation errors, before the test split is read."""

    top: int = TOP
    """The best so many; 0 where the whole Pareto front is taken."""
    pareto: FrontCost | Literal[""] = ""
    """The front of error against this cost; empty for the best."""
    limits: Limits = Limits()
    """Costs of all networks that may be chosen."""

    def among(self, networks: int) -> Selection:
        """The same choice among so many networks: of fewer than it asks for it takes all."""
        return msgspec.structs.replace(self, top=min(self.top, networks))


class Finalists(msgspec.Struct, frozen=True, kw_only=True):
    """The networks that a final trains, and what they were chosen from."""

    selection: Selection
    """How they were chosen."""
    trials: tuple[int, ...]
    """Their trials in the run, lowest validation error first."""
    of: int
    """Networks that they were chosen from: completed and inside the limits, each once."""
    mean: float
    """Mean validation error of these."""
    deviation: float
    """Standard deviation of it; 0 for a single network."""


def finals_study(study: Study, records: Sequence[Record], recipe: Recipe, own: Sequence[str], seeds: int) -> Study:
    """The study of a final: each finalist a space, trained with `recipe` but for its `own` fields, so many seeds."""
    spaces = {arm.name: arm for arm in uncrossed(study)}
    return replace(
        study,
        name=f"{study.name} {FINAL}",
        question=f"What are the test errors of networks chosen by validation error? {study.question}",
        spaces=tuple(spaces[record.space].named(arm_of(record.trial)) for record in records),
        samples=seeds,
        recipe=recipe,
        vary={name: Choice(options=_values(records, name)) for name in own},
        grid=Grid(),
        sampler="random",
        repeats=1,
        strata=None,
        objectives=ERROR,
        halving=None,
        rules=(),
        looks=None,
    )


def arm_of(trial: int) -> str:
    """Name of the space that a finalist is, by its trial in the run."""
    return f"trial {trial}"


def _values(records: Sequence[Record], name: str) -> tuple[Value, ...]:
    return tuple(dict.fromkeys(record.point[name] for record in records))


class Finals(Plan):
    """The trials of a final: all finalists with the first seed, then all with the second, and so on."""

    def __init__(self, study: Study, inputs: Shape, classes: int, patience: Mapping[int, int], *records: Record):
        """`patience` has, by trial of the run, how many times the study's limit a training may take."""
        super().__init__(study, inputs, classes)
        self._patience, self._records = patience, records

    def propose(self, trial: int) -> Proposal:
        """A finalist; refused if its point stands for another network now."""
        seed, index = divmod(trial, len(self._records))
        record = self._records[index]
        names = self.study.joint(self.study.spaces[index])
        point = {name: value for name, value in record.point.items() if name in names}
        return Proposal(
            point=point,
            network=self.network_of(msgspec.structs.replace(record, point=point), index),
            draws=record.origin.draws,
            again=Again(
                seed=final_seed(self.study.seed, record.trial, seed),
                origin=msgspec.structs.replace(record.origin, sampler=FINAL, repeat=seed, again=record.trial),
                patience=self._patience[record.trial],
            ),
        )


def final_seed(seed: int, trial: int, number: int) -> int:
    """Seed of a finalist's training, counted from 0; below 2^63, and none of the run's or of its audit's."""
    state = np.random.SeedSequence((seed, trial, FINAL_STREAM, number)).generate_state(1, np.uint64)
    return int(state[0]) >> 1
