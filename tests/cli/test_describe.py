"""`nas describe` and `nas spaces`: what networks cost, alone and side by side, and what there is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from nas.cli import main
from nas.errors import ImpossibleShape
from nas.layers import Convolution, Flatten, Layer, Linear, Sequence, Shape, cost
from nas.space import Value
from nas.study import catalog
from spaces.network import Network

Say = Callable[..., str]
X, Y = "regnet_x_400mf", "regnet_y_400mf"


@pytest.fixture(name="nas")
def _nas(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """The command line in this process: nas("spaces", "--json") -> what it says; exit code 0."""

    def call(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["nas", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        return said.out

    return call


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """The same for what is refused: its message; exit code 2."""

    def call(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["nas", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code == 2
        assert not said.out
        return said.err

    return call


class Small:
    """An architecture that needs eleven pixels."""

    def network(self, inputs: Shape, classes: int) -> Layer:
        """A convolution of 11x11, and for images of 40 pixels or more a linear layer more."""
        more = (Linear(width=5),) if inputs[-1] >= 40 else ()
        return Sequence(layers=(Convolution(width=2, kernel=11), Flatten(), *more, Linear(width=classes)))

    def facts(self) -> dict[str, Value]:
        """None."""
        return {}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network named small, published for 64 pixels, and one for vectors."""
    published = Network(name="small", architecture=Small(), inputs=(3, 64, 64), classes=7, source="a test")
    vector = Network(name="vector", architecture=Vector(), inputs=(8,), classes=1, source="a test")
    monkeypatch.setattr(catalog, "networks", lambda: (published, vector))


class Vector(Small):
    """An architecture for vectors."""

    def network(self, inputs: Shape, classes: int) -> Layer:
        """One linear layer."""
        return Linear(width=classes)


def test_one_network_is_told_to_programs(nas: Say) -> None:
    """The keys that programs rely on are there, and those of bytes, shares and the smallest input."""
    found = json.loads(nas("describe", X, "--json"))
    assert {"schema_version", "name", "inputs", "parameters", "multiply_adds", "activations", "layers"} <= set(found)
    assert found["parameters"] == 5_157_512
    assert found["bytes"]["parameters"] == 4 * 5_157_512
    assert found["bytes"]["training"] == sum(row["bytes"]["training"] for row in found["layers"])
    assert found["bytes"]["inference"] == max(row["bytes"]["inference"] for row in found["layers"])
    shares = found["shares"]["multiply_adds"]
    assert shares["convolutions"] + shares["linear"] == pytest.approx(1)
    assert found["shares"]["parameters"]["linear"] == pytest.approx(385_000 / 5_157_512)
    assert found["smallest_input"] == {"shape": [3, 1, 1], "tried": 224, "reason": ""}


@pytest.mark.usefixtures("small")
def test_the_smallest_input_is_told_with_its_reason(nas: Say, refused: Say) -> None:
    """Eleven pixels, because ten are fewer than the kernel; smaller images are refused with both."""
    said = nas("describe", "small")
    assert (
        "smallest square input: 3x11x11; at 3x10x10 Convolution 11x11, 2 doesn't fit into an input of 3x10x10" in said
    )
    said = refused("describe", "small", "--shape", "1x10x30")
    assert "small can't take 1x10x30: Convolution 11x11, 2 doesn't fit" in said
    assert "the smallest square input of small is 1x11x11" in said
    assert "smallest" not in nas("describe", "vector")


@pytest.mark.usefixtures("small")
def test_a_network_that_depends_on_its_input_is_built_for_it(nas: Say) -> None:
    """Asked about another input, the network of that input is described."""
    kinds = [
        [row["kind"] for row in json.loads(nas("describe", "small", "--shape", shape, "--json"))["layers"]]
        for shape in ("3x40x40", "3x39x39")
    ]
    assert [k.count("Linear") for k in kinds] == [2, 1]


@pytest.mark.parametrize("words", [(X, Y), (X, "--compare", Y), ("--compare", X, Y), (X, Y, "--compare")])
def test_several_networks_stand_side_by_side(nas: Say, words: tuple[str, ...]) -> None:
    """However it is said, each has a line with its totals at its published input."""
    _, _, *lines = nas("describe", *words).split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in lines] == [X, Y]
    assert all("3x224x224" in line for line in lines)
    assert "5,157,512" in lines[0]


