"""Hunts for error against cost: they spread along the front, and no failure is good for being cheap."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from nas.sampling import Plan
from nas.space import Integer, Point, Real
from nas.study import Limits
from tests.sampling.test_optuna_samplers import INPUTS, study, toy

SPREAD = toy(width=Integer(low=1, high=256, log=True), a=Real(low=0, high=1), b=Real(low=0, high=1))


def misfit(point: Point) -> float:
    """What a better point could do without: least where both coordinates are 0.8."""
    return (float(point["a"]) - 0.8) ** 2 + (float(point["b"]) - 0.8) ** 2


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_two_objectives_are_hunted_together(sampler: Literal["tpe", "nsga2"]) -> None:
    """Late proposals are fitter than early ones at small and at large cost; a failure is on no front."""
    samples = {"tpe": 80, "nsga2": 240}[sampler]
    which = replace(
        study(sampler, SPREAD, samples=samples, limits=Limits()), objectives=("error", "multiply_adds"), seed=3
    )
    plan = Plan(which, INPUTS, 10)
    points = []
    for trial in range(samples):
        points.append(plan.propose(trial).point)
        error = 0.4 / float(points[-1]["width"]) ** 0.5 + 0.5 * misfit(points[-1])
        plan.tell(trial, None if trial % 7 == 3 else error)
    late = points[-32:]
    assert np.mean([misfit(point) for point in late]) < 0.6 * np.mean([misfit(point) for point in points[:32]])
    widths = [float(point["width"]) for point in late]
    assert max(widths) >= 16 * min(widths)
    told = plan._searchers[0]._study
    assert all(len(trial.values) == 2 for trial in told.trials)
    best = {trial.number for trial in told.best_trials}
    assert best
    assert not any(number % 7 == 3 for number in best)
