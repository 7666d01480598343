"""Layers of other packages: settings, costs and JSON of a node, and a module that is what its definition says."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas.data import DataInfo, load
from nas.errors import Missing, NasError, Refused
from nas.layers import (
    Activation,
    Convolution,
    Custom,
    Flatten,
    LayerDefinition,
    Linear,
    Repetition,
    Residual,
    Sequence,
    Shape,
    cost,
    from_json,
    identity,
    require_readable,
    rows,
    to_json,
)
from nas.models.formats.source import network_source
from nas.study import Recipe
from nas.training.loop import train
from nas.training.modules import build, initialize

INPUTS = (3, 8, 8)


class Shuffled(nn.Module):
    """A gate of each channel, beside channels in another order."""

    def __init__(self, channels: int, groups: int = 1) -> None:
        super().__init__()
        self.channels, self.groups = channels, groups
        self.gate = Gate(channels)
        self.project = nn.Conv2d(channels, 2 * channels, 1)
        self.register_buffer("order", torch.empty(channels, dtype=torch.long))

    def initialize(self, generator: torch.Generator) -> None:
        """A random order."""
        self.order = torch.randperm(self.channels, generator=generator)
        nn.init.ones_(self.gate.factors)

    def forward(self, x: Tensor) -> Tensor:
        """Twice as many channels."""
        y: Tensor = self.project(self.gate(x[:, self.order]))
        return y


class Gate(nn.Module):
    """A factor for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.factors = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x * self.factors.view(1, -1, 1, 1)


class Shuffle(LayerDefinition, frozen=True):
    """A kind with weights, a buffer, and a convolution inside."""

    groups: int = 1
    slope: float = 0.5

    def shape(self, inputs: Shape) -> Shape:
        """Twice the channels."""
        return 2 * inputs[0], *inputs[1:]

    def parameters(self, inputs: Shape) -> int:
        """Those of the convolution and of the gate."""
        return 2 * inputs[0] * inputs[0] + 2 * inputs[0] + inputs[0]

    def multiply_adds(self, inputs: Shape) -> int:
        """Those of the convolution."""
        return 2 * inputs[0] * inputs[0] * inputs[1] * inputs[2]

    def activations(self, inputs: Shape) -> int:
        """Those of the convolution."""
        return 2 * inputs[0] * inputs[1] * inputs[2]

    def module(self, inputs: Shape) -> nn.Module:
        """As above."""
        return Shuffled(inputs[0], self.groups)


class Wrong(LayerDefinition, frozen=True):
    """A kind that makes a module of any sort."""

    make: str

    def module(self, inputs: Shape) -> nn.Module:
        """The one that is asked for."""
        return MODULES[self.make]()


class Hidden(nn.Module):
    """Holds a tensor that no file would keep."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.ones(3)

    def forward(self, x: Tensor) -> Tensor:
        """The input."""
        return x


class Forgetful(nn.Module):
    """Doesn't keep its argument."""

    def __init__(self, power: int = 1) -> None:
        super().__init__()
        self.exponent = power

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x**self.exponent


class Dependent(nn.Module):
    """Uses what a source hasn't got."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x * len(INPUTS)


class Noisy(nn.Module):
    """Draws from torch's own generator, when it is made and in training."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.rand(1))
        self.register_buffer("ramp", torch.arange(8.0))

    def forward(self, x: Tensor) -> Tensor:
        """The same shape; noise in training."""
        return x + 0.1 * torch.rand_like(x) if self.training else x * self.table


MODULES: dict[str, Callable[[], nn.Module]] = {
    "more parameters": lambda: nn.Conv2d(3, 3, 1),
    "another shape": lambda: nn.MaxPool2d(2),
    "unset": lambda: nn.Sequential(nn.LayerNorm(8)).requires_grad_(False),
    "hidden": Hidden,
    "breaks": lambda: nn.Linear(5, 5).requires_grad_(False),
    "forgetful": lambda: Forgetful(2),
    "dependent": Dependent,
    "noisy": Noisy,
    "row": lambda: nn.Sequential(nn.ReLU(), nn.ReLU()),
    "torch's": lambda: nn.Softplus(2.0),
}


def network(*middle: Any) -> Sequence:
    """A network around some layers."""
    return Sequence(layers=(*middle, Activation(), Flatten(), Linear(width=2)))


SHUFFLES = network(Convolution(width=3), Shuffle(groups=3).node(), Repetition(layer=Shuffle().node(), times=2))


def test_a_node_adds_its_costs_and_is_named_by_its_kind() -> None:
    """Cost, shape and rows of a network are those of the definition; repetitions trace the growing shapes."""
    module = build(SHUFFLES, INPUTS)
    assert cost(SHUFFLES, INPUTS).parameters == sum(p.numel() for p in module.parameters())
    own = [row for row in rows(SHUFFLES, INPUTS) if row.kind == "Shuffle"]
    assert [row.output for row in own] == [(6, 8, 8), (12, 8, 8), (24, 8, 8)]
    assert own[0].settings == "groups 3, slope 0.5"
    assert own[0].cost.multiply_adds == 18 * 64


