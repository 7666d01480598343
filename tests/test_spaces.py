"""One contract for every space that comes with the tool, and for every published network."""

from __future__ import annotations

from itertools import islice

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from nas.cost import Limits
from nas.layers import cost, from_json, identity, output_shape, to_json
from nas.modules import build, initialise
from nas.sampling import Gate, Network
from nas.space import Architecture, Point, Space
from nas.space.law import Law
from spaces import ALL, NETWORKS
from spaces.network import Network as Published

POINTS = 100
SMALL = Limits(multiply_adds=(0, 20_000_000), parameters=(0, 5_000_000))
EVERY = pytest.mark.parametrize("space", ALL, ids=lambda space: space.name)


def points(space: Space, count: int, seed: int = 0) -> list[Point]:
    """The first random points that obey the space's requirements."""
    law = Law(space)
    source = np.random.default_rng(seed)
    found: list[Point] = []
    while len(found) < count:
        found += [p for p in law.points(source.random((256, len(law.names)))) if space.allows(p)]
    return found[:count]


@EVERY
def test_every_point_is_a_network(space: Space) -> None:
    """Random points have all dimensions, decode, fit small images, cost something, and come back from JSON."""
    for point in points(space, POINTS):
        assert list(point) == list(space.dimensions)
        assert all(space.dimensions[name].contains(value) for name, value in point.items())
        architecture = space.architecture(point)
        assert isinstance(architecture, Architecture)
        layer = architecture.network((1, 28, 28), 10)
        assert output_shape(layer, (1, 28, 28)) == (10,)
        assert output_shape(architecture.network((3, 32, 32), 7), (3, 32, 32)) == (7,)
        assert min(msgspec.structs.astuple(cost(layer, (1, 28, 28)))) > 0
        back = from_json(to_json(layer))
        assert back == layer
        assert identity(back) == identity(layer) == identity(space.architecture(dict(point)).network((1, 28, 28), 10))


@EVERY
def test_facts_are_columns(space: Space) -> None:
    """Facts are plain values, the same names for every point, none of them a dimension's; all are JSON."""
    columns = {tuple(space.architecture(p).facts()) for p in points(space, 10)}
    assert len(columns) == 1
    assert not set(columns.pop()) & set(space.dimensions)
    for point in points(space, 10):
        facts = space.architecture(point).facts()
        assert all(type(value) in (int, float, str) for value in facts.values())
        assert msgspec.json.decode(msgspec.json.encode(facts)) == facts


@EVERY
@pytest.mark.parametrize("inputs", [(1, 28, 28), (3, 32, 32)], ids=["1x28x28", "3x32x32"])
def test_networks_learn(space: Space, inputs: tuple[int, int, int]) -> None:
    """The first small networks build, run forward, and give every parameter a finite gradient."""
    gate = Gate(space=space, limits=SMALL, inputs=inputs, classes=10)
    verdicts = (gate.judge(point) for point in points(space, 400, seed=1))
    for network in islice((v for v in verdicts if isinstance(v, Network)), 2):
        module = build(network.layer, inputs)
        initialise(module, torch.Generator().manual_seed(0))
        x = torch.randn(4, *inputs, generator=torch.Generator().manual_seed(1))
        y = module(x)
        assert y.shape == (4, 10)
        torch.autograd.backward(nn.functional.cross_entropy(y, torch.arange(4)))
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


def test_names_are_unique() -> None:
    """No two spaces and no two published networks share a name, and each says where it comes from."""
    for named in (ALL, NETWORKS):
        assert len({value.name for value in named}) == len(named)
        assert all(value.source for value in named)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_published_networks_fit_their_input(network: Published) -> None:
    """A published network takes its published input and classes, and smaller images as well."""
    for inputs, classes in ((network.inputs, network.classes), ((1, 32, 32), 10)):
        layer = network.architecture.network(inputs, classes)
        assert output_shape(layer, inputs) == (classes,)
