"""From a finished run to the study and plan of its audit: networks of the run, trained longer and with other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from nas.errors import Refused
from nas.layers import Shape
from nas.sampling import Again, Plan, Proposal
from nas.space import Choice, Dimension, Integer, Real, Space
from nas.study import Grid, Study
from nas.study.record import Origin, Record
from nas.study.study import FIELDS

AUDIT = "audit"
"""Stands in an audit's records and study in the place of a sampler: its networks are no random sample."""
EPOCHS = "epochs"
REPEAT_STREAM = 6


def retraining(study: Study, *, rounds: int, seeds: int, longer: int) -> Study:
    """The study of an audit: of each arm so many networks, each trained longer, then again with so many other seeds.

    An arm of the run's grid is a space here, and what is crossed there varies here, like the epochs.
    """
    crossed = {name: Choice(options=values) for name, values in study.grid.values.items() if name in FIELDS}
    return replace(
        study,
        name=f"{study.name} audit",
        question=f"Do short trainings tell what trainings {longer} times as long do? {study.question}",
        spaces=uncrossed(study),
        samples=rounds,
        vary={**study.vary, **crossed, EPOCHS: _epochs(study, longer)},
        grid=Grid(),
        repeats=1 + seeds,
        strata=None,
        rules=(),
        looks=None,
    )


def uncrossed(study: Study) -> tuple[Space, ...]:
    """The arms of a study without the fields of the recipe that its grid crosses."""
    crossed = [name for name in study.grid.values if name in FIELDS]
    return tuple(_without(arm, crossed) for arm in study.arms)


def _without(arm: Space, names: Sequence[str]) -> Space:
    return replace(arm, dimensions={n: d for n, d in arm.dimensions.items() if n not in names})


def _epochs(study: Study, longer: int) -> Dimension:
    """All numbers of epochs that the audit may train for."""
    dimension = study.vary.get(EPOCHS)
    if isinstance(dimension, Integer):
        return Integer(low=dimension.low, high=dimension.high * longer, log=dimension.log)
    if isinstance(dimension, Real):
        raise Refused(f"study {study.name!r} varies the epochs as a real number, so they can't be multiplied")
    values = [int(value) for value in study.extremes(EPOCHS)]
    return Choice(options=tuple(dict.fromkeys([*values, *(longer * value for value in values)])))


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The networks that an audit trains again."""

    rounds: tuple[tuple[Record, ...], ...]
    """Of each arm the records of the run, in the order in which they are taken."""
    longer: int
    """Times the epochs of the run that a long training has."""


class Repetitions(Plan):
    """The trials of an audit: one network of every arm is trained longer, then all with each further seed; and so on.

    A long training has the seed of its trial, so that it differs from the run's in its length alone.
    """

    def __init__(self, study: Study, inputs: Shape, classes: int, chosen: Chosen) -> None:
        super().__init__(study, inputs, classes)
        self._chosen = chosen

    def propose(self, trial: int) -> Proposal:
        """A network of the run; refused if its point stands for another one now."""
        arms = len(self._filters)
        index, repeat = trial % arms, self.study.repeat_of(trial)
        record = self._chosen.rounds[index][trial // (arms * self.study.repeats)]
        times = 1 if repeat else self._chosen.longer
        return Proposal(
            point={**record.point, EPOCHS: times * int(record.point.get(EPOCHS, self.study.recipe.epochs))},
            network=self.network_of(record),
            draws=record.origin.draws,
            again=Again(
                seed=repeat_seed(self.study.seed, record.trial, repeat) if repeat else record.seed,
                origin=origin_of(record, repeat),
                patience=times,
            ),
        )


def origin_of(record: Record, repeat: int) -> Origin:
    """The mark of an audit's training: which trial of the run, and its how-manieth repetition, 0 for the long one."""
    return msgspec.structs.replace(record.origin, sampler=AUDIT, repeat=repeat, again=record.trial)


def repeat_seed(seed: int, trial: int, repeat: int) -> int:
    """Seed of a repetition; below 2^63, and none of the run's."""
    state = np.random.SeedSequence((seed, trial, REPEAT_STREAM, repeat)).generate_state(1, np.uint64)
    return int(state[0]) >> 1
