"""One contract for every space that comes with the tool, and for every published network."""

from __future__ import annotations

from itertools import islice

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas.errors import ImpossibleShape
from nas.layers import Layer, Shape, cost, from_json, identity, output_shape, to_json
from nas.sampling import Filter, Network
from nas.space import Architecture, Point, Space
from nas.space.distribution import Distribution
from nas.study import Limits
from nas.training.modules import build, initialize
from spaces import ALL, NETWORKS
from spaces.network import Network as Published

POINTS = 300
"""Random points of a space that are drawn, decoded and counted."""
BUILT = 12
"""Networks of a space that are built, at each input."""
GAINS = (1e-2, 1e-4, 1e-6, 1e-8)
"""By how much a step along the gradient is to lower the loss, one of which must come true within a half."""
MAY_BE_TOO_SMALL = ("AlexNet", "VGG", "NiN")
"""Spaces that also hold networks for images larger than 28x28."""
SMALL = Limits(multiply_adds=(0, 20_000_000), parameters=(0, 5_000_000))
EVERY = pytest.mark.parametrize("space", ALL, ids=lambda space: space.name)


def points(space: Space, count: int, seed: int = 0) -> list[Point]:
    """The first random points that obey the space's requirements."""
    distribution = Distribution(space)
    source = np.random.default_rng(seed)
    found: list[Point] = []
    while len(found) < count:
        found += [p for p in distribution.points(source.random((256, len(distribution.names)))) if space.allows(p)]
    return found[:count]


def fitting(architecture: Architecture, inputs: Shape, classes: int) -> Layer | None:
    """The network for these images, which gives the classes; None where they are too small for it."""
    try:
        layer = architecture.network(inputs, classes)
        assert output_shape(layer, inputs) == (classes,)
    except ImpossibleShape:
        return None
    return layer


@EVERY
def test_every_point_is_a_network(space: Space) -> None:
    """Random points have all active dimensions, decode, fit small images, cost something, and come back from JSON.

    Of a space for larger images, too, a share of the points does.
    """
    found = 0
    for point in points(space, POINTS):
        assert list(point) == [n for n, d in space.dimensions.items() if d.when is None or d.when.holds(point)]
        assert all(space.dimensions[name].contains(value) for name, value in point.items())
        architecture = space.architecture(point)
        assert isinstance(architecture, Architecture)
        layer = fitting(architecture, (1, 28, 28), 10)
        if layer is None or fitting(architecture, (3, 32, 32), 7) is None:
            assert space.name in MAY_BE_TOO_SMALL
            continue
        found += 1
        assert min(msgspec.structs.astuple(cost(layer, (1, 28, 28)))) > 0
        back = from_json(to_json(layer))
        assert back == layer
        assert identity(back) == identity(layer) == identity(space.architecture(dict(point)).network((1, 28, 28), 10))
    assert found >= POINTS // 5


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


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("inputs", [(1, 28, 28), (3, 32, 32)], ids=["1x28x28", "3x32x32"])
def test_networks_are_as_counted_and_learn(space: Space, inputs: Shape) -> None:
    """The first small networks cost what their trees say, and a step along the gradient lowers the loss."""
    filter_ = Filter(space=space, limits=SMALL, inputs=inputs, classes=10)
    verdicts = (filter_.judge(point) for point in points(space, 1_000, seed=1))
    networks = list(islice((v for v in verdicts if isinstance(v, Network)), BUILT))
    assert len(networks) == BUILT
    for network in networks:
        module = build(network.layer, inputs)
        images = torch.randn(8, *inputs, generator=torch.Generator().manual_seed(1))
        expected = (network.cost.parameters, network.cost.multiply_adds, network.cost.activations)
        assert counted(module, images) == expected
        assert falls(module, images) or falls(module, images, zero_residual=True)


def counted(module: nn.Module, images: Tensor) -> tuple[int, int, int]:
    """Parameters, multiply-adds and activations of a module, seen while it runs."""
    seen: list[tuple[int, int]] = []

    def note(part: nn.Module, _: object, output: Tensor) -> None:
        weight = part.get_parameter("weight")
        seen.append((output[0].numel() * weight[0].numel(), output[0].numel()))

    hooks = [p.register_forward_hook(note) for p in module.modules() if isinstance(p, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        module(images)
    for hook in hooks:
        hook.remove()
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return parameters, sum(m for m, _ in seen), sum(a for _, a in seen)


def falls(module: nn.Module, images: Tensor, *, zero_residual: bool = False) -> bool:
    """Whether a short step along the gradient, which is there for every parameter, lowers the loss as it says.

    Norms over so few images make some deep networks chaotic, unless their blocks start as shortcuts.
    """
    module.zero_grad()
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0  # the same function before and after the step
    labels = torch.arange(len(images))
    initialize(module, torch.Generator().manual_seed(0), zero_residual=zero_residual)
    module, images = module.double(), images.double()  # what a short step gains may be lost in rounding
    before = nn.functional.cross_entropy(module(images), labels)
    torch.autograd.backward(before)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    start = [(p, p.detach().clone(), p.grad.clone()) for p in module.parameters() if p.grad is not None]
    steepness = sum(gradient.square().sum() for _, _, gradient in start)
    for gain in GAINS:
        with torch.no_grad():
            for parameter, value, gradient in start:
                parameter.copy_(value - gain / steepness * gradient)
            found = before - nn.functional.cross_entropy(module(images), labels)
        if gain / 2 < found < 3 * gain / 2:
            return True
    return False


def test_names_are_unique() -> None:
    """No two spaces and no two published networks share a name, and each says where it comes from."""
    for named in (ALL, NETWORKS):
        assert len({value.name for value in named}) == len(named)
        assert all(value.source for value in named)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_published_networks_fit_their_input(network: Published) -> None:
    """A published network takes its published input and classes, and smaller images, too, or says what doesn't fit."""
    layer = network.architecture.network(network.inputs, network.classes)
    assert output_shape(layer, network.inputs) == (network.classes,)
    if fitting(network.architecture, (1, 32, 32), 10) is None:
        assert min(network.inputs[1:]) > 32
        with pytest.raises(ImpossibleShape, match=r"doesn't fit into an input of \d+x\d+x\d+$"):
            output_shape(network.architecture.network((1, 32, 32), 10), (1, 32, 32))