def test_equal_settings_have_one_json() -> None:
    """Settings as by default are left out, whole numbers are floats where the field is; JSON goes round."""
    nodes = [
        Shuffle(slope=1).node(),
        Shuffle(slope=1.0, groups=1).node(),
        Custom(kind="Shuffle", settings={"slope": 1}),
    ]
    assert {to_json(node) for node in nodes} == {b'{"type":"custom","kind":"Shuffle","settings":{"slope":1.0}}'}
    assert len({hash(node) for node in nodes}) == 1
    assert from_json(to_json(SHUFFLES)) == SHUFFLES
    assert identity(SHUFFLES) != identity(network(Convolution(width=3), *(Shuffle().node(),) * 3))


@pytest.mark.parametrize(
    ("settings", "said"),
    [('{"groups": "3"}', "Expected `int`"), ('{"grups": 3}', "unknown field"), ('{"groups": [3]}', "got `array`")],
)
def test_settings_are_read_strictly(settings: str, said: str) -> None:
    """A setting of another name or type is refused; of a type that the definition lacks, too."""
    with pytest.raises(Refused, match=said):
        from_json(f'{{"type": "custom", "kind": "Shuffle", "settings": {settings}}}')


def test_a_description_runs_no_code_that_isnt_installed() -> None:
    """A kind that nobody brings is Missing with the way out; what is no name, as that of a module, is refused."""
    with pytest.raises(Missing, match="no installed package has the layer Elsewhere"):
        from_json('{"type": "custom", "kind": "Elsewhere"}')
    with pytest.raises(Refused, match="a name"):
        from_json('{"type": "custom", "kind": "os:system"}')
    with pytest.raises(Missing, match=r"no installed package names the layer Shuffle") as missing:
        require_readable(Residual(branch=SHUFFLES))
    assert 'Shuffle = "' in missing.value.hint


def test_first_weights_come_from_the_generator_alone() -> None:
    """The recipe sets torch's layers inside, `initialize` the others; a seed decides all."""
    first, second, third = (build(SHUFFLES, INPUTS) for _ in range(3))
    for module, seed in ((first, 1), (second, 1), (third, 2)):
        initialize(module, torch.Generator().manual_seed(seed))
    tensors = [dict(module.state_dict()) for module in (first, second, third)]
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    assert not torch.equal(tensors[0]["shuffle.project.weight"], tensors[2]["shuffle.project.weight"])
    assert torch.equal(tensors[0]["shuffle.gate.factors"], torch.ones(3))
    assert sorted(tensors[0]["shuffle.order"].tolist()) == [0, 1, 2]


def test_buffers_keep_what_their_class_gives_them() -> None:
    """Also random ones, which are the same in every network; torch's own generator is left as it was."""
    before = torch.random.get_rng_state()
    modules = [build(network(Wrong(make="noisy").node()), INPUTS) for _ in range(2)]
    assert torch.equal(before, torch.random.get_rng_state())
    first, second = (dict(module.named_buffers()) for module in modules)
    assert torch.equal(first["wrong.ramp"], torch.arange(8.0))
    assert torch.equal(first["wrong.table"], second["wrong.table"])
    assert 0 < first["wrong.table"].item() < 1


def test_a_layer_that_draws_from_torch_follows_the_seed(digits: DataInfo) -> None:
    """Trained twice from one seed, a network whose layer calls `torch.rand` has the same numbers, in bfloat16, too."""
    recipe = Recipe(data="digits", epochs=2, batch_size=64, train_size=256, precision="bfloat16")
    layer = Sequence(layers=(Convolution(width=8), *network(Wrong(make="noisy").node()).layers[:-1], Linear(width=10)))
    losses = []
    for seed in (1, 1, 2):
        trained = train(layer, recipe, load(digits, 256), seed, torch.device("cpu"))
        losses.append([epoch.loss for epoch in trained.curve])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("more parameters", "has 12 parameters, its definition says 0"),
        ("another shape", "returns 3x4x4, its definition says 3x8x8"),
        ("unset", "nothing sets 0.weight"),
        ("hidden", "has table beside its state_dict"),
        ("breaks", "fails: RuntimeError"),
    ],
)
def test_a_module_that_isnt_as_defined_is_refused(make: str, said: str) -> None:
    """Costs are told before anything is built, so a module must keep what its definition says of it."""
    with pytest.raises(NasError, match=said):
        build(network(Wrong(make=make).node()), INPUTS)


def test_a_source_holds_the_classes_that_its_layers_need() -> None:
    """The text makes the same module without this program: same tensors in the same order, same outputs."""
    names: dict[str, Any] = {}
    text = network_source(SHUFFLES, INPUTS)
    exec(compile(text, "a source", "exec"), names)  # noqa: S102
    assert [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)][:2] == ["Gate", "Shuffled"]
    ours, theirs = build(SHUFFLES, INPUTS).eval(), names["Net"]().eval()
    initialize(ours, torch.Generator().manual_seed(0))
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    x = torch.randn(4, *INPUTS, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours(x), theirs(x))
    assert "nn.Softplus(beta=2.0)" in network_source(network(Wrong(make="torch's").node()), INPUTS)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("forgetful", r"Forgetful\(power=None\)"),
        ("dependent", "Dependent uses INPUTS"),
        ("row", "no source can be written of the layer Wrong"),
    ],
)
def test_what_no_source_can_say_is_refused(make: str, said: str) -> None:
    """A module that its arguments don't make again, or that needs more than torch, gets no source that lies."""
    with pytest.raises(Refused, match=said):
        network_source(network(Wrong(make=make).node()), INPUTS)