def test_one_shape_for_all(nas: Say) -> None:
    """With --shape and --classes all are built for the same, in text and for programs."""
    found = json.loads(nas("describe", X, Y, "--shape", "1x28x28", "--classes", "10", "--json"))["networks"]
    for entry in found:
        network = catalog.network(entry["name"])
        expected = cost(network.architecture.network((1, 28, 28), 10), (1, 28, 28))
        assert (entry["inputs"], entry["parameters"]) == ([1, 28, 28], expected.parameters)
        assert "layers" not in entry


@pytest.mark.usefixtures("small")
def test_one_that_cant_be_doesnt_hide_the_others(nas: Say, refused: Say) -> None:
    """A network that can't take the shape has its reason in place of numbers; only if none can, all is refused."""
    said = nas("describe", "small", "vector", "--shape", "8")
    assert "small can't take 8: Convolution 11x11, 2 needs an image" in said
    found = json.loads(nas("describe", "small", "vector", "--shape", "8", "--json"))["networks"]
    assert "impossible" in found[0]
    assert found[1]["parameters"] == 8 + 1
    assert "small can't take 3x5x5" in refused("describe", "small", "--compare", "--shape", "3x5x5")


def test_every_published_network_has_a_smallest_input(nas: Say) -> None:
    """The smallest input that is told is taken, and one pixel less isn't; at most the published one."""
    for entry in json.loads(nas("describe", "--compare", *_some(), "--json"))["networks"]:
        network, smallest = catalog.network(entry["name"]), entry["smallest_input"]
        if len(network.inputs) == 1:
            assert smallest is None
            continue
        channels, edge, _ = smallest["shape"]
        assert edge <= max(network.inputs[1:])
        assert (edge == 1) == (smallest["reason"] == "")
        cost(network.architecture.network((channels, edge, edge), 10), (channels, edge, edge))
        if edge > 1:
            less = (channels, edge - 1, edge - 1)
            with pytest.raises(ImpossibleShape):
                cost(network.architecture.network(less, 10), less)


def _some() -> list[str]:
    """Of every family the first and the last published network."""
    return [
        n.name
        for _, own in catalog.families().values()
        if own
        for n in {own[0].name: own[0], own[-1].name: own[-1]}.values()
    ]


def test_spaces_are_listed_by_family(nas: Say) -> None:
    """Every space and network is in the family that its file names, with its input and its parameters."""
    found: dict[str, Any] = json.loads(nas("spaces", "--json"))
    assert [s["name"] for s in found["spaces"]] == [space.name for space in catalog.spaces()]
    assert [n["name"] for n in found["networks"]] == [network.name for network in catalog.networks()]
    families = {entry["name"]: entry["family"] for entry in (*found["spaces"], *found["networks"])}
    assert (families["AnyNetX_A"], families[X], families["RegNetX"]) == ("anynet", "regnet", "regnet")
    assert {n["name"]: n["parameters"] for n in found["networks"]}[X] == 5_157_512
    line = next(line for line in nas("spaces").splitlines() if f" {X} " in line)
    assert line.split() == ["regnet", X, "3x224x224", "->", "1,000", "5,157,512"]


def test_another_norm_is_described(say: Say) -> None:
    """`--norm` describes the network with each norm replaced: `group` has as many parameters as `batch`."""
    code, out, _ = say("describe", "resnet_20", "--norm", "group:8")
    assert code == 0
    assert "group, 8 groups" in out
    assert "272,474" in out
    assert say("describe", "lenet", "--norm", "layer")[0] == 2


@pytest.mark.slow
def test_latency_is_measured(say: Callable[..., tuple[int, str, str]]) -> None:
    """A line a network for one image and for 128, on this processor; programs get numbers."""
    code, out, err = say("describe", "lenet_bn", "alexnet_28", "--latency")
    assert code == 0, err
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["lenet_bn", "alexnet_28"]
    assert "ms for 128" in out
    assert "one thread, its processor time" in out
    small, large = json.loads(say("describe", "lenet_bn", "alexnet_28", "--latency", "--json")[1])["networks"]
    assert 0 < small["one"]["milliseconds"] < large["one"]["milliseconds"]
    assert small["one"]["milliseconds"] < small["batch_of_128"]["milliseconds"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lenet_bn", "--device", "cuda"), "--device says where latency is measured"),
        (("lenet_bn", "--latency", "--device", "tpu"), "there is no device 'tpu'"),
        (("alexnet", "--latency", "--shape", "1x28x28"), "alexnet can't take 1x28x28"),
    ],
)
def test_what_can_not_be_timed_is_said(
    say: Callable[..., tuple[int, str, str]], words: tuple[str, ...], said: str
) -> None:
    """In a line or two with a way out."""
    code, _, err = say("describe", *words)
    assert code == 2
    assert said in err
