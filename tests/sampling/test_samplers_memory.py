"""What an adaptive sampler remembers of its trials is what was trained, in chains and conditions too."""

from __future__ import annotations

import numpy as np
import pytest

from nas.sampling import Filter
from nas.sampling.optuna_samplers import Searcher
from nas.space import Choice, Integer, Real, Space, When, rising
from nas.space.distribution import Distribution
from nas.study import Limits
from nas.study.study import SamplerName
from tests.sampling.test_optuna_samplers import INPUTS, plain

TANGLED = Space(
    name="tangled",
    dimensions={
        "width": Integer(low=1, high=64, log=True),
        "kind": Choice(options=("a", "b", "c")),
        "x_1": Choice(options=(3, 1, 2, 5)),
        "x_2": Choice(options=(1, 2, 3, 4)),
        "x_3": Integer(low=1, high=5),
        "only_b": Real(low=0.1, high=1, log=True, when=When(dimension="kind", values=("b",))),
    },
    decode=plain,
    requirements=(rising("x"),),
)


@pytest.mark.parametrize("rare", [False, True])
@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "cmaes"])
def test_memory_is_what_was_trained(sampler: SamplerName, rare: bool) -> None:
    """What a sampler remembers of a trial leads to the very point that was trained, also where chance took over."""
    limits = Limits(parameters=(50_000, 50_940)) if rare else Limits()
    hunter = Searcher(Filter(space=TANGLED, limits=limits, inputs=INPUTS, classes=10), sampler, 3)
    distribution = Distribution(TANGLED)
    proposals = []
    for number in range(24):
        proposals.append(hunter.ask(number))
        hunter.tell(number, 0.5)
    remembered = hunter._study.trials
    assert any(p.fallback for p in proposals) == rare
    for proposal, trial in zip(proposals, remembered, strict=True):
        assert TANGLED.allows(proposal.point)
        row = np.array([[hunter._unit(name, trial.params[name]) for name in distribution.names]])
        point = distribution.points(row)[0]
        assert point == pytest.approx(dict(proposal.point))
        if sampler in ("tpe", "nsga2"):
            assert trial.params["kind"] == proposal.point["kind"]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_every_point_of_a_chain_can_be_hunted(sampler: SamplerName) -> None:
    """Choices in a chain keep their law under a sampler: no allowed combination is out of reach."""
    chain = Space(
        name="chain",
        dimensions={f"x_{i}": Choice(options=(1, 2, 3)) for i in (1, 2, 3)},
        decode=plain,
        requirements=(rising("x"),),
    )
    hunter = Searcher(Filter(space=chain, limits=Limits(), inputs=INPUTS, classes=10), sampler, 0)
    source = np.random.default_rng(0)
    seen = set()
    for number in range(250):
        seen.add(tuple(hunter.ask(number).point.values()))
        hunter.tell(number, float(source.random()))
    assert len(seen) == chain.size() == 10
